//! Other services that developers use.
//!
//! Not for publishable keys that browsers carry anyway.

use super::Severity::{High, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "notion-token",
        severity: High,
        patterns: &["ntn_[A-Za-z0-9]{40,}", r"secret_[A-Za-z0-9]{43}\b"],
        need: Need::MIXED,
        harmless: &["secret_name", "ntn_x"],
    },
    PrefixRule {
        id: "airtable-token",
        severity: High,
        patterns: &[r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"],
        need: Need::VARIED,
        harmless: &["pattern", "patterns.txt"],
    },
    PrefixRule {
        id: "linear-key",
        severity: High,
        patterns: &["lin_api_[A-Za-z0-9]{30,}", "lin_oauth_[a-f0-9]{60,}"],
        need: Need::DIGIT,
        harmless: &["lin_api_"],
    },
    PrefixRule {
        id: "figma-token",
        severity: High,
        patterns: &["figd_[A-Za-z0-9_-]{30,}", "figu_[A-Za-z0-9_-]{30,}"],
        need: Need::DIGIT,
        harmless: &["figd_"],
    },
    PrefixRule {
        id: "postman-key",
        severity: High,
        patterns: &["PMAK-[a-f0-9]{24}-[a-f0-9]{34}"],
        need: Need::VARIED,
        harmless: &["PMAK-"],
    },
    PrefixRule {
        id: "contentful-token",
        severity: High,
        patterns: &["CFPAT-[A-Za-z0-9_-]{40,}"],
        need: Need::DIGIT,
        harmless: &["CFPAT-"],
    },
    PrefixRule {
        id: "typeform-token",
        severity: Medium,
        patterns: &["tfp_[A-Za-z0-9_.=-]{50,}"],
        need: Need::DIGIT,
        harmless: &["tfp_x"],
    },
    PrefixRule {
        id: "dropbox-token",
        severity: High,
        patterns: &[r"sl\.[A-Za-z0-9_-]{100,}", r"sl\.u\.[A-Za-z0-9_-]{100,}"],
        need: Need::MIXED,
        harmless: &["sl.name"],
    },
    PrefixRule {
        id: "mapbox-secret",
        severity: High,
        patterns: &[r"sk\.eyJ[A-Za-z0-9_-]{40,120}\.[A-Za-z0-9_-]{16,}"],
        need: Need::VARIED,
        harmless: &["sk.name"],
    },
    PrefixRule {
        id: "adobe-secret",
        severity: High,
        patterns: &[r"p8e-[a-zA-Z0-9]{32}\b"],
        need: Need::DIGIT,
        harmless: &["p8e-x"],
    },
    PrefixRule {
        id: "hubspot-token",
        severity: High,
        patterns: &[
            "pat-na1-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "pat-na2-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "pat-eu1-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "pat-ap1-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
        ],
        need: Need::VARIED,
        harmless: &["pat-na1-"],
    },
    PrefixRule {
        id: "frameio-token",
        severity: Medium,
        patterns: &["fio-u-[A-Za-z0-9_=-]{60,}"],
        need: Need::DIGIT,
        harmless: &["fio-u-"],
    },
    PrefixRule {
        id: "readme-key",
        severity: Medium,
        patterns: &["rdme_[a-z0-9]{70}"],
        need: Need::DIGIT,
        harmless: &["rdme_x"],
    },
    PrefixRule {
        id: "prefect-key",
        severity: Medium,
        patterns: &[r"pnu_[A-Za-z0-9]{36}\b", r"pnb_[A-Za-z0-9]{36}\b"],
        need: Need::DIGIT,
        harmless: &["pnu_x"],
    },
    PrefixRule {
        id: "lob-key",
        severity: Medium,
        patterns: &[r"live_[a-f0-9]{35}\b", r"test_[a-f0-9]{35}\b"],
        need: Need::DIGIT,
        harmless: &["live_x"],
    },
    PrefixRule {
        id: "facebook-token",
        severity: High,
        patterns: &[
            "EAAM[A-Za-z0-9]{80,}",
            "EAAC[A-Za-z0-9]{80,}",
            "EAAG[A-Za-z0-9]{80,}",
            "EAAB[A-Za-z0-9]{80,}",
        ],
        need: Need::MIXED,
        harmless: &["EAAC"],
    },
    PrefixRule {
        id: "clickup-key",
        severity: Medium,
        patterns: &[r"pk_\d{5,10}_[A-Z0-9]{30,}"],
        need: Need::VARIED,
        harmless: &["pk_name", "pk_12"],
    },
    PrefixRule {
        id: "deno-val-town-token",
        severity: Medium,
        patterns: &["ddp_[A-Za-z0-9]{30,}", "vtwn_[A-Za-z0-9]{24,}"],
        need: Need::DIGIT,
        harmless: &["ddp_x"],
    },
    PrefixRule {
        id: "convex-key",
        severity: Medium,
        patterns: &[r"prod:[a-z]{3,12}-[a-z]{3,12}-\d{1,4}\|[A-Za-z0-9+/=]{40,}"],
        need: Need::VARIED,
        harmless: &["prod:a-b-1"],
    },
    PrefixRule {
        id: "tinybird-key",
        severity: Medium,
        patterns: &[r"p\.eyJ[A-Za-z0-9_-]{40,}\.?[A-Za-z0-9_-]*"],
        need: Need::VARIED,
        harmless: &["p.eyJ"],
    },
    PrefixRule {
        id: "settlemint-token",
        severity: Medium,
        patterns: &[
            "sm_pat_[A-Za-z0-9]{16,}",
            "sm_aat_[A-Za-z0-9]{16,}",
            "sm_sat_[A-Za-z0-9]{16,}",
        ],
        need: Need::VARIED,
        harmless: &["sm_pat_"],
    },
    PrefixRule {
        id: "scalingo-token",
        severity: Medium,
        patterns: &["tk-us-[A-Za-z0-9_-]{48}"],
        need: Need::DIGIT,
        harmless: &["tk-us-"],
    },
];
