//! Damages components as an attacker or a disk would: bytes, sections and functions, not only noise.
//!
//! Most random bytes die at the first check of a header. Changes of the structure, and changes inside code
//! alone, get as far as the compiler, the linker and the guest's own instructions.

use std::ops::Range;

/// Numbers from a seed: the same on each machine (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { Some(&of[self.below(of.len())]) }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// Bytes that mean most in this format: ends of ranges, ends of blocks, jumps, calls, growth.
const LOUD: [u8; 12] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0b, 0x0c, 0x0e, 0x10, 0x40, 0x41, 0xfc];

/// Damages `component` once, or a few times.
pub(crate) fn mutate(component: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = component.to_vec();
    // Once in most cases: what is damaged twice is hardly ever valid.
    for _ in 0..=random.below(4) / 3 {
        let sections = sections(&bytes);
        match random.below(16) {
            0 => flip(&mut bytes, random),
            1 => bytes.truncate(random.below(bytes.len().max(1))),
            2 => swap(&mut bytes, &sections, random),
            3 => copy(&mut bytes, &sections, random),
            4 => drop_one(&mut bytes, &sections, random),
            5 => splice(&mut bytes, random),
            // Into code alone, where most changes are still valid.
            _ => match random.pick(&functions(&bytes)).cloned() {
                Some(body) => replace(&mut bytes, body, random),
                None => flip(&mut bytes, random),
            },
        }
    }
    bytes
}

/// Changes a few bytes anywhere.
fn flip(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        replace(bytes, 0..bytes.len(), random);
    }
}

/// Changes one byte of `within`.
fn replace(bytes: &mut [u8], within: Range<usize>, random: &mut Random) {
    if within.is_empty() {
        return;
    }
    let at = within.start + random.below(within.len());
    bytes[at] = match random.below(3) {
        0 => bytes[at] ^ (1 << random.below(8)),
        1 => *random.pick(&LOUD).expect("there are some"),
        _ => bytes[at].wrapping_add(1),
    };
}

/// Exchanges two neighbours, which lie beside each other: nothing else moves.
fn swap(bytes: &mut [u8], sections: &[Range<usize>], random: &mut Random) {
    let pairs: Vec<_> = sections.windows(2).filter(|two| two[0].end == two[1].start).collect();
    if let Some(two) = random.pick(&pairs) {
        bytes[two[0].start..two[1].end].rotate_left(two[0].len());
    }
}

fn copy(bytes: &mut Vec<u8>, sections: &[Range<usize>], random: &mut Random) {
    if let (Some(from), Some(to)) = (random.pick(sections), random.pick(sections)) {
        let copied = bytes[from.clone()].to_vec();
        bytes.splice(to.end..to.end, copied);
    }
}

fn drop_one(bytes: &mut Vec<u8>, sections: &[Range<usize>], random: &mut Random) {
    if let Some(one) = random.pick(sections) {
        bytes.drain(one.clone());
    }
}

/// Puts the body of one function over that of another one, and fills up or cuts off to keep the length.
fn splice(bytes: &mut [u8], random: &mut Random) {
    const NOP: u8 = 0x01;
    const END: u8 = 0x0b;
    let bodies = functions(bytes);
    let (Some(from), Some(to)) = (random.pick(&bodies), random.pick(&bodies)) else { return };
    let mut body = bytes[from.clone()].to_vec();
    body.pop();
    body.resize(to.len() - 1, NOP);
    body.push(END);
    bytes[to.clone()].copy_from_slice(&body);
}

/// Sections of the component and of the modules in it, as far as they can be read, each with its header.
fn sections(bytes: &[u8]) -> Vec<Range<usize>> {
    let payloads = wasmparser::Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let found = payloads.filter_map(|payload| payload.as_section()).filter_map(|(_, range)| {
        let whole = header(bytes, &range)?..range.end;
        // A length may promise more than there is.
        (whole.end <= bytes.len()).then_some(whole)
    });
    found.collect()
}

/// Where the section begins whose content is `range`: one byte of a kind, and a length before the content.
fn header(bytes: &[u8], range: &Range<usize>) -> Option<usize> {
    let (mut length, mut coded) = (range.len(), 1);
    while length >= 128 {
        length >>= 7;
        coded += 1;
    }
    range.start.checked_sub(coded + 1).filter(|start| *start < bytes.len())
}

/// Bodies of functions, locals included.
pub(crate) fn functions(bytes: &[u8]) -> Vec<Range<usize>> {
    let payloads = wasmparser::Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let body = |payload| match payload {
        wasmparser::Payload::CodeSectionEntry(body) => Some(body.range()),
        _ => None,
    };
    let whole = |body: &Range<usize>| body.len() > 1 && body.end <= bytes.len();
    payloads.filter_map(body).filter(whole).collect()
}
