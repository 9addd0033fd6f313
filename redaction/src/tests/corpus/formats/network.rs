//! Formats of tokens of private networks.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
tskey-auth-k%w{10}CNTRL-%w{32}
tskey-api-k%w{10}CNTRL-%w{32}
tskey-client-k%w{10}CNTRL-%w{32}
"#;
