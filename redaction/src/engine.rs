//! The scan: walks the candidates of a text once, and settles which bytes are secret and which may leave.
//!
//! Not for output: it yields intervals, and `stream` writes the text between them.
//!
//! Every decision depends on the text from its candidate on and a few bytes before, never on how the text was cut: a
//! rule that needs more text says so, the text from there on is held, and the same rule is asked again when there is
//! more. That is the whole reason why any cut gives the same result. Known values, tokens and context are searched by
//! three lanes that know nothing of each other, and what they find is united, so that no rule can hide part of a known
//! value from the search.

pub(crate) mod intervals;
mod lane;
mod signs;

use crate::engine::intervals::{Interval, Intervals, OPEN_CONTEXT, OPEN_TOKEN, SHUT};
use crate::engine::lane::Lane;
use crate::engine::signs::Signs;
use crate::finder::{Candidate, Reach, head};
use crate::known::KNOWN_MIN;
use crate::redactor::Redactor;
use crate::view::View;

/// Rank of a known value among intervals that overlap: it gives the marker its name.
const KNOWN_RANK: u8 = u8::MAX;
/// So many bytes of a known value are a strong candidate, which time alone does not release.
const STRONG_MIN: usize = 4;

/// How far the scan of a text has got. Positions count from the beginning of the bytes at hand.
pub(crate) struct Scan {
    /// Known values that begin before this are settled.
    known: usize,
    /// From here on a known value may be secret.
    known_hold: usize,
    tokens: Lane,
    context: Lane,
    signs: Signs,
    /// Found and not yet taken by the writer.
    pub(crate) intervals: Intervals,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            known: 0,
            known_hold: 0,
            tokens: Lane::new(head::RULE | head::ANYWHERE, OPEN_TOKEN),
            context: Lane::new(head::CUE, OPEN_CONTEXT),
            signs: Signs::default(),
            intervals: Intervals::default(),
        }
    }
}

impl Scan {
    /// Text before this is settled: nothing in it can become part of another interval.
    pub(crate) fn settled(&self) -> usize {
        let rules = self.tokens.hold.min(self.context.hold);
        self.known_hold.min(rules).min(self.signs.hold)
    }

    /// Bytes from here on must be kept for the next scan.
    pub(crate) fn needs(&self) -> usize {
        let rules = self.tokens.at.min(self.context.at);
        self.known.min(rules).min(self.signs.at)
    }

    /// The first position from which a known value may still begin.
    pub(crate) fn known_from(&self) -> usize {
        self.known
    }

    /// Scans on in `view`, whose bytes begin where those of the last scan did.
    pub(crate) fn advance(&mut self, redactor: &Redactor, view: View<'_>) {
        let end = view.hay.len();
        self.tokens.resume(redactor, view, &mut self.intervals);
        self.context.resume(redactor, view, &mut self.intervals);
        let mut known_stop = None;
        let from = self
            .known
            .min(self.signs.at)
            .min(self.tokens.wants())
            .min(self.context.wants());
        for found in redactor.finder.hits(view.hay, from) {
            let asked =
                found.heads & head::KNOWN != 0 && known_stop.is_none() && found.at >= self.known;
            if asked && self.try_known(redactor, view, found) {
                known_stop = Some(found.at);
            }
            self.tokens.ask(redactor, view, found, &mut self.intervals);
            self.context.ask(redactor, view, found, &mut self.intervals);
            self.signs.ask(redactor, view, found, &mut self.intervals);
        }
        self.stop_known(redactor, view, known_stop.unwrap_or(end));
        self.tokens.stop(redactor, view);
        self.context.stop(redactor, view);
        self.signs.stop(view);
    }

    /// Settles the position of the known values: at `stop`, or at a tail that may be the beginning of one.
    fn stop_known(&mut self, redactor: &Redactor, view: View<'_>, stop: usize) {
        let end = view.hay.len();
        let from = std::mem::replace(&mut self.known, stop);
        if stop == end && !view.eof {
            let mut tails = end.saturating_sub(3).max(from.min(end))..end;
            self.known = tails
                .find(|at| redactor.finder.heads(&view.hay[*at..]) & head::KNOWN != 0)
                .unwrap_or(end);
        }
        self.known_hold = self.known;
    }

    /// Looks for a known value at `at`; true when only what follows can tell.
    fn try_known(&mut self, redactor: &Redactor, view: View<'_>, found: Candidate<'_>) -> bool {
        let at = found.at;
        for entry in found.entries {
            if entry.head != head::KNOWN || !found.admits(entry) {
                continue;
            }
            let literal = redactor.finder.literal(entry.id);
            let length = match literal.reach(view.hay, at) {
                Reach::Differs => continue,
                Reach::Equal(length) => length,
                Reach::Partial(_) if !view.eof => return true,
                // A value that the end of the text cut off: enough of it is there to be recognised.
                Reach::Partial(got) if got >= KNOWN_MIN && got * 2 >= literal.text.len() => {
                    view.hay.len() - at
                }
                Reach::Partial(_) => continue,
            };
            self.enter_known(redactor, literal.owner, at, at + length);
            return false;
        }
        false
    }

    fn enter_known(&mut self, redactor: &Redactor, owner: u32, start: usize, end: usize) {
        let known = redactor.known[owner as usize];
        let (label, digits) = (known.label, known.digits);
        self.intervals.enter(Interval {
            start,
            end,
            open: SHUT,
            label,
            rank: KNOWN_RANK,
            digits,
            awaits: SHUT,
        });
    }

    /// Time has passed: what is held and is no candidate of weight may leave. `end` is that of the last scan.
    pub(crate) fn release(&mut self, end: usize) {
        if end - self.known < STRONG_MIN {
            self.known_hold = end;
        }
        self.tokens.release(end);
        self.context.release(end);
        self.signs.release(end);
    }

    /// More time has passed: what is held still is counted as secret. `view` is what the last scan saw.
    pub(crate) fn settle(&mut self, redactor: &Redactor, view: View<'_>) {
        let end = view.hay.len();
        if self.known_hold < end {
            if let Some(owner) = self.partial_known(redactor, view) {
                self.enter_known(redactor, owner, self.known, end);
            }
            self.known_hold = end;
        }
        self.tokens.settle(redactor, view, &mut self.intervals);
        self.context.settle(redactor, view, &mut self.intervals);
        self.signs.release(end);
    }

    /// The known value that the held tail is the beginning of.
    fn partial_known(&self, redactor: &Redactor, view: View<'_>) -> Option<u32> {
        let found = redactor.finder.hits(view.hay, self.known).next()?;
        found
            .entries
            .iter()
            .map(|entry| redactor.finder.literal(entry.id))
            .find(|literal| {
                literal.head == head::KNOWN
                    && matches!(literal.reach(view.hay, found.at), Reach::Partial(_))
            })
            .map(|literal| literal.owner)
    }

    /// The first `bytes` are gone: positions count from the rest.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        self.known = self.known.saturating_sub(bytes);
        self.known_hold = self.known_hold.saturating_sub(bytes);
        self.tokens.rebase(bytes);
        self.context.rebase(bytes);
        self.signs.rebase(bytes);
        self.intervals.rebase(bytes);
    }
}
