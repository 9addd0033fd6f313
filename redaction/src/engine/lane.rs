//! One walk of rules over a text: at one place at a time, from left to right.
//!
//! Not for known values, which may overlap and are looked for everywhere.

use crate::engine::intervals::{Interval, Intervals, SHUT};
use crate::finder::{Candidate, Compare, Literal, head};
use crate::redactor::Redactor;
use crate::swallow::{How, Swallow};
use crate::view::{More, Verdict, View};

/// The rules of one kind on their way through a text.
pub(crate) struct Lane {
    /// Rules that begin before this are settled.
    pub(crate) at: usize,
    /// From here on a rule may find a secret.
    pub(crate) hold: usize,
    /// Whose literals this lane looks at: a union of [`head`] bits.
    heads: u8,
    /// How its unfinished intervals are marked.
    open: u8,
    /// The rule at `at` needs more text.
    waiting: bool,
    /// How the rule at `at` goes on when nothing comes for long.
    force: Option<(u32, How)>,
    swallow: Option<Box<Swallow>>,
}

impl Lane {
    pub(crate) fn new(heads: u8, open: u8) -> Lane {
        Lane {
            at: 0,
            hold: 0,
            heads,
            open,
            waiting: false,
            force: None,
            swallow: None,
        }
    }

    /// Whether nothing more can be done with the text at hand.
    pub(crate) fn stopped(&self) -> bool {
        self.waiting || self.swallow.is_some()
    }

    /// The first position that this lane is interested in.
    pub(crate) fn wants(&self) -> usize {
        if self.stopped() { usize::MAX } else { self.at }
    }

    /// Begins a scan: goes on with what was not finished in the last one.
    pub(crate) fn resume(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        intervals: &mut Intervals,
    ) {
        self.waiting = false;
        self.force = None;
        self.swallow_on(redactor, view, intervals);
    }

    /// Asks the rules whose literals may stand where `found` says.
    pub(crate) fn ask(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        found: Candidate<'_>,
        intervals: &mut Intervals,
    ) {
        let at = found.at;
        if found.heads & self.heads == 0 || at < self.wants() {
            return;
        }
        for id in found.ids {
            let literal = redactor.finder.literal(*id);
            if literal.head & self.heads == 0
                || (literal.head == head::RULE && !view.word_begins(at))
            {
                continue;
            }
            match self.judge(redactor, view, at, literal) {
                Verdict::No => {}
                Verdict::More(more) => {
                    self.at = at;
                    self.hold = more.hold;
                    self.waiting = true;
                    self.force = more.force.map(|how| (literal.owner, how));
                    return;
                }
                Verdict::Hit { start, end } => {
                    let rule = &redactor.rules[literal.owner as usize];
                    let digits = redactor.digest.of(&view.hay[start..end]);
                    let (label, rank) = (rule.label, rule.rank);
                    intervals.enter(Interval {
                        start,
                        end,
                        open: SHUT,
                        label,
                        rank,
                        digits,
                    });
                    self.at = end;
                    return;
                }
                Verdict::Open { start, to, how } => {
                    self.begin(redactor, literal.owner, view, start..to, how, intervals);
                    return;
                }
            }
        }
    }

    fn judge(&self, redactor: &Redactor, view: View<'_>, at: usize, literal: &Literal) -> Verdict {
        match literal.compare(view.hay, at) {
            Compare::Differs => Verdict::No,
            Compare::Partial(_) if view.eof => Verdict::No,
            // A cue is no secret and may be shown; a token's head is part of the secret.
            Compare::Partial(_) if literal.head == head::CUE => Verdict::More(More {
                hold: view.hay.len(),
                force: None,
            }),
            Compare::Partial(_) => Verdict::More(More {
                hold: at,
                force: None,
            }),
            Compare::Equal => redactor.rules[literal.owner as usize].matcher.judge(
                view,
                at,
                at + literal.text.len(),
            ),
        }
    }

    /// A secret that has not come to its end within `taken`.
    fn begin(
        &mut self,
        redactor: &Redactor,
        index: u32,
        view: View<'_>,
        taken: std::ops::Range<usize>,
        how: How,
        intervals: &mut Intervals,
    ) {
        let rule = &redactor.rules[index as usize];
        let mut digest = redactor.digest.clone();
        digest.update(&view.hay[taken.clone()]);
        let (label, rank) = (rule.label, rule.rank);
        intervals.enter(Interval {
            start: taken.start,
            end: taken.end,
            open: self.open,
            label,
            rank,
            digits: [0; 3],
        });
        self.at = taken.end;
        self.swallow = Some(Box::new(Swallow {
            rule: index,
            digest,
            how,
        }));
        self.swallow_on(redactor, view, intervals);
    }

    /// Takes what is at hand of the secret that is being swallowed.
    fn swallow_on(&mut self, redactor: &Redactor, view: View<'_>, intervals: &mut Intervals) {
        let Some(mut swallow) = self.swallow.take() else {
            return;
        };
        let (to, done) =
            swallow.advance(redactor.pattern(swallow.rule), view.hay, self.at, view.eof);
        self.at = to;
        self.hold = to;
        intervals.extend(self.open, to);
        if done {
            let label = redactor.rules[swallow.rule as usize].label;
            intervals.shut(self.open, label, swallow.digest.digits());
        } else {
            self.swallow = Some(swallow);
        }
    }

    /// Ends a scan: all positions are settled up to the end, or up to a tail that may be the beginning of a literal.
    pub(crate) fn stop(&mut self, redactor: &Redactor, view: View<'_>) {
        if self.stopped() {
            return;
        }
        let end = view.hay.len();
        let from = end.saturating_sub(3).max(self.at.min(end));
        self.at = end;
        self.hold = end;
        if view.eof {
            return;
        }
        for at in from..end {
            let heads = redactor.finder.heads(&view.hay[at..]) & self.heads;
            if heads & (head::ANYWHERE | head::CUE) != 0 || (heads != 0 && view.word_begins(at)) {
                self.at = at;
                self.hold = if heads == head::CUE { end } else { at };
                return;
            }
        }
    }

    /// Time has passed: what is held and may be shown after all is.
    pub(crate) fn release(&mut self, end: usize) {
        if self.force.is_none() && self.swallow.is_none() {
            self.hold = end;
        }
    }

    /// More time has passed: what is held still is counted as secret.
    pub(crate) fn settle(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        intervals: &mut Intervals,
    ) {
        let end = view.hay.len();
        if let Some(swallow) = &mut self.swallow {
            swallow.force(&view.hay[self.at..end]);
            intervals.extend(self.open, end);
            self.at = end;
        } else if let Some((index, how)) = self.force.take() {
            self.waiting = false;
            self.begin(redactor, index, view, self.hold..end, how, intervals);
        }
        self.hold = end;
    }

    /// The first `bytes` of the text are gone.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        self.at = self.at.saturating_sub(bytes);
        self.hold = self.hold.saturating_sub(bytes);
    }
}
