//! The encoded forms in which a known value may appear in text.
//!
//! Not for mixed or private encodings (compressed, encrypted, split by line wraps): those cannot be enumerated.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::class::BASE64;

/// Adds every form of `value` to `found`.
pub(crate) fn encode(value: &str, found: &mut BTreeSet<Vec<u8>>) {
    let mut add = |text: String| {
        found.insert(text.into_bytes());
    };
    add(value.to_owned());
    if value.contains('\n') {
        add(value.replace('\n', "\r\n"));
    }
    json(value, &mut add);
    base64(value.as_bytes(), &mut add);
    percent(value, &mut add);
    base32(value.as_bytes(), &mut add);
    hex(value.as_bytes(), &mut add);
    others(value, &mut add);
    shell(value, &mut add);
    xml(value, &mut add);
    // Every form may stand in a JSON string, and be searched in the raw text of it.
    let escaped: Vec<String> = found
        .iter()
        .filter(|form| {
            form.iter()
                .any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
        })
        .map(|form| Dialect::PLAIN.escape(&String::from_utf8_lossy(form)))
        .collect();
    found.extend(escaped.into_iter().map(String::into_bytes));
}

/// JSON strings: once and twice encoded, with and without non-ASCII escapes, in the dialects of common writers.
fn json(value: &str, add: &mut impl FnMut(String)) {
    for dialect in Dialect::ALL {
        let once = dialect.escape(value);
        for outer in Dialect::ALL {
            add(outer.escape(&once));
        }
        add(once);
    }
    // Every character as an escape.
    for upper_hex in [false, true] {
        let dialect = Dialect {
            upper_hex,
            ..Dialect::PLAIN
        };
        let mut every = String::new();
        value
            .chars()
            .for_each(|letter| dialect.unicode(letter, &mut every));
        add(every.replace('\\', "\\\\"));
        add(every);
    }
    // Rust's and Python's debug forms escape the quote they use.
    add(value.escape_debug().to_string());
    add(value.replace('\\', "\\\\").replace('\'', "\\'"));
}

/// What a JSON writer escapes beyond the necessary.
#[derive(Clone, Copy)]
struct Dialect {
    non_ascii: bool,
    upper_hex: bool,
    slash: bool,
    html: bool,
}

impl Dialect {
    const PLAIN: Dialect = Dialect {
        non_ascii: false,
        upper_hex: false,
        slash: false,
        html: false,
    };
    const ALL: [Dialect; 6] = [
        Dialect::PLAIN,
        Dialect {
            non_ascii: true,
            ..Dialect::PLAIN
        },
        Dialect {
            non_ascii: true,
            upper_hex: true,
            ..Dialect::PLAIN
        },
        Dialect {
            slash: true,
            ..Dialect::PLAIN
        },
        Dialect {
            non_ascii: true,
            slash: true,
            ..Dialect::PLAIN
        },
        Dialect {
            html: true,
            ..Dialect::PLAIN
        },
    ];

    fn escape(self, value: &str) -> String {
        let mut out = String::with_capacity(value.len() + 8);
        for letter in value.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '/' if self.slash => out.push_str("\\/"),
                '<' | '>' | '&' if self.html => self.unicode(letter, &mut out),
                '\0'..='\u{1f}' => self.unicode(letter, &mut out),
                '\u{7f}'.. if self.non_ascii => self.unicode(letter, &mut out),
                _ => out.push(letter),
            }
        }
        out
    }

    fn unicode(self, letter: char, out: &mut String) {
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            // Writing to a String cannot fail.
            let _ = if self.upper_hex {
                write!(out, "\\u{unit:04X}")
            } else {
                write!(out, "\\u{unit:04x}")
            };
        }
    }
}

/// Both alphabets at all three alignments, without the characters that neighbouring bytes have a part in.
fn base64(value: &[u8], add: &mut impl FnMut(String)) {
    for shift in 0..3 {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(value);
        // Characters that depend on the value alone: from the first whole sextet on ...
        let from = (shift * 8).div_ceil(6);
        // ... to the last one.
        let to = shifted.len() * 8 / 6;
        let standard = STANDARD_NO_PAD.encode(&shifted)[from..to].to_owned();
        add(URL_SAFE_NO_PAD.encode(&shifted)[from..to].to_owned());
        add(standard.replace('/', "\\/"));
        add(standard.replace('/', "%2F").replace('+', "%2B"));
        add(standard.replace('/', "%2f").replace('+', "%2b"));
        add(standard);
    }
}

/// The forms of base64 that writers break into lines.
pub(crate) fn wrapped(value: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    base64(value, &mut |text| {
        if text.bytes().all(|byte| BASE64.has(byte)) {
            found.insert(text.into_bytes());
        }
    });
}

