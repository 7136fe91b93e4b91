using System.Security.Cryptography;
using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class ColorMapTests
{
    // hashlib.sha256(cmap(np.arange(256), bytes=True)[:, :3].tobytes()) with matplotlib 3.6.3
    [Theory]
    [InlineData("jet", "C1B7B97444EBEBFC30A590CE3EADA7CFFEFB868960C6C39FD4ED1FF7A40712E9")]
    [InlineData("viridis", "96A1F6F37D4041F953DEF955FFB8B9EA2110A9B4E3C9B701182D48F7A9774C58")]
    [InlineData("turbo", "8F5D5EDF6AF4AF0550FD7189CF2626A96A084C245B8AEFC59835BA5AB66C3F11")]
    [InlineData("inferno", "8092F65256023CEFA85FE1136F4F398A2A9F35E9FDF414176B33CCE639C44318")]
    public void All_colours_are_those_of_matplotlib(string name, string hash) =>
        Assert.Equal(hash, Convert.ToHexString(SHA256.HashData(ColorMap.Find(name)!.Rgb)));

    [Theory]
    [InlineData("jet", 0, 0, 0, 127)]
    [InlineData("jet", 128, 124, 255, 121)]
    [InlineData("jet", 255, 127, 0, 0)]
    [InlineData("viridis", 0, 68, 1, 84)]
    [InlineData("viridis", 255, 253, 231, 36)]
    [InlineData("turbo", 64, 40, 187, 235)]
    [InlineData("inferno", 200, 251, 157, 6)]
    public void Some_colours_can_be_read_here(string name, int index, int red, int green, int blue) =>
        Assert.Equal([(byte)red, (byte)green, (byte)blue], ColorMap.Find(name)!.Rgb.Slice(index * 3, 3).ToArray());

    [Fact]
    public void Names_are_found_in_any_case_and_others_are_not()
    {
        Assert.Equal(["jet", "viridis", "turbo", "inferno"], ColorMap.Names);
        Assert.Same(ColorMap.Jet, ColorMap.Find("JET"));
        Assert.Null(ColorMap.Find("hot"));
    }
}
