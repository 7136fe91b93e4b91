using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;

namespace VisionService.Tests.Api.Access;

public sealed class KeyRingTests : IDisposable
{
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(1.1);

    private readonly ManualTime _time = new();
    private readonly ModelFolder _folder = new();
    private readonly string _path;

    public KeyRingTests() => _path = _folder.File("keys");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_keys_none_are_asked_for()
    {
        Assert.False(Ring(new AccessOptions()).IsInUse);
        File.WriteAllText(_path, "");
        Assert.True(Ring(new AccessOptions { KeysFile = _path }).IsInUse); // one that was emptied opens nothing
    }

    [Fact]
    public void Settings_and_file_are_one_ring()
    {
        var ((first, firstText), (second, secondText)) = (Key("first"), Key("second"));
        File.WriteAllText(_path, $"# ours\r\n\r\n  {second}  \r\n");
        var ring = Ring(new AccessOptions { KeysFile = _path, Keys = { first.ToString() } });
        Assert.Equal("first", ring.Find(firstText)!.Key.Name);
        Assert.Equal("second", ring.Find(secondText)!.Key.Name);
        Assert.Null(ring.Find(firstText[..20] + secondText[20..])); // one's id with the other's secret
        Assert.Null(ring.Find(Key("third").Text));
        Assert.Null(ring.Find("Bearer"));
    }

    [Fact]
    public void A_file_that_changes_is_read_again_and_what_was_used_stays()
    {
        var ((kept, keptText), (gone, goneText), (added, addedText)) = (Key("kept"), Key("gone"), Key("added"));
        File.WriteAllText(_path, $"{kept}\n{gone}\n");
        var ring = Ring(new AccessOptions { KeysFile = _path });
        var usage = ring.Find(keptText)!.Usage;
        File.WriteAllText(_path, $"{added}\n{kept.ToString().Replace("role=infer", "role=admin", StringComparison.Ordinal)}\n");
        Assert.NotNull(ring.Find(goneText)); // not for each request
        _time.Advance(LongEnough);
        Assert.Null(ring.Find(goneText));
        Assert.Equal("added", ring.Find(addedText)!.Key.Name);
        Assert.Equal(Role.Admin, ring.Find(keptText)!.Key.Role);
        Assert.Same(usage, ring.Find(keptText)!.Usage);
    }

    [Fact]
    public void A_file_that_breaks_leaves_the_keys_and_says_so_once_until_it_is_mended()
    {
        var ((first, firstText), (second, secondText)) = (Key("first"), Key("second"));
        File.WriteAllText(_path, $"{first}\n");
        var log = new Recorder();
        var ring = Ring(new AccessOptions { KeysFile = _path }, log);
        File.WriteAllText(_path, $"{second}\nname=half rol");
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(LongEnough);
            Assert.NotNull(ring.Find(firstText));
            Assert.Null(ring.Find(secondText));
        }

        File.Delete(_path);
        _time.Advance(LongEnough);
        Assert.NotNull(ring.Find(firstText));
        File.WriteAllText(_path, $"{second}\n");
        _time.Advance(LongEnough);
        Assert.Null(ring.Find(firstText));
        Assert.NotNull(ring.Find(secondText));
        Assert.Collection(
            log.Lines,
            static line => Assert.StartsWith(
                "Error: What lies in Access:KeysFile cannot be used: Access:KeysFile, line 2: A key's line is field=value, not 'rol'", line, StringComparison.Ordinal),
            static line => Assert.StartsWith("Error: What lies in Access:KeysFile cannot be used: Could not find file", line, StringComparison.Ordinal),
            static line => Assert.Equal("Information: Access:KeysFile has changed; there are 1 keys now.", line));
        Assert.DoesNotContain(Convert.ToHexString(second.Hash), string.Join('\n', log.Lines), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void What_is_wrong_at_the_start_names_its_place()
    {
        var key = Key("twice").Key;
        Assert.Equal("Access:Keys:1: there is a key 'twice' already.", Wrong(new AccessOptions { Keys = { $"{key}", $"{key}" } }));
        Assert.Equal("Access:Keys:0: name is missing.", Wrong(new AccessOptions { Keys = { "role=infer" } }));
        Assert.StartsWith("Access:KeysFile: Could not find file", Wrong(new AccessOptions { KeysFile = _path }), StringComparison.Ordinal);
        File.WriteAllText(_path, $"# a comment\n{Key("twice").Key}\nname=shop\n");
        Assert.Equal("Access:KeysFile, line 3: role is missing.", Wrong(new AccessOptions { KeysFile = _path }));
        Assert.Equal("Access:KeysFile, line 2: there is a key 'twice' already.", Wrong(new AccessOptions { KeysFile = _path, Keys = { $"{key}" } }));
    }

    private static (ApiKey Key, string Text) Key(string name) => ApiKey.Create(name, Role.Infer, null, null, null);

    private KeyRing Ring(AccessOptions options, ILogger<KeyRing>? log = null) =>
        new(Options.Create(options), _time, log ?? NullLogger<KeyRing>.Instance);

    private string Wrong(AccessOptions options) => Assert.Throws<OptionsValidationException>(() => Ring(options)).Message;

    private sealed class Recorder : ILogger<KeyRing>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
