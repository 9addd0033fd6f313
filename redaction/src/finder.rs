//! The first pass: finds where a literal of any rule may begin, and passes everything else at memory speed.
//!
//! Not a matcher: it knows literals only. What a literal means is decided by the rule that owns it.
//!
//! Every position is looked up by a hash of its four bytes (case folded) in an 8 KiB bit map. The look-ups do not depend
//! on each other, unlike the steps of an automaton, and their cost does not depend on how many literals there are.

use crate::class::Class;

/// Bytes of one window. Literals shorter than this are entered once for each byte that may follow.
const WINDOW: usize = 4;
/// Bits of the map, as a power of two: 8 KiB stay in the first-level cache.
const MAP_BITS: u32 = 16;
/// Case folding of all four bytes; it also merges some punctuation, which the exact comparison undoes.
const FOLD: u32 = 0x2020_2020;

/// What a literal or the beginning of one may belong to.
pub(crate) mod head {
    /// A known value: bytes must be held.
    pub(crate) const KNOWN: u8 = 1;
    /// A rule whose literal is part of the secret and stands at the beginning of a word.
    pub(crate) const RULE: u8 = 2;
    /// The same, wherever it stands.
    pub(crate) const ANYWHERE: u8 = 4;
    /// A rule whose literal is no secret, only a reason to look further.
    pub(crate) const CUE: u8 = 8;
}

/// A literal to look for.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    /// The bytes; lower case when `fold`.
    pub(crate) text: Vec<u8>,
    /// Whether ASCII case is ignored.
    pub(crate) fold: bool,
    /// Which bytes may follow; only read when the text is shorter than a window.
    pub(crate) next: Class,
    /// One of the [`head`] constants.
    pub(crate) head: u8,
    /// Index in the table of its owner: known literals or rules, as `head` says.
    pub(crate) owner: u32,
}

/// How a literal compares with the text at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// It is something else.
    Differs,
    /// The text ends inside the literal; so many bytes agree.
    Partial(usize),
    /// It is there.
    Equal,
}

impl Literal {
    /// Compares the literal with `hay[at..]`.
    #[inline]
    pub(crate) fn compare(&self, hay: &[u8], at: usize) -> Compare {
        let have = &hay[at..];
        let len = self.text.len().min(have.len());
        let same = if self.fold {
            have[..len].eq_ignore_ascii_case(&self.text[..len])
        } else {
            have[..len] == self.text[..len]
        };
        match same {
            false => Compare::Differs,
            true if len < self.text.len() => Compare::Partial(len),
            true => Compare::Equal,
        }
    }
}

/// The compiled set of literals.
#[derive(Debug)]
pub(crate) struct Finder {
    map: Box<[u64; 1 << (MAP_BITS - 6)]>,
    slots: Vec<Slot>,
    ids: Vec<u32>,
    literals: Vec<Literal>,
    ones: Box<[u8; 256]>,
    twos: Box<[u8; 1 << 16]>,
    threes: Box<[u8; 1 << 16]>,
}

/// The literals of one window: `ids[from..to]`, longest first.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    window: u32,
    from: u32,
    to: u32,
}

#[inline]
fn hash(window: u32) -> u32 {
    window.wrapping_mul(0x9E37_79B1)
}

#[inline]
fn fold3(bytes: [u8; 3]) -> usize {
    let packed = u32::from_le_bytes([bytes[0] | 0x20, bytes[1] | 0x20, bytes[2] | 0x20, 0]);
    (hash(packed) >> 16) as usize
}

#[inline]
fn fold2(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0] | 0x20, bytes[1] | 0x20]))
}

