//! The `[redaction]` section: where known secret values come from and which rules are off. Masks nothing itself.

mod known;

pub use known::KnownValue;

use std::path::PathBuf;

use toml::de::DeValue;

use crate::{
    Base,
    error::shown,
    reader::Section,
    value::{self, Parsed},
};

/// Entries of each list here, far above what anybody writes.
const LIST_ITEMS: usize = 1024;

/// What is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// False masks nothing.
    pub enabled: bool,
    /// A private file with one secret value a line, absolute.
    pub values_file: Option<PathBuf>,
    /// Variables of the host's environment whose values are secret, besides those whose name says so.
    pub env_names: Vec<String>,
    /// `.env` files whose values are secret, absolute.
    pub files: Vec<PathBuf>,
    /// Names of the rules that do not run.
    pub disabled_rules: Vec<String>,
    /// Rules of the user's own.
    pub rules: Vec<OwnRule>,
}

/// A rule of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRule {
    /// Its name in markers.
    pub name: String,
    /// What it finds.
    pub finds: OwnRuleFinds,
}

/// What a rule of the user's own finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnRuleFinds {
    /// Tokens of this form.
    Pattern(String),
    /// What stands behind this name.
    Cue(String),
}

impl Redaction {
    pub(crate) fn read(mut section: Section<'_>, base: &Base<'_>) -> Self {
        let redaction = Self {
            enabled: section.value("enabled", value::flag),
            values_file: section.optional("values_file", |value| base.path(value)),
            env_names: section.value("env_names", value::list(LIST_ITEMS, value::variable)),
            files: section.value("files", value::list(LIST_ITEMS, |value| base.path(value))),
            disabled_rules: section.value("disabled_rules", value::list(LIST_ITEMS, rule_name)),
            rules: own_rules(&mut section),
        };
        section.finish();
        redaction
    }
}

fn own_rules(section: &mut Section<'_>) -> Vec<OwnRule> {
    let mut rules = Vec::new();
    for mut table in section.tables("rules") {
        let name = table.optional("name", rule_name);
        let pattern = table.optional("pattern", value::text);
        let cue = table.optional("cue", value::text);
        let finds = match (pattern, cue) {
            (Some(pattern), None) => Some(OwnRuleFinds::Pattern(pattern)),
            (None, Some(cue)) => Some(OwnRuleFinds::Cue(cue)),
            _ if table.is_sound(&["pattern", "cue"]) => {
                table.note("pattern", "write either a pattern or a cue, and not both");
                None
            }
            _ => None,
        };
        if name.is_none() && table.is_sound(&["name"]) {
            table.note("name", "is missing; it is what the marker shows");
        }
        rules.extend(name.zip(finds).map(|(name, finds)| OwnRule { name, finds }));
        table.finish();
    }
    rules
}

fn rule_name(value: &DeValue<'_>) -> Parsed<String> {
    let name = value::text(value)?;
    if name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        Ok(name)
    } else {
        Err(format!(
            "found {}, write the name that stands in the marker, such as \"github-pat\"",
            shown(&name)
        ))
    }
}
