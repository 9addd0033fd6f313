//! Builds a redactor: rules on and off, known values, own patterns.
//!
//! Not for reading configuration or environment: whoever builds brings the values.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::block;
use crate::class::{Class, WORD};
use crate::context::{ContextRule, Kind};
use crate::finder::{Finder, Literal, head};
use crate::known;
use crate::marker::Digest;
use crate::pattern::{Pattern, PatternError};
use crate::redactor::{Known, Label, Matcher, Redactor, Rule};
use crate::rules::{self, Need, SignRule};

/// Longest name of a known value in a marker.
const NAME_MAX: usize = 40;
/// Shortest cue of an own rule: shorter ones stand in ordinary text all the time.
const CUE_MIN: usize = 4;
/// Most known values: each costs a few dozen literals.
const KNOWN_VALUES_MAX: usize = 10_000;

/// Ranks among overlapping intervals: the more telling name wins.
pub(crate) mod rank {
    /// Own patterns of the user.
    pub(crate) const CUSTOM: u8 = 40;
    /// Distinctive formats.
    pub(crate) const PREFIX: u8 = 30;
    /// Key blocks.
    pub(crate) const BLOCK: u8 = 20;
    /// Values behind a cue.
    pub(crate) const CONTEXT: u8 = 10;
}

/// Why a redactor could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Correct the pattern text.
    #[error("compile pattern of rule {id}: {source}")]
    Pattern {
        /// The rule.
        id: String,
        /// What is wrong with its pattern.
        source: PatternError,
    },
    /// Choose another id.
    #[error(
        "add rule {0:?}: an id has 2 to 40 lower-case letters, digits and dashes, and is not in use yet"
    )]
    Id(String),
    /// Choose another cue.
    #[error("add rule {0:?}: a cue has 4 to 40 letters, digits, underscores and dashes")]
    Cue(String),
    /// Correct the id: switching off a rule that does not exist would go unnoticed.
    #[error("disable rule {0:?}: there is no such rule")]
    UnknownRule(String),
    /// Name fewer known values.
    #[error("add known values: found {0}, at most 10000 are allowed")]
    TooManyKnown(usize),
}

/// What a redactor is to be made of. All built-in rules are on.
#[derive(Clone, Default)]
pub struct Builder {
    key: [u8; 32],
    known: Vec<(String, String)>,
    disabled: Vec<String>,
    custom: Vec<(String, Pattern)>,
    cues: Vec<(String, String)>,
    counts: Vec<(String, Arc<AtomicU64>)>,
    off: bool,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("known", &self.known.len())
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// Begins a redactor with all built-in rules.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The host's key for the digits of the markers. Without one the digits are the same on every host.
    pub fn key(mut self, key: [u8; 32]) -> Builder {
        self.key = key;
        self
    }

