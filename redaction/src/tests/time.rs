//! What happens to held text when nothing comes for a while.

use std::time::Duration;

use proptest::prelude::*;

use super::samples::{self, ALNUM, Dice};
use crate::rules::{self, samples::password};
use crate::{RELEASE_AFTER, SETTLE_AFTER};

const SHORT: Duration = RELEASE_AFTER;
const LONG: Duration = SETTLE_AFTER;

#[test]
fn the_beginning_of_a_head_is_shown_after_a_short_while() {
    let redactor = samples::redactor();
    let mut stream = redactor.stream();
    assert_eq!(stream.push("see gh"), "see ");
    assert_eq!(stream.tick(Duration::from_millis(10)), "");
    assert_eq!(stream.tick(SHORT), "gh");
    assert_eq!(stream.held(), 0);
}

#[test]
fn a_secret_that_is_completed_after_its_head_was_shown_is_still_redacted() {
    let redactor = samples::redactor();
    let body = Dice::new(50).text(ALNUM, 36);
    let mut stream = redactor.stream();
    let mut out = stream.push("see gh").into_owned();
    out += &stream.tick(SHORT);
    out += &stream.push(&format!("p_{body} end"));
    out += &stream.flush();
    assert!(
        out.starts_with("see gh[REDACTED:github-pat#") && out.ends_with("] end"),
        "{}",
        out.len()
    );
}

#[test]
fn a_candidate_of_weight_is_never_shown() {
    let redactor = samples::redactor();
    let body = Dice::new(50).text(ALNUM, 36);
    for length in 1..body.len() {
        let mut stream = redactor.stream();
        let mut out = stream
            .push(&format!("ghp_{}", &body[..length]))
            .into_owned();
        out += &stream.tick(SHORT);
        out += &stream.tick(LONG);
        assert_eq!(stream.held(), 0);
        out += &stream.push(&body[length..]);
        out += &stream.tick(LONG);
        out += &stream.push(" end");
        out += &stream.flush();
        assert!(
            out.starts_with("[REDACTED:github-pat#") && out.ends_with("] end"),
            "length {length}: {} bytes",
            out.len()
        );
        assert_eq!(out.len(), "[REDACTED:github-pat#000000] end".len());
    }
}

#[test]
fn a_known_value_in_slow_pieces_leaks_less_than_four_bytes() {
    let redactor = samples::redactor();
    let value = Dice::new(9).text(ALNUM, 24);
    for first in 1..value.len() {
        for second in first..value.len() {
            let mut stream = redactor.stream();
            let mut out = String::new();
            for piece in [&value[..first], &value[first..second], &value[second..]] {
                out += &stream.push(piece);
                out += &stream.tick(LONG);
                assert_eq!(stream.held(), 0);
            }
            out += &stream.push(" end");
            out += &stream.flush();
            let (shown, rest) = out.split_once("[REDACTED:known-plain-value#").unwrap();
            assert!(
                shown.len() < 4 && value.starts_with(shown),
                "{first} {second}"
            );
            assert_eq!(&rest[6..], "] end", "{first} {second}");
        }
    }
}

#[test]
fn a_candidate_that_turns_out_harmless_loses_only_what_was_held() {
    let redactor = samples::redactor();
    let value = Dice::new(9).text(ALNUM, 24);
    let mut stream = redactor.stream();
    let mut out = stream.push(&format!("see {}", &value[..8])).into_owned();
    out += &stream.tick(LONG);
    out += &stream.push(", which is something else");
    out += &stream.flush();
    assert!(
        out.starts_with("see [REDACTED:known-plain-value#")
            && out.ends_with("], which is something else")
    );
}

#[test]
fn the_beginning_of_a_colour_is_shown_once() {
    let redactor = samples::redactor();
    for rest in ["31mred", "2Jcleared"] {
        let mut stream = redactor.stream();
        let mut out = stream.push("a \u{1b}[").into_owned();
        assert_eq!((out.as_str(), stream.held()), ("a ", 2));
        out += &stream.tick(SHORT);
        assert_eq!((out.as_str(), stream.held()), ("a \u{1b}[", 0));
        out += &stream.push(rest);
        out += &stream.flush();
        assert_eq!(out, format!("a \u{1b}[{rest}"));
    }
}

/// What comes out when `text` arrives in pieces of up to `most` bytes, with a pause after each.
fn slowly(text: &str, most: usize, dice: &mut Dice) -> String {
    let mut stream = samples::redactor().stream();
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) =
            rest.split_at(rest.ceil_char_boundary((1 + dice.roll(most)).min(rest.len())));
        out.push_str(&stream.push(piece));
        out.push_str(&stream.tick([SHORT, LONG][dice.roll(2)]));
        rest = tail;
    }
    out + &stream.flush()
}

/// Whether eight bytes of `secret` in a row are in `out`.
fn recognisable(out: &str, secret: &str) -> bool {
    secret
        .as_bytes()
        .windows(8)
        .any(|part| memchr::memmem::find(out.as_bytes(), part).is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pause_shows_what_is_known_or_stands_behind_a_head(seed in any::<u64>(), most in 1usize..12) {
        let mut dice = Dice::new(seed);
        let secrets = samples::prefix_secrets(seed);
        let (id, token) = &secrets[dice.roll(secrets.len())];
        let rule = rules::prefix_rules().find(|rule| rule.id == *id).unwrap();
        let head = rule.patterns.iter().map(|text| crate::pattern::Pattern::parse(text).unwrap().heads()[0].len()).max().unwrap();
        let out = slowly(&format!("see {token} end"), most, &mut dice);
        prop_assert!(!recognisable(&out, &token[head.min(token.len())..]), "{id}: {out}");

        let value = Dice::new(9).text(ALNUM, 24);
        let out = slowly(&format!("see {value} end"), most, &mut dice);
        prop_assert!(!recognisable(&out, &value), "{out}");
    }

    #[test]
    fn no_pause_shows_what_stands_behind_a_cue(seed in any::<u64>(), most in 1usize..12) {
        let mut dice = Dice::new(seed);
        let secret = password(&mut |sides| dice.roll(sides));
        for text in ["password=\"{}\"", "DB_PASSWORD={}", "postgres://app:{}@db/app", "--password {}", "curl -u me:{} x"] {
            let out = slowly(&text.replace("{}", &secret), most, &mut dice);
            prop_assert!(!recognisable(&out, &secret), "{out}");
        }
    }
}
