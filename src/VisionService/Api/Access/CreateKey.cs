namespace VisionService.Api.Access;

/// <summary>What <c>key create</c> is to make; section <c>Key</c>.</summary>
internal sealed class CreateKeyOptions
{
    /// <summary>Whose it is: letters, digits and <c>- _ . @</c>.</summary>
    public string? Name { get; init; }

    /// <summary><c>infer</c>, the default, or <c>admin</c>.</summary>
    public string Role { get; init; } = "infer";

    /// <summary>Such as <c>50/s</c>; null: any.</summary>
    public string? Rate { get; init; }

    /// <summary>Most requests at once; null: any number.</summary>
    public int? Concurrency { get; init; }

    /// <summary>A date, in UTC; null: never.</summary>
    public string? Expires { get; init; }

    /// <summary>The file of keys to add it to; null: its line is printed.</summary>
    public string? File { get; init; }
}

/// <summary>Makes a key: its text, which is nowhere else afterwards, and the line by which the service knows it.</summary>
internal static class CreateKey
{
    /// <exception cref="InvalidOperationException">An option is wrong, or the name is taken.</exception>
    public static async Task<int> RunAsync(CreateKeyOptions options, TextWriter output, TextWriter errors)
    {
        try
        {
            var (key, text) = ApiKey.Create(
                options.Name ?? throw new FormatException("--name is missing: whose key it is."),
                ApiKey.RoleOf(options.Role),
                options.Rate is { } rate ? RequestRate.Parse(rate) : null,
                options.Concurrency,
                options.Expires is { } expires ? ApiKey.DateOf(expires) : null);
            if (options.File is not { } file)
            {
                await errors.WriteLineAsync("The key, which cannot be shown again, and its line for Access:KeysFile:");
                await output.WriteLineAsync($"{text}\n{key}");
                return 0;
            }

            await AddAsync(file, key);
            await errors.WriteLineAsync($"The line of '{key.Name}' is in {file}. The key, which cannot be shown again:");
            await output.WriteLineAsync(text);
            return 0;
        }
        catch (Exception exception) when (exception is FormatException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException(exception.Message, exception);
        }
    }

    /// <summary>Adds a line; a file that is not there yet is for its owner alone.</summary>
    private static async Task AddAsync(string file, ApiKey key)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var stream = new FileStream(file, options);
        var text = await new StreamReader(stream).ReadToEndAsync();
        if (text.Split('\n').Any(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Contains($"name={key.Name}")))
        {
            throw new FormatException($"There is a key '{key.Name}' in {file} already.");
        }

        await using var writer = new StreamWriter(stream);
        await writer.WriteLineAsync(text is "" or [.., '\n'] ? key.ToString() : $"\n{key}");
    }
}
