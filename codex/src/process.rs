//! The Codex process: started in a clean room, ended with everything that it started.
//!
//! It does not restart anything and does not speak the protocol. The owner decides what an [`Exit`] means.

mod environment;
mod exit;
mod launch;
pub mod launcher;
mod spawner;
mod stderr;
mod tree;

use std::{sync::OnceLock, time::Duration};

use rustix::process::Signal;
use tokio::process::{Child, ChildStdin, ChildStdout};

pub use environment::environment;
pub use exit::Exit;
pub(crate) use launch::is_executable;
pub use launch::{Launch, SpawnError};
pub use stderr::StderrTail;
pub use tree::{kill_leftover, start_time};

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
    /// The program behind the guard, once it is known.
    program: OnceLock<Identity>,
    guarded: bool,
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

impl Process {
    /// The process id of the program. In its first milliseconds under a [`launcher`] it is the launcher's, which is as
    /// good for [`kill_leftover`].
    pub fn pid(&self) -> u32 {
        self.program().pid
    }

    /// When the kernel started [`pid`](Self::pid), in clock ticks since boot. Both together name a process until the
    /// next boot; see [`kill_leftover`]. `None` where there is no `/proc`.
    pub fn start_time(&self) -> Option<u64> {
        self.program().start_time
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
        match in_time {
            Ok(exit) => exit,
            Err(_) => self.wait().await,
        }
    }

    /// SIGKILL to all that is left.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            tree::end(self.leader.pid, self.leader.start_time);
        }
    }

    fn program(&self) -> Identity {
        if !self.guarded {
            return self.leader;
        }
        if let Some(program) = self.program.get() {
            return *program;
        }
        // The program is the guard's first child; orphans that it adopts are younger.
        let oldest = tree::descendants(self.leader.pid)
            .into_iter()
            .min_by_key(|child| child.start_time);
        let Some(oldest) = oldest else {
            return self.leader;
        };
        let program = Identity {
            pid: oldest.pid,
            start_time: Some(oldest.start_time),
        };
        *self.program.get_or_init(|| program)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
