//! Package and image registries.
//!
//! Not for registry passwords in configuration files: see the context rules.

use super::Severity::High;
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "npm-token",
        severity: High,
        patterns: &["npm_[A-Za-z0-9]{30,}"],
        need: Need::DIGIT,
        harmless: &[
            "npm_config_registry",
            "npm_lifecycle_event",
            "npm_package_version",
        ],
    },
    PrefixRule {
        id: "pypi-token",
        severity: High,
        patterns: &[
            "pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{30,}",
            "pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9_-]{30,}",
            "pypi-[A-Za-z0-9_-]{80,}",
        ],
        need: Need::VARIED,
        harmless: &["pypi-publish", "pypi-attestations"],
    },
    PrefixRule {
        id: "rubygems-token",
        severity: High,
        patterns: &["rubygems_[a-f0-9]{40,}"],
        need: Need::VARIED,
        harmless: &["rubygems_version"],
    },
    PrefixRule {
        id: "crates-io-token",
        severity: High,
        patterns: &[r"cio[A-Za-z0-9]{32}\b"],
        need: Need::MIXED,
        harmless: &["cio", "cioppino"],
    },
    PrefixRule {
        id: "docker-hub-token",
        severity: High,
        patterns: &["dckr_pat_[A-Za-z0-9_-]{20,}", "dckr_oat_[A-Za-z0-9_-]{20,}"],
        need: Need::VARIED,
        harmless: &["dckr_pat_"],
    },
    PrefixRule {
        id: "nuget-key",
        severity: High,
        patterns: &[r"oy2[a-z0-9]{43}\b"],
        need: Need::DIGIT,
        harmless: &["oy2"],
    },
    PrefixRule {
        id: "clojars-token",
        severity: High,
        patterns: &["CLOJARS_[a-z0-9]{60}"],
        need: Need::DIGIT,
        harmless: &["CLOJARS_USERNAME"],
    },
    PrefixRule {
        id: "packagist-token",
        severity: High,
        patterns: &[
            "packagist_org_[a-z]{3,8}_[a-f0-9]{60,}",
            "packagist_[a-z]{3,8}_[a-f0-9]{60,}",
        ],
        need: Need::VARIED,
        harmless: &["packagist_name"],
    },
    PrefixRule {
        id: "packagist-token",
        severity: High,
        patterns: &["packagist_[a-z]{2,4}_[a-f0-9]{40,}"],
        need: Need::VARIED,
        harmless: &["packagist_url"],
    },
    PrefixRule {
        id: "jsr-token",
        severity: High,
        patterns: &["jsrp_[A-Za-z0-9]{30,}", "jsrd_[A-Za-z0-9]{30,}"],
        need: Need::MIXED,
        harmless: &["jsrp_"],
    },
    PrefixRule {
        id: "sidekiq-secret",
        severity: High,
        patterns: &[
            "BUNDLE_ENTERPRISE__CONTRIBSYS__COM[=:' ]{1,4}[a-f0-9]{8}:[a-f0-9]{8}",
            "BUNDLE_GEMS__CONTRIBSYS__COM[=:' ]{1,4}[a-f0-9]{8}:[a-f0-9]{8}",
        ],
        need: Need::NOTHING,
        harmless: &["BUNDLE_ENTERPRISE__CONTRIBSYS__COM"],
    },
];
