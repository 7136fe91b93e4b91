using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VisionService.Benchmarks.Load;

/// <param name="KeepsAlive">Whether the server lets the connection take another request.</param>
internal readonly record struct Answer(int Status, bool HasRetryAfter, bool KeepsAlive);

/// <summary>One connection of HTTP/1.1, one request at a time; reads no more of an answer than it needs.</summary>
/// <remarks>A bare socket, because the driver takes its time from the cores that the server runs on.</remarks>
internal sealed class Connection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    public ValueTask OpenAsync(IPEndPoint server, CancellationToken cancellationToken) =>
        _socket.ConnectAsync(server, cancellationToken);

    /// <param name="request">Head and body.</param>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        while (!request.IsEmpty)
        {
            request = request[await _socket.SendAsync(request, cancellationToken)..];
        }
    }

    /// <exception cref="IOException">The server closed the connection before its answer was complete.</exception>
    public async ValueTask<Answer> ReceiveAsync(CancellationToken cancellationToken)
    {
        var status = Number((await ReadLineAsync(cancellationToken)).Span["HTTP/1.1 ".Length..]);
        var answer = new Answer(status, false, true);
        var (length, isChunked) = (0, false);
        while (await ReadLineAsync(cancellationToken) is { IsEmpty: false } line)
        {
            Apply(line.Span);
        }

        while (isChunked)
        {
            var chunk = (await ReadLineAsync(cancellationToken)).Span;
            isChunked = Utf8Parser.TryParse(chunk, out length, out _, 'x') && length > 0;
            await SkipAsync(length + "\r\n".Length, cancellationToken);
            length = 0;
        }

        await SkipAsync(length, cancellationToken);
        return answer;

        void Apply(ReadOnlySpan<byte> line)
        {
            var colon = line.IndexOf((byte)':');
            var name = line[..colon];
            var value = line[(colon + 1)..].Trim((byte)' ');
            if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
            {
                length = Number(value);
            }
            else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
            {
                isChunked = Ascii.EqualsIgnoreCase(value, "chunked"u8);
            }
            else if (Ascii.EqualsIgnoreCase(name, "Retry-After"u8))
            {
                answer = answer with { HasRetryAfter = true };
            }
            else if (Ascii.EqualsIgnoreCase(name, "Connection"u8))
            {
                answer = answer with { KeepsAlive = !Ascii.EqualsIgnoreCase(value, "close"u8) };
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private static int Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int number, out _) ? number : throw new IOException("not HTTP");

    /// <summary>The next line without its end; valid until the next read.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> ReadLineAsync(CancellationToken cancellationToken)
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
        {
            await FillAsync(cancellationToken);
        }

        var line = _buffer.AsMemory(_start, length);
        _start += length + "\r\n".Length;
        return line;
    }

    private async ValueTask SkipAsync(int count, CancellationToken cancellationToken)
    {
        while (count > _end - _start)
        {
            count -= _end - _start;
            (_start, _end) = (0, 0);
            await FillAsync(cancellationToken);
        }

        _start += count;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var read = _end < _buffer.Length
            ? await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken)
            : throw new IOException("line too long");
        _end += read > 0 ? read : throw new IOException("closed before the answer");
    }
}
