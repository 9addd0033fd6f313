//! Private networks and tunnels.
//!
//! Not for WireGuard keys, which are plain base64 and need context.

use super::Severity::High;
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
];
