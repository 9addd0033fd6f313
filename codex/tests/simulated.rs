//! The simulated Codex, driven over pipes like the real one: what it sends, what it keeps, and how it dies. Here is only
//! what the tests share.
//!
//! That the real Codex sends the same is tested in `scripted_model.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

#[path = "support/peer.rs"]
mod peer;

#[path = "simulated/faults.rs"]
mod faults;
#[path = "simulated/lifetime.rs"]
mod lifetime;
#[path = "simulated/requests.rs"]
mod requests;
#[path = "simulated/shapes.rs"]
mod shapes;
#[path = "simulated/steps.rs"]
mod steps;

use std::path::Path;

use expect_test::Expect;
use serde_json::Value;
use tempfile::TempDir;

use peer::{Peer, normalized};

const TEXT: &str = "item/agentMessage/delta";
const OUTPUT: &str = "item/commandExecution/outputDelta";

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn start(home: &Path) -> Peer {
    let mut peer = Peer::start(env!("CARGO_BIN_EXE_simulated-codex"), &["app-server"], home);
    peer.initialize();
    peer
}

/// Runs one prompt in a new thread of a new process.
fn run(prompt: &str) -> Vec<Value> {
    let home = home();
    let mut peer = start(home.path());
    let thread = peer.start_thread();
    peer.run_turn(&thread, prompt)
}

/// One line a message: what happened, to what, and how it stands.
fn outline(messages: &[Value]) -> String {
    let lines = messages.iter().filter_map(|message| {
        let method = message["method"].as_str()?;
        if method.ends_with("tokenUsage/updated") || method.ends_with("rateLimits/updated") {
            return None;
        }
        let params = &message["params"];
        let item = [&params["item"]["type"], &params["item"]["status"]];
        let rest = [
            &params["status"]["type"],
            &params["status"]["activeFlags"][0],
            &params["turn"]["status"],
            &params["error"]["message"],
        ];
        let words = item.iter().chain(&rest).filter_map(|word| word.as_str());
        Some(
            std::iter::once(method)
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
        )
    });
    lines.map(|line| line + "\n").collect()
}

fn check_outline(prompt: &str, expected: Expect) {
    expected.assert_eq(&outline(&run(prompt)));
}

fn check_json(messages: &[Value], expected: Expect) {
    let lines: String = normalized(messages)
        .iter()
        .map(|message| format!("{message}\n"))
        .collect();
    expected.assert_eq(&lines);
}
