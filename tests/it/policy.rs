//! What a tab may not do: the answer is -32003 and Codex never hears of it.

use serde_json::json;

use crate::support::Setup;

#[tokio::test]
async fn methods_on_the_closed_list_are_refused() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let witness = host.work().join("witness");
    let touch = json!(["touch", witness]);
    let denied = [
        (
            "process/spawn",
            json!({"command": touch, "processHandle": "x", "cwd": host.work()}),
        ),
        ("command/exec", json!({"command": touch})),
        (
            "thread/shellCommand",
            json!({"threadId": thread, "command": format!("touch {}", witness.display())}),
        ),
        ("fs/writeFile", json!({"path": witness, "dataBase64": ""})),
        ("fs/readFile", json!({"path": "/etc/passwd"})),
        ("fs/remove", json!({"path": host.work()})),
        (
            "config/value/write",
            json!({"keyPath": "model", "value": "x", "mergeStrategy": "replace"}),
        ),
        ("config/batchWrite", json!({"edits": []})),
        (
            "account/login/start",
            json!({"type": "apiKey", "apiKey": "x"}),
        ),
        ("account/logout", json!(null)),
        ("plugin/install", json!({"pluginName": "x"})),
        ("marketplace/add", json!({"source": "x"})),
    ];
    for (method, params) in denied {
        let error = tab.call(method, params).await.expect_err(method);
        assert_eq!(error.code, -32003, "{method}: {}", error.message);
        assert!(
            error.message.contains(method),
            "the refusal names what was refused: {}",
            error.message
        );
    }
    assert!(!witness.exists());
}

#[tokio::test]
async fn overrides_above_the_ceiling_are_refused_wherever_they_stand() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let input = json!([{"type": "text", "text": "sim: say \"x\""}]);
    let prompt = |overrides| json!({"threadId": thread, "promptId": "p", "input": input, "when": "now", "overrides": overrides});
    let cases = [
        ("thread/start", json!({"sandbox": "danger-full-access"})),
        ("thread/start", json!({"approvalPolicy": "never"})),
        (
            "thread/start",
            json!({"config": {"sandbox_mode": "danger-full-access"}}),
        ),
        (
            "thread/resume",
            json!({"threadId": thread, "sandbox": "danger-full-access"}),
        ),
        (
            "turn/start",
            json!({"threadId": thread, "input": input, "sandboxPolicy": {"type": "dangerFullAccess"}}),
        ),
        (
            "turn/start",
            json!({"threadId": thread, "input": input, "approvalPolicy": "never"}),
        ),
        (
            "host/prompt/submit",
            prompt(json!({"sandboxPolicy": {"type": "dangerFullAccess"}})),
        ),
        (
            "host/prompt/submit",
            prompt(json!({"approvalPolicy": "never"})),
        ),
    ];
    for (method, params) in cases {
        let error = tab.call(method, params.clone()).await.expect_err(method);
        assert_eq!(error.code, -32003, "{method} {params}: {}", error.message);
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_whichever_would_count() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    for params in [
        r#"{"sandbox":"read-only","sandbox":"danger-full-access"}"#,
        r#"{"sandbox":"danger-full-access","sandbox":"read-only"}"#,
        r#"{"config":{"sandbox_mode":"read-only","sandbox_mode":"danger-full-access"}}"#,
    ] {
        tab.send_raw(&format!(
            "{{\"id\":71,\"method\":\"thread/start\",\"params\":{params}}}"
        ))
        .await;
        let error = tab.answer_to(&json!(71)).await.unwrap_err();
        assert_eq!(error.code, -32602, "{params}");
    }
}

#[tokio::test]
async fn a_method_that_the_configuration_allows_by_name_reaches_codex() {
    let setup = Setup::simulated().set("codex", "allowed_methods = [\"fs/readFile\"]");
    let host = setup.start().await;
    let mut tab = host.tab().await;
    if let Err(error) = tab
        .call("fs/readFile", json!({"path": host.work().join("x")}))
        .await
    {
        assert_ne!(error.code, -32003, "Codex itself answers");
    }
    assert_eq!(
        tab.call("fs/remove", json!({"path": "/x"}))
            .await
            .unwrap_err()
            .code,
        -32003
    );
}

#[tokio::test]
async fn roles_that_only_look_can_neither_prompt_nor_answer() {
    let viewer = config::Token::generate().unwrap();
    let digest = viewer.digest().to_hex();
    let setup = Setup::simulated().set("[tokens]", "name = \"screen\"");
    let setup = setup.set("[tokens]", "role = \"view\"");
    let host = setup
        .set("[tokens]", &format!("token_sha256 = \"{digest}\""))
        .start()
        .await;
    let mut operator = host.tab().await;
    let thread = operator.start_session(&host.work()).await;
    let mut watching = crate::support::Client::connect(host.addr(), viewer.reveal()).await;
    watching.attach(&thread).await;
    let refused = watching
        .submit_when(&thread, "p1", "sim: say \"x\"", "now")
        .await
        .unwrap_err();
    assert_eq!(refused.code, -32003);
    let refused = watching.call("thread/start", json!({})).await.unwrap_err();
    assert_eq!(refused.code, -32003);

    operator
        .submit(&thread, "p2", "sim: approve cmd=\"echo made\"")
        .await;
    let ask = "item/commandExecution/requestApproval";
    let asked = operator.next(ask).await;
    watching
        .send_raw(&json!({"id": asked.id(), "result": {"decision": "accept"}}).to_string())
        .await;
    let refused = watching.answer_to(asked.id().unwrap()).await.unwrap_err();
    assert_eq!(refused.code, -32003);
    operator
        .respond(&asked, json!({"decision": "decline"}))
        .await;
    operator.turn_end().await;
}
