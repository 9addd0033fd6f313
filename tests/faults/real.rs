//! Each fault that the real Codex can meet, again and again: the turn ends once, the session is usable again, nobody stays.
//!
//! Not what the simulated Codex shows faster and under load; that is in `storm`.

mod wrapper;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use self::wrapper::{Trap, Wrapper};
use super::figures::Figures;
use super::plan::Plan;
use super::small_disk::SmallDisk;
use super::support::{Client, Folded, GUARD, Setup, TestHost, eventually, processes};

/// A turn that runs longer than any repetition, with a process that leaves its command, its session and its group.
const ENDLESS: &str = "sim: spawn sleep=600 setsid=yes; text count=100000 rate=100/s";
/// One that a model which was away can give again from its beginning.
const SHORT: &str = "sim: text count=60 rate=100/s";
/// One that the model leaves hanging.
const HANGING: &str = "sim: text count=20 rate=100/s; hang";
/// Deltas that are seen before something happens.
const SEEN: usize = 20;
/// Room for Codex in its home while that is not full: its databases take about 3 MB, a session less than 1.
const HOME_MIB: usize = 96;

/// One session in which something goes wrong.
struct Scene {
    tab: Client,
    thread: String,
    journal: String,
}

/// What all repetitions of a fault came to.
#[derive(Default)]
struct Outcomes {
    usable: Vec<Duration>,
    /// How the turn ended during which it happened.
    ends: BTreeMap<String, u64>,
    /// Turns that did not end exactly once.
    wrong_ends: u64,
    /// Processes that outlived their Codex.
    orphans: u64,
}

impl Scene {
    /// A new session whose first turn has begun to stream.
    async fn begin(host: &TestHost, prompt: &str) -> Self {
        let mut tab = host.tab().await;
        let status = tab.call("host/status", json!({})).await.expect("status");
        let journal = status["journal"]["id"].as_str().unwrap().to_owned();
        let thread = tab.start_session(&host.work()).await;
        tab.submit(&thread, "p1", prompt).await;
        tab.deltas(SEEN).await;
        Self {
            tab,
            thread,
            journal,
        }
    }

    async fn summary(&mut self) -> Value {
        let list = self.tab.call("host/sessions/list", json!({})).await;
        let sessions = list.expect("list")["data"].as_array().unwrap().clone();
        let own = sessions
            .into_iter()
            .find(|one| one["threadId"] == self.thread.as_str());
        own.expect("the session is listed")
    }

    async fn codex_pid(&mut self) -> u32 {
        let pid = self.summary().await["bridge"]["pid"].as_u64();
        u32::try_from(pid.expect("the bridge has a pid")).unwrap()
    }

    /// The session's Codex and what its command has left.
    async fn census(&mut self) -> Vec<u32> {
        let codex = self.codex_pid().await;
        // Codex gives each command the id of its thread in the environment, which `/proc` shows a moment after the start.
        let mut left = eventually("the command to have left a process", async || {
            let left = processes::belonging_to(Path::new(&self.thread));
            (!left.is_empty()).then_some(left)
        })
        .await;
        left.push(codex);
        left
    }

    /// Comes back to a host that is new.
    async fn come_back(&mut self, host: &TestHost) {
        let cursor = self.tab.head(&self.thread);
        self.tab = host.tab().await;
        self.tab
            .attach_after(&self.thread, cursor, &self.journal)
            .await;
    }

    /// Interrupts the running turn.
    async fn interrupt(&mut self) {
        let turn = self.summary().await["turn"]["id"].clone();
        let params = json!({"threadId": self.thread, "turnId": turn});
        self.tab
            .call("turn/interrupt", params)
            .await
            .expect("interrupt");
    }

    /// Another prompt works.
    async fn works(&mut self, prompt: &str) {
        let thread = self.thread.clone();
        self.tab.submit(&thread, prompt, "sim: say \"Back.\"").await;
        let end = self.tab.turn_end().await;
        assert_eq!(end.params()["turn"]["status"], "completed", "{}", end.raw);
    }

