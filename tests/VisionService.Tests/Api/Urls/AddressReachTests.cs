using System.Net;
using VisionService.Api.Urls;

namespace VisionService.Tests.Api.Urls;

public class AddressReachTests
{
    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("9.255.255.255")]
    [InlineData("11.0.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.0")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("192.167.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::1.1.1.1")]
    [InlineData("2606:4700::1111")]
    public void The_Internet_is_public(string address) => Assert.Equal(AddressReach.Public, IPAddress.Parse(address).Reach());

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.255.255.255")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("::1")]
    [InlineData("fc00::1")]
    [InlineData("fdff::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::10.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    public void Networks_of_ones_own_are_private(string address) =>
        Assert.Equal(AddressReach.Private, IPAddress.Parse(address).Reach());

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("169.254.0.1")]
    [InlineData("169.254.169.254")] // metadata of most clouds
    [InlineData("168.63.129.16")] // Azure
    [InlineData("100.100.100.200")] // Alibaba
    [InlineData("192.0.0.192")] // Oracle
    [InlineData("fd00:ec2::254")] // Amazon
    [InlineData("fd20:ce::254")] // Google
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.19.255.255")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::10.0.0.1")] // IPv4-compatible
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::ffff:0.0.0.0")]
    [InlineData("64:ff9b::169.254.169.254")]
    [InlineData("64:ff9b:1::1.1.1.1")]
    [InlineData("2002:7f00:1::")] // 6to4 of 127.0.0.1
    [InlineData("2002:101:101::")]
    [InlineData("2001::1")] // Teredo
    [InlineData("2001:db8::1")]
    [InlineData("3fff::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%3")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    [InlineData("4000::1")]
    public void All_else_is_forbidden(string address) => Assert.Equal(AddressReach.Forbidden, IPAddress.Parse(address).Reach());
}
