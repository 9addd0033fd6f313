//! Whole lines that pass without being parsed.

use super::samples;
use crate::Redactor;

/// `text` as a JSON string in a message, written by a plain writer.
fn plain(text: &str) -> String {
    let escaped: String = text.chars().map(|letter| escape(letter, false)).collect();
    format!("{{\"method\":\"item/delta\",\"params\":{{\"delta\":\"{escaped}\"}}}}")
}

/// The same, written by a writer that escapes every character.
fn hidden(text: &str) -> String {
    let escaped: String = text.chars().map(|letter| escape(letter, true)).collect();
    format!("{{\"method\":\"item/delta\",\"params\":{{\"delta\":\"{escaped}\"}}}}")
}

fn escape(letter: char, every: bool) -> String {
    match letter {
        _ if every => letter
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\0'..='\u{1f}' => format!("\\u{:04x}", u32::from(letter)),
        _ => letter.to_string(),
    }
}

fn changes(redactor: &Redactor, text: &str) -> bool {
    redactor.redact(text) != text
}

#[test]
fn no_line_passes_whose_text_would_be_redacted() {
    let redactor = samples::redactor();
    for text in samples::corpus() {
        if changes(&redactor, &text) {
            assert!(redactor.may_match(text.as_bytes()));
            assert!(redactor.may_match(plain(&text).as_bytes()), "{text}");
            assert!(redactor.may_match(hidden(&text).as_bytes()));
        }
    }
}

#[test]
fn lines_of_ordinary_messages_pass() {
    let redactor = samples::redactor();
    for text in [
        "token usage: 4096 of 128000 tokens, author: someone",
        "let token = self.next_token();\n\tpassword: String,\n",
        "\u{1b}[32mCompiling\u{1b}[0m serde v1.0.219",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "see https://docs.rs/serde/latest/serde/ for the task-list",
    ] {
        assert!(!redactor.may_match(plain(text).as_bytes()), "{text}");
        assert!(!redactor.may_match(text.as_bytes()), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_never_pass_with_a_candidate_in_them() {
    let redactor = samples::redactor();
    assert!(redactor.may_match(b"password: \xff\xfe"));
    assert!(!redactor.may_match(b"\xff\xfe harmless"));
}
