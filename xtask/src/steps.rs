//! `cargo xtask test`: the steps, their order, and the summary at the end.
//!
//! A failing step does not stop the later ones: one run shows everything that is wrong.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;

use crate::command::{self, Finished};
use crate::counts::{self, Counts};
use crate::tidy;
use crate::tools::{self, Tools};

/// One part of `cargo xtask test`, in the order of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    /// Install the pinned npm packages, Chromium and tmux
    Tools,
    /// rustfmt leaves nothing to change
    Fmt,
    /// The house rules: who may use what, and what no file may hold
    Tidy,
    /// Types and tests of the page; cargo builds it when it builds the host
    Ui,
    /// clippy over all targets, warnings are errors
    Clippy,
    /// rustdoc finds nothing broken, such as a link to what is not there
    Docs,
    /// All Rust tests, with real processes, sockets and the real Codex
    Rust,
    /// A real browser against `holdfast demo`
    Browser,
}

impl Step {
    /// Whether this step runs tests that are counted.
    fn counts(self) -> bool {
        matches!(self, Step::Rust | Step::Ui | Step::Browser)
    }
}

/// How one step ended.
struct Outcome {
    step: Step,
    passed: bool,
    elapsed: Duration,
    /// Absent where the step runs no tests, or its runner printed no summary.
    counts: Option<Counts>,
}

/// Runs the steps of `only`, or all of them; true when everything held.
pub fn run(root: &Path, only: &[Step]) -> anyhow::Result<bool> {
    let started = Instant::now();
    let wanted = |step: &Step| only.is_empty() || only.contains(step);
    let steps: Vec<Step> = Step::value_variants()
        .iter()
        .copied()
        .filter(wanted)
        .collect();
    let mut outcomes = Vec::new();
    let mut not_run = Vec::new();

    let installing = Instant::now();
    if steps.contains(&Step::Tools) {
        announce(Step::Tools);
    }
    let tools = tools::prepare(root, steps.contains(&Step::Tools));
    if steps.contains(&Step::Tools) {
        let passed = tools.problems.is_empty();
        outcomes.push(finish(Step::Tools, passed, installing, None));
    }

    for step in steps.iter().copied().filter(|step| *step != Step::Tools) {
        announce(step);
        let started = Instant::now();
        let built = outcomes.iter().any(|outcome| outcome.step == Step::Rust);
        let finished = perform(root, step, &tools, built, &mut not_run);
        let (passed, output) = match finished {
            Ok(finished) => (finished.success, finished.output),
            Err(error) => {
                eprintln!("  {error:#}");
                (false, String::new())
            }
        };
        let counts = step.counts().then(|| counts::read(&output)).flatten();
        outcomes.push(finish(step, passed, started, counts));
    }
    Ok(summarise(&outcomes, &tools, &not_run, started.elapsed()))
}

fn announce(step: Step) {
    println!("\n== {}", name(step));
}

fn finish(step: Step, passed: bool, started: Instant, counts: Option<Counts>) -> Outcome {
    let elapsed = started.elapsed();
    let verdict = if passed { "ok" } else { "FAILED" };
    println!(
        "== {}: {verdict} in {:.1} s",
        name(step),
        elapsed.as_secs_f64()
    );
    Outcome {
        step,
        passed,
        elapsed,
        counts,
    }
}

