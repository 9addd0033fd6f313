//! Codex's own WebSocket server with the same clients, for who asks for it: what tabs get without a host.
//!
//! Its messages carry no numbers, so nothing can be said about what is lost; only how much comes, and how late.

use std::{net::SocketAddr, path::Path, process::Stdio, sync::atomic::AtomicBool};

use anyhow::Context as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::Child,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    Load,
    client::{Door, GUARD, Seen, Tab},
    report::{Row, Target},
    usage::Usage,
};

/// A scripted model, for the real Codex.
pub(super) struct Model {
    task: JoinHandle<std::io::Result<()>>,
}

impl Model {
    /// Serves one, and writes the configuration with which Codex uses it into `home`.
    pub(super) async fn serve(home: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}/v1", listener.local_addr()?);
        std::fs::write(
            home.join("config.toml"),
            codex::scripted_model::codex_config(&base),
        )?;
        let serving = codex::scripted_model::serve(listener, std::future::pending());
        Ok(Self {
            task: tokio::spawn(serving),
        })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs `codex app-server --listen` under `load` (one session) and measures what its clients see.
pub(super) async fn measure(load: Load, program: &Path) -> anyhow::Result<Row> {
    // Codex runs no tools with a home under /tmp.
    let folder = tempfile::Builder::new()
        .prefix("holdfast-bench-")
        .tempdir_in("/var/tmp")?;
    let model = Model::serve(folder.path()).await?;
    let (mut child, addr) = listen(program, &folder).await?;
    let pid = child.id().context("codex has ended")?;
    let door = Door { addr, token: None };
    let mut control = Tab::open(&door).await?;
    control.introduce().await?;
    control.seen = Seen::of_plain_messages();
    let started = control
        .call("thread/start", json!({"cwd": folder.path()}))
        .await?;
    let thread = started["thread"]["id"]
        .as_str()
        .context("a thread")?
        .to_owned();
    // Nobody can come to a thread before its first turn.
    turn(&mut control, &thread, "sim: say \"Here.\"").await?;
    control.read_turn().await?;

    let mut readers = JoinSet::new();
    for _ in 0..load.tabs {
        let mut tab = Tab::open(&door).await?;
        tab.introduce().await?;
        tab.call("thread/resume", json!({"threadId": thread}))
            .await?;
        tab.seen = Seen::of_plain_messages();
        readers.spawn(async move {
            tab.read_turn().await?;
            anyhow::Ok(tab.seen)
        });
    }
    let before = Usage::of(pid);
    control.seen = Seen::of_plain_messages();
    let text = format!(
        "sim: text count=1000000000 rate={}/s size={} stamp=yes",
        load.rate, load.size
    );
    let running = turn(&mut control, &thread, &text).await?;
    control.read_for(load.time, &AtomicBool::new(false)).await?;
    control
        .call(
            "turn/interrupt",
            json!({"threadId": thread, "turnId": running}),
        )
        .await?;
    control.read_turn().await?;
    let mut all = Seen::default();
    while let Some(seen) = readers.join_next().await {
        all.merge(&seen??);
    }
    let after = Usage::of(pid);
    let mut row = Row::new(Target::Codex, load, &all);
    let events = all.events / load.tabs.max(1) as u64;
    row.cost(after.cpu.saturating_sub(before.cpu), events, all.events);
    (row.ready, row.resident) = (before.resident, after.resident);
    child.kill().await.context("stop codex")?;
    drop(model);
    Ok(row)
}

async fn turn(tab: &mut Tab, thread: &str, text: &str) -> anyhow::Result<String> {
    let params = json!({"threadId": thread, "input": [{"type": "text", "text": text}]});
    let started = tab.call("turn/start", params).await?;
    Ok(started["turn"]["id"].as_str().context("a turn")?.to_owned())
}

/// Starts the server; it says on stderr where it listens.
async fn listen(program: &Path, folder: &TempDir) -> anyhow::Result<(Child, SocketAddr)> {
    let mut child = tokio::process::Command::new(program)
        .args(["app-server", "--listen", "ws://127.0.0.1:0"])
        .env("CODEX_HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let mut lines = BufReader::new(child.stderr.take().context("its stderr is piped")?).lines();
    let saying = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, addr)) = line.split_once("listening on: ws://") {
                return anyhow::Ok(addr.trim().parse()?);
            }
        }
        anyhow::bail!("codex does not say where it listens")
    };
    let addr = timeout(GUARD, saying).await.context("wait for codex")??;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, addr))
}
