//! What the tests need besides Rust and Node, found or installed.
//!
//! Installs only what is pinned in a lock file or comes from Debian; never a toolchain.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{must, on_path};

/// What is there after set-up.
pub struct Tools {
    /// The real Codex under tests/node_modules answers `--version`.
    pub codex: bool,
    /// A Chromium that the browser tests can start, and playwright-core to drive it.
    pub browser: Option<PathBuf>,
    /// tmux, in which the official TUI runs.
    pub tmux: bool,
    /// cargo-nextest; without it `cargo test` runs the same tests.
    pub nextest: bool,
    /// What failed on the way, one sentence each.
    pub problems: Vec<String>,
}

/// Finds the tools; with `install`, installs what is missing first.
pub fn prepare(root: &Path, install: bool) -> Tools {
    let mut problems = Vec::new();
    let tests = root.join("tests");
    if install {
        for dir in [tests.clone(), root.join("web/ui")] {
            if let Err(error) = install_packages(&dir) {
                problems.push(format!("{error:#}"));
            }
        }
        let mut missing = BTreeSet::new();
        if chromium().is_none() {
            missing.extend(["chromium", "fonts-dejavu-core"]);
        }
        if !on_path("tmux") {
            missing.insert("tmux");
        }
        if !missing.is_empty() {
            let names: Vec<&str> = missing.into_iter().collect();
            if let Err(error) = install_debian(root, &names.join(" ")) {
                problems.push(format!("{error:#}"));
            }
        }
    }
    let driver = tests
        .join("node_modules/playwright-core/package.json")
        .is_file();
    Tools {
        codex: answers(&tests.join("node_modules/.bin/codex")),
        browser: chromium().filter(|_| driver),
        tmux: on_path("tmux"),
        nextest: on_path("cargo-nextest"),
        problems,
    }
}

/// Runs `npm ci` in `dir` unless its node_modules is as new as its lock file.
fn install_packages(dir: &Path) -> anyhow::Result<()> {
    let lock = dir.join("package-lock.json");
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(wanted) = modified(&lock) else {
        anyhow::bail!(
            "read {}: there is no lock file to install from",
            lock.display()
        );
    };
    let installed = modified(&dir.join("node_modules/.package-lock.json"));
    if installed.is_some_and(|installed| installed >= wanted) {
        return Ok(());
    }
    must(dir, "npm ci --no-fund --no-audit")
}

/// Installs Debian packages, which takes root and apt-get.
fn install_debian(root: &Path, packages: &str) -> anyhow::Result<()> {
    if !on_path("apt-get") || !is_root() {
        anyhow::bail!("install {packages}: that takes root and apt-get; install it by hand");
    }
    must(root, "apt-get update -q")?;
    must(
        root,
        &format!("apt-get install -q -y --no-install-recommends {packages}"),
    )
}

/// Whether this process runs as uid 0.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// The browser: `$CHROMIUM`, else Debian's.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from("/usr/bin/chromium"));
    path.is_file().then_some(path)
}

/// Whether `program --version` succeeds.
fn answers(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}
