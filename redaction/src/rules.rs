//! The built-in rules, in families.
//!
//! Not the matching: a rule here is its pattern text and what it must and must not match; `pattern` and `block` run it.

mod ai;
mod auth;
mod chat;
mod cloud;
mod code;
mod context;
mod database;
mod monitoring;
mod network;
mod own;
mod payment;
mod registry;
mod saas;
pub(crate) mod samples;
mod signs;

use std::ops::RangeInclusive;

use crate::context::{ContextRule, is_unreadable};
use crate::pattern::Pattern;

/// Id of the rule for armoured keys.
pub(crate) const PRIVATE_KEY: &str = "private-key";

/// How bad it is when a secret of this kind gets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It identifies or opens little: a publishable key, a test key.
    Low,
    /// It opens one service for some purpose.
    Medium,
    /// It opens an account, a code base or a machine.
    High,
}

/// A rule for secrets that are recognised by how they begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrefixRule {
    /// The name in markers and in the configuration.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// What it matches, one pattern a format.
    pub(crate) patterns: &'static [&'static str],
    /// What the body must have beyond its alphabet.
    pub(crate) need: Need,
    /// Texts that look alike and must pass.
    pub(crate) harmless: &'static [&'static str],
}

/// A rule for secrets that a sign in their middle or at their end tells.
#[derive(Debug)]
pub(crate) struct SignRule {
    /// The name in markers and in the configuration.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// The sign.
    pub(crate) sign: &'static str,
    /// How many characters may stand before it.
    pub(crate) before: &'static [usize],
    /// Of how many characters, but for padding.
    pub(crate) lengths: RangeInclusive<usize>,
    /// What else it is made of.
    pub(crate) letters: Letters,
}

/// What a token with a sign is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Letters and digits.
    Plain,
    /// Base64, with the signs of that and padding.
    Base64,
    /// Letters, digits and underscores.
    Word,
    /// Hexadecimal digits and dashes.
    HexDash,
    /// Hexadecimal digits and colons.
    HexColon,
}

impl SignRule {
    /// The rule with an example that depends on `seed`.
    pub(crate) fn info(&self, seed: u64) -> RuleInfo {
        const DIGITS: &[u8] = b"0123456789abcdef";
        let mut roll = roller(self.id, seed);
        let mut text = |length| {
            (0..length)
                .map(|_| char::from(DIGITS[roll(16)]))
                .collect::<String>()
        };
        // The first characters must have a letter and a digit.
        let before = format!("a1{}", text(self.before[0] - 2));
        let rest = self.lengths.start() - self.before[0] - self.sign.len();
        let after = match self.sign {
            "-us" => "7".to_owned(),
            "-" => format!("{}-{}", text(8), text(8)),
            _ => text(rest),
        };
        RuleInfo {
            id: self.id,
            severity: self.severity,
            patterns: vec![self.sign],
            harmless: vec![self.sign],
            examples: vec![format!("{before}{}{after}", self.sign)],
        }
    }
}

/// Rolls numbers for examples; a linear congruential generator is enough to make text up.
fn roller(id: &str, seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = id.bytes().fold(seed, |state, byte| {
        state.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    move |sides| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    }
}

impl PrefixRule {
    /// The rule with examples that depend on `seed`.
    pub(crate) fn info(&self, seed: u64) -> RuleInfo {
        let mut roll = roller(self.id, seed);
        let patterns = self
            .patterns
            .iter()
            .filter_map(|text| Pattern::parse(text).ok());
        RuleInfo {
            id: self.id,
            severity: self.severity,
            patterns: self.patterns.to_vec(),
            harmless: self.harmless.to_vec(),
            examples: patterns
                .map(|pattern| self.example(&pattern, &mut roll))
                .collect(),
        }
    }

    /// A made-up secret that `pattern` of this rule finds; `roll` returns a number below its argument.
    fn example(&self, pattern: &Pattern, roll: &mut impl FnMut(usize) -> usize) -> String {
        let head = pattern.heads()[0].len();
        loop {
            let extra = roll(24) as u32;
            let secret = pattern.sample(extra, &mut *roll);
            let decided = pattern.decided(secret.as_bytes(), head);
            if self.need.met(&secret.as_bytes()[head..decided]) {
                return secret;
            }
        }
    }
}

impl ContextRule {
    /// The rule with examples that depend on `seed`.
    pub(crate) fn info(&self, seed: u64) -> RuleInfo {
        let mut roll = roller(self.id, seed);
        RuleInfo {
            id: self.id,
            severity: self.severity,
            patterns: self.cues.to_vec(),
            harmless: self.harmless.to_vec(),
            examples: self
                .examples
                .iter()
                .map(|text| samples::fill(text, &mut roll))
                .collect(),
        }
    }
}

/// A built-in rule, for people: documentation, listings, test data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// The name in markers and in the configuration.
    pub id: &'static str,
    /// How bad it is when what it finds gets out.
    pub severity: Severity,
    /// What it matches: the patterns of a token, or the cues of a context rule.
    pub patterns: Vec<&'static str>,
    /// Texts that look alike and pass.
    pub harmless: Vec<&'static str>,
    /// Made-up secrets that it finds, the same at every call.
    pub examples: Vec<String>,
}

