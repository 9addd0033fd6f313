//! Faults while everything streams: hosts and Codexes killed, tabs dropped and stalled, a full disk, long histories.
//!
//! Not for single behaviours, which `tests/it` has; here is what only load and chance bring out. `cargo xtask faults`
//! runs the same tests longer, in release, and prints their figures.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is a statement of what must be so"
)]

mod chance;
mod crowd;
mod disk;
mod figures;
mod flood;
mod history;
mod plan;
mod prompter;
mod real;
mod record;
mod small_disk;
mod storm;
mod throughput;
mod watcher;
mod wire;

/// The harness of the integration tests.
#[path = "../it"]
mod it {
    #[allow(
        dead_code,
        unused_imports,
        reason = "the integration tests use all of it, these tests a part"
    )]
    pub mod support;
}

use it::support;
