//! The official TUI as a client of the host, in a terminal of its own; needs tmux.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use serde_json::json;

use crate::bridges::codex_pid;
use crate::support::host::{TestHost, real_codex, write_private};
use crate::support::{Client, Folded, Setup, eventually, processes};

/// A terminal that only this test can see.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs `command` with `env` in a new terminal.
    fn run(command: &str, env: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("holdfast-it-{}-{number}", std::process::id()),
        };
        let mut args = vec![
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "110",
            "-y",
            "40",
        ];
        let pairs: Vec<String> = env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        for pair in &pairs {
            args.extend(["-e", pair]);
        }
        args.push(command);
        terminal.tmux(&args);
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(args)
            .output();
        let output = output.expect("tmux is installed: `cargo xtask test --only tools`");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the terminal shows.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the terminal shows `text`.
    async fn shows(&self, text: &str) {
        eventually(text, async || self.screen().contains(text).then_some(())).await;
    }

    /// Types `text` and Enter.
    async fn enter(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        // Enter directly after text counts as part of a paste, so wait until the text is on the screen.
        self.shows(text).await;
        self.tmux(&["send-keys", "Enter"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the terminal:\n{}", self.screen());
        }
        self.tmux(&["kill-server"]);
    }
}

/// A home for the TUI that has answered its first questions.
fn tui_home(dir: &Path, name: &str) -> String {
    let home = dir.join(format!("tui-home-{name}"));
    fs::create_dir(&home).unwrap();
    let answered = "[tui]\nscreen_reader_detection_done = true\n[notice.model_migrations]\n\"gpt-5.5\" = \"gpt-6-sol\"\n";
    write_private(&home.join("config.toml"), answered);
    home.to_str().unwrap().to_owned()
}

/// The TUI on a session of its own.
async fn open(host: &TestHost) -> Terminal {
    let trusted = host.dir().join("codex-home/config.toml");
    let work = host.work();
    let mut settings = fs::read_to_string(&trusted).unwrap();
    settings.push_str(&format!(
        "\n[projects.{work:?}]\ntrust_level = \"trusted\"\n"
    ));
    write_private(&trusted, &settings);
    let terminal = run(host, "own", "");
    terminal.shows("Ask Codex to do anything").await;
    terminal
}

/// The TUI, with these further arguments; each of a host has a name of its own.
fn run(host: &TestHost, name: &str, arguments: &str) -> Terminal {
    let command = format!(
        "{} --remote ws://{} --remote-auth-token-env HOLDFAST_TOKEN -C {} {arguments}",
        real_codex().display(),
        host.addr(),
        host.work().display()
    );
    let home = tui_home(host.dir(), name);
    Terminal::run(
        &command,
        &[("CODEX_HOME", &home), ("HOLDFAST_TOKEN", host.token())],
    )
}

/// The session that the TUI has begun.
async fn its_session(tab: &mut Client) -> String {
    eventually("the TUI's session to be listed", async || {
        let list = tab.call("host/sessions/list", json!({})).await.unwrap();
        list["data"][0]["threadId"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn the_official_tui_sends_a_prompt_and_shows_the_answer() {
    let host = Setup::real().start().await;
    let terminal = open(&host).await;
    terminal.enter("sim: say \"Periwinkle on the rock.\"").await;
    terminal.shows("Periwinkle on the rock.\n").await;

    // The same turn is there for every other tab.
    let mut tab = host.tab().await;
    let thread = its_session(&mut tab).await;
    eventually("the answer in the journal", async || {
        let attached = tab.attach(&thread).await;
        let turns = Folded::from_snapshot(&attached).turns;
        turns
            .iter()
            .any(|turn| turn.agent_text().contains("Periwinkle"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_official_tui_goes_on_through_a_crash_of_codex() {
    let host = Setup::real()
        .set("codex", "backoff_min = \"20ms\"")
        .start()
        .await;
    let terminal = open(&host).await;
    terminal.enter("sim: text count=5000 rate=50/s").await;
    let mut tab = host.tab().await;
    terminal.shows("t000005").await;
    let thread = its_session(&mut tab).await;
    tab.attach(&thread).await;
    processes::send(codex_pid(&mut tab, &thread).await, Signal::KILL);
    let end = tab.turn_end().await;
    assert_eq!(end.params()["turn"]["status"], "interrupted");
    // It was not told to come back, and it has not gone: the same window, the same session.
    terminal.enter("sim: say \"Limpets stay.\"").await;
    terminal.shows("Limpets stay.\n").await;
    assert_eq!(its_session(&mut tab).await, thread);
}

#[tokio::test]
async fn two_official_tuis_and_a_tab_share_one_session() {
    let host = Setup::real().start().await;
    let first = open(&host).await;
    first.enter("sim: say \"Periwinkle on the rock.\"").await;
    first.shows("Periwinkle on the rock.\n").await;
    let mut tab = host.tab().await;
    let thread = its_session(&mut tab).await;
    tab.attach(&thread).await;

    let second = run(&host, "joined", &format!("resume {thread}"));
    second.shows("Periwinkle on the rock.").await;
    second.enter("sim: say \"Limpet under it.\"").await;
    second.shows("Limpet under it.\n").await;
    first.shows("Limpet under it.").await;
    tab.turn_end().await;
    tab.submit(&thread, "p1", "sim: say \"Whelk beside both.\"")
        .await;
    first.shows("Whelk beside both.").await;
    second.shows("Whelk beside both.").await;
}
