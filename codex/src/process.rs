//! The Codex process: started in a clean room, ended with everything that it started.
//!
//! It does not restart anything and does not speak the protocol. The owner decides what an [`Exit`] means.

mod environment;
mod exit;
mod launch;
pub mod launcher;
mod orphans;
mod spawner;
mod stderr;
mod tree;

use std::time::Duration;

use rustix::process::Signal;
use tokio::{
    process::{Child, ChildStdin, ChildStdout},
    sync::watch,
};

pub use environment::environment;
pub use exit::Exit;
pub(crate) use launch::is_executable;
pub use launch::{Launch, SpawnError};
pub use stderr::StderrTail;
pub use tree::{descends_from_this, kill_leftover, start_time};

/// A running process, its group, and all that descends from it. Dropping it kills them all.
#[derive(Debug)]
pub struct Process {
    /// Its stdin; take it to write. Closing it asks Codex to end.
    pub stdin: Option<ChildStdin>,
    /// Its stdout; take it to read.
    pub stdout: Option<ChildStdout>,
    child: Child,
    /// The leader of the group: the guard when there is one, else the program.
    leader: Identity,
    /// The program behind the guard, once the guard has said it.
    program: watch::Receiver<Option<Identity>>,
    guarded: bool,
    /// Given up when the leader is reaped.
    registration: Option<orphans::Registration>,
    stderr: StderrTail,
    grace: Duration,
    exit: Option<Exit>,
    ended: bool,
}

/// A pid and what tells it from later processes with the same number.
#[derive(Debug, Clone, Copy)]
struct Identity {
    pid: u32,
    /// In clock ticks since boot; `None` where there is no `/proc`.
    start_time: Option<u64>,
}

impl Identity {
    fn of(pid: u32) -> Self {
        Self {
            pid,
            start_time: start_time(pid),
        }
    }
}

impl Process {
    /// The process id of the program. Under a [`launcher`] it is the launcher's until [`started`](Self::started); that
    /// is as good for [`kill_leftover`].
    pub fn pid(&self) -> u32 {
        self.program().pid
    }

    /// When the kernel started [`pid`](Self::pid), in clock ticks since boot. Both together name a process until the
    /// next boot; see [`kill_leftover`]. `None` where there is no `/proc`.
    pub fn start_time(&self) -> Option<u64> {
        self.program().start_time
    }

    /// Waits the few milliseconds until the program's own process id is known, and gives it. When a launcher fails,
    /// its own. Cancel-safe.
    pub async fn started(&self) -> u32 {
        let mut program = self.program.clone();
        let _launcher_failed = program.wait_for(Option::is_some).await.is_err();
        self.pid()
    }

    /// The end of its stderr; the handle stays good after the process.
    pub fn stderr(&self) -> StderrTail {
        self.stderr.clone()
    }

    /// How long it may take to end, as the launch said.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Waits for the process, not for what it started (under a [`launcher`] for that too). Cancel-safe; later calls
    /// answer at once.
    pub async fn wait(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let exit = match self.child.wait().await {
            Ok(status) if self.guarded => {
                // A guard that ended by itself has left nothing.
                self.ended |= status.code().is_some();
                Exit::of_guarded(status)
            }
            Ok(status) => status.into(),
            // Somebody else reaped it; how it ended is not to be known any more.
            Err(_) => Exit::Code(-1),
        };
        self.registration = None;
        self.exit = Some(exit);
        exit
    }

    /// Ends the process and everything that it started: closes stdin (the owner must have dropped it, if it was taken),
    /// SIGTERM to the group, and after the process has ended or `grace` is over SIGKILL to all that is left, also to
    /// descendants that had left the group.
    pub async fn stop(&mut self, grace: Duration) -> Exit {
        self.stdin = None;
        let Identity { pid, start_time } = self.leader;
        // Without a guard, who descends from it can only be seen as long as the parents live.
        let descendants = if self.guarded {
            Vec::new()
        } else {
            tree::descendants(pid)
        };
        tree::signal_group(pid, start_time, Signal::TERM);
        let in_time = tokio::time::timeout(grace, self.wait()).await;
        self.end();
        descendants.iter().for_each(tree::Descendant::kill);
        if let Ok(exit) = in_time {
            return exit;
        }
        let exit = self.wait().await;
        self.end_orphans();
        exit
    }

    /// SIGKILL to all that is left.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            tree::end(self.leader.pid, self.leader.start_time);
            self.end_orphans();
        }
    }

    /// SIGKILL to what a killed launcher could not end any more.
    fn end_orphans(&self) {
        if self.guarded && self.exit.is_some() {
            orphans::end(self.leader.start_time);
        }
    }

    fn program(&self) -> Identity {
        self.program.borrow().unwrap_or(self.leader)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
