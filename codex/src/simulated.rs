//! The simulated Codex: a program that speaks the app-server protocol over stdio like the real one, without a model, an
//! account or a network. It is for demo, tests and benches; it never pretends to be real (user agent, model name and a
//! `configWarning` say so), executes no command and changes no file outside `$CODEX_HOME/simulated`.
//!
//! Prompts decide what happens, in the language of [`crate::scenario`]. What a client can see follows the real Codex
//! 0.169: the same messages with the same fields in the same order, the same errors, and the same losses (streamed text
//! is nowhere on disk, a thread before its first turn is gone with the process, `workspace-write` does not survive a
//! resume). It differs on purpose in these points:
//!
//! - Streaming waits for a reader that does not read, instead of buffering without a limit.
//! - `ask` needs no plan mode; `thread/list` and the other lists have cursors of their own form.
//! - Requests are answered one after the other, and with "overloaded" only when the option `--fault` says so.
//!
//! One system thread reads stdin, one writes stdout, each running turn has one. Only SIGTERM is waited for with tokio,
//! because a signal cannot be waited for otherwise without unsafe code.

#![allow(
    non_camel_case_types,
    reason = "the macro `object!` names type parameters after the fields that have them"
)]

mod approvals;
mod catalog;
mod commands;
mod control;
mod deltas;
mod edits;
mod faults;
mod files;
mod ids;
mod output;
mod requests;
mod rollout;
mod server;
mod shapes;
mod steps;
mod thread;
mod thread_reads;
mod thread_requests;
mod turn;
mod turn_requests;
mod usage;
mod wire;

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use control::{Control, Heed};
use output::Output;
use server::Server;
use thread::VERSION;

const USAGE: &str = "\
usage: simulated-codex app-server [--fault FAULT]     speak the app-server protocol on stdin and stdout
       simulated-codex --version

faults: exit=CODE (at once), hang (never answers), slow=MILLISECONDS (starts late),
        overload=COUNT (refuses so many requests after `initialize`)
";

/// What goes wrong from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Exit(u8),
    Hang,
    Slow(Duration),
    Overload(u32),
}

/// Runs the simulated Codex with these arguments, the program's name not among them. Other options of the real one, like
/// `-c key=value`, are accepted and mean nothing.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    if args.iter().any(|arg| arg == "--version" || arg == "-V") {
        println!("codex-cli {VERSION} (simulated)");
        return ExitCode::SUCCESS;
    }
    if !args.iter().any(|arg| arg == "app-server") {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    }
    let fault = args
        .iter()
        .skip_while(|arg| *arg != "--fault")
        .nth(1)
        .map(|fault| read_fault(fault));
    match fault {
        Some(None) => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
        Some(Some(Fault::Exit(code))) => ExitCode::from(code),
        fault => match serve(fault.flatten()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: the simulated Codex cannot run: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn read_fault(fault: &str) -> Option<Fault> {
    match fault.split_once('=') {
        Some(("exit", code)) => code.parse().ok().map(Fault::Exit),
        Some(("slow", time)) => time
            .parse()
            .ok()
            .map(|time| Fault::Slow(Duration::from_millis(time))),
        Some(("overload", count)) => count.parse().ok().map(Fault::Overload),
        None if fault == "hang" => Some(Fault::Hang),
        _ => None,
    }
}

fn serve(fault: Option<Fault>) -> io::Result<()> {
    let server = Arc::new(Server::new(Output::start(), codex_home()?));
    end_on_sigterm(Arc::clone(&server))?;
    match fault {
        Some(Fault::Hang) => {
            Control::default().wait();
        }
        Some(Fault::Slow(time)) => {
            let _ = Control::default().wait_until(Instant::now() + time, Heed::Endings);
        }
        Some(Fault::Overload(count)) => server.overload.store(count, Ordering::Relaxed),
        Some(Fault::Exit(_)) | None => {}
    }
    let mut input = BufReader::with_capacity(1 << 20, io::stdin());
    let mut line = String::new();
    loop {
        line.clear();
        match input.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => {
                server.wait_for_reading();
                server.receive(&line);
            }
            // The real one ends cleanly over text that is no UTF-8.
            Err(error) => {
                eprintln!("ERROR failed to read stdin: {error}");
                break;
            }
        }
    }
    server.shut_down();
    Ok(())
}

fn codex_home() -> io::Result<PathBuf> {
    if let Some(home) = std::env::var_os("CODEX_HOME").filter(|home| !home.is_empty()) {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    home.map(|home| PathBuf::from(home).join(".codex"))
        .ok_or_else(|| io::Error::other("neither CODEX_HOME nor HOME is set"))
}

/// Ends the process cleanly when it is told to.
fn end_on_sigterm(server: Arc<Server>) -> io::Result<()> {
    use tokio::{
        runtime::Builder,
        signal::unix::{SignalKind, signal},
    };
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut terminated = {
        let _context = runtime.enter();
        signal(SignalKind::terminate())?
    };
    std::thread::spawn(move || {
        runtime.block_on(terminated.recv());
        server.shut_down();
        std::process::exit(0);
    });
    Ok(())
}