/// Every built-in rule.
pub fn rules() -> Vec<RuleInfo> {
    prefix_rules()
        .map(|rule| rule.info(1))
        .chain(context_rules().map(|rule| rule.info(1)))
        .chain(sign_rules().map(|rule| rule.info(1)))
        .collect()
}

/// What the decided part of a body must have, so that names and placeholders pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// At least so many different bytes.
    distinct: u8,
    /// At least so many digits.
    digits: u8,
    /// At least one letter.
    letter: bool,
    /// Letters of both cases.
    both_cases: bool,
}

impl Need {
    /// Whatever the pattern matches.
    pub(crate) const NOTHING: Need = Need {
        distinct: 0,
        digits: 0,
        letter: false,
        both_cases: false,
    };
    /// No placeholder such as `xxxxxxxx`.
    pub(crate) const VARIED: Need = Need {
        distinct: 5,
        ..Need::NOTHING
    };
    /// No placeholder, also where the fixed parts of an address are among it.
    pub(crate) const BUSY: Need = Need {
        distinct: 8,
        ..Need::NOTHING
    };
    /// A digit, or letters of both cases, as well: for heads that ordinary names begin with, too. Some tokens begin with
    /// digits alone, and a few of the others have none in their decided part.
    pub(crate) const DIGIT: Need = Need {
        digits: 1,
        ..Need::VARIED
    };
    /// Both cases, and two digits or letters that no words are made of: for heads that say little.
    pub(crate) const MIXED: Need = Need {
        distinct: 8,
        digits: 2,
        letter: true,
        both_cases: true,
    };

    /// Whether `body` has it.
    pub(crate) fn met(self, body: &[u8]) -> bool {
        if self == Need::NOTHING {
            return true;
        }
        let mut seen = [false; 256];
        body.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        let distinct = seen.iter().filter(|seen| **seen).count();
        let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
        let upper = body.iter().any(u8::is_ascii_uppercase);
        let lower = body.iter().any(u8::is_ascii_lowercase);
        distinct >= usize::from(self.distinct).min(body.len().div_ceil(2))
            && (digits >= usize::from(self.digits)
                || (self == Need::DIGIT && upper && lower)
                || (self == Need::MIXED && is_unreadable(body)))
            && (!self.letter || upper || lower)
            && (!self.both_cases || (upper && lower))
            // `AKIAIOSFODNN7EXAMPLE` and the like are in every manual.
            && !body.windows(7).any(|part| part == b"EXAMPLE")
    }
}

/// All prefix rules.
pub(crate) fn prefix_rules() -> impl Iterator<Item = &'static PrefixRule> {
    [
        own::RULES,
        auth::RULES,
        cloud::RULES,
        code::RULES,
        database::RULES,
        registry::RULES,
        ai::RULES,
        chat::RULES,
        payment::RULES,
        monitoring::RULES,
        network::RULES,
        saas::RULES,
    ]
    .into_iter()
    .flatten()
}

/// All rules for tokens that a sign in their middle or at their end tells.
pub(crate) fn sign_rules() -> impl Iterator<Item = &'static SignRule> {
    signs::RULES.iter()
}

/// All context rules.
pub(crate) fn context_rules() -> impl Iterator<Item = &'static ContextRule> {
    context::rules()
}

/// The ids of all rules.
pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
    prefix_rules()
        .map(|rule| rule.id)
        .chain(sign_rules().map(|rule| rule.id))
        .chain([PRIVATE_KEY])
        .chain(context_rules().map(|rule| rule.id))
}
