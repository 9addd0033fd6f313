//! The first pass: finds where a literal of any rule may begin, and passes everything else at memory speed.
//!
//! Not a matcher: it knows literals only. What a literal means is decided by the rule that owns it.
//!
//! Every pair of bytes is looked up in a table that says in which of sixteen groups of literals it may come first, and in
//! which it may come third. A position is a candidate when its pair and the pair behind it agree on a group. The look-ups
//! do not depend on each other, unlike the steps of an automaton, and their cost hardly depends on how many literals
//! there are.

use crate::class::Class;

/// Bytes of one window. Literals shorter than this are entered once for each byte that may follow.
const WINDOW: usize = 4;
/// Positions that are looked at in one round.
const BLOCK: usize = 8;
/// Words of the bits that say whether a window may be one.
const SEEN: usize = 2048;
/// Case folding of a window; it also merges some punctuation, which the exact comparison undoes.
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
    /// A rule whose literal stands near the end of the secret.
    pub(crate) const SIGN: u8 = 16;
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
    /// Whether line breaks may stand between its bytes, as in wrapped base64.
    pub(crate) wraps: bool,
}

/// The line breaks that wrapped base64 may have, escaped ones among them; the longest that begin alike first.
const BREAKS: [&[u8]; 4] = [b"\r\n", b"\n", b"\\r\\n", b"\\n"];
/// Most white space behind such a break.
const INDENT_MAX: usize = 16;

/// What a line break at the beginning of a text comes to.
enum Break {
    /// There is none.
    None,
    /// The text ends within one.
    Partial,
    /// So many bytes, indentation included.
    Whole(usize),
}

fn line_break(rest: &[u8]) -> Break {
    for text in BREAKS {
        if rest.starts_with(text) {
            let spaces = rest[text.len()..].iter().take(INDENT_MAX);
            let indent = spaces
                .take_while(|byte| matches!(byte, b' ' | b'\t'))
                .count();
            return Break::Whole(text.len() + indent);
        }
        if !rest.is_empty() && text.starts_with(rest) {
            return Break::Partial;
        }
    }
    Break::None
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

/// The same for a literal that may be wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is something else.
    Differs,
    /// The text ends inside the literal; so many bytes of the literal agree.
    Partial(usize),
    /// It is there, and takes so many bytes of the text.
    Equal(usize),
}

