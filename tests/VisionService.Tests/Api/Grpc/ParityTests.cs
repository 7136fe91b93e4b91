using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using VisionService.Api;
using VisionService.Api.Calls;
using VisionService.Tests.Detection;
using VisionService.Tests.Segmentation;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

/// <summary>The same request both ways: the same answer, or the same problem.</summary>
public sealed class ParityTests(ParityTests.Fixture fixture) : IClassFixture<ParityTests.Fixture>
{
    private static readonly Dictionary<string, (ParameterTable Table, MessageDescriptor Request, MessageDescriptor Answer)> Tasks = new()
    {
        ["classify"] = (ClassifyCall.Call.Parameters, Proto.ClassifyRequest.Descriptor, Proto.ClassifyResponse.Descriptor),
        ["detect"] = (DetectCall.Call.Parameters, Proto.DetectRequest.Descriptor, Proto.DetectResponse.Descriptor),
        ["segment"] = (SegmentCall.Call.Parameters, Proto.SegmentRequest.Descriptor, Proto.SegmentResponse.Descriptor),
        ["explain"] = (ExplainCall.Call.Parameters, Proto.ExplainRequest.Descriptor, Proto.ExplainResponse.Descriptor),
    };

    // The problems' slugs and what gRPC says instead: the table of the API, written once more by hand.
    private static readonly Dictionary<string, StatusCode> Codes = new()
    {
        ["invalid-request"] = StatusCode.InvalidArgument,
        ["model-not-found"] = StatusCode.NotFound,
        ["wrong-task"] = StatusCode.FailedPrecondition,
        ["too-large"] = StatusCode.ResourceExhausted,
        ["invalid-image"] = StatusCode.InvalidArgument,
        ["explain-unsupported"] = StatusCode.Unimplemented,
        ["inference-failed"] = StatusCode.Internal,
    };

    private readonly TestService _service = fixture.Service;
    private readonly RpcClient _client = fixture.Client;

    [Theory]
    [InlineData("classify", "")]
    [InlineData("classify", "top_k=2")]
    [InlineData("classify", "score_threshold=0.2&model=colors")]
    [InlineData("classify", "model=colors:1&priority=1&timeout_ms=600000")]
    [InlineData("classify", "classes=blue&classes=red")]
    [InlineData("classify", "classes=blue,0")]
    [InlineData("detect", "model=fixed")]
    [InlineData("detect", "model=fixed&score_threshold=0.1&iou_threshold=0.9&max_detections=3")]
    [InlineData("detect", "model=fixed&nms=none&classes=0&classes=2")]
    [InlineData("detect", "model=fixed&nms=soft")]
    [InlineData("detect", "model=fixed&tile=64x64&tile_overlap=0.25")]
    [InlineData("segment", "model=planar")]
    [InlineData("segment", "model=planar&mask=polygon&classes=red")]
    [InlineData("segment", "model=planar&mask=png")]
    [InlineData("segment", "model=planar&mask=none")]
    [InlineData("segment", "model=red-alone&mask=alpha&score_threshold=0.3")]
    [InlineData("segment", "model=yolo")]
    [InlineData("segment", "model=yolo&mask=polygon&iou_threshold=0.1&nms=agnostic&max_detections=1")]
    [InlineData("segment", "model=yolo&mask=png")]
    [InlineData("explain", "model=colors&method=occlusion")]
    [InlineData("explain", "model=colors&method=occlusion&class=red&class=1&colormap=viridis")]
    [InlineData("explain", "model=colors&method=saliency&class=red&against=blue")]
    [InlineData("explain", "model=colors&method=occlusion&verify=true")]
    [InlineData("explain", "model=colors&method=occlusion&verify=false&opacity=0.7")]
    [InlineData("explain", "model=yolo&method=occlusion&detection=0&score_threshold=0.2&iou_threshold=0.5&nms=class")]
    [InlineData("explain", "model=planar&method=gradcam&layer=scores")]
    [InlineData("explain", "")]
    public async Task Answers_are_alike(string task, string query)
    {
        var scene = SegmentFixture.Scene();
        var rest = (await _service.PostAsync($"/{task}?{query}", scene)).MustBe(HttpStatusCode.OK);
        var answer = await _client.AskAsync(task, Request(task, query, scene));
        Assert.NotNull(Take(answer, "timings_ms"));
        Assert.Equal(FromJson(task, rest.Text), answer);
    }

