//! The typed subset against messages of a real app-server (0.169.0), and against what a newer one may send.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use std::fmt::Debug;

use codex::message::{
    CommandApproval, ErrorNotification, FileChangeApproval, ItemNotification, ThreadOpened,
    ThreadStarted, ThreadStatusChanged, TurnNotification, TurnStarted, TurnsPage, UserInputRequest,
};
use expect_test::{Expect, expect};
use serde::Deserialize;

fn check<'a, T: Deserialize<'a> + Debug>(json: &'a str, expected: &Expect) {
    let value: T = serde_json::from_str(json).unwrap();
    expected.assert_debug_eq(&value);
}

#[test]
fn a_thread_that_was_opened() {
    check::<ThreadOpened<'_>>(
        r#"{"thread":{"id":"01a20c8d-ab75-7f30-9b65-88c378ccef10","environments":[{"environmentId":"local"}],"extra":null,"sessionId":"s","forkedFromId":null,"preview":"","ephemeral":false,"historyMode":"paginated","modelProvider":"mock","model":"gpt-5.5","createdAt":1795506940,"updatedAt":1795506940,"status":{"type":"idle"},"path":"/h/sessions/2026/11/24/rollout.jsonl","cwd":"/src","cliVersion":"0.169.0","source":"vscode","gitInfo":null,"name":null,"turns":[]},"model":"gpt-5.5","modelProvider":"mock","serviceTier":null,"cwd":"/src","approvalPolicy":"on-request","approvalsReviewer":"user","sandbox":{"type":"workspaceWrite","writableRoots":[]},"reasoningEffort":null}"#,
        &expect![[r#"
            ThreadOpened {
                thread: Thread {
                    id: "01a20c8d-ab75-7f30-9b65-88c378ccef10",
                    name: None,
                    preview: "",
                    ephemeral: false,
                    forked_from_id: None,
                    parent_thread_id: None,
                    model_provider: Some(
                        "mock",
                    ),
                    model: Some(
                        "gpt-5.5",
                    ),
                    created_at: Some(
                        1795506940,
                    ),
                    updated_at: Some(
                        1795506940,
                    ),
                    status: Idle,
                    path: Some(
                        "/h/sessions/2026/11/24/rollout.jsonl",
                    ),
                    cwd: Some(
                        "/src",
                    ),
                    cli_version: Some(
                        "0.169.0",
                    ),
                    turns: [],
                },
                model: Some(
                    "gpt-5.5",
                ),
                cwd: Some(
                    "/src",
                ),
                approval_policy: Some(
                    RawValue(
                        "on-request",
                    ),
                ),
                sandbox: Some(
                    RawValue(
                        {"type":"workspaceWrite","writableRoots":[]},
                    ),
                ),
                reasoning_effort: None,
                initial_turns_page: None,
            }
        "#]],
    );
}

#[test]
fn a_thread_of_a_newer_codex() {
    check::<ThreadStarted<'_>>(
        r#"{"thread":{"id":"t","status":{"type":"dreaming","depth":3},"turns":[{"id":"u","status":"paused","items":[{"type":"dream","id":"i","more":{}}]}],"later":[1]}}"#,
        &expect![[r#"
            ThreadStarted {
                thread: Thread {
                    id: "t",
                    name: None,
                    preview: "",
                    ephemeral: false,
                    forked_from_id: None,
                    parent_thread_id: None,
                    model_provider: None,
                    model: None,
                    created_at: None,
                    updated_at: None,
                    status: Other(
                        "dreaming",
                    ),
                    path: None,
                    cwd: None,
                    cli_version: None,
                    turns: [
                        Turn {
                            id: "u",
                            root_turn_id: None,
                            status: Other(
                                "paused",
                            ),
                            items: [
                                Item {
                                    kind: "dream",
                                    id: "i",
                                    raw: "{\"type\":\"dream\",\"id\":\"i\",\"more\":{}}",
                                },
                            ],
                            items_view: None,
                            error: None,
                            started_at: None,
                            completed_at: None,
                            duration_ms: None,
                        },
                    ],
                },
            }
        "#]],
    );
}

#[test]
fn a_status_that_waits_for_people() {
    check::<ThreadStatusChanged<'_>>(
        r#"{"threadId":"t","status":{"type":"active","activeFlags":["waitingOnApproval"]}}"#,
        &expect![[r#"
            ThreadStatusChanged {
                thread_id: "t",
                status: Active {
                    flags: [
                        "waitingOnApproval",
                    ],
                },
            }
        "#]],
    );
}

#[test]
fn a_turn_that_was_started_and_one_that_failed() {
    check::<TurnStarted<'_>>(
        r#"{"turn":{"id":"u","rootTurnId":"u","items":[],"itemsView":"notLoaded","status":"inProgress","error":null,"startedAt":null,"completedAt":null,"durationMs":null}}"#,
        &expect![[r#"
            TurnStarted {
                turn: Turn {
                    id: "u",
                    root_turn_id: Some(
                        "u",
                    ),
                    status: InProgress,
                    items: [],
                    items_view: Some(
                        "notLoaded",
                    ),
                    error: None,
                    started_at: None,
                    completed_at: None,
                    duration_ms: None,
                },
            }
        "#]],
    );
    check::<TurnNotification<'_>>(
        r#"{"threadId":"t","turn":{"id":"u","items":[{"type":"agentMessage","id":"msg_1","text":"a \"b\""}],"itemsView":"summary","status":"failed","error":{"message":"over \"the\" limit","codexErrorInfo":"usageLimitExceeded","additionalDetails":null},"startedAt":1795506940,"completedAt":1795506941,"durationMs":116}}"#,
        &expect![[r#"
            TurnNotification {
                thread_id: "t",
                turn: Turn {
                    id: "u",
                    root_turn_id: None,
                    status: Failed,
                    items: [
                        Item {
                            kind: "agentMessage",
                            id: "msg_1",
                            raw: "{\"type\":\"agentMessage\",\"id\":\"msg_1\",\"text\":\"a \\\"b\\\"\"}",
                        },
                    ],
                    items_view: Some(
                        "summary",
                    ),
                    error: Some(
                        TurnError {
                            message: "over \"the\" limit",
                            codex_error_info: Some(
                                RawValue(
                                    "usageLimitExceeded",
                                ),
                            ),
                            additional_details: None,
                        },
                    ),
                    started_at: Some(
                        1795506940,
                    ),
                    completed_at: Some(
                        1795506941,
                    ),
                    duration_ms: Some(
                        116,
                    ),
                },
            }
        "#]],
    );
}

#[test]
fn a_page_of_turns() {
    check::<TurnsPage<'_>>(
        r#"{"data":[{"id":"u","status":"interrupted","items":[]}],"nextCursor":"n","backwardsCursor":null}"#,
        &expect![[r#"
            TurnsPage {
                data: [
                    Turn {
                        id: "u",
                        root_turn_id: None,
                        status: Interrupted,
                        items: [],
                        items_view: None,
                        error: None,
                        started_at: None,
                        completed_at: None,
                        duration_ms: None,
                    },
                ],
                next_cursor: Some(
                    "n",
                ),
                backwards_cursor: None,
            }
        "#]],
    );
}

#[test]
fn an_item_keeps_everything_raw() {
    check::<ItemNotification<'_>>(
        r#"{"item":{"type":"commandExecution","id":"call_1","command":"/bin/bash -lc 'echo hi'","exitCode":3},"threadId":"t","turnId":"u","completedAtMs":1}"#,
        &expect![[r#"
            ItemNotification {
                thread_id: "t",
                turn_id: "u",
                item: Item {
                    kind: "commandExecution",
                    id: "call_1",
                    raw: "{\"type\":\"commandExecution\",\"id\":\"call_1\",\"command\":\"/bin/bash -lc 'echo hi'\",\"exitCode\":3}",
                },
            }
        "#]],
    );
}

#[test]
fn an_error_says_its_kind_and_whether_codex_tries_again() {
    for (info, kind) in [
        (r#""usageLimitExceeded""#, Some("usageLimitExceeded")),
        (
            r#"{"httpConnectionFailed":{"httpStatusCode":401}}"#,
            Some("httpConnectionFailed"),
        ),
        (
            r#"{"responseTooManyFailedAttempts":{"httpStatusCode":429}}"#,
            Some("responseTooManyFailedAttempts"),
        ),
        ("null", None),
        ("7", None),
    ] {
        let json = format!(
            r#"{{"error":{{"message":"m","codexErrorInfo":{info},"additionalDetails":"d"}},"willRetry":true,"threadId":"t","turnId":"u"}}"#
        );
        let error: ErrorNotification<'_> = serde_json::from_str(&json).unwrap();
        assert!(error.will_retry);
        assert_eq!(error.error.kind().as_deref(), kind, "{info}");
    }
}

#[test]
fn what_codex_asks_of_people() {
    check::<CommandApproval<'_>>(
        r#"{"kind":"command","threadId":"t","turnId":"u","itemId":"call_1","startedAtMs":1,"environmentId":"local","reason":"May I?","command":"/bin/bash -lc 'touch f'","cwd":"/src","commandActions":[],"proposedExecpolicyAmendment":["touch","f"],"availableDecisions":["accept",{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["touch","f"]}},"cancel"]}"#,
        &expect![[r#"
            CommandApproval {
                thread_id: "t",
                turn_id: "u",
                item_id: "call_1",
                reason: Some(
                    "May I?",
                ),
                command: Some(
                    "/bin/bash -lc 'touch f'",
                ),
                cwd: Some(
                    "/src",
                ),
                available_decisions: Some(
                    [
                        RawValue(
                            "accept",
                        ),
                        RawValue(
                            {"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["touch","f"]}},
                        ),
                        RawValue(
                            "cancel",
                        ),
                    ],
                ),
            }
        "#]],
    );
    check::<FileChangeApproval<'_>>(
        r#"{"threadId":"t","turnId":"u","itemId":"call_2","startedAtMs":1,"reason":null,"grantRoot":null}"#,
        &expect![[r#"
            FileChangeApproval {
                thread_id: "t",
                turn_id: "u",
                item_id: "call_2",
                reason: None,
                grant_root: None,
            }
        "#]],
    );
    check::<UserInputRequest<'_>>(
        r#"{"threadId":"t","turnId":"u","itemId":"call_3","questions":[{"id":"q1","question":"Which?"}],"isBlocking":true,"autoResolutionMs":null}"#,
        &expect![[r#"
            UserInputRequest {
                thread_id: "t",
                turn_id: "u",
                item_id: "call_3",
                questions: [
                    RawValue(
                        {"id":"q1","question":"Which?"},
                    ),
                ],
                is_blocking: true,
            }
        "#]],
    );
}
