//! The durable event log of all sessions, in SQLite.

mod apply;
mod checkpoint;
mod error;
mod folder;
mod health;
mod journal;
mod ledger;
mod options;
mod pack;
mod queue;
mod reads;
mod records;
mod retention;
mod schema;
mod statistics;
mod writer;

pub use error::{Cause, CloseError, OpenError, ReadError, Rejected, Rejection};
pub use health::{Health, Stall};
pub use journal::{Journal, Opened};
pub use options::{Options, Retention};
pub use records::{
    Batch, Decision, HIT_END, HIT_START, Hit, Item, ItemState, OpenTurn, Process, ProcessChange,
    Prompt, PromptState, PromptWhen, Session, Write,
};
pub use statistics::Statistics;
