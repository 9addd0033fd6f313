//! One order for every tab, whenever it came and however slowly it reads.

use serde_json::json;

use crate::support::client::Connecting;
use crate::support::{Client, Folded, Setup, eventually};

/// The numbers of the deltas that make up a text of `sim: text`.
pub fn indices(text: &str) -> Vec<u64> {
    let starts = text
        .match_indices('t')
        .filter_map(|(at, _)| text.get(at + 1..at + 7));
    starts
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|digits| digits.parse().unwrap())
        .collect()
}

/// The journal that a tab is told of.
pub async fn journal_of(tab: &mut Client) -> String {
    let status = tab.call("host/status", json!({})).await.expect("status");
    let id = status["journal"]["journalId"]
        .as_str()
        .or_else(|| status["journal"]["id"].as_str());
    id.expect("status names the journal").to_owned()
}

#[tokio::test]
async fn two_tabs_of_a_session_see_the_same_events_byte_for_byte() {
    let host = Setup::simulated().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    let journal = journal_of(&mut other).await;
    let attached = other.attach_after(&thread, 0, &journal).await;
    assert_eq!(attached["verdict"], "resumed");

    one.submit(
        &thread,
        "p1",
        "sim: text count=60 rate=200/s; run cmd=\"seq 1 5\"; say \"Done.\"",
    )
    .await;
    one.turn_end().await;
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
        up_to_head(&one)
            .iter()
            .map(|(seq, _)| *seq)
            .collect::<Vec<_>>(),
        (1..=head).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_turn_streams_in_the_order_of_the_protocol() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: text count=3 rate=100/s")
        .await;
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");

    let interesting = [
        "turn/started",
        "item/started",
        "item/agentMessage/delta",
        "item/completed",
        "turn/completed",
    ];
    let of_turn = tab
        .events()
        .iter()
        .filter(|event| interesting.contains(&event.method.as_str()));
    let mut order: Vec<String> = of_turn
        .map(|event| match event.params()["item"]["type"].as_str() {
            Some(kind) => format!("{} {kind}", event.method),
            None => event.method.clone(),
        })
        .collect();
    order.dedup();
    assert_eq!(
        order,
        [
            "turn/started",
            "item/started userMessage",
            "item/completed userMessage",
            "item/started agentMessage",
            "item/agentMessage/delta",
            "item/completed agentMessage",
            "turn/completed",
        ]
    );
}

#[tokio::test]
async fn a_tab_that_comes_back_goes_on_at_its_cursor() {
    let host = Setup::simulated().start().await;
    let (mut staying, mut leaving) = (host.tab().await, host.tab().await);
    let thread = staying.start_session(&host.work()).await;
    let journal = journal_of(&mut leaving).await;
    leaving.attach_after(&thread, 0, &journal).await;
    staying
        .submit(&thread, "p1", "sim: text count=120 rate=150/s")
        .await;
    leaving.deltas(20).await;
    let mut seen = leaving.feed(&thread);
    let cursor = leaving.head(&thread);
    leaving.leave().await;
    staying.deltas(60).await;

    let mut back = host.tab().await;
    let attached = back.attach_after(&thread, cursor, &journal).await;
    assert_eq!(attached["verdict"], "resumed");
    assert_eq!(attached.get("items"), None);
    back.turn_end().await;
    staying.turn_end().await;
    seen.extend(back.feed(&thread));
    let whole = staying.feed(&thread);
    assert_eq!(seen, whole[..seen.len()]);
    assert!(
        seen.len() + 3 > whole.len(),
        "the tab that came back has the turn's end"
    );
}

#[tokio::test]
async fn a_snapshot_in_mid_stream_and_what_follows_make_the_whole_text() {
    let host = Setup::simulated().start().await;
    let mut first = host.tab().await;
    let thread = first.start_session(&host.work()).await;
    first
        .submit(&thread, "p1", "sim: text count=100 rate=150/s")
        .await;
    first.deltas(30).await;

    let mut second = host.tab().await;
    let attached = second.attach(&thread).await;
    assert_eq!(attached["verdict"], "snapshot");
    let mut folded = Folded::from_snapshot(&attached);
    let shown = indices(&folded.turns[0].agent_text()).len();
    assert!(
        (30..100).contains(&shown),
        "the snapshot holds the partial text, {shown} deltas"
    );
    second.turn_end().await;
    for event in second
        .events()
        .iter()
        .filter(|event| event.thread() == Some(&thread))
    {
        folded.apply(event);
    }
    let message = folded.turns[0]
        .items
        .iter()
        .find(|item| item.kind == "agentMessage")
        .unwrap();
    assert_eq!(indices(&message.streamed), (0..100).collect::<Vec<_>>());
    assert_eq!(message.streamed, message.text());
}

