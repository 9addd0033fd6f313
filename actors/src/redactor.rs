//! The redactor in use, which a newer one replaces while the host runs.
//!
//! Not the redaction: it only says which redactor is the newest.

use std::sync::Arc;

use parking_lot::RwLock;
use redaction::Redactor;

/// The redactor in use. A text that has begun keeps the one it began with; every other text takes the newest.
#[derive(Debug)]
pub struct LiveRedactor(RwLock<Arc<Redactor>>);

impl LiveRedactor {
    /// Begins with `redactor`.
    pub fn new(redactor: Redactor) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(redactor))))
    }

    /// The newest.
    pub fn current(&self) -> Arc<Redactor> {
        Arc::clone(&self.0.read())
    }

    /// From here on `redactor` is the newest.
    pub fn replace(&self, redactor: Redactor) {
        *self.0.write() = Arc::new(redactor);
    }
}
