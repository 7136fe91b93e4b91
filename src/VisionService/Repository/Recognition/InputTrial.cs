using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Repository.Recognition;

/// <summary>
/// A model's file, shown pictures that the service draws, under whatever reading of its input: what it answers tells the
/// readings apart. The graph must be as the file has it; it is opened at the first run.
/// </summary>
/// <param name="image">The input that takes the picture.</param>
/// <param name="isInterleaved">Whether channels come last.</param>
internal sealed class InputTrial(Graph graph, Value image, ModelInput input, InputGeometry geometry, bool isInterleaved)
    : IDisposable
{
    private TrialSession? _session;

    public ModelInput Input => input;

    public bool IsInterleaved => isInterleaved;

    /// <summary>What the model answers to a picture.</summary>
    /// <param name="preset">How the pixels enter.</param>
    /// <exception cref="OnnxRuntimeException">The file cannot be opened or run.</exception>
    public IReadOnlyList<TrialOutput> Run(RgbImage picture, InputPreset preset) => RunBeside(picture, preset).After;

    /// <summary>The same, beside what went in.</summary>
    public (float[] Before, IReadOnlyList<TrialOutput> After) RunBeside(RgbImage picture, InputPreset preset)
    {
        _session ??= new TrialSession(graph.ToBytes());
        var planes = new byte[input.Channels * input.Height * input.Width];
        var fitted = geometry with { Width = input.Width, Height = input.Height, MultipleOf = 0 };
        Planes.Write(picture, fitted.Place(picture.SourceWidth, picture.SourceHeight), planes, input.Channels);
        long[] sides = isInterleaved ? [input.Height, input.Width, input.Channels] : [input.Channels, input.Height, input.Width];
        var values = Prepare(planes, preset);
        return (values, _session.Run(image.Name, values, image.Shape!.Count == 4 ? [1, .. sides] : sides));
    }

    public void Dispose() => _session?.Dispose();

    private float[] Prepare(byte[] planes, InputPreset preset)
    {
        var area = input.Height * input.Width;
        var values = new float[planes.Length];
        for (var channel = 0; channel < input.Channels; channel++)
        {
            var source = preset.Color == InputColor.Bgr && input.Channels == 3 ? 2 - channel : channel;
            var (mean, std) = (At(preset.Mean, channel, 0), At(preset.Std, channel, 1));
            for (var i = 0; i < area; i++)
            {
                var pixel = preset.Invert ? 255 - planes[(source * area) + i] : planes[(source * area) + i];
                values[isInterleaved ? (i * input.Channels) + channel : (channel * area) + i] =
                    (float)(((pixel * preset.Scale) - mean) / std);
            }
        }

        return values;
    }

    private static double At(IReadOnlyList<double> values, int channel, double neutral) =>
        values.Count == 0 ? neutral : values[Math.Min(channel, values.Count - 1)];
}
