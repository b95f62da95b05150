//! `list<string>`, `record{a: int, b: opt<string>}`, `enum(a, b) @pii` → [`Type`].

use indexmap::IndexMap;

use super::{Field, Kind, Type};

/// Levels that a type may have: as of values.
const MAX_DEPTH: usize = crate::value::MAX_DEPTH;

/// Names of types without parameters, with their kinds.
const PLAIN: &[(&str, Kind)] = &[
    ("any", Kind::Any),
    ("json", Kind::Json),
    ("bool", Kind::Bool),
    ("int", Kind::Int),
    ("float", Kind::Float),
    ("string", Kind::String),
    ("bytes", Kind::Bytes),
    ("datetime", Kind::Datetime),
    ("duration", Kind::Duration),
    ("message", Kind::Message),
];
const GENERIC: &[&str] = &["list<", "map<", "opt<", "ref<", "stream<", "record{", "enum("];

/// Why a text is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no type: {why}")]
pub struct TypeError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl std::str::FromStr for Type {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let mut parser = TypeParser { rest: text };
        let parsed = parser.ty(0).and_then(|ty| match parser.rest.trim() {
            "" => Ok(ty),
            "?" => Err("what may be nothing is written `opt<T>`".into()),
            "[]" => Err("a list is written `list<T>`".into()),
            rest => Err(format!("`{rest}` is left over")),
        });
        parsed.map_err(|why| TypeError { text: text.into(), why })
    }
}

/// What a type of another language is called here.
fn ours(name: &str) -> Option<&'static str> {
    Some(match name {
        "str" | "text" | "String" => "write `string`",
        "number" | "double" | "num" => "write `float`, or `int` for whole numbers",
        "array" | "Array" | "tuple" => "write `list<T>`, such as `list<string>`",
        "object" | "dict" | "struct" => "write `record{name: T}`, `map<T>` or `json`",
        "timestamp" | "date" => "write `datetime`",
        _ => return None,
    })
}

struct TypeParser<'t> {
    rest: &'t str,
}

impl TypeParser<'_> {
    fn ty(&mut self, depth: usize) -> Result<Type, String> {
        if depth >= MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
        }
        let mut ty = Type::from(self.kind(depth)?);
        while self.eat('@') {
            ty.labels.insert(self.word("the name of a label")?);
        }
        Ok(ty)
    }

    fn kind(&mut self, depth: usize) -> Result<Kind, String> {
        let name = self.word("the name of a type")?;
        if let Some((_, kind)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
            return Ok(kind.clone());
        }
        match name.as_str() {
            "list" => Ok(Kind::List(self.inner(depth)?)),
            "map" => Ok(Kind::Map(self.inner(depth)?)),
            "opt" => Ok(Kind::Opt(self.inner(depth)?)),
            "stream" => Ok(Kind::Stream(self.inner(depth)?)),
            "ref" => {
                self.expect('<')?;
                let end = self.rest.find('>').ok_or("`>` is missing")?;
                let media = self.rest[..end].trim().to_owned();
                self.rest = &self.rest[end..];
                self.expect('>')?;
                Ok(Kind::Ref(media))
            }
            "enum" => {
                self.expect('(')?;
                let mut cases = vec![self.word("a case")?];
                while self.eat(',') {
                    cases.push(self.word("a case")?);
                }
                self.expect(')')?;
                Ok(Kind::Enum(cases))
            }
            "record" => self.record(depth),
            _ => {
                if let Some(ours) = ours(&name) {
                    return Err(ours.into());
                }
                let names = PLAIN.iter().map(|(name, _)| *name);
                let near = crate::diagnostic::suggest(&name, names.chain(GENERIC.iter().copied()));
                Err(near.unwrap_or_else(|| {
                    "there are bool, int, float, string, bytes, json, any, datetime, duration, message, \
                     list<T>, map<T>, opt<T>, record{name: T}, enum(a, b), ref<media>, stream<T>"
                        .into()
                }))
            }
        }
    }

    fn record(&mut self, depth: usize) -> Result<Kind, String> {
        self.expect('{')?;
        let mut fields = IndexMap::new();
        while !self.eat('}') {
            let name = self.word("the name of a field")?;
            self.expect(':')?;
            let ty = self.ty(depth + 1)?;
            if fields.insert(name.clone(), Field::from(ty)).is_some() {
                return Err(format!("the field `{name}` is written twice"));
            }
            if !self.eat(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(Kind::Record(fields))
    }

    fn inner(&mut self, depth: usize) -> Result<Box<Type>, String> {
        self.expect('<')?;
        let ty = self.ty(depth + 1)?;
        self.expect('>')?;
        Ok(Box::new(ty))
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(format!("{what} is missing"));
        }
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn eat(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(format!("`{c}` is missing")) }
    }
}
