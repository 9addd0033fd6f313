//! Event lines and items as they lie on disk: packed with LZ4 when that makes them smaller.
//!
//! They repeat their own form again and again, so packing costs less time than writing what it saves. What is short or
//! does not get smaller stays as it is. A checksum is not for here: the log has one, and damage in the file is SQLite's.

/// Shorter bytes are not packed: in so little nothing repeats, and a lone event is what must be fast.
const SHORTEST: usize = 512;

/// Packs one value after the other, in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    buffer: Vec<u8>,
}

impl Packer {
    /// What to store for `bytes`; shorter than them exactly when it is packed.
    pub(crate) fn pack<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        if bytes.len() < SHORTEST {
            return bytes;
        }
        let most = lz4_flex::block::get_maximum_output_size(bytes.len());
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
        match lz4_flex::block::compress_into(bytes, &mut self.buffer) {
            // An eighth is what it has to save to be worth unpacking.
            Ok(length) if length <= bytes.len() - bytes.len() / 8 => &self.buffer[..length],
            _ => bytes,
        }
    }

    /// Gives memory back that only an unusually long value has needed.
    pub(crate) fn shrink(&mut self, most: usize) {
        if self.buffer.len() > most {
            self.buffer.truncate(most);
            self.buffer.shrink_to_fit();
        }
    }
}

/// The bytes again; `size` is their length. `None`: what is stored is damaged.
pub(crate) fn unpack(stored: &[u8], size: usize) -> Option<Vec<u8>> {
    if stored.len() == size {
        return Some(stored.to_owned());
    }
    let mut bytes = vec![0; size];
    let length = lz4_flex::block::decompress_into(stored, &mut bytes).ok()?;
    (length == size).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_and_random_bytes_stay_as_they_are() {
        let mut packer = Packer::default();
        let short = [b'x'; SHORTEST - 1];
        assert_eq!(packer.pack(&short), short);
        let mut random = vec![0; 4096];
        getrandom::fill(&mut random).unwrap();
        assert_eq!(packer.pack(&random), random);
    }

    #[test]
    fn damaged_bytes_are_told() {
        let mut packer = Packer::default();
        let lines = b"{\"method\":\"item/agentMessage/delta\"}\n".repeat(100);
        let packed = packer.pack(&lines).to_vec();
        assert!(packed.len() < lines.len() / 8);
        assert_eq!(unpack(&packed, lines.len()), Some(lines.clone()));
        assert_eq!(unpack(&packed[..packed.len() / 2], lines.len()), None);
        assert_eq!(unpack(&packed, lines.len() + 1), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_packed_comes_back(words in proptest::collection::vec("[a-z]{1,9} ?", 0..800)) {
            let lines = words.concat().into_bytes();
            let mut packer = Packer::default();
            let stored = packer.pack(&lines).to_vec();
            prop_assert!(stored.len() <= lines.len());
            prop_assert_eq!(unpack(&stored, lines.len()), Some(lines));
        }
    }
}
