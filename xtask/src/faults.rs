//! `cargo xtask faults`: the tests under `tests/faults`, longer and in release, with their figures.
//!
//! Not another set of tests: the same ones, with larger numbers.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// What a person may choose; what is left out is as in the plan of the tests.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Decides which faults come in which order
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How often the host is killed
    #[arg(long, value_name = "N", default_value_t = 50)]
    host_kills: u64,
    /// How often a Codex is killed
    #[arg(long, value_name = "N", default_value_t = 50)]
    codex_kills: u64,
    /// Sessions that stream at once
    #[arg(long, value_name = "N")]
    sessions: Option<u64>,
    /// Tabs of each session
    #[arg(long, value_name = "N")]
    tabs: Option<u64>,
    /// Deltas a second of each session
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// Events of the long history
    #[arg(long, value_name = "N")]
    history: Option<u64>,
    /// How often each fault of the real Codex happens
    #[arg(long, value_name = "N")]
    repeats: Option<u64>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Print the figures as lines of JSON on stdout, and everything else on stderr
    #[arg(long)]
    json: bool,
}

impl Options {
    /// The plan as the tests read it.
    fn plan(&self) -> String {
        let mut plan = format!(
            "seed={},host_kills={},codex_kills={}",
            self.seed, self.host_kills, self.codex_kills
        );
        let further = [
            ("sessions", self.sessions),
            ("tabs", self.tabs),
            ("rate", self.rate),
            ("history", self.history),
            ("repeats", self.repeats),
        ];
        for (name, value) in further {
            if let Some(value) = value {
                plan.push_str(&format!(",{name}={value}"));
            }
        }
        plan
    }
}

/// Runs the tests in the workspace at `root`; true when everything held.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let figures = root.join("target/faults.jsonl");
    match std::fs::remove_file(&figures) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", figures.display()));
        }
        _ => {}
    }
    let mut command = Command::new("cargo");
    command
        .args(["test", "--locked", "--release", "--test", "faults", "--"])
        // One after the other: each wants the machine for itself.
        .args(["--nocapture", "--test-threads=1"])
        .args(&options.only)
        .current_dir(root)
        .env("HOLDFAST_FAULTS", options.plan())
        .env("HOLDFAST_FAULTS_JSON", &figures);
    if options.json {
        command.stdout(Stdio::from(io::stderr()));
    }
    let status = command.status().context("start cargo")?;
    if options.json {
        print!("{}", std::fs::read_to_string(&figures).unwrap_or_default());
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_only_what_was_chosen() {
        let mut options = Options {
            seed: 7,
            host_kills: 50,
            codex_kills: 3,
            sessions: None,
            tabs: None,
            rate: None,
            history: None,
            repeats: None,
            only: None,
            json: false,
        };
        assert_eq!(options.plan(), "seed=7,host_kills=50,codex_kills=3");
        options.tabs = Some(9);
        assert_eq!(options.plan(), "seed=7,host_kills=50,codex_kills=3,tabs=9");
    }
}
