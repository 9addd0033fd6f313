//! The storm: sessions stream, prompts come, tabs read along, and by the plan hosts and Codexes die, tabs drop and stall.
//!
//! Not a measure of speed, although it prints figures: what counts is what must be 0.

mod aftermath;
mod soak;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::chance::Chance;
use super::figures::{Figures, Findings};
use super::plan::{Fault, Plan};
use super::prompter::{Ledger, Prompter};
use super::record::{Record, Story};
use super::support::{GUARD, LOOK_AGAIN, Setup, TestHost, processes};
use super::watcher::{Shared, Upset, Watcher};
use super::wire::Wire;

/// Nothing has moved for so long: somebody looks whether a session waits for a person.
const QUIET: Duration = Duration::from_secs(5);
/// Nothing has moved for so long, and nobody could help: the run is stuck.
const STUCK: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_kills_drops_and_stalls_no_event_and_no_prompt_is_lost_doubled_or_reordered() {
    let plan = Plan::read();
    let mut storm = Storm::rise(plan).await;
    storm.blow().await;
    let (figures, shared) = storm.calm().await;
    figures.print("faults in mid-stream");
    let findings = &shared.findings;
    for text in findings.texts() {
        println!("  {text}");
    }
    assert_eq!(findings.counts(), std::collections::BTreeMap::new());
}

/// A run.
struct Storm {
    plan: Plan,
    chance: Chance,
    host: TestHost,
    shared: Arc<Shared>,
    records: Vec<Arc<Record>>,
    watchers: Vec<Watcher>,
    prompters: Vec<JoinHandle<Ledger>>,
    enough: watch::Sender<bool>,
    began: Instant,
    speed: JoinHandle<Vec<u64>>,
    sweeps: Vec<JoinHandle<Vec<u32>>>,
    done: Done,
}

/// What was done to it.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    host_kills: u64,
    codex_kills: u64,
    drops: u64,
    stalls: u64,
    restarts_by_hand: u64,
}

/// A host that lets itself be killed often, and keeps everything for the comparison at the end.
fn setup() -> Setup {
    Setup::simulated()
        .set("codex", "backoff_min = \"5ms\"")
        .set("codex", "backoff_max = \"50ms\"")
        .set("codex", "restart_limit = 1000")
        .set("limits", "queued_prompts = 10000")
        .set("limits", "ring_bytes = \"1MiB\"")
        .set("journal", "replay_bytes = \"8GiB\"")
        .set("journal", "replay_total_bytes = \"16GiB\"")
        .set("log", "level = \"info\"")
}

impl Storm {
    /// Starts host, sessions, tabs and prompters.
    async fn rise(plan: Plan) -> Self {
        let host = setup().start().await;
        let shared = Shared::with(&host).await;
        let mut records = Vec::new();
        for _ in 0..plan.sessions {
            records.push(shared.start_session(&host.work()).await);
        }
        let mut chance = Chance::new(plan.seed);
        let enough = watch::Sender::new(false);
        let (mut watchers, mut prompters) = (Vec::new(), Vec::new());
        for (session, record) in records.iter().enumerate() {
            for tab in 0..plan.tabs {
                let name = format!("tab {session}.{tab}");
                watchers.push(Watcher::start(&shared, record, name, tab % 2 == 0));
            }
            let own = Chance::new(chance.below(u64::MAX));
            let prompter = Prompter::new(&shared, record, &plan, own);
            prompters.push(tokio::spawn(prompter.run(enough.subscribe())));
        }
        let speed = tokio::spawn(measure(shared.events.subscribe(), enough.subscribe()));
        Self {
            plan,
            chance,
            host,
            shared,
            records,
            watchers,
            prompters,
            enough,
            began: Instant::now(),
            speed,
            sweeps: Vec::new(),
            done: Done::default(),
        }
    }

    /// Does everything that the plan says, each thing some events after the last.
    async fn blow(&mut self) {
        for fault in self.plan.faults(&mut self.chance) {
            // Some follow at once: then the next fault hits a host or a Codex that is only just coming up.
            let most = if self.chance.percent(20) {
                20
            } else {
                self.plan.pause
            };
            let pause = self.chance.below(most);
            self.pass(pause).await;
            if self.chance.percent(40) {
                self.submitting().await;
            }
            match fault {
                Fault::KillHost => self.kill_host().await,
                Fault::KillCodex => self.kill_codex().await,
                Fault::DropTab => {
                    let politely = self.chance.percent(30);
                    self.upset(Upset::Drop { politely });
                    self.done.drops += 1;
                }
                Fault::StallTab => {
                    let events = self.plan.pause + self.chance.below(self.plan.pause);
                    self.upset(Upset::Stall { events });
                    self.done.stalls += 1;
                }
            }
        }
        self.pass(self.plan.pause).await;
    }

    /// Waits until some prompt is on its way to the host, which is when a kill is worst for it.
    async fn submitting(&self) {
        let mut submissions = self.shared.submissions.subscribe();
        // No prompt may be due for a while: the fault does not depend on one.
        let _ = tokio::time::timeout(QUIET, submissions.changed()).await;
    }

    fn upset(&mut self, upset: Upset) {
        let at = self.chance.below(self.watchers.len() as u64);
        self.watchers[usize::try_from(at).unwrap()].upset(upset);
    }

    /// Waits until tabs have seen so many more events.
    async fn pass(&mut self, events: u64) {
        let target = *self.shared.events.borrow() + events;
        let shared = Arc::clone(&self.shared);
        self.until("more events", move |_| *shared.events.borrow() >= target)
            .await;
    }

