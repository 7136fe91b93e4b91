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
        Assert.Equal(
            [new ModelFiles("c", _folder.File("c.onnx"), null, null), new ModelFiles("b", _folder.File("b/model.onnx"), null, _folder.File("b/labels.json"))],
            ModelFiles.Discover(_folder.Path));
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
    [InlineData("a.onnx", "b.onnx", "the folder holds 2 .onnx files and none is named model.onnx")]
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
    [InlineData(".hidden", false)]
    [InlineData("a b", false)]
    [InlineData("a:1", false)]
    [InlineData("", false)]
    public void A_name_can_stand_in_a_url(string name, bool isName) => Assert.Equal(isName, ModelFiles.IsName(name));
}
