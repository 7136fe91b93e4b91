namespace VisionService.Repository;

/// <summary>
/// Whether an ONNX file is there to its end, told from the lengths in it: a copy that is under way ends within a field, or,
/// where its room was taken beforehand, in zeros, which no field begins with. Follows the model and its graph, skips
/// everything in them, and so costs next to nothing. Source: protobuf's encoding; ONNX' ModelProto, whose field 7 is the
/// graph.
/// </summary>
internal static class WholeOnnx
{
    private const int GraphField = 7;

    // As many fields as any graph has, and then some: tensors and nodes are one each.
    private const int MaxFields = 10_000_000;

    private enum Wire
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    public static bool Is(Stream file) =>
        file.Length > 0 && WalkTo(file, file.Length, isModel: true, fields: 0) is not null;

    /// <returns>How many fields there were in all; null where they do not end at the end.</returns>
    private static int? WalkTo(Stream file, long end, bool isModel, int fields)
    {
        while (file.Position < end)
        {
            if (++fields > MaxFields || Varint(file) is not { } tag || tag >> 3 == 0)
            {
                return null;
            }

            var length = (Wire)(tag & 7) switch
            {
                Wire.Varint => Varint(file) is null ? -1 : 0,
                Wire.Fixed64 => 8,
                Wire.Fixed32 => 4,
                Wire.Bytes => Varint(file) is { } bytes and <= long.MaxValue ? (long)bytes : -1,
                _ => -1,
            };
            if (length < 0 || length > end - file.Position)
            {
                return null;
            }

            if (isModel && tag == (GraphField << 3 | (int)Wire.Bytes))
            {
                if (WalkTo(file, file.Position + length, isModel: false, fields) is not { } seen)
                {
                    return null;
                }

                fields = seen;
            }
            else
            {
                file.Seek(length, SeekOrigin.Current);
            }
        }

        return file.Position == end ? fields : null;
    }

    private static ulong? Varint(Stream file)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = file.ReadByte();
            if (next < 0)
            {
                return null;
            }

            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        return null;
    }
}
