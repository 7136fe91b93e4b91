namespace VisionService.Api.Http;

/// <summary>A task that answers images with the JSON of its HTTP endpoint, for whoever has the images from
/// elsewhere.</summary>
internal interface IImageTask
{
    string Task { get; }

    /// <summary>One JSON text for each image, in their order: its answer, or <c>{"error": "..."}</c> where it is one of
    /// several and failed.</summary>
    /// <param name="said">Parameters as for the endpoint, not yet checked.</param>
    /// <param name="caller">As in <see cref="CallOrigin"/>.</param>
    /// <exception cref="VisionException">The call as a whole fails; with one image, its problem too.</exception>
    Task<IReadOnlyList<byte[]>> AnswerAsync(
        VisionPipeline pipeline,
        IReadOnlyList<EncodedImage> images,
        IEnumerable<(string Name, IReadOnlyList<string> Values)> said,
        object? caller,
        CancellationToken cancellationToken);
}

internal sealed record ImageProblem(string Error);
