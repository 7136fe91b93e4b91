namespace VisionService.Explanation;

/// <summary>How the activations A of a target layer and the score's gradients G there become one map.</summary>
internal enum CamMethod
{
    /// <summary>Each channel weighs its mean gradient (Selvaraju 2017).</summary>
    GradCam,

    /// <summary>Positive gradients, weighted by how much each place decides alone (Chattopadhay 2018).</summary>
    GradCamPlusPlus,

    /// <summary>G * A, place by place (Draelos 2020).</summary>
    HiResCam,

    /// <summary>Positive gradients times A, place by place (Jiang 2021).</summary>
    LayerCam,

    /// <summary>Each channel weighs its gradients averaged by its own activation (Fu 2020).</summary>
    XGradCam,

    /// <summary>The first principal component of A: needs no gradient and names no class (Muhammad 2020).</summary>
    EigenCam,

    /// <summary>The positive part of G * A, place by place.</summary>
    ElementwiseGradCam,

    /// <summary>The first principal component of G * A.</summary>
    EigenGradCam,
}