#[tokio::test]
async fn a_native_client_that_resumes_in_mid_stream_has_the_whole_text() {
    let host = Setup::simulated().start().await;
    let mut first = host.tab().await;
    let thread = first.start_session(&host.work()).await;
    first
        .submit(&thread, "p1", "sim: text count=100 rate=150/s")
        .await;
    first.deltas(30).await;

    let mut native = host.tab().await;
    let resumed = native
        .call("thread/resume", json!({"threadId": thread}))
        .await
        .expect("thread/resume");
    let turns = resumed["thread"]["turns"]
        .as_array()
        .expect("the answer has the turns");
    let items = turns.last().expect("one turn runs")["items"]
        .as_array()
        .expect("a turn has items");
    let message = items
        .iter()
        .find(|item| item["type"] == "agentMessage")
        .expect("the partial message is there");
    let mut text = message["text"].as_str().unwrap().to_owned();
    let shown = indices(&text).len();
    assert!(
        (30..100).contains(&shown),
        "the answer holds the partial text, {shown} deltas"
    );
    native.turn_end().await;
    for event in native
        .events()
        .iter()
        .filter(|event| event.is("item/agentMessage/delta"))
    {
        text.push_str(event.params()["delta"].as_str().unwrap());
    }
    assert_eq!(indices(&text), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cursor_of_another_journal_gets_a_snapshot() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"One.\"").await;
    tab.turn_end().await;

    let mut other = host.tab().await;
    let journal = journal_of(&mut other).await;
    let foreign = other
        .attach_after(&thread, 1, "00000000-0000-4000-8000-000000000000")
        .await;
    assert_eq!(foreign["verdict"], "snapshot");
    assert_eq!(foreign["journalId"], json!(journal));
    let beyond = other.attach_after(&thread, 1_000_000, &journal).await;
    assert_eq!(
        beyond["verdict"], "snapshot",
        "a cursor that this journal never gave"
    );
}

#[tokio::test]
async fn a_tab_that_never_reads_slows_nobody_and_catches_up() {
    let host = Setup::simulated().start().await;
    let (mut reading, mut stalled) = (host.tab().await, host.tab().await);
    let thread = reading.start_session(&host.work()).await;
    stalled.attach(&thread).await;
    // 24 MB a tab: more than sockets and the ring hold.
    reading
        .submit(&thread, "p1", "sim: text count=6000 size=4000 every=500")
        .await;
    reading.turn_end().await;

    let end = stalled.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "completed");
}

#[tokio::test]
async fn a_tab_behind_all_that_is_kept_is_reset_to_the_truth_and_goes_on() {
    let host = Setup::simulated()
        .set("limits", "ring_bytes = \"64KiB\"")
        .set("journal", "replay_bytes = \"64KiB\"")
        .start()
        .await;
    let (mut giver, mut stalled) = (host.tab().await, host.tab().await);
    let thread = giver.start_session(&host.work()).await;
    stalled.attach(&thread).await;
    giver
        .call("host/session/detach", json!({"threadId": thread}))
        .await
        .expect("detach");
    // 12 MB: more than sockets hold, and far more than is kept.
    giver
        .submit(&thread, "p1", "sim: text count=3000 size=4000 every=500")
        .await;
    giver
        .submit_when(&thread, "p2", "sim: say \"After.\"", "queue")
        .await
        .expect("queue a prompt");
    let truth = eventually("both turns to have ended", async || {
        let snapshot = host.tab().await.attach(&thread).await;
        // Between the two it is idle too, the second prompt being on its way.
        let is_over = snapshot["summary"]["state"] == "idle" && snapshot["queue"] == json!([]);
        (is_over && Folded::from_snapshot(&snapshot).turns.len() == 2).then_some(snapshot)
    })
    .await;

    let head = truth["head"].as_u64().unwrap();
    while stalled.head(&thread) < head {
        stalled
            .next_where("the rest", |event| event.thread() == Some(&thread))
            .await;
    }
    let events = stalled.events();
    let reset = events
        .iter()
        .rposition(|event| event.is("host/session/reset"))
        .expect("the tab is told that events are gone");
    let mut folded = Folded::from_snapshot(events[reset].params());
    for event in &events[reset + 1..] {
        folded.apply(event);
    }
    let story = |folded: &Folded| -> Vec<(String, String)> {
        let turns = folded.turns.iter();
        turns
            .map(|turn| (turn.status.clone(), turn.agent_text()))
            .collect()
    };
    let truth = story(&Folded::from_snapshot(&truth));
    assert_eq!(truth.len(), 2);
    assert!(
        story(&folded) == truth,
        "the tab shows what the journal has"
    );
}

