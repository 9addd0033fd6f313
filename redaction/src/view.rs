//! What a matcher sees of a text: the bytes at hand, a few bytes before them, and whether the text ends here.
//!
//! Not the stream itself: a matcher keeps nothing and decides the same whenever it is asked again.

use crate::class::Class;
use crate::swallow::How;

/// The part of a text that is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'h> {
    /// The bytes at hand.
    pub(crate) hay: &'h [u8],
    /// The bytes before them.
    pub(crate) prev: &'h Prev,
    /// Whether the text ends with `hay`.
    pub(crate) eof: bool,
}

/// The last bytes before a text, nearest last; zeros where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Prev([u8; LOOK_BEHIND]);

/// How many bytes before a position a rule may look at: the end of a marker, the beginning of a flag.
pub(crate) const LOOK_BEHIND: usize = 32;

impl Prev {
    /// What stands before the beginning of a text.
    pub(crate) const NOTHING: Prev = Prev([0; LOOK_BEHIND]);

    /// The last bytes before what follows `text`, when these stand before `text`.
    pub(crate) fn then(mut self, text: &[u8]) -> Prev {
        let new = text.len().min(LOOK_BEHIND);
        self.0.copy_within(new.., 0);
        self.0[LOOK_BEHIND - new..].copy_from_slice(&text[text.len() - new..]);
        self
    }
}

/// What a rule says about a place in the text.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It does not match here, whatever follows.
    No,
    /// What follows decides.
    More(More),
    /// It matches exactly these bytes.
    Hit {
        /// Where the secret begins.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// It matches from `start` on, at least up to `to`, and goes on as `how` says.
    Open {
        /// Where the secret begins.
        start: usize,
        /// How far it is settled that the text belongs to it.
        to: usize,
        /// What of the following text belongs to it.
        how: How,
    },
}

/// What an undecided rule needs.
#[derive(Debug)]
pub(crate) struct More {
    /// From here on the text may be secret and must not leave.
    pub(crate) hold: usize,
    /// How to go on when nothing comes for long: `None` when all that is held may be shown after all.
    pub(crate) force: Option<How>,
}

impl View<'_> {
    /// The byte `back` places before `at`; zero before the beginning of the text.
    pub(crate) fn before(&self, at: usize, back: usize) -> u8 {
        match at.checked_sub(back) {
            Some(index) => self.hay[index],
            None => (at + LOOK_BEHIND)
                .checked_sub(back)
                .map_or(0, |index| self.prev.0[index]),
        }
    }

    /// Whether a word may begin at `at`: also directly after `\n` or `\u003d` in escaped text and after a percent escape.
    pub(crate) fn word_begins(&self, at: usize) -> bool {
        let last = self.before(at, 1);
        if last == b']' {
            // Behind a marker it is unknown what stood there; and what was not redacted the first time must not be later.
            return !(self.before(at, 8) == b'#'
                && (2..8).all(|back| self.before(at, back).is_ascii_hexdigit()));
        }
        if !last.is_ascii_alphanumeric() {
            return true;
        }
        let second = self.before(at, 2);
        let hex = |count: usize| (1..=count).all(|back| self.before(at, back).is_ascii_hexdigit());
        (second == b'\\' && b"nrtbf0".contains(&last))
            || (self.before(at, 3) == b'%' && hex(2))
            || (self.before(at, 6) == b'\\' && self.before(at, 5) == b'u' && hex(4))
    }

    /// The end of the run of `class` from `at` on, at most `most` bytes further; `None` when what follows may belong to it.
    pub(crate) fn run(&self, class: &Class, at: usize, most: usize) -> Option<usize> {
        let got = class.run(self.hay, at, most);
        let open = got < most && at + got == self.hay.len() && !self.eof;
        (!open).then_some(at + got)
    }
}
