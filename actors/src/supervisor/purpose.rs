//! What a bridge is for: a session, one that is being born, or what belongs to no thread.
//!
//! Not how the bridge stands: that is `status`.

use std::sync::Arc;

use crate::feed::Feed;

/// What a bridge is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// Requests that belong to no thread.
    Service,
    /// A session that is being born in this folder: Codex has not named its thread yet.
    Birth { cwd: Option<String> },
    /// This session.
    Session(Arc<Feed>),
}

impl Purpose {
    pub(super) fn feed(&self) -> Option<&Arc<Feed>> {
        match self {
            Self::Session(feed) => Some(feed),
            Self::Service | Self::Birth { .. } => None,
        }
    }

    pub(super) fn cwd(&self) -> Option<String> {
        match self {
            Self::Service => None,
            Self::Birth { cwd } => cwd.clone(),
            Self::Session(feed) => Some(feed.row().cwd),
        }
    }
}
