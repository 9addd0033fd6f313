//! Generated text: a pure function of seed and index, cheap enough for a million pieces a second. Not random, not secret.

use std::io::Write;

use super::SecretKind;

/// Words that read like prose and hold neither digits nor anything that JSON escapes.
const WORDS: [&str; 24] = [
    "kelp", "tide", "anchor", "rock", "water", "wave", "moves", "holds", "slowly", "under", "the",
    "grey", "harbour", "light", "and", "salt", "wind", "turns", "over", "stone", "a", "boat",
    "waits", "again",
];

/// Bytes of prose that pieces are cut from; a piece starts anywhere in the first half.
const PROSE_BYTES: usize = 32 * 1024;

/// Text of one seed from which numbered pieces are cut.
#[derive(Debug)]
pub struct Prose {
    bytes: Vec<u8>,
}

impl Prose {
    /// Generates the text of this seed, long enough for pieces of `size` bytes.
    pub fn new(seed: u64, size: usize) -> Self {
        let wanted = PROSE_BYTES / 2 + size.max(PROSE_BYTES / 2);
        let mut bytes = Vec::with_capacity(wanted + 16);
        let mut state = mix(seed);
        while bytes.len() < wanted {
            state = mix(state);
            bytes.extend_from_slice(WORDS[(state % WORDS.len() as u64) as usize].as_bytes());
            bytes.push(b' ');
        }
        Self { bytes }
    }

    /// Appends piece `index`: its number, prose up to `size` bytes, and a blank, or each sixteenth time a newline.
    pub fn piece(&self, index: u64, size: usize, out: &mut Vec<u8>) {
        self.body(index, size, None, out);
        out.push(ending(index));
    }

    /// The same with the time of its emission, in microseconds since 1970, after the number.
    pub fn stamped_piece(&self, index: u64, size: usize, micros: u64, out: &mut Vec<u8>) {
        self.body(index, size, Some(micros), out);
        out.push(ending(index));
    }

    fn body(&self, index: u64, size: usize, micros: Option<u64>, out: &mut Vec<u8>) {
        let start = out.len();
        push_number(b't', index, out);
        if let Some(micros) = micros {
            out.push(b' ');
            out.push(b'@');
            write!(out, "{micros}").expect("writing to a Vec cannot fail");
        }
        let used = out.len() - start + 1;
        if size > used + 1 {
            out.push(b' ');
            let from = (index.wrapping_mul(29) % (PROSE_BYTES as u64 / 2)) as usize;
            out.extend_from_slice(&self.bytes[from..from + size - used - 1]);
        }
    }
}

fn ending(index: u64) -> u8 {
    if index % 16 == 15 { b'\n' } else { b' ' }
}

fn push_number(letter: u8, index: u64, out: &mut Vec<u8>) {
    if index >= 1_000_000 {
        write!(out, "{}{index}", letter as char).expect("writing to a Vec cannot fail");
        return;
    }
    let mut digits = [letter, b'0', b'0', b'0', b'0', b'0', b'0'];
    let mut rest = index;
    for digit in digits[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends output line `index`: its number, dots up to `size` bytes, a newline. A shell command can print the same.
pub fn line(index: u64, size: usize, out: &mut Vec<u8>) {
    let start = out.len();
    push_number(b'o', index, out);
    out.push(b' ');
    let used = out.len() - start + 1;
    out.resize(out.len() + size.saturating_sub(used), b'.');
    out.push(b'\n');
}

/// Cuts a text into words, each with the blanks that follow it, so that they make the text again.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut blank = false;
    for (at, letter) in text.char_indices() {
        if blank && !letter.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        blank = letter.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// A made-up secret of this form. Assembled at run time, so that no scanner finds one in the source.
pub fn secret(kind: SecretKind, seed: u64) -> String {
    let mut state = mix(seed ^ 0x5ec2e7 ^ ((kind as u64) << 32));
    let mut letters = |count: usize, alphabet: &[u8]| -> String {
        (0..count)
            .map(|_| {
                state = mix(state);
                alphabet[(state % alphabet.len() as u64) as usize] as char
            })
            .collect()
    };
    const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const DIGITS: &[u8] = b"0123456789";
    match kind {
        SecretKind::GithubPat => format!("{}_{}", "ghp", letters(36, ALNUM)),
        SecretKind::OpenaiKey => format!("{}-proj-{}", "sk", letters(64, ALNUM)),
        SecretKind::AnthropicKey => format!("{}-ant-api03-{}AA", "sk", letters(93, ALNUM)),
        SecretKind::AwsKeyId => format!("{}{}", "AKIA", letters(16, UPPER)),
        SecretKind::GoogleKey => format!("{}{}", "AIza", letters(35, ALNUM)),
        SecretKind::SlackToken => {
            format!(
                "{}-{}-{}-{}",
                "xoxb",
                letters(12, DIGITS),
                letters(12, DIGITS),
                letters(24, ALNUM)
            )
        }
        SecretKind::NpmToken => format!("{}_{}", "npm", letters(36, ALNUM)),
        SecretKind::Jwt => format!(
            "{}{}.{}{}.{}",
            "eyJ",
            letters(33, ALNUM),
            "eyJ",
            letters(61, ALNUM),
            letters(43, ALNUM)
        ),
        SecretKind::PrivateKey => {
            let lines: Vec<String> = (0..8).map(|_| letters(64, ALNUM)).collect();
            let name = ["PRIVATE", "KEY"].join(" ");
            format!(
                "-----BEGIN {name}-----\n{}\n-----END {name}-----",
                lines.join("\n")
            )
        }
        SecretKind::UrlPassword => format!(
            "{}://app:{}@db.example.com:5432/app",
            "postgres",
            letters(24, ALNUM)
        ),
        SecretKind::Bearer => format!("Authorization: {} {}", "Bearer", letters(48, ALNUM)),
        SecretKind::Password => format!("{} = \"{}\"", "password", letters(24, ALNUM)),
    }
}

/// SplitMix64: one well-mixed number for each input.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: u64, size: usize) -> String {
        let mut out = Vec::new();
        Prose::new(0, size).piece(index, size, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn pieces_have_the_asked_size_and_their_number() {
        assert_eq!((piece(17, 64).len(), &piece(17, 64)[..8]), (64, "t000017 "));
        assert_eq!(
            (piece(15, 64).len(), piece(15, 64).ends_with('\n')),
            (64, true)
        );
        assert_eq!(
            [piece(17, 0), piece(17, 8), piece(17, 9)],
            ["t000017 ", "t000017 ", "t000017 "]
        );
        assert_eq!(piece(1_234_567, 8), "t1234567 ");
        assert_eq!(piece(3, 1 << 20).len(), 1 << 20);
    }

    #[test]
    fn words_make_the_text_again() {
        let text = "# A  title\n\n- one\n";
        assert_eq!(words(text), ["# ", "A  ", "title\n\n", "- ", "one\n"]);
        assert_eq!(words(""), Vec::<&str>::new());
    }

    #[test]
    fn secrets_depend_on_kind_and_seed_only() {
        for kind in SecretKind::ALL {
            assert_eq!(secret(*kind, 1), secret(*kind, 1));
            assert_ne!(secret(*kind, 1), secret(*kind, 2));
        }
    }

    #[test]
    fn lines_have_the_asked_size_and_their_number() {
        let mut out = Vec::new();
        line(17, 16, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "o000017 .......\n");
    }
}
