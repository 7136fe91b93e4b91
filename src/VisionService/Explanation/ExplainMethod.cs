namespace VisionService.Explanation;

/// <summary>How an answer is explained.</summary>
internal enum ExplainMethod
{
    /// <summary>Class weights over activations, where the head is an average and a linear step.</summary>
    Cam,
    GradCam,
    GradCamPlusPlus,
    HiResCam,
    LayerCam,
    XGradCam,
    EigenCam,
    ScoreCam,
    Saliency,
    IntegratedGradients,
    SmoothGrad,
    GuidedBackprop,
    Occlusion,
    Rise,

    /// <summary>Not why, but what: the feature maps of a layer.</summary>
    Activations,
}

/// <summary>The methods by the names that callers use.</summary>
internal static class ExplainMethods
{
    /// <summary>The best that the model allows.</summary>
    public const string Auto = "auto";

    public static IReadOnlyDictionary<string, ExplainMethod> ByName { get; } = new Dictionary<string, ExplainMethod>
    {
        ["cam"] = ExplainMethod.Cam,
        ["gradcam"] = ExplainMethod.GradCam,
        ["gradcam++"] = ExplainMethod.GradCamPlusPlus,
        ["hirescam"] = ExplainMethod.HiResCam,
        ["layercam"] = ExplainMethod.LayerCam,
        ["xgradcam"] = ExplainMethod.XGradCam,
        ["eigencam"] = ExplainMethod.EigenCam,
        ["scorecam"] = ExplainMethod.ScoreCam,
        ["saliency"] = ExplainMethod.Saliency,
        ["integrated_gradients"] = ExplainMethod.IntegratedGradients,
        ["smoothgrad"] = ExplainMethod.SmoothGrad,
        ["guided_backprop"] = ExplainMethod.GuidedBackprop,
        ["occlusion"] = ExplainMethod.Occlusion,
        ["rise"] = ExplainMethod.Rise,
        ["activations"] = ExplainMethod.Activations,
    };

    public static string Name(ExplainMethod method) => ByName.First(pair => pair.Value == method).Key;

    /// <summary>Whether it needs a layer that lies over the picture.</summary>
    public static bool NeedsLayer(this ExplainMethod method) => method
        is ExplainMethod.Cam or ExplainMethod.EigenCam or ExplainMethod.ScoreCam or ExplainMethod.Activations || method.WeighsActivations();

    /// <summary>Whether it combines a layer's activations with their gradients.</summary>
    public static bool WeighsActivations(this ExplainMethod method) => method
        is ExplainMethod.GradCam or ExplainMethod.GradCamPlusPlus or ExplainMethod.HiResCam or ExplainMethod.LayerCam or ExplainMethod.XGradCam;

    /// <summary>Whether it needs the gradient with respect to the pixels.</summary>
    public static bool NeedsPixelGradient(this ExplainMethod method) => method
        is ExplainMethod.Saliency or ExplainMethod.IntegratedGradients or ExplainMethod.SmoothGrad or ExplainMethod.GuidedBackprop;
}
