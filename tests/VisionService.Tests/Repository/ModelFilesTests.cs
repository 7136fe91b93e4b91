using VisionService.Repository;

namespace VisionService.Tests.Repository;

public sealed class ModelFilesTests : IDisposable
{
    private readonly ModelFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_a_model_with_the_files_of_its_name_beside_it()
    {
        _folder.Write("x.onnx", "").Write("x.yaml", "").Write("x.txt", "").Write("y.txt", "");
        Assert.Equal(
            new ModelFiles("x", _folder.File("x.onnx"), _folder.File("x.yaml"), _folder.File("x.txt")),
            Assert.Single(ModelFiles.Discover(_folder.File("x.onnx"))));
    }

    [Fact]
    public void A_folder_holds_files_and_folders_of_models_and_whatever_else()
    {
        Directory.CreateDirectory(_folder.File("notes"));
        Directory.CreateDirectory(_folder.File("b"));
        _folder.Write("c.onnx", "").Write("README.md", "").Write("notes/todo.txt", "").Write("b/model.onnx", "").Write("b/labels.json", "");
        var found = ModelFiles.Discover(_folder.Path);
        Assert.Equal(
            [("c", _folder.File("c.onnx"), null, null), ("b", _folder.File("b/model.onnx"), _folder.File("b/labels.json"), _folder.File("b"))],
            found.Select(files => (files.Name, files.Onnx, files.Labels, files.Folder)));
        Assert.All(found, files => Assert.Equal(("1", null, null), (files.Version, files.Manifest, files.Problem)));
    }

    [Fact]
    public void A_manifest_may_name_its_model()
    {
        Directory.CreateDirectory(_folder.File("a"));
        Directory.CreateDirectory(_folder.File("b"));
        _folder.Write("a/model.onnx", "").Write("a/vision.yaml", "name: doors");
        _folder.Write("b/model.onnx", "").Write("b/vision.yaml", "nmae: windows"); // loading will say what is wrong with it
        Assert.Equal(["doors", "b"], ModelFiles.Discover(_folder.Path).Select(files => files.Name));
    }

    [Theory]
    [InlineData("one")]
    [InlineData("one/")]
    public void The_folder_of_one_model_can_be_given_itself(string path)
    {
        Directory.CreateDirectory(_folder.File("one"));
        _folder.Write("one/model.onnx", "").Write("one/vision.yaml", "");
        Assert.Equal("one", Assert.Single(ModelFiles.Discover(_folder.File(path))).Name);
    }

    [Fact]
    public void The_only_file_of_a_folder_is_its_model_whatever_its_name()
    {
        Directory.CreateDirectory(_folder.File("one"));
        _folder.Write("one/exported.onnx", "");
        Assert.Equal(_folder.File("one/exported.onnx"), Assert.Single(ModelFiles.Discover(_folder.Path)).Onnx);
    }

    [Theory]
    [InlineData("vision.yaml", "", "the folder holds no .onnx file")]
    [InlineData("a.onnx", "b.onnx", "the folder holds 2 .onnx files and none is named model.onnx; 'file' in vision.yaml can name one")]
    [InlineData("best.xml", "best.bin", "the folder holds an OpenVINO model (best.xml) and no .onnx file: export it to ONNX")]
    [InlineData("config.json", "model.safetensors", "the folder holds PyTorch weights (model.safetensors) and no .onnx file: export it to ONNX")]
    public void A_folder_without_a_clear_model_says_so(string first, string second, string problem)
    {
        Directory.CreateDirectory(_folder.File("one"));
        _folder.Write($"one/{first}", "");
        if (second.Length > 0)
        {
            _folder.Write($"one/{second}", "");
        }

        Assert.Equal(problem, Assert.Single(ModelFiles.Discover(_folder.Path)).Problem);
    }

    [Fact]
    public void An_empty_folder_has_no_models() => Assert.Empty(ModelFiles.Discover(_folder.Path));

    [Fact]
    public void A_missing_folder_is_an_error_that_names_it() => Assert.Equal(
        $"There is no model folder '{_folder.File("none")}'.",
        Assert.Throws<ModelLoadException>(() => ModelFiles.Discover(_folder.File("none"))).Message);

