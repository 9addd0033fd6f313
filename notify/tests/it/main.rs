//! The channels against receivers on this machine. When something is worth telling is not for here.

#![allow(
    clippy::unwrap_used,
    reason = "helpers are tests too, and clippy does not see that"
)]

mod channels;
mod support;
mod web_push;
