//! The scan: walks the candidates of a text once, and settles which bytes are secret and which may leave.
//!
//! Not for output: it yields intervals, and `stream` writes the text between them.
//!
//! Every decision depends on the text from its candidate on and three bytes before, never on how the text was cut: a
//! rule that needs more text says so, the text from there on is held, and the same rule is asked again when there is
//! more. That is the whole reason why any cut gives the same result. Intervals of known values and of rules are found
//! independently and united afterwards, so that no rule can hide part of a known value from the search.

use crate::finder::{Compare, head};
use crate::known::KNOWN_MIN;
use crate::marker::Digits;
use crate::redactor::Redactor;
use crate::swallow::{How, Swallow};
use crate::view::{More, Verdict, View};

/// Rank of a known value among intervals that overlap: it gives the marker its name.
const KNOWN_RANK: u8 = u8::MAX;
/// So many bytes of a known value are a strong candidate, which time alone does not release.
const STRONG_MIN: usize = 4;

/// A stretch of text that is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: usize,
    /// Where it ends; while it is open, where the intervals that it took in end.
    pub(crate) end: usize,
    /// Whether it is still being swallowed.
    pub(crate) open: bool,
    /// Index of the label in the redactor.
    pub(crate) label: u32,
    /// The highest rank among overlapping intervals names the marker; the earliest among equals.
    pub(crate) rank: u8,
    pub(crate) digits: Digits,
}

impl Interval {
    /// Takes in an interval that begins inside this one.
    pub(crate) fn unite(&mut self, later: &Interval) {
        self.end = self.end.max(later.end);
        self.open |= later.open;
        if later.rank > self.rank {
            (self.label, self.rank, self.digits) = (later.label, later.rank, later.digits);
        }
    }
}

/// How far the scan of a text has got. Positions count from the beginning of the bytes at hand.
#[derive(Default)]
pub(crate) struct Scan {
    /// Known values that begin before this are settled.
    known: usize,
    /// Rules that begin before this are settled.
    rule: usize,
    /// From here on a known value may be secret.
    known_hold: usize,
    /// From here on a rule may find a secret.
    rule_hold: usize,
    /// How the undecided rule at `rule` goes on when nothing comes for long.
    force: Option<(u32, How)>,
    /// Context rules that begin before this lie inside a value that is redacted already.
    covered: usize,
    swallow: Option<Box<Swallow>>,
    /// Found and not yet taken by the writer, by their start.
    pub(crate) intervals: Vec<Interval>,
}

impl Scan {
    /// Text before this is settled: nothing in it can become part of another interval.
    pub(crate) fn settled(&self) -> usize {
        self.known_hold.min(self.rule_hold)
    }

    /// Bytes from here on must be kept for the next scan.
    pub(crate) fn needs(&self) -> usize {
        self.known.min(self.rule)
    }

    /// The first position from which a known value may still begin.
    pub(crate) fn known_from(&self) -> usize {
        self.known
    }

    /// Scans on in `view`, whose bytes begin where those of the last scan did.
    pub(crate) fn advance(&mut self, redactor: &Redactor, view: View<'_>) {
        let end = view.hay.len();
        self.force = None;
        self.continue_swallow(redactor, view);
        let mut known_stop = None;
        let mut rule_stop = self.swallow.as_ref().map(|_| self.rule);
        let mut from = self.known.min(self.rule);
        if rule_stop.is_some() {
            from = self.known;
        }
        for (at, ids) in redactor.finder.hits(view.hay, from) {
            if known_stop.is_none() && at >= self.known && self.try_known(redactor, view, at, ids) {
                known_stop = Some(at);
            }
            if rule_stop.is_none() && at >= self.rule && self.try_rules(redactor, view, at, ids) {
                rule_stop = Some(self.rule);
            }
            if known_stop.is_some() && rule_stop.is_some() {
                break;
            }
        }
        self.stop_known(redactor, view, known_stop.unwrap_or(end));
        if rule_stop.is_none() {
            self.stop_rules(redactor, view, end);
        }
    }