    /// Adds a value that is known to be secret; `name` appears in the marker as `known-name`. Values of less than
    /// [`KNOWN_MIN`](crate::KNOWN_MIN) bytes and words like "changeme" are passed over.
    pub fn known(mut self, name: &str, value: &str) -> Builder {
        if known::usable(value) {
            self.known.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Switches a rule off.
    pub fn disable(mut self, rule_id: &str) -> Builder {
        self.disabled.push(rule_id.to_owned());
        self
    }

    /// Adds an own rule. The pattern begins with at least three fixed characters, then come `[classes]`, `\d`, `\w` and
    /// literals with counts `{m,n}`, `+`, `*`, `?`, a `\b` at the end if a word must end there, and a `\B` at the beginning
    /// if it may begin within a word.
    pub fn custom(mut self, id: &str, pattern: &str) -> Result<Builder, BuildError> {
        if !self.is_free(id) {
            return Err(BuildError::Id(id.to_owned()));
        }
        let pattern = Pattern::parse(pattern).map_err(|source| BuildError::Pattern {
            id: id.to_owned(),
            source,
        })?;
        self.custom.push((id.to_owned(), pattern));
        Ok(self)
    }

    /// Adds an own rule for what stands behind `cue`, a name as in `cue = "..."`: what looks like a password or a token
    /// there is redacted.
    pub fn custom_cue(mut self, id: &str, cue: &str) -> Result<Builder, BuildError> {
        if !self.is_free(id) {
            return Err(BuildError::Id(id.to_owned()));
        }
        let proper = (CUE_MIN..=NAME_MAX).contains(&cue.len())
            && cue.bytes().all(|byte| WORD.has(byte) || byte == b'-');
        if !proper {
            return Err(BuildError::Cue(id.to_owned()));
        }
        self.cues.push((id.to_owned(), cue.to_ascii_lowercase()));
        Ok(self)
    }

    /// Goes on with the counts of `older`, which the new redactor replaces.
    pub fn continues(mut self, older: &Redactor) -> Builder {
        let counts = older.labels.iter();
        self.counts = counts
            .map(|label| (label.name.clone(), Arc::clone(&label.count)))
            .collect();
        self
    }

    /// Switches everything off: all text passes as it is.
    pub fn off(mut self) -> Builder {
        self.off = true;
        self
    }

    /// Whether an own rule may be called so.
    fn is_free(&self, id: &str) -> bool {
        let proper = (2..=NAME_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        proper
            && !rules::ids().any(|used| used == id)
            && !self.custom.iter().any(|(used, _)| used == id)
            && !self.cues.iter().any(|(used, _)| used == id)
    }

    /// Compiles the redactor.
    pub fn build(self) -> Result<Redactor, BuildError> {
        if let Some(unknown) = self
            .disabled
            .iter()
            .find(|id| !rules::ids().any(|known| known == id.as_str()))
        {
            return Err(BuildError::UnknownRule(unknown.clone()));
        }
        if self.known.len() > KNOWN_VALUES_MAX {
            return Err(BuildError::TooManyKnown(self.known.len()));
        }
        let mut parts = Parts::new(Digest::new(&self.key), self.counts);
        if self.off {
            return Ok(parts.finish());
        }
        for (id, cue) in self.cues {
            parts.cue(&id, Kind::Password, &cue);
        }
        for (id, pattern) in self.custom {
            parts.pattern(&id, rank::CUSTOM, pattern, Need::NOTHING);
        }
        for rule in
            rules::prefix_rules().filter(|rule| !self.disabled.iter().any(|id| id == rule.id))
        {
            for text in rule.patterns {
                let pattern = Pattern::parse(text).map_err(|source| BuildError::Pattern {
                    id: rule.id.to_owned(),
                    source,
                })?;
                parts.pattern(rule.id, rank::PREFIX, pattern, rule.need);
            }
        }
        if !self.disabled.iter().any(|id| id == rules::PRIVATE_KEY) {
            parts.blocks();
        }
        for rule in
            rules::context_rules().filter(|rule| !self.disabled.iter().any(|id| id == rule.id))
        {
            parts.context(rule);
        }
        for rule in rules::sign_rules().filter(|rule| !self.disabled.iter().any(|id| id == rule.id))
        {
            parts.sign(rule);
        }
        for (name, value) in &self.known {
            parts.known(&marker_name(name, &self.known), value);
        }
        Ok(parts.finish())
    }
}

/// A redactor in the making.
struct Parts {
    literals: Vec<Literal>,
    rules: Vec<Rule>,
    known: Vec<Known>,
    labels: Vec<Label>,
    digest: Digest,
    awkward: bool,
    /// The counts of an older redactor.
    counts: Vec<(String, Arc<AtomicU64>)>,
}

impl Parts {
    fn new(digest: Digest, counts: Vec<(String, Arc<AtomicU64>)>) -> Parts {
        Parts {
            counts,
            literals: Vec::new(),
            rules: Vec::new(),
            known: Vec::new(),
            labels: Vec::new(),
            digest,
            awkward: false,
        }
    }

    fn label(&mut self, name: &str) -> u32 {
        let index = self
            .labels
            .iter()
            .position(|label| label.name == name)
            .unwrap_or_else(|| {
                let older = self.counts.iter().find(|(older, _)| older == name);
                self.labels.push(Label {
                    name: name.to_owned(),
                    count: older.map_or_else(Arc::default, |(_, count)| Arc::clone(count)),
                });
                self.labels.len() - 1
            });
        index as u32
    }

    fn rule(&mut self, label: u32, rank: u8, matcher: Matcher) -> u32 {
        self.rules.push(Rule {
            label,
            rank,
            matcher,
        });
        self.rules.len() as u32 - 1
    }

    fn pattern(&mut self, id: &str, rank: u8, pattern: Pattern, need: Need) {
        let label = self.label(id);
        let heads = pattern.heads().to_vec();
        let head = if pattern.begins_anywhere() {
            head::ANYWHERE
        } else {
            head::RULE
        };
        let next = pattern.first();
        let owner = self.rule(label, rank, Matcher::Pattern(pattern, need));
        for text in heads {
            self.literals.push(Literal {
                text,
                fold: false,
                next,
                head,
                owner,
                wraps: false,
            });
        }
    }

    fn context(&mut self, rule: &ContextRule) {
        let label = self.label(rule.id);
        let owner = self.rule(label, rank::CONTEXT, Matcher::Context(rule.kind));
        for cue in rule.cues {
            self.cue_literal(owner, cue);
        }
    }

    fn sign(&mut self, rule: &'static SignRule) {
        let label = self.label(rule.id);
        let owner = self.rule(label, rank::PREFIX, Matcher::Sign(rule));
        let digits = Class::EMPTY.range(b'0', b'9');
        let hex = digits.range(b'a', b'f');
        // A sign that says so little is looked for with the two digits behind it.
        let (texts, next) = match rule.sign.len() {
            1 => {
                let behind = hex.bytes().flat_map(|a| hex.bytes().map(move |b| [a, b]));
                let text = |behind: [u8; 2]| [rule.sign.as_bytes(), &behind].concat();
                (behind.map(text).collect(), hex)
            }
            _ => (vec![rule.sign.as_bytes().to_vec()], digits),
        };
        for text in texts {
            self.literals.push(Literal {
                text,
                fold: false,
                next,
                head: head::SIGN,
                owner,
                wraps: false,
            });
        }
    }

    fn cue(&mut self, id: &str, kind: Kind, cue: &str) {
        let label = self.label(id);
        let owner = self.rule(label, rank::CUSTOM, Matcher::Context(kind));
        self.cue_literal(owner, cue);
    }

    fn cue_literal(&mut self, owner: u32, cue: &str) {
        self.literals.push(Literal {
            text: cue.as_bytes().to_vec(),
            fold: true,
            next: Class::EMPTY.range(1, 0x7f),
            head: head::CUE,
            owner,
            wraps: false,
        });
    }

    fn blocks(&mut self) {
        let label = self.label(rules::PRIVATE_KEY);
        for (text, armour) in [
            (block::BEGIN, true),
            (block::BEGIN_SSH2, true),
            (block::PUTTY, false),
        ] {
            let matcher = if armour {
                Matcher::Armour
            } else {
                Matcher::Putty
            };
            let owner = self.rule(label, rank::BLOCK, matcher);
            let text = text.as_bytes().to_vec();
            self.literals.push(Literal {
                text,
                fold: false,
                next: Class::EMPTY.not(),
                head: head::ANYWHERE,
                owner,
                wraps: false,
            });
        }
    }

    fn known(&mut self, name: &str, value: &str) {
        let label = self.label(name);
        self.awkward |= value
            .bytes()
            .any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let digits = self.digest.of(value.as_bytes());
        let owner = self.known.len() as u32;
        self.known.push(Known { label, digits });
        let wrapped = known::wrapped_forms(value);
        for text in known::forms(value) {
            // The id of a rule is no secret, and would make markers of markers.
            if !rules::ids().any(|id| contains(id.as_bytes(), &text)) {
                let next = Class::EMPTY.not();
                let wraps = wrapped.contains(&text);
                self.literals.push(Literal {
                    text,
                    fold: false,
                    next,
                    head: head::KNOWN,
                    owner,
                    wraps,
                });
            }
        }
    }

    fn finish(mut self) -> Redactor {
        self.literals
            .sort_by(|a, b| (&a.text, a.head).cmp(&(&b.text, b.head)));
        self.literals
            .dedup_by(|a, b| a.text == b.text && a.head == head::KNOWN && b.head == head::KNOWN);
        Redactor {
            finder: Finder::new(self.literals),
            rules: self.rules,
            known: self.known,
            digest: self.digest,
            labels: self.labels,
            awkward: self.awkward,
        }
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|part| part == needle)
}

/// The name of a known value in its markers. One that has a known value in it would tell what the marker hides.
fn marker_name(name: &str, known: &[(String, String)]) -> String {
    let slug = slug(name);
    let telling = known
        .iter()
        .any(|(_, value)| slug.contains(&value.to_ascii_lowercase()));
    if telling {
        "known-value".to_owned()
    } else {
        format!("known-{slug}")
    }
}

/// A name as it may stand in a marker: lower-case letters, digits and dashes.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars().take(NAME_MAX) {
        match letter.to_ascii_lowercase() {
            plain @ ('a'..='z' | '0'..='9') => out.push(plain),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() {
        "value".to_owned()
    } else {
        trimmed.to_owned()
    }
}
