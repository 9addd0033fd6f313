//! Secrets that the format of a file tells.
//!
//! Not for files whose lines are names and values.

use crate::context::{ContextRule, Kind};
use crate::rules::Severity::High;

/// The rules of this family.
pub(super) const RULES: &[ContextRule] = &[
    ContextRule {
        id: "netrc",
        severity: High,
        kind: Kind::Netrc,
        cues: &["machine", "default login", "default\nlogin"],
        examples: &[
            "machine api.host login me password {password}",
            "machine git.host\n  login me\n  password {password}\n",
            "default login me password {password}",
            "default\nlogin me\npassword {password}\n",
        ],
        harmless: &[
            "machine learning",
            "machine host login user",
            "machine code login forms password fields",
        ],
    },
    ContextRule {
        id: "docker-auth",
        severity: High,
        kind: Kind::DockerAuth,
        cues: &["auth\"", "auth\\\""],
        examples: &[
            "{\"auths\":{\"reg\":{\"auth\": \"{pair}\"}}}",
            "{\\\"auth\\\":\\\"{pair}\\\"}",
        ],
        harmless: &["\"auth\": \"required\"", "\"auth\": {\"type\": \"basic\"}"],
    },
    ContextRule {
        id: "json-web-key",
        severity: High,
        kind: Kind::JsonKey,
        cues: &[
            "\"d\":",
            "\"k\":",
            "\"p\":",
            "\"q\":",
            "\"dp\":",
            "\"dq\":",
            "\"qi\":",
            "\\\"d\\\":",
            "\\\"k\\\":",
            "\\\"p\\\":",
            "\\\"q\\\":",
            "\\\"dp\\\":",
            "\\\"dq\\\":",
            "\\\"qi\\\":",
        ],
        examples: &[
            "{\"kty\":\"EC\",\"d\":\"{token}{token}\"}",
            "{\\\"kty\\\":\\\"oct\\\",\\\"k\\\":\\\"{token}{token}\\\"}",
        ],
        harmless: &["{\"d\": \"M10 10h5v5z\"}", "\"q\": \"rust\"", "\"k\":1"],
    },
    ContextRule {
        id: "pgpass",
        severity: High,
        kind: Kind::PgPass,
        cues: &[":5432:", ":5433:", ":6432:"],
        examples: &[
            "db.internal:5432:app:app:{password}",
            "*:5432:*:postgres:{password}",
        ],
        harmless: &[
            "localhost:5432:5432",
            "0.0.0.0:5432:5432/tcp",
            "at 10.0.0.1:5432: refused",
        ],
    },
    ContextRule {
        id: "kubernetes-secret",
        severity: High,
        kind: Kind::SecretData,
        cues: &["data:", "stringdata:"],
        examples: &[
            "data:\n  file: {pair}\nkind: Secret\n",
            "kind: Secret\nstringData:\n  file: {password}\n",
        ],
        harmless: &[
            "data:\n  file: plain-text\n",
            "data:\n  username: {}\n",
            "metadata:\n  name: cm9ib3Q6\n",
            "data: [1, 2]",
            "stringData:\n",
        ],
    },
];
