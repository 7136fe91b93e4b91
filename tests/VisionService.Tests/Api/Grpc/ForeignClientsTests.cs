using System.Text.Json;

namespace VisionService.Tests.Api.Grpc;

/// <summary>The real server and clients that we did not write: @grpc/grpc-js and python3-grpcio. Each runs its scenarios in one
/// process, <c>clients/scenarios.js</c> and <c>.py</c>; here is what must come of them.</summary>
public sealed class ForeignClientsTests(ForeignClientsTests.Fixture fixture) : IClassFixture<ForeignClientsTests.Fixture>
{
    private const string TooLarge = "The request has 34603018 bytes; Api:MaxRequestBytes allows 33554432.";

    [Fact]
    public void A_message_of_30_MB_is_answered()
    {
        Assert.Equal("""{"code":0,"label":"red","size":{"width":4000,"height":2500}}""", Node("large"));
        Assert.Equal("""{"label": "green", "width": 4000}""", Python("large"));
    }

    [Fact]
    public void A_message_over_the_limit_is_refused_by_its_length_with_the_limit()
    {
        Assert.Equal($$"""{"code":8,"details":"{{TooLarge}}","next":0}""", Node("tooLarge"));
        Assert.Equal($$"""{"code": "RESOURCE_EXHAUSTED", "details": "{{TooLarge}}"}""", Python("too_large"));
    }

    [Fact]
    public void A_hundred_calls_at_once_on_one_connection_are_all_answered()
    {
        Assert.Equal("""{"codes":[0],"labels":["red"]}""", Node("concurrent"));
        Assert.Equal("""{"labels": ["red"]}""", Python("concurrent"));
    }

    [Fact]
    public void A_deadline_that_passes_ends_the_call()
    {
        Assert.Equal("""{"code":4}""", Node("deadline"));
        Assert.Equal("""{"code": "DEADLINE_EXCEEDED"}""", Python("deadline"));
    }

    [Fact]
    public void Calls_that_are_cancelled_leave_the_queue()
    {
        Assert.Equal("""{"codes":[1,1,1,1,1],"next":0}""", Node("cancel"));
        Assert.Equal("""{"code": "CANCELLED", "next": "OK"}""", Python("cancel"));
    }

    [Fact]
    public void Packed_messages_say_what_plain_ones_do()
    {
        Assert.Equal("""{"code":0,"same":true}""", Node("compression"));
        Assert.Equal("""{"same": true}""", Python("compression"));
    }

    [Fact]
    public void Metadata_travel_both_ways_texts_and_bytes()
    {
        Assert.Equal("""{"codes":[0,3],"ids":["frame-7","frame-7"],"hasDetails":true}""", Node("metadata"));
        Assert.Equal("""{"id": "frame-8", "has_details": true}""", Python("metadata"));
    }

    [Fact]
    public void A_method_or_service_that_is_not_there_is_unimplemented()
    {
        Assert.Equal("""{"codes":[12,12]}""", Node("unknown"));
        Assert.Equal("""{"codes": ["UNIMPLEMENTED", "UNIMPLEMENTED"]}""", Python("unknown"));
    }

    [Fact]
    public void Special_characters_arrive_in_the_message()
    {
        const string Expected = "The model has no class 'ä %41%\n\U0001F600'; it has 3, ids 0 to 2.";
        Fixture.SkipWithout(fixture.Node, ForeignClient.NodeLack);
        Assert.Equal(Expected, fixture.Node!["specialCharacters"].GetProperty("details").GetString());
        if (fixture.Python is not null)
        {
            Assert.Equal(Expected, fixture.Python["special_characters"].GetProperty("details").GetString());
        }
    }

    [Fact]
    public void A_stream_answers_frame_by_frame_and_a_bad_frame_fails_alone()
    {
        Assert.Equal(
            """
            {"answers":[{"id":1,"dropped":0,"what":"red"},{"id":2,"dropped":0,"what":"invalid-image"},{"id":3,"dropped":0,"what":"red"},{"id":4,"dropped":0,"what":"invalid-request"},{"id":5,"dropped":0,"what":"blue"},{"id":6,"dropped":0,"what":"blue"}],"code":0}
            """,
            Node("lockstep"));
        Assert.Equal(
            """{"answers": [[1, 0, "red"], [2, 0, "red"], [3, 0, "red"], [4, 0, "red"], [5, 0, "red"]], "rest": 0, "code": "OK"}""",
            Python("lockstep"));
    }

    [Fact]
    public void In_a_burst_the_newest_frame_wins_and_none_is_lost_untold()
    {
        Fixture.SkipWithout(fixture.Node, ForeignClient.NodeLack);
        var burst = fixture.Node!["burst"];
        Assert.Equal(0, burst.GetProperty("code").GetInt32());
        var answers = burst.GetProperty("answers").EnumerateArray()
            .Select(static answer => (Id: answer.GetProperty("id").GetInt32(), Dropped: answer.GetProperty("dropped").GetInt32())).ToArray();
        Assert.Equal(200, answers[^1].Id);
        var before = 0;
        Assert.All(answers, answer =>
        {
            Assert.Equal(before + answer.Dropped + 1, answer.Id);
            before = answer.Id;
        });
    }

