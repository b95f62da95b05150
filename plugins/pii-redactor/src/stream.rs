//! Streamed text: what may be the beginning of a value is held back until it is whole.

use cleargate::{Chunk, Context, Error, Filtered};
use serde::{Deserialize, Serialize};

use crate::numbering::Numbering;
use crate::{Label, find, kept, tokens};

/// Bytes that are held at most; the longest value, an e-mail address, has 254.
pub(crate) const MAX_HELD: usize = 320;

/// State between the chunks of one stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Carry {
    held: String,
    numbering: Numbering,
}

pub(crate) fn step(chunk: Chunk<Carry>, only: Option<&[Label]>) -> Filtered<Carry> {
    let Carry { held, mut numbering } = chunk.carry;
    let mut text = held + &chunk.text;
    let cut = if chunk.last { text.len() } else { cut(&text, only) };
    let held = text.split_off(cut);
    numbering.take_from(&text);
    let text = numbering.redact(&text, only);
    Filtered { text, carry: Carry { held, numbering } }
}

/// Gives values back, and holds what may be the beginning of a token.
pub(crate) fn restored(ctx: &Context, chunk: Chunk<Carry>) -> Result<Filtered<Carry>, Error> {
    let Carry { held, numbering } = chunk.carry;
    let mut text = held + &chunk.text;
    let cut = if chunk.last { text.len() } else { tokens::cut(&text) };
    let held = text.split_off(cut);
    // Most pieces hold no token: the store is asked for the others alone.
    if text.contains('[') {
        text = kept::load(ctx)?.restore(&text).text;
    }
    Ok(Filtered { text, carry: Carry { held, numbering } })
}

/// Up to where the text is decided: after the last character that no value goes across.
fn cut(text: &str, only: Option<&[Label]>) -> usize {
    let mut cut = 0;
    let mut word = Word::default();
    for (at, c) in text.char_indices() {
        let byte = find::fold::byte(c);
        let breaks = match byte {
            b' ' => !word.may_go_on(),
            byte => byte.is_ascii_control() || b"<>\"'`,;=|[]{}!?*&#$^\\".contains(&byte),
        };
        if breaks {
            cut = at + c.len_utf8();
        }
        word.take(byte);
    }
    if text.len() - cut > MAX_HELD {
        cut = text.len() - MAX_HELD;
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
    }
    let across = find::all(text, only).into_iter().find(|f| f.span.start < cut && cut < f.span.end);
    across.map_or(cut, |found| found.span.start)
}

/// What stands since the last space.
#[derive(Default)]
struct Word {
    letters: usize,
    has_digit: bool,
}

impl Word {
    fn take(&mut self, byte: u8) {
        match byte {
            b' ' => *self = Self::default(),
            b'0'..=b'9' => self.has_digit = true,
            byte => self.letters += usize::from(byte.is_ascii_alphabetic()),
        }
    }

    /// Whether a value may have a space after this word: numbers have, and the letters of an account or
    /// insurance number that stand before and between them.
    fn may_go_on(&self) -> bool {
        self.has_digit || matches!(self.letters, 1 | 2 | 4)
    }
}
