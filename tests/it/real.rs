//! The same promises with the real Codex, whose model is scripted; needs `npm ci` in tests/.
//!
//! Not a test of Codex: only what the host makes of it.

mod environment;
mod protocol;
mod schema;
mod separate_user;
mod threads;
mod tui;

use rustix::process::Signal;
use serde_json::json;

use crate::bridges::{codex_pid, folded};
use crate::feeds::{indices, journal_of};
use crate::support::{Client, Folded, Setup, processes};

#[tokio::test]
async fn two_tabs_see_one_turn_alike() {
    let host = Setup::real().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    let journal = journal_of(&mut other).await;
    other.attach_after(&thread, 0, &journal).await;
    one.submit(&thread, "p1", "sim: text count=40 rate=100/s")
        .await;
    assert_eq!(one.turn_end().await.params()["turn"]["status"], "completed");
    other.turn_end().await;
    let head = one.head(&thread).min(other.head(&thread));
    let up_to_head = |tab: &Client| -> Vec<(u64, String)> {
        tab.feed(&thread)
            .into_iter()
            .filter(|(seq, _)| *seq <= head)
            .collect()
    };
    assert_eq!(up_to_head(&one), up_to_head(&other));
    assert_eq!(
        indices(&folded(&one, &thread).turns[0].agent_text()),
        (0..40).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn the_output_of_a_command_is_whole() {
    let host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: run cmd=\"seq 1 5\"; say \"Counted.\"")
        .await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let turn = &folded(&tab, &thread).turns[0];
    assert_eq!(turn.command_output().trim(), "1\n2\n3\n4\n5");
    assert!(turn.agent_text().contains("Counted."));
}

#[tokio::test]
async fn an_approval_given_in_one_tab_runs_the_command_and_is_resolved_in_the_other() {
    let host = Setup::real().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    other.attach(&thread).await;
    one.submit(
        &thread,
        "p1",
        "sim: approve cmd=\"touch made\" reason=\"May I?\"; say \"Made.\"",
    )
    .await;
    let ask = "item/commandExecution/requestApproval";
    let (in_one, in_other) = (one.next(ask).await, other.next(ask).await);
    assert_eq!(in_one.value, in_other.value);
    assert!(!host.work().join("made").exists());
    other
        .respond(&in_other, json!({"decision": "accept"}))
        .await;
    let resolved = one.next("serverRequest/resolved").await;
    assert_eq!(Some(&resolved.params()["requestId"]), in_one.id());
    assert_eq!(one.turn_end().await.params()["turn"]["status"], "completed");
    assert!(host.work().join("made").exists());
}

#[tokio::test]
async fn after_a_kill_of_codex_in_mid_stream_the_turn_ends_once_with_its_text() {
    let host = Setup::real()
        .set("codex", "backoff_min = \"20ms\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=2000 rate=100/s")
        .await;
    tab.deltas(30).await;
    processes::send(codex_pid(&mut tab, &thread).await, Signal::KILL);
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    tab.submit(&thread, "p2", "sim: say \"Back.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let turns = folded(&tab, &thread).turns;
    assert_eq!(
        turns.iter().map(|turn| turn.ends).collect::<Vec<_>>(),
        [1, 1]
    );
    let partial = turns[0].agent_text();
    assert!(indices(&partial).len() >= 30);

    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(
        Folded::from_snapshot(&attached).turns[0].agent_text(),
        partial
    );
    // Codex itself has forgotten the partial text; the host completes its answer.
    let read = tab
        .call(
            "thread/read",
            json!({"threadId": thread, "includeTurns": true}),
        )
        .await
        .expect("thread/read");
    assert!(
        read.to_string().contains(partial.get(..40).unwrap()),
        "thread/read is completed from the journal"
    );
}

#[tokio::test]
async fn after_a_kill_of_the_host_in_mid_stream_the_session_goes_on() {
    let mut host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let journal = journal_of(&mut tab).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=2000 rate=100/s")
        .await;
    tab.deltas(30).await;
    host.kill9().await;
    tab.close().await;
    let (cursor, mut seen) = (tab.head(&thread), tab.feed(&thread));
    host.restart().await;
    let mut back = host.tab().await;
    back.attach_after(&thread, cursor, &journal).await;
    assert_eq!(
        back.turn_end().await.params()["turn"]["status"],
        "interrupted"
    );
    back.submit(&thread, "p2", "sim: say \"Back.\"").await;
    assert_eq!(
        back.turn_end().await.params()["turn"]["status"],
        "completed"
    );
    seen.extend(back.feed(&thread));
    let head = back.head(&thread);
    assert_eq!(
        seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (1..=head).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_codex_without_an_account_says_so_at_once() {
    // A provider that wants an account, and none is there.
    let setup = Setup::real().set(
        "codex",
        "args = [\"-c\", \"model_provider=\\\"openai\\\"\"]",
    );
    let host = setup.start().await;
    let mut tab = host.tab().await;
    let error = tab
        .call("thread/start", json!({"cwd": host.work()}))
        .await
        .unwrap_err();
    assert_eq!(error.code, -32006);
    assert!(error.message.contains("codex login"), "{}", error.message);
    tab.call("model/list", json!({}))
        .await
        .expect("what needs no account works");
}