impl Literal {
    /// Compares the literal with `hay[at..]`.
    #[inline]
    pub(crate) fn compare(&self, hay: &[u8], at: usize) -> Compare {
        let have = &hay[at..];
        let len = self.text.len().min(have.len());
        if have[len - 1] | 0x20 != self.text[len - 1] | 0x20 {
            return Compare::Differs;
        }
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

impl Literal {
    /// Compares the literal with `hay[at..]`, past the line breaks in it when it wraps.
    #[inline]
    pub(crate) fn reach(&self, hay: &[u8], at: usize) -> Reach {
        match self.compare(hay, at) {
            Compare::Equal => Reach::Equal(self.text.len()),
            Compare::Partial(got) => Reach::Partial(got),
            Compare::Differs if self.wraps => self.reach_wrapped(hay, at, self.text.len()),
            Compare::Differs => Reach::Differs,
        }
    }

    /// Whether its first `length` bytes stand at `hay[at..]`, with line breaks in them if need be.
    pub(crate) fn begins_wrapped(&self, hay: &[u8], at: usize, length: usize) -> bool {
        matches!(self.reach_wrapped(hay, at, length), Reach::Equal(_))
    }

    #[cold]
    fn reach_wrapped(&self, hay: &[u8], at: usize, length: usize) -> Reach {
        let mut rest = &hay[at..];
        let mut got = 0;
        loop {
            let same = rest
                .iter()
                .zip(&self.text[got..length])
                .take_while(|(a, b)| a == b)
                .count();
            got += same;
            rest = &rest[same..];
            if got == length {
                return Reach::Equal(hay.len() - at - rest.len());
            }
            if rest.is_empty() {
                return Reach::Partial(got);
            }
            // Two breaks in a row end it.
            if same == 0 {
                return Reach::Differs;
            }
            match line_break(rest) {
                Break::None => return Reach::Differs,
                Break::Partial => return Reach::Partial(got),
                Break::Whole(width) => rest = &rest[width..],
            }
        }
    }

    /// What the first bytes of the text may be where the literal begins: a set for each byte of a window.
    fn beginnings(&self) -> Vec<[Vec<u8>; WINDOW]> {
        let fourth = match self.text.len() {
            0..WINDOW => self.next.bytes().collect(),
            _ => cases(self, 3),
        };
        let mut out = vec![[cases(self, 0), cases(self, 1), cases(self, 2), fourth]];
        if self.wraps {
            for text in BREAKS {
                for before in 1..WINDOW {
                    let broken = [&self.text[..before], text, &self.text[before..WINDOW]].concat();
                    out.push(std::array::from_fn(|index| vec![broken[index]]));
                }
            }
        }
        out
    }
}

/// The compiled set of literals.
#[derive(Debug)]
pub(crate) struct Finder {
    /// By a pair of bytes: low half, the groups in which it comes first; high half, those in which it comes third.
    pairs: Box<[u32; 1 << 16]>,
    slots: Vec<Slot>,
    /// One bit for each window, by its hash: most windows that are none are ruled out here, in the nearest cache.
    seen: Box<[u64; SEEN]>,
    entries: Vec<Entry>,
    literals: Vec<Literal>,
    ones: Box<[u8; 256]>,
    twos: Box<[u8; 1 << 16]>,
    threes: Box<[u8; 1 << 16]>,
}

/// A literal at one of its windows, and enough of it to rule it out without looking at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The literal.
    pub(crate) id: u32,
    /// The bytes behind the window, folded.
    next: u64,
    /// Which of them the literal has.
    mask: u64,
    /// Its [`head`].
    pub(crate) head: u8,
}

impl Entry {
    fn new(id: u32, literal: &Literal) -> Entry {
        let behind = literal.text.get(WINDOW..).filter(|_| !literal.wraps);
        let (next, mask) = following(behind.unwrap_or_default());
        Entry {
            id,
            next,
            mask,
            head: literal.head,
        }
    }
}

/// The first eight bytes of `text`, folded; and a mask of those that it has.
#[inline]
fn following(text: &[u8]) -> (u64, u64) {
    const FOLDED: u64 = u64::from_le_bytes([0x20; 8]);
    if let Some(bytes) = text.first_chunk::<8>() {
        return (u64::from_le_bytes(*bytes) | FOLDED, u64::MAX);
    }
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text);
    let mask = (1 << (8 * text.len())) - 1;
    ((u64::from_le_bytes(bytes) | FOLDED) & mask, mask)
}

/// The literals of one window: `entries[from..to]`, longest first.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    window: u32,
    from: u32,
    to: u32,
    /// Union of the [`head`] bits of its literals.
    heads: u8,
}

#[inline]
fn hash(window: u32) -> u32 {
    window.wrapping_mul(0x9E37_79B1)
}

/// The bit of a window among [`SEEN`] words.
#[inline]
fn seen(window: u32) -> usize {
    (window.wrapping_mul(0x85EB_CA6B) >> (32 - (SEEN * 64).trailing_zeros())) as usize
}

#[inline]
fn three(bytes: [u8; 3]) -> usize {
    (hash(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])) >> 16) as usize
}

#[inline]
fn two(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(bytes))
}

