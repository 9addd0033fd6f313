//! Formats of tokens of registries of packages.
//!
//! Not taken from the rules: as they are documented.

/// Tokens, one format a line.
pub(super) const FORMATS: &str = r#"
npm_%w{36}
pypi-AgEIcHlwaS5vcmc%W{140}
pypi-AgENdGVzdC5weXBpLm9yZw%W{140}
rubygems_%h{48}
cio%w{32}
oy2%L{43}
dckr_pat_%W{27}
dckr_oat_%W{32}
CLOJARS_%h{60}
packagist_ork_%h{52}
BUNDLE_ENTERPRISE__CONTRIBSYS__COM=%h{8}:%h{8}
jsrp_%w{40}
"#;
