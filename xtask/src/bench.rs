//! `cargo xtask bench`: the criterion benches of the stages, then `holdfast bench`, all in release.
//!
//! It judges nothing: what is measured is for people, and for the tables under `docs/`.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// Runs them in the workspace at `root`; true when everything ran and nothing was lost.
pub fn run(root: &Path, args: &[String]) -> anyhow::Result<bool> {
    if args.is_empty() {
        let stages = ["bench", "--locked", "--workspace", "--benches"];
        if !cargo(root, &stages, &[])? {
            return Ok(false);
        }
    }
    cargo(root, &["run", "--locked", "--release", "--", "bench"], args)
}

fn cargo(root: &Path, begin: &[&str], args: &[String]) -> anyhow::Result<bool> {
    let mut command = Command::new("cargo");
    command.args(begin).args(args).current_dir(root);
    Ok(command.status().context("start cargo")?.success())
}
