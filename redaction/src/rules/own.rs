//! The host's own tokens.
//!
//! Not for the sign-in cookie, which never appears in text.

use super::Severity::High;
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[PrefixRule {
    id: "holdfast-token",
    severity: High,
    patterns: &[r"\Bhft_[A-Za-z0-9_-]{20,}"],
    need: Need::VARIED,
    harmless: &["hft_", "hft_token_name", "the prefix hft_ of our tokens"],
}];
