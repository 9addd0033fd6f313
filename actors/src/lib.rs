//! The supervisor tree: sessions, bridges, tabs, feeds.
//!
//! Control plane = actors (kameo), data plane = feeds: a streamed event never passes through one actor message a tab.
//! This crate knows nothing of HTTP or WebSockets; `web` gives it text frames and takes frames from it.

pub mod admission;
pub mod tab;
