//! The gate and the socket over real connections. A stand-in takes the place of the tree of actors; admission is the real one.
//!
//! The numbers `row N` are those of the threat table. Each test fails when the guard that it names is taken out.

#![allow(
    clippy::unwrap_used,
    reason = "helpers are tests too, and clippy does not see that"
)]

mod connections;
mod framing;
mod gate;
mod guessing;
mod metrics;
mod page;
mod proxies;
mod sign_in;
mod socket;
mod support;
