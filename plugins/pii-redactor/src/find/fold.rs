//! Text as the finders read it: one byte for each character, whatever people type for a space, a dash or a digit.
//!
//! An address in curly quotes, an account number with narrow spaces and a card in full-width digits are the same
//! data as their plain forms.

use std::ops::Range;

/// A letter beyond ASCII: it belongs to words and to addresses, and to no number.
pub(crate) const LETTER: u8 = 0x80;
/// A character that nothing goes across.
const OTHER: u8 = 0x1a;

/// From here on scripts write words without spaces between them, so that a letter ends no word before it.
const UNSPACED: char = '\u{2e80}';

/// One byte for a character.
pub(crate) fn byte(c: char) -> u8 {
    match c {
        // Zero-width characters are left to `OTHER`: inside a word they are no writing of people.
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => b' ',
        '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{ff0d}' => b'-',
        '\u{ff01}'..='\u{ff5e}' => (u32::from(c) - 0xfee0) as u8,
        c if c.is_ascii() => c as u8,
        c if c.is_alphanumeric() && c < UNSPACED => LETTER,
        _ => OTHER,
    }
}

/// A folded text and the way back.
pub(crate) struct Folded {
    pub(crate) bytes: Vec<u8>,
    /// Where each character starts, and where the last one ends.
    starts: Vec<usize>,
}

impl Folded {
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.chars().map(byte).collect();
        let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { bytes, starts }
    }

    /// The bytes of the text that some characters have.
    pub(crate) fn span(&self, folded: Range<usize>) -> Range<usize> {
        self.starts[folded.start]..self.starts[folded.end]
    }
}
