using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>The label lists that so many models share that a manifest may just name them.</summary>
internal static class LabelSets
{
    private static readonly string[] Coco80 =
    [
        "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
        "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
        "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
        "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
        "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
        "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
        "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
        "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
        "teddy bear", "hair drier", "toothbrush",
    ];

    private static readonly string[] Voc20 =
    [
        "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
        "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ];

    private static readonly Dictionary<string, LabelList> Sets = new(StringComparer.Ordinal)
    {
        ["coco80"] = new(Coco80),
        ["voc20"] = new(Voc20),
        ["voc21"] = new(["background", .. Voc20]),
        ["face"] = new(["face"]),
    };

    /// <summary>Null where there is no set of that name.</summary>
    public static LabelList? Find(string name) => Sets.GetValueOrDefault(name);
}
