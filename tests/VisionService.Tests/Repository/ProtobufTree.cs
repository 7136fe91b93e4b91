using Google.Protobuf;

namespace VisionService.Tests.Repository;

/// <summary>A protobuf message whose fields can be damaged one by one, without its description: what can be read as a
/// message is taken for one.</summary>
internal sealed class ProtobufTree
{
    private static readonly ulong[] Odd =
    [
        0, 1, 2, 7, 16, 255, 1 << 16, int.MaxValue, 1UL << 31, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue,
    ];

    private readonly List<Field> _fields;

    public ProtobufTree(byte[] message)
    {
        _fields = TryParse(message) ?? throw new ArgumentException("This is no message.");
    }

    /// <summary>Leaves a field out, has one twice, or gives one another value.</summary>
    public void Change(Random random)
    {
        var all = Everywhere(_fields).ToArray();
        if (all.Length == 0)
        {
            return;
        }

        var (siblings, field) = all[random.Next(all.Length)];
        switch (random.Next(6))
        {
            case 0:
                siblings.Remove(field);
                break;
            case 1:
                siblings.Insert(random.Next(siblings.Count + 1), field.Copy());
                break;
            case 2:
                // What another field of the same kind says: a name, a type, a tensor.
                var others = all.Where(other => other.Field.Tag == field.Tag).ToArray();
                field.Take(others[random.Next(others.Length)].Field.Copy());
                break;
            default:
                field.Number = random.Next(3) == 0
                    ? Odd[random.Next(Odd.Length)]
                    : field.Number + (ulong)random.Next(-3, 4);
                field.Bytes = field.Fields is null && field.Bytes.Length > 0
                    ? field.Bytes[..random.Next(field.Bytes.Length)]
                    : field.Bytes;
                break;
        }
    }

    public byte[] ToBytes() => Write(_fields);

    private static IEnumerable<(List<Field> Siblings, Field Field)> Everywhere(List<Field> fields) =>
        fields.SelectMany(field => Everywhere(field.Fields ?? []).Prepend((fields, field)));

    private static List<Field>? TryParse(byte[] bytes)
    {
        try
        {
            return Parse(new CodedInputStream(bytes), bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static List<Field>? Parse(CodedInputStream input, byte[] bytes)
    {
        var fields = new List<Field>();
        while (input.Position < bytes.Length)
        {
            var field = new Field { Tag = input.ReadTag() };
            switch (WireFormat.GetTagWireType(field.Tag))
            {
                case WireFormat.WireType.Varint:
                    field.Number = input.ReadUInt64();
                    break;
                case WireFormat.WireType.Fixed32:
                    field.Number = input.ReadFixed32();
                    break;
                case WireFormat.WireType.Fixed64:
                    field.Number = input.ReadFixed64();
                    break;
                case WireFormat.WireType.LengthDelimited:
                    field.Bytes = input.ReadBytes().ToByteArray();
                    field.Fields = field.Bytes.Length < 2 ? null : TryParse(field.Bytes);
                    break;
                default:
                    return null;
            }

            fields.Add(field);
        }

        return fields;
    }

    private static byte[] Write(List<Field> fields)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream))
        {
            foreach (var field in fields)
            {
                output.WriteTag(field.Tag);
                switch (WireFormat.GetTagWireType(field.Tag))
                {
                    case WireFormat.WireType.Varint:
                        output.WriteUInt64(field.Number);
                        break;
                    case WireFormat.WireType.Fixed32:
                        output.WriteFixed32((uint)field.Number);
                        break;
                    case WireFormat.WireType.Fixed64:
                        output.WriteFixed64(field.Number);
                        break;
                    default:
                        output.WriteBytes(ByteString.CopyFrom(field.Fields is null ? field.Bytes : Write(field.Fields)));
                        break;
                }
            }
        }

        return stream.ToArray();
    }

    private sealed class Field
    {
        public uint Tag { get; init; }

        public ulong Number { get; set; }

        public byte[] Bytes { get; set; } = [];

        public List<Field>? Fields { get; set; }

        public Field Copy() => new()
        {
            Tag = Tag,
            Number = Number,
            Bytes = Bytes,
            Fields = Fields?.ConvertAll(static field => field.Copy()),
        };

        public void Take(Field other) => (Number, Bytes, Fields) = (other.Number, other.Bytes, other.Fields);
    }
}
