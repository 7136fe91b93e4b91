using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class TensorFlowFilesTests
{
    [Fact]
    public void Labels_go_by_id_from_one_and_holes_keep_their_numbers()
    {
        var manifest = TensorFlowFiles.ReadLabels("""
            item { name: "/m/01g317" id: 1 display_name: "person" }
            item { id: 4
              name: 'dog, "brown"' }
            item { name: "/m/0199g" id: 2 display_name: "driver's cab" }
            """);
        Assert.Equal(["person", "driver's cab", "3", "dog, \"brown\""], manifest.Labels!.Names!);
        Assert.Equal((1, "label_map.pbtxt"), (manifest.Output.LabelOffset, manifest.Source));
    }

    [Fact]
    public void Labels_may_go_from_zero()
    {
        var manifest = TensorFlowFiles.ReadLabels("item { id: 0 name: 'a' } item { id: 1 name: 'b' }");
        Assert.Equal(["a", "b"], manifest.Labels!.Names!);
        Assert.Equal(0, manifest.Output.LabelOffset);
    }

    [Theory]
    [InlineData("", "label_map.pbtxt has no labels.")]
    [InlineData("item { id: 1 }", "label_map.pbtxt: an item has no id or no name.")]
    [InlineData("item { name: 'a' }", "label_map.pbtxt: an item has no id or no name.")]
    [InlineData("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "label_map.pbtxt names class 1 twice.")]
    [InlineData("item { id: 2000000000 name: 'a' }", "label_map.pbtxt: item: 'id' must be a whole number from 0 to 100000, not '2000000000'.")]
    [InlineData("item {", "label_map.pbtxt, line 1: a field's name is wanted, not the end.")]
    public void What_is_no_label_map_is_refused(string text, string problem) =>
        Assert.Equal(problem, Assert.Throws<ModelLoadException>(() => TensorFlowFiles.ReadLabels(text)).Message);

    [Fact]
    public void A_fixed_size_is_what_the_graph_resizes_to()
    {
        var input = TensorFlowFiles.ReadPipeline("""
            model { ssd { num_classes: 90 image_resizer { fixed_shape_resizer { height: 300 width: 320 } } } }
            train_config { batch_size: 24 }
            """).Input;
        Assert.Equal(((320, 300), ResizeMode.Stretch), (input.OpenSize, input.Resize));
    }

    [Fact]
    public void Another_resizer_is_left_to_the_graph_with_a_warning()
    {
        var manifest = TensorFlowFiles.ReadPipeline(
            "model { faster_rcnn { image_resizer { keep_aspect_ratio_resizer { min_dimension: 600 max_dimension: 1024 } } } }");
        Assert.Null(manifest.Input.OpenSize);
        Assert.Equal(["ignored: it fixes no size, and the rest is in the graph"], manifest.Warnings);
    }
}