    /// What the journal says of all this: the turns, each with the number of its ends.
    async fn story(&mut self, host: &TestHost) -> Folded {
        let mut fresh = host.tab().await;
        let attached = fresh.attach_after(&self.thread, 0, &self.journal).await;
        let head = attached["head"].as_u64().unwrap();
        while fresh.head(&self.thread) < head {
            fresh
                .next_where("the story", |event| event.seq.is_some())
                .await;
        }
        Folded::of(
            fresh
                .events()
                .iter()
                .filter(|event| event.thread() == Some(&self.thread)),
        )
    }
}

impl Outcomes {
    /// The turn of the fault has ended at `tab`, and the session was usable `after` it. `gone`: processes that must not
    /// live any more.
    async fn take(&mut self, scene: &mut Scene, host: &TestHost, after: Duration, gone: &[u32]) {
        self.usable.push(after);
        let story = scene.story(host).await;
        let status = story.turns[0].status.clone();
        *self.ends.entry(status).or_default() += 1;
        self.wrong_ends += story.turns.iter().filter(|turn| turn.ends != 1).count() as u64;
        let begun = Instant::now();
        let mut left = gone.to_vec();
        while !left.is_empty() && begun.elapsed() < GUARD {
            left.retain(|pid| processes::is_alive(*pid));
            tokio::task::yield_now().await;
        }
        self.orphans += left.len() as u64;
    }

    fn print(mut self, title: &str) {
        let mut figures = Figures::default();
        figures.times("usable again", &mut self.usable);
        for (status, count) in &self.ends {
            figures.count(&format!("turn {status}"), *count);
        }
        figures.count("turns without one end", self.wrong_ends);
        figures.count("orphans", self.orphans);
        figures.print(&format!("real Codex: {title}"));
        assert_eq!((self.wrong_ends, self.orphans), (0, 0), "{title}");
    }
}

/// A host whose commands run without a sandbox, which would tidy up after them.
fn host() -> Setup {
    Setup::real()
        .set("codex", "default_sandbox = \"danger-full-access\"")
        .set("codex", "highest_sandbox = \"danger-full-access\"")
}

/// One that soon asks whether a silent Codex lives. Not for others: on a busy machine a sound one is silent for a second, too.
fn impatient_host() -> Setup {
    host().set("codex", "stall_timeout = \"1s\"")
}

/// Something happens to Codex; the host has to see it, to end the turn and to come back.
async fn codex_fault(title: &str, setup: Setup, happen: impl AsyncFn(&mut Scene)) {
    let host = setup.start().await;
    let mut outcomes = Outcomes::default();
    for _ in 0..Plan::read().repeats {
        let mut scene = Scene::begin(&host, ENDLESS).await;
        let gone = scene.census().await;
        let happened = Instant::now();
        happen(&mut scene).await;
        scene.tab.turn_end().await;
        scene.works("p2").await;
        outcomes
            .take(&mut scene, &host, happened.elapsed(), &gone)
            .await;
    }
    outcomes.print(title);
}

async fn signal(title: &str, host: Setup, signal: Signal) {
    codex_fault(title, host, async |scene| {
        processes::send(scene.codex_pid().await, signal);
    })
    .await;
}

