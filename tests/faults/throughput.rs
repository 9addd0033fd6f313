//! What the disk costs: the same stream with the journal on the disk of the tests and in memory.
//!
//! Only the wholeness is checked; how fast a machine is decides nothing.

use std::path::Path;
use std::time::Instant;

use super::figures::Figures;
use super::plan::Plan;
use super::support::{GUARD, Setup};
use super::watcher::{Shared, Watcher};
use super::wire::{Wire, submit};

/// A file system in memory that every Linux has.
const IN_MEMORY: &str = "/dev/shm";
/// The disk.
const ON_DISK: &str = "/var/tmp";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_limit_of_rate_is_whole_on_a_disk_and_in_memory() {
    let deltas = if Plan::read().long { 500_000 } else { 10_000 };
    let mut speeds = Vec::new();
    // Both twice, in turns, since other work on the machine comes and goes.
    for folder in [ON_DISK, IN_MEMORY, IN_MEMORY, ON_DISK] {
        speeds.push((folder, stream(Path::new(folder), deltas).await));
    }
    let best = |folder: &str| {
        let own = speeds.iter().filter(|(place, _)| *place == folder);
        own.map(|(_, speed)| *speed).fold(0.0, f64::max)
    };
    let mut figures = Figures::default();
    figures.count("deltas", deltas);
    figures.number("events/s, journal on disk", best(ON_DISK));
    figures.number("events/s, journal in memory", best(IN_MEMORY));
    let share = best(ON_DISK) / best(IN_MEMORY) * 100.0;
    figures.number("disk as percent of memory", share);
    figures.print("what the disk costs");
}

/// Events a second that one tab was sent.
async fn stream(folder: &Path, deltas: u64) -> f64 {
    let folder = tempfile::Builder::new()
        .prefix("holdfast-state-")
        .tempdir_in(folder)
        .unwrap();
    let state = folder.path().join("state");
    let mut host = Setup::simulated()
        .set("", &format!("state_dir = {state:?}"))
        .set("log", "level = \"info\"")
        .start()
        .await;
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
    assert_eq!(shared.findings.texts(), Vec::<String>::new());
    shared.presence.send_modify(|now| now.over = true);
    tab.end().await;
    assert!(host.stop().await.success());
    speed
}