impl Finder {
    /// Compiles `literals`.
    pub(crate) fn new(literals: Vec<Literal>) -> Finder {
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (id, literal) in (0u32..).zip(&literals) {
            pairs.extend(windows(literal).into_iter().map(|window| (window, id)));
        }
        pairs.sort_by_key(|(window, id)| {
            (
                *window,
                std::cmp::Reverse(literals[*id as usize].text.len()),
                *id,
            )
        });
        pairs.dedup();

        let mut finder = Finder {
            map: Box::new([0; 1 << (MAP_BITS - 6)]),
            slots: vec![Slot::default(); (pairs.len() * 4).next_power_of_two().max(16)],
            ids: pairs.iter().map(|(_, id)| *id).collect(),
            literals,
            ones: Box::new([0; 256]),
            twos: Box::new([0; 1 << 16]),
            threes: Box::new([0; 1 << 16]),
        };
        let mut from = 0;
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let to = from + group.len();
            finder.enter(Slot {
                window: group[0].0,
                from: from as u32,
                to: to as u32,
            });
            from = to;
        }
        for literal in &finder.literals {
            finder.ones[usize::from(literal.text[0] | 0x20)] |= literal.head;
            finder.twos[fold2([literal.text[0], literal.text[1]])] |= literal.head;
            finder.threes[fold3([literal.text[0], literal.text[1], literal.text[2]])] |=
                literal.head;
        }
        finder
    }

    fn enter(&mut self, slot: Slot) {
        let bit = hash(slot.window) >> (32 - MAP_BITS);
        self.map[(bit >> 6) as usize] |= 1 << (bit & 63);
        let mask = self.slots.len() - 1;
        let mut at = hash(slot.window) as usize >> 7 & mask;
        while self.slots[at].to != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    #[inline]
    fn marked(&self, window: u32) -> u64 {
        let bit = hash(window | FOLD) >> (32 - MAP_BITS);
        self.map[(bit >> 6) as usize & ((1 << (MAP_BITS - 6)) - 1)] >> (bit & 63) & 1
    }

    /// The literals whose first bytes stand at the first position from `from` on where there are any.
    pub(crate) fn next(&self, hay: &[u8], mut from: usize) -> Option<(usize, &[u32])> {
        loop {
            let at = self.candidate(hay, from)?;
            let window = u32::from_le_bytes(hay.get(at..at + WINDOW)?.try_into().ok()?) | FOLD;
            let ids = self.look_up(window);
            if !ids.is_empty() {
                return Some((at, ids));
            }
            from = at + 1;
        }
    }

    /// The first position from `from` on that the map marks.
    fn candidate(&self, hay: &[u8], mut from: usize) -> Option<usize> {
        // Eight windows a round: two loads of eight bytes each give four windows and a bit to spare.
        while let Some(block) = hay.get(from..from + 11) {
            let low = u64::from_le_bytes(block[..8].try_into().ok()?);
            let high = u64::from_le_bytes(block[3..11].try_into().ok()?);
            let first = self.marked(low as u32)
                | self.marked((low >> 8) as u32) << 1
                | self.marked((low >> 16) as u32) << 2
                | self.marked((low >> 24) as u32) << 3;
            let second = self.marked((high >> 8) as u32)
                | self.marked((high >> 16) as u32) << 1
                | self.marked((high >> 24) as u32) << 2
                | self.marked((high >> 32) as u32) << 3;
            let marks = first | second << 4;
            if marks != 0 {
                return Some(from + marks.trailing_zeros() as usize);
            }
            from += 8;
        }
        while let Some(window) = hay.get(from..from + WINDOW) {
            if self.marked(u32::from_le_bytes(window.try_into().ok()?)) != 0 {
                return Some(from);
            }
            from += 1;
        }
        None
    }

    fn look_up(&self, window: u32) -> &[u32] {
        let mask = self.slots.len() - 1;
        let mut at = hash(window) as usize >> 7 & mask;
        loop {
            let slot = self.slots[at];
            if slot.to == 0 {
                return &[];
            }
            if slot.window == window {
                return &self.ids[slot.from as usize..slot.to as usize];
            }
            at = (at + 1) & mask;
        }
    }

    /// What the last one to three bytes of a text may be the beginning of: a union of [`head`] bits.
    pub(crate) fn heads(&self, tail: &[u8]) -> u8 {
        match *tail {
            [a] => self.ones[usize::from(a | 0x20)],
            [a, b] => self.twos[fold2([a, b])],
            [a, b, c] => self.threes[fold3([a, b, c])],
            _ => 0,
        }
    }

    /// A literal by its id.
    #[inline]
    pub(crate) fn literal(&self, id: u32) -> &Literal {
        &self.literals[id as usize]
    }
}

/// Every folded window that `literal` may begin with.
fn windows(literal: &Literal) -> Vec<u32> {
    let text = &literal.text;
    if text.len() >= WINDOW {
        return vec![u32::from_le_bytes([text[0], text[1], text[2], text[3]]) | FOLD];
    }
    literal
        .next
        .bytes()
        .map(|byte| u32::from_le_bytes([text[0], text[1], text[2], byte]) | FOLD)
        .collect()
}
