//! What requests of a client do: refusals, threads, approvals, interrupts and steering.

use expect_test::expect;
use serde_json::{Value, json};

use crate::{
    OUTPUT, TEXT, home, outline,
    peer::{Peer, completed_items},
    start,
};

#[test]
fn requests_are_refused_in_the_words_of_the_real_codex() {
    let home = home();
    let mut peer = Peer::start(
        env!("CARGO_BIN_EXE_simulated-codex"),
        &["app-server"],
        home.path(),
    );
    let invalid = |message: &str| json!({"code": -32600, "message": message});
    assert_eq!(
        peer.refusal("thread/list", json!({})),
        invalid("Not initialized")
    );
    peer.initialize();
    let thread = peer.start_thread();
    let other = "01a20d05-ee5b-77a3-bb46-94ba9fd5c5a1";
    let input = json!([{"type": "text", "text": "x"}]);
    let steer = json!({"threadId": thread, "input": input, "expectedTurnId": "x"});
    let cases = [
        (
            "initialize",
            json!({"clientInfo": {"name": "a", "version": "1"}}),
            invalid("Already initialized"),
        ),
        (
            "turn/start",
            json!({}),
            invalid("Invalid request: missing field `threadId`"),
        ),
        (
            "turn/start",
            json!({"threadId": other, "input": input}),
            invalid(&format!("thread not found: {other}")),
        ),
        (
            "turn/interrupt",
            json!({"threadId": thread, "turnId": "x"}),
            invalid("no active turn to interrupt"),
        ),
        ("turn/steer", steer, invalid("no active turn to steer")),
        (
            "thread/resume",
            json!({"threadId": other}),
            invalid(&format!("no rollout found for thread id {other}")),
        ),
        (
            "account/rateLimits/read",
            json!(null),
            invalid("codex account authentication required to read rate limits"),
        ),
        (
            "thread/queue/list",
            json!({"threadId": thread}),
            invalid("thread/queue/list requires experimentalApi capability"),
        ),
        (
            "thread/read",
            json!({"threadId": thread, "includeTurns": true}),
            json!({"code": -32601, "message": "list_turns is not supported yet"}),
        ),
        (
            "thread/start",
            json!({"approvalPolicy": "on-failure"}),
            invalid(
                "Invalid request: unknown variant `on-failure`, expected one of `untrusted`, `on-request`, `granular`, `never`",
            ),
        ),
    ];
    for (method, params, error) in cases {
        assert_eq!(peer.refusal(method, params), error, "{method}");
    }
    let unknown = peer.refusal("nope/x", json!({}));
    assert!(
        unknown["message"]
            .as_str()
            .unwrap()
            .starts_with("Invalid request: unknown variant `nope/x`, expected one of `initialize`")
    );
}

#[test]
fn an_input_that_is_too_large_is_refused_with_its_size() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let input = json!([{"type": "text", "text": "x".repeat(1_048_577)}]);
    let error = peer.refusal("turn/start", json!({"threadId": thread, "input": input}));
    let data = json!({"input_error_code": "input_too_large", "max_chars": 1_048_576, "actual_chars": 1_048_577});
    assert_eq!((&error["code"], &error["data"]), (&json!(-32602), &data));
}

#[test]
fn rubbish_on_stdin_is_ignored_and_broken_utf_8_ends_the_process_cleanly() {
    let home = home();
    let mut peer = start(home.path());
    peer.send_raw(b"rubbish\n[]\n{}\n{\"id\":5,\"result\":{}}\n");
    assert_eq!(
        peer.request("thread/loaded/list", json!({})),
        json!({"data": [], "nextCursor": null})
    );
    peer.send_raw(b"\xff\xfe\n");
    assert_eq!(peer.wait().code(), Some(0));
}

#[test]
fn each_decision_has_its_effect_on_item_and_turn() {
    let amendment =
        json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch", "f"]}});
    let decisions = [
        json!("accept"),
        json!("acceptForSession"),
        amendment,
        json!("decline"),
        json!("cancel"),
        json!("bogus"),
    ];
    let effects = decisions.map(|decision| {
        let home = home();
        let mut peer = start(home.path());
        peer.decision = Some(decision);
        let thread = peer.start_thread();
        let turn = peer.run_turn(&thread, "sim: approve cmd=\"touch f\"");
        let item = completed_items(&turn).pop().unwrap()["status"]
            .as_str()
            .unwrap()
            .to_owned();
        let end = turn.last().unwrap()["params"]["turn"]["status"]
            .as_str()
            .unwrap()
            .to_owned();
        let asked = |turn: &[Value]| {
            turn.iter()
                .filter(|message| message.get("id").is_some())
                .count()
        };
        let again = peer.run_turn(&thread, "sim: approve cmd=\"touch f\"");
        (item, end, asked(&again))
    });
    let expected = [
        ("completed", "completed", 1),
        ("completed", "completed", 0),
        ("completed", "completed", 0),
        ("declined", "completed", 1),
        ("declined", "interrupted", 1),
        ("failed", "completed", 1),
    ];
    assert_eq!(
        effects,
        expected.map(|(item, turn, asked)| (item.to_owned(), turn.to_owned(), asked))
    );
}

