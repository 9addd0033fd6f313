//! Bad input from a tab: it gets a clear error, and neither the session nor another tab notices.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::bridges::folded;
use crate::feeds::indices;
use crate::support::client::Connecting;
use crate::support::{Client, Setup, TestHost};

/// A host on which one tab reads a slow turn while another misbehaves; at the end the turn must be whole.
struct Watched {
    host: TestHost,
    reader: Client,
    thread: String,
}

impl Watched {
    async fn start() -> Self {
        let host = Setup::simulated().start().await;
        let mut reader = host.tab().await;
        let thread = reader.start_session(&host.work()).await;
        reader
            .submit(&thread, "p1", "sim: text count=150 rate=100/s")
            .await;
        reader.deltas(3).await;
        Self {
            host,
            reader,
            thread,
        }
    }

    async fn check(mut self) {
        assert_eq!(
            self.reader.turn_end().await.params()["turn"]["status"],
            "completed"
        );
        let text = folded(&self.reader, &self.thread).turns[0].agent_text();
        assert_eq!(indices(&text), (0..150).collect::<Vec<_>>());
        let ended = |event: &crate::support::Event| {
            event.is("host/bridge/state") && event.params()["state"] == "down"
        };
        assert!(
            !self.reader.events().iter().any(ended),
            "the bridge was not touched"
        );
    }
}

#[tokio::test]
async fn a_frame_that_is_no_json_is_answered_without_an_id() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    for garbage in [
        "this is not json",
        "{\"id\":1,",
        "\u{0}\u{1}",
        "{\"id\":1}}",
    ] {
        tab.send_raw(garbage).await;
        let error = tab.answer_to(&json!(null)).await.unwrap_err();
        assert_eq!(error.code, -32700, "{garbage}");
    }
    tab.call("host/status", json!({}))
        .await
        .expect("the socket lives on");
    watched.check().await;
}

#[tokio::test]
async fn json_that_is_no_message_is_refused() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    for wrong in ["[]", "17", "\"text\"", "{}", "{\"method\":7,\"id\":1}"] {
        tab.send_raw(wrong).await;
        let error = tab.answer_to(&json!(null)).await.unwrap_err();
        assert_eq!(error.code, -32600, "{wrong}");
    }
    watched.check().await;
}

#[tokio::test]
async fn ten_errors_in_a_row_close_the_socket() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    for _ in 0..12 {
        tab.send_raw("no").await;
    }
    assert_eq!(tab.close().await.0, 1008);
    watched.check().await;
}

#[tokio::test]
async fn what_follows_the_last_error_in_the_same_frame_is_not_done() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    let prompt = json!({"id": 99, "method": "host/prompt/submit", "params": {
        "threadId": watched.thread, "promptId": "late", "input": [{"type": "text", "text": "sim: say \"no\""}], "when": "now"}});
    tab.send_raw(&format!("{}{prompt}", "no\n".repeat(10)))
        .await;
    assert_eq!(tab.close().await.0, 1008);
    let attached = watched.host.tab().await.attach(&watched.thread).await;
    assert!(!attached["queue"].to_string().contains("late"));
    watched.check().await;
}

#[tokio::test]
async fn bad_messages_without_end_make_no_log_without_end() {
    let watched = Watched::start().await;
    let lines = || watched.host.log().lines().count();
    let before = lines();
    for _ in 0..20 {
        let mut tab = watched.host.tab().await;
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for _ in 0..25 {
            tab.send_raw(&format!(
                "{{\"id\":1,\"method\":\"host/status\",\"params\":{deep}}}"
            ))
            .await;
            tab.send_raw("no").await;
        }
        assert_eq!(tab.close().await.0, 1008);
    }
    // For each of the twenty: that it came and that it went, and not a line for each of a thousand messages.
    assert!(lines() - before <= 20 * 4, "{} lines", lines() - before);
    watched.check().await;
}

#[tokio::test]
async fn unknown_methods_are_answered_by_whoever_owns_the_name() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    let ours = tab.call("host/nonsense", json!({})).await.unwrap_err();
    assert_eq!(ours.code, -32601);
    let codexs = tab
        .call("thread/nonsense", json!({"threadId": watched.thread}))
        .await
        .unwrap_err();
    assert_eq!(codexs.code, -32600);
    assert!(codexs.message.contains("nonsense"), "{}", codexs.message);
    watched.check().await;
}