async fn trap(title: &str, trap: Trap, killed: bool) {
    let wrapper = Wrapper::new(trap);
    let setup = host().set("codex", &format!("path = {:?}", wrapper.path()));
    codex_fault(title, setup, async |scene| {
        wrapper.set();
        if killed {
            processes::send(scene.codex_pid().await, Signal::KILL);
        }
        eventually("the trap to spring", async || {
            wrapper.has_sprung().then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn killed_in_mid_stream() {
    signal("SIGKILL", host(), Signal::KILL).await;
}

#[tokio::test]
async fn stopped_in_mid_stream() {
    signal("SIGSTOP", impatient_host(), Signal::STOP).await;
}

#[tokio::test]
async fn terminated_in_mid_stream() {
    signal("SIGTERM", host(), Signal::TERM).await;
}

#[tokio::test]
async fn exits_while_it_starts() {
    trap("exit during start", Trap::ExitAtStart, true).await;
}

#[tokio::test]
async fn dies_while_it_resumes() {
    trap("killed during resume", Trap::ExitInResume, true).await;
}

#[tokio::test]
async fn closes_its_stdout_and_lives() {
    trap("stdout closed", Trap::CloseStdout, false).await;
}

#[tokio::test]
async fn the_provider_goes_and_comes_back() {
    let mut host = host().start().await;
    let mut outcomes = Outcomes::default();
    for _ in 0..Plan::read().repeats {
        let mut scene = Scene::begin(&host, SHORT).await;
        let stopped = host.stop_model();
        // Codex says so itself, and the host passes it on.
        scene.tab.next("error").await;
        let back = Instant::now();
        host.start_model(stopped).await;
        scene.tab.turn_end().await;
        scene.works("p2").await;
        outcomes.take(&mut scene, &host, back.elapsed(), &[]).await;
    }
    outcomes.print("provider down, from its return");
}

#[tokio::test]
async fn the_provider_hangs_and_a_person_interrupts() {
    let host = impatient_host().start().await;
    let mut outcomes = Outcomes::default();
    for _ in 0..Plan::read().repeats {
        let mut scene = Scene::begin(&host, HANGING).await;
        eventually("the session to be shown as stalled", async || {
            (scene.summary().await["state"] == "stalled").then_some(())
        })
        .await;
        let interrupted = Instant::now();
        scene.interrupt().await;
        scene.tab.turn_end().await;
        scene.works("p2").await;
        outcomes
            .take(&mut scene, &host, interrupted.elapsed(), &[])
            .await;
    }
    outcomes.print("provider hanging, from the interrupt");
}

#[tokio::test]
async fn the_disk_of_its_home_is_full() {
    let Some(disk) = SmallDisk::mount(HOME_MIB) else {
        println!("mounting is not allowed here: no full disk for Codex");
        return;
    };
    let home = disk.path().join("codex-home");
    fs::create_dir(&home).unwrap();
    let host = host()
        .set("codex", &format!("home = {home:?}"))
        .start()
        .await;
    fs::copy(
        host.dir().join("codex-home/config.toml"),
        home.join("config.toml"),
    )
    .unwrap();
    let mut outcomes = Outcomes::default();
    for _ in 0..Plan::read().repeats {
        let mut scene = Scene::begin(&host, ENDLESS).await;
        disk.fill(HOME_MIB << 20)
            .expect_err("the disk is smaller than that");
        scene.tab.deltas(SEEN).await;
        scene.interrupt().await;
        scene.tab.turn_end().await;
        // Whatever becomes of a prompt now, it ends.
        let thread = scene.thread.clone();
        scene
            .tab
            .submit(&thread, "full", "sim: say \"Full.\"")
            .await;
        scene.tab.turn_end().await;
        let freed = Instant::now();
        disk.free();
        scene.works("p2").await;
        outcomes.take(&mut scene, &host, freed.elapsed(), &[]).await;
    }
    outcomes.print("full disk in CODEX_HOME, from the room for it");
    drop(host);
}

#[tokio::test]
async fn the_host_is_killed_in_mid_turn() {
    host_fault("host SIGKILL", async |host| host.kill9().await).await;
}

#[tokio::test]
async fn the_host_is_terminated_in_mid_turn() {
    host_fault("host SIGTERM", async |host| {
        assert!(host.stop().await.success());
    })
    .await;
}

/// The host goes and comes back; the tab resumes at its cursor.
async fn host_fault(title: &str, happen: impl AsyncFn(&mut TestHost)) {
    let mut host = host().start().await;
    let mut outcomes = Outcomes::default();
    for _ in 0..Plan::read().repeats {
        let mut scene = Scene::begin(&host, ENDLESS).await;
        let gone = scene.census().await;
        let happened = Instant::now();
        happen(&mut host).await;
        host.restart().await;
        scene.come_back(&host).await;
        scene.tab.turn_end().await;
        scene.works("p2").await;
        outcomes
            .take(&mut scene, &host, happened.elapsed(), &gone)
            .await;
    }
    outcomes.print(title);
}
