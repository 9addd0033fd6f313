//! The streaming redactor: takes secrets out of text, however the text is cut, before anything stores or shows it.
//!
//! Not for encrypted or compressed data, and not a proof that a text holds no secret: it finds what it can recognise.
//!
//! # Theory of operation
//!
//! Three layers look at every text, each on its own. **Known values** are found exactly, in every usual encoding.
//! **Tokens** are recognised by how they begin, and key blocks by their armour. **Context** gives away the rest: a
//! value behind `password=`, in an `Authorization` header, in an address. Each layer yields intervals, intervals that
//! overlap are united, and one marker `[REDACTED:rule#a1b2c3]` is written for each.
//!
//! The first pass looks every pair of bytes up in a small table, so text without candidates passes at memory speed. A
//! candidate is judged by its rule on the text at hand. When what follows would decide, the text from there on is held,
//! and nothing else is: the [`Stream`] asks the same rule again when there is more. No decision depends on where the
//! text was cut, so any cut gives what the whole text gives, byte for byte. A secret whose end is not in sight is
//! swallowed as it arrives; its bytes are hashed and never kept.
//!
//! Terminal colours are taken out before and put back behind, so that they hide nothing.
//!
//! ```
//! use std::sync::Arc;
//! use redaction::Redactor;
//!
//! let redactor = Redactor::builder().known("DB_PASSWORD", "correct horse").build()?;
//! let mut stream = Arc::new(redactor).stream();
//! let mut out = String::new();
//! for chunk in ["it is cor", "rect hor", "se, I think"] {
//!     out.push_str(&stream.push(chunk));
//! }
//! out.push_str(&stream.flush());
//! assert!(out.starts_with("it is [REDACTED:known-db-password#") && out.ends_with("], I think"));
//! # Ok::<(), redaction::BuildError>(())
//! ```

mod block;
mod builder;
mod class;
mod colours;
mod context;
mod engine;
mod finder;
mod known;
mod marker;
mod pattern;
mod raw;
mod redactor;
mod rules;
mod stream;
mod swallow;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use builder::{BuildError, Builder};
pub use known::KNOWN_MIN;
pub use marker::ENGINE;
pub use pattern::PatternError;
pub use redactor::Redactor;
pub use rules::{RuleInfo, Severity, rules};
pub use stream::{HOLD_MAX, RELEASE_AFTER, SETTLE_AFTER, Stream};
