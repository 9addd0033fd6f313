//! What the journal costs: the same stream with the journal on the disk of the tests, in memory, and without one.
//!
//! Only the wholeness is checked; how fast a machine is decides nothing.

use std::time::Instant;

use super::figures::Figures;
use super::plan::Plan;
use super::support::{GUARD, Setup};
use super::watcher::{Shared, Watcher};
use super::wire::{Wire, submit};

/// Where the events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    OnDisk,
    /// On the file system in memory that every Linux has.
    InMemory,
    /// Nowhere.
    Off,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_limit_of_rate_is_whole_on_a_disk_in_memory_and_without_a_journal() {
    let deltas = if Plan::read().long { 500_000 } else { 10_000 };
    let mut speeds = Vec::new();
    // Each twice, in turns, since other work on the machine comes and goes.
    let forth = [Journal::OnDisk, Journal::InMemory, Journal::Off];
    for journal in forth.into_iter().chain(forth.into_iter().rev()) {
        speeds.push((journal, stream(journal, deltas).await));
    }
    let best = |journal: Journal| {
        let own = speeds.iter().filter(|(one, _)| *one == journal);
        own.map(|(_, speed)| *speed).fold(0.0, f64::max)
    };
    let mut figures = Figures::default();
    figures.count("deltas", deltas);
    figures.number("events/s, journal on disk", best(Journal::OnDisk));
    figures.number("events/s, journal in memory", best(Journal::InMemory));
    figures.number("events/s, journal off", best(Journal::Off));
    let share = best(Journal::OnDisk) / best(Journal::Off) * 100.0;
    figures.number("on disk as percent of off", share);
    figures.print("what the journal costs");
}

/// Events a second that one tab was sent.
async fn stream(journal: Journal, deltas: u64) -> f64 {
    let folder = tempfile::Builder::new()
        .prefix("holdfast-state-")
        .tempdir_in(match journal {
            Journal::OnDisk | Journal::Off => "/var/tmp",
            Journal::InMemory => "/dev/shm",
        })
        .unwrap();
    let state = folder.path().join("state");
    let mut setup = Setup::simulated()
        .set("", &format!("state_dir = {state:?}"))
        .set("log", "level = \"info\"")
        // All of it, since without a journal a tab cannot fall behind the ring.
        .set("limits", "ring_bytes = \"512MiB\"");
    if journal == Journal::Off {
        setup = setup.arg("--bench-discard-events");
    }
    let mut host = setup.start().await;
    let shared = Shared::with(&host).await;
    let record = shared.start_session(&host.work()).await;
    let tab = Watcher::start(&shared, &record, "tab".to_owned(), true);
    let mut wire = Wire::open(&shared.door, true).await.unwrap();
    let text = format!("sim: text count={deltas} size=64 every=1000 forget=yes");
    let began = Instant::now();
    submit(&mut wire, &record.thread, "stream", &text)
        .await
        .unwrap();
    let mut head = record.head.subscribe();
    while record.with(|story| story.said) < deltas {
        let moved = tokio::time::timeout(GUARD, head.changed()).await;
        moved.expect("the session streams").unwrap();
    }
    let speed = *record.head.borrow() as f64 / began.elapsed().as_secs_f64();
    let mut findings = shared.findings.texts();
    if journal == Journal::Off {
        // What was before it came, a tab cannot read without a journal.
        findings.retain(|finding| !finding.starts_with("snapshots: "));
    }
    assert_eq!(findings, Vec::<String>::new());
    shared.presence.send_modify(|now| now.over = true);
    tab.end().await;
    assert!(host.stop().await.success());
    speed
}
