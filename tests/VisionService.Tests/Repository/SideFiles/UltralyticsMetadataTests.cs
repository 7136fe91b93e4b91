using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class UltralyticsMetadataTests
{
    private const string Yaml = """
        description: Ultralytics YOLO11n-pose model
        author: Ultralytics
        date: '2026-01-05T10:11:12.123456'
        version: 8.3.40
        stride: 32
        task: pose
        batch: 1
        imgsz:
        - 480
        - 640
        names:
          0: person
          1: 'driver''s "cab", left: a'
          2: on
        kpt_shape:
        - 17
        - 3
        """;

    [Fact]
    public void The_side_file_says_what_the_file_itself_says()
    {
        var fromSide = UltralyticsMetadata.Read(Yaml);
        var fromFile = UltralyticsMetadata.Read(new Dictionary<string, string>
        {
            ["author"] = "Ultralytics",
            ["stride"] = "32",
            ["task"] = "pose",
            ["imgsz"] = "[480, 640]",
            ["names"] = """{0: 'person', 1: 'driver\'s "cab", left: a', 2: 'on'}""",
            ["kpt_shape"] = "[17, 3]",
        });
        Assert.Equal(("metadata.yaml", "the file's metadata"), (fromSide.Source, fromFile.Source));
        foreach (var manifest in (Manifest[])[fromSide, fromFile])
        {
            Assert.Equal("detect", manifest.Task);
            Assert.Equal(["person", "driver's \"cab\", left: a", "on"], manifest.Labels!.Names!);
            Assert.Equal((640, 480), manifest.Input.OpenSize); // imgsz is height, width
            Assert.Equal(("[17, 3]", "Ultralytics"), (manifest.Metadata!["kpt_shape"], manifest.Metadata["author"]));
        }
    }

    [Theory]
    [InlineData("names: \"{0: 'red', 1: 'green'}\"")]
    [InlineData("names: ['red', 'green']")]
    [InlineData("names: {1: green, 0: red}")]
    public void Names_are_a_map_a_list_or_Pythons_text(string yaml) => Assert.Equal(["red", "green"], UltralyticsMetadata.Read(yaml).Labels!.Names!);

    [Fact]
    public void A_classifier_sees_zero_to_one_of_the_middle()
    {
        var input = UltralyticsMetadata.Read("{task: classify, imgsz: [224, 224]}").Input;
        Assert.Equal(("unit", ResizeMode.ShortestCrop, true), (input.Preset?.Name, input.Resize, input.Antialias));
    }

    [Theory]
    [InlineData("names: {0: red, 2: blue}", "metadata.yaml: names does not number its 2 classes from 0 to 1.")]
    [InlineData("names: \"{0: 'red'\"", "metadata.yaml: 'names' cannot be read: A Python literal needs ',' at position 9 of 9.")]
    [InlineData("- a", "metadata.yaml is not one YAML mapping (key: value).")]
    [InlineData("names: [", "metadata.yaml, line ")]
    [InlineData("{[a]: b}", "metadata.yaml, line 1: a key must be a text.")]
    public void What_is_malformed_is_refused_by_name(string yaml, string problem) => Assert.StartsWith(
        problem, Assert.Throws<ModelLoadException>(() => UltralyticsMetadata.Read(yaml)).Message, StringComparison.Ordinal);

    [Fact]
    public void Another_exporters_names_are_left_aside_with_a_warning()
    {
        var manifest = UltralyticsMetadata.Read(new Dictionary<string, string> { ["names"] = "red, green" });
        Assert.Null(manifest.Labels);
        Assert.Equal(["The file's metadata 'names' cannot be read: A Python literal needs a value at position 3 of 10."], manifest.Warnings);
    }

    [Fact]
    public void Aliases_of_aliases_end()
    {
        // Each level holds the one before it ten times: ten to the sixth values.
        var yaml = "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 6).Select(
            level => $"a{level}: &a{level} [{string.Join(", ", Enumerable.Repeat($"*a{level - 1}", 10))}]\n"));
        Assert.Equal(
            "metadata.yaml holds more than 200000 values.",
            Assert.Throws<ModelLoadException>(() => UltralyticsMetadata.Read(yaml)).Message);
    }
}
