//! The bridge: one running Codex process, and the actor that owns it.
//!
//! It reads Codex's stdout in its own `next`, beside the mailbox and the process's end, so that a panic anywhere in the
//! pipeline is an actor's failure and nothing else. Its supervisor may stop it and is told when the process ends; its
//! death means that the process is gone, with everything that it started. It never restarts anything.

mod encoded;
mod ingest;
mod link;
mod redact;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codex::{
    lines::{Fill, LineReader},
    process::{Exit, Launch, Process, SpawnError, StderrTail},
};
use kameo::{mailbox::Signal, prelude::*};
use tokio::{
    io::AsyncWriteExt as _,
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    time::Instant,
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use self::{ingest::Ingest, link::STDIN_LINES};
pub(crate) use self::{
    link::{Answer, BridgeLink, CallError, FIRST_CALL, Place},
    redact::redact_json,
};
use crate::{
    directory::Directory,
    feed::Feed,
    redactor::LiveRedactor,
    supervisor::{BridgeEnded, BridgeSpawned, Cause, Purpose, SupervisorRef},
};

/// How long stdout is read on after the process has ended: a grandchild that inherited the pipe may keep it open.
const DRAIN: Duration = Duration::from_millis(250);
/// Held text is looked at this often.
const TICK: Duration = Duration::from_millis(50);
/// Lines of stderr that go into the cause of an exit, and their length in characters.
const LAST_WORDS: (usize, usize) = (8, 400);
/// How long they are waited for: a grandchild may hold the pipe open.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(50);
/// After so many bytes it is looked whether tabs follow.
const STEP: usize = 256 * 1024;
/// How long they are waited for then. Together: tabs that want more than this machine can do slow a Codex down to 1.3 MB/s at the
/// least, which is far more than a model says. A client that is slow by itself slows nobody.
const PATIENCE: Duration = Duration::from_millis(200);

/// The recipe of a bridge.
pub(crate) struct BridgeArgs {
    pub launch: Launch,
    /// A process that runs already, and has been sent its [`FIRST_CALL`].
    pub warm: Option<Process>,
    pub max_line: usize,
    pub incarnation: u64,
    pub supervisor: SupervisorRef,
    pub redactor: Arc<LiveRedactor>,
    pub directory: Arc<Directory>,
    pub purpose: Purpose,
    /// Held until the process is reaped; the host's shutdown waits for it.
    pub alive: TaskTrackerToken,
}

/// One running Codex.
pub(crate) struct Bridge {
    process: Process,
    lines: LineReader<ChildStdout>,
    ingest: Ingest,
    link: Arc<BridgeLink>,
    supervisor: SupervisorRef,
    redactor: Arc<LiveRedactor>,
    directory: Arc<Directory>,
    stderr: StderrTail,
    grace: Duration,
    reading: Reading,
    next_tick: Option<Instant>,
    /// Bytes of lines since it was looked whether tabs follow.
    taken: usize,
    _alive: TaskTrackerToken,
}

/// How far the process and its stdout are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Both are alive.
    Open,
    /// The process has ended; its stdout is read until its end or this moment.
    Draining { exit: Exit, until: Instant },
    /// All is over, and the supervisor knows.
    Over,
}

impl Actor for Bridge {
    type Args = BridgeArgs;
    type Error = SpawnError;

    async fn on_start(args: BridgeArgs, _: ActorRef<Self>) -> Result<Self, SpawnError> {
        let is_warm = args.warm.is_some();
        let mut process = match args.warm {
            Some(process) => process,
            None => args.launch.spawn()?,
        };
        let pid = process.started().await;
        args.directory
            .note_process(pid, process.start_time(), &args.launch.program);
        let (stdin, lines_in) = mpsc::channel(STDIN_LINES);
        let link = Arc::new(BridgeLink::new(
            args.incarnation,
            pid,
            args.supervisor.clone(),
            stdin,
            is_warm,
        ));
        if let Some(pipe) = process.stdin.take() {
            tokio::spawn(write_lines(pipe, lines_in));
        }
        let stdout = process
            .stdout
            .take()
            .expect("the pipe was made by this spawn and taken by nobody");
        let spawned = BridgeSpawned {
            incarnation: args.incarnation,
            link: Arc::clone(&link),
        };
        args.supervisor.tell(spawned).await;
        tracing::info!(pid, "codex started");
        Ok(Self {
            lines: LineReader::with_max_line(stdout, args.max_line),
            ingest: Ingest::new(
                Arc::clone(&link),
                Arc::clone(&args.redactor),
                Arc::clone(&args.directory),
                args.purpose,
            ),
            link,
            supervisor: args.supervisor,
            redactor: args.redactor,
            directory: args.directory,
            stderr: process.stderr(),
            grace: process.grace(),
            process,
            reading: Reading::Open,
            next_tick: None,
            taken: 0,
            _alive: args.alive,
        })
    }

