//! Tokens with a sign in their middle or at their end.
//!
//! Not for tokens that begin with one: the rest of the word decides, so these are held longer.

use std::ops::RangeInclusive;

use super::Severity::High;
use super::{Letters, SignRule};

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
        letters: if padded {
            Letters::Base64
        } else {
            Letters::Plain
        },
    }
}

/// A key of DeepL, a UUID and `:fx`, by its last digit.
const fn deepl(sign: &'static str) -> SignRule {
    SignRule {
        id: "deepl-key",
        severity: High,
        sign,
        before: &[35],
        lengths: 39..=39,
        letters: Letters::HexDash,
    }
}

/// What opens the gems of Sidekiq, before the host that it stands at.
const fn sidekiq(sign: &'static str, length: usize) -> SignRule {
    SignRule {
        id: "sidekiq-login",
        severity: High,
        sign,
        before: &[17],
        lengths: length..=length,
        letters: Letters::HexColon,
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
        letters: Letters::Plain,
    },
    SignRule {
        id: "mailchimp-key",
        severity: High,
        sign: "-us",
        before: &[32],
        lengths: 36..=37,
        letters: Letters::Plain,
    },
    // 32 digits, 8 and 8, with dashes between.
    SignRule {
        id: "mailgun-private-key",
        severity: High,
        sign: "-",
        before: &[32],
        lengths: 50..=50,
        letters: Letters::HexDash,
    },
    SignRule {
        id: "maxmind-key",
        severity: High,
        sign: "_mmk",
        before: &[36],
        lengths: 40..=40,
        letters: Letters::Word,
    },
    sidekiq("@gems.contribsys.com", 37),
    sidekiq("@enterprise.contribsys.com", 43),
    deepl("0:fx"),
    deepl("1:fx"),
    deepl("2:fx"),
    deepl("3:fx"),
    deepl("4:fx"),
    deepl("5:fx"),
    deepl("6:fx"),
    deepl("7:fx"),
    deepl("8:fx"),
    deepl("9:fx"),
    deepl("a:fx"),
    deepl("b:fx"),
    deepl("c:fx"),
    deepl("d:fx"),
    deepl("e:fx"),
    deepl("f:fx"),
];