#[test]
fn the_policy_decides_who_is_asked() {
    let home = home();
    let mut peer = start(home.path());
    let mut asked = |policy: &str, sandbox: &str, prompt: &str| {
        let thread = peer.start_thread_with(
            json!({"cwd": "/src", "sandbox": sandbox, "approvalPolicy": policy}),
        );
        let turn = peer.run_turn(&thread, prompt);
        let asked = turn
            .iter()
            .filter(|message| message.get("id").is_some())
            .count();
        (asked, completed_items(&turn).len() - 1)
    };
    assert_eq!(asked("untrusted", "workspace-write", "sim: run ls"), (1, 1));
    assert_eq!(
        asked("on-request", "workspace-write", "sim: run ls; edit"),
        (0, 2)
    );
    assert_eq!(
        asked("on-request", "workspace-write", "sim: edit path=/etc/a"),
        (1, 1)
    );
    assert_eq!(asked("on-request", "read-only", "sim: edit"), (1, 1));
    assert_eq!(
        asked("on-request", "danger-full-access", "sim: edit path=/etc/a"),
        (0, 1)
    );
    assert_eq!(
        asked("never", "workspace-write", "sim: approve; run ls"),
        (0, 1)
    );
}

#[test]
fn a_pending_approval_is_asked_again_on_resume_and_withdrawn_by_an_interrupt() {
    let home = home();
    let mut peer = start(home.path());
    peer.decision = None;
    let thread = peer.start_thread();
    let turn = peer.start_turn(&thread, "sim: approve");
    let first = peer.until_method("item/commandExecution/requestApproval");
    let resumed = peer.request(
        "thread/resume",
        json!({"threadId": thread, "excludeTurns": true}),
    );
    assert_eq!(
        resumed["thread"]["status"],
        json!({"type": "active", "activeFlags": ["waitingOnApproval"]})
    );
    assert_eq!(
        peer.until_method("item/commandExecution/requestApproval"),
        first
    );
    let from = peer.messages.len();
    peer.request(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": turn}),
    );
    peer.until_method("serverRequest/resolved");
    expect![[r#"
        thread/status/changed idle
        turn/completed interrupted
        serverRequest/resolved
    "#]]
    .assert_eq(&outline(&peer.messages[from..]));
}

#[test]
fn notifications_that_the_client_does_not_want_are_not_sent() {
    let home = home();
    let mut peer = Peer::start(
        env!("CARGO_BIN_EXE_simulated-codex"),
        &["app-server"],
        home.path(),
    );
    let capabilities = json!({"experimentalApi": true, "optOutNotificationMethods": [TEXT, "thread/tokenUsage/updated"]});
    peer.request(
        "initialize",
        json!({"clientInfo": {"name": "a", "version": "1"}, "capabilities": capabilities}),
    );
    let thread = peer.start_thread();
    let turn = peer.run_turn(&thread, "sim: text count=5");
    let methods: Vec<_> = turn[3..]
        .iter()
        .map(|message| message["method"].as_str().unwrap())
        .collect();
    let expected = [
        "item/started",
        "item/completed",
        "account/rateLimits/updated",
        "thread/readState/changed",
        "thread/status/changed",
        "turn/completed",
    ];
    assert_eq!(methods, expected);
}

#[test]
fn an_interrupt_ends_the_turn_and_leaves_its_message_open() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let from = peer.messages.len();
    let turn_id = peer.start_turn(&thread, "sim: text count=100000 rate=100/s");
    peer.until_method(TEXT);
    let wrong = peer.refusal(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": "nope"}),
    );
    assert_eq!(
        wrong["message"],
        format!("expected active turn id nope but found {turn_id}")
    );
    peer.request(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": turn_id}),
    );
    let turn = peer.finish_turn(from);
    assert_eq!(completed_items(&turn).len(), 1);
    let end = turn.last().unwrap()["params"]["turn"].clone();
    assert_eq!(
        [&end["status"], &end["items"], &end["itemsView"]],
        [&json!("interrupted"), &json!([]), &json!("notLoaded")]
    );
    peer.run_turn(&thread, "sim: text count=1");
}

#[test]
fn an_interrupted_command_runs_on_and_ends_after_its_turn() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let from = peer.messages.len();
    let turn_id = peer.start_turn(&thread, "sim: run \"sleep 0.2; echo a; sleep 0.2; echo b\"");
    peer.until_method(OUTPUT);
    peer.request(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": turn_id}),
    );
    let item =
        peer.until(|message| message["params"]["item"]["status"] == "completed")["params"]["item"]
            .clone();
    assert_eq!(item["aggregatedOutput"], "a\nb\n");
    expect![[r#"
        thread/status/changed active
        turn/started inProgress
        item/started userMessage
        item/completed userMessage
        item/started commandExecution inProgress
        item/commandExecution/outputDelta
        thread/status/changed idle
        turn/completed interrupted
        item/commandExecution/outputDelta
        item/completed commandExecution completed
    "#]]
    .assert_eq(&outline(&peer.messages[from..]));
}

#[test]
fn steering_cuts_the_message_and_goes_on_in_the_same_turn() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let from = peer.messages.len();
    let turn_id = peer.start_turn(&thread, "sim: text count=100000 rate=100/s");
    peer.until_method(TEXT);
    let input = json!([{"type": "text", "text": "sim: hang after=2"}]);
    let wrong = peer.refusal(
        "turn/steer",
        json!({"threadId": thread, "input": input, "expectedTurnId": "nope"}),
    );
    assert_eq!(
        wrong["message"],
        format!("expected active turn id `nope` but found `{turn_id}`")
    );
    let steer = json!({"threadId": thread, "input": input, "expectedTurnId": turn_id, "clientUserMessageId": "s1"});
    assert_eq!(
        peer.request("turn/steer", steer),
        json!({"turnId": turn_id})
    );
    peer.until(|message| {
        message["params"]["item"]["type"] == "agentMessage" && message["method"] == "item/started"
    });
    assert_eq!(peer.start_turn(&thread, "sim: say \"At last.\""), turn_id);
    let turn = peer.finish_turn(from);
    let items = completed_items(&turn);
    let said: Vec<_> = items
        .iter()
        .map(|item| (item["clientId"].as_str(), item["text"].as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (Some("c1"), None),
            (Some("s1"), None),
            (Some("c1"), None),
            (None, Some("At last."))
        ]
    );
}

#[test]
fn resuming_loses_workspace_write_unless_it_is_sent_again() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: say one");
    peer.end();
    let resume = |params: Value| {
        let mut peer = start(home.path());
        let resumed = peer.request("thread/resume", params);
        peer.end();
        (
            resumed["sandbox"]["type"].as_str().unwrap().to_owned(),
            resumed["approvalPolicy"].clone(),
        )
    };
    assert_eq!(
        resume(json!({"threadId": thread})),
        ("readOnly".to_owned(), json!("on-request"))
    );
    let sent = json!({"threadId": thread, "sandbox": "workspace-write", "approvalPolicy": "never"});
    assert_eq!(resume(sent), ("workspaceWrite".to_owned(), json!("never")));
}