    /// Settles the position of the known values: at `stop`, or at a tail that may be the beginning of one.
    fn stop_known(&mut self, redactor: &Redactor, view: View<'_>, stop: usize) {
        let end = view.hay.len();
        let from = std::mem::replace(&mut self.known, stop);
        if stop == end && !view.eof {
            let tails = end.saturating_sub(3).max(from.min(end))..end;
            self.known = tails
                .into_iter()
                .find(|at| redactor.finder.heads(&view.hay[*at..]) & head::KNOWN != 0)
                .unwrap_or(end);
        }
        self.known_hold = self.known;
    }

    /// The same for the rules; a cue at the tail is kept for the next scan and not held.
    fn stop_rules(&mut self, redactor: &Redactor, view: View<'_>, end: usize) {
        let from = end.saturating_sub(3).max(self.rule.min(end));
        self.rule = end;
        self.rule_hold = end;
        if view.eof {
            return;
        }
        for at in from..end {
            let heads = redactor.finder.heads(&view.hay[at..]);
            if heads & head::ANYWHERE != 0 || (heads & head::RULE != 0 && view.word_begins(at)) {
                self.rule = self.rule.min(at);
                self.rule_hold = at;
                return;
            }
            if heads & head::CUE != 0 {
                self.rule = self.rule.min(at);
            }
        }
    }

    fn continue_swallow(&mut self, redactor: &Redactor, view: View<'_>) {
        let Some(mut swallow) = self.swallow.take() else {
            return;
        };
        let (to, done) = swallow.advance(
            redactor.pattern(swallow.rule),
            view.hay,
            self.rule,
            view.eof,
        );
        self.rule = to;
        self.rule_hold = to;
        if let Some(interval) = self.intervals.iter_mut().find(|interval| interval.open) {
            interval.end = interval.end.max(to);
            if done {
                interval.open = false;
                if interval.label == redactor.rules[swallow.rule as usize].label {
                    interval.digits = swallow.digest.clone().digits();
                }
            }
        }
        if !done {
            self.swallow = Some(swallow);
        }
    }

    /// Looks for a known value at `at`; true when only what follows can tell.
    fn try_known(&mut self, redactor: &Redactor, view: View<'_>, at: usize, ids: &[u32]) -> bool {
        for id in ids {
            let literal = redactor.finder.literal(*id);
            if literal.head != head::KNOWN {
                continue;
            }
            let length = match literal.compare(view.hay, at) {
                Compare::Differs => continue,
                Compare::Equal => literal.text.len(),
                Compare::Partial(_) if !view.eof => return true,
                // A value that the end of the text cut off: enough of it is there to be recognised.
                Compare::Partial(got) if got >= KNOWN_MIN && got * 2 >= literal.text.len() => got,
                Compare::Partial(_) => continue,
            };
            let known = redactor.known[literal.owner as usize];
            self.enter(Interval {
                start: at,
                end: at + length,
                open: false,
                label: known.label,
                rank: KNOWN_RANK,
                digits: known.digits,
            });
            return false;
        }
        false
    }

    /// Asks the rules at `at`; true when they are stopped there, or swallow.
    fn try_rules(&mut self, redactor: &Redactor, view: View<'_>, at: usize, ids: &[u32]) -> bool {
        for id in ids {
            let literal = redactor.finder.literal(*id);
            if literal.head == head::KNOWN {
                continue;
            }
            let rule = &redactor.rules[literal.owner as usize];
            if literal.head == head::RULE && !view.word_begins(at) {
                continue;
            }
            let cue = literal.head == head::CUE;
            if cue && at < self.covered {
                continue;
            }
            let verdict = match literal.compare(view.hay, at) {
                Compare::Differs => continue,
                Compare::Partial(_) if view.eof => continue,
                Compare::Partial(_) => Verdict::More(More {
                    hold: if cue { view.hay.len() } else { at },
                    force: None,
                }),
                Compare::Equal => rule.matcher.judge(view, at, at + literal.text.len()),
            };
            match verdict {
                Verdict::No => continue,
                Verdict::More(more) => {
                    self.rule = at;
                    self.rule_hold = more.hold;
                    self.force = more.force.map(|how| (literal.owner, how));
                    return true;
                }
                Verdict::Hit { start, end } => {
                    let digits = redactor.digest.of(&view.hay[start..end]);
                    self.enter(Interval {
                        start,
                        end,
                        open: false,
                        label: rule.label,
                        rank: rule.rank,
                        digits,
                    });
                    if cue {
                        // Prefix rules inside the value still give it their more telling name.
                        self.rule = start;
                        self.covered = end;
                    } else {
                        self.rule = end;
                    }
                    return false;
                }
                Verdict::Open { start, to, how } => {
                    self.open(redactor, literal.owner, view, start, to, how);
                    return true;
                }
            }
        }
        false
    }

