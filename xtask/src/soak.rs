//! `cargo xtask soak`: one long run of a steady load with dying Codexes, in release, and a table of what the host took.
//!
//! Not another test: the soak of `tests/faults`, with the sizes of a small team.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// The test under `tests/faults`.
const TEST: &str = "storm::soak::a_host_that_works_for_long_loses_nothing_and_keeps_no_descriptor";

/// What a person may choose.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long it streams
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Sessions that stream at once
    #[arg(long, value_name = "N", default_value_t = 10)]
    sessions: u64,
    /// Tabs, all together
    #[arg(long, value_name = "N", default_value_t = 50)]
    tabs: u64,
    /// Deltas a second of each session
    #[arg(long, value_name = "N", default_value_t = 100)]
    rate: u64,
    /// Build without optimisation: to try the command itself
    #[arg(long)]
    debug: bool,
}

impl Options {
    /// The plan as the tests read it.
    fn plan(&self) -> String {
        let tabs = self.tabs.div_ceil(self.sessions.max(1)).max(1);
        format!(
            "soak={},sessions={},tabs={tabs},rate={}",
            self.minutes * 60,
            self.sessions,
            self.rate
        )
    }
}

/// Runs it in the workspace at `root`; true when everything held.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--test", "faults"]);
    if !options.debug {
        command.arg("--release");
    }
    command
        .args(["--", "--nocapture", "--exact", TEST])
        .current_dir(root)
        .env("HOLDFAST_FAULTS", options.plan());
    Ok(command.status().context("start cargo")?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_are_spread_over_the_sessions() {
        let options = Options {
            minutes: 2,
            sessions: 10,
            tabs: 50,
            rate: 100,
            debug: false,
        };
        assert_eq!(options.plan(), "soak=120,sessions=10,tabs=5,rate=100");
    }
}