    [Fact]
    public void A_stream_must_begin_with_a_task() => Assert.Equal(
        """{"code":3,"details":"The first message of a stream must set the task."}""", Node("withoutTask"));

    [Fact]
    public void A_stream_that_is_closed_at_once_ends_well() =>
        Assert.Equal("""{"code":0,"details":"","answers":0}""", Node("withoutFrames"));

    [Fact]
    public void Health_is_told_of_the_server_its_services_and_each_model()
    {
        Assert.Equal(
            """{"server":"SERVING","vision.v1.Vision":"SERVING","grpc.health.v1.Health":"SERVING","colors":"SERVING","broken":"NOT_SERVING","nobody":"NOT_FOUND"}""",
            Node("health"));
        Assert.Equal("""{"status": 1}""", Python("watched"));
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v1alpha")]
    public void Reflection_lists_the_services(string version)
    {
        Fixture.SkipWithout(fixture.Node, ForeignClient.NodeLack);
        var names = fixture.Node!["reflection"].GetProperty(version).EnumerateArray().Select(static name => name.GetString());
        Assert.Superset(new HashSet<string?> { "vision.v1.Vision", "grpc.health.v1.Health" }, names.ToHashSet());
    }

    [Fact]
    public void Streams_end_when_the_server_stops()
    {
        const string End = """{"code":14,"details":"The server is shutting down."}""";
        Assert.Equal(
            $$"""{"stream":{{End}},"reflection":{{End}},"watch":{{End}},"nobody":{{End}},"watched":["SERVING","NOT_SERVING"],"unknown":["SERVICE_UNKNOWN"]}""",
            Node("shutdown"));
    }

    [Theory]
    [InlineData("node/classify.js")]
    [InlineData("python/classify.py")]
    public void The_example_prints_labels(string example)
    {
        var output = example.StartsWith("node", StringComparison.Ordinal) ? fixture.NodeExample : fixture.PythonExample;
        Fixture.SkipWithout(output, example.StartsWith("node", StringComparison.Ordinal) ? ForeignClient.NodeLack : ForeignClient.PythonLack);
        Assert.Equal("red 0.800\ngreen 0.100\nblue 0.100", output);
    }

    private string Node(string scenario)
    {
        Fixture.SkipWithout(fixture.Node, ForeignClient.NodeLack);
        return Result(fixture.Node![scenario], $$"""{"name":"{{scenario}}",""");
    }

    private string Python(string scenario)
    {
        Fixture.SkipWithout(fixture.Python, ForeignClient.PythonLack);
        return Result(fixture.Python![scenario], $$"""{"name": "{{scenario}}", """);
    }

    private static string Result(JsonElement line, string beginning) =>
        "{" + line.GetRawText()[beginning.Length..];

    /// <summary>One service that all clients visit, Node's the last: it sees the server stop.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal ForeignClient? Node { get; private set; }

        internal ForeignClient? Python { get; private set; }

        internal string? NodeExample { get; private set; }

        internal string? PythonExample { get; private set; }

        public async ValueTask InitializeAsync()
        {
            using var photos = new ModelFolder();
            var photo = photos.File("red.png");
            await File.WriteAllBytesAsync(photo, Photos.Red);
            await using var service = await TestService.StartAsync(
                ModelFolder.WithColors()
                    .Add("slow", TinyModels.Slow(rounds: 20_000), "input: {preset: unit}", ModelFolder.ColorLabels)
                    .Write("broken.onnx", "<html>"),
                "--instances", "1", "--Api:MaxRequestBytes", $"{32 * 1024 * 1024}");
            var address = service.GrpcAddress.Authority;
            if (ForeignClient.PythonLack is null)
            {
                PythonExample = await ExampleAsync("python/classify.py", photo, address);
                Python = await ForeignClient.RunAsync(
                    Path.Combine(ForeignClient.Scenarios, "scenarios.py"), [address, ForeignClient.Protos, photo]);
            }

            if (ForeignClient.NodeLack is null)
            {
                NodeExample = await ExampleAsync("node/classify.js", photo, address);
                Node = await ForeignClient.RunAsync(
                    Path.Combine(ForeignClient.Scenarios, "scenarios.js"),
                    [address, $"{service.Address}", ForeignClient.Protos, photo],
                    service.StopAsync);
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        internal static void SkipWithout(object? result, string? lack) => Assert.SkipWhen(result is null, lack ?? "It did not run.");

        private static async Task<string> ExampleAsync(string example, string photo, string address)
        {
            var lines = new List<string>();
            var (exitCode, error) = await ForeignClient.RunAsync(
                Path.Combine(Checkout.Root, "examples", example),
                [photo, address],
                line =>
                {
                    lines.Add(line);
                    return Task.CompletedTask;
                });
            Assert.True(exitCode == 0, error);
            return string.Join('\n', lines);
        }
    }
}
