using Google.Protobuf;
using OnnxGraph.Proto;

namespace OnnxGraph.Tests;

public sealed class GraphFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("onnxgraph").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(RealModels.All), MemberType = typeof(RealModels))]
    public void A_real_model_is_written_as_it_was_read(string file)
    {
        var bytes = File.ReadAllBytes(RealModels.Path(file));
        var written = Graph.Parse(bytes).ToBytes();
        Assert.True(ModelProto.Parser.ParseFrom(bytes).Equals(ModelProto.Parser.ParseFrom(written)), "the messages differ");
        TestContext.Current.SendDiagnosticMessage(
            $"{file}: {(bytes.AsSpan().SequenceEqual(written) ? "byte for byte" : $"{bytes.Length} -> {written.Length} bytes")}");
    }

    [Fact]
    public void Fields_that_the_library_does_not_know_survive()
    {
        // Field 999 of the model, a varint: tag 999 * 8 = 7992 = 0xB8 0x3E, value 42.
        byte[] unknown = [0xB8, 0x3E, 42];
        byte[] bytes = [.. Small().ToBytes(), .. unknown];
        Assert.Equal(unknown, Graph.Parse(bytes).ToBytes()[^3..]);
    }

    [Theory]
    [InlineData("html-page-named-fsrcnn_x2.onnx", "it is a web page, not an ONNX model; was it saved from a browser?")]
    [InlineData("lfs-pointer-scrfd_500m.onnx", "is a Git LFS pointer, not the model; fetch it with 'git lfs pull'")]
    [InlineData("missing-external-data-cifar10.onnx", "lies in the external file 'cifar10.onnx.data', which is missing")]
    public void A_real_file_that_is_no_model_says_what_it_is(string file, string reason)
    {
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(RealModels.Path($"negative/{file}")));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("<!DOCTYPE html>\n<html>", "starts with '<!DOCTYPE html': it is a web page")]
    [InlineData("\n  <html lang=en>", "it is a web page")]
    [InlineData("<?xml version=\"1.0\"?>", "it is text")]
    [InlineData("{\"error\": \"not found\"}", "it is text")]
    [InlineData("Entry not found", "it is text")]
    [InlineData("PK\u0003\u0004rest", "is a zip archive")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "Git LFS pointer")]
    [InlineData("\u0008\u0007", "holds no graph")]
    [InlineData("\u0007\u0007", "no valid protobuf")]
    public void Bytes_that_are_no_model_say_what_they_are(string text, string reason)
    {
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Parse(System.Text.Encoding.Latin1.GetBytes(text)));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_cut_off_says_so()
    {
        var bytes = Small().ToBytes();
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Parse(bytes.AsSpan(0, bytes.Length / 2)));
        Assert.Contains("cut off", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_saved_model_runs_as_before()
    {
        var graph = Small();
        graph.Save(Path.Combine(_folder, "small.onnx"));
        Assert.Equal(Onnx.Run(graph, new float[512]), Onnx.Run(Graph.Load(Path.Combine(_folder, "small.onnx")), new float[512]));
        Assert.Equal(["small.onnx"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void A_large_model_keeps_its_tensors_beside_the_file_and_goes_on_doing_so()
    {
        var (first, second) = (Path.Combine(_folder, "large.onnx"), Path.Combine(Directory.CreateDirectory(_folder + "/copy").FullName, "copy.onnx"));
        var input = Onnx.Array.Of([.. Enumerable.Range(0, 512).Select(i => (float)i)], 1, 512);
        var expected = Onnx.Run(Small(), input)[0].Floats;

        Small().Save(first, maxFileBytes: 1000);
        Assert.Equal(2048, new FileInfo(first + ".data").Length);
        Assert.Equal(expected, Onnx.RunFile(first, input)[0].Floats);

        Graph.Load(first).Save(second);
        Assert.Equal(2048, new FileInfo(second + ".data").Length);
        Assert.Equal(expected, Onnx.RunFile(second, input)[0].Floats);
        Assert.Equal(expected, Onnx.Run(Graph.Load(second), input)[0].Floats);          // ToBytes inlines
        Graph.Load(second).Save(second);                                                // over itself
        Assert.Equal(expected, Onnx.RunFile(second, input)[0].Floats);
    }

    [Theory]
    [InlineData("../secret", "only files below the model's folder")]
    [InlineData("sub/../../secret", "only files below the model's folder")]
    [InlineData("/etc/passwd", "only files below the model's folder")]
    [InlineData("", "only files below the model's folder")]
    [InlineData("symbolic", "is a symbolic link")]
    [InlineData("folder/plain", "is a symbolic link")]
    [InlineData("hard", "has several names")]
    [InlineData("nowhere", "is missing")]
    [InlineData("plain", "which has only 9 bytes")]
    public void External_data_stays_in_the_models_folder(string location, string reason)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || location != "hard", "hard links are counted on Linux only");
        var models = Directory.CreateDirectory(Path.Combine(_folder, "models")).FullName;
        var outside = Directory.CreateDirectory(Path.Combine(_folder, "outside")).FullName;
        File.WriteAllText(Path.Combine(_folder, "secret"), "123456789");
        File.WriteAllText(Path.Combine(outside, "plain"), "123456789");
        File.WriteAllText(Path.Combine(models, "plain"), "123456789");
        File.CreateSymbolicLink(Path.Combine(models, "symbolic"), Path.Combine(_folder, "secret"));
        Directory.CreateSymbolicLink(Path.Combine(models, "folder"), outside);
        if (OperatingSystem.IsLinux())
        {
            System.Diagnostics.Process.Start("ln", [Path.Combine(_folder, "secret"), Path.Combine(models, "hard")]).WaitForExit();
        }

        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(WithExternal(models, location, offset: "0", length: "2048")));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("'w'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2040", "16")]
    [InlineData("9999", null)]
    [InlineData("-1", "4")]
    [InlineData("0", "9223372036854775807")]
    [InlineData("x", "4")]
    [InlineData("0", "4")]
    public void External_data_beyond_its_file_or_of_another_size_is_refused(string offset, string? length)
    {
        File.WriteAllBytes(Path.Combine(_folder, "plain"), new byte[2048]);
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(WithExternal(_folder, "plain", offset, length)));
        Assert.Contains("'w'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_alone_cannot_name_external_data()
    {
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Parse(File.ReadAllBytes(WithExternal(_folder, "plain", "0", null))));
        Assert.Contains("load the model from its path", error.Message, StringComparison.Ordinal);
    }

    /// <summary>y = x * w, w being 512 floats.</summary>
    private static Graph Small()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 512);
        var weights = Enumerable.Range(0, 512).Select(i => i * 0.5f).ToArray();
        g.Output("y", g.Mul(x, g.Constant(Tensor.Of(weights), "w")), ElementType.Float, 1, 512);
        return g.Build();
    }

    private static string WithExternal(string folder, string location, string offset, string? length)
    {
        var model = ModelProto.Parser.ParseFrom(Small().ToBytes());
        var tensor = model.Graph.Initializer.Single();
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset });
        if (length is not null)
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length });
        }

        var path = Path.Combine(folder, "model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return path;
    }
}
