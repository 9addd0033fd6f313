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
            r"\$5\$[./A-Za-z0-9]{2,16}\$[./A-Za-z0-9]{40,43}",
            r"\$1\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{22}",
            r"\$apr1\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{22}",
            r"\$2[abxy]\$\d{2}\$[./A-Za-z0-9]{50,53}",
            r"\$argon2id\$v=\d{2}\$m=\d{2,8},t=\d{1,4},p=\d{1,4}\$[+./A-Za-z0-9]{8,64}\$[+./A-Za-z0-9]{20,}",
            r"\$y\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{2,40}\$[./A-Za-z0-9]{40,43}",
        ],
        need: Need::VARIED,
        harmless: &["$6$salt", "echo $6"],
    },
    PrefixRule {
        id: "paseto",
        severity: High,
        patterns: &[
            r"v[1-4]\.local\.[A-Za-z0-9_-]{40,}\.?[A-Za-z0-9_-]*",
            r"v[1-4]\.public\.[A-Za-z0-9_-]{40,}\.?[A-Za-z0-9_-]*",
        ],
        need: Need::MIXED,
        harmless: &["v4.local.header"],
    },
    PrefixRule {
        id: "nats-seed",
        severity: High,
        patterns: &[
            r"SUA[A-Z2-7]{55}\b",
            r"SAA[A-Z2-7]{55}\b",
            r"SOA[A-Z2-7]{55}\b",
            r"SNA[A-Z2-7]{55}\b",
            r"SCA[A-Z2-7]{55}\b",
            r"SXA[A-Z2-7]{55}\b",
        ],
        need: Need::VARIED,
        harmless: &["SUAVE"],
    },
    PrefixRule {
        id: "authress-key",
        severity: High,
        patterns: &[
            r"sc_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,}",
            r"ext_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,}",
        ],
        need: Need::VARIED,
        harmless: &["sc_client.dll"],
    },
    PrefixRule {
        id: "stytch-secret",
        severity: High,
        patterns: &[
            "secret-live-[A-Za-z0-9_-]{32,}={0,2}",
            "secret-test-[A-Za-z0-9_-]{32,}={0,2}",
        ],
        need: Need::MIXED,
        harmless: &["secret-test-that-the-redactor-leaves-alone"],
    },
    PrefixRule {
        id: "teamcity-token",
        severity: High,
        patterns: &[r"eyJ0eXAiOiAiVENWMiJ9\.[A-Za-z0-9_-]{20,}\.?[A-Za-z0-9_-]*"],
        need: Need::VARIED,
        harmless: &["eyJ0eXAiOiAiVENWMiJ9"],
    },
];
