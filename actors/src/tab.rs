//! One connection: what `web` gives to it and takes from it.
//!
//! Not the socket itself: `web` owns bytes and WebSocket frames, this side owns messages.

use bytes::Bytes;

/// How messages are put into text frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One message a frame: what every app-server client expects.
    Messages,
    /// `holdfast.v1`: several messages a frame, one a line.
    Lines,
}

/// Something for the socket to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text frame's payload; valid UTF-8.
    Text(Bytes),
    /// Close with this code and reason, then hang up.
    Close(u16, &'static str),
}
