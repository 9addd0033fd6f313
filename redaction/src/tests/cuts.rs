//! The promise that the result does not depend on how the text was cut.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::samples::{self, Dice};
use crate::{HOLD_MAX, Redactor};

/// Made once: it is asked for hundreds of times.
static CORPUS: LazyLock<Vec<String>> = LazyLock::new(samples::corpus);

/// Pushes the pieces and returns all that came out, with the most that was held.
fn stream(redactor: &Arc<Redactor>, pieces: &[&str]) -> (String, usize) {
    let mut stream = redactor.stream();
    let mut out = String::new();
    let mut most = 0;
    for piece in pieces {
        out.push_str(&stream.push(piece));
        most = most.max(stream.held());
    }
    out.push_str(&stream.flush());
    (out, most)
}

fn cut_at(text: &str, at: usize) -> [&str; 2] {
    let (left, right) = text.split_at(at);
    [left, right]
}

/// `text` in pieces of up to `most` characters.
fn pieces<'t>(text: &'t str, most: usize, dice: &mut Dice) -> Vec<&'t str> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) =
            rest.split_at(rest.ceil_char_boundary((1 + dice.roll(most)).min(rest.len())));
        out.push(piece);
        rest = tail;
    }
    out
}

#[test]
fn every_two_way_split_gives_the_whole_result() {
    let redactor = samples::redactor();
    for text in &*CORPUS {
        let whole = redactor.redact(text);
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert_eq!(
                stream(&redactor, &cut_at(text, at)).0,
                whole,
                "cut at {at} of {}",
                text.len()
            );
        }
    }
}

#[test]
fn character_by_character_gives_the_whole_result() {
    let redactor = samples::redactor();
    for text in &*CORPUS {
        let letters: Vec<&str> = text.split_inclusive(|_| true).collect();
        let (out, most) = stream(&redactor, &letters);
        assert_eq!(out, redactor.redact(text));
        assert!(most < HOLD_MAX, "held {most}");
    }
}

#[test]
fn redacting_twice_changes_nothing() {
    let redactor = samples::redactor();
    for text in &*CORPUS {
        let once = redactor.redact(text).into_owned();
        assert_eq!(redactor.redact(&once), once);
    }
    // A fixed draw: a mixture can hold a broken marker, and what stands beside that may be judged anew.
    let mut dice = Dice::new(13);
    for _ in 0..2000 {
        let once = redactor.redact(&mixture(&mut dice)).into_owned();
        assert_eq!(redactor.redact(&once), once);
    }
}

/// Fragments of secrets, joined at random: they make the near misses that no one thinks of.
fn mixture(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..8 {
        let part = &CORPUS[dice.roll(CORPUS.len())];
        let from = part.floor_char_boundary(dice.roll(part.len() + 1));
        let to = part.ceil_char_boundary(from + dice.roll(part.len() - from + 1));
        text.push_str(&part[from..to]);
        text.push_str(["", " ", "\n", "=", "\""][dice.roll(5)]);
    }
    text
}

#[test]
fn interleaved_streams_do_not_touch_each_other() {
    let redactor = samples::redactor();
    let texts = &*CORPUS;
    let mut dice = Dice::new(11);
    let mut streams: Vec<_> = texts
        .iter()
        .map(|_| (redactor.stream(), String::new()))
        .collect();
    let mut rest: Vec<Vec<&str>> = texts
        .iter()
        .map(|text| pieces(text, 9, &mut dice))
        .collect();
    rest.iter_mut().for_each(|pieces| pieces.reverse());
    while rest.iter().any(|pieces| !pieces.is_empty()) {
        let index = dice.roll(texts.len());
        if let Some(piece) = rest[index].pop() {
            let (stream, out) = &mut streams[index];
            out.push_str(&stream.push(piece));
        }
    }
    for (text, (mut stream, mut out)) in texts.iter().zip(streams) {
        out.push_str(&stream.flush());
        assert_eq!(out, redactor.redact(text));
    }
}

#[test]
fn clean_text_leaves_as_the_same_slice() {
    let redactor = samples::redactor();
    let mut stream = redactor.stream();
    for chunk in [
        "Compiling serde v1.0.219\n",
        "   Finished in 3.1s.\n",
        "(42)\n",
    ] {
        let out = stream.push(chunk);
        assert!(matches!(out, std::borrow::Cow::Borrowed(same) if std::ptr::eq(same, chunk)));
        assert_eq!(stream.held(), 0);
    }
}

#[test]
fn an_idle_stream_is_small_and_can_be_sent() {
    fn is_send<T: Send + 'static>(_: &T) {}
    let redactor = samples::redactor();
    let mut stream = redactor.stream();
    stream.push("some ordinary text.\n");
    is_send(&stream);
    assert!(
        size_of_val(&stream) < 1024,
        "{} bytes",
        size_of_val(&stream)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_mixture_gives_the_whole_result(seed in any::<u64>(), most in 1usize..80) {
        let redactor = samples::redactor();
        let mut dice = Dice::new(seed);
        let text = mixture(&mut dice);
        let whole = redactor.redact(&text).into_owned();
        let (out, held) = stream(&redactor, &pieces(&text, most, &mut dice));
        prop_assert_eq!(&out, &whole);
        prop_assert!(held < HOLD_MAX);
    }
}
