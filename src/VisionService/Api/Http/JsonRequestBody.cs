using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace VisionService.Api.Http;

/// <summary>
/// Reads <c>{"image": "base64 or data: URI", ...}</c> or <c>{"images": [...], ...}</c>, or <c>url</c> and <c>urls</c> in
/// their place; every other member is a parameter.
/// Images are decoded from the body's bytes straight into pooled memory.
/// </summary>
internal sealed class JsonRequestBody(int maxImageBytes, string limitName)
{
    // As many as a model has classes, and more.
    private const int MaxValues = 100_000;

    /// <param name="addImage">Takes ownership.</param>
    /// <param name="addUrl">Takes the URL as it is written.</param>
    /// <returns>Whether the images came as a list.</returns>
    /// <exception cref="VisionException">Malformed JSON or base64, or an image over the limit.</exception>
    public bool Read(
        ReadOnlySpan<byte> body,
        Action<EncodedImage> addImage,
        Action<string> addUrl,
        Action<string, IReadOnlyList<string>> addParameter)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw Invalid("must be an object, such as {\"image\": \"<base64>\"}");
            }

            var isList = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                switch (name)
                {
                    case "image":
                        addImage(Image(ref reader, name));
                        break;
                    case "images":
                        isList = true;
                        Images(ref reader, addImage);
                        break;
                    case "url":
                        addUrl(Url(ref reader, name));
                        break;
                    case "urls":
                        isList = true;
                        ExpectList(ref reader, name);
                        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                        {
                            addUrl(Url(ref reader, name));
                        }

                        break;
                    default:
                        addParameter(name, Values(ref reader, name));
                        break;
                }
            }

            // The reader has the last word on what follows the closing brace.
            while (reader.Read())
            {
            }

            return isList;
        }
        catch (JsonException exception)
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"The body is not valid JSON, line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}.",
                exception);
        }
        catch (InvalidOperationException exception)
        {
            // A text with bytes that are no UTF-8, or half of a surrogate pair.
            throw new VisionException(VisionError.InvalidRequest, "The JSON body holds a text that is not valid UTF-8.", exception);
        }
    }

    private static VisionException Invalid(string what) => new(VisionError.InvalidRequest, $"The JSON body {what}.");

    private void Images(ref Utf8JsonReader reader, Action<EncodedImage> addImage)
    {
        ExpectList(ref reader, "images");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            addImage(Image(ref reader, "images"));
        }
    }

    private static void ExpectList(ref Utf8JsonReader reader, string member)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Invalid($"has a member '{member}' that is not a list");
        }
    }

    private static string Url(ref Utf8JsonReader reader, string member) => reader.TokenType == JsonTokenType.String
        ? reader.GetString()!
        : throw Invalid($"has something in '{member}' that is not a text");

    private EncodedImage Image(ref Utf8JsonReader reader, string member)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Invalid($"has something in '{member}' that is not a text of base64");
        }

        var text = reader.ValueSpan;
        byte[]? unescaped = null;
        try
        {
            if (reader.ValueIsEscaped)
            {
                unescaped = ArrayPool<byte>.Shared.Rent(text.Length);
                text = unescaped.AsSpan(0, reader.CopyString(unescaped));
            }

            return Decode(text, member);
        }
        finally
        {
            if (unescaped is not null)
            {
                ArrayPool<byte>.Shared.Return(unescaped);
            }
        }
    }

    /// <summary>One image from its base64 or data: URI.</summary>
    /// <exception cref="VisionException">It is neither, or the image is over the limit.</exception>
    public EncodedImage Decode(ReadOnlySpan<byte> text, string member)
    {
        if (text.StartsWith("data:"u8))
        {
            var comma = text.IndexOf((byte)',');
            if (comma < 0 || !text[..comma].EndsWith(";base64"u8))
            {
                throw Invalid($"has a data: URI in '{member}' that is not of the form data:image/...;base64,...");
            }

            text = text[(comma + 1)..];
        }

        var length = Base64.GetMaxDecodedFromUtf8Length(text.Length);
        if (length - 2 > maxImageBytes)
        {
            throw new VisionException(
                VisionError.TooLarge, $"An image in '{member}' has about {length} bytes; {limitName} allows {maxImageBytes}.");
        }

        var rented = ArrayPool<byte>.Shared.Rent(Math.Max(1, length));
        if (Base64.DecodeFromUtf8(text, rented, out _, out var written) != OperationStatus.Done)
        {
            ArrayPool<byte>.Shared.Return(rented);
            throw Invalid($"has something in '{member}' that is not base64");
        }

        return new EncodedImage(rented, written);
    }

    private static string[] Values(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return [Value(ref reader, name)];
        }

        var values = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            values.Add(Value(ref reader, name));
            if (values.Count > MaxValues)
            {
                throw new VisionException(VisionError.TooLarge, $"The list '{name}' has more than {MaxValues} values.");
            }
        }

        return [.. values];
    }

    private static string Value(ref Utf8JsonReader reader, string name) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.Number => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        _ => throw Invalid($"has a member '{name}' that is neither text, number, true, false nor a list of these"),
    };
}
