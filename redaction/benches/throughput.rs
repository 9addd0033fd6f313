//! How many bytes a second one core redacts: whole texts, deltas of the usual sizes, lines, and hostile text.
//!
//! Not a check: it measures, and the figures go into `docs/redaction.md`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use redaction::Redactor;

/// Size of the text of ordinary tool output.
const ORDINARY_BYTES: usize = 4 << 20;
/// Size of each hostile text.
const HOSTILE_BYTES: usize = 10 << 20;

/// A small deterministic generator (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.roll(alphabet.len())]))
            .collect()
    }
}

/// All rules and fifty known values.
fn redactor() -> Arc<Redactor> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-!";
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut builder = Redactor::builder().key([1; 32]);
    for index in 0..50 {
        let length = 20 + dice.roll(30);
        builder = builder.known(&format!("VALUE_{index}"), &dice.text(ALPHABET, length));
    }
    Arc::new(builder.build().expect("the built-in rules compile"))
}

/// What tools write: builds, tests, searches, logs, diffs, and source code, without a secret in it.
fn ordinary() -> String {
    const SOURCES: [&str; 4] = [
        include_str!("../src/finder.rs"),
        include_str!("../src/stream.rs"),
        include_str!("../src/context/assignment.rs"),
        include_str!("../src/block.rs"),
    ];
    const HEX: &[u8] = b"0123456789abcdef";
    let mut dice = Dice(7);
    let mut out = String::with_capacity(ORDINARY_BYTES + 4096);
    while out.len() < ORDINARY_BYTES {
        let (a, b) = (dice.roll(90), dice.roll(900));
        // Writing to a String cannot fail.
        let _ = match dice.roll(9) {
            0 => writeln!(
                out,
                "   Compiling crate-{a} v1.{b}.0 (/work/crates/crate-{a})"
            ),
            1 => writeln!(out, "test module_{a}::keeps_order_{b} ... ok"),
            2 => writeln!(
                out,
                "src/auth/token.rs:{b}:{a}:        let token = self.next_token();"
            ),
            3 => writeln!(
                out,
                "2026-11-24T10:{:02}:{:02}.{b:03}Z  INFO server: request served status=200 elapsed={a}ms",
                a % 60,
                b % 60
            ),
            4 => writeln!(out, "commit {}", dice.text(HEX, 40)),
            5 => writeln!(
                out,
                "+    pub fn field_{a}(&self) -> &str {{ &self.field_{b} }}"
            ),
            6 => writeln!(
                out,
                "{{\"id\":{b},\"name\":\"item {a}\",\"tags\":[\"x\",\"y\"],\"total_tokens\":{b}}}"
            ),
            7 => writeln!(
                out,
                "https://docs.rs/crate-{a}/latest/crate_{a}/struct.Item{b}.html"
            ),
            _ => writeln!(out, "{}", line(&mut dice, &SOURCES)),
        };
    }
    out
}

/// A few lines of source code.
fn line<'s>(dice: &mut Dice, sources: &[&'s str]) -> &'s str {
    let source = sources[dice.roll(sources.len())];
    let from = source.floor_char_boundary(dice.roll(source.len()));
    let to = source.ceil_char_boundary((from + 400).min(source.len()));
    &source[from..to]
}

/// Pushes `text` through one stream in pieces of `size` bytes.
fn push_all(redactor: &Arc<Redactor>, text: &str, size: usize) -> usize {
    let mut stream = redactor.stream();
    let mut rest = text;
    let mut written = 0;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
        written += stream.push(piece).len();
        rest = tail;
    }
    written + stream.flush().len()
}

fn clean_output(criterion: &mut Criterion) {
    let redactor = redactor();
    let text = ordinary();
    let mut group = criterion.benchmark_group("clean output");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("whole", |bencher| {
        bencher.iter(|| redactor.redact(black_box(&text)).len())
    });
    for size in [64, 256, 4 << 10, 64 << 10] {
        group.bench_with_input(BenchmarkId::new("deltas", size), &size, |bencher, size| {
            bencher.iter(|| push_all(&redactor, black_box(&text), *size));
        });
    }
    group.bench_function("lines, each a stream of its own", |bencher| {
        bencher.iter(|| {
            text.lines()
                .map(|line| redactor.redact(black_box(line)).len())
                .sum::<usize>()
        });
    });
    group.bench_function("lines, raw", |bencher| {
        bencher.iter(|| {
            text.lines()
                .filter(|line| redactor.may_match(black_box(line.as_bytes())))
                .count()
        });
    });
    group.finish();
}

fn hostile_text(criterion: &mut Criterion) {
    let redactor = redactor();
    let mut group = criterion.benchmark_group("hostile text");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(HOSTILE_BYTES as u64));
    for unit in [
        "x",
        "sk-",
        "key=",
        "password=",
        "eyJ",
        "token: ",
        "password=\"",
        "mysql ",
        "curl -u ",
        "echo a1b2c3 | ",
        "\"d\":\"",
        "machine a.b login ",
        "basicauth(a, ",
        "\"password\": {",
        "://",
        "cookie: a=b; ",
        "-----BEGIN RSA PRIVATE KEY-----",
    ] {
        let text = unit.repeat(HOSTILE_BYTES / unit.len());
        group.bench_function(BenchmarkId::new("one line of", unit), |bencher| {
            bencher.iter(|| redactor.redact(black_box(&text)).len());
        });
        group.bench_function(BenchmarkId::new("deltas of 64 bytes of", unit), |bencher| {
            bencher.iter(|| push_all(&redactor, black_box(&text), 64));
        });
    }
    group.finish();
}

fn secrets(criterion: &mut Criterion) {
    let redactor = redactor();
    let rules = redaction::rules();
    let text: String = rules
        .iter()
        .flat_map(|rule| &rule.examples)
        .map(|secret| format!("found {secret} there\n"))
        .collect();
    let mut group = criterion.benchmark_group("nothing but secrets");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("whole", |bencher| {
        bencher.iter(|| redactor.redact(black_box(&text)).len())
    });
    group.finish();
}

fn building(criterion: &mut Criterion) {
    criterion.bench_function("build with fifty known values", |bencher| {
        bencher.iter(redactor)
    });
}

criterion_group!(benches, clean_output, hostile_text, secrets, building);
criterion_main!(benches);
