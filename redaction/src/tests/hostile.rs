//! Text that is made to take long.
//!
//! Not for how long it takes: the bench measures that, and a busy machine would make it a matter of luck.

use std::time::{Duration, Instant};

use super::samples;

/// What such text repeats: heads, cues, what opens a value, and what a rule looks far ahead for.
const UNITS: [&str; 30] = [
    "x",
    "sk-",
    "sk-sk-",
    "key=",
    "password=",
    "password=\"",
    "token: ",
    "token=a1b2c3",
    "api_key: \"",
    "secret is ",
    "eyJ",
    "eyJhbGciOi.",
    "://",
    "://a:b",
    "mysql ",
    "curl -u ",
    "echo a1b2c3 | ",
    "\"d\":\"",
    "machine a.b login ",
    "basicauth(a, ",
    "\"password\": {",
    "cookie: a=b; ",
    "authorization: bearer ",
    "sig=",
    ":5432:",
    "xoxb-1",
    "\u{1b}[31m",
    "[REDACTED:",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5P\n",
];
const SHORT: usize = 256 << 10;
/// The long text has so many times the bytes of the short one.
const TIMES: usize = 8;

#[test]
fn hostile_text_takes_time_in_proportion_to_its_length() {
    let redactor = samples::redactor();
    for unit in UNITS {
        let took = |bytes: usize| {
            let text = unit.repeat(bytes / unit.len());
            let begun = Instant::now();
            let mut stream = redactor.stream();
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (piece, tail) = rest.split_at(rest.ceil_char_boundary(rest.len().min(4096)));
                std::hint::black_box(stream.push(piece).len());
                rest = tail;
            }
            std::hint::black_box(stream.flush().len());
            begun.elapsed()
        };
        // Were it the square, it would be 64 every time. The short text fits the caches, and is seldom interrupted.
        let ratio = || {
            let short = took(SHORT).max(Duration::from_micros(200));
            took(SHORT * TIMES).as_secs_f64() / short.as_secs_f64()
        };
        let lowest = (0..8)
            .map(|_| ratio())
            .find(|ratio| *ratio < 5.0 * TIMES as f64);
        assert!(
            lowest.is_some(),
            "{unit:?}: {TIMES} times the text takes far more than {TIMES} times as long"
        );
    }
}
