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
    /// It ran but did not get through handshake or resume.
    StartFailed(String),
    /// Another process works on the thread.
    Held,
    /// As many Codex run as may.
    NoRoom(usize),
    /// What the last host wrote down.
    Recorded(String),
    /// The process ended; the last lines of its stderr, redacted.
    Exited { exit: Exit, stderr: Vec<String> },
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
            Self::NoRoom(limit) => write!(
                f,
                "{limit} codex run already (limits.bridges) and all are busy; waiting for one of them"
            ),
            Self::Recorded(why) => f.write_str(why),
            Self::Held => {
                f.write_str("another process works on this thread; close it there, then retry")
            }
            Self::Exited { exit, .. } => write!(f, "codex ended: {exit}"),
            Self::Unresponsive => f.write_str("codex did not answer any more and was killed"),
            Self::StdoutClosed => f.write_str("codex closed its output and was stopped"),
            Self::Requested => f.write_str("restarted on request"),
            Self::Idle => f.write_str("parked, since nothing was to do"),
            Self::HostStopped => f.write_str("the host stopped"),
            Self::HostFault(why) => write!(f, "the host failed: {why}"),
        }
    }
}

impl Cause {
    /// What the process said last.
    pub(crate) fn stderr(&self) -> &[String] {
        match self {
            Self::Exited { stderr, .. } => stderr,
            _ => &[],
        }
    }

    /// A short word for statistics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::SpawnFailed(_) => "spawn-failed",
            Self::WrongVersion(_) => "wrong-version",
            Self::StartFailed(_) => "start-failed",
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
            Self::StdoutClosed => "stdout-closed",
            Self::Unresponsive => "unresponsive",
            Self::Requested => "requested",
            Self::Idle => "idle",
            Self::HostStopped => "host-stopped",
            Self::HostFault(_) => "host-fault",
        }
    }
}
