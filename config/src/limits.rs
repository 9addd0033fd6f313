//! The `[limits]` section: how much of everything there may be. What happens at each limit stands in `default.toml`.

use std::time::Duration;

use crate::{reader::Section, value};

/// The bounds of the host. Sizes are bytes, counts are of what the name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Admitted WebSockets, at most `connections`.
    pub tabs: usize,
    /// Connections that have not passed admission, at most `connections`.
    pub unauthenticated_connections: usize,
    /// One WebSocket message from a tab, in bytes.
    pub frame_bytes: usize,
    /// The head of an HTTP request, in bytes.
    pub head_bytes: usize,
    /// Header lines of an HTTP request.
    pub head_lines: usize,
    /// The body of a sign-in, in bytes.
    pub login_body_bytes: usize,
    /// Malformed messages before a socket is closed.
    pub protocol_errors: u32,
    /// Wrong credentials that are looked at within `wrong_credentials_window`, over all connections.
    pub wrong_credentials: u32,
    /// The window of `wrong_credentials`.
    pub wrong_credentials_window: Duration,
    /// Sessions in the journal.
    pub sessions: usize,
    /// Codex processes at once.
    pub bridges: usize,
    /// Queued prompts of one session.
    pub queued_prompts: usize,
    /// Requests of one tab without an answer yet.
    pub pending_requests: usize,
    /// Recent events of one session in memory, in bytes.
    pub ring_bytes: usize,
    /// One write to a tab, in bytes.
    pub write_batch_bytes: usize,
    /// One line of Codex's output, in bytes.
    pub line_bytes: usize,
    /// Messages waiting for a session actor.
    pub session_mailbox: usize,
    /// Messages waiting for a bridge actor.
    pub bridge_mailbox: usize,
    /// Messages waiting for a tab actor.
    pub tab_mailbox: usize,
    /// For the head of a request.
    pub header_timeout: Duration,
    /// For the body of a request.
    pub body_timeout: Duration,
    /// From a WebSocket's opening to its first message.
    pub first_frame_timeout: Duration,
    /// Between two pings of a tab; two missed in a row close it.
    pub ping_interval: Duration,
    /// A tab that takes no byte for this long is closed.
    pub send_stall_timeout: Duration,
    /// For an orderly stop of everything.
    pub shutdown_timeout: Duration,
}

impl Limits {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let waits = Duration::from_millis(100)..=Duration::from_secs(600);
        let long_waits = Duration::from_secs(1)..=Duration::from_secs(600);
        let mailbox = 8..=65_536;
        let limits = Self {
            connections: count(&mut section, "connections", 4, 100_000),
            tabs: count(&mut section, "tabs", 1, 100_000),
            unauthenticated_connections: count(
                &mut section,
                "unauthenticated_connections",
                1,
                100_000,
            ),
            frame_bytes: bytes(&mut section, "frame_bytes", 4 << 10, 64 << 20),
            head_bytes: bytes(&mut section, "head_bytes", 4 << 10, 1 << 20),
            head_lines: count(&mut section, "head_lines", 16, 256),
            login_body_bytes: bytes(&mut section, "login_body_bytes", 256, 1 << 20),
            protocol_errors: count(&mut section, "protocol_errors", 1, 10_000) as u32,
            wrong_credentials: count(&mut section, "wrong_credentials", 1, 1000) as u32,
            wrong_credentials_window: section.value(
                "wrong_credentials_window",
                value::duration(Duration::from_secs(1)..=Duration::from_secs(3600)),
            ),
            sessions: count(&mut section, "sessions", 1, 1_000_000),
            bridges: count(&mut section, "bridges", 1, 1000),
            queued_prompts: count(&mut section, "queued_prompts", 1, 10_000),
            pending_requests: count(&mut section, "pending_requests", 1, 10_000),
            ring_bytes: bytes(&mut section, "ring_bytes", 64 << 10, 1 << 30),
            write_batch_bytes: bytes(&mut section, "write_batch_bytes", 4 << 10, 16 << 20),
            line_bytes: bytes(&mut section, "line_bytes", 1 << 20, 1 << 30),
            session_mailbox: section.value("session_mailbox", value::count(mailbox.clone()))
                as usize,
            bridge_mailbox: section.value("bridge_mailbox", value::count(mailbox.clone())) as usize,
            tab_mailbox: section.value("tab_mailbox", value::count(mailbox)) as usize,
            header_timeout: section.value("header_timeout", value::duration(waits.clone())),
            body_timeout: section.value("body_timeout", value::duration(waits.clone())),
            first_frame_timeout: section.value("first_frame_timeout", value::duration(waits)),
            ping_interval: section.value("ping_interval", value::duration(long_waits.clone())),
            send_stall_timeout: section
                .value("send_stall_timeout", value::duration(long_waits.clone())),
            shutdown_timeout: section.value("shutdown_timeout", value::duration(long_waits)),
        };
        for (key, part) in [
            ("tabs", limits.tabs),
            (
                "unauthenticated_connections",
                limits.unauthenticated_connections,
            ),
        ] {
            if part > limits.connections {
                section.note(
                    key,
                    format!(
                        "found {part}, which is more than connections ({}); lower it",
                        limits.connections
                    ),
                );
            }
        }
        section.finish();
        limits
    }
}

fn count(section: &mut Section<'_>, key: &'static str, least: u64, most: u64) -> usize {
    section.value(key, value::count(least..=most)) as usize
}

fn bytes(section: &mut Section<'_>, key: &'static str, least: u64, most: u64) -> usize {
    section.value(key, value::bytes(least..=most)) as usize
}
