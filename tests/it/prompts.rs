//! What becomes of a prompt: it runs once, in its turn, or is shown as not run.

use serde_json::json;

use crate::bridges::folded;
use crate::support::{Client, Setup};

#[tokio::test]
async fn a_prompt_given_twice_runs_once() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let first = tab
        .submit(&thread, "p1", "sim: text count=50 rate=100/s")
        .await;
    assert_eq!(first["duplicate"], false);
    let again = tab
        .submit(&thread, "p1", "sim: text count=50 rate=100/s")
        .await;
    assert_eq!(again["duplicate"], true);
    let mut other = host.tab().await;
    assert_eq!(
        other
            .submit(&thread, "p1", "sim: text count=50 rate=100/s")
            .await["duplicate"],
        true
    );
    tab.turn_end().await;
    let after = tab
        .submit(&thread, "p1", "sim: text count=50 rate=100/s")
        .await;
    assert_eq!(after["duplicate"], true);

    tab.submit(&thread, "p2", "sim: say \"Last.\"").await;
    tab.turn_end().await;
    let texts: Vec<String> = folded(&tab, &thread)
        .turns
        .iter()
        .map(|turn| turn.agent_text())
        .collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[1].trim(), "Last.");
}

#[tokio::test]
async fn prompts_queued_while_codex_is_busy_run_afterwards_in_order() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=100 rate=100/s")
        .await;
    tab.deltas(3).await;
    for (id, word) in [("q1", "one"), ("q2", "two"), ("q3", "three")] {
        let queued = tab
            .submit_when(&thread, id, &format!("sim: say \"{word}\""), "queue")
            .await
            .unwrap();
        assert_eq!(queued, json!({"state": "queued", "duplicate": false}));
    }
    let queue = tab.next_where("a queue of three", |event| {
        event.is("host/prompt/changed") && waiting(event.params()).len() == 3
    });
    assert_eq!(waiting(queue.await.params()), ["q1", "q2", "q3"]);
    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(waiting(&attached), ["q1", "q2", "q3"]);

    let words: Vec<String> = run_out(&mut tab, &thread, 4).await;
    assert_eq!(words[1..], ["one", "two", "three"]);
}

#[tokio::test]
async fn a_queued_prompt_can_be_changed_and_dropped() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=100 rate=100/s")
        .await;
    tab.deltas(3).await;
    for id in ["q1", "q2"] {
        tab.submit_when(&thread, id, "sim: say \"before\"", "queue")
            .await
            .unwrap();
    }
    let input = json!([{"type": "text", "text": "sim: say \"after\""}]);
    let params = json!({"threadId": thread, "promptId": "q1", "input": input});
    tab.call("host/prompt/update", params)
        .await
        .expect("update");
    let drop = json!({"threadId": thread, "promptId": "q2"});
    tab.call("host/prompt/remove", drop.clone())
        .await
        .expect("remove");

    let words = run_out(&mut tab, &thread, 2).await;
    assert_eq!(words[1], "after");
    tab.call(
        "host/prompt/remove",
        json!({"threadId": thread, "promptId": "q1"}),
    )
    .await
    .expect_err("it has run");
    tab.call("host/prompt/remove", drop)
        .await
        .expect_err("it is gone");
}

#[tokio::test]
async fn a_prompt_can_steer_the_running_turn() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=200 rate=100/s")
        .await;
    tab.deltas(5).await;
    tab.submit_when(&thread, "s1", "sim: say \"steered\"", "steer")
        .await
        .expect("steer");
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");
    let turns = folded(&tab, &thread).turns;
    assert_eq!(turns.len(), 1, "steering makes no turn of its own");
    let spoken = turns[0]
        .items
        .iter()
        .filter(|item| item.kind == "userMessage")
        .count();
    assert_eq!(spoken, 2);
}

#[tokio::test]
async fn an_interrupted_turn_ends_once_and_the_next_prompt_works() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5000 rate=100/s")
        .await;
    tab.deltas(5).await;
    let turn = folded(&tab, &thread).turns[0].id.clone();
    tab.call(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": turn}),
    )
    .await
    .expect("interrupt");
    assert_eq!(
        tab.turn_end().await.params()["turn"]["status"],
        "interrupted"
    );
    tab.submit(&thread, "p2", "sim: say \"Next.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let ends: Vec<usize> = folded(&tab, &thread)
        .turns
        .iter()
        .map(|turn| turn.ends)
        .collect();
    assert_eq!(ends, [1, 1]);
}

#[tokio::test]
async fn a_failed_turn_names_its_cause_and_the_next_prompt_works() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: fail usageLimitExceeded")
        .await;
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "failed");
    assert!(
        end.params()["turn"]["error"]["message"].is_string(),
        "{}",
        end.raw
    );
    tab.submit(&thread, "p2", "sim: say \"Next.\"").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn a_turn_started_the_way_of_codex_itself_works_too() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let input = json!([{"type": "text", "text": "sim: say \"Native.\""}]);
    let started = tab
        .call("turn/start", json!({"threadId": thread, "input": input}))
        .await
        .expect("turn/start");
    assert_eq!(started["turn"]["status"], "inProgress");
    tab.turn_end().await;
    assert_eq!(
        folded(&tab, &thread).turns[0].agent_text().trim(),
        "Native."
    );
}

/// The ids of the prompts in `queue` that wait.
fn waiting(holder: &serde_json::Value) -> Vec<String> {
    let queue = holder["queue"].as_array().expect("a queue");
    let waiting = queue.iter().filter(|prompt| prompt["state"] == "queued");
    waiting
        .map(|prompt| prompt["promptId"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits for the end of `count` turns; what the agent said in each.
async fn run_out(tab: &mut Client, thread: &str, count: usize) -> Vec<String> {
    for _ in 0..count {
        tab.turn_end().await;
    }
    folded(tab, thread)
        .turns
        .iter()
        .map(|turn| turn.agent_text().trim().to_owned())
        .collect()
}
