//! A whole host under load: a process of its own with the simulated Codex, in a folder that is gone afterwards.
//!
//! Everything that a host does is on; only the journal can be switched off, to see what it costs.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use config::Token;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
    task::JoinSet,
    time::timeout,
};

use super::{
    Agent, Load,
    client::{Door, GUARD, Seen, Tab},
    peer::Model,
    report::{Row, Target},
    usage::Usage,
};

/// Deltas of one message at most; then the next one begins, as a model's answers do.
const MESSAGE: u64 = 2000;
/// Bytes of one message at most, which Codex says once more when it is complete: about what it keeps of a command's output.
const MESSAGE_BYTES: usize = 1 << 20;
/// More deltas than any run has; the turn is interrupted when its time is over.
const ENDLESS: u64 = 1_000_000_000;
/// Secrets of a run, as many as a scenario can hold: when they are over, so is its turn.
const SECRETS: u64 = 4999;
/// How long a reconnecting tab is there, and how long it is away.
const THERE: Duration = Duration::from_millis(500);
const AWAY: Duration = Duration::from_millis(500);

/// The host and what it needs.
pub(super) struct Running {
    child: Child,
    pid: u32,
    door: Door,
    journal: String,
    control: Tab,
    folder: TempDir,
    _model: Option<Model>,
}

/// Runs a host under `load` and measures what its clients see and what it uses.
pub(super) async fn measure(load: Load, agent: &Agent) -> anyhow::Result<Row> {
    let mut host = Running::start(load, agent).await?;
    let empty = Usage::of(host.pid).resident;
    let mut threads = Vec::new();
    for _ in 0..load.sessions {
        threads.push(host.begin_session().await?);
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut idle = JoinSet::new();
    for _ in 0..load.idle {
        let (mut tab, over) = (Tab::open(&host.door).await?, Arc::clone(&over));
        idle.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                tab.stay(THERE).await?;
            }
            anyhow::Ok(tab.seen.events)
        });
    }
    let mut readers = JoinSet::new();
    for thread in &threads {
        for _ in 0..load.tabs {
            let mut tab = Tab::open(&host.door).await?;
            tab.attach(thread, None).await?;
            readers.spawn(async move {
                tab.read_turn().await?;
                anyhow::Ok(tab.seen)
            });
        }
    }
    let mut troubled = JoinSet::new();
    for _ in 0..load.stalled {
        let tab = host.attached(&threads[0]).await?;
        troubled.spawn(stall(tab, Arc::clone(&over), load.time));
    }
    for _ in 0..load.reconnecting {
        let tab = host.attached(&threads[0]).await?;
        let (door, journal) = (host.door.clone(), host.journal.clone());
        troubled.spawn(reconnect(
            tab,
            door,
            threads[0].clone(),
            journal,
            Arc::clone(&over),
        ));
    }

    let ready = Usage::of(host.pid).resident;
    let bridges = host.bridges().await?;
    let stored = host.journal_bytes().await?;
    let before = (Usage::of(host.pid), cpu_of(&bridges));
    for (index, thread) in threads.iter().enumerate() {
        host.prompt(thread, index, load).await?;
    }
    host.control.stay(load.time / 10).await?;
    let early = Usage::of(host.pid).resident;
    host.control.stay(load.time * 9 / 10).await?;
    for thread in &threads {
        host.interrupt(thread).await?;
    }
    let mut all = Seen::default();
    while let Some(seen) = readers.join_next().await {
        all.merge(&seen??);
    }
    let after = (Usage::of(host.pid), cpu_of(&bridges));
    let stored = host.journal_bytes().await?.saturating_sub(stored);
    over.store(true, Ordering::Relaxed);
    let mut row = Row::new(Target::Host, load, &all);
    while let Some(seen) = troubled.join_next().await {
        row.count_faults(&seen??);
    }
    let events = all.events / load.tabs.max(1) as u64;
    row.cost(after.0.cpu.saturating_sub(before.0.cpu), events, all.events);
    row.codex_cost(after.1.saturating_sub(before.1), events);
    (row.empty, row.ready, row.early, row.resident) = (empty, ready, early, after.0.resident);
    (row.journal_bytes, row.writes) = (stored, after.0.writes.saturating_sub(before.0.writes));
    while let Some(events) = idle.join_next().await {
        row.foreign += events??;
    }
    host.stop().await?;
    Ok(row)
}

