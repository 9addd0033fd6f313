//! What every integration test stands on: a host of its own, tabs, raw HTTP, and a view of what tabs saw.
//!
//! Not a second implementation of anything: it starts, sends, reads and compares.

pub mod browser;
pub mod client;
pub mod fold;
pub mod host;
pub mod http;
pub mod processes;

use std::time::Duration;

pub use browser::Browser;
pub use client::{Client, Event, RpcError};
pub use fold::Folded;
pub use host::{Setup, TestHost};

/// How long anything may take before a test gives up: far above what is normal, since machines that test are busy.
pub const GUARD: Duration = Duration::from_secs(15);

/// Pause between two looks at something that tells nobody when it changes: `/proc`, or a file another process writes.
pub const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits until `look` gives a value, which is for things that send no event; panics with `what` after [`GUARD`].
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let watching = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(GUARD, watching).await {
        Ok(found) => found,
        Err(_) => panic!("waited {GUARD:?} in vain: {what}"),
    }
}
