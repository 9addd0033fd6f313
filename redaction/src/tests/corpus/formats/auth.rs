//! Formats of tokens of who signs people and programs in, and of keepers of secrets.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
AGE-SECRET-KEY-1%Z{58}
AGE-SECRET-KEY-PQ-1%Z{58}
eyJ2ZXIiOiIyIiwidHlwIjoiSldUIiwiYWxnIjoiUlMyNTYi%w{30}.eyJ%w{80}.%W{86}
v2.local.%W{120}
v4.local.%W{140}
SUA%b{55}
sc_%w{6}.%L{5}.acc_%w{20}.%W{40}
eyJ0eXAiOiAiVENWMiJ9.%W{40}.%W{60}
secret-live-%W{36}=
"#;
