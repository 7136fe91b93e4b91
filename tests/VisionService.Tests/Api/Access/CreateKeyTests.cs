using System.Net;
using VisionService.Api.Access;
using VisionService.Tests.Commands;

namespace VisionService.Tests.Api.Access;

public sealed class CreateKeyTests : IDisposable
{
    private readonly ModelFolder _folder = new();
    private readonly string _path;

    public CreateKeyTests() => _path = _folder.File("keys");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_key_is_printed_once_with_its_line()
    {
        var (code, output, errors) = await CommandProcess.RunAsync(
            "key", "create", "--name", "shop", "--role", "admin", "--rate", "50/s", "--concurrency", "8", "--expires", "2027-01-31");
        Assert.Equal((0, "The key, which cannot be shown again, and its line for Access:KeysFile:\n"), (code, errors));
        var lines = output.TrimEnd('\n').Split('\n');
        Assert.StartsWith("name=shop role=admin rate=50/s concurrency=8 expires=2027-01-31T00:00:00Z id=", lines[1], StringComparison.Ordinal);
        Assert.True(ApiKey.Parse(lines[1]).IsOf(lines[0]));
    }

    [Fact]
    public async Task A_file_of_keys_grows_and_opens_the_service()
    {
        var texts = new List<string>();
        foreach (var name in new[] { "first", "second" })
        {
            var (code, output, _) = await CommandProcess.RunAsync("key", "create", "--name", name, "--file", _path);
            Assert.Equal(0, code);
            texts.Add(output.TrimEnd('\n'));
        }

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
        }

        await CommandProcess.MustFailAsync($"There is a key 'first' in {_path} already.", "key", "create", "--name", "first", "--file", _path);
        Assert.Equal(2, File.ReadLines(_path).Count());
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--Access:KeysFile", _path);
        (await service.GetAsync("/models")).Problem(401, "unauthenticated");
        foreach (var text in texts)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/models") { Headers = { { "X-Api-Key", text } } };
            (await service.SendAsync(request)).MustBe(HttpStatusCode.OK);
        }
    }

    [Theory]
    [InlineData("--name is missing: whose key it is.")]
    [InlineData("name has at most 64 letters", "--name", "a b")]
    [InlineData("role is infer or admin, not 'root'.", "--name", "a", "--role", "root")]
    [InlineData("A rate is requests per s, m, h or d, such as 50/s, not '50'.", "--name", "a", "--rate", "50")]
    [InlineData("concurrency is a number from 1 on, not '0'.", "--name", "a", "--concurrency", "0")]
    [InlineData("expires is a date such as", "--name", "a", "--expires", "soon")]
    [InlineData("Could not find a part of the path", "--name", "a", "--file", "/nowhere/keys")]
    public Task A_mistake_is_one_line(string line, params string[] arguments) =>
        CommandProcess.MustFailAsync(line, ["key", "create", .. arguments]);

    [Fact]
    public Task A_wrong_key_keeps_the_service_from_starting() => CommandProcess.MustFailAsync(
        "Access:Keys:0: role is missing.", "--Access:Keys:0", "name=shop", "--http-port", "0", "--grpc-port", "0");
}
