//! Secrets in the headers of HTTP.
//!
//! Not for headers that are only a name and a value, as `X-Api-Key`: their names tell.

use crate::context::{ContextRule, Kind};
use crate::rules::Severity::{High, Medium};

/// The rules of this family.
pub(super) const RULES: &[ContextRule] = &[
    ContextRule {
        id: "authorization",
        severity: High,
        kind: Kind::Authorization,
        cues: &["authorization"],
        examples: &[
            "Authorization: Basic {pair}",
            "authorization: Bearer {token}",
            "-H 'Authorization: token {token}'",
            "\"Authorization\": \"Bearer {token}\"",
            "headers[\"Authorization\"] = \"Bot {token}\"",
            "Proxy-Authorization: Basic {pair}",
            "Authorization: {token}",
            "{\\\"authorization\\\":\\\"Bearer {token}\\\"}",
        ],
        harmless: &[
            "Authorization: Bearer <token>",
            "Authorization: Bearer $TOKEN",
            "Authorization: Basic realm",
            "authorization_endpoint=https://host/path1",
            "the Authorization header",
            "Authorization: Bearer YOUR_API_KEY_123",
        ],
    },
    ContextRule {
        id: "bearer",
        severity: High,
        kind: Kind::Bearer,
        cues: &["bearer "],
        examples: &["with Bearer {token} as credential", "'bearer {token}'"],
        harmless: &[
            "bearer token",
            "the bearer of this",
            "Bearer <access_token>",
            "bearer authentication2",
        ],
    },
    ContextRule {
        id: "cookie",
        severity: High,
        kind: Kind::Cookie,
        cues: &["cookie"],
        examples: &[
            "Cookie: session={token}; theme=dark",
            "-H 'cookie: sid={token}'",
            "\"Cookie\": \"a=1; id={token}\"",
        ],
        harmless: &[
            "Cookie: name=value; name2=value2",
            "cookie = parse(header)",
            "cookies: true",
            "cookie: <cookie>",
        ],
    },
    ContextRule {
        id: "set-cookie",
        severity: High,
        kind: Kind::SetCookie,
        cues: &["set-cookie"],
        examples: &[
            "Set-Cookie: sid={token}; Path=/; HttpOnly",
            "< set-cookie: __Host-id={token}",
        ],
        harmless: &[
            "Set-Cookie: theme=dark; Path=/",
            "set-cookie: name=value",
            "the Set-Cookie header",
        ],
    },
    ContextRule {
        id: "signature",
        severity: Medium,
        kind: Kind::SignatureHeader,
        cues: &["-signature", "signature:"],
        examples: &[
            "X-Signature: {token}{token}",
            "X-Hub-Signature-256: sha256={token}{token}",
            "Stripe-Signature: t=1700000000,v1={token}{token}",
            "'x-slack-signature': 'v0={token}{token}'",
            "Signature: {token}{token}==",
        ],
        harmless: &[
            "X-Signature: <signature>",
            "signature: fn(x: i32) -> i32",
            "the X-Signature header is missing",
            "signature: SHA256",
            "type-signature: forall a. a -> a",
        ],
    },
];
