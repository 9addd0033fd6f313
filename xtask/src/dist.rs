//! `cargo xtask dist`: the archive of a release, made and tried. It holds one program with the page inside, manual pages,
//! completions, units and documentation, and checksums of all of them.
//!
//! Needs GNU tar, gzip, strip and sha256sum. The same files give the same archive, byte for byte; whether two machines build the
//! same program is the compiler's business.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// What a person may choose.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Take the unoptimised program: to try the command itself
    #[arg(long)]
    debug: bool,

    /// Pack this program, which was built before, in place of building one
    #[arg(long, value_name = "FILE", conflicts_with = "debug")]
    program: Option<PathBuf>,
}

/// What is taken as it is: where from, and where to in the archive.
const COPIED: [(&str, &str); 7] = [
    ("README.md", "README.md"),
    ("LICENSE", "LICENSE"),
    ("docs", "docs"),
    ("packaging", "packaging"),
    ("src/init/holdfast.toml", "config/holdfast.toml"),
    ("config/default.toml", "config/default.toml"),
    (
        "packaging/holdfast-user.service",
        "share/systemd/user/holdfast.service",
    ),
];

/// What each shell wants completions to be called.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/holdfast"),
    ("zsh", "share/zsh/site-functions/_holdfast"),
    ("fish", "share/fish/vendor_completions.d/holdfast.fish"),
];

/// Builds, packs and tries the archive in the workspace at `root`.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<bool> {
    let program = build(root, options)?;
    let name = format!("holdfast-{}-{}", version(&program)?, target()?);
    let dist = root.join("target/dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fill(root, &folder, &program)?;
    let archive = dist.join(format!("{name}.tar.gz"));
    pack(root, &folder, &archive)?;
    let twin = dist.join("twin.tar.gz");
    pack(root, &folder, &twin)?;
    let same = fs::read(&archive)? == fs::read(&twin)?;
    fs::remove_file(&twin)?;
    if !same {
        bail!("packing the same files twice gave two archives");
    }
    let started = crate::trial::run(&archive, &name)?;
    let mebibytes = |path: &Path| -> anyhow::Result<f64> {
        Ok(fs::metadata(path)?.len() as f64 / f64::from(1 << 20))
    };
    println!(
        "{}: {:.1} MiB, the program in it {:.1} MiB; it unpacks, its checksums are right, and it listens {} ms after its start",
        archive.display(),
        mebibytes(&archive)?,
        mebibytes(&folder.join("bin/holdfast"))?,
        started.as_millis()
    );
    Ok(true)
}

fn build(root: &Path, options: &Options) -> anyhow::Result<PathBuf> {
    if let Some(program) = &options.program {
        return Ok(program.clone());
    }
    let mut command = Command::new("cargo");
    command.args([
        "build",
        "--locked",
        "--package",
        "holdfast",
        "--bin",
        "holdfast",
    ]);
    if !options.debug {
        command.arg("--release");
    }
    must(command.current_dir(root))?;
    let profile = if options.debug { "debug" } else { "release" };
    Ok(root.join("target").join(profile).join("holdfast"))
}

/// Puts everything where it belongs under `folder`.
fn fill(root: &Path, folder: &Path, program: &Path) -> anyhow::Result<()> {
    let own = folder.join("bin/holdfast");
    copy(program, &own)?;
    must(Command::new("strip").arg("--strip-all").arg(&own))?;
    for (from, to) in COPIED {
        copy(&root.join(from), &folder.join(to))?;
    }
    let man = folder.join("share/man/man1");
    fs::create_dir_all(&man)?;
    must(Command::new(&own).arg("man").arg(&man))?;
    for (shell, to) in COMPLETIONS {
        let said = must(Command::new(&own).args(["completions", shell]))?;
        let to = folder.join(to);
        make_parent(&to)?;
        fs::write(&to, said).with_context(|| format!("write {}", to.display()))?;
    }
    // Relative names in the order of the alphabet, so that `sha256sum -c` works where it is unpacked.
    let mut files = Vec::new();
    list(folder, folder, &mut files)?;
    files.sort_unstable();
    let sums = must(
        Command::new("sha256sum")
            .arg("--")
            .args(&files)
            .current_dir(folder),
    )?;
    fs::write(folder.join("SHA256SUMS"), sums).context("write SHA256SUMS")
}

/// One archive with nothing in it of this machine or this moment.
fn pack(root: &Path, folder: &Path, archive: &Path) -> anyhow::Result<()> {
    let changed = must(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root),
    )?;
    let changed = String::from_utf8(changed).context("read the time of the last commit")?;
    let (parent, name) = folder
        .parent()
        .zip(folder.file_name())
        .context("name the archive's folder")?;
    let mut command = Command::new("tar");
    command
        .args([
            "--create",
            "--format=ustar",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ])
        .args([
            "--mode=u=rwX,go=rX",
            &format!("--mtime=@{}", changed.trim()),
        ])
        .args(["--use-compress-program", "gzip -n -9", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(parent)
        .arg(name);
    must(&mut command).map(drop)
}

fn version(program: &Path) -> anyhow::Result<String> {
    let said = String::from_utf8(must(Command::new(program).arg("--version"))?)
        .context("read the version")?;
    let version = said.split_whitespace().last().context("read the version")?;
    Ok(version.to_owned())
}

fn target() -> anyhow::Result<String> {
    let said = String::from_utf8(must(Command::new("rustc").arg("-vV"))?)
        .context("read what rustc says of itself")?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("find out for which machine rustc builds")?
        .to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    make_parent(to)?;
    let copied = fs::copy(from, to);
    copied
        .map(drop)
        .with_context(|| format!("copy {}", from.display()))
}

fn make_parent(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().context("a file stands in a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))
}

/// The files under `folder`, named from `root`.
fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}

/// Runs a program to its end; what it said, or an error that names it.
pub fn must(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("start {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}", output.status);
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_copied_is_there() {
        let root = crate::root().unwrap();
        let missing: Vec<&str> = COPIED
            .iter()
            .map(|(from, _)| *from)
            .filter(|from| !root.join(from).exists())
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn files_are_listed_by_their_place_in_the_archive() {
        let root = crate::root().unwrap().join("packaging");
        let mut files = Vec::new();
        list(&root, &root, &mut files).unwrap();
        assert!(
            files.contains(&PathBuf::from("holdfast.service")),
            "{files:?}"
        );
    }
}