impl Finder {
    /// Compiles `literals`.
    pub(crate) fn new(literals: Vec<Literal>) -> Finder {
        let mut entries: Vec<(u32, u32)> = Vec::new();
        for (id, literal) in (0u32..).zip(&literals) {
            entries.extend(windows(literal).into_iter().map(|window| (window, id)));
        }
        entries.sort_by_key(|(window, id)| {
            (
                *window,
                std::cmp::Reverse(literals[*id as usize].text.len()),
                *id,
            )
        });
        entries.dedup();

        let mut finder = Finder {
            pairs: Box::new([0; 1 << 16]),
            slots: vec![Slot::default(); (entries.len() * 4).next_power_of_two().max(16)],
            seen: Box::new([0; SEEN]),
            entries: entries
                .iter()
                .map(|(_, id)| Entry::new(*id, &literals[*id as usize]))
                .collect(),
            literals,
            ones: Box::new([0; 256]),
            twos: Box::new([0; 1 << 16]),
            threes: Box::new([0; 1 << 16]),
        };
        let mut from = 0;
        for group in entries.chunk_by(|a, b| a.0 == b.0) {
            let to = from + group.len();
            let heads = group.iter().fold(0, |heads, (_, id)| {
                heads | finder.literals[*id as usize].head
            });
            finder.enter(Slot {
                window: group[0].0,
                from: from as u32,
                to: to as u32,
                heads,
            });
            from = to;
        }
        for id in 0..finder.literals.len() {
            for [a, b, c, d] in finder.literals[id].beginnings() {
                finder.mark_pairs([&a, &b, &c, &d]);
                finder.mark_heads(finder.literals[id].head, [&a, &b, &c]);
            }
        }
        finder
    }

    /// Enters a window, given what may stand at each of its places.
    fn mark_pairs(&mut self, [a, b, c, d]: [&[u8]; WINDOW]) {
        // Literals that begin alike share a group, so that few pairs come first in more than one.
        let group = hash(u32::from_le_bytes([a[0] | 0x20, b[0] | 0x20, 0, 0])) >> 28;
        for first in a {
            for second in b {
                self.pairs[two([*first, *second])] |= 1 << group;
            }
        }
        for third in c {
            for fourth in d {
                self.pairs[two([*third, *fourth])] |= 1 << (group + 16);
            }
        }
    }

    /// Enters what a text may end with when a literal begins there.
    fn mark_heads(&mut self, head: u8, [a, b, c]: [&[u8]; 3]) {
        for a in a {
            self.ones[usize::from(*a)] |= head;
            for b in b {
                self.twos[two([*a, *b])] |= head;
                for c in c {
                    self.threes[three([*a, *b, *c])] |= head;
                }
            }
        }
    }

    fn enter(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(slot.window);
        while self.slots[at].to != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
        let bit = seen(slot.window);
        self.seen[bit / 64] |= 1 << (bit % 64);
    }

    /// The positions from `from` on where literals may begin, in order.
    pub(crate) fn hits<'f, 'h>(&'f self, hay: &'h [u8], from: usize) -> Hits<'f, 'h> {
        Hits {
            finder: self,
            hay,
            block: from,
            next: from,
            marks: 0,
        }
    }

