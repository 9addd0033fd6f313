//! One line from Codex: what is read of it, and that the scanner and `serde_json` never disagree.
//!
//! Lines are those of a real app-server, shortened. Streams and processes have their own files.

#![allow(clippy::unwrap_used, reason = "an unwrap is how a test says that this must be so")]

use codex::{
    Incoming, Malformed, RequestId,
    message::{
        Delta, Encoding, Literal, MAX_DEPTH, Notification, Request, Response, Route,
        string_literals, string_value, validate, write_string,
    },
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

fn span(line: &str, part: &str) -> std::ops::Range<usize> {
    let start = line.find(part).unwrap();
    start..start + part.len()
}

#[test]
fn a_delta_is_found_with_its_place() {
    let delta = Delta {
        span: span(DELTA, r#""t0 ..""#),
        escaped: false,
        encoding: Encoding::Text,
    };
    assert_eq!(
        notification(DELTA),
        Notification {
            method: "item/agentMessage/delta",
            params: Some(
                r#"{"threadId":"01a20c8d-ab75","turnId":"01a20c8d-ab92","itemId":"msg_6cfb","delta":"t0 .."}"#
            ),
            route: Route {
                thread_id: Some("01a20c8d-ab75"),
                turn_id: Some("01a20c8d-ab92"),
                item_id: Some("msg_6cfb"),
                delta: Some(delta),
                ..Route::default()
            },
        }
    );
}

#[test]
fn the_place_of_a_delta_is_where_another_text_can_be_spliced_in() {
    let line = r#" {"params" : { "delta" : "a\u0041\n" , "itemId":"i"}, "method":"m" } "#;
    let delta = notification(line).route.delta.unwrap();
    assert!(delta.escaped);
    assert_eq!(string_value(&line[delta.span.clone()]), "aA\n");
    let mut spliced = line.as_bytes()[..delta.span.start].to_vec();
    write_string(&mut spliced, "\"new\"");
    spliced.extend_from_slice(&line.as_bytes()[delta.span.end..]);
    let spliced: Value = serde_json::from_slice(&spliced).unwrap();
    assert_eq!(
        spliced,
        serde_json::json!({"params": {"delta": "\"new\"", "itemId": "i"}, "method": "m"})
    );
}

#[test]
fn output_of_plain_processes_comes_as_base64() {
    let line = r#"{"method":"command/exec/outputDelta","params":{"processId":"p1","stream":"stdout","deltaBase64":"MQo=","capReached":false}}"#;
    let delta = Delta {
        span: span(line, "\"MQo=\""),
        escaped: false,
        encoding: Encoding::Base64,
    };
    assert_eq!(
        notification(line).route,
        Route {
            delta: Some(delta),
            ..Route::default()
        }
    );
}

#[test]
fn ids_are_found_in_every_place_where_codex_puts_them() {
    let empty = Route::default;
    for (params, route) in [
        (
            r#"{"thread":{"turns":[{"id":"no"}],"id":"t","x":{"id":"no"}}}"#,
            Route {
                thread_id: Some("t"),
                ..empty()
            },
        ),
        (
            r#"{"threadId":"t","turn":{"items":[{"id":"no","type":"no"}],"id":"u","status":"failed"}}"#,
            Route {
                thread_id: Some("t"),
                turn_id: Some("u"),
                turn_status: Some("failed"),
                ..empty()
            },
        ),
        (
            r#"{"item":{"type":"agentMessage","id":"i","text":""},"threadId":"t","turnId":"u"}"#,
            Route {
                thread_id: Some("t"),
                turn_id: Some("u"),
                item_id: Some("i"),
                item_type: Some("agentMessage"),
                ..empty()
            },
        ),
        (
            r#"{"thread":{"id":"inner"},"threadId":"plain"}"#,
            Route {
                thread_id: Some("plain"),
                ..empty()
            },
        ),
        (
            r#"{"conversationId":"old"}"#,
            Route {
                thread_id: Some("old"),
                ..empty()
            },
        ),
        (
            r#"{"conversationId":"old","thread":{"id":"t"}}"#,
            Route {
                thread_id: Some("t"),
                ..empty()
            },
        ),
        (
            r#"{"threadId":"first","threadId":"last"}"#,
            Route {
                thread_id: Some("last"),
                ..empty()
            },
        ),
        (
            r#"{"thread\u0049d":"t"}"#,
            Route {
                thread_id: Some("t"),
                ..empty()
            },
        ),
        (
            r#"{"threadId":"a\"b"}"#,
            Route {
                thread_id: Some(r#"a\"b"#),
                ..empty()
            },
        ),
        (
            r#"{"threadId":"t","requestId":0}"#,
            Route {
                thread_id: Some("t"),
                request_id: Some("0"),
                ..empty()
            },
        ),
        (
            r#"{"summaryIndex":3}"#,
            Route {
                part: Some("3"),
                ..empty()
            },
        ),
        (
            r#"{"threadId":null,"turnId":7,"delta":{"x":1},"item":[],"turn":null}"#,
            empty(),
        ),
        ("{}", empty()),
        ("[{\"threadId\":\"no\"}]", empty()),
        ("null", empty()),
    ] {
        let line = format!("{{\"method\":\"m\",\"params\":{params}}}");
        assert_eq!(
            notification(&line),
            Notification {
                method: "m",
                params: Some(params),
                route
            },
            "{params}"
        );
    }
}

#[test]
fn requests_and_answers_are_told_apart() {
    let parse = |line: &'static str| Incoming::parse(line.as_bytes());
    let request = |id, params| {
        Incoming::Request(Request {
            id,
            method: "m",
            params,
            route: Route::default(),
        })
    };
    let response = |id, result| Incoming::Response(Response { id, result });
    for (line, message) in [
        (
            r#"{"method":"m","id":0,"params":{}}"#,
            request(0.into(), Some("{}")),
        ),
        (
            r#"{"id":"x","method":"m"}"#,
            request(RequestId::text("x"), None),
        ),
        (
            r#"{"id":1,"result":{"thread":{}}}"#,
            response(1.into(), Ok(r#"{"thread":{}}"#)),
        ),
        (
            r#"{"result":null,"id":-1}"#,
            response((-1).into(), Ok("null")),
        ),
        (
            r#"{"id":"1","error":{"code":-32600}}"#,
            response(RequestId::text("1"), Err(r#"{"code":-32600}"#)),
        ),
        (
            r#"{"id":1,"error":null,"result":{}}"#,
            response(1.into(), Ok("{}")),
        ),
        (
            r#"{"id":1,"error":{},"result":null,"more":[]}"#,
            response(1.into(), Err("{}")),
        ),
    ] {
        assert_eq!(parse(line), Ok(message), "{line}");
    }
    let bare = Notification {
        method: "m",
        params: None,
        route: Route::default(),
    };
    assert_eq!(
        parse(r#"{"method":"m","id":null}"#),
        Ok(Incoming::Notification(bare))
    );
}

#[test]
fn what_is_no_message_is_refused_with_the_place_and_without_the_content() {
    let json = |at, expected| Malformed::Json { at, expected };
    for (line, fault) in [
        (&b""[..], json(0, "an object")),
        (b"[]", json(0, "an object")),
        (b"\"secret\"", json(0, "an object")),
        (b"{}", Malformed::Shape),
        (b"{\"id\":1}", Malformed::Shape),
        (b"{\"id\":null,\"result\":1}", Malformed::Shape),
        (b"{\"result\":1}", Malformed::Shape),
        (b"{\"method\":7}", Malformed::Shape),
        (b"{\"method\":\"m\",\"id\":1.5}", Malformed::Id),
        (b"{\"method\":\"m\",\"id\":[]}", Malformed::Id),
        (b"{\"method\":\"m\"}x", json(14, "the end of the line")),
        (b"{\"method\":\"m\",}", json(14, "a key")),
        (b"{\"method\" \"m\"}", json(10, "`:`")),
        (b"{\"method\":\"m\" \"id\"}", json(14, "`,` or `}`")),
        (
            b"{\"method\":\"m\",\"params\":[1 2]}",
            json(26, "`,` or `]`"),
        ),
        (
            b"{\"method\":\"m\",\"params\":tru}",
            json(23, "`true`, `false` or `null`"),
        ),
        (b"{\"method\":\"m\",\"params\":}", json(23, "a value")),
        (b"{\"method\":\"m\",\"params\":-}", json(24, "a digit")),
        (
            b"{\"method\":\"m\x01\"}",
            json(12, "no control character in a string"),
        ),
        (b"{\"method\":\"m", json(12, "the end of a string")),
        (b"{\"method\":\"\\x\"}", json(12, "an escape")),
        (
            b"{\"method\":\"\\u12g4\"}",
            json(12, "four hexadecimal digits"),
        ),
        (b"{\"method\":\"m\xff\"}", Malformed::Utf8 { at: 12 }),
    ] {
        let found = Incoming::parse(line).unwrap_err();
        assert_eq!(found, fault, "{}", String::from_utf8_lossy(line));
        assert!(!found.to_string().contains("secret"));
    }
}

#[test]
fn nesting_is_bounded_where_serde_json_bounds_it() {
    let nested =
        |open: &str, close: &str, levels: usize| open.repeat(levels) + "1" + &close.repeat(levels);
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let each = open.matches(['[', '{']).count();
        let deepest = MAX_DEPTH as usize / each;
        for levels in [1, deepest, deepest + 1, 10_000] {
            let text = nested(open, close, levels);
            let serde = serde_json::from_str::<Value>(&text).is_ok();
            assert_eq!(
                validate(text.as_bytes()).is_ok(),
                serde,
                "{levels} times {open}"
            );
            assert_eq!(serde, levels <= deepest);
        }
    }
    for (line, inner) in [
        ("{\"method\":\"m\",\"params\":", 1),
        ("{\"method\":\"m\",\"params\":{\"item\":{\"x\":", 3),
    ] {
        for (levels, fits) in [(MAX_DEPTH - inner, true), (MAX_DEPTH - inner + 1, false)] {
            let text = format!(
                "{line}{}{}",
                nested("[", "]", levels as usize),
                "}".repeat(inner as usize)
            );
            assert_eq!(serde_json::from_str::<Value>(&text).is_ok(), fits);
            match Incoming::parse(text.as_bytes()) {
                Ok(_) => assert!(fits),
                Err(fault) => assert!(
                    !fits && matches!(fault, Malformed::TooDeep { .. }),
                    "{fault}"
                ),
            }
        }
    }
}

#[test]
fn a_number_out_of_range_is_json_all_the_same() {
    for number in ["1e999", "-1E+400", &"9".repeat(400), "0.1e-9999"] {
        assert_eq!(validate(number.as_bytes()), Ok(()), "{number}");
    }
}

#[test]
fn string_literals_are_found_in_order_with_the_keys_among_them() {
    let json = r#"{"a":["b\"c",1,"" ,{"d" :null}]}"#;
    let found: Vec<_> = string_literals(json)
        .map(|Literal { span, escaped, key }| (&json[span], escaped, key))
        .collect();
    assert_eq!(
        found,
        [
            ("\"a\"", false, true),
            (r#""b\"c""#, true, false),
            ("\"\"", false, false),
            ("\"d\"", false, true)
        ]
    );
}

#[test]
fn escapes_that_mean_nothing_become_replacement_characters() {
    for (literal, text) in [
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\uZZ""#, "\u{fffd}ZZ"),
        (r#""\q\""#, "\u{fffd}q\u{fffd}"),
        (r#""\u00e""#, "\u{fffd}00e"),
        (r#""\uéé""#, "\u{fffd}éé"),
    ] {
        assert_eq!(string_value(literal), text, "{literal}");
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
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

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
