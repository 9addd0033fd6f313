//! Threads that Codex makes besides a session's own: helpers that are on no disk, forks, and its own list of all.

use serde_json::{Value, json};

use super::protocol::Direct;
use crate::bridges::summary;
use crate::support::{Client, Folded, Setup};

/// The ids of a list, under this name.
fn ids(list: &Value, name: &str) -> Vec<String> {
    let entries = list["data"].as_array().expect("a list").iter();
    entries
        .map(|entry| entry[name].as_str().unwrap().to_owned())
        .collect()
}

async fn run(tab: &mut Client, thread: &str, prompt: &str) {
    let input = json!([{"type": "text", "text": prompt}]);
    tab.call("turn/start", json!({"threadId": thread, "input": input}))
        .await
        .expect("turn/start");
    let end = tab
        .next_where("the end of the turn", |event| {
            event.is("turn/completed") && event.thread() == Some(thread)
        })
        .await;
    assert_eq!(end.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn a_helper_thread_works_for_its_client_and_is_no_session() {
    let host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let opened = tab
        .call(
            "thread/start",
            json!({"cwd": host.work(), "ephemeral": true}),
        )
        .await
        .unwrap();
    let helper = opened["thread"]["id"].as_str().unwrap().to_owned();
    run(&mut tab, &helper, "sim: say \"A title.\"").await;
    let list = tab.call("host/sessions/list", json!({})).await.unwrap();
    assert_eq!(ids(&list, "threadId"), Vec::<String>::new());
}

#[tokio::test]
async fn a_fork_is_a_session_beside_the_one_it_came_from_and_both_go_on() {
    let host = Setup::real().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    run(&mut tab, &thread, "sim: say \"Trunk.\"").await;
    let forked = tab
        .call("thread/fork", json!({"threadId": thread}))
        .await
        .expect("thread/fork");
    let fork = forked["thread"]["id"].as_str().unwrap().to_owned();
    run(&mut tab, &fork, "sim: say \"Branch.\"").await;
    run(&mut tab, &thread, "sim: say \"Trunk again.\"").await;
    for session in [&thread, &fork] {
        assert_eq!(summary(&mut tab, session).await["state"], "idle");
    }
    // Codex's own list, as a native client asks for it, has the same threads.
    let listed = tab
        .call(
            "thread/list",
            json!({"sourceKinds": ["appServer", "vscode", "cli"]}),
        )
        .await
        .unwrap();
    let (mut theirs, mut ours) = (ids(&listed, "id"), vec![thread, fork]);
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(theirs, ours);
}

#[tokio::test]
async fn a_thread_that_another_process_works_on_is_held_readable_and_taken_over_when_it_is_free() {
    let host = Setup::real()
        .set("codex", "idle_timeout = \"1s\"")
        .start()
        .await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Ours.\"").await;
    tab.turn_end().await;
    tab.bridge_state("parked").await;
    let mut other = Direct::in_home(host.dir(), &host.dir().join("codex-home"));
    other
        .call(
            "thread/resume",
            json!({"threadId": thread, "excludeTurns": true}),
        )
        .expect("it is free");

    tab.submit(&thread, "p2", "sim: say \"Ours again.\"").await;
    let held = tab
        .next_where("the hold to be named", |event| {
            event.params()["state"] == "backoff"
        })
        .await;
    assert_eq!(held.params()["reasonKind"], "held");
    let attached = host.tab().await.attach(&thread).await;
    assert_eq!(
        Folded::from_snapshot(&attached).turns.len(),
        1,
        "the history stays readable"
    );
    assert_eq!(
        attached["queue"][0]["promptId"], "p2",
        "and the prompt waits"
    );

    drop(other);
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");
}