    async fn next(
        &mut self,
        _: WeakActorRef<Self>,
        mailbox: &mut MailboxReceiver<Self>,
    ) -> Result<Option<Signal<Self>>, SpawnError> {
        loop {
            if self.reading == Reading::Over {
                // The supervisor knows; it stops this actor.
                return Ok(mailbox.recv().await);
            }
            if let Some(full) = self.ingest.full_feed() {
                // Backpressure: nothing is read until the journal has caught up. Codex waits on its pipe.
                tokio::select! {
                    biased;
                    signal = mailbox.recv() => return Ok(signal),
                    () = full.room() => {
                        self.link.heard();
                        continue;
                    }
                }
            }
            if self.taken >= STEP && self.reading == Reading::Open {
                self.taken = 0;
                if let Some(ahead) = self.ingest.feed_ahead() {
                    tokio::select! {
                        biased;
                        signal = mailbox.recv() => return Ok(signal),
                        () = ahead.followed(PATIENCE) => self.link.heard(),
                    }
                }
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                signal = mailbox.recv() => return Ok(signal),
                fill = self.lines.fill() => match fill {
                    Ok(Fill::Data) => self.take_lines(),
                    Ok(Fill::Eof) => {
                        self.take_lines();
                        self.stdout_ended().await;
                    }
                    Err(err) => {
                        tracing::warn!(pid = self.link.pid, err = %err, "read codex's output");
                        self.stdout_ended().await;
                    }
                },
                exit = self.process.wait(), if self.reading == Reading::Open => {
                    self.reading = Reading::Draining { exit, until: Instant::now() + DRAIN };
                }
                () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.time_passed().await,
            }
        }
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorStopReason,
    ) -> Result<(), SpawnError> {
        self.link.close();
        // Also after an exit: what Codex left behind goes with it.
        self.process.stop(self.grace).await;
        self.directory
            .forget_process(self.link.pid, self.process.start_time());
        Ok(())
    }
}

impl Bridge {
    fn take_lines(&mut self) {
        let (read_at, mut bytes) = (std::time::Instant::now(), 0);
        self.link.heard();
        while let Some(line) = self.lines.next_line() {
            match line {
                Ok(line) => {
                    bytes += line.len() + 1;
                    self.taken += line.len();
                    self.ingest.line(line);
                }
                Err(oversized) => self.ingest.oversized(&oversized),
            }
        }
        self.directory.metrics.codex_said(bytes);
        self.ingest.flush_read_at(Some(read_at));
        if self.next_tick.is_none() && self.ingest.holds_text() {
            self.next_tick = Some(Instant::now() + TICK);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.reading {
            Reading::Draining { until, .. } => Some(until),
            Reading::Open | Reading::Over => self.next_tick,
        }
    }

    async fn time_passed(&mut self) {
        match self.reading {
            Reading::Draining { exit, .. } => self.end(self.exited(exit).await).await,
            Reading::Open | Reading::Over => {
                self.ingest.tick(TICK);
                self.next_tick = self.ingest.holds_text().then(|| Instant::now() + TICK);
            }
        }
    }

    async fn stdout_ended(&mut self) {
        match self.reading {
            Reading::Draining { exit, .. } => self.end(self.exited(exit).await).await,
            // A Codex whose stdout is closed would work on unseen: it gets a moment to end, then it is stopped.
            Reading::Open => match tokio::time::timeout(DRAIN, self.process.wait()).await {
                Ok(exit) => self.end(self.exited(exit).await).await,
                Err(_) => self.end(Cause::StdoutClosed).await,
            },
            Reading::Over => {}
        }
    }

    async fn exited(&self, exit: Exit) -> Cause {
        // Its last words may still be on their way through the pipe.
        let _cut = tokio::time::timeout(LAST_WORDS_WAIT, self.stderr.ended()).await;
        // As one text: a secret may have several lines.
        let text = self.stderr.lines().join("\n");
        let clean = self.redactor.current().redact(&text).into_owned();
        let last = clean.lines().rev().filter(|line| !line.trim().is_empty());
        let mut stderr: Vec<String> = last
            .take(LAST_WORDS.0)
            .map(|line| line.chars().take(LAST_WORDS.1).collect())
            .collect();
        stderr.reverse();
        Cause::Exited { exit, stderr }
    }

    /// All is read and nothing follows: the supervisor decides what comes next.
    async fn end(&mut self, cause: Cause) {
        self.reading = Reading::Over;
        self.ingest.end();
        self.link.close();
        let ended = BridgeEnded {
            incarnation: self.link.incarnation,
            cause,
        };
        self.supervisor.tell(ended).await;
    }
}

/// The bridge now belongs to this session: the thread that it just began.
pub(crate) struct BelongTo(pub(crate) Arc<Feed>);

impl Message<BelongTo> for Bridge {
    type Reply = ();

    async fn handle(&mut self, BelongTo(feed): BelongTo, _: &mut Context<Self, ()>) {
        self.ingest.set_main(feed);
    }
}

/// Stop Codex in good order and say so.
pub(crate) struct StopBridge {
    pub cause: Cause,
    /// It does not react: no grace.
    pub at_once: bool,
}

impl Message<StopBridge> for Bridge {
    type Reply = ();

    async fn handle(&mut self, stop: StopBridge, _: &mut Context<Self, ()>) {
        if self.reading == Reading::Over {
            return;
        }
        if stop.at_once {
            self.grace = Duration::ZERO;
        }
        self.process.stop(self.grace).await;
        let drained = tokio::time::timeout(DRAIN, async {
            while let Ok(Fill::Data) = self.lines.fill().await {
                self.take_lines();
            }
        });
        // A grandchild may hold the pipe open; what it writes is not Codex's.
        let _ = drained.await;
        self.take_lines();
        self.end(stop.cause).await;
    }
}

/// Writes lines to Codex's stdin until the link is gone or Codex does not read any more.
async fn write_lines(mut pipe: ChildStdin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        if pipe.write_all(&line).await.is_err() {
            return; // Codex has ended; the bridge sees that too.
        }
    }
}