/// Base32 without the last character, which the bytes behind the value may have a part in.
fn base32(value: &[u8], add: &mut impl FnMut(String)) {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |index: usize| usize::from(value[index / 8] >> (7 - index % 8) & 1);
    let out: String = (0..value.len() * 8 / 5)
        .map(|letter| (0..5).fold(0, |digit, index| digit << 1 | bit(letter * 5 + index)))
        .map(|digit| char::from(DIGITS[digit]))
        .collect();
    add(out.to_ascii_lowercase());
    add(out);
}

/// Quotes doubled, as in SQL, YAML, CSV and PowerShell, and the escapes of mail.
fn others(value: &str, add: &mut impl FnMut(String)) {
    add(value.replace('\'', "''"));
    add(value.replace('"', "\"\""));
    add(value
        .replace('`', "``")
        .replace('"', "`\"")
        .replace('$', "`$"));
    let mail = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    let quoted = value.bytes().map(|byte| match mail(byte) {
        true => char::from(byte).to_string(),
        false => format!("={byte:02X}"),
    });
    add(quoted.collect());
}

/// Percent encoding with the sets of characters that common encoders keep, and the `+` of forms.
fn percent(value: &str, add: &mut impl FnMut(String)) {
    const KEPT: [&str; 7] = [
        "-_.~",
        "-_.",
        "-_.~/",
        "-_.!~*'()",
        "*-._",
        "-_.!~*'();,/?:@&=+$#",
        "-_.~!$&'()*+,;=",
    ];
    for kept in KEPT {
        for upper in [true, false] {
            for plus in [false, true] {
                add(escape(
                    value,
                    |byte| byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte),
                    upper,
                    plus,
                ));
            }
        }
    }
    for upper in [true, false] {
        add(escape(value, |_| false, upper, false));
        // A parameter in an address that is a parameter itself.
        let once = escape(
            value,
            |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte),
            upper,
            false,
        );
        add(once.replace('%', "%25"));
    }
}

fn escape(value: &str, keep: impl Fn(u8) -> bool, upper: bool, plus: bool) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    for byte in value.bytes() {
        // Writing to a String cannot fail.
        let _ = match byte {
            b' ' if plus => write!(out, "+"),
            _ if keep(byte) => write!(out, "{}", char::from(byte)),
            _ if upper => write!(out, "%{byte:02X}"),
            _ => write!(out, "%{byte:02x}"),
        };
    }
    out
}

/// Hexadecimal in both cases, plain and as `\x` escapes.
fn hex(value: &[u8], add: &mut impl FnMut(String)) {
    let digits = |prefix: &str, upper: bool| {
        value.iter().fold(String::new(), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = if upper {
                write!(out, "{prefix}{byte:02X}")
            } else {
                write!(out, "{prefix}{byte:02x}")
            };
            out
        })
    };
    for prefix in ["", "\\x"] {
        add(digits(prefix, false));
        add(digits(prefix, true));
    }
    for separator in [" ", ":"] {
        add(digits(separator, false)[1..].to_owned());
        add(digits(separator, true)[1..].to_owned());
    }
}

/// The ways in which a shell quotes.
fn shell(value: &str, add: &mut impl FnMut(String)) {
    add(value.replace('\'', "'\\''"));
    add(value.replace('\'', "'\"'\"'"));
    let escaped = |special: &str| {
        value.chars().fold(String::new(), |mut out, letter| {
            if special.contains(letter) {
                out.push('\\');
            }
            out.push(letter);
            out
        })
    };
    // Inside double quotes, and outside of any (`printf %q`).
    add(escaped("\"\\$`"));
    add(escaped("\"\\$`!"));
    add(escaped(" !\"#$&'()*,;<>?[\\]^`{|}~\t"));
    add(escaped(" !\"#$&'()*;<>?[\\]^`{|}"));
}

/// XML and HTML text, with the spellings of the quotes.
fn xml(value: &str, add: &mut impl FnMut(String)) {
    let text = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    for (double, single) in [
        ("&quot;", "&apos;"),
        ("&quot;", "&#39;"),
        ("&quot;", "&#x27;"),
        ("&#34;", "&#39;"),
        ("&quot;", "'"),
    ] {
        add(text.replace('"', double).replace('\'', single));
    }
    // Templates that escape whatever could end an attribute, and writers that escape by number.
    let wary = text
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('/', "&#x2F;");
    add(wary.replace('`', "&#x60;").replace('=', "&#x3D;"));
    add(wary);
    let numbered = value
        .replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;");
    add(numbered.replace('"', "&#34;").replace('\'', "&#39;"));
    add(text);
}
