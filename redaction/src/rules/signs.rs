//! Tokens with a sign in their middle or at their end.
//!
//! Not for tokens that begin with one: the rest of the word decides, so these are held longer.

use std::ops::RangeInclusive;

use super::Severity::High;
use super::SignRule;

/// A key of Azure whose sign stands behind `before` characters, of `lengths` in all.
const fn azure(
    sign: &'static str,
    before: &'static [usize],
    lengths: RangeInclusive<usize>,
    padded: bool,
) -> SignRule {
    SignRule {
        id: "azure-key",
        severity: High,
        sign,
        before,
        lengths,
        padded,
    }
}

/// The rules of this family.
pub(super) const RULES: &[SignRule] = &[
    azure("AZDO", &[75, 76, 77, 78, 79, 80], 83..=85, false),
    azure("JQQJ99", &[52], 80..=88, false),
    azure("+ASt", &[76], 85..=87, true),
    azure("+AMC", &[76], 85..=87, true),
    azure("+ABa", &[76], 85..=87, true),
    azure("ACDb", &[76], 85..=87, true),
    azure("+ASb", &[33], 42..=44, true),
    azure("+AEh", &[33], 42..=44, true),
    azure("AIoT", &[33], 42..=44, true),
    azure("AzCa", &[33], 42..=44, true),
    azure("AzSe", &[42], 51..=53, true),
    azure("+ACR", &[42], 51..=53, true),
    azure("AzFu", &[44], 53..=55, true),
    SignRule {
        id: "newrelic-license-key",
        severity: High,
        sign: "NRAL",
        before: &[36],
        lengths: 40..=40,
        padded: false,
    },
    SignRule {
        id: "mailchimp-key",
        severity: High,
        sign: "-us",
        before: &[32],
        lengths: 36..=37,
        padded: false,
    },
];