    [Theory]
    [InlineData("classify", "top_k=0")]
    [InlineData("classify", "top_k=-1")]
    [InlineData("classify", "score_threshold=1.5")]
    [InlineData("classify", "score_threshold=-0.001")]
    [InlineData("classify", "priority=2")]
    [InlineData("classify", "timeout_ms=0")]
    [InlineData("classify", "classes=purple")]
    [InlineData("classify", "model=")]
    [InlineData("classify", "model=clours")]
    [InlineData("classify", "model=colors:7")]
    [InlineData("classify", "model=fixed")]
    [InlineData("classify", "model=broken")]
    [InlineData("classify", "model=wary")]
    [InlineData("classify", "model=%C3%A4 %25%0A\ud83d\ude00")]
    [InlineData("detect", "model=colors")]
    [InlineData("detect", "model=fixed&nms=hard")]
    [InlineData("detect", "model=fixed&tile=8x8")]
    [InlineData("detect", "model=fixed&tile_overlap=0.95")]
    [InlineData("detect", "model=fixed&max_detections=10001")]
    [InlineData("segment", "model=planar&mask=bmp")]
    [InlineData("segment", "model=planar&opacity=2")]
    [InlineData("explain", "model=colors&method=guess")]
    [InlineData("explain", "model=colors&colormap=grey")]
    [InlineData("explain", "model=planar&against=red")]
    [InlineData("explain", "model=colors&layer=nowhere&method=gradcam")]
    [InlineData("explain", "model=colors&detection=-1")]
    public async Task Problems_are_alike(string task, string query) => Alike(
        await _service.PostAsync($"/{task}?{query}", Photos.White), await _client.RefusalAsync(task, Request(task, query, Photos.White)));

    [Theory]
    [InlineData("")]
    [InlineData("no picture")]
    [InlineData("too large")]
    public async Task Problems_with_the_image_are_alike(string what)
    {
        var file = what == "too large" ? new byte[Fixture.MaxBytes + 1] : System.Text.Encoding.UTF8.GetBytes(what);
        Alike(
            await _service.PostAsync("/classify", file, "application/octet-stream"),
            await _client.RefusalAsync("classify", Request("classify", "", file)));
    }

    [Theory]
    [InlineData("detect", "model=fixed", "image/png")]
    [InlineData("detect", "model=fixed", "image/jpeg")]
    [InlineData("segment", "model=planar", "image/png")]
    [InlineData("segment", "model=yolo", "image/jpeg")]
    [InlineData("explain", "model=colors&method=occlusion", "image/jpeg")]
    public async Task Pictures_are_the_same_bytes(string task, string query, string type)
    {
        using var http = new HttpRequestMessage(HttpMethod.Post, $"/{task}?{query}") { Content = new ByteArrayContent(SegmentFixture.Scene()) };
        http.Headers.Accept.ParseAdd(type);
        var drawn = await (await _service.Client.SendAsync(http, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode()
            .Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

        var request = Request(task, query, SegmentFixture.Scene());
        request.Descriptor.FindFieldByName("picture").Accessor.SetValue(
            request, type == "image/png" ? Proto.PictureFormat.PicturePng : Proto.PictureFormat.PictureJpeg);
        Assert.Equal(drawn, ((ByteString)Take(await _client.AskAsync(task, request), "picture")!).ToByteArray());
    }

    [Fact]
    public void Every_parameter_has_a_field_and_every_field_is_a_parameter() => Assert.All(Tasks, static task =>
    {
        var (table, request, _) = task.Value;
        Assert.Equal(
            table.All.Select(static parameter => parameter.Name).Order(),
            request.Fields.InDeclarationOrder().Select(static field => field.Name).Except(["image", "picture"]).Order());
        Assert.All(table.All, parameter =>
        {
            var field = request.FindFieldByName(parameter.Name);
            Assert.Equal(parameter.IsList, field.IsRepeated);
            Assert.True(field.IsRepeated || field.HasPresence, $"{field.FullName} must tell 'left out' from zero");
            Assert.Contains(field.FieldType, parameter.Type switch
            {
                ParameterType.Integer => [FieldType.Int32],
                ParameterType.Number => [FieldType.Double],
                _ => new[] { FieldType.String, FieldType.Bool },
            });
        });
    });

    private static void Alike(Answer rest, RpcException rpc)
    {
        var slug = rest.Json.GetProperty("type").GetString()!["/problems/".Length..];
        Assert.Equal(rest.Problem((int)rest.Status, slug), rpc.Status.Detail);
        Assert.Equal(Codes[slug], rpc.StatusCode);

        var status = rpc.GetRpcStatus()!;
        Assert.Equal((int)rpc.StatusCode, status.Code);
        Assert.Equal(rpc.Status.Detail, status.Message);
        Assert.Equal(slug, status.GetDetail<ErrorInfo>().Reason);
        Assert.NotEmpty(status.GetDetail<ErrorInfo>().Metadata["trace_id"]);
        Assert.Equal(slug == "invalid-request", status.GetDetail<BadRequest>() is not null);
    }

    /// <summary>The message that says what the query says.</summary>
    private static IMessage Request(string task, string query, byte[] file)
    {
        var request = (IMessage)Activator.CreateInstance(Tasks[task].Request.ClrType)!;
        request.Descriptor.FindFieldByName("image").Accessor.SetValue(request, RpcClient.Encoded(file));
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, text) = (pair.Split('=')[0], Uri.UnescapeDataString(pair.Split('=')[1]));
            var field = request.Descriptor.FindFieldByName(name);
            if (field.IsRepeated)
            {
                ((System.Collections.IList)field.Accessor.GetValue(request)).Add(text);
                continue;
            }

            field.Accessor.SetValue(request, field.FieldType switch
            {
                FieldType.Int32 => int.Parse(text, CultureInfo.InvariantCulture),
                FieldType.Double => double.Parse(text, CultureInfo.InvariantCulture),
                FieldType.Bool => bool.Parse(text),
                _ => text,
            });
        }

        return request;
    }

