//! Redaction of one JSON line: each string leaf, keys among them, through the same engine, with the name it stands under.
//!
//! Works on the text of the line, so that what holds no secret is neither parsed into a tree nor copied.

use std::borrow::Cow;

use codex::message::{Literal, string_literals, string_value, write_string};
use redaction::Redactor;

use super::encoded::redact_whole;

/// What Codex and the host know a message, a thread or a page by. Where the protocol has them they pass as they are: one
/// that was changed would name nothing any more. Below that, in what tools give back, they are text as any other.
const IDENTITIES: [&str; 15] = [
    "id",
    "threadId",
    "turnId",
    "itemId",
    "callId",
    "requestId",
    "processId",
    "processHandle",
    "conversationId",
    "sessionId",
    "loginId",
    "cursor",
    "nextCursor",
    "backwardsCursor",
    "method",
];
/// How deep the protocol's own members stand: `params.thread.id`.
const IDENTITY_DEPTH: usize = 3;
/// How the names of members end whose value is base64 of text: `dataBase64`.
const ENCODED: &str = "Base64\"";
/// Longest of such values; longer ones are text.
const IDENTITY_MAX: usize = 256;

/// The line with every secret replaced by its marker; borrowed when it holds none. The line must be valid JSON.
pub(crate) fn redact_json<'a>(redactor: &Redactor, line: &'a str) -> Cow<'a, str> {
    let has_encoded = memchr::memmem::find(line.as_bytes(), ENCODED.as_bytes()).is_some();
    if !has_encoded && !redactor.may_match(line.as_bytes()) {
        return Cow::Borrowed(line);
    }
    let mut changed: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut place = Place::default();
    for literal in string_literals(line) {
        let text = string_value(&line[literal.span.clone()]);
        let name = place.enter(line, &literal);
        let redacted = match &name {
            Name::Identity if text.len() <= IDENTITY_MAX => Cow::Borrowed(&*text),
            Name::Identity | Name::None => redactor.redact(&text),
            Name::Of(name) if name.ends_with("Base64") => redact_whole(redactor, &text),
            Name::Of(name) => redactor.redact_field(name, &text),
        };
        if let Cow::Owned(redacted) = redacted {
            let out = changed.get_or_insert_with(|| Vec::with_capacity(line.len()));
            out.extend_from_slice(&line.as_bytes()[copied..literal.span.start]);
            write_string(out, &redacted);
            copied = literal.span.end;
        }
        place.leave(&literal, text);
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

/// The name that a string stands under.
enum Name {
    /// It is a key, or an element of a list.
    None,
    /// It is an identity of the protocol.
    Identity,
    /// The key of its member, or what says instead of the key what the member is.
    Of(String),
}

/// Where in the line the next string stands.
#[derive(Default)]
struct Place<'a> {
    /// Objects and lists that are open.
    depth: usize,
    /// Where the last string ended.
    end: usize,
    /// The last string, and whether it was a key.
    last: Option<(Cow<'a, str>, bool)>,
    /// The last member that names another: `"name": "API_TOKEN"`, to which a `"value"` belongs.
    named: Option<(usize, String)>,
    /// The key of the last member.
    key: String,
}

impl<'a> Place<'a> {
    /// The name of `literal`, which is the next string of `line`.
    fn enter(&mut self, line: &str, literal: &Literal) -> Name {
        let between = &line.as_bytes()[self.end..literal.span.start];
        for byte in between {
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        if literal.key {
            return Name::None;
        }
        let neighbour = |separator: u8| {
            let mut signs = between.iter().filter(|byte| !byte.is_ascii_whitespace());
            signs.next() == Some(&separator) && signs.next().is_none()
        };
        match &self.last {
            Some((key, true)) if neighbour(b':') => {
                if self.depth <= IDENTITY_DEPTH && IDENTITIES.contains(&&**key) {
                    return Name::Identity;
                }
                match &self.named {
                    Some((depth, name))
                        if *depth == self.depth && key.eq_ignore_ascii_case("value") =>
                    {
                        Name::Of(name.clone())
                    }
                    _ => Name::Of(key.clone().into_owned()),
                }
            }
            // `["--token", "..."]`
            Some((flag, false)) if neighbour(b',') && flag.starts_with("--") => {
                Name::Of(flag.trim_start_matches('-').to_owned())
            }
            _ => Name::None,
        }
    }

    /// `literal` has been dealt with; `text` is its value.
    fn leave(&mut self, literal: &Literal, text: Cow<'a, str>) {
        self.end = literal.span.end;
        if literal.key {
            self.key = text.clone().into_owned();
        } else if ["name", "key"]
            .iter()
            .any(|name| self.key.eq_ignore_ascii_case(name))
        {
            self.named = Some((self.depth, text.clone().into_owned()));
        }
        self.last = Some((text, literal.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(known: &str) -> Redactor {
        let builder = Redactor::builder().key([7; 32]).known("test", known);
        builder.build().expect("rules compile")
    }

    #[test]
    fn every_leaf_is_redacted_and_the_rest_is_as_it_was() {
        let known = "correct-horse-battery-staple";
        let redactor = redactor(known);
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

    #[test]
    fn the_name_of_a_member_is_context_for_its_value() {
        let redactor = redactor("correct-horse-battery-staple");
        let secret = ["hunter", "2secret"].concat();
        for line in [
            r#"{"params":{"password":"SECRET"}}"#,
            r#"{"params":{"item":{"arguments":{"user":"me","db_password" : "SECRET"}}}}"#,
            r#"{"env":[{"name":"DB_PASSWORD","value":"SECRET"}]}"#,
            r#"{"args":["login","--password","SECRET"]}"#,
            r#"{"password":"\"SECRET"}"#,
            r#"{"password":"SECRET\\1"}"#,
        ] {
            let line = line.replace("SECRET", &secret);
            let redacted = redact_json(&redactor, &line);
            assert!(
                !redacted.contains(&secret) && redacted.contains("[REDACTED:password#"),
                "{redacted}"
            );
            serde_json::from_str::<serde_json::Value>(&redacted).expect("still JSON");
        }
    }

    #[test]
    fn the_fields_of_the_protocol_pass_byte_for_byte() {
        let known = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        let redactor = redactor(known);
        for line in [
            format!(r#"{{"method":"turn/started","params":{{"threadId":"{known}","turn":{{"id":"{known}","status":"inProgress"}}}}}}"#),
            format!(r#"{{"id":"{known}/1/7","result":{{"data":[],"nextCursor":"{known}"}}}}"#),
            r#"{"method":"thread/tokenUsage/updated","params":{"tokenUsage":{"total":{"totalTokens":18,"cachedInputTokens":7}}}}"#.to_owned(),
            r#"{"params":{"item":{"id":"call_Zx81kq0Lm2","key":"ArrowDown1","signature":"gAAAAABk1","tokenType":"Bearer","cwd":"/home/me/secret1","status":"completed"}}}"#.to_owned(),
        ] {
            assert_eq!(redact_json(&redactor, &line), line);
        }
        // What a tool gives back is text, whatever its keys are called.
        let line = format!(r#"{{"params":{{"item":{{"result":{{"id":"{known}"}}}}}}}}"#);
        assert!(!redact_json(&redactor, &line).contains(known));
    }
}
