using System.Globalization;
using System.Text;

namespace VisionService.Repository;

/// <summary>
/// Reads the literals that Python's <c>repr</c> writes into metadata: dicts, lists, tuples, texts, numbers, True,
/// False, None. Texts may hold quotes, commas and colons, as the names of classes do.
/// </summary>
internal ref struct PythonLiteral
{
    private const int MaxDepth = 64;

    private readonly ReadOnlySpan<char> _text;
    private int _at;
    private int _depth;

    private PythonLiteral(ReadOnlySpan<char> text) => _text = text;

    /// <summary>
    /// A dict as a list of pairs, a list or tuple as a list of values, else string, double, bool or null.
    /// </summary>
    /// <exception cref="FormatException">The text is no literal; the message says where.</exception>
    public static object? Parse(string text)
    {
        var literal = new PythonLiteral(text);
        var value = literal.Value();
        literal.Peek();
        return literal._at == text.Length ? value : throw literal.Unexpected("the end");
    }

    private object? Value()
    {
        if (++_depth > MaxDepth)
        {
            throw Unexpected($"at most {MaxDepth} levels");
        }

        var value = Peek() switch
        {
            '{' => Dict(),
            '[' => List(']'),
            '(' => List(')'),
            '\'' or '"' => Text(),
            _ => Word(),
        };
        _depth--;
        return value;
    }

    private List<KeyValuePair<object?, object?>> Dict()
    {
        var pairs = new List<KeyValuePair<object?, object?>>();
        _at++;
        while (Peek() != '}')
        {
            var key = Value();
            Expect(':');
            pairs.Add(new(key, Value()));
            if (Peek() != '}')
            {
                Expect(',');
            }
        }

        _at++;
        return pairs;
    }

    private List<object?> List(char end)
    {
        var values = new List<object?>();
        _at++;
        while (Peek() != end)
        {
            values.Add(Value());
            if (Peek() != end)
            {
                Expect(',');
            }
        }

        _at++;
        return values;
    }

    private string Text()
    {
        var quote = _text[_at++];
        var text = new StringBuilder();
        while (_at < _text.Length && _text[_at] != quote)
        {
            text.Append(_text[_at] == '\\' ? Escape() : _text[_at++].ToString());
        }

        return _at++ < _text.Length ? text.ToString() : throw Unexpected($"a closing {quote}");
    }

    private string Escape()
    {
        _at++;
        var code = _at < _text.Length ? _text[_at++] : throw Unexpected("an escape");
        return code switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            _ => code.ToString(),
        };
    }

    private string Hex(int digits)
    {
        if (_at + digits > _text.Length
            || !int.TryParse(_text.Slice(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            || !Rune.IsValid(code))
        {
            throw Unexpected($"{digits} hexadecimal digits of a character");
        }

        _at += digits;
        return new Rune(code).ToString();
    }

    private object? Word()
    {
        var start = _at;
        while (_at < _text.Length && (char.IsLetterOrDigit(_text[_at]) || _text[_at] is '.' or '-' or '+' or '_'))
        {
            _at++;
        }

        var word = _text[start.._at];
        return word switch
        {
            "True" => true,
            "False" => false,
            "None" => null,
            _ when double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ => throw Unexpected("a value"),
        };
    }

    private char Peek()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
        {
            _at++;
        }

        return _at < _text.Length ? _text[_at] : '\0';
    }

    private void Expect(char wanted)
    {
        if (Peek() != wanted)
        {
            throw Unexpected($"'{wanted}'");
        }

        _at++;
    }

    private readonly FormatException Unexpected(string wanted) =>
        new($"A Python literal needs {wanted} at position {Math.Min(_at, _text.Length)} of {_text.Length}.");
}