    /// <summary>The JSON answer as a message, without its times; a member that no field takes fails.</summary>
    private static IMessage FromJson(string task, string text)
    {
        var json = JsonNode.Parse(text)!.AsObject();
        json.Remove("timings_ms");
        Wrap(json);
        return new JsonParser(JsonParser.Settings.Default).Parse(json.ToJsonString(), Tasks[task].Answer);
    }

    /// <summary>Lists of lists, which messages cannot be, become lists of messages.</summary>
    private static void Wrap(JsonNode? node)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToArray())
            {
                if (name == "polygons")
                {
                    members[name] = new JsonArray([.. value!.AsArray().Select(static ring => new JsonObject { ["points"] = ring!.DeepClone() })]);
                }
                else
                {
                    Wrap(value);
                }
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                Wrap(item);
            }
        }
    }

    private static object? Take(IMessage message, string name)
    {
        var accessor = message.Descriptor.FindFieldByName(name).Accessor;
        var value = accessor.GetValue(message);
        accessor.Clear(message);
        return value;
    }

    /// <summary>One service with small models of every task, and one that cannot be loaded.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal const int MaxBytes = 100_000;

        private const string Unit = "{task: segment, input: {preset: unit}}";

        internal TestService Service { get; private set; } = null!;

        internal RpcClient Client { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Service = await TestService.StartAsync(
                ModelFolder.WithColors()
                    .Add("fixed", TinyDetectors.Fixed((0, 0.9f, 0, 0, 40, 40), (0, 0.8f, 0, 0, 40, 30), (2, 0.3f, 44, 44, 64, 64)), TinyDetectors.Unit, ModelFolder.ColorLabels)
                    .Add("planar", SegmentationModels.Colors(), Unit, ModelFolder.ColorLabels)
                    .Add("red-alone", SegmentationModels.Redness(), Unit, "red\n")
                    .Add("yolo", SegmentationModels.Yolo(), "input: {preset: unit}", "disc\nhalf\n")
                    .Add("wary", TinyModels.NotANumber(), "{input: {preset: unit}, output: {activation: none}}")
                    .Write("broken.onnx", "<html>"),
                "--Imaging:MaxBytes", $"{MaxBytes}");
            Client = new RpcClient(Service.GrpcAddress);
        }

        public ValueTask DisposeAsync()
        {
            Client.Dispose();
            return Service.DisposeAsync();
        }
    }
}
