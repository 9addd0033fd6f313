//! The scanner and `serde_json` never disagree, whatever the line.
//!
//! What single messages mean is tested in `messages.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use codex::{
    Incoming,
    message::{Notification, string_literals, string_value, validate, write_string},
};
use proptest::prelude::*;
use serde_json::Value;

const DELTA: &str = r#"{"method":"item/agentMessage/delta","params":{"threadId":"01a20c8d-ab75","turnId":"01a20c8d-ab92","itemId":"msg_6cfb","delta":"t0 .."},"emittedAtMs":1795506940786}"#;

#[track_caller]
fn notification(line: &str) -> Notification<'_> {
    match Incoming::parse(line.as_bytes()) {
        Ok(Incoming::Notification(notification)) => notification,
        other => panic!("no notification: {other:?}"),
    }
}

/// What `serde_json` says, with the one thing that we leave open: how large a number may be.
fn judged_by_serde_json(text: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<Value>(text) {
        Ok(_) => Some(true),
        Err(e) if e.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

fn whitespace() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

fn string_literal() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 .:/]{0,24}",
        2 => "[^\"\\\\\\x00-\\x1f]{0,8}",
        2 => prop::sample::select(vec!["\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r"]).prop_map(String::from),
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => Just("\\ud83d\\ude00".to_owned()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null", "true", "false", "0", "-0", "0.0e-0", "{}", "[]"
        ])
        .prop_map(String::from),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        string_literal(),
    ];
    leaf.prop_recursive(6, 48, 6, |value| {
        let spaced = |value: BoxedStrategy<String>| {
            (whitespace(), value, whitespace()).prop_map(|(a, value, b)| format!("{a}{value}{b}"))
        };
        let value = value.boxed();
        let member = (
            whitespace(),
            string_literal(),
            whitespace(),
            spaced(value.clone()),
        )
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(spaced(value), 0..6)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A change of a few bytes: most break the text, some do not.
fn mutated(text: String) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"{}[]\",:\\0123456789-+.eEtrufalsn/bu \t\r\n".to_vec()),
        1 => any::<u8>(),
    ];
    let change = (any::<prop::sample::Index>(), byte, 0..4);
    (Just(text.into_bytes()), prop::collection::vec(change, 1..4)).prop_map(
        |(mut text, changes)| {
            for (place, byte, kind) in changes {
                let at = place.index(text.len() + 1);
                match kind {
                    0 => text.insert(at, byte),
                    1 if at < text.len() => text[at] = byte,
                    2 if at < text.len() => drop(text.remove(at)),
                    _ => text.truncate(at),
                }
            }
            text
        },
    )
}

fn reference(value: &Value) -> (Option<&str>, Option<&str>, Option<&str>, Option<&str>) {
    let params = &value["params"];
    (
        params["threadId"]
            .as_str()
            .or(params["thread"]["id"].as_str())
            .or(params["conversationId"].as_str()),
        params["turnId"].as_str().or(params["turn"]["id"].as_str()),
        params["itemId"].as_str().or(params["item"]["id"].as_str()),
        params["deltaBase64"].as_str().or(params["delta"].as_str()),
    )
}

/// Params with the fields that are looked for among others, in any order.
fn params() -> impl Strategy<Value = String> {
    let id = || prop_oneof![3 => "\"[a-z0-9-]{1,12}\"", 1 => json()];
    let object = |fields: Vec<&'static str>| {
        prop::collection::vec((prop::sample::select(fields), id()), 0..4).prop_map(|fields| {
            unique(
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value)),
            )
        })
    };
    let field = prop_oneof![
        (
            prop::sample::select(vec!["threadId", "turnId", "itemId", "conversationId"]),
            id()
        ),
        (
            prop::sample::select(vec!["thread", "turn", "item"]),
            object(vec!["id", "type", "status", "turns", "x"])
        ),
        (Just("delta"), prop_oneof![string_literal(), json()]),
        (prop::sample::select(vec!["x", "y", "cwd"]), json()),
    ];
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        unique(
            fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value)),
        )
    })
}

