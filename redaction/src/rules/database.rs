//! Databases as a service.
//!
//! Not for connection strings: their passwords are found by their place.

use super::Severity::High;
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "aiven-password",
        severity: High,
        patterns: &["AVNS_[A-Za-z0-9_-]{16,}"],
        need: Need::MIXED,
        harmless: &["AVNS_PASSWORD"],
    },
    PrefixRule {
        id: "cockroach-key",
        severity: High,
        patterns: &[
            "CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{36,}",
            "ccdb1_[A-Za-z0-9]{22}_[A-Za-z0-9]{36,}",
        ],
        need: Need::MIXED,
        harmless: &["CCDB1_"],
    },
    PrefixRule {
        id: "xata-key",
        severity: High,
        patterns: &["xau_[A-Za-z0-9]{28,}"],
        need: Need::MIXED,
        harmless: &["xau_branch"],
    },
    PrefixRule {
        id: "fauna-key",
        severity: High,
        patterns: &[r"fnA[A-Za-z0-9_-]{36,38}\b"],
        need: Need::MIXED,
        harmless: &["fnAddress"],
    },
    PrefixRule {
        id: "neon-password",
        severity: High,
        patterns: &["npg_[A-Za-z0-9]{12,}"],
        need: Need::MIXED,
        harmless: &["npg_query"],
    },
];
