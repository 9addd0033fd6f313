//! Signed tokens, encoded keys and password hashes, of no one service.
//!
//! Not for armoured keys, which are recognised by their lines.

use super::Severity::{High, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "jwt",
        severity: High,
        patterns: &[
            r"eyJ[A-Za-z0-9_-]{8,1200}\.eyJ[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
            r"eyJ[A-Za-z0-9_-]{8,1200}\.[A-Za-z0-9_-]{0,700}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{16,}\.?[A-Za-z0-9_-]*",
        ],
        need: Need::VARIED,
        harmless: &["eyJ", "eyJ2ZXJzaW9uIjozfQ==", "eyJhbGciOi.short"],
    },
    PrefixRule {
        id: "putty-mac",
        severity: Medium,
        patterns: &["Private-MAC: [a-f0-9]{40,}"],
        need: Need::VARIED,
        harmless: &["Private-MAC: none"],
    },
    PrefixRule {
        id: "age-key",
        severity: High,
        patterns: &[
            "AGE-SECRET-KEY-1[A-Z0-9]{40,}",
            "AGE-SECRET-KEY-PQ-1[A-Z0-9]{40,}",
            "AGE-PLUGIN-[A-Z0-9]{2,24}-1[A-Z0-9]{30,}",
        ],
        need: Need::VARIED,
        harmless: &["AGE-SECRET-KEY-1"],
    },
    PrefixRule {
        id: "encoded-jwt",
        severity: High,
        patterns: &["ZXlK[A-Za-z0-9+/]{100,}"],
        need: Need::MIXED,
        harmless: &["ZXlK"],
    },
    PrefixRule {
        id: "encoded-private-key",
        severity: High,
        patterns: &[
            "LS0tLS1CRUdJTiBSU0EgUFJJVkFURS[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBQUklWQVRFI[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBFQyBQUklWQVRFI[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUg[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURS[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBEU0EgUFJJVkFURS[A-Za-z0-9+/=]{24,}",
            "LS0tLS1CRUdJTiBQR1AgUFJJVkFURS[A-Za-z0-9+/=]{24,}",
        ],
        need: Need::VARIED,
        harmless: &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM="],
    },
    PrefixRule {
        id: "password-hash",
        severity: Medium,
        patterns: &[
            r"\$6\$[./A-Za-z0-9]{2,16}\$[./A-Za-z0-9]{60,86}",
            r"\$6\$rounds=\d{3,9}\$[./A-Za-z0-9]{2,16}\$[./A-Za-z0-9]{60,86}",
            r"\$y\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{2,40}\$[./A-Za-z0-9]{40,43}",
        ],
        need: Need::VARIED,
        harmless: &["$6$salt", "echo $6"],
    },
];