    [Theory]
    [InlineData("resnet-50_v1.5", true)]
    [InlineData(".hidden", true)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("a:1", false)]
    [InlineData("a\n", false)]
    [InlineData("", false)]
    public void A_name_can_stand_in_a_url(string name, bool isName) => Assert.Equal(isName, ModelFiles.IsName(name));

    [Fact]
    public void A_name_has_at_most_128_letters()
    {
        Assert.True(ModelFiles.IsName(new string('a', 128)));
        Assert.False(ModelFiles.IsName(new string('a', 129)));
    }

    [Theory]
    [InlineData("", "3")]
    [InlineData("version_policy: {latest: 2}", "3, 2")]
    [InlineData("version_policy: all", "3, 2, 1")]
    [InlineData("version_policy: [1, 3]", "3, 1")]
    public void The_versions_that_the_policy_keeps_are_found_the_highest_first(string manifest, string versions)
    {
        _folder.Write("digits/1/model.onnx", "").Write("digits/2/model.onnx", "").Write("digits/3/other.onnx", "").Write("digits/vision.yaml", manifest);
        var found = ModelFiles.Discover(_folder.Path);
        Assert.Equal(versions, string.Join(", ", found.Select(files => files.Version)));
        Assert.Equal(_folder.File("digits/3/other.onnx"), found[0].Onnx);
        Assert.All(found, files => Assert.Equal(("digits", null), (files.Name, files.Problem)));
    }

    [Fact]
    public void Versions_are_ordered_as_numbers()
    {
        _folder.Write("digits/9/model.onnx", "").Write("digits/10/model.onnx", "");
        Assert.Equal("10", Assert.Single(ModelFiles.Discover(_folder.Path)).Version);
    }

    [Fact]
    public void A_folder_of_versions_alone_can_be_given_itself()
    {
        _folder.Write("digits/1/model.onnx", "");
        var files = Assert.Single(ModelFiles.Discover(_folder.File("digits")));
        Assert.Equal(("digits", "1", _folder.File("digits/1/model.onnx")), (files.Name, files.Version, files.Onnx));
    }

    [Fact]
    public void A_version_that_is_asked_for_and_missing_says_so()
    {
        _folder.Write("digits/1/model.onnx", "").Write("digits/vision.yaml", "version_policy: [2]");
        Assert.Equal("there is no version '2'", Assert.Single(ModelFiles.Discover(_folder.Path)).Problem);
    }

    [Fact]
    public void Folders_that_only_look_like_versions_are_left_aside_with_a_note()
    {
        _folder.Write("digits/1/model.onnx", "").Write("digits/02/model.onnx", "").Write("digits/v3/model.onnx", "").Write("digits/notes/x", "");
        var files = Assert.Single(ModelFiles.Discover(_folder.Path));
        Assert.Equal("1", files.Version);
        Assert.Equal(["ignored: 02, v3; a version is a whole number from 1 on, without zeros in front"], files.Notes);
    }

    [Fact]
    public void What_Triton_is_told_of_names_files_and_versions_holds()
    {
        _folder.Write("digits/1/net.onnx", "").Write("digits/1/model.onnx", "").Write("digits/2/net.onnx", "").Write("digits/config.pbtxt", """
            name: "numbers"
            default_model_filename: "net.onnx"
            version_policy: { specific: { versions: [1] } }
            """);
        var files = Assert.Single(ModelFiles.Discover(_folder.Path));
        Assert.Equal(("numbers", "1", _folder.File("digits/1/net.onnx")), (files.Name, files.Version, files.Onnx));
        Assert.Equal(["config.pbtxt calls it 'numbers', its folder 'digits'"], files.Notes);
    }

    [Theory]
    [InlineData("backend: \"pytorch\"", "config.pbtxt: 'backend' is 'pytorch'; served here are ONNX models, 'onnxruntime'.")]
    [InlineData("platform: \"ensemble\"", "config.pbtxt: 'platform' is 'ensemble'; served here are ONNX models, 'onnxruntime_onnx'.")]
    public void A_model_of_another_of_Tritons_backends_says_so(string config, string problem)
    {
        _folder.Write("digits/config.pbtxt", config).Write("digits/1/model.pt", "");
        Assert.Equal(problem, Assert.Single(ModelFiles.Discover(_folder.Path)).Problem);
    }

