using OnnxGraph.Proto;

namespace OnnxGraph.Tests;

public class TensorTests
{
    [Fact]
    public void It_keeps_shape_and_elements()
    {
        var tensor = Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3);
        Assert.Equal("Float [2, 3]", tensor.ToString());
        Assert.Equal([1f, 2, 3, 4, 5, 6], tensor.ToFloats());
        Assert.Equal("Int64 [2]", Tensor.Of([7L, 8L]).ToString());
        Assert.Equal("Float []", Tensor.Scalar(1f).ToString());
    }

    [Fact]
    public void Elements_that_do_not_fill_the_shape_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => Tensor.Of([1f, 2f, 3f], 2, 2));
        Assert.Equal("3 elements do not fill the shape [2, 2].", error.Message);
    }

    [Fact]
    public void Every_type_of_number_is_read_as_floats()
    {
        Tensor[] tensors =
        [
            Tensor.Of([(Half)1.5]), Tensor.Of([1.5]), Tensor.Of([2]), Tensor.Of([(sbyte)-2]), Tensor.Of([true]), Tensor.Of(new byte[] { 200 }),
        ];
        Assert.Equal([1.5f, 1.5f, 2, -2, 1, 200], tensors.Select(tensor => tensor.ToFloats().Single()));
    }

    [Fact]
    public void Elements_in_typed_lists_are_read_as_those_in_raw_data()
    {
        Assert.Equal([1.5f], new Tensor(new() { DataType = 1, Dims = { 1 }, FloatData = { 1.5f } }).ToFloats());
        Assert.Equal([-3L], new Tensor(new() { DataType = 7, Dims = { 1 }, Int64Data = { -3 } }).ToInt64s());
        Assert.Equal([1f], new Tensor(new() { DataType = 10, Dims = { 1 }, Int32Data = { 0x3C00 } }).ToFloats());     // 1 as half
        Assert.Equal([1f], new Tensor(new() { DataType = 16, Dims = { 1 }, Int32Data = { 0x3F80 } }).ToFloats());     // 1 as bfloat16
    }

    [Fact]
    public void Missing_elements_are_reported_with_the_tensors_name()
    {
        var tensor = new Tensor(new TensorProto { Name = "w", DataType = 1, Dims = { 2 }, FloatData = { 1 } });
        Assert.Contains("'w' of shape [2] needs 2 elements and has 1", Assert.Throws<OnnxGraphException>(tensor.ToFloats).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_is_no_number()
    {
        var tensor = new Tensor(new TensorProto { Name = "names", DataType = (int)ElementType.String, Dims = { 0 } });
        Assert.Contains("'names' holds String", Assert.Throws<OnnxGraphException>(tensor.ToInt64s).Message, StringComparison.Ordinal);
    }
}
