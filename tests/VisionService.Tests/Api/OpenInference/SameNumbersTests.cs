using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using VisionService.Tests.Api.OpenInference.Client;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>JSON, binary and gRPC are forms of one function, and that is the file's own.</summary>
public class SameNumbersTests(OpenInferenceFixture fixture) : IClassFixture<OpenInferenceFixture>
{
    public static TheoryData<string, string, string> Values => new()
    {
        // Type, elements in JSON, the same in little-endian hexadecimal.
        { "BOOL", "true,false", "0100" },
        { "UINT8", "0,255", "00ff" },
        { "UINT16", "1,65535", "0100ffff" },
        { "UINT32", "1,4294967295", "01000000ffffffff" },
        { "UINT64", "1,18446744073709551615", "0100000000000000ffffffffffffffff" },
        { "INT8", "-1,-128", "ff80" },
        { "INT16", "-1,-32768", "ffff0080" },
        { "INT32", "-1,-2147483648", "ffffffff00000080" },
        { "INT64", "-1,-9223372036854775808", "ffffffffffffffff0000000000000080" },
        { "FP16", "1,-2", "003c00c0" },
        { "BF16", "1,-2", "803f00c0" },
        { "FP32", "0.1,-2", "cdcccc3d000000c0" },
        { "FP64", "0.1,-2", "9a9999999999b93f00000000000000c0" },
        { "BYTES", "\"ab\",\"\"", "02000000616200000000" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Every_type_passes_in_every_form(string datatype, string json, string hex)
    {
        var model = $"echo-{datatype.ToLower(CultureInfo.InvariantCulture)}";
        var bytes = Convert.FromHexString(hex);

        var answer = await fixture.Service.PostJsonAsync($"/v2/models/{model}/infer", RefusedTests.Input(datatype, "[1, 2]", json));
        var output = answer.MustBe(HttpStatusCode.OK).Json.GetProperty("outputs")[0];
        Assert.Equal((datatype, $"[{json}]"), (output.GetProperty("datatype").GetString(), output.GetProperty("data").GetRawText()));

        Assert.Equal(hex, Convert.ToHexStringLower(await PostBinaryAsync(fixture.Service, model, "x", datatype, [1, 2], bytes)));

        var raw = await fixture.Grpc.ModelInferAsync(Request(model, "x", datatype, [1, 2], bytes), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(hex, Convert.ToHexStringLower(raw.RawOutputContents.Single().Span));
        Assert.Equal((datatype, "1,2"), (raw.Outputs[0].Datatype, string.Join(',', raw.Outputs[0].Shape)));

        if (datatype is not ("FP16" or "BF16"))
        {
            var typed = Request(model, "x", datatype, [1, 2], bytes);
            typed.RawInputContents.Clear();
            typed.Inputs[0].Contents = Contents(datatype, json);
            var answered = await fixture.Grpc.ModelInferAsync(typed, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Empty(answered.RawOutputContents);
            Assert.Equal(typed.Inputs[0].Contents, answered.Outputs[0].Contents);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task A_vision_model_answers_with_its_files_own_numbers(int rows)
    {
        var values = Noise(rows * 3 * 4 * 4, seed: rows);
        var direct = OpenInferenceFixture.Direct(fixture.File("colors"), "pixels", values, rows, 3, 4, 4);
        Assert.Equal(rows * 3, direct.Length);
        await SameAsync(fixture.Service, fixture.Grpc, "colors", "pixels", "scores", values, [rows, 3, 4, 4], direct);
    }

    [Fact]
    public async Task A_number_in_a_fixed_batch_stays_what_it_was()
    {
        float[] values = [1, 2, 3, 4];
        await SameAsync(fixture.Service, fixture.Grpc, "fixed", "x", "y", values, [2, 2], OpenInferenceFixture.Direct(fixture.File("fixed"), "x", values, 2, 2));
    }

    [Fact]
    public async Task A_stream_answers_in_order_and_outlives_an_error()
    {
        using var call = fixture.Grpc.ModelStreamInfer(cancellationToken: TestContext.Current.CancellationToken);
        for (byte i = 0; i < 20; i++)
        {
            var request = Request("echo-uint8", "x", "UINT8", i == 7 ? [1, 3] : [1, 2], [i, i]);
            request.Id = $"{i}";
            await call.RequestStream.WriteAsync(request, TestContext.Current.CancellationToken);
        }

        await call.RequestStream.CompleteAsync();
        for (byte i = 0; i < 20; i++)
        {
            Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
            var answer = call.ResponseStream.Current;
            Assert.Equal($"{i}", answer.InferResponse.Id);
            Assert.Equal(i == 7 ? "Input 'x' has shape [1, 3]; the model takes [-1, 2]." : "", answer.ErrorMessage);
            Assert.Equal(i == 7 ? [] : new byte[] { i, i }, answer.InferResponse.RawOutputContents.SelectMany(bytes => bytes));
        }

        Assert.False(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Both_transports_tell_the_same_of_server_and_models()
    {
        var (rest, grpc) = (fixture.Service, fixture.Grpc);
        Assert.True((await grpc.ServerLiveAsync(new ServerLiveRequest(), cancellationToken: TestContext.Current.CancellationToken)).Live);
        Assert.True((await grpc.ServerReadyAsync(new ServerReadyRequest(), cancellationToken: TestContext.Current.CancellationToken)).Ready);
        Assert.True((await grpc.ModelReadyAsync(new ModelReadyRequest { Name = "pair", Version = "1" }, cancellationToken: TestContext.Current.CancellationToken)).Ready);
        await SameJsonAsync("/v2", await grpc.ServerMetadataAsync(new ServerMetadataRequest(), cancellationToken: TestContext.Current.CancellationToken));
        foreach (var model in new[] { "pair", "bare", "fixed", "colors", "echo-bytes" })
        {
            await SameJsonAsync($"/v2/models/{model}", await grpc.ModelMetadataAsync(new ModelMetadataRequest { Name = model }, cancellationToken: TestContext.Current.CancellationToken));
        }

        var index = await rest.PostJsonAsync("/v2/repository/index", "");
        Assert.Equal(
            (await grpc.RepositoryIndexAsync(new RepositoryIndexRequest(), cancellationToken: TestContext.Current.CancellationToken)).Models.Select(model => $"{model.Name} {model.State}"),
            index.Json.EnumerateArray().Select(model => $"{model.GetProperty("name").GetString()} {model.GetProperty("state").GetString()}"));

        async Task SameJsonAsync(string path, IMessage message)
        {
            // The generated classes know no JSON names of the protocol but camelCase ones; these members have one word each.
            using var said = JsonDocument.Parse(JsonFormatter.Default.Format(message).Replace("\"-1\"", "-1", StringComparison.Ordinal));
            var answered = (await rest.GetAsync(path)).Json;
            foreach (var member in answered.EnumerateObject().Where(member => member.Value.ValueKind == JsonValueKind.String))
            {
                Assert.Equal(member.Value.GetString(), said.RootElement.GetProperty(member.Name).GetString());
            }

            if (message is ModelMetadataResponse metadata)
            {
                Assert.Equal(Tensors(answered, "inputs"), metadata.Inputs.Select(Tensor));
                Assert.Equal(Tensors(answered, "outputs"), metadata.Outputs.Select(Tensor));
            }
        }

        static IEnumerable<string> Tensors(JsonElement model, string member) => model.GetProperty(member).EnumerateArray().Select(
            tensor => $"{tensor.GetProperty("name")} {tensor.GetProperty("datatype")} {tensor.GetProperty("shape").GetRawText()}");

        static string Tensor(ModelMetadataResponse.Types.TensorMetadata tensor) => $"{tensor.Name} {tensor.Datatype} [{string.Join(',', tensor.Shape)}]";
    }

    [Theory]
    [InlineData("mnist-8", "Input3", "Plus214_Output_0", "1,1,28,28")]
    [InlineData("mobilenetv2-int8-static-d", "input", "output", "1,3,224,224")]
    [InlineData("yolo11n-int8", "images", "output0", "1,3,320,320")]
    public async Task A_real_model_answers_with_its_files_own_numbers(string model, string input, string output, string sizes)
    {
        var shape = sizes.Split(',').Select(long.Parse).ToArray();
        var file = SharedFiles.Path($"models/{model}.onnx");
        await using var service = await TestService.StartAsync([file], null);
        var values = Noise((int)shape.Aggregate((product, size) => product * size), seed: 1);
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress(
            service.GrpcAddress, new global::Grpc.Net.Client.GrpcChannelOptions { MaxReceiveMessageSize = null });
        await SameAsync(
            service,
            new GRPCInferenceService.GRPCInferenceServiceClient(channel),
            model,
            input,
            output,
            values,
            shape,
            OpenInferenceFixture.Direct(file, input, values, shape));
    }

    internal static float[] Noise(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.NextSingle())];
    }

    internal static ModelInferRequest Request(string model, string input, string datatype, long[] shape, byte[] bytes) => new()
    {
        ModelName = model,
        Inputs = { new ModelInferRequest.Types.InferInputTensor { Name = input, Datatype = datatype, Shape = { shape } } },
        RawInputContents = { ByteString.CopyFrom(bytes) },
    };

    internal static async Task<byte[]> PostBinaryAsync(TestService service, string model, string input, string datatype, long[] shape, byte[] bytes)
    {
        var json = Encoding.UTF8.GetBytes(
            $$$"""{"parameters": {"binary_data_output": true}, "inputs": [{"name": "{{{input}}}", "shape": [{{{string.Join(',', shape)}}}], "datatype": "{{{datatype}}}", "parameters": {"binary_data_size": {{{bytes.Length}}}}}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v2/models/{model}/infer") { Content = new ByteArrayContent([.. json, .. bytes]) };
        request.Headers.Add("Inference-Header-Content-Length", $"{json.Length}");
        using var response = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, Encoding.UTF8.GetString(body));
        return body[int.Parse(response.Headers.GetValues("Inference-Header-Content-Length").Single(), CultureInfo.InvariantCulture)..];
    }

    /// <summary>Asserts that JSON, binary, typed and raw gRPC give the same bits as the direct run, within kernels' rounding.</summary>
    private static async Task SameAsync(
        TestService service,
        GRPCInferenceService.GRPCInferenceServiceClient grpc,
        string model,
        string input,
        string output,
        float[] values,
        long[] shape,
        float[] direct)
    {
        var bytes = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        var binary = MemoryMarshal.Cast<byte, float>(await PostBinaryAsync(service, model, input, "FP32", shape, bytes)).ToArray()[..direct.Length];
        Assert.Equal(direct, binary);

        var numbers = string.Join(',', values.Select(value => value.ToString(CultureInfo.InvariantCulture)));
        var answer = await service.PostJsonAsync(
            $"/v2/models/{model}/infer",
            $$"""{"outputs": [{"name": "{{output}}"}], "inputs": [{"name": "{{input}}", "shape": [{{string.Join(',', shape)}}], "datatype": "FP32", "data": [{{numbers}}]}]}""");
        Assert.Equal(direct, answer.MustBe(HttpStatusCode.OK).Json.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(value => value.GetSingle()));

        var raw = Request(model, input, "FP32", shape, bytes);
        raw.Outputs.Add(new ModelInferRequest.Types.InferRequestedOutputTensor { Name = output });
        Assert.Equal(direct, MemoryMarshal.Cast<byte, float>((await grpc.ModelInferAsync(raw, cancellationToken: TestContext.Current.CancellationToken)).RawOutputContents.Single().Span).ToArray());

        raw.RawInputContents.Clear();
        raw.Inputs[0].Contents = new InferTensorContents { Fp32Contents = { values } };
        Assert.Equal(direct, (await grpc.ModelInferAsync(raw, cancellationToken: TestContext.Current.CancellationToken)).Outputs.Single().Contents.Fp32Contents);
    }

    private static InferTensorContents Contents(string datatype, string json)
    {
        var elements = JsonDocument.Parse($"[{json}]").RootElement.EnumerateArray();
        var contents = new InferTensorContents();
        foreach (var element in elements)
        {
            switch (datatype)
            {
                case "BOOL":
                    contents.BoolContents.Add(element.GetBoolean());
                    break;
                case "UINT8" or "UINT16" or "UINT32":
                    contents.UintContents.Add(element.GetUInt32());
                    break;
                case "UINT64":
                    contents.Uint64Contents.Add(element.GetUInt64());
                    break;
                case "INT8" or "INT16" or "INT32":
                    contents.IntContents.Add(element.GetInt32());
                    break;
                case "INT64":
                    contents.Int64Contents.Add(element.GetInt64());
                    break;
                case "FP32":
                    contents.Fp32Contents.Add(element.GetSingle());
                    break;
                case "FP64":
                    contents.Fp64Contents.Add(element.GetDouble());
                    break;
                default:
                    contents.BytesContents.Add(ByteString.CopyFromUtf8(element.GetString()));
                    break;
            }
        }

        return contents;
    }
}
