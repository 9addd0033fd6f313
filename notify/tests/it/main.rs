//! The channels against receivers on this machine. When something is worth telling is not for here.

mod channels;
mod support;
mod web_push;