#[tokio::test]
async fn wrong_and_missing_params_are_named() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    let cases = [
        ("host/session/attach", json!({})),
        ("host/session/attach", json!({"threadId": 7})),
        (
            "host/session/items",
            json!({"threadId": watched.thread, "limit": "many"}),
        ),
        ("host/prompt/submit", json!({"threadId": watched.thread})),
        (
            "host/prompt/submit",
            json!({"threadId": watched.thread, "promptId": "x", "input": [], "when": "sometime"}),
        ),
        ("host/sessions/list", json!({"limit": -1})),
        ("host/search", json!({})),
        ("host/bridge/restart", json!(null)),
    ];
    for (method, params) in cases {
        let error = tab.call(method, params.clone()).await.unwrap_err();
        assert_eq!(error.code, -32602, "{method} {params}: {}", error.message);
        assert!(!error.message.is_empty());
    }
    watched.check().await;
}

#[tokio::test]
async fn a_session_that_is_not_there_is_named_so() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    let missing = "01a20c8d-0000-7000-8000-000000000000";
    let input = json!([{"type": "text", "text": "hello"}]);
    let cases = [
        ("host/session/attach", json!({"threadId": missing})),
        ("host/session/items", json!({"threadId": missing})),
        (
            "host/prompt/submit",
            json!({"threadId": missing, "promptId": "x", "input": input, "when": "now"}),
        ),
        ("host/bridge/restart", json!({"threadId": missing})),
    ];
    for (method, params) in cases {
        let error = tab.call(method, params).await.unwrap_err();
        assert_eq!(error.code, -32005, "{method}: {}", error.message);
    }
    watched.check().await;
}

#[tokio::test]
async fn initialize_comes_first_and_once() {
    let watched = Watched::start().await;
    let mut tab = Connecting::to(watched.host.addr())
        .bearer(watched.host.token())
        .open()
        .await
        .unwrap();
    let early = tab.call("thread/list", json!({})).await.unwrap_err();
    assert_eq!(
        (early.code, early.message.as_str()),
        (-32600, "Not initialized")
    );
    let early = tab.call("host/status", json!({})).await.unwrap_err();
    assert_eq!(
        (early.code, early.message.as_str()),
        (-32600, "Not initialized")
    );
    let answer = tab.initialize().await;
    assert!(
        answer["holdfast"]["version"].is_string() && answer["holdfast"]["journalId"].is_string(),
        "{answer}"
    );
    let again = tab
        .call(
            "initialize",
            json!({"clientInfo": {"name": "it", "version": "0"}}),
        )
        .await
        .unwrap_err();
    assert_eq!(
        (again.code, again.message.as_str()),
        (-32600, "Already initialized")
    );
    tab.call("host/status", json!({}))
        .await
        .expect("the socket lives on");
    watched.check().await;
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_the_socket_with_1009() {
    let watched = Watched::start().await;
    let mut fits = watched.host.tab().await;
    let frame = |bytes: usize| {
        let head = "{\"id\":\"big\",\"method\":\"host/status\",\"params\":{\"x\":\"";
        let tail = "\"}}";
        format!(
            "{head}{}{tail}",
            "x".repeat(bytes - head.len() - tail.len())
        )
    };
    fits.send_raw(&frame(1 << 20)).await;
    fits.answer_to(&json!("big"))
        .await
        .expect("1 MiB is allowed");

    let mut over = watched.host.tab().await;
    over.send_raw(&frame((1 << 20) + 1)).await;
    assert_eq!(over.close().await.0, 1009);
    watched.check().await;
}

#[tokio::test]
async fn a_binary_frame_closes_the_socket_with_1003() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    tab.send(Message::binary(b"{\"id\":1}".to_vec())).await;
    assert_eq!(tab.close().await.0, 1003);
    watched.check().await;
}

#[tokio::test]
async fn json_that_nests_too_deep_is_refused() {
    let watched = Watched::start().await;
    let mut tab = watched.host.tab().await;
    let deep = format!(
        "{{\"id\":5,\"method\":\"host/status\",\"params\":{}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    tab.send_raw(&deep).await;
    let code = tab.answer_to(&json!(null)).await.unwrap_err().code;
    assert!([-32700, -32600, -32602].contains(&code), "{code}");
    watched.check().await;
}

#[tokio::test]
async fn a_tab_that_hangs_up_in_the_middle_of_everything_is_not_missed() {
    let watched = Watched::start().await;
    for _ in 0..20 {
        let mut tab = watched.host.tab().await;
        tab.request("host/session/attach", json!({"threadId": watched.thread}))
            .await;
        drop(tab);
    }
    watched.check().await;
}
