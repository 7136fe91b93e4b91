using System.Buffers;
using System.Runtime.InteropServices;

namespace VisionService.Imaging;

/// <summary>libturbojpeg, found at run time: several times as fast as managed code, and able to decode at 1/2, 1/4 and
/// 1/8 for a fraction of the work.</summary>
/// <remarks>The TurboJPEG 2 interface, which version 3 still carries. A decompressor per thread, freed with the
/// thread.</remarks>
internal sealed unsafe class TurboJpeg
{
    private const int FormatRgb = 0;
    private const int FormatCmyk = 11;

    private static readonly string[] Names =
        ["libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.dylib", "libturbojpeg.dll", "turbojpeg"];

    // The library is never unloaded: threads may hold decompressors as long as the process lives.
    private static readonly Lazy<TurboJpeg?> Library = new(TryLoad);

    [ThreadStatic]
    private static Decompressor? _decompressor;

    private readonly delegate* unmanaged<nint> _create;
    private readonly delegate* unmanaged<nint, int> _destroy;
    private readonly delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int> _readHeader;
    private readonly delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int> _decompress;
    private readonly delegate* unmanaged<nint, nint> _errorText;
    private readonly delegate* unmanaged<nint, int> _errorCode;

    private TurboJpeg(nint library)
    {
        _create = (delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "tjInitDecompress");
        _destroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "tjDestroy");
        _readHeader = (delegate* unmanaged<nint, byte*, CULong, int*, int*, int*, int*, int>)
            NativeLibrary.GetExport(library, "tjDecompressHeader3");
        _decompress = (delegate* unmanaged<nint, byte*, CULong, byte*, int, int, int, int, int, int>)
            NativeLibrary.GetExport(library, "tjDecompress2");
        _errorText = (delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(library, "tjGetErrorStr2");
        _errorCode = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "tjGetErrorCode");
    }

    /// <summary>Whether the library is installed.</summary>
    public static bool IsInstalled => Library.Value is not null;

    /// <summary>The library; null when it is not wanted, or not installed.</summary>
    /// <param name="wanted">As <see cref="ImagingOptions.UseTurbo"/>.</param>
    /// <exception cref="DllNotFoundException">It is insisted on and not installed.</exception>
    public static TurboJpeg? Load(bool? wanted) => wanted switch
    {
        false => null,
        null => Library.Value,
        true => Library.Value ?? throw new DllNotFoundException(
            $"Imaging:UseTurbo is true, but none of {string.Join(", ", Names)} can be loaded; install libturbojpeg."),
    };

    /// <summary>The picture as stored, at 1/<paramref name="denominator"/>: not yet turned upright.</summary>
    /// <exception cref="VisionException">InvalidImage.</exception>
    public RgbImage Decode(ReadOnlySpan<byte> encoded, ImageHeader header, int denominator)
    {
        var width = (header.Width + denominator - 1) / denominator;
        var height = (header.Height + denominator - 1) / denominator;
        var image = new RgbImage(width, height, header.Width, header.Height)
        {
            Extent = new PixelBox(0, 0, (double)header.Width / denominator, (double)header.Height / denominator),
        };
        try
        {
            if (header.IsCmyk)
            {
                DecodeCmyk(encoded, header, image);
            }
            else
            {
                Decompress(encoded, header, image.Pixels, width, height, FormatRgb);
            }

            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private void DecodeCmyk(ReadOnlySpan<byte> encoded, ImageHeader header, RgbImage image)
    {
        var rented = ArrayPool<byte>.Shared.Rent(image.Width * image.Height * 4);
        try
        {
            var inks = rented.AsSpan(0, image.Width * image.Height * 4);
            Decompress(encoded, header, inks, image.Width, image.Height, FormatCmyk);
            var pixels = image.Pixels;
            var inversion = header.IsAdobe ? 0 : 255; // Adobe stores the paper that is left, not the ink
            for (var (i, j) = (0, 0); i < pixels.Length; i += 3, j += 4)
            {
                var black = inks[j + 3] ^ inversion;
                pixels[i] = (byte)((((inks[j] ^ inversion) * black) + 127) / 255);
                pixels[i + 1] = (byte)((((inks[j + 1] ^ inversion) * black) + 127) / 255);
                pixels[i + 2] = (byte)((((inks[j + 2] ^ inversion) * black) + 127) / 255);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Decompress(ReadOnlySpan<byte> encoded, ImageHeader header, Span<byte> pixels, int width, int height, int format)
    {
        // Taken off the thread while it works, and put back only after a success: a decompressor that failed in the
        // middle of one file would go on there with the next.
        var decompressor = _decompressor ?? new Decompressor(this);
        _decompressor = null;
        try
        {
            fixed (byte* source = encoded, target = pixels)
            {
                Decompress(decompressor.DangerousGetHandle(), source, encoded.Length, header, target, width, height, format);
            }

            (_decompressor, decompressor) = (decompressor, null);
        }
        finally
        {
            decompressor?.Dispose();
        }
    }

    private void Decompress(nint handle, byte* source, int bytes, ImageHeader header, byte* target, int width, int height, int format)
    {
        var length = new CULong((nuint)bytes);
        int fullWidth, fullHeight, subsampling, colors;
        if (_readHeader(handle, source, length, &fullWidth, &fullHeight, &subsampling, &colors) != 0 && IsFatal(handle))
        {
            throw Broken(handle);
        }

        // Two readers of one header must agree before the second writes into memory that the first measured.
        if (fullWidth != header.Width || fullHeight != header.Height)
        {
            throw ImageHeader.Broken(ImageFormat.Jpeg, "its size is ambiguous");
        }

        if (_decompress(handle, source, length, target, width, 0, height, format, 0) != 0
            && (IsFatal(handle) || !IsHarmless(Text(handle))))
        {
            throw Broken(handle);
        }
    }

    // Anything else that libjpeg merely warns of leaves part of the picture grey.
    private static bool IsHarmless(string warning) =>
        warning.Contains("extraneous bytes", StringComparison.Ordinal)
        || warning.Contains("Adobe color transform", StringComparison.Ordinal)
        || warning.Contains("JFIF", StringComparison.Ordinal);

    private bool IsFatal(nint handle) => _errorCode(handle) != 0;

    private string Text(nint handle) => Marshal.PtrToStringUTF8(_errorText(handle)) ?? "";

    private VisionException Broken(nint handle) => ImageHeader.Broken(ImageFormat.Jpeg, Text(handle));

    private static TurboJpeg? TryLoad()
    {
        foreach (var name in Names)
        {
            if (NativeLibrary.TryLoad(name, out var library))
            {
                return new TurboJpeg(library);
            }
        }

        return null;
    }

    private sealed class Decompressor : SafeHandle
    {
        private readonly TurboJpeg _library;

        public Decompressor(TurboJpeg library)
            : base(0, ownsHandle: true)
        {
            _library = library;
            SetHandle(library._create());
            if (IsInvalid)
            {
                throw new InsufficientMemoryException("libturbojpeg could not make a decompressor.");
            }
        }

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => _library._destroy(handle) == 0;
    }
}
