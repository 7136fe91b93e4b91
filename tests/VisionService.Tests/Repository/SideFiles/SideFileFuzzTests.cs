using VisionService.Repository;

namespace VisionService.Tests.Repository.SideFiles;

/// <summary>Whatever a side file holds, it is read or refused with a reason; it never breaks the loader.</summary>
public class SideFileFuzzTests
{
    private const string Pieces = "{}[]<>:,\"'\\/#&*-|!%@0159.eE+ \n\t\0nulltruexé\uD83D";

    private static readonly Dictionary<string, string> Samples = new()
    {
        ["config.pbtxt"] = """
            name: "x" max_batch_size: 8 input [ { name: "a" dims: [ 3, 224, 224 ] format: FORMAT_NCHW } ] # comment
            output { name: 'b\n\101' label_filename: "l.txt" } instance_group [ { count: 2 kind: KIND_GPU } ]
            dynamic_batching { max_queue_delay_microseconds: 5 default_queue_policy < max_queue_size: 4 > } version_policy { specific { versions: [1] } }
            """,
        ["preprocessor_config.json"] = """
            {"do_resize": true, "size": {"shortest_edge": 256}, "crop_size": [224, 224], "image_mean": [0.5, 0.5, 0.5], "image_std": 0.5,
             "rescale_factor": 0.0039, "resample": 3, "image_processor_type": "ConvNextImageProcessorFast", "crop_pct": null}
            """,
        ["processor_config.json"] = """{"image_processor": {"size": 224, "do_rescale": "true", "image_mean": [1], "image_std": [2]}}""",
        ["config.json"] = """
            {"architectures": ["XForImageClassification"], "id2label": {"0": "a\u00e9", "1": "\"b\""}, "image_size": [1, 2], "pretrained_cfg":
             {"mean": [0.1], "std": [0.2], "input_size": [3, 8, 8], "crop_mode": "border", "interpolation": "bicubic", "label_names": ["a"]}}
            """,
        ["pipeline.json"] = """
            {"pipeline": {"tasks": [{"transforms": [{"type": "Resize", "size": [256, -1]}, {"type": "CenterCrop", "crop_size": 224},
             {"type": "Normalize", "mean": [1, 2, 3], "std": [4, 5, 6], "to_rgb": true}, {"type": "Pad", "size_divisor": 32, "pad_val": {"img": [1]}}]}]}}
            """,
        ["detail.json"] = """{"codebase_config": {"task": "Classification"}}""",
        ["deploy.json"] = """{"task": "Detector"}""",
        ["infer_cfg.yml"] = "Preprocess:\n- {type: Resize, target_size: [8, 9], interp: 2}\n- type: NormalizeImage\n  mean: &m [0.5]\n  std: *m\nlabel_list:\n- 'a''b'\n",
        ["label_map.pbtxt"] = "item { id: 1 name: 'a' }\nitem { id: 3 display_name: \"b\" }",
        ["pipeline.config"] = "model { ssd { image_resizer { fixed_shape_resizer { height: 300 width: 300 } } } }",
        ["metadata.yaml"] = "task: classify\nimgsz: [8, 8]\nnames: {0: 'a', 1: \"b\\x41\"}\nkpt_shape:\n- 17\n- 3\n",
    };

    public static TheoryData<string> Files => [.. ModelSettings.Files];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_is_cut_mixed_or_made_up_is_read_or_refused_by_name(string file)
    {
        ModelSettings.ReadFile(file, Samples[file]); // as it is, it is fine
        var random = new Random(20261122);
        for (var i = 0; i < 3000; i++)
        {
            var text = Samples[file].ToList();
            for (var edits = random.Next(1, 6); edits > 0; edits--)
            {
                var at = random.Next(text.Count + 1);
                switch (random.Next(4))
                {
                    case 0:
                        text.Insert(at, Pieces[random.Next(Pieces.Length)]);
                        break;
                    case 1:
                        text.RemoveRange(at, Math.Min(random.Next(4), text.Count - at));
                        break;
                    case 2:
                        text.RemoveRange(at, text.Count - at);
                        break;
                    default:
                        text.InsertRange(at, text.Skip(random.Next(text.Count + 1)).Take(random.Next(20)).ToArray());
                        break;
                }
            }

            try
            {
                Assert.Equal(file, ModelSettings.ReadFile(file, string.Concat(text)).Source);
            }
            catch (ModelLoadException exception)
            {
                Assert.Contains(file, exception.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Half_a_character_is_refused() => Assert.StartsWith(
        "config.json holds what is no text: ",
        Assert.Throws<ModelLoadException>(() => ModelSettings.ReadFile("config.json", """{"model_type": "\ud800"}""")).Message,
        StringComparison.Ordinal);
}
