using VisionService.Api.Access;

namespace VisionService.Tests.Api.Access;

public class ApiKeyTests
{
    private const string Secrets = "id=0123456789abcdef salt=AAAAAAAAAAAAAAAAAAAAAA hash=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    [Fact]
    public void A_key_is_its_own_text_and_no_other()
    {
        var (key, text) = ApiKey.Create("shop", Role.Infer, null, null, null);
        var (other, otherText) = ApiKey.Create("shop", Role.Infer, null, null, null);
        Assert.Matches("^vs_[0-9a-f]{16}_[-_0-9A-Za-z]{43}$", text);
        Assert.True(key.IsOf(text));
        Assert.False(key.IsOf(otherText));
        Assert.False(key.IsOf(text[..^1] + (text[^1] == 'A' ? 'E' : 'A')));
        Assert.False(key.IsOf(""));
        Assert.False(key.IsOf(new string('x', 10_000)));
        Assert.Equal(key.Id, ApiKey.IdIn(text));
        Assert.NotEqual((key.Id, Convert.ToHexString(key.Salt)), (other.Id, Convert.ToHexString(other.Salt)));
        Assert.DoesNotContain(text.Split('_', 3)[2], key.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("vs_")]
    [InlineData("vs_0123456789abcdef_")]
    [InlineData("xy_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void What_has_not_the_form_is_no_key(string text) => Assert.Null(ApiKey.IdIn(text));

    [Theory]
    [InlineData($"name=shop role=infer {Secrets}")]
    [InlineData($"name=a-b_c.d@e role=admin rate=50/s concurrency=8 expires=2027-01-31T12:00:00Z {Secrets}")]
    [InlineData($"name=shop role=infer rate=1/d {Secrets}")]
    public void A_line_is_read_as_it_is_written(string line) => Assert.Equal(line, ApiKey.Parse(line).ToString());

    [Fact]
    public void A_date_alone_is_its_beginning_in_UTC() => Assert.Equal(
        new DateTimeOffset(2027, 1, 31, 0, 0, 0, TimeSpan.Zero),
        ApiKey.Parse($"{Secrets}   expires=2027-01-31 role=infer\tname=shop").Expires);

    [Theory]
    [InlineData($"role=infer {Secrets}", "name is missing.")]
    [InlineData($"name=shop {Secrets}", "role is missing.")]
    [InlineData("name=shop role=infer", "id is missing.")]
    [InlineData($"name=shop role=root {Secrets}", "role is infer or admin, not 'root'.")]
    [InlineData($"name=shop role=infer role=admin {Secrets}", "role is given twice.")]
    [InlineData($"name=sh%p role=infer {Secrets}", "name has at most 64 letters, digits and - _ . @, not 'sh%p' (4).")]
    [InlineData($"name=shop role=infer rate=0/s {Secrets}", "A rate is requests per s, m, h or d, such as 50/s, not '0/s'.")]
    [InlineData($"name=shop role=infer rate=5 {Secrets}", "A rate is requests per s, m, h or d, such as 50/s, not '5'.")]
    [InlineData($"name=shop role=infer rate=5/year {Secrets}", "A rate is requests per s, m, h or d, such as 50/s, not '5/year'.")]
    [InlineData($"name=shop role=infer concurrency=-1 {Secrets}", "concurrency is a number from 1 on, not '-1'.")]
    [InlineData($"name=shop role=infer expires=never {Secrets}", "expires is a date such as 2027-01-31 or 2027-01-31T12:00:00Z, not 'never'.")]
    [InlineData("name=shop role=infer id=xyz", "id has 16 hexadecimal digits, in lower case.")]
    [InlineData("name=shop role=infer id=0123456789abcdef salt=AAAA hash=AAAA", "salt is 16 bytes in base64url.")]
    [InlineData("name=shop role=infer id=0123456789abcdef salt=AAAAAAAAAAAAAAAAAAAAAA hash=*", "hash is 32 bytes in base64url.")]
    [InlineData(
        "name=shop rolle=infer",
        "A key's line is field=value, not 'rolle' (did you mean 'role'?); fields are name, role, rate, concurrency, expires, id, salt, hash.")]
    public void What_is_wrong_with_a_line_is_said(string line, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => ApiKey.Parse(line)).Message);
}
