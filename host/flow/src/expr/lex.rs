//! Text → tokens of CEL.

use super::ParseError;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Literal(Value),
    Word,
    /// An operator or bracket, by its text.
    Sign(&'static str),
    End,
}

/// Longest first.
const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// The token that starts at or after byte `from`: with its first byte and the byte behind it.
pub(super) fn next(text: &str, from: usize) -> Result<(Token, usize, usize), ParseError> {
    let rest = text.get(from..).unwrap_or_default();
    let start = text.len() - rest.trim_start().len();
    let rest = &text[start..];
    let Some(first) = rest.chars().next() else { return Ok((Token::End, start, start)) };
    if let Some(raw) = rest.strip_prefix(['r', 'R']).filter(|r| r.starts_with(['"', '\''])) {
        let quote = &raw[..1];
        let end = raw[1..]
            .find(quote)
            .ok_or_else(|| error("the text is not closed", start..text.len()))?;
        let literal = Token::Literal(raw[1..=end].into());
        return Ok((literal, start, start + end + 3));
    }
    if first == '"' || first == '\'' {
        let (literal, len) = string(rest, first)
            .map_err(|(message, at)| error(message, start + at..start + at + 1))?;
        return Ok((Token::Literal(literal.into()), start, start + len));
    }
    if first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())
    {
        return number(rest, start);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let len =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Ok((Token::Word, start, start + len));
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), start, start + sign.len())),
        None => {
            let message = match first {
                '=' if rest.starts_with("=>") => {
                    "`=>` is no operator; write `list.map(x, …)`".into()
                }
                '=' => "`=` is no operator; write `==` to compare".into(),
                '|' => "`|` is no operator; write `||`, or call a function: `x.upper()`".into(),
                '$' => "names have no `$`: write `input.name`".into(),
                '`' => "text stands in `'…'` or `\"…\"`".into(),
                '&' => "`&` is no operator; write `&&`".into(),
                _ => format!("{first:?} is no part of an expression"),
            };
            Err(error(message, start..start + first.len_utf8()))
        }
    }
}

pub(super) fn error(message: impl Into<String>, at: std::ops::Range<usize>) -> ParseError {
    ParseError { message: message.into(), at }
}

fn number(rest: &str, start: usize) -> Result<(Token, usize, usize), ParseError> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let hex = rest.starts_with("0x") || rest.starts_with("0X");
    let mut len;
    let mut float = false;
    if hex {
        len = 2 + bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
    } else {
        len = digits(0);
        if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
            float = true;
            len += 1 + digits(len + 1);
        }
        if matches!(bytes.get(len), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            if digits(len + 1 + sign) > 0 {
                float = true;
                len += 1 + sign + digits(len + 1 + sign);
            }
        }
    }
    let tail = rest[len..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let whole = len + tail.unwrap_or(rest.len() - len);
    let at = start..start + whole;
    if whole > len {
        return Err(error(format!("`{}` is no number", &rest[..whole]), at));
    }
    let text = &rest[..len];
    let value = if float {
        text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::Float)
    } else if hex {
        i64::from_str_radix(&text[2..], 16).ok().map(Value::Int)
    } else {
        text.parse().ok().map(Value::Int)
    };
    let value =
        value.ok_or_else(|| error(format!("the number `{text}` does not fit"), at.clone()))?;
    Ok((Token::Literal(value), at.start, at.end))
}

/// A quoted text and its length with quotes.
fn string(rest: &str, quote: char) -> Result<(String, usize), (String, usize)> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((out, at + 1)),
            '\n' => break,
            '\\' => {
                let (_, escaped) =
                    chars.next().ok_or_else(|| ("the text is not closed".to_owned(), 0))?;
                let mut code = |n: usize| {
                    let digits: String = chars.by_ref().take(n).map(|(_, c)| c).collect();
                    // The standard library takes a sign too.
                    let hex = digits.len() == n && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    hex.then(|| u32::from_str_radix(&digits, 16).ok())
                        .flatten()
                        .and_then(char::from_u32)
                };
                out.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '\\' | '\'' | '"' | '`' => escaped,
                    'x' => code(2).ok_or_else(|| ("`\\x` needs two hex digits".to_owned(), at))?,
                    'u' => code(4).ok_or_else(|| {
                        ("`\\u` needs four hex digits of a character".to_owned(), at)
                    })?,
                    'U' => code(8).ok_or_else(|| {
                        ("`\\U` needs eight hex digits of a character".to_owned(), at)
                    })?,
                    _ => {
                        return Err((
                            format!("`\\{escaped}` is no escape; write `\\\\` for a backslash"),
                            at,
                        ));
                    }
                });
            }
            c => out.push(c),
        }
    }
    Err(("the text is not closed".into(), 0))
}
