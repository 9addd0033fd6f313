//! Redacts made-up mixtures of secrets and harmless text for a while, cut in random places, and says how many.
//!
//! `cargo xtask fuzz-redaction --seconds 600`. Not a test of the suite: it ends when the time is over, or with the first text
//! for which a promise does not hold, and names its seed: `--seed N` tries that text alone.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redaction::{Redactor, RuleInfo, rules};

/// Known values, among them one that a rule finds too, one with several lines, and one that encodings change.
const KNOWN: [&str; 5] = [
    "violet tumbler forty-eight",
    "Zq7-plain-value-0815",
    "first line of 3\nsecond line 77\nthird one 12",
    "p@ss \"w0rd\" \\ 'x' <&> \u{e9}\u{1f980}%",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3",
];
/// What stands between secrets, and what may make of two texts one.
const GLUE: [&str; 28] = [
    " ",
    "\n",
    "\"",
    "\\\"",
    "'",
    "=",
    ": ",
    ":",
    ",",
    ";",
    "@",
    "/",
    "\\n",
    "\r\n",
    "\t",
    "|",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}[K",
    "\u{1f980}",
    "%3D",
    "[REDACTED:",
];

/// A small deterministic generator (splitmix).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn roll(&mut self, sides: usize) -> usize {
        (self.next() % sides as u64) as usize
    }

    fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.roll(from.len())]
    }
}

/// What texts are made of.
struct Parts {
    redactor: Arc<Redactor>,
    rules: Vec<RuleInfo>,
}

impl Parts {
    /// A text of `dice`, and whether a known value stands in it with blanks around.
    fn text(&self, dice: &mut Dice) -> String {
        let mut out = String::new();
        for _ in 0..1 + dice.roll(12) {
            let rule = &self.rules[dice.roll(self.rules.len())];
            let mut part = match dice.roll(8) {
                0 | 1 => rule.examples[dice.roll(rule.examples.len())].clone(),
                2 => rule.patterns[dice.roll(rule.patterns.len())].to_owned(),
                3 if !rule.harmless.is_empty() => dice.pick(&rule.harmless).to_owned(),
                4 => dice.pick(&KNOWN).to_owned(),
                5 => {
                    let known = dice.pick(&KNOWN);
                    known.bytes().map(|byte| format!("{byte:02x}")).collect()
                }
                6 => (0..dice.roll(40))
                    .map(|_| char::from(b' ' + dice.roll(95) as u8))
                    .collect(),
                _ => dice.pick(&GLUE).repeat(1 + dice.roll(4)),
            };
            if dice.roll(4) == 0 {
                // A part of it is the hardest case.
                let at = part.ceil_char_boundary(dice.roll(part.len() + 1));
                part = match dice.roll(2) {
                    0 => part[at..].to_owned(),
                    _ => part[..at].to_owned(),
                };
            }
            out.push_str(&part);
            out.push_str(dice.pick(&GLUE));
        }
        out
    }

    /// Checks one text; the problem, when a promise does not hold.
    fn check(&self, seed: u64) -> Result<usize, &'static str> {
        let mut dice = Dice(seed);
        let text = self.text(&mut dice);
        let whole = self.redactor.redact(&text).into_owned();
        for most in [1, 2 + dice.roll(16), 1 + dice.roll(400)] {
            let mut stream = self.redactor.stream();
            let mut out = String::with_capacity(whole.len());
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let length = (1 + dice.roll(most)).min(rest.len());
                let (piece, tail) = rest.split_at(rest.ceil_char_boundary(length));
                out.push_str(&stream.push(piece));
                rest = tail;
            }
            out.push_str(&stream.flush());
            if out != whole {
                eprintln!("whole: {whole:?}\ncut:   {out:?}");
                return Err("the cut text differs from the whole one");
            }
        }
        if !self.redactor.may_match(text.as_bytes()) && whole != text {
            return Err("the text was passed unparsed, and is not clean");
        }
        let known = text.contains("[REDACTED:");
        if !known && self.redactor.redact(&whole) != whole {
            eprintln!(
                "once:  {whole:?}\ntwice: {:?}",
                self.redactor.redact(&whole)
            );
            return Err("redacting twice changes something");
        }
        let plain = |value: &&&str| text.contains(**value) && whole.contains(**value);
        if KNOWN.iter().any(|value| plain(&value)) {
            return Err("a known value is shown");
        }
        Ok(text.len())
    }
}

fn main() -> ExitCode {
    let mut seconds = 60;
    let mut seed = None;
    let mut args = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (args.next(), args.next()) {
        match (name.as_str(), value.parse()) {
            ("--seconds", Ok(value)) => seconds = value,
            ("--seed", Ok(value)) => seed = Some(value),
            _ => {
                eprintln!("usage: fuzz [--seconds N] [--seed N]");
                return ExitCode::FAILURE;
            }
        }
    }
    let builder = KNOWN
        .iter()
        .fold(Redactor::builder().key([3; 32]), |builder, value| {
            builder.known("value", value)
        });
    let parts = Parts {
        redactor: Arc::new(builder.build().expect("the built-in rules compile")),
        rules: rules(),
    };
    let begun = Instant::now();
    let first = seed.unwrap_or_else(|| Dice(u64::from(std::process::id())).next() >> 16);
    let (mut texts, mut bytes) = (0u64, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        match parts.check(first + texts) {
            Ok(length) => bytes += length,
            Err(problem) => {
                // The text holds nothing but what this program made up.
                let text = parts.text(&mut Dice(first + texts));
                eprintln!("seed {}: {problem}: {text:?}", first + texts);
                return ExitCode::FAILURE;
            }
        }
        texts += 1;
        if seed.is_some() {
            break;
        }
    }
    println!(
        "{texts} texts of {bytes} bytes, each cut in three ways, in {:.0} s: every promise held (first seed {first})",
        begun.elapsed().as_secs_f32()
    );
    ExitCode::SUCCESS
}
