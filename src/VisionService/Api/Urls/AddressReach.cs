using System.Net;
using System.Net.Sockets;

namespace VisionService.Api.Urls;

/// <summary>Where an address leads, for a server that connects to what strangers name.</summary>
internal enum AddressReach
{
    /// <summary>The Internet at large.</summary>
    Public,

    /// <summary>This machine or the operator's network.</summary>
    Private,

    /// <summary>Nowhere that an image can be, or to the machinery of a cloud.</summary>
    Forbidden,
}

/// <summary>Tells addresses apart by IANA's registries of special purposes (RFC 6890 and those that add to it).</summary>
internal static class AddressReaches
{
    // The first that holds an address decides.
    private static readonly (IPNetwork Network, AddressReach Reach)[] Special =
    [
        Of("100.100.100.200/32", AddressReach.Forbidden), // Alibaba's metadata, in CGNAT's range
        Of("168.63.129.16/32", AddressReach.Forbidden), // Azure's platform, in a public range
        Of("fd00:ec2::/32", AddressReach.Forbidden), // Amazon's metadata, among unique local addresses
        Of("fd20:ce::254/128", AddressReach.Forbidden), // Google's
        Of("10.0.0.0/8", AddressReach.Private),
        Of("100.64.0.0/10", AddressReach.Private), // CGNAT
        Of("127.0.0.0/8", AddressReach.Private),
        Of("172.16.0.0/12", AddressReach.Private),
        Of("192.168.0.0/16", AddressReach.Private),
        Of("::1/128", AddressReach.Private),
        Of("fc00::/7", AddressReach.Private),
        Of("0.0.0.0/8", AddressReach.Forbidden), // this network; Linux takes 0.0.0.0 for the loopback
        Of("169.254.0.0/16", AddressReach.Forbidden), // link-local, and most clouds' metadata
        Of("192.0.0.0/24", AddressReach.Forbidden), // protocols; Oracle's metadata
        Of("192.0.2.0/24", AddressReach.Forbidden), // documentation, as the next two but one
        Of("192.88.99.0/24", AddressReach.Forbidden), // relays of 6to4
        Of("198.18.0.0/15", AddressReach.Forbidden), // benchmarks
        Of("198.51.100.0/24", AddressReach.Forbidden),
        Of("203.0.113.0/24", AddressReach.Forbidden),
        Of("224.0.0.0/4", AddressReach.Forbidden), // multicast
        Of("240.0.0.0/4", AddressReach.Forbidden), // reserved, and broadcast
        Of("0.0.0.0/0", AddressReach.Public),
        Of("2001::/23", AddressReach.Forbidden), // protocols: Teredo, ORCHID, benchmarks
        Of("2001:db8::/32", AddressReach.Forbidden), // documentation
        Of("2002::/16", AddressReach.Forbidden), // 6to4, which any IPv4 address can hide in
        Of("3fff::/20", AddressReach.Forbidden), // documentation
        Of("2000::/3", AddressReach.Public), // all that is given out
    ];

    // Where a network without IPv4 finds it: the last four bytes are the address meant (RFC 6052).
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    public static AddressReach Reach(this IPAddress address)
    {
        var meant = Meant(address);
        foreach (var (network, reach) in Special)
        {
            if (network.BaseAddress.AddressFamily == meant.AddressFamily && network.Contains(meant))
            {
                return reach;
            }
        }

        return AddressReach.Forbidden; // link-local, site-local, multicast, unspecified, and what is not given out
    }

    private static IPAddress Meant(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        // Without the zone, which the comparison would trip over.
        var bytes = address.GetAddressBytes();
        var bare = new IPAddress(bytes);
        return Nat64.Contains(bare) ? new IPAddress(bytes.AsSpan(12)) : bare;
    }

    private static (IPNetwork Network, AddressReach Reach) Of(string network, AddressReach reach) => (IPNetwork.Parse(network), reach);
}
