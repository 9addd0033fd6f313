//! Secrets within an address.
//!
//! Not for a parameter that its name tells.

use crate::context::{ContextRule, Kind};
use crate::rules::Severity::{High, Medium};

/// The rules of this family.
pub(super) const RULES: &[ContextRule] = &[
    ContextRule {
        id: "url-password",
        severity: High,
        kind: Kind::Url,
        cues: &["://"],
        examples: &[
            "postgres://app:{password}@db.internal:5432/app",
            "https://user:{token}@host/repo.git",
            "https://{token}@host/repo.git",
            "redis://:{password}@cache:6379/0",
            "mongodb+srv://app:{password}@cluster0.abc.mongodb.net",
        ],
        harmless: &[
            "https://host:8080/path@2x.png",
            "https://user:password@host/",
            "postgres://postgres:postgres@localhost/db",
            "https://<user>:<password>@host",
            "http://[::1]:8080/a@b",
            "git+https://github.com/org/repo@v1.2.3",
            "https://user:$PASSWORD@host/",
            "ssh://git@github.com/org/repo",
        ],
    },
    ContextRule {
        id: "url-signature",
        severity: Medium,
        kind: Kind::Signature,
        cues: &["sig=", "signature=", "response=\"", "mac=\""],
        examples: &[
            "https://acct.blob.core.windows.net/c?sv=2022-11-02&sig={token}%3D",
            "https://bucket/k?X-Amz-Expires=60&X-Amz-Signature={token}",
        ],
        harmless: &["sig=none", "signature=<signature>", "fsig=abc"],
    },
    ContextRule {
        id: "telegram-token",
        severity: High,
        kind: Kind::Telegram,
        cues: &[":aa"],
        examples: &[
            "https://api.telegram.org/bot1234567890:AA{token}/getMe",
            "bot 987654321:AA{token}",
        ],
        harmless: &["12:AAbc", "aa:aa:aa:aa:aa:aa", "1234567890:AA"],
    },
];
