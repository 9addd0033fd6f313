//! What is wrong with a configuration, in one line that a person can act on. It never holds the value of a secret.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

/// The exit status for a configuration that can not be used (`EX_CONFIG` of sysexits.h).
pub const EX_CONFIG: u8 = 78;

/// Longest piece of somebody else's text that an error shows; more is cut, so that the line stays readable.
const SHOWN_CHARS: usize = 60;

/// Why the configuration is refused. `Display` is one line: file and line, key, problem and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The key with its sections, such as `codex.backoff_min`, or the option or variable that is at fault.
    pub key: String,
    /// What was found and what to do, lower-case, control characters escaped, without any secret.
    pub problem: String,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The line of `file`, counted from 1, where it is known.
    pub line: Option<usize>,
}

impl Error {
    /// An error that belongs to no place in a file.
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
            file: None,
            line: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write_escaped(f, &file.to_string_lossy())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        write_escaped(f, &self.key)?;
        f.write_str(": ")?;
        write_escaped(f, &self.problem)
    }
}

impl std::error::Error for Error {}

/// Text of a value for an error: quoted, escaped, cut, and withheld when it looks like a token in the wrong place.
pub(crate) fn shown(text: &str) -> String {
    if looks_secret(text) {
        return format!("a value of {} characters", text.chars().count());
    }
    let mut out = String::from("\"");
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN_CHARS {
            out.push('…');
            break;
        }
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

/// A path for an error: escaped like `shown`, but not cut, since the end of a path is what tells it apart.
pub(crate) fn shown_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let name = path.file_name().map(|name| name.to_string_lossy());
    if name.is_some_and(|name| looks_secret(&name)) {
        return "a path whose last part looks like a secret".to_owned();
    }
    let mut out = String::new();
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

/// Whether a text could be a token that was written to the wrong key: then not even its beginning is shown.
fn looks_secret(text: &str) -> bool {
    /// Shorter texts of one word are rather a typing mistake than a token.
    const TOKEN_CHARS: usize = 24;
    text.contains("hft_")
        || text
            .split(|c: char| !(c.is_ascii_alphanumeric() || "_-+=~".contains(c)))
            .any(|word| word.len() >= TOKEN_CHARS && word.bytes().any(|b| b.is_ascii_digit()))
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if is_harmful(c) {
            write!(f, "{}", c.escape_default())?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

fn push_escaped(out: &mut String, c: char) {
    if is_harmful(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Control characters, line separators and bidirectional controls: they could break the line or disguise it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_place_key_and_problem() {
        let error = Error {
            key: "codex.\npath".to_owned(),
            problem: "bad \u{1b}[2J\nvalue".to_owned(),
            file: Some(PathBuf::from("/etc/hold\nfast.toml")),
            line: Some(7),
        };
        assert_eq!(
            error.to_string(),
            r"/etc/hold\nfast.toml:7: codex.\npath: bad \u{1b}[2J\nvalue"
        );
    }

    #[test]
    fn shown_text_is_cut_and_withheld_when_it_looks_like_a_token() {
        assert_eq!(shown("a\tb"), r#""a\tb""#);
        assert_eq!(shown(&"ab ".repeat(40)).chars().count(), SHOWN_CHARS + 3);
        assert_eq!(shown("hft_oops"), "a value of 8 characters");
        assert_eq!(shown(&"a1".repeat(16)), "a value of 32 characters");
        assert_eq!(
            shown_path(Path::new("/x/hft_oops")),
            "a path whose last part looks like a secret"
        );
    }
}
