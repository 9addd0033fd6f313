//! A journal that cannot grow, in mid-stream: streaming stalls and says why, and goes on when there is room.
//!
//! Not what SQLite answers to which error; that is tested beside the journal.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::record::Record;
use super::small_disk::SmallDisk;
use super::support::{GUARD, Setup, TestHost, eventually, http};
use super::watcher::{Shared, Watcher};
use super::wire::{Broken, Door, Wire, submit};

/// Deltas of the prompt that is too much for the disk, and their bytes.
const DELTAS: u64 = 16_000;
const DELTA_BYTES: u64 = 1000;
/// Prompts that together are too much for a journal with a ceiling, and the deltas of each.
const PARTS: u64 = 40;
const PART_DELTAS: u64 = 1000;
/// The small disk, and what lies on it besides the journal.
const DISK_MIB: usize = 48;
const BALLAST_MIB: usize = 40;
/// A stall that is seen so often, with nothing new in between, lasts.
const LASTING_LOOKS: u32 = 20;
/// More than a host that does not take in what it cannot store ever needs.
const MOST_RESIDENT: u64 = 256 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stalls_the_stream_says_why_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount(DISK_MIB) else {
        println!("mounting is not allowed here: the ceiling of the journal stands in for the disk");
        return ceiling().await;
    };
    disk.fill(BALLAST_MIB << 20).unwrap();
    let state = disk.path().join("state");
    let mut host = setup(&state, "1GiB").start().await;
    let stage = Stage::set(&host).await;
    let much = format!("sim: text count={DELTAS} size={DELTA_BYTES} every=20 forget=yes");
    stage.prompt("too-much", &much).await;
    let head = stage
        .stalls(&host, "the disk that holds the journal is full")
        .await;

    // A prompt in the meantime is not acknowledged before it is durable.
    let shared = Arc::clone(&stage.shared);
    let thread = stage.record.thread.clone();
    let later = tokio::spawn(async move {
        let mut wire = Wire::open(&shared.door, true).await.unwrap();
        let text = "sim: say \"After.\"";
        submit(&mut wire, &thread, "later", text).await.unwrap()
    });
    stage.stays(&host, head).await;
    assert!(!later.is_finished(), "acknowledged without being durable");

    disk.free();
    stage.ended("too-much").await;
    let acknowledged = later.await.unwrap();
    assert_eq!(acknowledged["duplicate"], json!(false));
    stage.ended("later").await;
    eventually("the host to be ready again", async || {
        let ready = http::get(host.addr(), "/readyz", "").await.status == 200;
        (ready && stage.health().await == "writing").then_some(())
    })
    .await;
    stage.is_whole(DELTAS).await;
    assert!(host.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_at_its_ceiling_stalls_the_stream_says_why_and_goes_on_under_a_higher_one() {
    ceiling().await;
}

async fn ceiling() {
    let folder = tempfile::Builder::new()
        .prefix("holdfast-state-")
        .tempdir_in("/var/tmp")
        .unwrap();
    let state = folder.path().join("state");
    let home = folder.path().join("codex-home");
    fs::create_dir(&home).unwrap();
    let home = format!("home = {home:?}");
    let mut low = setup(&state, "16MiB").set("codex", &home).start().await;
    let stage = Stage::set(&low).await;
    let door = stage.shared.door.clone();
    let giving = tokio::spawn(give_parts(door, stage.record.thread.clone()));
    let head = stage
        .stalls(&low, "the journal has reached its size limit")
        .await;
    stage.stays(&low, head).await;
    low.kill9().await;
    // Those that were not durable were not acknowledged, and are given again.
    let _ = giving.await.expect("the giver does not panic");

    let high = setup(&state, "1GiB").set("codex", &home).start().await;
    let moved = stage.follow(&high).await;
    let (door, thread) = (moved.shared.door.clone(), moved.record.thread.clone());
    give_parts(door, thread).await.expect("this host stays");
    moved.ended(&format!("part-{}", PARTS - 1)).await;
    moved.prompt("later", "sim: text count=50").await;
    moved.ended("later").await;
    assert_eq!(moved.health().await, "writing");
    moved.is_whole(50).await;
}

/// Gives prompts whose turns end, since what is kept for replay is less than all this.
async fn give_parts(door: Door, thread: String) -> Result<(), Broken> {
    let mut wire = Wire::open(&door, true).await?;
    for part in 0..PARTS {
        let text = format!(
            "sim: seed {part}; text count={PART_DELTAS} size={DELTA_BYTES} every=20 forget=yes"
        );
        submit(&mut wire, &thread, &format!("part-{part}"), &text).await?;
    }
    Ok(())
}

fn setup(state: &Path, ceiling: &str) -> Setup {
    Setup::simulated()
        .set("", &format!("state_dir = {state:?}"))
        .set("journal", &format!("replay_bytes = \"{ceiling}\""))
        .set("journal", &format!("replay_total_bytes = \"{ceiling}\""))
        .set("journal", &format!("max_bytes = \"{ceiling}\""))
        .set("limits", "shutdown_timeout = \"2s\"")
        .set("log", "level = \"warn\"")
}

/// One session and two tabs that read along.
struct Stage {
    shared: Arc<Shared>,
    record: Arc<Record>,
    tabs: Vec<Watcher>,
}

impl Stage {
    async fn set(host: &TestHost) -> Self {
        let shared = Shared::with(host).await;
        let record = shared.start_session(&host.work()).await;
        Self::with(shared, record, [0, 0])
    }

    fn with(shared: Arc<Shared>, record: Arc<Record>, cursors: [u64; 2]) -> Self {
        let tab = |(lines, cursor): (bool, u64)| {
            let name = if lines { "tab of lines" } else { "native tab" };
            Watcher::resume(&shared, &record, name.to_owned(), lines, cursor)
        };
        let tabs = [true, false].into_iter().zip(cursors).map(tab).collect();
        Self {
            shared,
            record,
            tabs,
        }
    }

    /// The same tabs at another host with the same journal.
    async fn follow(self, host: &TestHost) -> Self {
        let shared = Shared::with(host).await;
        assert_eq!(shared.journal, self.shared.journal);
        let cursors = [0, 1].map(|tab: usize| *self.tabs[tab].cursor.borrow());
        self.shared.presence.send_modify(|now| now.over = true);
        Self::with(shared, self.record, cursors)
    }

    async fn prompt(&self, id: &str, text: &str) {
        let mut wire = Wire::open(&self.shared.door, true).await.unwrap();
        let acknowledged = submit(&mut wire, &self.record.thread, id, text).await;
        acknowledged.unwrap();
    }

    async fn status(&self) -> Value {
        let mut wire = Wire::open(&self.shared.door, true).await.unwrap();
        let status = wire.call("host/status", &json!({})).await.unwrap();
        status.expect("the host says how it is")
    }

    async fn health(&self) -> String {
        let status = self.status().await;
        status["journal"]["health"].as_str().unwrap().to_owned()
    }

    /// Waits for the stall with this reason; returns the last event that a tab has then.
    async fn stalls(&self, host: &TestHost, reason: &str) -> u64 {
        let health = self.moving("the journal to stall", async || {
            let health = self.health().await;
            health.starts_with("stalled").then_some(health)
        });
        let health = health.await;
        assert!(
            health.starts_with(&format!("stalled: {reason}")),
            "{health}"
        );
        self.lasts().await;
        self.is_told(reason).await;
        let ready = http::get(host.addr(), "/readyz", "").await;
        assert_eq!((ready.status, ready.body.trim()), (503, "journal-stalled"));
        // What was committed before is still on its way to the tabs.
        let head = self.published().await;
        eventually("the tabs to have what is published", async || {
            let all = self.tabs.iter().all(|tab| *tab.cursor.borrow() >= head);
            all.then_some(())
        })
        .await;
        head
    }

    /// Waits until the stall lasts: a log that is moved gives room once more, and a little gets through.
    async fn lasts(&self) {
        let mut looks = (0, 0);
        eventually("the stall to last", async || {
            let stalled = self.health().await.starts_with("stalled");
            let head = self.published().await;
            let same = stalled && head == looks.0;
            looks = (head, if same { looks.1 + 1 } else { 0 });
            (looks.1 == LASTING_LOOKS).then_some(())
        })
        .await;
    }

    /// A tab that comes now hears why nothing moves.
    async fn is_told(&self, reason: &str) {
        let mut wire = Wire::open(&self.shared.door, true).await.unwrap();
        let told = loop {
            let text = wire.text().await.unwrap();
            let lines = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let mut news = lines.filter(|line| line["method"] == "host/journal/state");
            if let Some(told) = news.next() {
                break told;
            }
        };
        assert_eq!(told["params"]["state"], "stalled");
        let why = told["params"]["reason"].as_str().unwrap();
        assert!(why.starts_with(reason), "{why}");
    }

    /// Nothing is published while the journal is stalled, and the host holds no more than it may.
    async fn stays(&self, host: &TestHost, head: u64) {
        for _ in 0..10 {
            let status = self.status().await;
            let health = status["journal"]["health"].as_str().unwrap();
            assert!(health.starts_with("stalled"), "{health}");
            let resident = status["memoryBytes"].as_u64().unwrap();
            assert!(resident < MOST_RESIDENT, "{resident} bytes resident");
            assert_eq!(http::get(host.addr(), "/readyz", "").await.status, 503);
        }
        assert_eq!(*self.record.head.borrow(), head);
    }

    async fn published(&self) -> u64 {
        let mut wire = Wire::open(&self.shared.door, true).await.unwrap();
        let journal = &self.shared.journal;
        let last = json!({"threadId": self.record.thread, "after": *self.record.head.borrow(), "journalId": journal});
        let attached = wire.call("host/session/attach", &last).await.unwrap();
        attached.unwrap()["head"].as_u64().unwrap()
    }

    /// Waits until the prompt has ended, as long as events come.
    async fn ended(&self, id: &str) {
        self.moving(&format!("{id} to be done"), async || {
            let state = self.record.with(|story| story.prompts.get(id).cloned());
            matches!(state.as_deref(), Some("done")).then_some(())
        })
        .await;
    }

    /// As [`eventually`], but patient as long as tabs are sent something.
    async fn moving<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut sent = self.shared.deliveries.load(Ordering::Relaxed);
        let mut moved = std::time::Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(super::support::LOOK_AGAIN).await;
            let now = self.shared.deliveries.load(Ordering::Relaxed);
            if now != std::mem::replace(&mut sent, now) {
                moved = std::time::Instant::now();
            }
            assert!(moved.elapsed() < 2 * GUARD, "waited in vain for {what}");
        }
    }

    /// Both tabs have everything, without gap, and the whole text of the last prompt.
    async fn is_whole(&self, deltas: u64) {
        let head = self.published().await;
        eventually("both tabs to have everything", async || {
            let all = self.tabs.iter().all(|tab| *tab.cursor.borrow() >= head);
            all.then_some(())
        })
        .await;
        assert_eq!(self.record.with(|story| story.said), deltas);
        let ends = |story: &super::record::Story| -> Vec<(u64, u64)> {
            story.turns.values().copied().collect()
        };
        assert!(self.record.with(ends).iter().all(|turn| *turn == (1, 1)));
        let findings = &self.shared.findings;
        assert_eq!(findings.texts(), Vec::<String>::new());
        self.shared.presence.send_modify(|now| now.over = true);
    }
}
