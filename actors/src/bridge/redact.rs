//! Redaction of one JSON line: each string leaf, keys among them, through the same engine.
//!
//! Works on the text of the line, so that what holds no secret is neither parsed into a tree nor copied.

use std::borrow::Cow;

use codex::message::{string_literals, string_value, write_string};
use redaction::Redactor;

/// The line with every secret replaced by its marker; borrowed when it holds none. The line must be valid JSON.
pub(crate) fn redact_json<'a>(redactor: &Redactor, line: &'a str) -> Cow<'a, str> {
    if !redactor.may_match(line.as_bytes()) {
        return Cow::Borrowed(line);
    }
    let mut changed: Option<Vec<u8>> = None;
    let mut copied = 0;
    for literal in string_literals(line) {
        let text = string_value(&line[literal.span.clone()]);
        if let Cow::Owned(redacted) = redactor.redact(&text) {
            let out = changed.get_or_insert_with(|| Vec::with_capacity(line.len()));
            out.extend_from_slice(&line.as_bytes()[copied..literal.span.start]);
            write_string(out, &redacted);
            copied = literal.span.end;
        }
    }
    let Some(mut out) = changed else {
        return Cow::Borrowed(line);
    };
    out.extend_from_slice(&line.as_bytes()[copied..]);
    // Pieces of valid text, cut at quotes, and escaped strings.
    Cow::Owned(
        String::from_utf8(out)
            .unwrap_or_else(|_| r#"{"method":"host/redaction/failed","params":{}}"#.to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_is_redacted_and_the_rest_is_as_it_was() {
        let known = "correct-horse-battery-staple";
        let redactor = Redactor::builder()
            .key([7; 32])
            .known("test", known)
            .build()
            .expect("rules compile");
        let line = format!(
            r#"{{ "a":"x {known} y","n":1.50,"{known}":["\u00e9","\ud83d\ude00 {known}"]}}"#
        );
        let redacted = redact_json(&redactor, &line);
        assert!(!redacted.contains(known));
        assert!(redacted.starts_with(r#"{ "a":"x [REDACTED:"#), "{redacted}");
        assert!(redacted.contains(r#","n":1.50,"#));
        serde_json::from_str::<serde_json::Value>(&redacted).expect("still JSON");
        let clean = r#"{"a":"nothing here"}"#;
        assert!(matches!(redact_json(&redactor, clean), Cow::Borrowed(same) if same == clean));
    }
}
