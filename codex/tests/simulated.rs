//! The simulated Codex, driven over pipes like the real one: what it sends, what it keeps, and how it dies.
//!
//! That the real Codex sends the same is tested in `scripted_model.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

#[path = "support/peer.rs"]
mod peer;

use std::{os::unix::process::ExitStatusExt, path::Path, time::Instant};

use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use peer::{Peer, completed_items, deltas, normalized};

const TEXT: &str = "item/agentMessage/delta";
const OUTPUT: &str = "item/commandExecution/outputDelta";

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn start(home: &Path) -> Peer {
    let mut peer = Peer::start(env!("CARGO_BIN_EXE_simulated-codex"), &["app-server"], home);
    peer.initialize();
    peer
}

/// Runs one prompt in a new thread of a new process.
fn run(prompt: &str) -> Vec<Value> {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, prompt)
}

/// One line a message: what happened, to what, and how it stands.
fn outline(messages: &[Value]) -> String {
    let lines = messages.iter().filter_map(|message| {
        let method = message["method"].as_str()?;
        if method.ends_with("tokenUsage/updated") || method.ends_with("rateLimits/updated") {
            return None;
        }
        let params = &message["params"];
        let item = [&params["item"]["type"], &params["item"]["status"]];
        let rest = [
            &params["status"]["type"],
            &params["status"]["activeFlags"][0],
            &params["turn"]["status"],
            &params["error"]["message"],
        ];
        let words = item.iter().chain(&rest).filter_map(|word| word.as_str());
        Some(
            std::iter::once(method)
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
        )
    });
    lines.map(|line| line + "\n").collect()
}

fn check_outline(prompt: &str, expected: Expect) {
    expected.assert_eq(&outline(&run(prompt)));
}

fn check_json(messages: &[Value], expected: Expect) {
    let lines: String = normalized(messages)
        .iter()
        .map(|message| format!("{message}\n"))
        .collect();
    expected.assert_eq(&lines);
}

