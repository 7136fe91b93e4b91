using System.Net;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using VisionService.Tests.Api.OpenInference.Client;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>Files of images in a tensor of BYTES: the model's own task answers them.</summary>
public class ImagesTests(OpenInferenceFixture fixture) : IClassFixture<OpenInferenceFixture>
{
    private const string Infer = "/v2/models/colors/infer";

    private static readonly string Red = Convert.ToBase64String(Photos.Red);
    private static readonly string Green = Convert.ToBase64String(Photos.Green);

    [Theory]
    [InlineData("image")]
    [InlineData("base64")]
    [InlineData("image/png")]
    public async Task Images_are_answered_as_by_the_models_own_endpoint(string contentType)
    {
        var output = Assert.Single(Outputs(await PostAsync($$"""{"content_type": "{{contentType}}"}""", "{}", Red, $"data:image/png;base64,{Green}")));
        Assert.Equal(("predictions", "BYTES", "[2]"), (output.GetProperty("name").GetString(), output.GetProperty("datatype").GetString(), output.GetProperty("shape").GetRawText()));
        var texts = output.GetProperty("data").EnumerateArray().Select(text => text.GetString()!).ToArray();
        Assert.Equal(
            [(await fixture.Service.PostAsync("/classify?model=colors", Photos.Red)).Predictions, (await fixture.Service.PostAsync("/classify?model=colors", Photos.Green)).Predictions],
            texts.Select(text => Answer.PredictionsOf(JsonDocument.Parse(text).RootElement)));
    }

    [Fact]
    public async Task Parameters_of_the_request_are_the_tasks()
    {
        var output = Outputs(await PostAsync("{}", """{"content_type": "image", "top_k": 1, "classes": ["blue", "green"]}""", Red))[0];
        Assert.Equal("green .1", Answer.PredictionsOf(JsonDocument.Parse(output.GetProperty("data")[0].GetString()!).RootElement));
        Assert.StartsWith(
            "Unknown parameter 'topk' (did you mean 'top_k'?).",
            RefusedTests.ErrorOf(await PostAsync("{}", """{"content_type": "image", "topk": 1}""", Red), HttpStatusCode.BadRequest),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_need_no_base64_in_binary_and_over_gRPC()
    {
        byte[] tensor = [.. BitConverter.GetBytes(Photos.Red.Length), .. Photos.Red];
        var request = SameNumbersTests.Request("colors", "image", "BYTES", [1], tensor);
        request.Parameters.Add("content_type", new InferParameter { StringParam = "image" });
        request.Parameters.Add("top_k", new InferParameter { Int64Param = 1 });
        var raw = (await fixture.Grpc.ModelInferAsync(request, cancellationToken: TestContext.Current.CancellationToken)).RawOutputContents.Single();
        Assert.Equal("red .8", Predictions(raw.Span[4..]));

        request.RawInputContents.Clear();
        request.Inputs[0].Contents = new InferTensorContents { BytesContents = { ByteString.CopyFrom(Photos.Red) } };
        var typed = await fixture.Grpc.ModelInferAsync(request, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("red .8", Predictions(typed.Outputs.Single().Contents.BytesContents.Single().Span));
    }

    [Fact]
    public async Task An_image_that_is_none_fails_alone_among_several()
    {
        var texts = Outputs(await PostAsync("{}", """{"content_type": "image"}""", Red, "AAAA"))[0].GetProperty("data");
        Assert.Equal("red .8, green .1, blue .1", Answer.PredictionsOf(JsonDocument.Parse(texts[0].GetString()!).RootElement));
        Assert.NotEmpty(JsonDocument.Parse(texts[1].GetString()!).RootElement.GetProperty("error").GetString()!);
        RefusedTests.ErrorOf(await PostAsync("{}", """{"content_type": "image"}""", "AAAA"), HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task What_is_no_tensor_of_images_is_refused()
    {
        Assert.Contains("not base64", RefusedTests.ErrorOf(await PostAsync("{}", """{"content_type": "image"}""", "?"), HttpStatusCode.BadRequest));
        Assert.Equal(
            "Model 'colors' has no input 'image'; it has pixels.", RefusedTests.ErrorOf(await PostAsync("{}", "{}", Red), HttpStatusCode.BadRequest));
        Assert.Contains(
            "Api:MaxImages allows no more",
            RefusedTests.ErrorOf(await PostAsync("{}", """{"content_type": "image"}""", [.. Enumerable.Repeat("AAAA", 65)]), HttpStatusCode.RequestEntityTooLarge));
    }

    private static string Predictions(ReadOnlySpan<byte> json) => Answer.PredictionsOf(JsonDocument.Parse(Encoding.UTF8.GetString(json)).RootElement);

    private static JsonElement[] Outputs(Answer answer) => [.. answer.MustBe(HttpStatusCode.OK).Json.GetProperty("outputs").EnumerateArray()];

    private Task<Answer> PostAsync(string ofInput, string ofRequest, params string[] images) => fixture.Service.PostJsonAsync(
        Infer,
        $$"""
        {"parameters": {{ofRequest}}, "inputs": [
            {"name": "image", "shape": [{{images.Length}}], "datatype": "BYTES", "parameters": {{ofInput}}, "data": [{{string.Join(',', images.Select(image => $"\"{image}\""))}}] }]}
        """);
}
