//! How much is found, and how much harmless text is left alone, over a few thousand made-up cases.
//!
//! The cases are not the examples of the rules: they are what tools, logs and people write.

mod formats;
mod harmless;
mod harmless_formats;
mod passwords;
mod places;
mod tokens;

use std::fmt::Write as _;
use std::sync::Arc;

use self::{
    formats::{FORMATS, SURROUNDINGS},
    harmless::MORE_HARMLESS,
    harmless_formats::HARMLESS_FORMATS,
    passwords::MORE_PASSWORDS,
    places::{HARMLESS, PASSWORDS, TOKENS},
    tokens::MORE_TOKENS,
};
use super::samples::{self, ALNUM, Dice};
use crate::{Builder, Redactor, rules};

fn builder() -> Builder {
    let mut builder = Redactor::builder().key([3; 32]);
    for (index, value) in known_values().iter().enumerate() {
        builder = builder.known(&format!("VALUE_{index}"), value);
    }
    builder
}

/// Fifty values of different make.
fn known_values() -> Vec<String> {
    let mut dice = Dice::new(77);
    let signs = format!("{ALNUM}!#$%&'()*+,-./:;<=>?@[]^_{{|}}~\"\\ é");
    (0..50)
        .map(|index| match index % 3 {
            0 => dice.text(ALNUM, 12 + index),
            1 => dice.text(&signs, 12 + index).trim().to_owned(),
            _ => format!(
                "{}\n{}\n",
                dice.text(ALNUM, 30),
                dice.text(&signs, 30).trim()
            ),
        })
        .collect()
}

/// Whether so much of `secret` is in `out` that one could recognise it.
fn leaks(out: &str, secret: &str) -> bool {
    let width = secret.len().min(12);
    secret
        .as_bytes()
        .windows(width)
        .any(|part| out.as_bytes().windows(width).any(|window| window == part))
}

/// The outcome of one family of cases.
#[derive(Default)]
struct Tally {
    cases: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn note(&mut self, right: bool, case: &str) {
        self.cases += 1;
        if !right {
            self.wrong.push(case.to_owned());
        }
    }

    fn rate(&self) -> f64 {
        100.0 * (self.cases - self.wrong.len()) as f64 / self.cases as f64
    }
}

/// Redacts `text` in pieces, which must give what the whole gives.
fn redact(redactor: &Arc<Redactor>, text: &str, dice: &mut Dice) -> String {
    let whole = redactor.redact(text).into_owned();
    let mut stream = redactor.stream();
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) =
            rest.split_at(rest.ceil_char_boundary((1 + dice.roll(24)).min(rest.len())));
        out.push_str(&stream.push(piece));
        rest = tail;
    }
    out.push_str(&stream.flush());
    assert_eq!(out, whole);
    whole
}

/// Every line of `places`, with a secret that `make` makes up in the place of `hole`.
fn fill(places: &str, hole: &str, make: &mut dyn FnMut() -> String) -> Vec<(String, String)> {
    let lines = places.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let secret = make();
            (line.replace("\\n", "\n").replace(hole, &secret), secret)
        })
        .collect()
}

/// A text of `format`: `%w{20}` becomes twenty characters of class `w`, `%g` a UUID, all else stays.
fn fill_format(format: &str, dice: &mut Dice) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('g') {
            let parts = [8, 4, 4, 4, 12].map(|length| dice.text(HEX, length));
            out.push_str(&parts.join("-"));
            rest = after;
            continue;
        }
        let class = rest.chars().next().and_then(class);
        let counts = rest.get(1..).and_then(|text| text.strip_prefix('{'));
        let (Some(class), Some((counts, after))) =
            (class, counts.and_then(|text| text.split_once('}')))
        else {
            out.push('%');
            continue;
        };
        let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
        let (least, most): (usize, usize) = (least.parse().unwrap(), most.parse().unwrap());
        let length = least + dice.roll(most - least + 1);
        out.push_str(&dice.text(class, length));
        rest = after;
    }
    out + rest
}

const HEX: &str = "0123456789abcdef";

/// The characters of a class.
fn class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'w' => ALNUM,
        'W' => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
        'B' => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        'x' => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
        'a' => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        'h' => HEX,
        'H' => "0123456789ABCDEF",
        'd' => "0123456789",
        'U' => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        'L' => "abcdefghijklmnopqrstuvwxyz0123456789",
        'u' => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'l' => "abcdefghijklmnopqrstuvwxyz",
        'b' => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        'z' => "qpzry9x8gf2tvdw0s3jn54khce6mua7l",
        'Z' => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        '5' => "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        _ => return None,
    })
}

/// The lines of a text that are not empty, their line breaks in place.
fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.replace("\\n", "\n"))
}