fn name(step: Step) -> String {
    let value = step.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Runs one step. What it must leave out is named in `not_run`.
fn perform(
    root: &Path,
    step: Step,
    tools: &Tools,
    built: bool,
    not_run: &mut Vec<&'static str>,
) -> anyhow::Result<Finished> {
    match step {
        Step::Tools => anyhow::bail!("the tools step is run first, and once"),
        Step::Fmt => command::run(root, "cargo fmt --all --check", &[]),
        Step::Tidy => {
            let violations = tidy::check(root)?;
            for violation in &violations {
                println!("  {violation}");
            }
            Ok(Finished {
                success: violations.is_empty(),
                output: String::new(),
            })
        }
        Step::Clippy => {
            let line = "cargo clippy --locked --workspace --all-targets -- -D warnings";
            command::run(root, line, &[])
        }
        Step::Docs => {
            let line = "cargo doc --locked --workspace --no-deps";
            // These crates are not published: what a page says of a private module is for whoever reads the source.
            let flags = "-D warnings -A rustdoc::private_intra_doc_links";
            command::run(root, line, &[("RUSTDOCFLAGS", flags)])
        }
        Step::Rust => rust_tests(root, tools, not_run),
        Step::Ui => {
            let ui = root.join("web/ui");
            let check = command::run(&ui, "npm run check", &[])?;
            let mut tests = command::run(&ui, "npm test", &[])?;
            tests.success &= check.success;
            Ok(tests)
        }
        Step::Browser => browser_tests(root, tools, built, not_run),
    }
}

/// All Rust tests of the workspace, without those whose other side is not installed.
fn rust_tests(
    root: &Path,
    tools: &Tools,
    not_run: &mut Vec<&'static str>,
) -> anyhow::Result<Finished> {
    let mut left_out = Vec::new();
    if !tools.codex {
        not_run.push("holdfast::it real::* (the real Codex is not installed)");
        left_out.push("real::");
    } else if !tools.tmux {
        not_run.push("holdfast::it real::tui::* (tmux is not installed)");
        left_out.push("real::tui::");
    }
    if !tools.nextest {
        let mut line = "cargo test --locked --workspace --no-fail-fast --".to_owned();
        for prefix in left_out {
            line.push_str(&format!(" --skip {prefix}"));
        }
        return command::run(root, &line, &[]);
    }
    let line = "nextest run --locked --workspace --no-fail-fast --config-file tests/nextest.toml";
    let mut args: Vec<&str> = line.split(' ').collect();
    let filter = left_out
        .first()
        .map(|prefix| format!("not test(/^{prefix}/)"));
    if let Some(filter) = &filter {
        args.extend(["-E", filter]);
    }
    let mut finished = command::run_args(root, "cargo", &args, &[])?;
    // nextest leaves out the examples in the documentation.
    let examples = command::run(root, "cargo test --locked --workspace --doc", &[])?;
    finished.success &= examples.success;
    finished.output.push_str(&examples.output);
    Ok(finished)
}

/// The browser tests, against the binary that the Rust tests have built.
fn browser_tests(
    root: &Path,
    tools: &Tools,
    built: bool,
    not_run: &mut Vec<&'static str>,
) -> anyhow::Result<Finished> {
    let Some(browser) = &tools.browser else {
        not_run.push("tests/browser/* (Chromium or playwright-core is not installed)");
        return Ok(Finished {
            success: true,
            output: String::new(),
        });
    };
    if !built {
        // The same command and features as the Rust step, so that nothing is ever built twice.
        command::must(root, "cargo test --locked --workspace --no-run")?;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let binary = target
        .unwrap_or_else(|| root.join("target"))
        .join("debug/holdfast");
    let mut files = Vec::new();
    for entry in root
        .join("tests/browser")
        .read_dir()
        .context("list tests/browser")?
    {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort();
    let mut args = vec!["--test", "--test-concurrency=1", "--test-reporter=spec"];
    args.extend(files.iter().map(String::as_str));
    let (binary, browser) = (binary.to_string_lossy(), browser.to_string_lossy());
    let env = [("HOLDFAST_BIN", &*binary), ("CHROMIUM", &*browser)];
    command::run_args(&root.join("tests"), "node", &args, &env)
}

/// Prints what held and what did not; true when everything did.
fn summarise(outcomes: &[Outcome], tools: &Tools, not_run: &[&str], elapsed: Duration) -> bool {
    println!("\n== summary after {:.0} s", elapsed.as_secs_f64());
    let mut total = Counts::default();
    let mut whole = true;
    for outcome in outcomes {
        let verdict = if outcome.passed { "ok" } else { "FAILED" };
        let tests = outcome.counts.map_or_else(String::new, |counts| {
            total += counts;
            format!("  {} passed, {} failed", counts.passed, counts.failed)
        });
        whole &= outcome.counts.is_some() || !outcome.step.counts() || outcome.passed;
        let seconds = outcome.elapsed.as_secs_f64();
        println!(
            "  {:<8} {verdict:<6} {seconds:>6.1} s{tests}",
            name(outcome.step)
        );
    }
    for problem in &tools.problems {
        println!("  not installed: {problem}");
    }
    for tests in not_run {
        println!("  not run: {tests}");
    }
    if !tools.nextest {
        println!("  cargo-nextest is not installed: `cargo test` ran the same tests");
    }
    let complete = not_run.is_empty() && tools.problems.is_empty();
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    if strict && !complete {
        println!("  CI=true: what is missing counts as a failure");
    }
    let passed = outcomes
        .iter()
        .all(|outcome| outcome.passed || outcome.step == Step::Tools);
    if !whole {
        println!("  no total: a step broke before its tests reported");
    } else if total != Counts::default() {
        println!("{} passed, {} failed", total.passed, total.failed);
    }
    passed && (complete || !strict)
}