    [Fact]
    public void A_folder_of_graph_and_data_counts_as_Tritons_model_file()
    {
        _folder.Write("digits/1/model.onnx/model.onnx", "").Write("digits/1/model.onnx/weights.bin", "");
        Assert.Equal(_folder.File("digits/1/model.onnx/model.onnx"), Assert.Single(ModelFiles.Discover(_folder.Path)).Onnx);
    }

    [Fact]
    public void Of_the_variants_below_onnx_the_plain_one_is_taken_and_the_others_are_named()
    {
        _folder.Write("vit/config.json", "{}").Write("vit/onnx/model.onnx", "").Write("vit/onnx/model_fp16.onnx", "").Write("vit/onnx/model_q4.onnx", "");
        foreach (var path in (string[])["", "vit"])
        {
            var files = Assert.Single(ModelFiles.Discover(_folder.File(path)));
            Assert.Equal(("vit", _folder.File("vit/onnx/model.onnx")), (files.Name, files.Onnx));
            Assert.Equal(["model.onnx is served; left aside: model_fp16.onnx, model_q4.onnx"], files.Notes);
        }
    }

    [Fact]
    public void Without_a_plain_variant_the_most_faithful_is_taken()
    {
        _folder.Write("vit/onnx/model_quantized.onnx", "").Write("vit/onnx/model_fp16.onnx", "");
        Assert.Equal(_folder.File("vit/onnx/model_fp16.onnx"), Assert.Single(ModelFiles.Discover(_folder.Path)).Onnx);
    }

    [Theory]
    [InlineData("model_fp16.onnx", null)]
    [InlineData("onnx/model_fp16.onnx", null)]
    [InlineData("model_int8.onnx", "vision.yaml names the file 'model_int8.onnx', which is not there")]
    [InlineData("../other/model.onnx", "vision.yaml names the file '../other/model.onnx'; it must lie in the model's folder")]
    [InlineData("/etc/passwd", "vision.yaml names the file '/etc/passwd'; it must lie in the model's folder")]
    public void The_manifest_can_name_the_file_and_only_one_of_the_folder(string file, string? problem)
    {
        _folder.Write("other/model.onnx", "").Write("vit/onnx/model.onnx", "").Write("vit/onnx/model_fp16.onnx", "").Write("vit/vision.yaml", $"file: {file}");
        var files = Assert.Single(ModelFiles.Discover(_folder.Path), files => files.Name == "vit");
        Assert.Equal((problem, problem is null ? _folder.File("vit/onnx/model_fp16.onnx") : null), (files.Problem, files.Onnx));
    }

    [Fact]
    public void A_named_file_that_is_a_link_out_of_the_folder_is_refused()
    {
        _folder.Write("elsewhere.txt", "").Write("vit/vision.yaml", "file: net.onnx");
        File.CreateSymbolicLink(_folder.File("vit/net.onnx"), _folder.File("elsewhere.txt"));
        Assert.Equal("'net.onnx' is a link that leads out of the model's folder", Assert.Single(ModelFiles.Discover(_folder.Path)).Problem);
    }

    [Fact]
    public void A_bare_file_has_neither_versions_nor_other_files()
    {
        _folder.Write("x.onnx", "").Write("x.yaml", "version_policy: all");
        Assert.Equal(
            "x.yaml: 'file' and 'version_policy' are for the folder of a model",
            Assert.Single(ModelFiles.Discover(_folder.Path)).Problem);
    }

    [Fact]
    public void An_xml_without_weights_is_no_model()
    {
        _folder.Write("annotations/000001.xml", "");
        Assert.Empty(ModelFiles.Discover(_folder.Path));
    }

    [Fact]
    public void Hidden_folders_are_no_models()
    {
        _folder.Write(".cache/model.onnx", "").Write("..data/model.onnx", "").Write("a/model.onnx", "");
        Assert.Equal("a", Assert.Single(ModelFiles.Discover(_folder.Path)).Name);
    }
}