    /// Waits until `reached`, as long as something moves; a session that waits for a person is given its restart.
    async fn until(&mut self, what: &str, reached: impl Fn(&[Arc<Record>]) -> bool) {
        let mut events = self.shared.events.subscribe();
        let (mut moved, mut helped) = (Instant::now(), Instant::now());
        let mut sent = 0;
        while !reached(&self.records) {
            // Tabs that catch up make no new events.
            let _ = tokio::time::timeout(5 * LOOK_AGAIN, events.changed()).await;
            let now = self.shared.deliveries.load(Ordering::Relaxed);
            if now != std::mem::replace(&mut sent, now) {
                moved = Instant::now();
                continue;
            }
            let stories: Vec<_> = self
                .records
                .iter()
                .map(|record| record.with(told))
                .collect();
            assert!(
                moved.elapsed() < STUCK,
                "nothing has moved for {STUCK:?}; waited for {what}; {stories:#?}; {:#?}",
                self.shared.findings.texts()
            );
            if moved.elapsed() > QUIET && helped.elapsed() > QUIET {
                self.help().await;
                helped = Instant::now();
            }
        }
    }

    async fn help(&mut self) {
        let Ok(mut control) = Wire::open(&self.shared.door, true).await else {
            return;
        };
        for record in &self.records {
            let summary = summary(&mut control, &record.thread).await;
            if matches!(summary["state"].as_str(), Some("failed" | "quarantined")) {
                let params = json!({"threadId": record.thread});
                let _ = control.call("host/bridge/restart", &params).await;
                self.done.restarts_by_hand += 1;
            }
        }
    }

    async fn kill_host(&mut self) {
        let own = self.host.pid();
        let mut others = processes::belonging_to(self.host.dir());
        others.retain(|pid| *pid != own);
        let start = self.shared.presence.borrow().start;
        for record in &self.records {
            record.host_killed(start);
        }
        self.host.kill9().await;
        self.shared.presence.send_modify(|now| now.up = false);
        self.host.restart().await;
        self.shared.presence.send_modify(|now| {
            now.start += 1;
            now.up = true;
        });
        self.done.host_kills += 1;
        self.sweeps.push(tokio::spawn(outlived(others)));
    }

    /// Kills a Codex of the host that runs, whatever it is doing.
    async fn kill_codex(&mut self) {
        let searching = async {
            loop {
                let bridges = match Wire::open(&self.shared.door, true).await {
                    Ok(mut control) => control.call("host/status", &json!({})).await,
                    Err(broken) => Err(broken),
                };
                if let Ok(Ok(status)) = bridges {
                    let mut found = self.bridges_with_pid(&status["bridges"]);
                    if !found.is_empty() {
                        let at = self.chance.below(found.len() as u64);
                        return found.swap_remove(usize::try_from(at).unwrap());
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let (record, pid, generation) = tokio::time::timeout(4 * GUARD, searching)
            .await
            .expect("some Codex runs");
        record.codex_killed(generation);
        processes::send(pid, Signal::KILL);
        self.done.codex_kills += 1;
    }

    fn bridges_with_pid(&self, bridges: &Value) -> Vec<(Arc<Record>, u32, u64)> {
        let mut found = Vec::new();
        for bridge in bridges.as_array().into_iter().flatten() {
            let record = self
                .records
                .iter()
                .find(|record| bridge["threadId"] == json!(record.thread));
            if let (Some(record), Some(pid), Some(generation)) = (
                record,
                bridge["pid"].as_u64(),
                bridge["generation"].as_u64(),
            ) {
                found.push((Arc::clone(record), u32::try_from(pid).unwrap(), generation));
            }
        }
        found
    }
}

/// What a stuck run shows of each session.
fn told(story: &Story) -> String {
    let open = story
        .turns
        .iter()
        .filter(|(_, (began, ended))| began != ended);
    let open: Vec<&String> = open.map(|(id, _)| id).collect();
    let prompts = story.prompts.iter().filter(|(_, state)| *state != "done");
    let prompts: Vec<_> = prompts.collect();
    format!("open turns {open:?}, prompts {prompts:?}")
}

/// The session's summary as the list has it; null when there is no answer.
async fn summary(control: &mut Wire, thread: &str) -> Value {
    let list = control.call("host/sessions/list", &json!({})).await;
    let Ok(Ok(list)) = list else {
        return Value::Null;
    };
    let sessions = list["data"].as_array().expect("a list");
    let own = sessions.iter().find(|one| one["threadId"] == thread);
    own.cloned().unwrap_or(Value::Null)
}

/// The processes that still live some time after their host was killed.
async fn outlived(pids: Vec<u32>) -> Vec<u32> {
    let started = Instant::now();
    loop {
        let alive = |pid: &u32| processes::is_alive(*pid);
        let left: Vec<u32> = pids.iter().copied().filter(alive).collect();
        if left.is_empty() || started.elapsed() > GUARD {
            return left;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// New events in each whole second.
async fn measure(events: watch::Receiver<u64>, mut enough: watch::Receiver<bool>) -> Vec<u64> {
    let mut windows = Vec::new();
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    let mut last = 0;
    loop {
        tokio::select! {
            _ = clock.tick() => {
                let now = *events.borrow();
                windows.push(now - last);
                last = now;
            }
            _ = enough.changed() => return windows,
        }
    }
}
