using System.Buffers.Binary;
using System.Net;

namespace VisionService.Tests.Api.Edge;

/// <summary>HTTP/2 streams that are opened and taken back at once, faster than they can be answered (CVE-2023-44487).</summary>
public class RapidResetTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private const byte Headers = 1;
    private const byte ResetStream = 3;
    private const byte Settings = 4;

    // END_HEADERS, END_STREAM.
    private const byte WholeRequest = 0x5;

    // HPACK: POST, http, and literals for the path and the authority.
    private static readonly byte[] Request = [0x83, 0x86, 0x04, 9, .. "/classify"u8, 0x01, 1, .. "a"u8];

    [Fact]
    public async Task Twenty_thousand_resets_leave_the_service_as_it_was()
    {
        var service = fixture.Service;
        await FloodAsync(service.GrpcAddress); // pools fill
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var connection = 0; connection < 4; connection++)
        {
            await FloodAsync(service.GrpcAddress);
            (await service.GetAsync("/healthz")).MustBe(HttpStatusCode.OK);
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 << 20);
    }

    private static async Task FloodAsync(Uri address)
    {
        using var client = await RawConnection.OpenAsync(address);
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        var frames = new List<byte>(Frame(Settings, 0, 0, []));
        for (var stream = 1; stream < 10_000; stream += 2)
        {
            frames.AddRange(Frame(Headers, WholeRequest, stream, Request));
            frames.AddRange(Frame(ResetStream, 0, stream, [0, 0, 0, 8])); // CANCEL
        }

        try
        {
            await client.SendAsync([.. frames]);
            client.EndSending();
        }
        catch (IOException)
        {
            // The server has had enough.
        }

        await client.ReadToEndAsync();
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }
}
