//! Why a bridge is not up: typed, and in words for log, page and the end of a turn.

use std::fmt;

use codex::process::Exit;

/// Why a bridge went down or could not come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The process could not be started.
    SpawnFailed(String),
    /// This Codex is too old or says nothing sensible of itself.
    WrongVersion(String),
    /// It speaks another protocol, or none.
    Protocol(String),
    /// It has no account, and its provider wants one.
    NotSignedIn,
    /// It ran but did not get through handshake or resume.
    StartFailed(String),
    /// The thread's file is larger than Codex should read by itself.
    RolloutTooLarge { bytes: u64, limit: u64 },
    /// Another process works on the thread.
    Held,
    /// As many Codex run as may.
    NoRoom(usize),
    /// What the last host wrote down.
    Recorded(String),
    /// The process ended; the last lines of its stderr, redacted.
    Exited { exit: Exit, stderr: Vec<String> },
    /// The kernel killed it, and says that it kills for want of memory.
    OutOfMemory { stderr: Vec<String> },
    /// It held more memory than it may, and had nothing to do.
    OverMemory { bytes: u64, limit: u64 },
    /// It lives but its stdout is closed; it was killed.
    StdoutClosed,
    /// It lives but does not answer; it was killed.
    Unresponsive,
    /// A person asked for a restart.
    Requested,
    /// It was stopped since nothing was to do.
    Idle,
    /// The host is going down.
    HostStopped,
    /// A bug of the host; the bridge's actor failed.
    HostFault(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpawnFailed(why) | Self::WrongVersion(why) => f.write_str(why),
            Self::StartFailed(why) => write!(f, "codex did not come up: {why}"),
            Self::Protocol(why) => write!(
                f,
                "this program does not speak as codex app-server does: {why}; see codex.path and codex.args"
            ),
            Self::NotSignedIn => f.write_str(
                "codex is not signed in; run `codex login` on this machine, for the CODEX_HOME that the host uses, then retry",
            ),
            Self::RolloutTooLarge { bytes, limit } => write!(
                f,
                "its file has {}, more than codex.rollout_limit ({}), all of which codex would read into memory",
                mebibytes(*bytes),
                mebibytes(*limit)
            ),
            Self::NoRoom(limit) => write!(
                f,
                "{limit} codex run already (limits.bridges) and all are busy; waiting for one of them"
            ),
            Self::Recorded(why) => f.write_str(why),
            Self::Held => {
                f.write_str("another process works on this thread; close it there, then retry")
            }
            Self::Exited { exit, .. } => write!(f, "codex ended: {exit}"),
            Self::OutOfMemory { .. } => f.write_str(
                "codex was killed by signal 9 (SIGKILL), by the kernel it seems, since memory ran out",
            ),
            Self::OverMemory { bytes, limit } => write!(
                f,
                "parked, since codex held {}, more than codex.memory_limit ({})",
                mebibytes(*bytes),
                mebibytes(*limit)
            ),
            Self::Unresponsive => f.write_str("codex did not answer any more and was killed"),
            Self::StdoutClosed => f.write_str("codex closed its output and was stopped"),
            Self::Requested => f.write_str("restarted on request"),
            Self::Idle => f.write_str("parked, since nothing was to do"),
            Self::HostStopped => f.write_str("the host stopped"),
            Self::HostFault(why) => write!(f, "the host failed: {why}"),
        }
    }
}

/// A size for people.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

impl Cause {
    /// Nothing gets better by itself: a person has to do something first.
    pub(super) fn needs_a_person(&self) -> bool {
        matches!(
            self,
            Self::WrongVersion(_) | Self::Protocol(_) | Self::NotSignedIn
        )
    }

    /// What the process said last.
    pub(crate) fn stderr(&self) -> &[String] {
        match self {
            Self::Exited { stderr, .. } | Self::OutOfMemory { stderr } => stderr,
            _ => &[],
        }
    }

    /// A short word for statistics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::SpawnFailed(_) => "spawn-failed",
            Self::WrongVersion(_) => "wrong-version",
            Self::Protocol(_) => "protocol",
            Self::NotSignedIn => "not-signed-in",
            Self::StartFailed(_) => "start-failed",
            Self::RolloutTooLarge { .. } => "rollout-too-large",
            Self::Held => "held",
            Self::NoRoom(_) => "no-room",
            Self::Recorded(_) => "recorded",
            Self::Exited {
                exit: Exit::Signal(_),
                ..
            } => "signal",
            Self::Exited {
                exit: Exit::Code(_),
                ..
            } => "exit-code",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::OverMemory { .. } => "memory-limit",
            Self::StdoutClosed => "stdout-closed",
            Self::Unresponsive => "unresponsive",
            Self::Requested => "requested",
            Self::Idle => "idle",
            Self::HostStopped => "host-stopped",
            Self::HostFault(_) => "host-fault",
        }
    }
}
