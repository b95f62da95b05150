//! Streamed text: what may be the beginning of a value is held back until it is whole.

use cleargate::{Chunk, Filtered};
use serde::{Deserialize, Serialize};

use crate::numbering::Numbering;
use crate::{Label, find};

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

/// Up to where the text is decided: after the last character that no value goes across.
fn cut(text: &str, only: Option<&[Label]>) -> usize {
    let mut cut = 0;
    for (at, c) in text.char_indices() {
        let breaks = match c {
            ' ' => !may_go_on(&text[..at]),
            c => !c.is_ascii() || c.is_ascii_control() || "<>\"'`,;=|[]{}!?*&#$^\\".contains(c),
        };
        if breaks {
            cut = at + c.len_utf8();
        }
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

/// Whether a value may have a space after this text: numbers have, and the letters of an account or
/// insurance number that stand before and between them.
fn may_go_on(text: &str) -> bool {
    let word = text.rsplit(' ').next().unwrap_or_default();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    word.bytes().any(|b| b.is_ascii_digit()) || matches!(letters, 1 | 2 | 4)
}