#[test]
fn the_formats_of_providers_are_found_in_all_surroundings() {
    let redactor = Arc::new(builder().build().unwrap());
    let mut dice = Dice::new(4711);
    let surroundings: Vec<String> = lines(SURROUNDINGS).collect();
    let [mut distinctive, mut context, mut harmless] = [(); 3].map(|()| Tally::default());
    for format in FORMATS.iter().flat_map(|kind| lines(kind)) {
        for _ in 0..8 {
            let secret = fill_format(&format, &mut dice);
            let place = &surroundings[dice.roll(surroundings.len())];
            let out = redact(&redactor, &place.replace("{t}", &secret), &mut dice);
            // Most of the beginning is form.
            let body = &secret[secret.ceil_char_boundary(secret.len() / 2)..];
            distinctive.note(!leaks(&out, body), &format!("{format} in {place}"));
        }
    }
    for seed in 0..6 {
        let mut rolls = Dice::new(900 + seed);
        let mut roll = |sides| rolls.roll(sides);
        let passwords = fill(MORE_PASSWORDS, "{p}", &mut || {
            rules::samples::password(&mut roll)
        });
        let tokens = fill(MORE_TOKENS, "{t}", &mut || rules::samples::token(&mut roll));
        for (text, secret) in passwords.into_iter().chain(tokens) {
            let out = redact(&redactor, &text, &mut dice);
            context.note(!leaks(&out, &secret), &text);
        }
    }
    for format in lines(HARMLESS_FORMATS) {
        for _ in 0..4 {
            let text = fill_format(&format, &mut dice);
            let out = redact(&redactor, &text, &mut dice);
            harmless.note(out == text, &text);
        }
    }
    for text in lines(MORE_HARMLESS) {
        let out = redact(&redactor, &text, &mut dice);
        harmless.note(out == text, &text);
    }
    let bars = [
        ("distinctive", &distinctive, 99.0),
        ("context", &context, 95.0),
        ("harmless", &harmless, 99.5),
    ];
    let (table, failures) = report(&bars);
    println!("{table}");
    assert!(failures.is_empty(), "{table}{failures}");
}

#[test]
fn the_bars_are_met() {
    let redactor = Arc::new(builder().build().unwrap());
    let mut dice = Dice::new(99);
    let [mut known, mut distinctive, mut context, mut harmless] =
        [(); 4].map(|()| Tally::default());

    for value in known_values() {
        for form in crate::known::forms(&value)
            .into_iter()
            .map(|form| String::from_utf8(form).unwrap())
        {
            let out = redact(&redactor, &format!("x={form};"), &mut dice);
            known.note(!leaks(&out, &form), &form);
        }
    }
    for seed in 300..304 {
        for (id, secret) in samples::prefix_secrets(seed) {
            let out = redact(&redactor, &format!("{{\"a\":\"{secret}\"}}"), &mut dice);
            distinctive.note(!leaks(&out, &secret), id);
        }
    }
    for seed in 0..20 {
        let mut rolls = Dice::new(500 + seed);
        let mut roll = |sides| rolls.roll(sides);
        let passwords = fill(PASSWORDS, "{p}", &mut || {
            rules::samples::password(&mut roll)
        });
        let tokens = fill(TOKENS, "{t}", &mut || rules::samples::token(&mut roll));
        for (text, secret) in passwords.into_iter().chain(tokens) {
            let out = redact(&redactor, &text, &mut dice);
            context.note(!leaks(&out, &secret), &text);
        }
    }
    for line in HARMLESS.lines().filter(|line| !line.is_empty()) {
        for text in [
            line.to_owned(),
            format!("    {line}\n"),
            format!("+{line}\r\n"),
            format!("12\t{line}"),
        ] {
            let out = redact(&redactor, &text, &mut dice);
            harmless.note(out == text, &text);
        }
    }

    let bars = [
        ("known", &known, 100.0),
        ("distinctive", &distinctive, 99.0),
        ("context", &context, 95.0),
        ("harmless", &harmless, 99.5),
    ];
    let (table, failures) = report(&bars);
    println!("{table}");
    if std::env::var_os("HOLDFAST_REDACTION_MISSES").is_some() {
        println!(
            "missed: {:#?}\nchanged: {:#?}",
            context.wrong, harmless.wrong
        );
    }
    assert!(failures.is_empty(), "{table}{failures}");
}

/// The table of all families, and the cases of those that are below their bar.
fn report(bars: &[(&str, &Tally, f64)]) -> (String, String) {
    let mut table = String::from("family        cases   right\n");
    let mut failures = String::new();
    for (name, tally, bar) in bars {
        writeln!(table, "{name:12} {:6} {:6.2} %", tally.cases, tally.rate()).unwrap();
        if tally.rate() < *bar {
            let mut wrong = tally.wrong.clone();
            wrong.dedup();
            writeln!(failures, "{name} is below {bar} %: {wrong:#?}").unwrap();
        }
    }
    (table, failures)
}
