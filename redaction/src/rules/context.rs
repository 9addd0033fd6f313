//! Rules for values that are secret because of what stands before them, in families.
//!
//! Not for what a value must look like: that is judged in the `context` module.
//!
//! In examples, a made-up password stands for `{password}`, a token for `{token}`, base64 of a pair for `{pair}`, and a
//! key of Amazon for `{aws}`.

mod addresses;
mod commands;
mod files;
mod headers;
mod names;

use crate::context::ContextRule;

/// All context rules.
pub(super) fn rules() -> impl Iterator<Item = &'static ContextRule> {
    [
        names::RULES,
        headers::RULES,
        addresses::RULES,
        files::RULES,
        commands::RULES,
    ]
    .into_iter()
    .flatten()
}
