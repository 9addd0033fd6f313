//! Chat, mail and messaging.
//!
//! Not for user ids and channel names.

use super::Severity::{High, Medium};
use super::{Need, PrefixRule};

/// The rules of this family.
pub(super) const RULES: &[PrefixRule] = &[
    PrefixRule {
        id: "slack-token",
        severity: High,
        patterns: &[
            "xoxb-[A-Za-z0-9-]{20,}",
            "xoxp-[A-Za-z0-9-]{20,}",
            "xoxo-[A-Za-z0-9-]{20,}",
            "xoxa-[A-Za-z0-9-]{20,}",
            "xoxr-[A-Za-z0-9-]{20,}",
            "xoxs-[A-Za-z0-9-]{20,}",
            r"xoxe\.xox[bp]-\d-[A-Za-z0-9]{40,}",
            r"xoxe-\d-[A-Za-z0-9]{40,}",
            "xoxc-[A-Za-z0-9-]{20,}",
            "xoxd-[A-Za-z0-9%/+=-]{20,}",
        ],
        need: Need::DIGIT,
        harmless: &["xoxb-", "xoxb-your-token-here"],
    },
    PrefixRule {
        id: "slack-app-token",
        severity: High,
        patterns: &[r"xapp-\d-[A-Za-z0-9-]{30,}"],
        need: Need::DIGIT,
        harmless: &["xapp-1-A"],
    },
    PrefixRule {
        id: "slack-webhook",
        severity: High,
        patterns: &[
            r"hooks\.slack\.com/services/T[A-Z0-9]{7,14}/B[A-Z0-9]{7,14}/[A-Za-z0-9]{16,}",
            r"hooks\.slack\.com/workflows/T[A-Z0-9]{7,14}/A[A-Z0-9]{7,14}/\d{10,24}/[A-Za-z0-9]{16,}",
            r"hooks\.slack\.com/triggers/[A-Z0-9]{7,14}/\d{8,24}/[a-f0-9]{24,}",
        ],
        need: Need::NOTHING,
        harmless: &["hooks.slack.com/services/T00000000"],
    },
    PrefixRule {
        id: "discord-webhook",
        severity: High,
        patterns: &[
            r"discord\.com/api/webhooks/\d{16,21}/[A-Za-z0-9_-]{40,}",
            r"discordapp\.com/api/webhooks/\d{16,21}/[A-Za-z0-9_-]{40,}",
        ],
        need: Need::NOTHING,
        harmless: &["discord.com/api/webhooks/123"],
    },
    PrefixRule {
        id: "discord-bot-token",
        severity: High,
        patterns: &[
            r"MT[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"Mj[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"Mz[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"ND[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"NT[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"Nj[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"Nz[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"OD[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
            r"OT[AEIMQUYcgk][w-z0-5][A-Za-z0-9]{19,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
        ],
        need: Need::MIXED,
        harmless: &["MTAwMDAwMDAw"],
    },
    PrefixRule {
        id: "teams-webhook",
        severity: High,
        patterns: &[r"\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{60,}"],
        need: Need::NOTHING,
        harmless: &[".webhook.office.com/"],
    },
    PrefixRule {
        id: "twilio-key",
        severity: High,
        patterns: &[r"SK[a-f0-9][a-f0-9]{31}\b"],
        need: Need::DIGIT,
        harmless: &["SK", "SKIPPED"],
    },
    PrefixRule {
        id: "sendgrid-key",
        severity: High,
        patterns: &[r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,}"],
        need: Need::VARIED,
        harmless: &["SG.name", "SG.a.b"],
    },
    PrefixRule {
        id: "mailgun-key",
        severity: High,
        patterns: &[r"key-[a-f0-9]{32}\b", r"pubkey-[a-f0-9]{32}\b"],
        need: Need::DIGIT,
        harmless: &["key-value", "key-0123"],
    },
    PrefixRule {
        id: "mandrill-key",
        severity: Medium,
        patterns: &[r"md-[A-Za-z0-9_-]{22}\b"],
        need: Need::MIXED,
        harmless: &["md-file", "md-toolbar-tabs-are-long-x"],
    },
    PrefixRule {
        id: "resend-key",
        severity: High,
        patterns: &["re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,}"],
        need: Need::MIXED,
        harmless: &["re_search", "re_compile_pattern_with_long_name"],
    },
    PrefixRule {
        id: "brevo-key",
        severity: High,
        patterns: &[
            "xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
            "xsmtpsib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
        ],
        need: Need::VARIED,
        harmless: &["xkeysib-"],
    },
    PrefixRule {
        id: "intercom-token",
        severity: High,
        patterns: &["dG9rO[A-Za-z0-9=]{50,}"],
        need: Need::MIXED,
        harmless: &["dG9rO"],
    },
    PrefixRule {
        id: "telnyx-key",
        severity: High,
        patterns: &["KEY0[A-F0-9]{31}_[A-Za-z0-9]{22}"],
        need: Need::VARIED,
        harmless: &["KEY01"],
    },
    PrefixRule {
        id: "firebase-key",
        severity: High,
        patterns: &[":APA91b[A-Za-z0-9_-]{100,}"],
        need: Need::MIXED,
        harmless: &[":APA91b"],
    },
];