#[test]
fn a_text_turn_has_the_messages_of_the_real_codex_in_their_order() {
    check_json(
        &run("sim: text count=2 size=16"),
        expect![[r#"
        {"emittedAtMs":"T","method":"turn/started","params":{"threadId":"id0","turn":{"completedAt":null,"durationMs":null,"error":null,"id":"id1","items":[],"itemsView":"notLoaded","rootTurnId":"id1","startedAt":"T","status":"inProgress"}}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"clientId":"c1","completedAtMs":null,"content":[{"text":"sim: text count=2 size=16","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"clientId":"c1","completedAtMs":"T","content":[{"text":"sim: text count=2 size=16","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"completedAtMs":null,"delivery":null,"id":"id3","memoryCitation":null,"moderation":null,"phase":null,"questions":null,"startedAtMs":"T","text":"","type":"agentMessage"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/agentMessage/delta","params":{"delta":"t000000 salt un ","itemId":"id3","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/agentMessage/delta","params":{"delta":"t000001 d slowl ","itemId":"id3","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"completedAtMs":"T","delivery":null,"id":"id3","memoryCitation":null,"moderation":null,"phase":null,"questions":null,"startedAtMs":"T","text":"t000000 salt un t000001 d slowl ","type":"agentMessage"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/tokenUsage/updated","params":{"threadId":"id0","tokenUsage":{"last":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15},"modelContextWindow":258400,"total":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15}},"turnId":"id1"}}
        {"emittedAtMs":"T","method":"account/rateLimits/updated","params":{"rateLimits":{"credits":null,"individualLimit":null,"limitId":"codex","limitName":null,"normalModelSlug":null,"planType":null,"primary":null,"rateLimitReachedType":null,"secondary":null,"spendControlReached":null}}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"type":"idle"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"turn/completed","params":{"threadId":"id0","turn":{"completedAt":"T","durationMs":"T","error":null,"id":"id1","items":[{"completedAtMs":"T","delivery":null,"id":"id3","memoryCitation":null,"moderation":null,"phase":null,"questions":null,"startedAtMs":"T","text":"t000000 salt un t000001 d slowl ","type":"agentMessage"}],"itemsView":"summary","rootTurnId":"id1","startedAt":"T","status":"completed"}}}
    "#]],
    );
}

#[test]
fn an_approved_command_has_the_messages_of_the_real_codex_in_their_order() {
    check_json(
        &run("sim: approve cmd=\"echo made\""),
        expect![[r#"
        {"emittedAtMs":"T","method":"turn/started","params":{"threadId":"id0","turn":{"completedAt":null,"durationMs":null,"error":null,"id":"id1","items":[],"itemsView":"notLoaded","rootTurnId":"id1","startedAt":"T","status":"inProgress"}}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"clientId":"c1","completedAtMs":null,"content":[{"text":"sim: approve cmd=\"echo made\"","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"clientId":"c1","completedAtMs":"T","content":[{"text":"sim: approve cmd=\"echo made\"","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":["waitingOnApproval"],"type":"active"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"aggregatedOutput":null,"command":"/bin/bash -lc 'echo made'","commandActions":[{"command":"echo made","type":"unknown"}],"completedAtMs":null,"cwd":"/src","durationMs":null,"exitCode":null,"id":"id3","pluginId":null,"processId":null,"scriptPath":null,"source":"agent","startedAtMs":"T","status":"inProgress","type":"commandExecution"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"id":0,"method":"item/commandExecution/requestApproval","params":{"availableDecisions":["accept",{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["echo","made"]}},"cancel"],"command":"/bin/bash -lc 'echo made'","commandActions":[{"command":"echo made","type":"unknown"}],"cwd":"/src","environmentId":"local","itemId":"id3","kind":"command","proposedExecpolicyAmendment":["echo","made"],"reason":"May I?","startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"serverRequest/resolved","params":{"requestId":0,"threadId":"id0"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":[],"type":"active"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"aggregatedOutput":"made\n","command":"/bin/bash -lc 'echo made'","commandActions":[{"command":"echo made","type":"unknown"}],"completedAtMs":"T","cwd":"/src","durationMs":"T","exitCode":0,"id":"id3","pluginId":null,"processId":"T","scriptPath":null,"source":"unifiedExecStartup","startedAtMs":"T","status":"completed","type":"commandExecution"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/tokenUsage/updated","params":{"threadId":"id0","tokenUsage":{"last":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15},"modelContextWindow":258400,"total":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15}},"turnId":"id1"}}
        {"emittedAtMs":"T","method":"account/rateLimits/updated","params":{"rateLimits":{"credits":null,"individualLimit":null,"limitId":"codex","limitName":null,"normalModelSlug":null,"planType":null,"primary":null,"rateLimitReachedType":null,"secondary":null,"spendControlReached":null}}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"type":"idle"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"turn/completed","params":{"threadId":"id0","turn":{"completedAt":"T","durationMs":"T","error":null,"id":"id1","items":[],"itemsView":"notLoaded","rootTurnId":"id1","startedAt":"T","status":"completed"}}}
    "#]],
    );
}

#[test]
fn a_file_change_and_a_question_have_the_messages_of_the_real_codex_in_their_order() {
    check_json(
        &run("sim: edit path=/out/a.txt text=hello; ask Which? A|B"),
        expect![[r#"
        {"emittedAtMs":"T","method":"turn/started","params":{"threadId":"id0","turn":{"completedAt":null,"durationMs":null,"error":null,"id":"id1","items":[],"itemsView":"notLoaded","rootTurnId":"id1","startedAt":"T","status":"inProgress"}}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"clientId":"c1","completedAtMs":null,"content":[{"text":"sim: edit path=/out/a.txt text=hello; ask Which? A|B","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"clientId":"c1","completedAtMs":"T","content":[{"text":"sim: edit path=/out/a.txt text=hello; ask Which? A|B","text_elements":[],"type":"text"}],"id":"id2","startedAtMs":"T","type":"userMessage"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"item/started","params":{"item":{"changes":[{"diff":"hello\n","kind":{"type":"add"},"path":"/out/a.txt"}],"completedAtMs":null,"id":"id3","startedAtMs":"T","status":"inProgress","type":"fileChange"},"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":["waitingOnApproval"],"type":"active"},"threadId":"id0"}}
        {"id":0,"method":"item/fileChange/requestApproval","params":{"grantRoot":null,"itemId":"id3","reason":null,"startedAtMs":"T","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"serverRequest/resolved","params":{"requestId":0,"threadId":"id0"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":[],"type":"active"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"item/completed","params":{"completedAtMs":"T","contentTokenCount":null,"item":{"changes":[{"diff":"hello\n","kind":{"type":"add"},"path":"/out/a.txt"}],"completedAtMs":"T","id":"id3","startedAtMs":"T","status":"completed","type":"fileChange"},"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"turn/diff/updated","params":{"diff":"diff --git a//out/a.txt b//out/a.txt\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..a9bc80cca21f28b3a9bc80cca21f28b3a21f28b3\n--- /dev/null\n+++ b//out/a.txt\n@@ -0,0 +1 @@\n+hello\n","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/tokenUsage/updated","params":{"threadId":"id0","tokenUsage":{"last":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15},"modelContextWindow":258400,"total":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15}},"turnId":"id1"}}
        {"emittedAtMs":"T","method":"account/rateLimits/updated","params":{"rateLimits":{"credits":null,"individualLimit":null,"limitId":"codex","limitName":null,"normalModelSlug":null,"planType":null,"primary":null,"rateLimitReachedType":null,"secondary":null,"spendControlReached":null}}}
        {"emittedAtMs":"T","method":"turn/diff/updated","params":{"diff":"diff --git a//out/a.txt b//out/a.txt\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..a9bc80cca21f28b3a9bc80cca21f28b3a21f28b3\n--- /dev/null\n+++ b//out/a.txt\n@@ -0,0 +1 @@\n+hello\n","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":["waitingOnUserInput"],"type":"active"},"threadId":"id0"}}
        {"id":1,"method":"item/tool/requestUserInput","params":{"autoResolutionMs":null,"isBlocking":false,"itemId":"id4","questions":[{"header":"Question","id":"q1","isOther":true,"isSecret":false,"options":[{"description":"A","label":"A"},{"description":"B","label":"B"}],"question":"Which?"}],"threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"serverRequest/resolved","params":{"requestId":1,"threadId":"id0"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"activeFlags":[],"type":"active"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"thread/tokenUsage/updated","params":{"threadId":"id0","tokenUsage":{"last":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":10,"outputTokens":5,"reasoningOutputTokens":0,"totalTokens":15},"modelContextWindow":258400,"total":{"cacheWriteInputTokens":0,"cachedInputTokens":0,"inputTokens":20,"outputTokens":10,"reasoningOutputTokens":0,"totalTokens":30}},"turnId":"id1"}}
        {"emittedAtMs":"T","method":"account/rateLimits/updated","params":{"rateLimits":{"credits":null,"individualLimit":null,"limitId":"codex","limitName":null,"normalModelSlug":null,"planType":null,"primary":null,"rateLimitReachedType":null,"secondary":null,"spendControlReached":null}}}
        {"emittedAtMs":"T","method":"turn/diff/updated","params":{"diff":"diff --git a//out/a.txt b//out/a.txt\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..a9bc80cca21f28b3a9bc80cca21f28b3a21f28b3\n--- /dev/null\n+++ b//out/a.txt\n@@ -0,0 +1 @@\n+hello\n","threadId":"id0","turnId":"id1"}}
        {"emittedAtMs":"T","method":"thread/status/changed","params":{"status":{"type":"idle"},"threadId":"id0"}}
        {"emittedAtMs":"T","method":"turn/completed","params":{"threadId":"id0","turn":{"completedAt":"T","durationMs":"T","error":null,"id":"id1","items":[],"itemsView":"notLoaded","rootTurnId":"id1","startedAt":"T","status":"completed"}}}
    "#]],
    );
}

#[test]
fn a_new_thread_has_the_fields_of_the_real_codex() {
    let home = home();
    let mut peer = start(home.path());
    let mut result = peer.request("thread/start", json!({"cwd": "/src"}));
    let path = result["thread"]["path"].take();
    let id = result["thread"]["id"].as_str().unwrap();
    assert!(path.as_str().unwrap().ends_with(&format!("-{id}.jsonl")));
    check_json(
        &[json!({"method": "thread/start", "result": result})],
        expect![[r#"
        {"method":"thread/start","result":{"activePermissionProfile":{"extends":null,"id":":read-only"},"approvalPolicy":"on-request","approvalsReviewer":"user","cwd":"/src","disabledPluginIds":[],"instructionSources":[],"model":"simulated","modelProvider":"simulated","multiAgentMode":"explicitRequestOnly","reasoningEffort":null,"runtimeWorkspaceRoots":["/src"],"sandbox":{"networkAccess":false,"type":"readOnly"},"serviceTier":null,"thread":{"agentNickname":null,"agentRole":null,"attachedToThreadId":null,"canAcceptDirectInput":true,"cliVersion":"0.169.0","createdAt":"T","cwd":"/src","daybreakEnabled":null,"environments":[{"cwd":"/src","environmentId":"local","runtimeWorkspaceRoots":["/src"]}],"ephemeral":false,"extra":null,"forkedFromId":null,"gitInfo":null,"historyMode":"paginated","id":"id0","model":"simulated","modelProvider":"simulated","name":null,"originator":"test","parentThreadId":null,"path":null,"preview":"","projectId":null,"reasoningEffort":null,"recencyAt":"T","section":null,"sectionEnteredAt":null,"sessionId":"id0","source":"vscode","status":{"type":"idle"},"threadSource":null,"turns":[],"updatedAt":"T"}}}
    "#]],
    );
}

#[test]
fn a_delta_has_its_fields_in_the_order_of_the_real_codex() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let turn = peer.start_turn(&thread, "sim: text count=1 size=8");
    let message = peer.until_method(TEXT);
    let (item, now) = (&message["params"]["itemId"], &message["emittedAtMs"]);
    let expected = format!(
        r#"{{"method":"{TEXT}","params":{{"threadId":"{thread}","turnId":"{turn}","itemId":{item},"delta":"t000000 "}},"emittedAtMs":{now}}}"#
    );
    assert_eq!(peer.last_line, expected);
}

#[test]
fn it_says_that_it_is_simulated() {
    let home = home();
    let mut peer = Peer::start(
        env!("CARGO_BIN_EXE_simulated-codex"),
        &["app-server"],
        home.path(),
    );
    let result = peer.initialize();
    let expected = json!({
        "userAgent": format!("test/0.169.0 (simulated; {}) holdfast (test; 0.1.0)", std::env::consts::ARCH),
        "codexHome": home.path(), "platformFamily": "unix", "platformOs": "linux",
    });
    assert_eq!(result, expected);
    let warning = peer.until_method("configWarning");
    assert!(
        warning["params"]["summary"]
            .as_str()
            .unwrap()
            .starts_with("This is the simulated Codex")
    );
    assert_eq!(
        peer.request("model/list", json!({}))["data"][0]["displayName"],
        "Simulated"
    );
}

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
fn the_greeting_streams_text_and_runs_a_command() {
    let turn = run("hello *there*");
    let kinds: Vec<_> = completed_items(&turn)
        .iter()
        .map(|item| item["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "userMessage",
            "reasoning",
            "agentMessage",
            "commandExecution",
            "agentMessage"
        ]
    );
    let text = deltas(&turn, TEXT);
    assert!(
        text.starts_with("You wrote: *hello there*. There is no language model"),
        "{text}"
    );
    assert!(
        text.contains("\n- ") && text.contains("\n```text\n"),
        "{text}"
    );
}

#[test]
fn a_wrong_scenario_is_answered_with_what_is_wrong() {
    let text = deltas(&run("sim: dance"), TEXT);
    assert_eq!(
        text,
        "This scenario cannot be run: there is no step `dance`; see the list at the head of scenario.rs.\n"
    );
}

#[test]
fn output_of_the_first_moments_is_only_in_the_whole() {
    let turn = run("sim: run cmd=\"echo early; sleep 0.2; echo late; exit 3\"");
    let item = completed_items(&turn).pop().unwrap();
    assert_eq!(deltas(&turn, OUTPUT), "late\n");
    assert_eq!(
        [
            &item["aggregatedOutput"],
            &item["exitCode"],
            &item["status"]
        ],
        [&json!("early\nlate\n"), &json!(3), &json!("failed")]
    );
}

#[test]
fn an_output_sends_ten_thousand_deltas_and_keeps_both_ends_of_the_rest() {
    let turn = run("sim: output lines=20000 size=64");
    let sent = turn
        .iter()
        .filter(|message| message["method"] == OUTPUT)
        .count();
    let whole = completed_items(&turn).pop().unwrap()["aggregatedOutput"]
        .as_str()
        .unwrap()
        .to_owned();
    let omitted = 20_000 * 64 - 2 * (512 << 10);
    assert_eq!(
        (sent, whole.len()),
        (
            10_000,
            2 * (512 << 10) + format!("\n... {omitted} bytes omitted ...\n").len()
        )
    );
    assert!(
        whole.starts_with("o000000 ")
            && whole.contains(&format!("\n... {omitted} bytes omitted ...\n"))
    );
    assert!(whole.lines().next_back().unwrap().starts_with("o019999 "));
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
fn a_failing_turn_announces_its_retries() {
    check_outline(
        "sim: fail retries=2",
        expect![[r#"
        turn/started inProgress
        item/started userMessage
        item/completed userMessage
        item/started agentMessage
        error Reconnecting... 1/2
        item/started agentMessage
        error Reconnecting... 2/2
        thread/status/changed systemError
        error stream disconnected before completion: stream closed before response.completed
        turn/completed failed
    "#]],
    );
    let errors = fail_kinds().map(|kind| {
        let turn = run(&format!("sim: fail {kind}"));
        let info = turn.last().unwrap()["params"]["turn"]["error"]["codexErrorInfo"].clone();
        info.as_str().map_or_else(
            || info.as_object().unwrap().keys().next().unwrap().clone(),
            str::to_owned,
        )
    });
    assert!(errors.eq(fail_kinds().map(str::to_owned)));
}

fn fail_kinds() -> impl Iterator<Item = &'static str> {
    codex::scenario::FailKind::ALL
        .iter()
        .map(|kind| kind.word())
}

#[test]
fn other_steps_show_what_they_should() {
    check_outline(
        "sim: reason count=2; plan; think 1ms; sleep 1ms; bigline mb=1",
        expect![[r#"
        turn/started inProgress
        item/started userMessage
        item/completed userMessage
        item/started reasoning
        item/reasoning/summaryPartAdded
        item/reasoning/summaryTextDelta
        item/reasoning/summaryTextDelta
        item/completed reasoning
        turn/plan/updated
        item/started reasoning
        item/completed reasoning
        item/started agentMessage
        item/agentMessage/delta
        item/completed agentMessage
        thread/status/changed idle
        turn/completed completed
    "#]],
    );
    assert_eq!(deltas(&run("sim: bigline mb=1"), TEXT).len(), 1 << 20);
}

#[test]
fn a_secret_comes_in_pieces_wherever_it_is_wanted() {
    let secret = codex::scenario::secret(codex::scenario::SecretKind::GithubPat, 7);
    let turn = run("sim: seed 7; secret cut=7");
    let pieces: Vec<_> = turn
        .iter()
        .filter(|message| message["method"] == TEXT)
        .map(|message| message["params"]["delta"].clone())
        .collect();
    assert_eq!(pieces[1], secret[..7]);
    assert_eq!(deltas(&turn, TEXT), format!("Found this: {secret} (end)\n"));
    let turn = run("sim: seed 7; secret cut=9 where=output");
    let item = completed_items(&turn).pop().unwrap();
    assert_eq!(item["aggregatedOutput"], format!("{secret}\n"));
    assert!(!item["command"].as_str().unwrap().contains(&secret));
    let item = completed_items(&run("sim: seed 7; secret where=command"))
        .pop()
        .unwrap();
    assert!(item["command"].as_str().unwrap().contains(&secret));
    let turn = run("sim: seed 7; secret cut=3 where=reasoning");
    assert_eq!(deltas(&turn, "item/reasoning/summaryTextDelta"), secret);
}

#[test]
fn the_environment_is_shown_by_name_only() {
    let item = completed_items(&run("sim: env")).pop().unwrap();
    let names: Vec<_> = item["aggregatedOutput"].as_str().unwrap().lines().collect();
    assert!(
        names.contains(&"CODEX_HOME") && names.iter().all(|name| !name.contains('=')),
        "{names:?}"
    );
}

#[test]
fn a_rate_is_never_exceeded() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let began = Instant::now();
    let turn = peer.run_turn(&thread, "sim: text count=21 rate=100/s");
    assert!(began.elapsed().as_millis() >= 200);
    assert_eq!(deltas(&turn, TEXT).len(), 21 * 64);
}

#[test]
fn two_runs_are_equal_but_for_ids_and_times() {
    let prompt = "sim: seed 3; text count=40 every=15; run \"seq 1 9\"; output lines=5; approve; edit; ask W A|B; reason; plan; secret kind=jwt; fail";
    assert_eq!(normalized(&run(prompt)), normalized(&run(prompt)));
}

#[test]
fn a_quarter_of_a_million_deltas_arrive_whole_and_in_order() {
    let turn = run("sim: text count=250000 size=16 every=100000");
    let text = deltas(&turn, TEXT);
    let numbers: Vec<u32> = text
        .split('t')
        .filter_map(|piece| piece.get(..6)?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..250_000).collect::<Vec<_>>());
    let items: String = completed_items(&turn)[1..]
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect();
    assert!(items == text);
}

#[test]
fn forgotten_messages_are_in_no_history() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let turn = peer.run_turn(&thread, "sim: text count=3 forget=yes");
    assert_eq!(completed_items(&turn).len(), 2);
    let items = peer.request("thread/items/list", json!({"threadId": thread}));
    assert_eq!(items["data"].as_array().unwrap().len(), 1);
}

#[test]
fn threads_of_one_process_stream_side_by_side() {
    let home = home();
    let mut peer = start(home.path());
    let threads: Vec<_> = (0..4).map(|_| peer.start_thread()).collect();
    for thread in &threads {
        peer.start_turn(thread, "sim: text count=50 rate=200/s");
    }
    for _ in &threads {
        peer.until_method("turn/completed");
    }
    let of = |thread: &str| {
        peer.messages
            .iter()
            .filter(|message| message["params"]["threadId"] == thread)
            .cloned()
            .collect::<Vec<_>>()
    };
    let texts: Vec<_> = threads
        .iter()
        .map(|thread| deltas(&of(thread), TEXT))
        .collect();
    assert_eq!(texts, vec![texts[0].clone(); 4]);
    let order: Vec<_> = peer
        .messages
        .iter()
        .filter(|message| message["method"] == TEXT)
        .map(|message| &message["params"]["threadId"])
        .collect();
    let switches = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(
        switches > 20,
        "the threads took turns only {switches} times"
    );
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
fn a_killed_process_leaves_what_was_completed() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: say one");
    peer.start_turn(&thread, "sim: text count=100000 rate=1000/s");
    peer.until_method(TEXT);
    peer.kill();
    let mut peer = start(home.path());
    let resumed = peer.request("thread/resume", json!({"threadId": thread}));
    let turns = resumed["thread"]["turns"].as_array().unwrap();
    let states: Vec<_> = turns
        .iter()
        .map(|turn| {
            let items = turn["items"].as_array().unwrap();
            let items: Vec<_> = items
                .iter()
                .map(|item| item["type"].as_str().unwrap())
                .collect();
            (
                turn["status"].as_str().unwrap(),
                turn["completedAt"].is_null(),
                items,
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("completed", false, vec!["userMessage", "agentMessage"]),
            ("interrupted", true, vec!["userMessage"])
        ]
    );
    assert_eq!(turns[1]["items"][0]["clientId"], "c1");
    assert_eq!(deltas(&peer.run_turn(&thread, "sim: say two"), TEXT), "two");
}

#[test]
fn a_thread_before_its_first_turn_dies_with_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.kill();
    let error = start(home.path()).refusal("thread/resume", json!({"threadId": thread}));
    assert_eq!(
        error["message"],
        format!("no rollout found for thread id {thread}")
    );
}

#[test]
fn a_thread_has_one_writer_and_a_kill_frees_it() {
    let home = home();
    let mut first = start(home.path());
    let thread = first.start_thread();
    first.run_turn(&thread, "sim: say hello");
    let mut second = start(home.path());
    let error = second.refusal("thread/resume", json!({"threadId": thread}));
    assert_eq!(
        error,
        json!({"code": -32600, "message": format!("thread {thread} already has an active writer")})
    );
    let read = second.request("thread/read", json!({"threadId": thread}));
    assert_eq!(
        [&read["thread"]["status"], &read["thread"]["preview"]],
        [&json!({"type": "notLoaded"}), &json!("sim: say hello")]
    );
    first.kill();
    second.request("thread/resume", json!({"threadId": thread}));
}

#[test]
fn a_clean_end_writes_the_running_turn_as_interrupted() {
    for by_signal in [false, true] {
        let home = home();
        let mut peer = start(home.path());
        let thread = peer.start_thread();
        peer.start_turn(
            &thread,
            "sim: say before; run \"sleep 0.2; echo a; sleep 60; echo b\"",
        );
        peer.until_method(OUTPUT);
        let from = peer.messages.len();
        let status = if by_signal {
            peer.signal(Signal::TERM);
            peer.wait()
        } else {
            peer.end()
        };
        assert_eq!(
            (status.code(), outline(&peer.messages[from..])),
            (Some(0), String::new())
        );
        let turns = start(home.path()).request(
            "thread/turns/list",
            json!({"threadId": thread, "itemsView": "full"}),
        );
        let turn = &turns["data"][0];
        assert_eq!(
            (&turn["status"], turn["completedAt"].is_u64()),
            (&json!("interrupted"), true)
        );
        let command = &turn["items"][2];
        assert_eq!(
            [&command["status"], &command["aggregatedOutput"]],
            [&json!("failed"), &json!("a\n")]
        );
    }
}

#[test]
fn an_idle_or_a_waiting_process_ends_with_its_stdin() {
    let home = home();
    assert_eq!(start(home.path()).end().code(), Some(0));
    let mut peer = start(home.path());
    peer.decision = None;
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: approve");
    peer.until_method("item/commandExecution/requestApproval");
    assert_eq!(peer.end().code(), Some(0));
}

#[test]
fn sigint_kills_it_like_the_real_one() {
    let home = home();
    let mut peer = start(home.path());
    peer.signal(Signal::INT);
    assert_eq!(peer.wait().signal(), Some(Signal::INT.as_raw()));
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

#[test]
fn a_crash_comes_after_the_asked_deltas_and_by_the_asked_signal() {
    for (prompt, code, signal) in [
        ("sim: crash after=20", None, Some(9)),
        ("sim: crash signal=6", None, Some(6)),
        ("sim: exit code=3 after=20", Some(3), None),
    ] {
        let home = home();
        let mut peer = start(home.path());
        let thread = peer.start_thread();
        peer.start_turn(&thread, prompt);
        assert_eq!(peer.try_until(|_| false), None);
        let sent = peer
            .messages
            .iter()
            .filter(|message| message["method"] == TEXT)
            .count();
        let status = peer.wait();
        let asked = if prompt.contains("after") { 20 } else { 0 };
        assert_eq!(
            (sent, status.code(), status.signal()),
            (asked, code, signal),
            "{prompt}"
        );
    }
}

#[test]
fn a_frozen_process_goes_on_when_it_is_woken() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: freeze; say awake");
    let pid = Pid::from_child(&peer.child);
    let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED)
        .unwrap()
        .unwrap()
        .1;
    assert!(stopped.stopped());
    peer.signal(Signal::CONT);
    peer.until_method("turn/completed");
    assert_eq!(deltas(&peer.messages, TEXT), "awake");
}

#[test]
fn a_stalled_stdin_is_read_again_after_its_time() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: say before; stall-stdin for=300ms; say after");
    peer.until(|message| message["method"] == "thread/tokenUsage/updated");
    let id = peer.post("model/list", json!({}));
    peer.until(|message| message["id"] == id);
}

#[test]
fn garbage_and_stderr_stand_between_the_messages() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: garbage; stderr \"a line\" count=2; say done");
    let broken = "\u{fffd}\u{fffd} broken UTF-8 \u{fffd}(";
    let cut = "{\"method\":\"item/agentMessage/delta\",\"params\":{\"threadId\":\"";
    assert_eq!(
        peer.garbage,
        [
            "warning: this line is prose and not a message",
            cut,
            broken,
            ""
        ]
    );
    assert_eq!(
        [peer.stderr_line(), peer.stderr_line()],
        ["a line", "a line"]
    );
}

#[test]
fn a_closed_stdout_does_not_end_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.start_turn(&thread, "sim: close-stdout; say unheard; stderr end");
    assert_eq!(peer.try_until(|_| false), None);
    assert_eq!(peer.stderr_line(), "end");
    assert_eq!(peer.child.try_wait().unwrap(), None);
    assert_eq!(peer.end().code(), Some(0));
    let turns = start(home.path()).request("thread/turns/list", json!({"threadId": thread}));
    assert_eq!(turns["data"][0]["items"][1]["text"], "unheard");
}

#[test]
fn a_trap_kills_so_many_resumes() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, "sim: trap resume times=2");
    peer.end();
    for _ in 0..2 {
        let mut peer = start(home.path());
        let id = peer.post("thread/resume", json!({"threadId": thread}));
        assert_eq!(peer.try_until(|message| message["id"] == id), None);
        assert_eq!(peer.wait().signal(), Some(9));
    }
    start(home.path()).request("thread/resume", json!({"threadId": thread}));
}

#[test]
fn a_spawned_sleep_outlives_its_command_and_the_process() {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    let turn = peer.run_turn(&thread, "sim: spawn sleep=60; spawn sleep=60 setsid=yes");
    let pids: Vec<i32> = completed_items(&turn)[1..]
        .iter()
        .map(|item| {
            item["aggregatedOutput"]
                .as_str()
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    peer.kill();
    for pid in pids {
        let pid = Pid::from_raw(pid).unwrap();
        test_kill_process(pid).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
}

#[test]
fn it_tells_its_version_and_can_fail_at_the_start() {
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_simulated-codex"));
        let output = command
            .args(args)
            .env("CODEX_HOME", "/nonexistent")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(
        run(&["--version"]),
        (Some(0), "codex-cli 0.169.0 (simulated)\n".to_owned())
    );
    assert_eq!(
        run(&["app-server", "--fault", "exit=7"]),
        (Some(7), String::new())
    );
    assert_eq!(
        run(&["app-server", "--fault", "dance"]),
        (Some(2), String::new())
    );
    assert_eq!(run(&[]), (Some(2), String::new()));
    let home = home();
    let mut peer = Peer::start(
        env!("CARGO_BIN_EXE_simulated-codex"),
        &["app-server", "--fault", "slow=200"],
        home.path(),
    );
    let began = Instant::now();
    peer.initialize();
    assert!(began.elapsed().as_millis() >= 150);
}
