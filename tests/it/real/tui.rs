//! The official TUI as a client of the host, in a terminal of its own; needs tmux.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::host::{real_codex, write_private};
use crate::support::{Folded, Setup, eventually};

/// A terminal that only this test can see.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs `command` with `env` in a new terminal.
    fn run(command: &str, env: &[(&str, &str)]) -> Self {
        let terminal = Self {
            socket: format!("holdfast-it-{}", std::process::id()),
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
fn tui_home(dir: &Path) -> String {
    let home = dir.join("tui-home");
    fs::create_dir(&home).unwrap();
    let answered = "[tui]\nscreen_reader_detection_done = true\n[notice.model_migrations]\n\"gpt-5.5\" = \"gpt-6-sol\"\n";
    write_private(&home.join("config.toml"), answered);
    home.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_official_tui_sends_a_prompt_and_shows_the_answer() {
    let host = Setup::real().start().await;
    let trusted = host.dir().join("codex-home/config.toml");
    let work = host.work();
    let mut settings = fs::read_to_string(&trusted).unwrap();
    settings.push_str(&format!(
        "\n[projects.{work:?}]\ntrust_level = \"trusted\"\n"
    ));
    write_private(&trusted, &settings);

    let home = tui_home(host.dir());
    let remote = format!("ws://{}", host.addr());
    let command = format!(
        "{} --remote {remote} --remote-auth-token-env HOLDFAST_TOKEN -C {}",
        real_codex().display(),
        work.display()
    );
    let terminal = Terminal::run(
        &command,
        &[("CODEX_HOME", &home), ("HOLDFAST_TOKEN", host.token())],
    );
    terminal.shows("Ask Codex to do anything").await;
    terminal.enter("sim: say \"Periwinkle on the rock.\"").await;
    terminal.shows("Periwinkle on the rock.\n").await;

    // The same turn is there for every other tab.
    let mut tab = host.tab().await;
    let list = tab.call("host/sessions/list", json!({})).await.unwrap();
    let thread = list["data"][0]["threadId"]
        .as_str()
        .expect("the TUI's session is listed")
        .to_owned();
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