#[tokio::test]
async fn who_asked_for_it_catches_up_without_the_deltas_of_complete_items() {
    let host = Setup::simulated().start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    let journal = journal_of(&mut tab).await;
    // Twice what the ring holds, so that the first half is read from the journal.
    tab.submit(&thread, "p1", "sim: text count=4000 size=2000 every=500")
        .await;
    tab.turn_end().await;

    let mut late = host.tab().await;
    let params = json!({"threadId": thread, "after": 0, "journalId": journal, "merge": true});
    let attached = late
        .call("host/session/attach", params)
        .await
        .expect("attach");
    assert_eq!(attached["verdict"], "resumed");
    late.turn_end().await;

    // The client has checked that no seq is missing.
    let whole = tab.feed(&thread);
    let merged: Vec<_> = late
        .events()
        .iter()
        .filter(|event| event.is("host/session/merged"))
        .collect();
    let spared: u64 = merged
        .iter()
        .map(|event| event.seq.unwrap() + 1 - event.params()["from"].as_u64().unwrap())
        .sum();
    assert!(spared > 1000, "only {spared} deltas were spared");
    let kept: Vec<(u64, String)> = late
        .feed(&thread)
        .into_iter()
        .filter(|(_, raw)| !raw.contains("host/session/merged"))
        .collect();
    let expected: Vec<(u64, String)> = whole
        .into_iter()
        .filter(|(seq, _)| {
            !merged.iter().any(|event| {
                (event.params()["from"].as_u64().unwrap()..=event.seq.unwrap()).contains(seq)
            })
        })
        .collect();
    assert!(
        kept == expected[..kept.len()],
        "what is sent is sent as it is"
    );
    assert!(kept.len() + 3 > expected.len());
}

#[tokio::test]
async fn several_messages_share_a_frame_only_where_the_tab_asked_for_it() {
    let host = Setup::simulated().start().await;
    let mut plain = host.tab().await;
    let thread = plain.start_session(&host.work()).await;
    let mut lines =
        Client::introduced(Connecting::to(host.addr()).bearer(host.token()).lines()).await;
    lines.attach(&thread).await;
    plain
        .submit(&thread, "p1", "sim: text count=3000 size=40")
        .await;
    plain.turn_end().await;
    lines.turn_end().await;

    assert_eq!(plain.frames().iter().max(), Some(&1));
    assert!(
        lines.frames().iter().max() > Some(&1),
        "3000 deltas came one a frame"
    );
    let deltas = |tab: &Client| -> Vec<String> {
        let deltas = tab
            .events()
            .iter()
            .filter(|event| event.is("item/agentMessage/delta"));
        deltas.map(|event| event.raw.clone()).collect()
    };
    assert_eq!(deltas(&plain), deltas(&lines));

    // The other way works too: two requests in one frame, two answers.
    lines.send_raw("{\"id\":\"a\",\"method\":\"host/status\",\"params\":{}}\n{\"id\":\"b\",\"method\":\"host/status\",\"params\":{}}").await;
    lines
        .answer_to(&json!("a"))
        .await
        .expect("the first line is answered");
    lines
        .answer_to(&json!("b"))
        .await
        .expect("the second line is answered");
}

#[tokio::test]
async fn a_detached_tab_is_sent_nothing_more_of_the_session() {
    let host = Setup::simulated().start().await;
    let (mut one, mut other) = (host.tab().await, host.tab().await);
    let thread = one.start_session(&host.work()).await;
    other.attach(&thread).await;
    other
        .call("host/session/detach", json!({"threadId": thread}))
        .await
        .expect("detach");
    let of_session = |event: &&crate::support::Event| event.seq.is_some();
    let before = other.events().iter().filter(of_session).count();
    one.submit(&thread, "p1", "sim: text count=10").await;
    one.turn_end().await;
    other.call("host/status", json!({})).await.expect("status");
    assert_eq!(other.events().iter().filter(of_session).count(), before);
}
