//! The supervisor tree: sessions, bridges, tabs, feeds.
//!
//! # Theory of operation
//!
//! Control plane = actors (kameo), data plane = feeds. A streamed event never passes through an actor's mailbox: the
//! bridge that reads Codex appends it to the session's feed, the journal commits it, and the tabs read it from
//! their cursors. Messages between actors carry decisions only: wake, stop, call, submit, answer.
//!
//! State that must survive an actor lives outside it: events in the feed and the journal, a bridge's status in a watch
//! channel, sign-ins in a shared book. An actor's crash drops only what it was doing.
//!
//! This crate knows nothing of HTTP or WebSockets; `web` gives it the text of frames and takes frames from it.

pub mod admission;
mod bridge;
mod directory;
pub(crate) mod feed;
mod foreign;
pub mod host;
mod ids;
mod liveness;
pub mod metrics;
mod notifier;
mod recovery;
pub mod redactor;
pub mod reload;
mod rpc;
mod session;
mod sessions;
mod status;
mod supervisor;
pub mod tab;
mod tabs;

pub use tabs::TabRefused;
