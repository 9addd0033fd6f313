//! One walk of rules over a text: at one place at a time, from left to right.
//!
//! Not for known values, which may overlap and are looked for everywhere.

use std::ops::Range;

use crate::class::Class;
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
    /// How to go on when nothing comes for long.
    force: Option<Forced>,
    /// A value that is redacted already: cues in it are part of it.
    covered: Range<usize>,
    swallow: Option<Box<Swallow>>,
}

/// What an undecided rule makes of the text at hand when nothing comes for long.
struct Forced {
    rule: u32,
    taken: Range<usize>,
    how: How,
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
            covered: 0..0,
            swallow: None,
        }
    }

    /// Whether nothing more can be done with the text at hand.
    pub(crate) fn stopped(&self) -> bool {
        self.swallow.is_some() || (self.waiting && self.heads & head::CUE == 0)
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
        if found.heads & self.heads == 0 || at < self.wants() || self.covered.contains(&at) {
            return;
        }
        // What is held anyway need not be foreseen.
        if self.waiting && at >= self.hold {
            return;
        }
        for entry in found.entries {
            if entry.head & self.heads == 0 || !found.admits(entry) {
                continue;
            }
            if entry.head == head::RULE && !view.word_begins(at) {
                continue;
            }
            let literal = redactor.finder.literal(entry.id);
            let verdict = self.judge(redactor, view, at, literal);
            if self.waiting {
                self.foresee(literal.owner, view, verdict);
            } else if self.follow(redactor, view, at, literal, verdict, intervals) {
                return;
            }
        }
    }

    /// Does what `verdict` says of the rule at `at`; false when the other rules there are to be asked.
    fn follow(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        at: usize,
        literal: &Literal,
        verdict: Verdict,
        intervals: &mut Intervals,
    ) -> bool {
        match verdict {
            Verdict::No => return false,
            Verdict::More(more) => {
                self.at = at;
                self.hold = more.hold;
                self.waiting = true;
                let taken = more.hold..view.hay.len();
                self.force = more.force.map(|how| Forced {
                    rule: literal.owner,
                    taken,
                    how,
                });
                // Another cue here may be shorter, and its value begin earlier.
                return literal.head != head::CUE;
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
                    awaits: SHUT,
                });
                if literal.head == head::CUE {
                    // Between the cue and the value there may be another cue, with a value of its own.
                    self.at = at + 1;
                    self.covered = start..end;
                } else {
                    self.at = end;
                }
            }
            Verdict::Open { start, to, how } => {
                let forced = Forced {
                    rule: literal.owner,
                    taken: start..to,
                    how,
                };
                self.begin(redactor, view, forced, intervals);
            }
        }
        true
    }

    /// A rule is waiting, and shows text that a later one may find secret: that is held until the first has decided.
    fn foresee(&mut self, rule: u32, view: View<'_>, verdict: Verdict) {
        let end = view.hay.len();
        let (taken, how) = match verdict {
            Verdict::No => return,
            Verdict::More(more) => (more.hold..end, more.force),
            Verdict::Hit { start, end } => (start..end, Some(How::Class(Class::EMPTY))),
            Verdict::Open { start, to, how } => (start..to, Some(how)),
        };
        if taken.start < self.hold {
            self.hold = taken.start;
            self.force = how.map(|how| Forced { rule, taken, how });
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

    /// A secret that has not come to its end in the text at hand.
    fn begin(
        &mut self,
        redactor: &Redactor,
        view: View<'_>,
        forced: Forced,
        intervals: &mut Intervals,
    ) {
        let Forced {
            rule: index,
            taken,
            how,
        } = forced;
        let rule = &redactor.rules[index as usize];
        let mut digest = redactor.digest.clone();
        digest.update(&view.hay[taken.clone()]);
        let (label, rank) = (rule.label, rule.rank);
        let (start, end) = (taken.start, taken.end);
        intervals.enter(Interval {
            start,
            end,
            open: self.open,
            label,
            rank,
            digits: [0; 3],
            awaits: self.open,
        });
        self.at = end;
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
            intervals.shut(self.open, swallow.digest.digits());
        } else {
            self.swallow = Some(swallow);
        }
    }

    /// Ends a scan: all positions are settled up to the end, or up to a tail that may be the beginning of a literal.
    pub(crate) fn stop(&mut self, redactor: &Redactor, view: View<'_>) {
        if self.stopped() || self.waiting {
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
        } else if let Some(forced) = self.force.take() {
            self.waiting = false;
            self.begin(redactor, view, forced, intervals);
        }
        self.hold = end;
    }

    /// The first `bytes` of the text are gone.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        self.at = self.at.saturating_sub(bytes);
        self.hold = self.hold.saturating_sub(bytes);
        for range in self
            .force
            .iter_mut()
            .map(|forced| &mut forced.taken)
            .chain([&mut self.covered])
        {
            range.start = range.start.saturating_sub(bytes);
            range.end = range.end.saturating_sub(bytes);
        }
    }
}
