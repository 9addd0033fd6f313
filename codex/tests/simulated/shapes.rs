//! The exact messages of the simulated Codex, field by field.

use expect_test::expect;
use serde_json::json;

use crate::{TEXT, check_json, home, peer::Peer, run, start};

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
