//! One child process of a step: shown, run to its end, its output passed on and kept for counting.
//!
//! Not a shell: a program and its arguments, no pipes and no quoting.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// What a child left behind.
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its stdout and stderr as one text, without colour.
    pub output: String,
}

/// Runs `line` (program, then arguments, split at blanks) in `dir`, passing its output through.
pub fn run(dir: &Path, line: &str, env: &[(&str, &str)]) -> anyhow::Result<Finished> {
    let mut words = line.split_whitespace();
    let program = words.next().context("run an empty command line")?;
    let args: Vec<&str> = words.collect();
    run_args(dir, program, &args, env)
}

/// As [`run`], for arguments that hold blanks.
pub fn run_args(
    dir: &Path,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
) -> anyhow::Result<Finished> {
    println!("  $ {program} {}", args.join(" "));
    let (reader, writer) = io::pipe().context("open a pipe for a child's output")?;
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(dir)
        .stdout(writer.try_clone()?)
        .stderr(writer);
    if io::stdout().is_terminal() {
        command
            .env("CARGO_TERM_COLOR", "always")
            .env("FORCE_COLOR", "1");
    }
    command.envs(env.iter().copied());
    let mut child = command
        .spawn()
        .with_context(|| format!("start {program}"))?;
    // The builder still holds the write ends; the reader would wait for them for ever.
    drop(command);

    let mut output = String::new();
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()?;
        output.push_str(&without_colour(&String::from_utf8_lossy(&bytes)));
        bytes.clear();
    }
    let status = child
        .wait()
        .with_context(|| format!("wait for {program}"))?;
    Ok(Finished {
        success: status.success(),
        output,
    })
}

/// Runs `line` and turns a failure into an error that names it.
pub fn must(dir: &Path, line: &str) -> anyhow::Result<()> {
    if !run(dir, line, &[])?.success {
        bail!("`{line}` failed in {}", dir.display());
    }
    Ok(())
}

/// Whether `program` can be found through PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// `text` without terminal control sequences of the form `ESC [ … letter`.
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(sequence.len(), |end| end + 1);
        rest = &sequence[end..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_removed_and_the_text_stays() {
        assert_eq!(
            without_colour("\u{1b}[32;1mok\u{1b}[0m 3 passed\n"),
            "ok 3 passed\n"
        );
        assert_eq!(without_colour("plain ü"), "plain ü");
    }

    #[test]
    fn both_outputs_of_a_child_are_kept_in_order() {
        let args = ["-c", "echo one; echo two >&2; echo three"];
        let finished = run_args(Path::new("."), "sh", &args, &[]).unwrap();
        assert_eq!(
            (finished.success, finished.output.as_str()),
            (true, "one\ntwo\nthree\n")
        );
    }

    #[test]
    fn a_failing_child_is_an_error_that_names_the_command() {
        let error = must(Path::new("."), "false").unwrap_err();
        assert_eq!(error.to_string(), "`false` failed in .");
    }
}
