//! What is made from the definition of the command line: manual pages and the completions of shells. Hidden commands are in
//! neither.

use std::{fs, io};

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::{CommandLine, CompletionsArgs, ManArgs};

/// Prints the completions.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<std::process::ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut CommandLine::command(),
        "holdfast",
        &mut text,
    );
    io::Write::write_all(&mut io::stdout().lock(), &text).context("print the completions")?;
    Ok(std::process::ExitCode::SUCCESS)
}

/// Writes one page for the program and one for each command.
pub fn man(args: &ManArgs) -> anyhow::Result<std::process::ExitCode> {
    fs::metadata(&args.dir).with_context(|| format!("find the folder {}", args.dir.display()))?;
    clap_mangen::generate_to(CommandLine::command(), &args.dir)
        .with_context(|| format!("write the manual pages into {}", args.dir.display()))?;
    Ok(std::process::ExitCode::SUCCESS)
}
