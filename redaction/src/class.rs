//! Sets of bytes, the alphabet of every matcher.
//!
//! Not for Unicode classes: secrets are ASCII, and a byte above 0x7f ends every token.

/// A set of bytes as a 256-bit map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Class([u64; 4]);

/// Letters, digits and underscore: what a word is made of.
pub(crate) const WORD: Class = Class::EMPTY
    .range(b'A', b'Z')
    .range(b'a', b'z')
    .range(b'0', b'9')
    .with(b"_");

/// Both base64 alphabets with padding.
pub(crate) const BASE64: Class = WORD.with(b"+/=-");

/// The alphabet of armoured key blocks.
pub(crate) const ARMOUR: Class = Class::EMPTY
    .range(b'A', b'Z')
    .range(b'a', b'z')
    .range(b'0', b'9')
    .with(b"+/=");

/// What a token of unknown format may be made of.
pub(crate) const TOKEN: Class = BASE64.with(b".~");

impl Class {
    /// No byte at all.
    pub(crate) const EMPTY: Class = Class([0; 4]);

    /// This set and the bytes `from..=to`.
    pub(crate) const fn range(mut self, from: u8, to: u8) -> Class {
        let mut byte = from;
        loop {
            self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
            if byte == to {
                return self;
            }
            byte += 1;
        }
    }

    /// This set and each byte of `bytes`.
    pub(crate) const fn with(mut self, bytes: &[u8]) -> Class {
        let mut i = 0;
        while i < bytes.len() {
            self.0[(bytes[i] >> 6) as usize] |= 1 << (bytes[i] & 63);
            i += 1;
        }
        self
    }

    /// This set without the bytes of `bytes`.
    pub(crate) const fn minus(self, bytes: &[u8]) -> Class {
        let (a, b) = (self.0, Class::EMPTY.with(bytes).0);
        Class([a[0] & !b[0], a[1] & !b[1], a[2] & !b[2], a[3] & !b[3]])
    }

    /// The bytes of both sets.
    pub(crate) const fn union(self, other: Class) -> Class {
        let (a, b) = (self.0, other.0);
        Class([a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]])
    }

    /// Every byte that is not in this set.
    pub(crate) const fn not(self) -> Class {
        Class([!self.0[0], !self.0[1], !self.0[2], !self.0[3]])
    }

    /// Whether `byte` is in the set.
    #[inline]
    pub(crate) const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// The members in ascending order.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=255).filter(|byte| self.has(*byte))
    }

    /// How many bytes from `from` on are in the set.
    #[inline]
    pub(crate) fn run(&self, hay: &[u8], from: usize, most: usize) -> usize {
        let Some(rest) = hay.get(from..) else {
            return 0;
        };
        rest.iter()
            .take(most)
            .take_while(|byte| self.has(**byte))
            .count()
    }
}
