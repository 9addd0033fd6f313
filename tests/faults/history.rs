//! A session with a long past: to come in costs what is shown, not what there was.
//!
//! No clock decides here; bytes and counts do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::figures::Figures;
use super::plan::Plan;
use super::record::Record;
use super::support::{GUARD, Setup, TestHost, eventually};
use super::watcher::{Shared, Watcher};
use super::wire::{Wire, submit};

/// Enough for a whole snapshot: more messages than it shows.
const SHORT_PAST: u64 = 25_000;
/// Deltas of one message.
const DELTAS_A_MESSAGE: u64 = 100;
/// How far behind the returning tab is.
const BEHIND: u64 = 100;
/// What a host may hold more for one more long past: a ring, and whatever the heap has not given back. The first long one
/// fills what is filled once.
const MORE_RESIDENT: u64 = 20 << 20;
/// The same for each of its events, which have some 230 bytes: what the heap keeps depends a little on how much passed.
const MORE_RESIDENT_AN_EVENT: u64 = 12;

/// What it costs to come into a session.
#[derive(Debug)]
struct Cost {
    events: u64,
    snapshot_bytes: u64,
    snapshot_items: u64,
    resumed_bytes: u64,
    replayed: u64,
    resident: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_come_into_a_session_costs_the_same_however_long_its_past() {
    let plan = Plan::read();
    let mut host = Setup::simulated()
        .set("journal", "replay_bytes = \"8GiB\"")
        .set("journal", "replay_total_bytes = \"16GiB\"")
        .set("log", "level = \"info\"")
        .start()
        .await;
    let shared = Shared::with(&host).await;
    let short = past(&shared, &host, SHORT_PAST).await;
    let short_cost = cost(&shared, &short).await;
    let long = past(&shared, &host, plan.history).await;
    let long_cost = cost(&shared, &long).await;
    let other = past(&shared, &host, plan.history).await;
    let other_cost = cost(&shared, &other).await;
    shared.presence.send_modify(|now| now.over = true);

    host.kill9().await;
    host.restart().await;
    let again = cost(&shared, &long).await;
    show(&[
        ("short", &short_cost),
        ("long", &long_cost),
        ("another", &other_cost),
        ("long, new host", &again),
    ]);

    for longer in [&long_cost, &other_cost, &again] {
        assert_eq!(longer.snapshot_items, short_cost.snapshot_items);
        assert_eq!(longer.replayed, BEHIND);
        assert!(about_equal(
            longer.snapshot_bytes,
            short_cost.snapshot_bytes
        ));
        assert!(about_equal(longer.resumed_bytes, short_cost.resumed_bytes));
    }
    let more = MORE_RESIDENT + plan.history * MORE_RESIDENT_AN_EVENT;
    assert!(other_cost.resident < long_cost.resident + more);
    assert!(again.resident < long_cost.resident);
    assert_eq!(shared.findings.texts(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_starts_after_a_kill_in_a_turn_longer_than_what_is_kept_for_replay() {
    let mut host = Setup::simulated()
        .set("journal", "replay_bytes = \"64KiB\"")
        .start()
        .await;
    let shared = Shared::with(&host).await;
    let record = shared.start_session(&host.work()).await;
    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let text = "sim: text count=4000 size=200 every=100; hang";
    submit(&mut wire, &record.thread, "endless", text)
        .await
        .unwrap();
    eventually("the begin of the turn to be compacted away", async || {
        let first = json!({"threadId": record.thread, "after": 0, "journalId": shared.journal});
        let attached = wire.call("host/session/attach", &first).await.unwrap();
        (attached.unwrap()["verdict"] == "snapshot").then_some(())
    })
    .await;
    host.kill9().await;
    host.restart().await;

    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let cold = json!({"threadId": record.thread});
    let cold = wire.call("host/session/attach", &cold).await;
    let cold = cold.unwrap().unwrap();
    assert_eq!(cold["summary"].get("turn"), None, "the turn has ended");
    let last = cold["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["turn"]["status"], "interrupted");
}

/// Numbers in ids and text have a digit more or less.
fn about_equal(one: u64, other: u64) -> bool {
    one.max(other) * 10 <= one.min(other) * 11
}

/// A session in which so many deltas have streamed, with a tab that read along.
async fn past(shared: &Arc<Shared>, host: &TestHost, deltas: u64) -> Arc<Record> {
    let record = shared.start_session(&host.work()).await;
    let _tab = Watcher::start(shared, &record, format!("tab of {deltas}"), true);
    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let text = format!("sim: text count={deltas} size=24 every={DELTAS_A_MESSAGE} forget=yes");
    submit(&mut wire, &record.thread, "past", &text)
        .await
        .unwrap();
    let mut head = record.head.subscribe();
    while record.with(|story| story.prompts.get("past").map(String::as_str) != Some("done")) {
        let moved = tokio::time::timeout(GUARD, head.changed()).await;
        moved.expect("the session streams").unwrap();
    }
    assert_eq!(record.with(|story| story.said), deltas);
    record
}

async fn cost(shared: &Shared, record: &Record) -> Cost {
    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let cold = json!({"threadId": record.thread});
    let cold = wire
        .call("host/session/attach", &cold)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(cold["verdict"], "snapshot");
    let head = cold["head"].as_u64().unwrap();

    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let journal = &shared.journal;
    let params = json!({"threadId": record.thread, "after": head - BEHIND, "journalId": journal});
    let resumed = wire
        .call("host/session/attach", &params)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(resumed["verdict"], "resumed");
    let mut seqs: Vec<u64> = Vec::new();
    while seqs.last() != Some(&head) {
        let text = tokio::time::timeout(GUARD, wire.text()).await;
        let text = text.expect("the replay comes").unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        seqs.extend(lines.filter_map(|event| event["seq"].as_u64()));
    }
    assert_eq!(seqs, (head - BEHIND + 1..=head).collect::<Vec<_>>());
    let status = wire.call("host/status", &json!({})).await.unwrap().unwrap();
    Cost {
        events: head,
        snapshot_bytes: cold.to_string().len() as u64,
        snapshot_items: cold["items"].as_array().unwrap().len() as u64,
        resumed_bytes: resumed.to_string().len() as u64,
        replayed: seqs.len() as u64,
        resident: status["memoryBytes"].as_u64().unwrap(),
    }
}

fn show(costs: &[(&str, &Cost)]) {
    let mut figures = Figures::default();
    for (name, cost) in costs {
        figures.count(&format!("{name}: events"), cost.events);
        figures.count(&format!("{name}: snapshot bytes"), cost.snapshot_bytes);
        figures.count(&format!("{name}: snapshot items"), cost.snapshot_items);
        figures.count(&format!("{name}: resume bytes"), cost.resumed_bytes);
        figures.count(&format!("{name}: replayed events"), cost.replayed);
        figures.count(&format!("{name}: host KiB resident"), cost.resident >> 10);
    }
    figures.print("to come into a session with a long past");
}
