//! `holdfast bench`: what this machine allows and what the host makes of it, side by side in one run.
//!
//! Two targets stream the same deltas to the same number of clients: the *limit*, a minimal program from a pipe to sockets
//! that does no work at all, and a whole host (redaction, journal, admission and numbers on) with the simulated Codex. The
//! clients check every number. It asserts nothing about time; a ratio within one run is what can be compared.

mod client;
mod growth;
mod hist;
mod host;
mod limit;
mod peer;
mod report;
mod usage;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

use crate::args::BenchArgs;
use report::{Row, Target};

pub use limit::{serve as limit, source};

/// One load: who streams how much to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Sessions that stream at once.
    pub sessions: usize,
    /// Tabs of each session that read.
    pub tabs: usize,
    /// Deltas a second of each session; 0: as many as there can be.
    pub rate: u64,
    /// Bytes of text a delta.
    pub size: usize,
    /// How long it streams.
    pub time: Duration,
    /// Connections besides that are attached to nothing.
    pub idle: usize,
    /// Tabs besides, of the first session, that stop reading while it streams and read everything afterwards.
    pub stalled: usize,
    /// Tabs besides, of the first session, that drop their connection twice a second and come back at their cursor.
    pub reconnecting: usize,
    /// Each hundredth delta holds a secret.
    pub secrets: bool,
}

/// What the host drives, and what of it is on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agent {
    /// The real Codex, with a scripted model; else the simulated one.
    pub codex: Option<PathBuf>,
    pub without_journal: bool,
}

impl Agent {
    fn of(args: &BenchArgs) -> Self {
        Self {
            codex: args.codex.clone(),
            without_journal: args.without_journal,
        }
    }

    /// The lines of the configuration under `[codex]`.
    fn settings(&self, own: &Path) -> String {
        match &self.codex {
            Some(program) => format!("path = {program:?}\n"),
            None => format!("path = {own:?}\nargs = [\"simulated-codex\"]\n"),
        }
    }
}

/// Runs every load that was asked for, and prints the table.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    if args.growth {
        runtime.block_on(growth::run(Duration::from_secs(args.seconds.max(1))))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    for load in loads(args) {
        let mut runs: Vec<(Option<Row>, Row)> = Vec::new();
        for _ in 0..args.repeat.max(1) {
            let limit = match args.no_limit {
                true => None,
                false => Some(runtime.block_on(limit::measure(load))?),
            };
            let mut own = runtime.block_on(host::measure(load, &Agent::of(args)))?;
            own.share = limit.as_ref().map(|limit| own.rate / limit.rate);
            runs.push((limit, own));
        }
        let (limit, own) = report::median(runs);
        let peer = match &args.codex {
            Some(program) => Some(runtime.block_on(peer::measure(load, program))?),
            None => None,
        };
        for row in limit.into_iter().chain([own]).chain(peer) {
            if !args.json {
                row.print_progress();
            }
            rows.push(row);
        }
    }
    report::print(&rows, args.json);
    let clean = rows
        .iter()
        .filter(|row| row.target == Target::Host)
        .all(Row::is_clean);
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn loads(args: &BenchArgs) -> impl Iterator<Item = Load> + '_ {
    let pairs = args
        .rate
        .iter()
        .flat_map(|rate| args.tabs.iter().map(|tabs| (*rate, *tabs)));
    pairs.map(|(rate, tabs)| Load {
        sessions: args.sessions.max(1),
        tabs,
        rate,
        size: args.size,
        time: Duration::from_secs(args.seconds.max(1)),
        idle: args.idle,
        stalled: args.stalled,
        reconnecting: args.reconnecting,
        secrets: args.secrets,
    })
}
