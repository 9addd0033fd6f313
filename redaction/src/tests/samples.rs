//! Texts with made-up secrets in them, the same at every run.
//!
//! Not real secrets: every one is drawn from a small generator, so that no file holds anything that looks like one.

use std::sync::{Arc, LazyLock};

use crate::known;
use crate::rules;
use crate::{Builder, Redactor};

/// A small deterministic generator (xorshift).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    /// A text of `length` characters of `alphabet`.
    pub(super) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| letters[self.roll(letters.len())])
            .collect()
    }
}

/// The letters and digits.
pub(super) const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A known value with everything in it that encodings change.
pub(super) fn awkward_value() -> String {
    let mut dice = Dice::new(7);
    format!(
        "p@ss \"{}'/+<{}>&\\{}é%$",
        dice.text(ALNUM, 6),
        dice.text(ALNUM, 5),
        dice.text(ALNUM, 4)
    )
}

/// A known value of several lines.
pub(super) fn long_value() -> String {
    let mut dice = Dice::new(8);
    (0..3)
        .map(|_| dice.text(ALNUM, 16))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A builder with the known values of the tests.
pub(super) fn builder() -> Builder {
    Redactor::builder()
        .key([7; 32])
        .known("AWKWARD", &awkward_value())
        .known("LONG", &long_value())
        .known("plain.value", &Dice::new(9).text(ALNUM, 24))
        .known("periodic", "abcabcabcabcabcabc")
}

/// The redactor of most tests, built once.
pub(super) fn redactor() -> Arc<Redactor> {
    static SHARED: LazyLock<Arc<Redactor>> = LazyLock::new(|| Arc::new(builder().build().unwrap()));
    Arc::clone(&SHARED)
}

/// A secret of every prefix pattern, with the id of its rule.
pub(super) fn prefix_secrets(seed: u64) -> Vec<(&'static str, String)> {
    let infos = rules::prefix_rules().map(|rule| rule.info(seed));
    infos
        .flat_map(|info| {
            info.examples
                .into_iter()
                .map(move |secret| (info.id, secret))
        })
        .collect()
}

/// A made-up armoured key of `lines` lines.
pub(super) fn key_block(label: &str, lines: usize, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let dashes = "-".repeat(5);
    let mut body: Vec<String> = (0..lines).map(|_| dice.text(ALNUM, 64)).collect();
    body.push(dice.text(ALNUM, 22) + "==");
    format!(
        "{dashes}BEGIN {label}{dashes}\n{}\n{dashes}END {label}{dashes}",
        body.join("\n")
    )
}

/// `text` with colours strewn over it.
pub(super) fn colour(text: &str) -> String {
    let mut dice = Dice::new(text.len() as u64);
    let mut out = String::new();
    for letter in text.chars() {
        out.push_str(
            [
                "",
                "",
                "",
                "",
                "",
                "\u{1b}[0m",
                "\u{1b}[1;31m",
                "\u{1b}[m\u{1b}[K",
            ][dice.roll(8)],
        );
        out.push(letter);
    }
    out
}

/// The same, encrypted: with header lines, an empty line, and a last line of odd length.
pub(super) fn encrypted_key_block(seed: u64) -> String {
    let block = key_block("RSA PRIVATE KEY", 4, seed);
    let (begin, body) = block.split_once('\n').unwrap();
    let odd = body.replace("==\n", "\n");
    format!("{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,932256E9ACCDC996\n\nab+/{odd}")
}

/// Texts that hold secrets, near misses and harmless text, to be cut anywhere.
pub(super) fn corpus() -> Vec<String> {
    let mut out = rule_texts();
    let coloured: Vec<String> = out.iter().step_by(7).map(|text| colour(text)).collect();
    out.extend(coloured);
    out.push(
        "\u{1b}[1mbold\u{1b}[0m and \u{1b}[2J cleared, \u{1b}]0;title\u{7} \u{1b}[".to_owned(),
    );
    out.extend(known_texts());
    out.extend(key_texts());
    out
}

/// Secrets of every rule, alone, together and side by side, and their near misses.
fn rule_texts() -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    out.extend(
        prefix_secrets(1)
            .iter()
            .map(|(id, secret)| format!("{id} is {secret}, and more")),
    );
    for group in prefix_secrets(2).chunks(3) {
        let joined: Vec<&str> = group.iter().map(|(_, secret)| secret.as_str()).collect();
        out.push(joined.join("\\n"));
        out.push(joined.concat());
    }
    out.extend(rules::prefix_rules().map(|rule| rule.harmless.join(" ")));
    for rule in rules::sign_rules() {
        let secret = &rule.info(5).examples[0];
        out.push(format!("it is {secret}, and\n+{secret}== or \\n{secret}\n"));
        out.push(format!("x{secret} {secret}y /{secret}/{secret}"));
        out.push(format!("{} {secret}", "ab1/".repeat(40)));
    }
    for rule in rules::context_rules() {
        out.extend(rule.info(3).examples);
        out.push(rule.harmless.join("\n"));
        out.push(rule.info(4).examples.join(" "));
    }
    out
}

/// Known values in their encodings, cut off, repeated, and beside tokens.
fn known_texts() -> Vec<String> {
    let values = [awkward_value(), long_value()];
    let forms: Vec<String> = values
        .iter()
        .flat_map(|value| known::forms(value))
        .map(|form| String::from_utf8(form).unwrap())
        .collect();
    let mut out = Vec::new();
    // Most forms differ in little; a part of them, spread over all, is enough here.
    for form in forms.iter().step_by(forms.len().div_ceil(40)) {
        out.push(format!("a{form}z"));
        out.push(form[..form.floor_char_boundary(form.len() * 2 / 3)].to_owned());
    }
    out.push("abcabcabcabcabcabcabcabcabcabcabcaXabcabcabcabcab".to_owned());
    out.push(format!(
        "ghp_{}{}",
        Dice::new(3).text(ALNUM, 20),
        awkward_value()
    ));
    out.push(format!(
        "{}sk-{}",
        awkward_value(),
        Dice::new(4).text(ALNUM, 40)
    ));
    out
}

/// Key blocks in the notations of tools, cut off, and followed by prose.
fn key_texts() -> Vec<String> {
    let mut out = Vec::new();
    for label in [
        "RSA PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
        "PUBLIC KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        let block = key_block(label, 4, 5);
        out.push(format!("before\n{block}\nafter"));
        out.push(format!("one line: \"{}\"", block.replace('\n', "\\n")));
        out.push(
            block
                .lines()
                .map(|line| format!("+   {line}\r\n"))
                .collect(),
        );
        out.push(block[..150].to_owned());
        out.push(format!("{}\nand then prose follows", &block[..190]));
        out.push(block.replace('\n', " "));
        out.push(block.replace('\n', ""));
    }
    let encrypted = encrypted_key_block(6);
    out.push(encrypted.replace('\n', "\r\n"));
    out.push(encrypted.replace('\n', "\\n"));
    out.push(
        encrypted
            .lines()
            .zip(1..)
            .map(|(line, number)| format!("{number:6}\t{line}\n"))
            .collect(),
    );
    out.push(
        encrypted
            .lines()
            .map(|line| format!("web_1  | {line}\n"))
            .collect(),
    );
    out.push(encrypted);
    out.push(
        "a header -----BEGIN RSA PRIVATE KEY----- in prose, with nothing\nbehind it that is a key"
            .to_owned(),
    );
    out
}
