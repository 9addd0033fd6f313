//! The compiled redactor: literals, rules, known values, counts.
//!
//! Not mutable: a new set of known values is a new redactor.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block;
use crate::colours::Colours;
use crate::context::Kind;
use crate::engine::Scan;
use crate::engine::intervals::Interval;
use crate::finder::{Finder, head};
use crate::marker::{self, Digest, Digits};
use crate::pattern::{Pattern, Run, Step};
use crate::rules::{Need, SignRule};
use crate::stream::Stream;
use crate::swallow::How;
use crate::view::{More, Prev, Verdict, View};
use crate::writer::Writer;

/// The compiled rules and known values; shared by all streams.
pub struct Redactor {
    pub(crate) finder: Finder,
    pub(crate) rules: Vec<Rule>,
    pub(crate) known: Vec<Known>,
    pub(crate) digest: Digest,
    pub(crate) labels: Vec<Label>,
    /// Whether a known value has characters that JSON escapes.
    pub(crate) awkward: bool,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("rules", &self.rules.len())
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

/// The name in a marker, and how often it was written.
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) count: Arc<AtomicU64>,
}

/// Whom a literal of a known value belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) label: u32,
    pub(crate) digits: Digits,
}

/// One compiled rule.
pub(crate) struct Rule {
    pub(crate) label: u32,
    pub(crate) rank: u8,
    pub(crate) matcher: Matcher,
}

/// How a rule judges a place where its literal stands.
pub(crate) enum Matcher {
    /// A pattern, and what its body must have.
    Pattern(Pattern, Need),
    /// A value behind a cue.
    Context(Kind),
    /// An armoured key.
    Armour,
    /// The private lines of a PuTTY key.
    Putty,
    /// A word around a sign.
    Sign(&'static SignRule),
}

impl Matcher {
    /// Judges the text at `at`, where the rule's literal ends at `after`.
    pub(crate) fn judge(&self, view: View<'_>, at: usize, after: usize) -> Verdict {
        match self {
            Matcher::Pattern(pattern, need) => judge_pattern(pattern, *need, view, at, after),
            Matcher::Context(kind) => kind.judge(view, at, after),
            Matcher::Armour => block::judge_armour(view, at, after),
            Matcher::Putty => block::judge_putty(view, after),
            // Words are judged as a whole, by `engine::signs`.
            Matcher::Sign(_) => Verdict::No,
        }
    }
}

fn judge_pattern(
    pattern: &Pattern,
    need: Need,
    view: View<'_>,
    at: usize,
    after: usize,
) -> Verdict {
    let mut run = Run::default();
    let (to, step) = pattern.step(&mut run, view.hay, after, view.eof);
    match step {
        Step::Fail => return Verdict::No,
        Step::Undecided => {
            // The head alone is no secret; any byte of the body may be.
            let force = (to > after).then_some(How::Class(pattern.alphabet()));
            return Verdict::More(More { hold: at, force });
        }
        Step::Done | Step::Committed => {}
    }
    let decided = pattern.decided(view.hay, after);
    if !need.met(&view.hay[after..decided]) {
        return Verdict::No;
    }
    match step {
        Step::Committed => Verdict::Open {
            start: at,
            to,
            how: How::Pattern(run),
        },
        _ => Verdict::Hit { start: at, end: to },
    }
}

impl Redactor {
    /// Redacts one whole text. Borrowed when nothing changed.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut colours = Colours::default();
        let stripped = colours.strip_whole(text);
        let mut scan = Scan::default();
        scan.advance(
            self,
            View {
                hay: stripped.as_bytes(),
                prev: &Prev::NOTHING,
                eof: true,
            },
        );
        if scan.intervals.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut writer = Writer::default();
        match stripped {
            Cow::Borrowed(text) => writer.write(self, &mut scan, &mut colours, text),
            Cow::Owned(text) => Cow::Owned(
                writer
                    .write(self, &mut scan, &mut colours, &text)
                    .into_owned(),
            ),
        }
    }

    /// Redacts the value of a field, such as a JSON member whose name and value are strings of their own: the name is
    /// the context of the value, as in `"password": "..."`. Borrowed when nothing changed.
    pub fn redact_field<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        let alone = self.redact(value);
        let cued = self
            .finder
            .hits(name.as_bytes(), 0)
            .any(|found| found.heads & head::CUE != 0);
        if !cued || matches!(alone, Cow::Owned(_)) || name.contains(['"', '\\', '\n']) {
            return alone;
        }
        const AWKWARD: [char; 3] = ['"', '\\', '\n'];
        let awkward = value.contains(AWKWARD);
        // Another character stands for those that would end the string.
        let opening = format!("\"{name}\":\"");
        let text = format!("{opening}{}\"", value.replace(AWKWARD, "#"));
        let Cow::Owned(redacted) = self.redact(&text) else {
            return alone;
        };
        let inner = redacted
            .strip_prefix(&opening)
            .and_then(|rest| rest.strip_suffix('"'));
        match inner {
            Some(inner) if !awkward => Cow::Owned(inner.to_owned()),
            Some(inner) => match marker::label(inner) {
                // The digits are those of the value as it is.
                Some(label) => {
                    let mut out = String::new();
                    marker::write(&mut out, label, self.digest.of(value.as_bytes()));
                    Cow::Owned(out)
                }
                None => alone,
            },
            None => alone,
        }
    }

    /// A fresh stream over this redactor.
    pub fn stream(self: &Arc<Self>) -> Stream {
        Stream::new(Arc::clone(self))
    }

    /// Whether everything is switched off.
    pub fn is_off(&self) -> bool {
        self.rules.is_empty() && self.known.is_empty()
    }

    /// How many markers each rule and each known value has written so far, by name.
    pub fn counts(&self) -> Vec<(&str, u64)> {
        self.labels
            .iter()
            .map(|label| (label.name.as_str(), label.count.load(Ordering::Relaxed)))
            .collect()
    }

    /// The pattern of a rule that has one.
    pub(crate) fn pattern(&self, rule: u32) -> Option<&Pattern> {
        match &self.rules[rule as usize].matcher {
            Matcher::Pattern(pattern, _) => Some(pattern),
            Matcher::Context(_) | Matcher::Armour | Matcher::Putty | Matcher::Sign(_) => None,
        }
    }

    /// Writes the marker of `interval` to `out`, and counts it.
    pub(crate) fn write_marker(&self, out: &mut String, interval: &Interval) {
        let label = &self.labels[interval.label as usize];
        label.count.fetch_add(1, Ordering::Relaxed);
        marker::write(out, &label.name, interval.digits);
    }
}
