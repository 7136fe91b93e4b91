using System.Text.Json;
using VisionService.Inference;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Explanation;

/// <summary>The arrays of one network in ../shared/data/explain; its manifest says what they are.</summary>
internal sealed class ReferenceNet(string name)
{
    public const int Items = 2;

    public static readonly string[] Names =
        ["vgg", "resnet_v1", "mobilenet_v2", "densenet", "unet", "yolo", "zoo_a", "vit"];

    public static readonly string[] Taps = ["feat", "mid"];

    private readonly JsonElement _manifest = JsonDocument
        .Parse(SharedFiles.Bytes("explain/manifest.json")).RootElement.GetProperty("nets").GetProperty(name);

    public ModelInput Input
    {
        get
        {
            var shape = Array("x").Shape;
            return new ModelInput(shape[1], shape[2], shape[3]);
        }
    }

    public string Model => SharedFiles.Path($"explain/{name}/{name}_op17_folded.onnx");

    public Npy Array(string array) => Npy.Read(SharedFiles.Path($"explain/{name}/{array}.npy"));

    /// <summary>One item's values.</summary>
    public float[] Item(string array, int item)
    {
        var values = Array(array).F32;
        var length = values.Length / Items;
        return values.Slice(item * length, length).ToArray();
    }

    /// <summary>A tap, or the gradient there, as [K, h, w].</summary>
    public (float[] Values, ModelInput Shape) Map(string array, int item)
    {
        var (shape, values) = (Array(array).Shape, Item(array, item));
        if (!_manifest.TryGetProperty("reshape_for_cam", out var tokens) || tokens.ValueKind != JsonValueKind.Object)
        {
            return (values, new ModelInput(shape[1], shape[2], shape[3]));
        }

        // [tokens, K], the class token first.
        var map = new ModelInput(shape[2], tokens.GetProperty("h").GetInt32(), tokens.GetProperty("w").GetInt32());
        var skip = tokens.GetProperty("skip").GetInt32();
        var planes = new float[map.Length];
        for (var i = 0; i < planes.Length; i++)
        {
            planes[i] = values[((skip + (i % map.Area)) * map.Channels) + (i / map.Area)];
        }

        return (planes, map);
    }

    public bool IsIllConditioned(string tap, string map) =>
        _manifest.GetProperty("cam_ill_conditioned").GetProperty(tap).EnumerateArray()
            .Any(one => one.GetString() == map);

    public int Target(int item) =>
        _manifest.GetProperty("targets").GetProperty("class").GetProperty("index")[item].GetInt32();
}
