//! Writes the text between the secrets, their markers, and the colours.
//!
//! Not for deciding anything: it writes what the scan has settled.

use std::borrow::Cow;

use crate::colours::Colours;
use crate::engine::Scan;
use crate::engine::intervals::{Interval, SHUT};
use crate::marker;
use crate::redactor::Redactor;

/// Room for a marker or two that are longer than what they stand for.
const ROOM: usize = 64;

/// How far a text has been written. Positions count like those of the scan.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Text before this has left or was dropped.
    pub(crate) out: usize,
    /// A marker for text that ends here was written before the secret had come to its end.
    shown: usize,
    /// The first group of intervals has begun: its text is being dropped.
    within: bool,
    /// It reaches back into text whose marker was written already.
    joined: bool,
}

impl Writer {
    /// The text that may leave, given what `scan` has settled of `text`.
    pub(crate) fn write<'t>(
        &mut self,
        redactor: &Redactor,
        scan: &mut Scan,
        colours: &mut Colours,
        text: &'t str,
    ) -> Cow<'t, str> {
        let settled = scan.settled().min(text.len());
        let mut out = Cow::Borrowed("");
        let mut taken = 0;
        while let Some((group, members)) = group(scan.intervals.from(taken)) {
            if !self.within && group.start >= settled && group.end > settled {
                break;
            }
            if !self.within {
                self.text(&mut out, text, group.start, colours);
                self.joined = group.start < self.shown;
            }
            self.within = group.open != SHUT || group.end > settled;
            if self.within {
                self.out = self.out.max(settled);
                scan.intervals.drop_first(taken);
                scan.intervals.join_first(members, group);
                return out;
            }
            if !self.joined {
                redactor.write_marker(owned(&mut out, text, self.out), &group);
            }
            self.out = self.out.max(group.end);
            if scan.known_from() < group.end {
                self.shown = self.shown.max(group.end);
            }
            taken += members;
        }
        self.text(&mut out, text, settled, colours);
        scan.intervals.drop_first(taken);
        out
    }

    /// Writes the text up to `to`, with the colours that stand in it or were left from a secret before it.
    fn text<'t>(
        &mut self,
        out: &mut Cow<'t, str>,
        text: &'t str,
        to: usize,
        colours: &mut Colours,
    ) {
        while let Some((at, sequence)) = colours.next_until(to) {
            append(out, text, self.out, at);
            self.out = self.out.max(at);
            owned(out, text, self.out).push_str(&sequence);
        }
        append(out, text, self.out, to);
        self.out = self.out.max(to);
    }

    /// The first `bytes` of the text are gone.
    pub(crate) fn rebase(&mut self, bytes: usize) {
        self.out = self.out.saturating_sub(bytes);
        self.shown = self.shown.saturating_sub(bytes);
    }
}

/// The first intervals that overlap, united, and how many they are.
fn group(intervals: &[Interval]) -> Option<(Interval, usize)> {
    let (first, later) = intervals.split_first()?;
    let mut group = *first;
    let mut members = 1;
    for interval in later {
        if interval.start >= group.end {
            break;
        }
        group.unite(interval);
        members += 1;
    }
    Some((group, members))
}

/// `out` as a text of its own, with room for what of `text` is left from `from` on.
fn owned<'o>(out: &'o mut Cow<'_, str>, text: &str, from: usize) -> &'o mut String {
    if let Cow::Borrowed(part) = *out {
        let mut room = String::with_capacity(part.len() + text.len().saturating_sub(from) + ROOM);
        room.push_str(part);
        *out = Cow::Owned(room);
    }
    out.to_mut()
}

/// Appends `text[from..to]`; a range that would cut a character is dropped, and says so.
fn append<'t>(out: &mut Cow<'t, str>, text: &'t str, from: usize, to: usize) {
    if from >= to {
        return;
    }
    let part = text.get(from..to).unwrap_or(marker::ENGINE);
    if out.is_empty() {
        *out = Cow::Borrowed(part);
    } else {
        out.to_mut().push_str(part);
    }
}
