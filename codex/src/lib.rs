//! JSON-RPC over JSON lines with Codex: messages, codec, pending table, process, and the simulated Codex.
//!
//! This crate is a leaf. It knows how the app-server speaks and how its process is started and ended; it knows nothing
//! of sessions, journals, redaction or the web, and it starts no task that it does not own.
//!
//! How the parts meet, from the pipe upwards:
//!
//! 1. [`locate`] finds the native binary, [`version`] judges it, [`process`] starts it under guard and ends it with all
//!    that it started.
//! 2. [`lines`] cuts stdout into lines without copying, many a read.
//! 3. [`message`] reads one line in one pass into borrowed parts: method, id, where it belongs, and the place of the
//!    delta, so that a caller can splice instead of encode again. What the host does not need stays raw.
//! 4. [`outgoing`] encodes what goes to stdin, [`pending`] remembers who waits for the answer, [`handshake`] is the
//!    first exchange.

pub mod handshake;
pub mod history;
pub mod item;
pub mod lines;
pub mod locate;
pub mod message;
pub mod outgoing;
pub mod pending;
pub mod process;
pub mod protocol;
pub mod request_id;
pub mod scenario;
pub mod scripted_model;
pub mod simulated;
pub mod version;

pub use message::{Incoming, Malformed};
pub use request_id::RequestId;
