//! Private networks, tunnels and signed tokens.
//!
//! Not for WireGuard keys, which are plain base64 and need context.

use super::Severity::{High, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "tailscale-key",
        severity: High,
        patterns: &[
            "tskey-auth-[A-Za-z0-9-]{16,}",
            "tskey-api-[A-Za-z0-9-]{16,}",
            "tskey-client-[A-Za-z0-9-]{16,}",
            "tskey-scim-[A-Za-z0-9-]{16,}",
            "tskey-webhook-[A-Za-z0-9-]{16,}",
            "tskey-oauth-[A-Za-z0-9-]{16,}",
            "tskey-[A-Za-z0-9-]{20,}",
        ],
        need: Need::DIGIT,
        harmless: &["tskey-", "tskey-auth-"],
    },
    PrefixRule {
        id: "headscale-key",
        severity: High,
        patterns: &[
            "hskey-auth-[A-Za-z0-9_-]{20,}",
            "hskey-api-[A-Za-z0-9_-]{20,}",
        ],
        need: Need::DIGIT,
        harmless: &["hskey-auth-"],
    },
    PrefixRule {
        id: "netbird-token",
        severity: High,
        patterns: &["nbp_[A-Za-z0-9]{30,}"],
        need: Need::DIGIT,
        harmless: &["nbp_x"],
    },
    PrefixRule {
        id: "cloudflare-tunnel-token",
        severity: High,
        patterns: &["eyJhIjoi[A-Za-z0-9+/=_-]{100,}"],
        need: Need::VARIED,
        harmless: &["eyJhIjoi"],
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
];
