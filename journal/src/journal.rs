//! The handle through which the host writes and reads the journal.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{CloseError, OpenError, ReadError, Rejected};
use crate::health::Health;
use crate::options::Options;
use crate::records::{Batch, Decision, Hit, Item, Process, Prompt, Session, Write};
use crate::statistics::Statistics;

/// The journal. Clones are handles of one and the same.
#[derive(Clone, Debug)]
pub struct Journal {
    _shared: Arc<()>,
}

/// What `open` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A journal to go on with.
    Existing,
    /// Nothing; a new journal was begun.
    Fresh,
    /// A damaged journal, which was set aside; a new one was begun.
    SetAside {
        /// Where the damaged file lies now.
        kept: PathBuf,
    },
}

#[expect(missing_docs, unused_variables, clippy::todo, reason = "bodies follow")]
impl Journal {
    pub fn open(options: Options) -> Result<(Self, Opened), OpenError> {
        todo!()
    }
    pub fn id(&self) -> &str {
        todo!()
    }
    pub fn commit(
        &self,
        write: Write,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<(), Box<Rejected>> {
        todo!()
    }
    pub fn health(&self) -> Health {
        todo!()
    }
    pub fn on_health(&self, listener: impl Fn(&Health) + Send + Sync + 'static) {
        todo!()
    }
    pub fn sessions(&self) -> Result<Vec<Session>, ReadError> {
        todo!()
    }
    pub fn session(&self, thread: &str) -> Result<Option<Session>, ReadError> {
        todo!()
    }
    pub fn head(&self, thread: &str) -> Result<u64, ReadError> {
        todo!()
    }
    pub fn events(
        &self,
        thread: &str,
        after: u64,
        max_bytes: usize,
    ) -> Result<Vec<Batch>, ReadError> {
        todo!()
    }
    pub fn first_replayable(&self, thread: &str) -> Result<u64, ReadError> {
        todo!()
    }
    pub fn items(
        &self,
        thread: &str,
        before: Option<u64>,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Item>, ReadError> {
        todo!()
    }
    pub fn prompts(&self, thread: &str) -> Result<Vec<Prompt>, ReadError> {
        todo!()
    }
    pub fn prompt(&self, thread: &str, prompt_id: &str) -> Result<Option<Prompt>, ReadError> {
        todo!()
    }
    pub fn open_prompts(&self) -> Result<Vec<(String, Prompt)>, ReadError> {
        todo!()
    }
    pub fn processes(&self) -> Result<Vec<Process>, ReadError> {
        todo!()
    }
    pub fn search(
        &self,
        query: &str,
        cwd: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Hit>, ReadError> {
        todo!()
    }
    pub fn decisions(&self, thread: &str, limit: usize) -> Result<Vec<Decision>, ReadError> {
        todo!()
    }
    pub fn statistics(&self) -> Statistics {
        todo!()
    }
    pub fn close(self) -> Result<(), CloseError> {
        todo!()
    }
}
