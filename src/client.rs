//! The commands that talk to a running host as a client of its wire: `sessions`, `attach`, `send`, `approve`, `status`,
//! `export`. Each is a tab like any other, here or on another machine. Not for what the owner asks on the control socket.
//!
//! ```text
//! door.rs    where the host is, and the token         socket.rs  one connection
//! follow.rs  a session over broken connections        find.rs    the session that is meant
//! safe.rs    text of others on this terminal          paint.rs   colours and columns
//! item.rs    items in words                           request.rs questions in words
//! links.rs   which link is broken                     the rest   a command each
//! ```

mod approve;
mod attach;
mod door;
mod export;
mod failure;
mod find;
mod follow;
mod item;
mod links;
mod paint;
mod request;
mod safe;
mod send;
mod sessions;
mod socket;
mod status;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::SystemTime,
};

use failure::Failure;
use paint::Paint;

use crate::args::Command;

pub use paint::bytes as shown_bytes;

/// Runs one of the client commands to its end.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut out = Stdout::open();
    let done = runtime.block_on(async {
        match command {
            Command::Sessions(args) => sessions::run(args, &mut out).await,
            Command::Attach(args) => attach::run(args, &mut out).await,
            Command::Send(args) => send::run(args, &mut out).await,
            Command::Approve(args) => approve::run(args, &mut out).await,
            Command::Status(args) => status::run(args, &mut out).await,
            Command::Export(args) => export::run(args, &mut out).await,
            _ => unreachable!("main hands over client commands alone"),
        }
    });
    // A thread that still looks a name up must not hold the command back.
    runtime.shutdown_background();
    let status = done.unwrap_or_else(|failure| {
        if !matches!(failure, Failure::OutputClosed) {
            eprintln!("holdfast: {failure}");
        }
        failure.exit_status()
    });
    Ok(ExitCode::from(status))
}

/// Where results go. What is only about the connection goes to stderr.
pub struct Stdout {
    out: io::Stdout,
    /// Its colours.
    pub paint: Paint,
}

impl Stdout {
    fn open() -> Self {
        let out = io::stdout();
        let paint = Paint::of(&out);
        Self { out, paint }
    }

    /// Whether a person sees it.
    fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }

    /// Writes a text and sees that it is gone.
    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = self.out.lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        let mut out = self.out.lock();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
