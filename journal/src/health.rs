//! Whether the journal writes, and if not, since when and why.
//!
//! It is a report, not a switch: the writer keeps trying whatever this says.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rusqlite::ErrorCode;

/// Whether queued writes reach the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// They do.
    Writing,
    /// They do not; nothing is dropped, the writer keeps trying.
    Stalled {
        /// When the first try failed.
        since: SystemTime,
        /// Why the latest try failed.
        reason: Stall,
    },
}

/// Why writes do not reach the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stall {
    /// The disk is full.
    #[error("the disk that holds the journal is full; free some space")]
    DiskFull,
    /// The journal has reached its own ceiling.
    #[error("the journal has reached its size limit; raise the limit or shorten the retention")]
    SizeLimit,
    /// The file or its disk has become read-only.
    #[error("the journal is read-only; check the disk and the permissions of its folder")]
    ReadOnly,
    /// Another program holds the database locked.
    #[error("another program holds the journal locked; close it")]
    Locked,
    /// The file is damaged; the next start sets it aside.
    #[error(
        "the journal is damaged ({0}); restart the host, which sets it aside and begins a new one"
    )]
    Damaged(String),
    /// The disk gave an error.
    #[error("the disk that holds the journal fails ({0})")]
    Io(String),
    /// Anything else.
    #[error("the journal cannot be written ({0})")]
    Other(String),
}

impl Stall {
    /// What SQLite's answer means for a person. `at_ceiling`: the file has as many pages as it may have.
    pub(crate) fn from_error(error: &rusqlite::Error, at_ceiling: bool) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) if at_ceiling => Self::SizeLimit,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io(text),
            _ => Self::Other(text),
        }
    }
}

type Listener = Arc<dyn Fn(&Health) + Send + Sync>;

/// The current health and those who want to hear of changes.
pub(crate) struct HealthBoard {
    current: Mutex<Health>,
    listeners: Mutex<Vec<Listener>>,
}

impl HealthBoard {
    pub(crate) fn new() -> Self {
        Self {
            current: Mutex::new(Health::Writing),
            listeners: Mutex::default(),
        }
    }

    pub(crate) fn current(&self) -> Health {
        self.current.lock().clone()
    }

    pub(crate) fn listen(&self, listener: impl Fn(&Health) + Send + Sync + 'static) {
        self.listeners.lock().push(Arc::new(listener));
    }

    /// A try has failed. The stall keeps the time of its first failure.
    pub(crate) fn stalled(&self, reason: Stall) {
        let since = match &*self.current.lock() {
            Health::Stalled { since, .. } => *since,
            Health::Writing => SystemTime::now(),
        };
        self.change(Health::Stalled { since, reason });
    }

    /// A try has succeeded.
    pub(crate) fn writing(&self) {
        self.change(Health::Writing);
    }

    fn change(&self, to: Health) {
        {
            let mut current = self.current.lock();
            if *current == to {
                return;
            }
            match &to {
                Health::Writing => tracing::info!("journal writes again"),
                Health::Stalled { reason, .. } => {
                    tracing::error!(err = %reason, "journal is stalled");
                }
            }
            current.clone_from(&to);
        }
        // Called without a lock, so that a listener may ask for the health or add another listener.
        let listeners = self.listeners.lock().clone();
        for listener in listeners {
            listener(&to);
        }
    }
}

impl fmt::Debug for HealthBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthBoard").field(&self.current()).finish()
    }
}
