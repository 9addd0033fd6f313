//! One line from Codex, and what is read of it.
//!
//! Lines are those of a real app-server, shortened. That any line is read as `serde_json` would is tested in `json.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use codex::{
    Incoming, Malformed, RequestId,
    message::{
        Delta, Encoding, Literal, MAX_DEPTH, Notification, Request, Response, Route,
        string_literals, string_value, validate, write_string,
    },
};
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
