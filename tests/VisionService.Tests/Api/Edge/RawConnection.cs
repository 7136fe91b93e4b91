using System.Net.Sockets;
using System.Text;

namespace VisionService.Tests.Api.Edge;

/// <summary>A connection whose bytes the test writes itself.</summary>
internal sealed class RawConnection : IDisposable
{
    // Nothing waits this long but a test that has failed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private readonly TcpClient _client = new();
    private NetworkStream _stream = null!;

    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        connection._client.NoDelay = true;
        connection._stream = connection._client.GetStream();
        return connection;
    }

    /// <summary>Sends a text, each character a byte, and gives all that is answered until the server closes.</summary>
    public static async Task<string> AskAsync(Uri address, string request)
    {
        using var connection = await OpenAsync(address);
        await connection.SendAsync(request);
        return await connection.ReadToEndAsync();
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(byte[] bytes) => await _stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>Says that no more is coming.</summary>
    public void EndSending() => _client.Client.Shutdown(SocketShutdown.Send);

    /// <returns>What came until the server closed, or reset, the connection.</returns>
    public async Task<string> ReadToEndAsync()
    {
        var received = new MemoryStream();
        try
        {
            await _stream.CopyToAsync(received, TestContext.Current.CancellationToken).WaitAsync(Patience);
        }
        catch (IOException)
        {
            // A reset is an end too.
        }

        return Encoding.Latin1.GetString(received.ToArray());
    }

    public void Dispose() => _client.Dispose();
}
