//! The journal through its public face, on real files.
//!
//! What only the inside can know (a statement's plan, a row's cut) is tested beside the code.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so; clippy knows it only in test functions themselves"
)]

#[path = "it/commit.rs"]
mod commit;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/log.rs"]
mod log;
#[path = "it/opening.rs"]
mod opening;
#[path = "it/reading.rs"]
mod reading;
#[path = "it/retention.rs"]
mod retention;
#[path = "it/search.rs"]
mod search;
#[path = "it/stall.rs"]
mod stall;
#[path = "it/support.rs"]
mod support;
#[path = "it/tools.rs"]
mod tools;
