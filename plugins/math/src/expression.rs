//! Reads an expression and calculates on the way, the stronger operations first.

use std::collections::BTreeMap;

use cleargate::{Error, json};
use dashu_int::IBig;

use crate::function;
use crate::number::{Number, decimal};

/// Parentheses, powers and signs inside of each other: more than anybody writes, fewer than the stack holds.
const MAX_DEPTH: usize = 100;

/// The value of an expression; a mistake is told with its place.
pub(crate) fn evaluate(
    text: &str,
    variables: &BTreeMap<&str, Number>,
    digits: usize,
) -> Result<Number, Error> {
    let mut reader = Reader { text, at: 0, depth: 0, variables, digits };
    let read = reader.sum().and_then(|number| match reader.peek() {
        None => Ok(number),
        Some(')') => Err("there is no `(` for it".into()),
        Some(_) => Err("expected an operation such as `+`, or the end".into()),
    });
    read.map_err(|why| {
        reader.peek(); // goes over space, so that the place is that of a sign
        let column = text[..reader.at].chars().count() + 1;
        let near: String = text[reader.at..].chars().take(20).collect();
        let near = if near.is_empty() { "at the end".into() } else { format!("before `{near}`") };
        Error::invalid_input(format!("/expression, column {column}, {near}: {why}"))
            .with_detail(json!({ "column": column }))
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    variables: &'a BTreeMap<&'a str, Number>,
    digits: usize,
}

type Read = Result<Number, String>;

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, sign: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// The first of the signs that stands here. A `*` that is the half of `**` is none.
    fn take_any(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        self.peek();
        let rest = &self.text[self.at..];
        let found = signs
            .iter()
            .find(|sign| rest.starts_with(**sign) && !(**sign == "*" && rest.starts_with("**")))?;
        self.at += found.len();
        Some(found)
    }

    fn sum(&mut self) -> Read {
        let mut left = self.product()?;
        while let Some(sign) = self.take_any(&["+", "-", "−"]) {
            let at = self.at;
            let right = self.product()?;
            let right = if sign == "+" { right } else { right.negate() };
            left = self.here(at, left.add(right, self.digits))?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Read {
        let mut left = self.signed()?;
        while let Some(sign) = self.take_any(&["//", "*", "/", "%", "×", "·", "÷"]) {
            let at = self.at;
            let right = self.signed()?;
            let done = match sign {
                "//" => left.floor_divide(right, self.digits),
                "/" | "÷" => left.divide(right, self.digits),
                "%" => left.remainder(right, self.digits),
                _ => left.multiply(right, self.digits),
            };
            left = self.here(at, done)?;
        }
        Ok(left)
    }

    /// A sign binds weaker than a power: -2 ** 2 is -4.
    fn signed(&mut self) -> Read {
        self.deeper(|its| match its.take_any(&["+", "-", "−"]) {
            Some("+") => its.signed(),
            Some(_) => Ok(its.signed()?.negate()),
            None => its.power(),
        })
    }

    fn power(&mut self) -> Read {
        let mut base = self.atom()?;
        while self.take("!") {
            let at = self.at - 1;
            let made = function::factorial(&base);
            base = self.here(at, made)?;
        }
        if self.take_any(&["**", "^"]).is_none() {
            return Ok(base);
        }
        let at = self.at;
        let exponent = self.signed()?;
        self.here(at, base.power(exponent, self.digits))
    }

    fn atom(&mut self) -> Read {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let number = self.deeper(Self::sum)?;
                self.close()?;
                Ok(number)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            Some(_) => Err("expected a number, a name or `(`".into()),
            None => Err("expected a number".into()),
        }
    }

    fn number(&mut self) -> Read {
        let rest = &self.text[self.at..];
        for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
            let Some(digits) = rest.strip_prefix(prefix) else { continue };
            let end = digits
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(digits.len());
            let whole = IBig::from_str_radix(&digits[..end].replace('_', ""), radix)
                .map_err(|_| format!("no number with the base {radix}"))?;
            self.at += prefix.len() + end;
            return Number::from(whole).bounded();
        }
        let digit = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
        let mut end = rest.find(|c| !digit(c)).unwrap_or(rest.len());
        // An exponent is a part of the number only when digits follow: `2e` is 2 and a name.
        let tail = &rest[end..];
        if let Some(exponent) = tail.strip_prefix(['e', 'E']) {
            let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let length = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
            if length > 0 {
                end += 1 + exponent.len() - signed.len() + length;
            }
        }
        let number = Number::Exact(decimal(&rest[..end])?).bounded()?;
        self.at += end;
        Ok(number)
    }

    fn name(&mut self) -> Read {
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        self.at += end;
        if self.take("(") {
            let arguments = self.arguments()?;
            let value = function::call(name, &arguments, self.digits);
            return self.here(start, value);
        }
        let value =
            self.variables.get(name).cloned().or_else(|| function::constant(name, self.digits));
        let unknown = || format!("there is no `{name}`: give it in `variables`");
        self.here(start, value.ok_or_else(unknown))
    }

    fn arguments(&mut self) -> Result<Vec<Number>, String> {
        let mut list = Vec::new();
        if self.take(")") {
            return Ok(list);
        }
        loop {
            list.push(self.deeper(Self::sum)?);
            if !self.take(",") {
                self.close()?;
                return Ok(list);
            }
        }
    }

    fn close(&mut self) -> Result<(), String> {
        if self.take(")") { Ok(()) } else { Err("expected `)`".into()) }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        if self.depth == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels inside of each other"));
        }
        self.depth += 1;
        let number = read(self);
        self.depth -= 1;
        number
    }

    /// A mistake that is told where its operation stands.
    fn here<T>(&mut self, at: usize, done: Result<T, String>) -> Result<T, String> {
        if done.is_err() {
            self.at = at;
        }
        done
    }
}
