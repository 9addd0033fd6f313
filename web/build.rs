//! Builds the page in `ui/` with Node, so that the binary can embed it; nothing built is in the repository. Works on a copy
//! in the build folder: the sources stay as they are, and somebody who works on the page is not disturbed.
//!
//! `HOLDFAST_UI_DIST=FOLDER` takes a page that was built elsewhere, for machines without Node. There is no page to fall back
//! to: without either the build stops.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// The variable that names a page built elsewhere.
const DIST: &str = "HOLDFAST_UI_DIST";
/// What the build of the page reads, in `ui/`.
const SOURCES: [&str; 7] = [
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
    "index.html",
    "src",
    "public",
];
/// The oldest Node that the bundler works with.
const NODE: (u32, u32) = (20, 19);

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={DIST}");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={}", problem.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let out =
        PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; run this through cargo")?);
    let page = match env::var_os(DIST) {
        Some(folder) => {
            let folder = fs::canonicalize(&folder)
                .map_err(|err| format!("{DIST} names {folder:?}: {err}"))?;
            println!("cargo::rerun-if-changed={}", folder.display());
            folder
        }
        None => bundle(&out)?,
    };
    if !page.join("index.html").is_file() {
        return Err(format!(
            "there is no index.html in {}; that is no built page",
            page.display()
        ));
    }
    // The macro wants a literal path, and only here it is known.
    let code = format!("#[derive(rust_embed::RustEmbed)]\n#[folder = {page:?}]\nstruct Files;\n");
    fs::write(out.join("files.rs"), code)
        .map_err(|err| format!("files.rs can not be written: {err}"))
}

/// Bundles `ui/`; returns the folder of the page.
fn bundle(out: &Path) -> Result<PathBuf, String> {
    let ui = PathBuf::from("ui");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", ui.join(source).display());
    }
    check_node()?;
    let (work, page) = (out.join("ui-work"), out.join("ui"));
    copy_sources(&ui, &work)
        .map_err(|err| format!("ui/ can not be copied to {}: {err}", work.display()))?;
    install(&work)?;
    let vite = work.join("node_modules/vite/bin/vite.js");
    let mut command = Command::new("node");
    command
        .arg(vite)
        .args(["build", "--logLevel", "warn", "--emptyOutDir", "--outDir"])
        .arg(&page);
    run(
        command.current_dir(&work),
        "bundling the page (vite build in web/ui)",
    )?;
    Ok(page)
}

fn check_node() -> Result<(), String> {
    let missing = format!(
        "the page of holdfast is built with Node.js {}.{} or newer and npm, which are not in PATH: install them, or set \
         {DIST} to a folder with a built page",
        NODE.0, NODE.1
    );
    let version = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| missing.clone())?
        .stdout;
    let version = String::from_utf8_lossy(&version)
        .trim()
        .trim_start_matches('v')
        .to_owned();
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE {
        return Err(format!("{missing} (found Node {version})"));
    }
    Command::new("npm")
        .arg("--version")
        .output()
        .map(|_| ())
        .map_err(|_| missing)
}

/// Fetches what package-lock.json names, if it is not there yet.
fn install(work: &Path) -> Result<(), String> {
    let stamp = work.join("node_modules/.holdfast-lock");
    let lock = fs::read(work.join("package-lock.json"))
        .map_err(|err| format!("web/ui/package-lock.json: {err}"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command.args([
        "ci",
        "--include=dev",
        "--ignore-scripts",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
    ]);
    run(
        command.current_dir(work),
        "fetching the page's packages (npm ci in web/ui)",
    )?;
    fs::write(&stamp, lock).map_err(|err| format!("{} can not be written: {err}", stamp.display()))
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|err| format!("{what} could not start: {err}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let end: Vec<_> = said
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(12)
        .collect();
    let end: Vec<_> = end.into_iter().rev().collect();
    Err(format!("{what} failed: {}", end.join(" | ")))
}

/// Copies the sources over what an earlier build left; files that are gone must not stay.
fn copy_sources(ui: &Path, work: &Path) -> io::Result<()> {
    fs::create_dir_all(work)?;
    for source in SOURCES {
        let (from, to) = (ui.join(source), work.join(source));
        if to.is_dir() {
            fs::remove_dir_all(&to)?;
        }
        copy(&from, &to)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}
