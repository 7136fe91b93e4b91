using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

public sealed class LabelFileTests : IDisposable
{
    private readonly ModelFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("red\ngreen\n")]
    [InlineData("red\r\n green \r\n\r\n")]
    [InlineData("\uFEFFred\ngreen")]
    public void A_text_has_one_name_a_line(string text) => Assert.Equal(["red", "green"], Read("labels.txt", text).Names);

    [Theory]
    [InlineData("n01440764 tench, Tinca tinca\nn01443537 goldfish")]
    [InlineData("n01440764\ttench, Tinca tinca\nn01443537: goldfish")]
    public void WordNet_ids_are_split_off(string text)
    {
        var labels = Read("labels.txt", text);
        Assert.Equal(["tench, Tinca tinca", "goldfish"], labels.Names);
        Assert.Equal(["n01440764", "n01443537"], labels.Synsets!);
    }

    [Fact]
    public void Ids_that_only_some_lines_have_are_part_of_the_name()
    {
        var labels = Read("labels.txt", "n01440764 tench\nbackground");
        Assert.Equal(["n01440764 tench", "background"], labels.Names);
        Assert.Null(labels.Synsets);
    }

    [Theory]
    [InlineData("""["red", "green"]""")]
    [InlineData("""{"0": "red", "1": "green"}""")]
    [InlineData("""{"1": "green", "0": "red"}""")]
    [InlineData("""{"green": 1, "red": 0}""")] // Keras' class_indices
    public void Json_is_a_list_or_an_object_either_way_round(string text)
    {
        var labels = Read("labels.json", text);
        Assert.Equal(["red", "green"], labels.Names);
        Assert.Null(labels.Synsets);
    }

    [Fact]
    public void Keras_class_index_holds_pairs()
    {
        var labels = Read("labels.json", """{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}""");
        Assert.Equal(["tench", "goldfish"], labels.Names);
        Assert.Equal(["n01440764", "n01443537"], labels.Synsets!);
    }

    [Theory]
    [InlineData("labels.txt", "\n\n", "labels.txt has no labels.")]
    [InlineData("labels.json", "[]", "labels.json has no labels.")]
    [InlineData("labels.json", "5", "labels.json is neither a JSON list nor an object by class id.")]
    [InlineData("labels.json", "[1]", "labels.json holds 1 where a label is wanted.")]
    [InlineData("labels.json", "[[1, 2]]", "labels.json holds [1, 2] where a label is wanted.")]
    [InlineData("labels.json", """{"0": "red", "2": "green"}""", "labels.json does not number its 2 classes from 0 to 1.")]
    [InlineData("labels.json", """{"red": 0, "green": 0}""", "labels.json names class 0 twice.")]
    [InlineData("labels.json", "[", "labels.json cannot be read as labels: ")]
    public void What_is_no_label_file_is_refused(string file, string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<ModelLoadException>(() => Read(file, text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_refused() => Assert.StartsWith(
        "none.txt cannot be read: ",
        Assert.Throws<ModelLoadException>(() => LabelFile.Read(_folder.File("none.txt"))).Message,
        StringComparison.Ordinal);

    private LabelList Read(string file, string text) => LabelFile.Read(_folder.Write(file, text).File(file));
}
