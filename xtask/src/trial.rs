//! Tries an archive as somebody would who has nothing else: unpacks it into an empty folder, checks its sums, and starts what is
//! in it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::dist::must;

/// What must be in every archive.
const NEEDED: [&str; 9] = [
    "bin/holdfast",
    "share/man/man1/holdfast.1",
    "share/man/man1/holdfast-serve.1",
    "share/bash-completion/completions/holdfast",
    "share/zsh/site-functions/_holdfast",
    "share/fish/vendor_completions.d/holdfast.fish",
    "share/systemd/user/holdfast.service",
    "README.md",
    "LICENSE",
];

/// Tries it; how long the program took from its start until it listened.
pub fn run(archive: &Path, name: &str) -> anyhow::Result<Duration> {
    let place = archive.with_file_name("trial");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    must(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(archive)
            .arg("--directory")
            .arg(&place),
    )?;
    let unpacked = place.join(name);
    must(
        Command::new("sha256sum")
            .args(["--check", "--quiet", "--strict", "SHA256SUMS"])
            .current_dir(&unpacked),
    )?;
    for file in NEEDED {
        let sums = fs::read_to_string(unpacked.join("SHA256SUMS"))?;
        if !sums
            .lines()
            .any(|line| line.ends_with(&format!("  {file}")))
        {
            bail!("the archive has no {file}");
        }
    }
    let program = unpacked.join("bin/holdfast");
    let said = String::from_utf8(must(Command::new(&program).arg("--version"))?)?;
    if !name.starts_with(&said.trim().replace(' ', "-")) {
        bail!("the program calls itself {:?} in {name}", said.trim());
    }
    let took = start(&program, &place)?;
    fs::remove_dir_all(&place)?;
    Ok(took)
}

/// Starts a demo without anything of this user or this machine, and stops it again.
fn start(program: &Path, place: &Path) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args([
            "demo",
            "--agent",
            "simulated",
            "--listen",
            "127.0.0.1:0",
            "--dir",
            "demo",
        ])
        .env_clear()
        .env("HOME", place)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let stdout = child.stdout.take().context("read what it says")?;
    let said = BufReader::new(stdout).lines().next();
    let took = begun.elapsed();
    stop(&mut child)?;
    match said {
        Some(Ok(line)) if line.starts_with("holdfast listening on http://127.0.0.1:") => Ok(took),
        said => bail!("the program said {said:?} instead of where it listens"),
    }
}

/// Asks it to end, and waits.
fn stop(child: &mut Child) -> anyhow::Result<()> {
    must(Command::new("kill").args(["-TERM", &child.id().to_string()]))?;
    let status = child.wait().context("wait for the program")?;
    if !status.success() {
        bail!("the program ended with {status}");
    }
    Ok(())
}