    #[inline]
    fn pair(&self, bytes: &[u8; BLOCK + WINDOW - 1], at: usize) -> u32 {
        self.pairs[usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))]
    }

    /// Where the search for a window begins: the high bits of a product are the mixed ones.
    #[inline]
    fn home(&self, window: u32) -> usize {
        (hash(window) >> (32 - self.slots.len().trailing_zeros())) as usize
    }

    #[inline]
    fn look_up(&self, window: u32) -> Option<Slot> {
        let bit = seen(window);
        if self.seen[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = self.home(window);
        loop {
            let slot = self.slots[at];
            if slot.to == 0 {
                return None;
            }
            if slot.window == window {
                return Some(slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// What the last one to three bytes of a text may be the beginning of: a union of [`head`] bits.
    pub(crate) fn heads(&self, tail: &[u8]) -> u8 {
        match *tail {
            // A literal begins with a character; the rest of one that was cut off is none.
            [0x80..0xC0, ..] => 0,
            [a] => self.ones[usize::from(a)],
            [a, b] => self.twos[two([a, b])],
            [a, b, c] => self.threes[three([a, b, c])],
            _ => 0,
        }
    }

    /// A literal by its id.
    #[inline]
    pub(crate) fn literal(&self, id: u32) -> &Literal {
        &self.literals[id as usize]
    }
}

/// The byte of `literal` at `index`, in both cases when it ignores case.
fn cases(literal: &Literal, index: usize) -> Vec<u8> {
    let byte = literal.text[index];
    if literal.fold {
        vec![byte, byte.to_ascii_uppercase()]
    } else {
        vec![byte]
    }
}

/// A position where literals may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'f> {
    pub(crate) at: usize,
    /// The literals whose first bytes stand there, longest first.
    pub(crate) entries: &'f [Entry],
    /// Union of the [`head`] bits of these literals.
    pub(crate) heads: u8,
    /// What follows their first bytes in the text.
    next: u64,
    /// How much of that is at hand.
    mask: u64,
}

impl Candidate<'_> {
    /// Whether the literal of `entry` may stand there, as far as its next bytes tell.
    #[inline]
    pub(crate) fn admits(&self, entry: &Entry) -> bool {
        (self.next ^ entry.next) & entry.mask & self.mask == 0
    }
}

/// The candidates of one text; see [`Finder::hits`].
pub(crate) struct Hits<'f, 'h> {
    finder: &'f Finder,
    hay: &'h [u8],
    /// Where the block of `marks` begins.
    block: usize,
    /// Where the next block begins.
    next: usize,
    /// One bit for each candidate of the block that is not taken yet.
    marks: u32,
}

impl<'f> Iterator for Hits<'f, '_> {
    type Item = Candidate<'f>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while self.marks != 0 {
                let at = self.block + self.marks.trailing_zeros() as usize;
                self.marks &= self.marks - 1;
                let window = self.hay.get(at..at + WINDOW)?;
                let window = u32::from_le_bytes(window.try_into().ok()?) | FOLD;
                if let Some(slot) = self.finder.look_up(window) {
                    let entries = &self.finder.entries[slot.from as usize..slot.to as usize];
                    let (next, mask) = following(&self.hay[at + WINDOW..]);
                    return Some(Candidate {
                        at,
                        entries,
                        heads: slot.heads,
                        next,
                        mask,
                    });
                }
            }
            self.fill()?;
        }
    }
}

impl Hits<'_, '_> {
    /// Looks for the next block with a candidate.
    fn fill(&mut self) -> Option<()> {
        let mut at = self.next;
        while let Some(bytes) = self.hay.get(at..at + BLOCK + WINDOW - 1) {
            let bytes: &[u8; BLOCK + WINDOW - 1] = bytes.try_into().ok()?;
            let pairs: [u32; BLOCK + 2] =
                std::array::from_fn(|index| self.finder.pair(bytes, index));
            let agree: [u32; BLOCK] =
                std::array::from_fn(|index| pairs[index] & (pairs[index + 2] >> 16));
            if agree.iter().fold(0, |any, groups| any | groups) != 0 {
                self.marks = (0..BLOCK).fold(0, |marks, index| {
                    marks | u32::from(agree[index] != 0) << index
                });
                self.block = at;
                self.next = at + BLOCK;
                return Some(());
            }
            at += BLOCK;
        }
        // The last few positions are taken one by one; the look-up sorts them out.
        let rest = (self.hay.len() + 1).saturating_sub(WINDOW + at);
        if rest == 0 {
            return None;
        }
        self.marks = (1 << rest) - 1;
        self.block = at;
        self.next = at + rest;
        Some(())
    }
}

/// Every folded window that `literal` may begin with.
fn windows(literal: &Literal) -> Vec<u32> {
    let text = &literal.text;
    if text.len() >= WINDOW {
        let firsts = literal.beginnings().into_iter();
        return firsts
            .map(|[a, b, c, d]| u32::from_le_bytes([a[0], b[0], c[0], d[0]]) | FOLD)
            .collect();
    }
    literal
        .next
        .bytes()
        .map(|byte| u32::from_le_bytes([text[0], text[1], text[2], byte]) | FOLD)
        .collect()
}
