//! Monitoring, analytics and incident services.
//!
//! Not for ingest ids that browsers publish anyway.

use super::Severity::{High, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "pagerduty-key",
        severity: High,
        patterns: &[r"u\+[A-Za-z0-9][A-Za-z0-9_+-]{17}\b"],
        need: Need::MIXED,
        harmless: &["u+1", "u+v", "u+0041"],
    },
    PrefixRule {
        id: "newrelic-key",
        severity: High,
        patterns: &[
            "NRAK-[A-Z0-9]{24,}",
            "NRII-[A-Za-z0-9_-]{30,}",
            "NRIQ-[A-Za-z0-9_-]{30,}",
            "NRRA-[a-f0-9]{40,}",
            "NRJS-[a-f0-9]{19}",
        ],
        need: Need::DIGIT,
        harmless: &["NRAK-"],
    },
    PrefixRule {
        id: "sentry-token",
        severity: High,
        patterns: &[
            "sntrys_eyJ[A-Za-z0-9+/=_-]{60,}",
            "sntryu_[a-f0-9]{60,}",
            "sntrya_[a-f0-9]{60,}",
        ],
        need: Need::VARIED,
        harmless: &["sntrys_"],
    },
    PrefixRule {
        id: "grafana-token",
        severity: High,
        patterns: &[
            "glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}",
            "glc_[A-Za-z0-9+/=]{32,}",
        ],
        need: Need::VARIED,
        harmless: &["glsa_", "glc_x"],
    },
    PrefixRule {
        id: "dynatrace-token",
        severity: High,
        patterns: &[
            r"dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
            r"dt0s\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}",
        ],
        need: Need::VARIED,
        harmless: &["dt0c01."],
    },
    PrefixRule {
        id: "honeycomb-key",
        severity: Medium,
        patterns: &[
            "hcaik_[a-z0-9]{50,}",
            "hcamk_[a-z0-9]{50,}",
            "hcalk_[a-z0-9]{50,}",
        ],
        need: Need::DIGIT,
        harmless: &["hcaik_"],
    },
    PrefixRule {
        id: "posthog-key",
        severity: Medium,
        patterns: &[
            "phx_[A-Za-z0-9]{40,}",
            "phs_[A-Za-z0-9]{40,}",
            "phc_[A-Za-z0-9]{40,}",
        ],
        need: Need::DIGIT,
        harmless: &["phx_x"],
    },
    PrefixRule {
        id: "logfire-token",
        severity: Medium,
        patterns: &["pylf_v1_us_[A-Za-z0-9]{30,}", "pylf_v1_eu_[A-Za-z0-9]{30,}"],
        need: Need::DIGIT,
        harmless: &["pylf_v1_us_"],
    },
    PrefixRule {
        id: "launchdarkly-key",
        severity: High,
        patterns: &[
            "sdk-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "api-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "mob-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "rel-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
        ],
        need: Need::VARIED,
        harmless: &["sdk-version", "api-gateway"],
    },
    PrefixRule {
        id: "datadog-key",
        severity: High,
        patterns: &["ddapp_[A-Za-z0-9]{30,}", "ddpat_[A-Za-z0-9_]{30,}"],
        need: Need::DIGIT,
        harmless: &["ddapp_x"],
    },
    PrefixRule {
        id: "axiom-token",
        severity: Medium,
        patterns: &["xaat-[a-f0-9-]{36}", "xapt-[a-f0-9-]{36}"],
        need: Need::VARIED,
        harmless: &["xaat-"],
    },
    PrefixRule {
        id: "pagerduty-key",
        severity: Medium,
        patterns: &[r"pdus\+_[A-Za-z0-9_+-]{20,}", r"pdeu\+_[A-Za-z0-9_+-]{20,}"],
        need: Need::DIGIT,
        harmless: &["pdus+_"],
    },
    PrefixRule {
        id: "incident-io-key",
        severity: Medium,
        patterns: &["inc_[a-f0-9]{64}"],
        need: Need::VARIED,
        harmless: &["inc_x"],
    },
    PrefixRule {
        id: "statsig-key",
        severity: Medium,
        patterns: &[r"secret-[A-Za-z0-9]{40,50}\b"],
        need: Need::MIXED,
        harmless: &["secret-santa"],
    },
    PrefixRule {
        id: "grafana-legacy-key",
        severity: High,
        patterns: &["eyJrIjoi[A-Za-z0-9+/=_-]{50,}"],
        need: Need::VARIED,
        harmless: &["eyJrIjoi"],
    },
    PrefixRule {
        id: "checkly-key",
        severity: Medium,
        patterns: &[r"cu_[a-f0-9]{32}\b"],
        need: Need::DIGIT,
        harmless: &["cu_x"],
    },
    PrefixRule {
        id: "rootly-token",
        severity: High,
        patterns: &["rootly_[a-f0-9]{60,}"],
        need: Need::VARIED,
        harmless: &["rootly_team"],
    },
    PrefixRule {
        id: "incident-io-key",
        severity: High,
        patterns: &["inc_[a-f0-9]{40,}"],
        need: Need::VARIED,
        harmless: &["inc_counter"],
    },
    PrefixRule {
        id: "elastic-cloud-key",
        severity: High,
        patterns: &["essu_[A-Za-z0-9+/_-]{40,}={0,2}"],
        need: Need::MIXED,
        harmless: &["essu_"],
    },
    PrefixRule {
        id: "uptimerobot-key",
        severity: High,
        patterns: &[r"u\d\d\d{4,8}-[a-f0-9]{24}", r"m\d\d\d{4,10}-[a-f0-9]{24}"],
        need: Need::VARIED,
        harmless: &["u1234567-"],
    },
];
