//! Payment services and shops.
//!
//! Not for card numbers.

use super::Severity::{High, Low, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "stripe-key",
        severity: High,
        patterns: &[
            "sk_live_[A-Za-z0-9]{16,}",
            "rk_live_[A-Za-z0-9]{16,}",
            "sk_prod_[A-Za-z0-9_-]{16,}",
            "rk_prod_[A-Za-z0-9]{16,}",
            "sk_org_[A-Za-z0-9_]{20,}",
        ],
        need: Need::VARIED,
        harmless: &["sk_live_", "sk_live_key"],
    },
    PrefixRule {
        id: "stripe-test-key",
        severity: Low,
        patterns: &["sk_test_[A-Za-z0-9]{16,}", "rk_test_[A-Za-z0-9]{16,}"],
        need: Need::VARIED,
        harmless: &["sk_test_"],
    },
    PrefixRule {
        id: "stripe-webhook-secret",
        severity: High,
        patterns: &["whsec_[A-Za-z0-9+/=]{24,}"],
        need: Need::VARIED,
        harmless: &["whsec_", "whsec_..."],
    },
    PrefixRule {
        id: "square-token",
        severity: High,
        patterns: &[
            "sq0atp-[A-Za-z0-9_-]{20,}",
            "sq0csp-[A-Za-z0-9_-]{30,}",
            "sq0idp-[A-Za-z0-9_-]{20,}",
            r"EAAA[A-Za-z0-9+/_=-]{60}\b",
        ],
        need: Need::MIXED,
        harmless: &["sq0atp-"],
    },
    PrefixRule {
        id: "shopify-token",
        severity: High,
        patterns: &[
            "shpat_[a-fA-F0-9]{24,}",
            "shpca_[a-fA-F0-9]{24,}",
            "shppa_[a-fA-F0-9]{24,}",
            "shpss_[a-fA-F0-9]{24,}",
            "shpua_[a-fA-F0-9]{24,}",
        ],
        need: Need::VARIED,
        harmless: &["shpat_"],
    },
    PrefixRule {
        id: "braintree-token",
        severity: High,
        patterns: &[
            r"access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32}",
            r"access_token\$sandbox\$[a-z0-9]{16}\$[a-f0-9]{32}",
        ],
        need: Need::VARIED,
        harmless: &["access_token$production$"],
    },
    PrefixRule {
        id: "adyen-key",
        severity: High,
        patterns: &["AQE[a-z]hmfx[A-Za-z0-9+/=_-]{40,}"],
        need: Need::VARIED,
        harmless: &["AQE"],
    },
    PrefixRule {
        id: "razorpay-key",
        severity: Medium,
        patterns: &["rzp_live_[A-Za-z0-9]{14,}", "rzp_test_[A-Za-z0-9]{14,}"],
        need: Need::VARIED,
        harmless: &["rzp_live_"],
    },
    PrefixRule {
        id: "flutterwave-key",
        severity: High,
        patterns: &[
            "FLWSECK-[a-z0-9]{32}-X",
            "FLWSECK_TEST-[a-z0-9]{32}-X",
            "FLWSECK_TEST-[A-Za-z0-9]{12,}",
        ],
        need: Need::DIGIT,
        harmless: &["FLWSECK-"],
    },
    PrefixRule {
        id: "plaid-token",
        severity: High,
        patterns: &[
            "access-sandbox-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "access-development-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
            "access-production-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
        ],
        need: Need::VARIED,
        harmless: &["access-production-policy"],
    },
    PrefixRule {
        id: "paddle-key",
        severity: High,
        patterns: &[
            "pdl_live_apikey_[A-Za-z0-9_]{40,}",
            "pdl_sdbx_apikey_[A-Za-z0-9_]{40,}",
            "pdl_ntfset_[A-Za-z0-9_/+]{40,}",
        ],
        need: Need::VARIED,
        harmless: &["pdl_live_apikey_"],
    },
    PrefixRule {
        id: "live-key",
        severity: High,
        patterns: &["live_[A-Za-z0-9_-]{30,}", r"test_[A-Za-z0-9]{30,40}\b"],
        need: Need::MIXED,
        harmless: &["live_reload", "test_something_very_long_in_a_suite_name"],
    },
    PrefixRule {
        id: "lemonsqueezy-polar-key",
        severity: High,
        patterns: &["polar_oat_[A-Za-z0-9]{30,}", "polar_pat_[A-Za-z0-9]{30,}"],
        need: Need::DIGIT,
        harmless: &["polar_pat_"],
    },
    PrefixRule {
        id: "easypost-key",
        severity: Medium,
        patterns: &[
            "EZAK[a-f0-9]{32}[A-Za-z0-9]{20,}",
            "EZTK[a-f0-9]{32}[A-Za-z0-9]{20,}",
        ],
        need: Need::VARIED,
        harmless: &["EZAK"],
    },
    PrefixRule {
        id: "shippo-token",
        severity: Medium,
        patterns: &["shippo_live_[a-f0-9]{40}", "shippo_test_[a-f0-9]{40}"],
        need: Need::VARIED,
        harmless: &["shippo_live_"],
    },
    PrefixRule {
        id: "duffel-token",
        severity: Medium,
        patterns: &[
            "duffel_live_[A-Za-z0-9_=-]{40,}",
            "duffel_test_[A-Za-z0-9_=-]{40,}",
        ],
        need: Need::VARIED,
        harmless: &["duffel_test_"],
    },
    PrefixRule {
        id: "klaviyo-key",
        severity: Medium,
        patterns: &[r"pk_[a-f0-9]{34}\b"],
        need: Need::DIGIT,
        harmless: &["pk_name"],
    },
    PrefixRule {
        id: "lob-publishable-key",
        severity: Low,
        patterns: &["live_pub_[a-f0-9]{31}", "test_pub_[a-f0-9]{31}"],
        need: Need::VARIED,
        harmless: &["live_pub_"],
    },
    PrefixRule {
        id: "mercadopago-token",
        severity: High,
        patterns: &[
            r"APP_USR-\d{10,20}-\d{6}-[a-f0-9]{32}[A-Za-z0-9_-]*",
            r"TEST-\d{14,20}-\d{6}-[a-f0-9]{32}[A-Za-z0-9_-]*",
        ],
        need: Need::VARIED,
        harmless: &["APP_USR-1"],
    },
    PrefixRule {
        id: "wallet-key",
        severity: High,
        patterns: &[r"[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{100,112}\b"],
        need: Need::MIXED,
        harmless: &["xprv"],
    },
    PrefixRule {
        id: "adyen-key",
        severity: High,
        patterns: &["AQE[A-Za-z][A-Za-z0-9+/=_-]{60,}"],
        need: Need::MIXED,
        harmless: &["AQEl"],
    },
    PrefixRule {
        id: "sumup-key",
        severity: High,
        patterns: &["sup_sk_[A-Za-z0-9]{28,}"],
        need: Need::MIXED,
        harmless: &["sup_sk_"],
    },
    PrefixRule {
        id: "live-key",
        severity: High,
        patterns: &["live_[A-Za-z0-9]{30,}"],
        need: Need::MIXED,
        harmless: &["live_reload_server_enabled_by_default"],
    },
    PrefixRule {
        id: "live-hex-key",
        severity: Medium,
        patterns: &[r"live_[a-f0-9]{32}\b", r"test_[a-f0-9]{32}\b"],
        need: Need::DIGIT,
        harmless: &["test_abcdefabcdef"],
    },
];