fn cpu_of(pids: &[u32]) -> Duration {
    pids.iter().map(|pid| Usage::of(*pid).cpu).sum()
}

/// Reads a little, then nothing until the others are done, then everything.
async fn stall(mut tab: Tab, over: Arc<AtomicBool>, time: Duration) -> anyhow::Result<Seen> {
    tab.read_for(time / 10, &over).await?;
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep(AWAY / 10).await;
    }
    tab.read_turn().await?;
    Ok(tab.seen)
}

/// Is there, is away, and comes back at its cursor, until the others are done.
async fn reconnect(
    mut tab: Tab,
    door: Door,
    thread: String,
    journal: String,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Seen> {
    while tab.seen.ended.is_none() {
        tab.read_for(THERE, &over).await?;
        if over.load(Ordering::Relaxed) {
            tab.read_turn().await?;
            break;
        }
        let seen = tab.seen;
        tokio::time::sleep(AWAY).await;
        tab = Tab::open(&door).await?;
        tab.seen = seen;
        let after = tab.seen.head;
        tab.attach(&thread, Some((after, &journal))).await?;
    }
    Ok(tab.seen)
}

impl Running {
    pub(super) async fn start(load: Load, agent: &Agent) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("holdfast-bench-")
            .tempdir_in("/var/tmp")
            .context("make a folder")?;
        let token = Token::generate().context("make a token")?;
        let config = folder.path().join("holdfast.toml");
        write_private(&config, &configuration(folder.path(), &token, load, agent)?)?;
        let model = match agent.codex {
            Some(_) => Some(Model::serve(&folder.path().join("codex-home")).await?),
            None => None,
        };
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--config"])
            .arg(&config)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .kill_on_drop(true);
        if agent.without_journal {
            command.arg("--bench-discard-events");
        }
        let mut child = command.spawn().context("start the host")?;
        let pid = child.id().context("the host has ended")?;
        let stdout = child.stdout.take().context("its stdout is piped")?;
        let mut said = String::new();
        let mut stdout = BufReader::new(stdout);
        timeout(GUARD, stdout.read_line(&mut said))
            .await
            .context("wait for the host")??;
        let addr = said.trim().strip_prefix("holdfast listening on http://");
        let addr = addr.with_context(|| {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            format!("the host does not listen:\n{log}")
        })?;
        let door = Door {
            addr: addr.parse()?,
            token: Some(token.reveal().into()),
        };
        let mut control = Tab::open(&door).await?;
        let status = control.call("host/status", json!({})).await?;
        let journal = status["journal"]["id"]
            .as_str()
            .context("a journal")?
            .to_owned();
        Ok(Self {
            child,
            pid,
            door,
            journal,
            control,
            folder,
            _model: model,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    pub(super) fn journal(&self) -> &str {
        &self.journal
    }

    /// Ends the turn of a session; gives the number of its last event.
    pub(super) async fn interrupted(&mut self, thread: &str) -> anyhow::Result<u64> {
        self.interrupt(thread).await?;
        loop {
            let summary = self.summary(thread).await?;
            if summary["turn"].is_null() {
                return summary["head"].as_u64().context("a head");
            }
        }
    }

    /// Bytes of the journal on disk.
    async fn journal_bytes(&mut self) -> anyhow::Result<u64> {
        let status = self.control.call("host/status", json!({})).await?;
        let journal = &status["journal"];
        let size = |name: &str| journal[name].as_u64().unwrap_or(0);
        Ok(size("fileBytes") + size("walBytes"))
    }

    /// A session that the control connection does not follow.
    pub(super) async fn begin_session(&mut self) -> anyhow::Result<String> {
        let work = self.folder.path().join("work");
        let started = self
            .control
            .call("thread/start", json!({"cwd": work}))
            .await?;
        let thread = started["thread"]["id"]
            .as_str()
            .context("a thread")?
            .to_owned();
        self.control
            .call("host/session/detach", json!({"threadId": thread}))
            .await?;
        Ok(thread)
    }

    pub(super) async fn attached(&self, thread: &str) -> anyhow::Result<Tab> {
        let mut tab = Tab::open(&self.door).await?;
        tab.attach(thread, None).await?;
        Ok(tab)
    }

    pub(super) async fn prompt(
        &mut self,
        thread: &str,
        index: usize,
        load: Load,
    ) -> anyhow::Result<()> {
        let Load { rate, size, .. } = load;
        let text = if load.secrets {
            format!(
                "sim: seed {index}; repeat {SECRETS}; text count=99 rate={rate}/s size={size} stamp=yes forget=yes; secret kind=github-pat cut=7 where=text"
            )
        } else {
            let every = MESSAGE.min((MESSAGE_BYTES / size.max(1)).max(1) as u64);
            format!(
                "sim: seed {index}; text count={ENDLESS} rate={rate}/s size={size} stamp=yes every={every} forget=yes"
            )
        };
        let input = json!([{"type": "text", "text": text}]);
        let params = json!({"threadId": thread, "promptId": format!("bench-{index}"), "input": input, "when": "now"});
        self.control.call("host/prompt/submit", params).await?;
        Ok(())
    }

    async fn interrupt(&mut self, thread: &str) -> anyhow::Result<()> {
        let turn = self.summary(thread).await?["turn"]["id"].clone();
        if turn.is_null() {
            return Ok(());
        }
        let params = json!({"threadId": thread, "turnId": turn});
        self.control.call("turn/interrupt", params).await?;
        Ok(())
    }

    async fn summary(&mut self, thread: &str) -> anyhow::Result<Value> {
        let list = self
            .control
            .call("host/sessions/list", json!({"limit": 1000}))
            .await?;
        let sessions = list["data"].as_array().cloned().unwrap_or_default();
        let own = sessions.into_iter().find(|one| one["threadId"] == thread);
        own.context("the session is listed")
    }

    /// The pids of all Codex processes.
    async fn bridges(&mut self) -> anyhow::Result<Vec<u32>> {
        let status = self.control.call("host/status", json!({})).await?;
        let bridges = status["bridges"].as_array().cloned().unwrap_or_default();
        let pids = bridges.iter().filter_map(|bridge| bridge["pid"].as_u64());
        Ok(pids.filter_map(|pid| u32::try_from(pid).ok()).collect())
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid)?).context("a pid")?;
        drop(self.control);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .context("stop the host")?;
        timeout(GUARD, self.child.wait())
            .await
            .context("wait for the host to stop")??;
        Ok(())
    }
}

/// As a person would write it, with room for the load.
fn configuration(
    folder: &Path,
    token: &Token,
    load: Load,
    agent: &Agent,
) -> anyhow::Result<String> {
    for name in ["work", "codex-home"] {
        fs::create_dir(folder.join(name))?;
    }
    let codex = agent.settings(&std::env::current_exe()?);
    let tabs = load.sessions * load.tabs + load.idle + load.stalled + load.reconnecting + 16;
    // Without a journal a tab that falls behind the ring could not catch up.
    let ring = if agent.without_journal {
        "512MiB"
    } else {
        "4MiB"
    };
    Ok(format!(
        "listen = \"127.0.0.1:0\"\nstate_dir = {:?}\nwebsocket_auth_token_sha256 = \"{}\"\n\
         [codex]\n{codex}home = {:?}\n\
         [limits]\nconnections = {}\ntabs = {tabs}\nbridges = {}\nring_bytes = \"{ring}\"\n\
         [log]\nlevel = \"warn\"\n",
        folder.join("state"),
        token.digest().to_hex(),
        folder.join("codex-home"),
        tabs + 64,
        (load.sessions + 2).clamp(8, 1000),
    ))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
