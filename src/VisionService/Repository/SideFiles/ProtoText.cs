using System.Globalization;
using System.Text;

namespace VisionService.Repository.SideFiles;

/// <summary>Reads protobuf's text format without a schema: fields, messages in <c>{ }</c> or <c>&lt; &gt;</c>, lists,
/// texts with escapes, comments.</summary>
internal ref struct ProtoText
{
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<char> _text;
    private readonly string _file;
    private int _at;
    private int _depth;

    private ProtoText(string text, string file)
    {
        _text = text;
        _file = file;
    }

    /// <param name="file">Shown in messages.</param>
    /// <exception cref="ModelLoadException">With the line that is wrong.</exception>
    public static ProtoMessage Parse(string text, string file)
    {
        var parser = new ProtoText(text, file);
        return parser.Message(end: '\0', file);
    }

    private ProtoMessage Message(char end, string path)
    {
        if (++_depth > MaxDepth)
        {
            throw Unexpected($"at most {MaxDepth} levels");
        }

        var message = new ProtoMessage(path);
        while (Peek() != end || (end == '\0' && _at < _text.Length))
        {
            Field(message, path);
        }

        _at++;
        _depth--;
        return message;
    }

    private void Field(ProtoMessage message, string path)
    {
        var name = Name();
        var hasColon = Take(':');
        if (Take('['))
        {
            while (!Take(']'))
            {
                Value(message, name, path, isScalarAllowed: true);
                if (Peek() != ']' && !Take(','))
                {
                    throw Unexpected("',' or ']'");
                }
            }
        }
        else
        {
            Value(message, name, path, hasColon);
        }

        _ = Take(',') || Take(';');
    }

    private void Value(ProtoMessage message, string name, string path, bool isScalarAllowed)
    {
        if (Take('{'))
        {
            message.Add(name, Message('}', $"{path}: {name}"));
        }
        else if (Take('<'))
        {
            message.Add(name, Message('>', $"{path}: {name}"));
        }
        else if (!isScalarAllowed)
        {
            throw Unexpected("':' or '{'");
        }
        else
        {
            message.Add(name, Peek() is '"' or '\'' ? Texts() : Word("a value"));
        }
    }

    /// <summary>A field's name, or that of an extension in brackets.</summary>
    private string Name()
    {
        if (!Take('['))
        {
            return Word("a field's name");
        }

        var name = Word("an extension's name");
        return Take(']') ? $"[{name}]" : throw Unexpected("']'");
    }

    /// <summary>Texts beside each other are one.</summary>
    private string Texts()
    {
        var text = new StringBuilder();
        while (Peek() is ('"' or '\'') and var quote)
        {
            _at++;
            while (_at < _text.Length && _text[_at] != quote && _text[_at] != '\n')
            {
                text.Append(_text[_at] == '\\' ? Escape() : _text[_at++]);
            }

            if (_at >= _text.Length || _text[_at] != quote)
            {
                throw Unexpected($"a closing {quote}");
            }

            _at++;
        }

        return text.ToString();
    }

    private char Escape()
    {
        _at++;
        var code = _at < _text.Length ? _text[_at++] : throw Unexpected("an escape");
        return code switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'x' => Digits(2, 16, "0123456789abcdefABCDEF"),
            >= '0' and <= '7' when _at-- > 0 => Digits(3, 8, "01234567"),
            _ => code,
        };
    }

    private char Digits(int most, int radix, string digits)
    {
        var start = _at;
        while (_at < _text.Length && _at - start < most && digits.Contains(_text[_at], StringComparison.Ordinal))
        {
            _at++;
        }

        return _at > start
            ? (char)Convert.ToInt32(_text[start.._at].ToString(), radix)
            : throw Unexpected("digits of a character");
    }

    private string Word(string wanted)
    {
        Peek();
        var start = _at;
        while (_at < _text.Length
            && (char.IsLetterOrDigit(_text[_at]) || _text[_at] is '_' or '.' or '-' or '+' or '/'))
        {
            _at++;
        }

        return _at > start ? _text[start.._at].ToString() : throw Unexpected(wanted);
    }

    private bool Take(char wanted)
    {
        if (Peek() != wanted || _at >= _text.Length)
        {
            return false;
        }

        _at++;
        return true;
    }

    private char Peek()
    {
        while (_at < _text.Length && (char.IsWhiteSpace(_text[_at]) || _text[_at] == '#'))
        {
            var end = _text[_at] == '#' ? _text[_at..].IndexOf('\n') : 0;
            _at = end < 0 ? _text.Length : _at + end + 1;
        }

        return _at < _text.Length ? _text[_at] : '\0';
    }

    private readonly ModelLoadException Unexpected(string wanted)
    {
        var at = Math.Min(_at, _text.Length);
        var found = at < _text.Length ? $"'{_text[at]}'" : "the end";
        return new($"{_file}, line {_text[..at].Count('\n') + 1}: {wanted} is wanted, not {found}.");
    }
}

/// <summary>One message of protobuf's text format; any field may occur several times.</summary>
internal sealed class ProtoMessage(string path)
{
    private readonly List<KeyValuePair<string, object>> _fields = [];
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>The fields that nobody has asked for, each once.</summary>
    public IReadOnlyList<string> Unread =>
        [.. _fields.Select(static pair => pair.Key).Where(key => !_asked.Contains(key)).Distinct()];

    public void Add(string name, object value) => _fields.Add(new(name, value));

    public bool Has(string name) => Values(name).Any();

    /// <summary>The messages of that name; none where it is absent.</summary>
    /// <exception cref="ModelLoadException">It is no message.</exception>
    public IReadOnlyList<ProtoMessage> Messages(string name) =>
        [.. Values(name).Select(value => value as ProtoMessage ?? throw Wrong(name, "a message { }", value))];

    public ProtoMessage? Message(string name) => Messages(name) is [.., var last] ? last : null;

    public IReadOnlyList<string> Texts(string name) =>
        [.. Values(name).Select(value => value as string ?? throw Wrong(name, "a value", value))];

    /// <summary>The last, as protobuf has it; null where there is none or it is empty, which is protobuf's
    /// default.</summary>
    public string? Text(string name) => Texts(name) is [.., { Length: > 0 } last] ? last : null;

    public long? Integer(string name, long min, long max) =>
        Text(name) is { } text ? Integer(name, text, min, max) : null;

    public IReadOnlyList<long> Integers(string name, long min, long max) =>
        [.. Texts(name).Select(text => Integer(name, text, min, max))];

    public ModelLoadException Wrong(string name, string wanted, object found) =>
        new($"{path}: '{name}' must be {wanted}, not {(found is string text ? $"'{text}'" : "a message")}.");

    private long Integer(string name, string text, long min, long max) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
        && value >= min && value <= max
            ? value
            : throw Wrong(name, $"a whole number from {min} to {max}", text);

    private IEnumerable<object> Values(string name)
    {
        _asked.Add(name);
        return _fields.Where(pair => pair.Key == name).Select(static pair => pair.Value);
    }
}
