using System.Collections;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using VisionService.Imaging;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Api.Grpc;

/// <summary>Reads a task's request message: the image, the picture that is wanted, and every other field as the parameter of
/// its name, so that tables, messages and defaults are those of REST.</summary>
internal static class RequestFields
{
    private const string ImageField = "image";
    private const string PictureField = "picture";

    /// <summary>The fields that are set, as texts, not yet checked.</summary>
    public static IEnumerable<(string Name, IReadOnlyList<string> Values)> Said(IMessage request)
    {
        foreach (var field in request.Descriptor.Fields.InFieldNumberOrder().Where(field => field.Name is not (ImageField or PictureField)))
        {
            if (field.IsRepeated)
            {
                if (field.Accessor.GetValue(request) is IList { Count: > 0 } values)
                {
                    yield return (field.Name, [.. values.Cast<object>().Select(Text)]);
                }
            }
            else if (field.Accessor.HasValue(request))
            {
                yield return (field.Name, [Text(field.Accessor.GetValue(request))]);
            }
        }
    }

    /// <summary>The image, in the message's own memory.</summary>
    /// <exception cref="VisionException">There is none, or one that is too large.</exception>
    public static SentImage Image(IMessage request, ImagingOptions limits)
    {
        var image = (Proto.Image?)request.Descriptor.FindFieldByName(ImageField).Accessor.GetValue(request);
        return image switch
        {
            { ContentCase: Proto.Image.ContentOneofCase.Pixels, Pixels: var pixels } => new BareImage(
                pixels.Data.Memory,
                new RawPixels(pixels.Width, pixels.Height, Stride(pixels), Format(pixels.Format))),
            { Encoded.IsEmpty: false } => new EncodedImage(image.Encoded.Memory, limits.MaxBytes, EncodedImage.MaxBytesName),
            _ => throw new VisionException(VisionError.InvalidRequest, "The request holds no image."),
        };
    }

    /// <summary>The form in which to draw the answer; null: not at all.</summary>
    public static PictureFormat? Picture(IMessage request)
    {
        var field = request.Descriptor.FindFieldByName(PictureField);
        return field is null ? null : (Proto.PictureFormat)field.Accessor.GetValue(request) switch
        {
            Proto.PictureFormat.PictureNone => null,
            Proto.PictureFormat.PictureJpeg => PictureFormat.Jpeg,
            Proto.PictureFormat.PicturePng => PictureFormat.Png,
            var other => throw Unknown(PictureField, other, field.EnumType),
        };
    }

    private static int Stride(Proto.Pixels pixels) => pixels.Stride >= 0 ? pixels.Stride : throw new VisionException(
        VisionError.InvalidRequest, $"Field 'stride' must be 0 or more, not '{pixels.Stride}'.");

    private static PixelFormat Format(Proto.Pixels.Types.Format format) => format switch
    {
        Proto.Pixels.Types.Format.Rgb => PixelFormat.Rgb,
        Proto.Pixels.Types.Format.Bgr => PixelFormat.Bgr,
        Proto.Pixels.Types.Format.Rgba => PixelFormat.Rgba,
        Proto.Pixels.Types.Format.Bgra => PixelFormat.Bgra,
        Proto.Pixels.Types.Format.Grey => PixelFormat.Grey,
        _ => throw Unknown("format", format, Proto.Pixels.Descriptor.EnumTypes[0]),
    };

    private static VisionException Unknown(string field, Enum value, EnumDescriptor type) => new(
        VisionError.InvalidRequest,
        $"Field '{field}' must be one of {string.Join(", ", type.Values.Select(known => known.Name))}, not '{value:D}'.");

    private static string Text(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