/// An object in which the last of equal keys stands alone.
fn unique(fields: impl Iterator<Item = (String, String)>) -> String {
    let mut members = Vec::<(String, String)>::new();
    for (key, value) in fields {
        members.retain(|(other, _)| *other != key);
        members.push((key, value));
    }
    let members: Vec<_> = members
        .into_iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_json_is_accepted_iff_serde_json_accepts_it(text in json()) {
        if let Some(accepted) = judged_by_serde_json(text.as_bytes()) {
            prop_assert_eq!(validate(text.as_bytes()).is_ok(), accepted);
        }
    }

    #[test]
    fn broken_json_is_accepted_iff_serde_json_accepts_it(text in json().prop_flat_map(mutated)) {
        if let Some(accepted) = judged_by_serde_json(&text) {
            prop_assert_eq!(validate(&text).is_ok(), accepted);
        }
    }

    #[test]
    fn any_bytes_are_accepted_iff_serde_json_accepts_them(text in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Some(accepted) = judged_by_serde_json(&text) {
            prop_assert_eq!(validate(&text).is_ok(), accepted);
        }
    }

    #[test]
    fn a_broken_message_is_accepted_iff_it_is_json_and_a_message(text in mutated(DELTA.to_owned())) {
        if judged_by_serde_json(&text).is_some() {
            let json = serde_json::from_slice::<Value>(&text).unwrap_or_default();
            prop_assert_eq!(Incoming::parse(&text).is_ok(), json["method"].is_string());
        }
    }

    #[test]
    fn routes_are_those_that_a_tree_would_give(params in params()) {
        let line = format!("{{\"emittedAtMs\":1,\"params\":{params},\"method\":\"m\"}}");
        let Ok(tree) = serde_json::from_str::<Value>(&line) else { return Ok(()) };
        let Notification { route, params: raw, .. } = notification(&line);
        let decoded = |id: Option<&str>| id.map(|id| string_value(&format!("\"{id}\"")).into_owned());
        let delta = route.delta.map(|delta| string_value(&line[delta.span]).into_owned());
        let found = (decoded(route.thread_id), decoded(route.turn_id), decoded(route.item_id), delta);
        let (thread, turn, item, delta) = reference(&tree);
        let expected =
            (thread.map(String::from), turn.map(String::from), item.map(String::from), delta.map(String::from));
        prop_assert_eq!(found, expected);
        prop_assert_eq!(raw, Some(&*params));
    }

    #[test]
    fn a_literal_means_what_serde_json_says(literal in string_literal()) {
        match serde_json::from_str::<String>(&literal) {
            Ok(text) => prop_assert_eq!(string_value(&literal), text),
            // Half a surrogate pair: no text has it, so it is replaced.
            Err(_) => prop_assert!(string_value(&literal).contains(char::REPLACEMENT_CHARACTER)),
        }
    }

    #[test]
    fn any_text_survives_writing_and_reading(text in any::<String>(), plain in "[ -~\\x00-\\x1f]{0,80}") {
        for text in [text, plain] {
            let mut literal = Vec::new();
            write_string(&mut literal, &text);
            let literal = String::from_utf8(literal).unwrap();
            prop_assert_eq!(&literal, &serde_json::to_string(&text).unwrap());
            prop_assert_eq!(string_value(&literal), text);
        }
    }

    #[test]
    fn string_literals_are_those_of_the_tree(text in json()) {
        fn strings(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::String(text) => found.push(text.clone()),
                Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
                Value::Object(members) => for (key, value) in members {
                    found.push(key.clone());
                    strings(value, found);
                },
                _ => {}
            }
        }
        let Ok(tree) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        let mut expected = Vec::new();
        strings(&tree, &mut expected);
        let mut found: Vec<_> = string_literals(&text).map(|literal| string_value(&text[literal.span]).into_owned()).collect();
        // A tree has each key once and in its own order.
        expected.sort();
        found.sort();
        if expected.len() == found.len() {
            prop_assert_eq!(found, expected);
        } else {
            prop_assert!(found.len() > expected.len());
        }
    }
}