    fn open(
        &mut self,
        redactor: &Redactor,
        index: u32,
        view: View<'_>,
        start: usize,
        to: usize,
        how: How,
    ) {
        let rule = &redactor.rules[index as usize];
        let mut digest = redactor.digest.clone();
        digest.update(&view.hay[start..to]);
        self.enter(Interval {
            start,
            end: to,
            open: true,
            label: rule.label,
            rank: rule.rank,
            digits: [0; 3],
        });
        self.swallow = Some(Box::new(Swallow {
            rule: index,
            digest,
            how,
        }));
        self.rule = to;
        self.rule_hold = to;
    }

    fn enter(&mut self, interval: Interval) {
        if let Some(last) = self.intervals.last_mut()
            && last.start <= interval.start
            && (last.open || interval.start < last.end)
            && !interval.open
        {
            last.unite(&interval);
            return;
        }
        let at = self
            .intervals
            .partition_point(|other| other.start <= interval.start);
        self.intervals.insert(at, interval);
    }

    /// Time has passed: what is held and is no candidate of weight may leave.
    pub(crate) fn release(&mut self, end: usize) {
        if end - self.known < STRONG_MIN {
            self.known_hold = end;
        }
        if self.force.is_none() && self.swallow.is_none() {
            self.rule_hold = end;
        }
    }

    /// More time has passed: what is held still is counted as secret. `view` is what the last scan saw.
    pub(crate) fn settle(&mut self, redactor: &Redactor, view: View<'_>) {
        let end = view.hay.len();
        if self.known_hold < end {
            if let Some(known) = self.partial_known(redactor, view) {
                self.enter(known);
            }
            self.known_hold = end;
        }
        if let Some(swallow) = &mut self.swallow {
            swallow.force(&view.hay[self.rule..end]);
            if let Some(interval) = self.intervals.iter_mut().find(|interval| interval.open) {
                interval.end = end;
            }
            self.rule = end;
        } else if let Some((index, how)) = self.force.take() {
            self.open(redactor, index, view, self.rule_hold, end, how);
        }
        self.rule_hold = end;
    }

    /// The known value that the held tail is the beginning of.
    fn partial_known(&self, redactor: &Redactor, view: View<'_>) -> Option<Interval> {
        let (at, ids) = redactor.finder.hits(view.hay, self.known).next()?;
        let literal = ids
            .iter()
            .map(|id| redactor.finder.literal(*id))
            .find(|literal| {
                literal.head == head::KNOWN
                    && matches!(literal.compare(view.hay, at), Compare::Partial(_))
            })?;
        let known = redactor.known[literal.owner as usize];
        let end = view.hay.len();
        Some(Interval {
            start: at,
            end,
            open: false,
            label: known.label,
            rank: KNOWN_RANK,
            digits: known.digits,
        })
    }

    /// The first `bytes` are gone: positions count from the rest.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        for position in [
            &mut self.known,
            &mut self.rule,
            &mut self.known_hold,
            &mut self.rule_hold,
            &mut self.covered,
        ] {
            *position = position.saturating_sub(bytes);
        }
        for interval in &mut self.intervals {
            interval.start = interval.start.saturating_sub(bytes);
            interval.end = interval.end.saturating_sub(bytes);
        }
    }
}
