//! A secret whose end has not come yet: its bytes are taken off the stream as they arrive, and none is kept.
//!
//! Not for deciding whether something is a secret: that is settled before anything is swallowed.

use crate::block::Block;
use crate::class::Class;
use crate::context::Ending;
use crate::marker::Digest;
use crate::pattern::{Pattern, Run, Step};

/// What of the following text belongs to the secret.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// What the rest of the rule's pattern matches.
    Pattern(Run),
    /// Every byte of the class.
    Class(Class),
    /// The lines of a key block.
    Block(Block),
    /// Everything up to the end of a value.
    Value(Ending),
}

/// A secret that is being swallowed.
#[derive(Clone)]
pub(crate) struct Swallow {
    /// Index of the rule.
    pub(crate) rule: u32,
    /// The hash of what was swallowed so far.
    pub(crate) digest: Digest,
    /// What belongs to it.
    pub(crate) how: How,
}

impl Swallow {
    /// Counts everything at hand as part of the secret, because nothing came for long.
    pub(crate) fn force(&mut self, held: &[u8]) {
        self.digest.update(held);
        if let How::Block(block) = &mut self.how {
            block.force();
        }
    }

    /// Takes what belongs to the secret from `hay[at..]`: how far it reaches, and whether it ends there.
    pub(crate) fn advance(
        &mut self,
        pattern: Option<&Pattern>,
        hay: &[u8],
        at: usize,
        eof: bool,
    ) -> (usize, bool) {
        let (to, done) = match (&mut self.how, pattern) {
            (How::Pattern(run), Some(pattern)) => {
                let (to, step) = pattern.step(run, hay, at, eof);
                (to, step != Step::Committed)
            }
            // A pattern state without its pattern cannot be; a token's alphabet is the safe reading of it.
            (How::Pattern(_), None) => run(&crate::class::TOKEN, hay, at),
            (How::Class(class), _) => run(class, hay, at),
            (How::Block(block), _) => block.advance(hay, at, eof),
            (How::Value(ending), _) => match ending.go_on(hay, at, eof) {
                Ok(end) => (end, true),
                Err(sure) => (sure, false),
            },
        };
        self.digest.update(&hay[at..to]);
        (to, done || eof)
    }
}

fn run(class: &Class, hay: &[u8], at: usize) -> (usize, bool) {
    let to = at + class.run(hay, at, usize::MAX);
    (to, to < hay.len())
}
