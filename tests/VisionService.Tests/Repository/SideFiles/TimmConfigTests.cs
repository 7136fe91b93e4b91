using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class TimmConfigTests
{
    [Fact]
    public void A_config_of_the_hub_is_the_recipe_of_the_evaluation()
    {
        var manifest = Read("""
            {
              "architecture": "resnet50", "num_classes": 3, "num_features": 2048,
              "label_names": ["n01440764", "b", "c"],
              "pretrained_cfg": {
                "tag": "a1_in1k", "custom_load": false, "input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "fixed_input_size": false,
                "interpolation": "bicubic", "crop_pct": 0.875, "test_crop_pct": 1.0, "crop_mode": "center",
                "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 3, "pool_size": [7, 7]
              }
            }
            """);
        Assert.Equal(("classify", "config.json"), (manifest.Task, manifest.Source));
        Assert.Equal(["n01440764", "b", "c"], manifest.Labels!.Names!);
        var input = manifest.Input;
        Assert.Equal(((224, 224), ResizeMode.ShortestCrop, 256), (input.Size, input.Resize, input.Shortest)); // 224 / .875
        Assert.Equal((Interpolation.Bicubic, true), (input.Interpolation, input.Antialias));
        Seen.Is(input, x => ((x / 255) - 0.456) / 0.224, channel: 1);
        Assert.Empty(manifest.Warnings);
    }

    [Theory]
    [InlineData(""" "crop_pct": 0.9 """, ResizeMode.ShortestCrop, 248)] // 248.9 rounded down
    [InlineData(""" "crop_pct": 1.0 """, ResizeMode.ShortestCrop, 224)]
    [InlineData(""" "input_size": [3, 224, 224] """, ResizeMode.ShortestCrop, 256)] // timm's default is .875
    [InlineData(""" "crop_pct": 1.0, "crop_mode": "squash" """, ResizeMode.Stretch, null)]
    [InlineData(""" "crop_pct": 1.0, "crop_mode": "border" """, ResizeMode.Letterbox, null)]
    internal void The_crop_is_timms(string more, ResizeMode resize, int? shortest)
    {
        var input = Read($$$"""{"pretrained_cfg": {"input_size": [3, 224, 224], {{{more}}}}}""").Input;
        Assert.Equal((resize, shortest), (input.Resize, input.Shortest));
    }

    [Fact]
    public void A_border_is_the_mean_of_the_training_set() =>
        Assert.Equal(128, Read("""{"pretrained_cfg": {"input_size": [3, 8, 8], "crop_mode": "border", "mean": [0.5, 0.5, 0.5]}}""").Input.Pad);

    [Fact]
    public void Labels_may_lie_in_the_recipe() =>
        Assert.Equal(["a", "b"], Read("""{"pretrained_cfg": {"label_names": ["a", "b"]}}""").Labels!.Names!);

    [Theory]
    [InlineData(""" "interpolation": "hamming" """, "'interpolation' is 'hamming', which is not known here")]
    [InlineData(""" "crop_mode": "corner" """, "'crop_mode' is 'corner', which is not known here")]
    [InlineData(""" "crop_mode": "squash", "crop_pct": 0.9 """, "'crop_mode' stretches before it cuts; here the shorter side is resized and the ratio kept")]
    public void What_is_not_known_is_warned_of(string more, string warning) =>
        Assert.Equal([warning], Read($$$"""{"pretrained_cfg": {"input_size": [3, 8, 8], {{{more}}}}}""").Warnings);

    private static Manifest Read(string json)
    {
        var config = SideSection.OfJson(json, "config.json");
        Assert.True(TimmConfig.IsTimm(config));
        return TimmConfig.Read(config);
    }
}
