//! Integration tests: the built `holdfast` as a process, real sockets, a simulated and the real Codex.
//!
//! Not for what one crate can show alone; those tests stand beside its code.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is a statement of what must be so"
)]

mod support;

mod admission;
mod approvals;
mod bridges;
mod canaries;
mod client;
mod commands;
mod configuration;
mod control;
mod conversation;
mod durability;
mod feeds;
mod hardening;
mod input;
mod log;
mod metrics;
mod notifications;
mod pages;
mod policy;
mod prompts;
mod publication;
mod real;
mod redaction;
mod secrets;
mod sign_ins;
mod stopping;
mod wire_types;
