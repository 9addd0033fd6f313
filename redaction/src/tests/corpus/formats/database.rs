//! Formats of tokens of databases.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
AVNS_%W{19}
ccdb1_%w{22}_%w{40}
xau_%w{40}
fnAE%W{36}
npg_%w{12}
"#;
