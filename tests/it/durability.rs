//! `kill -9` of the host at a bad moment: nothing that a tab saw is lost, doubled or reordered.

use serde_json::json;

use crate::bridges::{folded, summary};
use crate::feeds::{indices, journal_of};
use crate::support::{Folded, Setup, eventually};

#[tokio::test]
async fn after_a_kill_of_the_host_a_tab_goes_on_at_its_cursor_and_the_turn_ends_once() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let journal = journal_of(&mut tab).await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5000 rate=200/s")
        .await;
    tab.deltas(40).await;
    host.kill9().await;
    // What was on its way still arrives, then the end of the stream.
    tab.close().await;
    let cursor = tab.head(&thread);
    let mut seen = tab.feed(&thread);
    host.restart().await;

    let mut back = host.tab().await;
    assert_eq!(journal_of(&mut back).await, journal);
    let attached = back.attach_after(&thread, cursor, &journal).await;
    assert_eq!(attached["verdict"], "resumed");
    let ended = |status: &str| status != "inProgress";
    let end = back
        .next_where("the one end of the turn", |event| {
            event.is("turn/completed")
        })
        .await;
    assert!(ended(end.params()["turn"]["status"].as_str().unwrap()));
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    back.submit(&thread, "p2", "sim: text count=4").await;
    back.turn_end().await;
    seen.extend(back.feed(&thread));
    let head = back.head(&thread);
    assert_eq!(
        seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (1..=head).collect::<Vec<_>>()
    );

    // A third tab that reads everything from the journal has the same bytes.
    let mut third = host.tab().await;
    third.attach_after(&thread, 0, &journal).await;
    third
        .next_where("the head", |event| event.seq == Some(head))
        .await;
    assert_eq!(third.feed(&thread), seen);
    let turns = folded(&third, &thread).turns;
    assert_eq!(
        turns.iter().map(|turn| turn.ends).collect::<Vec<_>>(),
        [1, 1]
    );
    let partial = indices(&turns[0].agent_text());
    assert!(partial.len() >= 40);
    assert_eq!(partial, (0..partial.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn queued_prompts_survive_a_kill_of_the_host_and_run_once_each() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5000 rate=100/s")
        .await;
    tab.deltas(5).await;
    for (id, word) in [("q1", "First"), ("q2", "Second")] {
        tab.submit_when(&thread, id, &format!("sim: say \"{word}.\""), "queue")
            .await
            .expect("queue");
    }
    host.kill9().await;
    host.restart().await;

    let mut back = host.tab().await;
    let again = back
        .submit_when(&thread, "q1", "sim: say \"First.\"", "queue")
        .await
        .expect("submit again");
    assert_eq!(again["duplicate"], true);
    eventually("both prompts to have run", async || {
        let attached = back.attach(&thread).await;
        let texts: Vec<String> = Folded::from_snapshot(&attached)
            .turns
            .iter()
            .map(|turn| turn.agent_text())
            .collect();
        texts
            .iter()
            .any(|text| text.trim() == "Second.")
            .then_some(())
    })
    .await;
    let attached = host.tab().await.attach(&thread).await;
    let texts: Vec<String> = Folded::from_snapshot(&attached)
        .turns
        .iter()
        .map(|turn| turn.agent_text())
        .collect();
    let count = |word: &str| texts.iter().filter(|text| text.trim() == word).count();
    assert_eq!((count("First."), count("Second.")), (1, 1), "{texts:?}");
}

#[tokio::test]
async fn a_host_that_is_stopped_in_order_says_so_and_keeps_everything() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=5000 rate=100/s")
        .await;
    tab.deltas(10).await;
    let status = host.stop().await;
    assert_eq!(status.code(), Some(0));
    let (code, _) = tab.close().await;
    assert_eq!(code, 1001);
    assert!(
        tab.events().iter().any(|event| event.is("host/draining")),
        "the tab was told"
    );

    host.restart().await;
    let mut back = host.tab().await;
    let attached = back.attach(&thread).await;
    let turn = &Folded::from_snapshot(&attached).turns[0];
    assert!(indices(&turn.agent_text()).len() >= 10);
    back.submit(&thread, "p2", "sim: say \"On.\"").await;
    back.next_where("the second turn", |event| {
        event.is("turn/completed") && event.params()["turn"]["status"] == "completed"
    })
    .await;
    assert_ne!(summary(&mut back, &thread).await["state"], "working");
}

#[tokio::test]
async fn seqs_go_on_over_starts_of_the_host() {
    let mut host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let mut heads = Vec::new();
    for round in 0..3 {
        tab.submit(&thread, &format!("p{round}"), "sim: say \"Hello.\"")
            .await;
        tab.turn_end().await;
        heads.push(tab.head(&thread));
        host.stop().await;
        host.restart().await;
        tab = host.tab().await;
        let attached = tab.attach(&thread).await;
        assert!(
            attached["head"].as_u64() >= heads.last().copied(),
            "{attached}"
        );
    }
    assert!(heads.is_sorted_by(|one, next| one < next), "{heads:?}");
    let list = tab.call("host/sessions/list", json!({})).await.unwrap();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
}
