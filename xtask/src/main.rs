//! The developer's commands: one entry point that a person and CI run alike.
//!
//! Not a build system: cargo and npm do the building, this says in which order and with what set-up.

mod bench;
mod command;
mod counts;
mod dist;
mod faults;
mod soak;
mod steps;
mod tidy;
mod tools;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::steps::Step;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developer's commands")]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set the machine up, then check and test everything
    Test {
        /// Run only this step; may be given several times
        #[arg(long, value_name = "STEP")]
        only: Vec<Step>,
    },
    /// Run the fault tests for long, in release, and print their figures
    Faults(faults::Options),
    /// Stream for long with Codexes that die, in release, and show what the host takes
    Soak(soak::Options),
    /// Build the archive of a release and try it
    Dist(dist::Options),
    /// Redact made-up mixtures of secrets and harmless text for a while, and check every promise on each
    FuzzRedaction {
        /// For so long
        #[arg(long, value_name = "N", default_value_t = 600)]
        seconds: u64,
    },
    /// Measure: each stage by itself, then the whole host against what the machine allows
    Bench {
        /// For `holdfast bench`; with any of them the stages are left out
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let task = Args::parse().command;
    let root = root()?;
    let passed = match &task {
        Task::Test { only } => steps::run(&root, only)?,
        Task::Faults(options) => faults::run(&root, options)?,
        Task::Soak(options) => soak::run(&root, options)?,
        Task::Dist(options) => dist::run(&root, options)?,
        Task::FuzzRedaction { seconds } => {
            let fuzz = "cargo run --release -p holdfast-redaction --example fuzz --";
            command::run(&root, &format!("{fuzz} --seconds {seconds}"), &[])?.success
        }
        Task::Bench { args } => bench::run(&root, args)?,
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder of the workspace, wherever the command was called from.
fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("find the workspace above xtask")?
        .to_path_buf())
}
