using System.Net;
using System.Text;
using Grpc.Core;
using VisionService.Tests.Api.OpenInference.Client;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>What does not fit is the caller's to mend: 4xx, with the limit and the value, and never a 500.</summary>
public class RefusedTests(OpenInferenceFixture fixture) : IClassFixture<OpenInferenceFixture>
{
    public static TheoryData<string, string, string> Bodies => new()
    {
        { "pair", "", "The body is not valid JSON, line 1, byte 0." },
        { "pair", "{", "The body is not valid JSON, line 1, byte 1." },
        { "pair", "[]", "The body must be an object." },
        { "pair", "{}", "The request has no 'inputs'." },
        { "pair", """{"inputs": {}}""", "'inputs' must be a list." },
        { "pair", """{"inputs": [1]}""", "An element of 'inputs' must be an object." },
        { "pair", """{"inputs": [{"name": "a"}]}""", "An input needs 'name', 'datatype' and 'shape'; 'a' lacks 'datatype'." },
        { "pair", """{"id": 7, "inputs": []}""", "'id' must be a text." },
        { "pair", """{"inputs": [], "id": "\ud800"}""", "The JSON body holds a text that is not valid UTF-8." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, 2", "image"), "Model 'echo-fp32' has no input 'image'; it has x." },
        { "pair", """{"inputs": [{"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""", "Input 'index' is missing; model 'pair' takes a, index." },
        {
            "echo-fp32",
            """{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}, {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""",
            "Input 'x' is given 2 times."
        },
        { "echo-fp32", Input("INT64", "[1, 2]", "1, 2"), "Input 'x' is FP32 in the model, not INT64." },
        {
            "echo-fp32",
            Input("FLOAT", "[1, 2]", "1, 2"),
            "Input 'x' has the datatype 'FLOAT'; there are FP32, UINT8, INT8, UINT16, INT16, INT32, INT64, BYTES, BOOL, FP16, FP64, UINT32, UINT64, BF16."
        },
        { "echo-fp32", Input("FP32", "[2]", "1, 2"), "Input 'x' has shape [2]; the model takes [-1, 2]." },
        { "echo-fp32", Input("FP32", "[1, 3]", "1, 2, 3"), "Input 'x' has shape [1, 3]; the model takes [-1, 2]." },
        { "fixed", Input("FP32", "[1, 2]", "1, 2"), "Input 'x' has shape [1, 2]; the model takes [2, 2]." },
        { "echo-fp32", Input("FP32", "[-1, 2]", "1, 2"), "Input 'x' has shape [-1, 2]; the model takes [-1, 2]." },
        { "echo-fp32", Input("FP32", "[0, 2]", ""), "Input 'x' has shape [0, 2]; the model takes [-1, 2]." },
        { "echo-fp32", Input("FP32", "[1.5, 2]", "1, 2"), "'shape' must be a list of whole numbers; element 0 is 1.5." },
        { "echo-fp32", Input("FP32", "[99999999999999999999, 2]", "1"), "'shape' must be a list of whole numbers; element 0 is 99999999999999999999." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1.5"), "Input 'x' has 1 elements; FP32 of shape [1, 2] takes 2." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, 2, 3"), "Input 'x' has more than 2 elements; FP32 of shape [1, 2] takes 2." },
        { "echo-fp32", Input("FP32", "[8388608, 2]", "1, 2"), "Input 'x' has fewer than 4 elements; FP32 of shape [8388608, 2] takes 16777216." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, \"two\""), "Element 1 of input 'x' is 'two', which is no FP32." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, null"), "Element 1 of input 'x' is null, which is no FP32." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, {}"), "Element 1 of input 'x' is {, which is no FP32." },
        { "echo-fp32", Input("FP32", "[1, 2]", "1, 1e39"), "Element 1 of input 'x' is 1e39, which is no FP32." },
        { "echo-fp16", Input("FP16", "[1, 2]", "1, 70000"), "Element 1 of input 'x' is 70000, which is no FP16." },
        { "echo-uint8", Input("UINT8", "[1, 2]", "1, 256"), "Element 1 of input 'x' is 256, which is no UINT8." },
        { "echo-int8", Input("INT8", "[1, 2]", "1, true"), "Element 1 of input 'x' is true, which is no INT8." },
        { "echo-int64", Input("INT64", "[1, 2]", "1, 1.5"), "Element 1 of input 'x' is 1.5, which is no INT64." },
        { "echo-bool", Input("BOOL", "[1, 2]", "true, 1"), "Element 1 of input 'x' is 1, which is no BOOL." },
        { "echo-bytes", Input("BYTES", "[1, 2]", "\"a\", 1"), "Element 1 of input 'x' is 1, which is no BYTES." },
        { "echo-bytes", Input("BYTES", "[1, 2]", "\"a\", \"\\ud800\""), "Element 1 of input 'x' is a text that is not valid UTF-8." },
        {
            "echo-fp32",
            """{"outputs": [{"name": "scores"}], "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""",
            "Model 'echo-fp32' has no output 'scores'; it has y."
        },
        {
            "echo-fp32",
            """{"outputs": [{"name": "y", "parameters": {"classification": 3}}], "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""",
            "Output 'y' asks for 'classification' (3), which is not on offer here."
        },
        {
            "echo-fp32",
            """{"parameters": {"timeout": "soon"}, "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}""",
            "Parameter 'timeout' must be a whole number from 0 to 9223372036854775807, not 'soon'."
        },
        {
            "echo-fp32",
            """{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}]}""",
            "Input 'x' has binary_data_size, but the request has no header Inference-Header-Content-Length."
        },
        {
            "echo-fp32",
            """{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2], "parameters": {"binary_data_size": 8}}]}""",
            "Input 'x' has both 'data' and binary_data_size."
        },
        { "echo-fp32", """{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32"}]}""", "Input 'x' has neither 'data' nor binary_data_size." },
        {
            "loose",
            """{"inputs": [{"name": "a", "shape": [2], "datatype": "FP32", "data": [1, 2]}, {"name": "b", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}""",
            "Model 'loose' cannot run on these tensors: a [2], b [3]."
        },
    };

    public static TheoryData<string, long, int, string> Binaries => new()
    {
        { "echo-fp32", 8, 4, "Input 'x' has binary_data_size 8; 4 bytes of the body are left for it." },
        { "echo-fp32", 4, 4, "Input 'x' has 4 bytes; FP32 of shape [1, 2] takes 8." },
        { "echo-fp32", 8, 9, "The last 1 bytes of the body belong to no input's binary_data_size." },
        { "echo-fp32", -8, 8, "Input 'x' has binary_data_size -8; 8 bytes of the body are left for it." },
        { "echo-fp32", long.MaxValue, 8, "Input 'x' has binary_data_size 9223372036854775807; 8 bytes of the body are left for it." },
        { "echo-bytes", 6, 6, "Input 'x' has 6 bytes; BYTES of shape [1, 2] takes 8 or more." },
        { "echo-bytes", 8, 8, "Element 0 of input 'x' says it has 16843009 bytes; 4 are left." },
        { "echo-bool", 2, 2, "" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_request_that_does_not_fit_says_what_would(string model, string body, string error)
    {
        var answer = await fixture.Service.PostJsonAsync($"/v2/models/{model}/infer", body);
        Assert.Equal(error, ErrorOf(answer, HttpStatusCode.BadRequest));
    }

    [Theory]
    [MemberData(nameof(Binaries))]
    public async Task A_binary_tensor_must_keep_its_word(string model, long said, int sent, string error)
    {
        var datatype = model[5..].ToUpperInvariant();
        var json = $$$"""{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "{{{datatype}}}", "parameters": {"binary_data_size": {{{said}}}}}]}""";
        var answer = await PostBinaryAsync(model, json, json.Length.ToString(), [.. Enumerable.Repeat((byte)1, sent)]);
        if (error == "")
        {
            answer.MustBe(HttpStatusCode.OK);
        }
        else
        {
            Assert.Equal(error, ErrorOf(answer, HttpStatusCode.BadRequest));
        }
    }

    [Theory]
    [InlineData("-1", "Inference-Header-Content-Length must be a number of bytes, not '-1'.")]
    [InlineData("x", "Inference-Header-Content-Length must be a number of bytes, not 'x'.")]
    [InlineData("0", "Inference-Header-Content-Length is 0; the body has 6 bytes.")]
    [InlineData("7", "Inference-Header-Content-Length is 7; the body has 6 bytes.")]
    public async Task The_length_of_the_JSON_must_be_right(string length, string error) =>
        Assert.Equal(error, ErrorOf(await PostBinaryAsync("echo-fp32", "{}", length, new byte[4]), HttpStatusCode.BadRequest));

    [Fact]
    public async Task A_BOOL_is_0_or_1_in_binary_too()
    {
        const string Json = """{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}}]}""";
        var answer = await PostBinaryAsync("echo-bool", Json, $"{Json.Length}", [1, 2]);
        Assert.Equal("Input 'x' holds the byte 2; a BOOL is 0 or 1.", ErrorOf(answer, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("9223372036854775807")]
    [InlineData("4611686018427387904")]
    [InlineData("33554432")]
    public async Task A_shape_whose_size_passes_the_limit_takes_no_memory(string rows)
    {
        var answer = await fixture.Service.PostJsonAsync("/v2/models/echo-fp32/infer", Input("FP32", $"[{rows}, 2]", "1"));
        Assert.Equal(
            $"Input 'x' of shape [{rows}, 2] is too large; Api:MaxRequestBytes allows 67108864 bytes for all inputs.",
            ErrorOf(answer, HttpStatusCode.RequestEntityTooLarge));
    }

    [Fact]
    public async Task A_body_past_the_limit_is_too_large()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--Api:MaxRequestBytes", "100");
        var answer = await service.PostJsonAsync("/v2/models/colors/infer", new string(' ', 101));
        Assert.Equal("The upload has 101 bytes; Api:MaxRequestBytes allows 100.", ErrorOf(answer, HttpStatusCode.RequestEntityTooLarge));
    }

    [Fact]
    public async Task Nesting_without_end_is_malformed() => Assert.StartsWith(
        "The body is not valid JSON",
        ErrorOf(
            await fixture.Service.PostJsonAsync("/v2/models/echo-fp32/infer", Input("FP32", "[1, 2]", new string('[', 100_000))),
            HttpStatusCode.BadRequest),
        StringComparison.Ordinal);

    [Fact]
    public async Task A_late_answer_is_a_deadline_exceeded()
    {
        var pixels = string.Join(',', Enumerable.Repeat("1", 48));
        var answer = await fixture.Service.PostJsonAsync(
            "/v2/models/slow-colors/infer",
            $$"""{"parameters": {"timeout": 1}, "inputs": [{"name": "pixels", "shape": [1, 3, 4, 4], "datatype": "FP32", "data": [{{pixels}}]}]}""");
        Assert.Matches(
            "^The answer was not there within 0 ms; the request was in stage '(load|queue|inference)'.$",
            ErrorOf(answer, HttpStatusCode.GatewayTimeout));
    }

    [Fact]
    public async Task GRPC_refuses_with_the_same_words()
    {
        var request = new ModelInferRequest { ModelName = "echo-fp32", Inputs = { new ModelInferRequest.Types.InferInputTensor { Name = "x", Datatype = "FP32", Shape = { 1, 3 }, Contents = new() { Fp32Contents = { 1, 2, 3 } } } } };
        await RefusedAsync(request, StatusCode.InvalidArgument, "Input 'x' has shape [1, 3]; the model takes [-1, 2].");

        request.Inputs[0].Shape[1] = 2;
        await RefusedAsync(request, StatusCode.InvalidArgument, "Input 'x' has 3 elements in the field of its type; FP32 of shape [1, 2] takes 2.");

        request.RawInputContents.Add(Google.Protobuf.ByteString.CopyFrom(new byte[8]));
        await RefusedAsync(request, StatusCode.InvalidArgument, "Input 'x' has contents, and the request has raw_input_contents: one of them may be.");

        request.Inputs[0].Contents = null;
        request.RawInputContents.Add(Google.Protobuf.ByteString.Empty);
        await RefusedAsync(request, StatusCode.InvalidArgument, "The request has 1 inputs and 2 raw_input_contents.");

        request.ModelName = "echo";
        request.RawInputContents.RemoveAt(1);
        await RefusedAsync(request, StatusCode.NotFound, null);

        request.ModelName = "echo-fp32";
        Assert.Equal(8, (await fixture.Grpc.ModelInferAsync(request, cancellationToken: TestContext.Current.CancellationToken)).RawOutputContents[0].Length);
    }

    internal static string Input(string datatype, string shape, string data, string name = "x") =>
        $$"""{"inputs": [{"name": "{{name}}", "shape": {{shape}}, "datatype": "{{datatype}}", "data": [{{data}}]}]}""";

    internal static string ErrorOf(Answer answer, HttpStatusCode status)
    {
        answer.MustBe(status);
        Assert.Equal("application/json", answer.Response.Content.Headers.ContentType?.MediaType);
        return answer.Json.GetProperty("error").GetString()!;
    }

    private async Task RefusedAsync(ModelInferRequest request, StatusCode status, string? detail)
    {
        var exception = await Assert.ThrowsAsync<RpcException>(async () => await fixture.Grpc.ModelInferAsync(request, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(status, exception.StatusCode);
        Assert.Equal(detail ?? exception.Status.Detail, exception.Status.Detail);
    }

    private Task<Answer> PostBinaryAsync(string model, string json, string length, byte[] binary)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v2/models/{model}/infer")
        {
            Content = new ByteArrayContent([.. Encoding.UTF8.GetBytes(json), .. binary]),
        };
        request.Headers.TryAddWithoutValidation("Inference-Header-Content-Length", length);
        return fixture.Service.SendAsync(request);
    }
}
