//! The conversation in docs/protocol.md, held with a host: every field that the page shows is there.
//!
//! Values are not compared but by their kind: ids, times and texts are the host's.

use serde_json::Value;

use crate::support::{Client, Event, Setup};

/// What must be in `found`: each key that `shown` has, with a value of its kind; of a list the first entry.
fn check(shown: &Value, found: &Value, at: &str) {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            for (key, value) in shown {
                let inner = found
                    .get(key)
                    .unwrap_or_else(|| panic!("{at} has no {key}: {found:?}"));
                check(value, inner, &format!("{at}.{key}"));
            }
        }
        (Value::Array(shown), Value::Array(found)) => {
            if let Some(first) = shown.first() {
                let inner = found.first().unwrap_or_else(|| panic!("{at} is empty"));
                check(first, inner, &format!("{at}[0]"));
            }
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        _ => panic!("{at} is {found}, and is shown as {shown}"),
    }
}

/// The lines of the page that are part of the conversation: whether the client says it, and what.
fn lines() -> Vec<(bool, String)> {
    let page = include_str!("../../docs/protocol.md");
    let said = |line: &str| {
        let ours = line.strip_prefix("→ ").map(|text| (true, text.to_owned()));
        ours.or_else(|| line.strip_prefix("← ").map(|text| (false, text.to_owned())))
    };
    page.lines().filter_map(said).collect()
}

#[tokio::test]
async fn the_conversation_of_the_page_is_held_as_it_is_shown() {
    let host = Setup::simulated().start().await;
    let mut tab = crate::support::client::Connecting::to(host.addr())
        .bearer(host.token())
        .lines()
        .open()
        .await
        .unwrap();
    let (mut thread, mut journal) = (String::new(), String::new());
    let mut asked: Option<Event> = None;
    for (ours, text) in lines() {
        let mut text = text
            .replace("/src\"", &format!("{}\"", host.work().display()))
            .replace("JOURNAL", &journal);
        if !thread.is_empty() {
            text = text.replace("THREAD", &thread);
        }
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
        if ours && value["method"].is_null() {
            let asked = asked.as_ref().expect("it was asked before");
            tab.respond(asked, value["result"].clone()).await;
        } else if ours && value["id"].is_null() {
            tab.send_raw(&text).await;
        } else if ours {
            let method = value["method"].as_str().unwrap();
            let id = tab.request(method, value["params"].clone()).await;
            assert_eq!(value["id"], id, "the page counts its requests: {text}");
        } else if value["method"].is_null() {
            let id = if value["id"].is_string() {
                asked
                    .as_ref()
                    .expect("it was asked before")
                    .id()
                    .unwrap()
                    .clone()
            } else {
                value["id"].clone()
            };
            let answer = tab.answer_to(&id).await;
            match (value.get("error"), answer) {
                (None, Ok(result)) => {
                    check(&value["result"], &result, &format!("the answer to {id}"));
                    if let Some(id) = result["thread"]["id"].as_str() {
                        id.clone_into(&mut thread);
                    }
                    if let Some(id) = result["holdfast"]["journalId"].as_str() {
                        id.clone_into(&mut journal);
                    }
                }
                (Some(error), Err(found)) => {
                    assert_eq!(error["code"], found.code, "{text}: {found:?}")
                }
                (_, other) => panic!("{text}: {other:?}"),
            }
        } else {
            let event = hear(&mut tab, &value).await;
            check(
                &value["params"],
                event.params(),
                value["method"].as_str().unwrap(),
            );
            assert_eq!(value.get("seq").is_some(), event.seq.is_some(), "{text}");
            if event.id().is_some() {
                asked = Some(event);
            }
        }
    }
    tab.leave().await;
}

/// The next message with the method of `shown`; a prompt queue also with as much in it.
async fn hear(tab: &mut Client, shown: &Value) -> Event {
    let method = shown["method"].as_str().unwrap();
    let queue = shown["params"]["queue"].as_array().map_or(0, Vec::len);
    tab.next_where(method, |event| {
        event.is(method) && event.params()["queue"].as_array().map_or(0, Vec::len) >= queue
    })
    .await
}

#[test]
fn every_method_of_the_host_is_in_the_conversation_and_in_the_table() {
    let code = include_str!("../../actors/src/tab/host_methods.rs");
    let page = include_str!("../../docs/protocol.md");
    let methods: Vec<&str> = code
        .split('"')
        .filter(|text| {
            text.starts_with("host/")
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b'/')
        })
        .collect();
    assert!(methods.len() > 15, "{methods:?}");
    // These need a browser's push service, and a sign-in of a browser.
    let elsewhere = [
        "host/push/subscribe",
        "host/push/unsubscribe",
        "host/push/test",
    ];
    for method in methods {
        assert!(
            page.contains(&format!("| `{method}`")) || page.contains(&format!("`{method}`, ")),
            "{method} is not in the table"
        );
        let shown = page.contains(&format!("\"method\":\"{method}\""));
        assert!(
            shown || elsewhere.contains(&method),
            "{method} has no example"
        );
    }
}
