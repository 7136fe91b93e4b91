using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VisionService.Api.Access;

/// <summary>
/// What the service knows of a key: who has it and what it allows, and of the key itself a salted hash alone. Written as one
/// line, <c>name=shop role=infer rate=50/s concurrency=8 expires=2027-01-31T00:00:00Z id=... salt=... hash=...</c>.
/// </summary>
/// <remarks>
/// A key is <c>vs_</c>, 16 hexadecimal digits by which it is found, <c>_</c> and 256 random bits. Nobody guesses those, so one
/// round of SHA-256 keeps them as safe as a slow hash would, which is for passwords, and does not cost each request
/// milliseconds.
/// </remarks>
/// <param name="Rate">Null: any.</param>
/// <param name="Concurrency">Most requests at once; null: any number.</param>
/// <param name="Expires">From when on it is refused; null: never.</param>
internal sealed record ApiKey(
    string Name, Role Role, RequestRate? Rate, int? Concurrency, DateTimeOffset? Expires, string Id, byte[] Salt, byte[] Hash)
{
    private const string Prefix = "vs_";
    private const int IdLength = 16;
    private const int SecretBytes = 32;
    private const int SaltBytes = 16;
    private const int MaxNameLength = 64;

    private static readonly string[] Fields = ["name", "role", "rate", "concurrency", "expires", "id", "salt", "hash"];

    // Every key has this form, and whatever else is sent is none.
    private static readonly int TextLength = Prefix.Length + IdLength + 1 + Base64Url.GetEncodedLength(SecretBytes);

    /// <summary>Stands in for a key that there is not, so that looking for it takes no less time.</summary>
    public static ApiKey Nobody { get; } = Create("nobody", Role.Anyone, null, null, null).Key;

    /// <summary>A new key, and its text: the only time that there is one.</summary>
    /// <exception cref="FormatException">The name or the concurrency cannot be.</exception>
    public static (ApiKey Key, string Text) Create(
        string name, Role role, RequestRate? rate, int? concurrency, DateTimeOffset? expires)
    {
        var id = RandomNumberGenerator.GetHexString(IdLength, lowercase: true);
        var text = $"{Prefix}{id}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes))}";
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var key = new ApiKey(NameOf(name), role, rate, concurrency, expires, id, salt, HashOf(salt, text));
        return (Parse(key.ToString()), text);
    }

    /// <exception cref="FormatException">The line is no key's; the message names the field, and nothing of its hash.</exception>
    public static ApiKey Parse(string line)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var word in line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Split('=', 2) is not [var field, { Length: > 0 } value] || !Fields.Contains(field))
            {
                var named = word.Split('=')[0];
                throw new FormatException(
                    $"A key's line is field=value, not '{named}'{Nearest.Hint(named, Fields)}; fields are {string.Join(", ", Fields)}.");
            }

            if (!fields.TryAdd(field, value))
            {
                throw new FormatException($"{field} is given twice.");
            }
        }

        string Required(string field) => fields.GetValueOrDefault(field) ?? throw new FormatException($"{field} is missing.");

        return new ApiKey(
            NameOf(Required("name")),
            RoleOf(Required("role")),
            fields.TryGetValue("rate", out var rate) ? RequestRate.Parse(rate) : null,
            fields.TryGetValue("concurrency", out var concurrency) ? ConcurrencyOf(concurrency) : null,
            fields.TryGetValue("expires", out var expires) ? DateOf(expires) : null,
            Required("id") is { Length: IdLength } id && id.All(char.IsAsciiHexDigitLower)
                ? id
                : throw new FormatException($"id has {IdLength} hexadecimal digits, in lower case."),
            BytesOf("salt", Required("salt"), SaltBytes),
            BytesOf("hash", Required("hash"), SHA256.HashSizeInBytes));
    }

    /// <exception cref="FormatException">It is no role.</exception>
    public static Role RoleOf(string text) => text switch
    {
        "infer" => Role.Infer,
        "admin" => Role.Admin,
        _ => throw new FormatException($"role is infer or admin, not '{text}'."),
    };

    /// <exception cref="FormatException">It is no date.</exception>
    public static DateTimeOffset DateOf(string text) =>
        DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date)
            ? date
            : throw new FormatException($"expires is a date such as 2027-01-31 or 2027-01-31T12:00:00Z, not '{text}'.");

    /// <summary>The part of a key's text by which it is found; null where it is no key's.</summary>
    public static string? IdIn(string text) =>
        text.Length == TextLength && text.StartsWith(Prefix, StringComparison.Ordinal) ? text.Substring(Prefix.Length, IdLength) : null;

    /// <summary>Whether a text is this key's; takes equally long whatever it is.</summary>
    public bool IsOf(string text) => CryptographicOperations.FixedTimeEquals(HashOf(Salt, text), Hash);

    public override string ToString()
    {
        var line = new StringBuilder().Append("name=").Append(Name).Append(" role=").Append(NameOf(Role));
        line.Append(Rate is { } rate ? $" rate={rate}" : "");
        line.Append(CultureInfo.InvariantCulture, $"{(Concurrency is { } most ? $" concurrency={most}" : "")}");
        line.Append(Expires is { } date ? $" expires={date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}" : "");
        line.Append(" id=").Append(Id);
        line.Append(" salt=").Append(Base64Url.EncodeToString(Salt));
        return line.Append(" hash=").Append(Base64Url.EncodeToString(Hash)).ToString();
    }

    /// <summary>A role as a key's line has it.</summary>
    public static string NameOf(Role role) => role == Role.Admin ? "admin" : "infer";

    private static byte[] HashOf(byte[] salt, string text)
    {
        Span<byte> key = stackalloc byte[256];
        var length = Encoding.UTF8.TryGetBytes(text, key, out var written) ? written : 0;
        return HMACSHA256.HashData(salt, key[..length]);
    }

    private static string NameOf(string name) =>
        name.Length <= MaxNameLength && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@')
            ? name
            : throw new FormatException(
                $"name has at most {MaxNameLength} letters, digits and - _ . @, not '{name}' ({name.Length}).");

    private static int ConcurrencyOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"concurrency is a number from 1 on, not '{text}'.");

    private static byte[] BytesOf(string field, string text, int length)
    {
        var bytes = new byte[length];
        return Base64Url.IsValid(text) && Base64Url.TryDecodeFromChars(text, bytes, out var written) && written == length
            ? bytes
            : throw new FormatException($"{field} is {length} bytes in base64url.");
    }
}
