//! The `holdfast` binary: reads the command line and hands over. What a command does is in its own module.

mod args;
mod bench;
mod check;
mod client;
mod control;
mod demo;
mod hardening;
mod init;
mod journal_tools;
mod known_values;
mod log_file;
mod manual;
mod marker_key;
mod notify_test;
mod pair;
mod redact;
mod reload;
mod serve;
mod service_manager;
mod settings;
mod sign_ins;
mod tailscale;
mod telemetry;
mod token;

use std::process::ExitCode;

use args::{Command, CommandLine};

fn main() -> ExitCode {
    let result = match CommandLine::read().command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => check::run(args),
        Command::Token(args) => token::run(args).map(|()| ExitCode::SUCCESS),
        Command::Pair(args) => pair::run(args),
        Command::Reload(args) => reload::run(args),
        Command::SignIns(args) => sign_ins::run(args),
        Command::NotifyTest(args) => notify_test::run(args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        command @ (Command::Sessions(_)
        | Command::Attach(_)
        | Command::Send(_)
        | Command::Approve(_)
        | Command::Status(_)
        | Command::Export(_)) => client::run(command),
        Command::Journal(args) => journal_tools::run(args),
        Command::Redact(args) => redact::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchLimit(args) => bench::limit(&args),
        Command::BenchSource(args) => bench::source(&args),
        Command::SimulatedCodex(raw) => Ok(codex::simulated::main(raw.args.into_iter())),
        Command::ScriptedModel(raw) => Ok(codex::scripted_model::main(raw.args.into_iter())),
        Command::CodexLauncher(raw) => codex::process::launcher::exec(raw.args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("holdfast: {error:#}");
        ExitCode::FAILURE
    })
}
