//! How a bridge stands, for those who watch it.
//!
//! Only the states; which follows which is the supervisor's business.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Cause, Purpose};
use crate::bridge::BridgeLink;

/// How a bridge stands.
#[derive(Debug, Clone)]
pub(crate) enum BridgeStatus {
    /// No process, and none is wanted.
    Parked,
    /// A process is being brought up.
    Starting,
    /// Usable.
    Up(Arc<BridgeLink>),
    /// Waiting for the next start.
    Backoff {
        attempt: u32,
        until: Instant,
        cause: Cause,
    },
    /// Given up; a person has to retry.
    Failed(Cause),
    /// The thread killed its bridge while it was resumed; a person has to retry.
    Quarantined(Cause),
}

impl BridgeStatus {
    /// As the last host left it: what waits for a person goes on waiting for one.
    pub(super) fn recorded(purpose: &Purpose) -> Self {
        let Purpose::Session(feed) = purpose else {
            return Self::Parked;
        };
        let row = feed.row();
        let cause = || Cause::Recorded(row.phase_reason.clone().unwrap_or_default());
        match row.phase.as_str() {
            "failed" => Self::Failed(cause()),
            "quarantined" => Self::Quarantined(cause()),
            _ => Self::Parked,
        }
    }

    /// All of them, on the wire.
    pub(crate) const WORDS: [&'static str; 6] = [
        "parked",
        "starting",
        "up",
        "backoff",
        "failed",
        "quarantined",
    ];

    /// The word on the wire.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Starting => "starting",
            Self::Up(_) => "up",
            Self::Backoff { .. } => "backoff",
            Self::Failed(_) => "failed",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// True when nothing happens before somebody asks for it.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self, Self::Parked | Self::Failed(_) | Self::Quarantined(_))
    }

    /// Why it is not up, if there is a reason.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Backoff { cause, .. } | Self::Failed(cause) | Self::Quarantined(cause) => {
                Some(cause)
            }
            Self::Parked | Self::Starting | Self::Up(_) => None,
        }
    }

    /// The running Codex.
    pub(crate) fn link(&self) -> Option<&Arc<BridgeLink>> {
        match self {
            Self::Up(link) => Some(link),
            _ => None,
        }
    }
}