#[test]
fn a_thread_can_be_named_forked_archived_and_deleted() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    for word in ["one", "two", "three"] {
        peer.run_turn(&thread, &format!("sim: say {word}"));
    }
    assert_eq!(
        peer.request("thread/name/set", json!({"threadId": thread, "name": "x"})),
        json!({})
    );
    assert_eq!(
        peer.until_method("thread/name/updated")["params"],
        json!({"threadId": thread, "threadName": "x"})
    );
    let page = peer.request("thread/turns/list", json!({"threadId": thread, "limit": 2}));
    let said = |page: &Value| -> Vec<String> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| turn["items"][1]["text"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(said(&page), ["three", "two"]);
    let rest = peer.request(
        "thread/turns/list",
        json!({"threadId": thread, "cursor": page["nextCursor"]}),
    );
    assert_eq!(
        (said(&rest), &rest["nextCursor"]),
        (vec!["one".to_owned()], &Value::Null)
    );
    let fork = json!({"threadId": thread, "lastTurnId": page["data"][1]["id"]});
    let forked = peer.request("thread/fork", fork)["thread"].clone();
    assert_eq!(
        (
            &forked["forkedFromId"],
            forked["turns"].as_array().unwrap().len()
        ),
        (&json!(thread), 2)
    );
    assert_eq!(
        peer.request("thread/archive", json!({"threadId": thread})),
        json!({})
    );
    let listed = |peer: &mut Peer, archived: bool| -> Vec<Value> {
        let page = peer.request("thread/list", json!({"archived": archived}));
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|thread| thread["id"].clone())
            .collect()
    };
    assert_eq!(
        (listed(&mut peer, false), listed(&mut peer, true)),
        (vec![forked["id"].clone()], vec![json!(thread)])
    );
    assert_eq!(
        peer.request("thread/unarchive", json!({"threadId": thread}))["thread"]["name"],
        "x"
    );
    assert_eq!(
        peer.request("thread/unsubscribe", json!({"threadId": thread})),
        json!({"status": "notLoaded"})
    );
    assert_eq!(
        peer.request("thread/delete", json!({"threadId": thread})),
        json!({})
    );
    let gone = peer.refusal("thread/read", json!({"threadId": thread}));
    assert_eq!(
        gone["message"],
        format!("no rollout found for thread id {thread}")
    );
}
