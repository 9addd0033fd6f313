//! Row 7: how long a comparison of tokens takes says nothing of where they differ.
//!
//! A statistical test in the manner of dudect: two classes in random order, the slowest samples cropped, Welch's t. It does not
//! prove constant time; it would see a comparison that stops at the first difference.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use std::hint::black_box;
use std::time::Instant;

use config::TokenDigest;

/// Samples of one measurement, both classes together.
const SAMPLES: usize = 100_000;
/// Comparisons in one sample, so that it is longer than a tick of the clock.
const REPEATS: usize = 8;
/// Beyond this two means differ for certain.
const LIMIT: f64 = 4.5;
/// Machines that test are busy: a measurement that says "different" is repeated so often. A real difference stays.
const TRIES: usize = 3;
/// Cropped as what the system did meanwhile.
const SLOWEST: f64 = 0.20;

/// A digest and two that are not it: one that differs in the first byte, one in the last alone.
struct Digests {
    known: [u8; 32],
    first_wrong: [u8; 32],
    last_wrong: [u8; 32],
}

impl Digests {
    fn new() -> Self {
        let known = *TokenDigest::of("what the host knows").as_bytes();
        let (mut first_wrong, mut last_wrong) = (known, known);
        first_wrong[0] ^= 0x55;
        last_wrong[31] ^= 0x55;
        Self {
            known,
            first_wrong,
            last_wrong,
        }
    }
}

/// A digest of these bytes, by way of the configuration's hex.
fn digest(bytes: &[u8; 32]) -> TokenDigest {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    TokenDigest::from_hex(&hex).unwrap()
}

/// Welch's t of the time that `compare` takes, between values that differ early and late.
fn t_of<T>(known: &T, early: &T, late: &T, compare: fn(&T, &T) -> bool) -> f64 {
    let mut times = [Vec::new(), Vec::new()];
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for sample in 0..SAMPLES + SAMPLES / 10 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = (random >> 33) as usize & 1;
        let shown = [early, late][class];
        let start = Instant::now();
        for _ in 0..REPEATS {
            black_box(compare(black_box(known), black_box(shown)));
        }
        let took = start.elapsed().as_nanos() as f64;
        // The first tenth warms caches and the clock of the processor.
        if sample >= SAMPLES / 10 {
            times[class].push(took);
        }
    }
    let mut all = times.concat();
    all.sort_by(f64::total_cmp);
    let cut = all[(all.len() as f64 * (1.0 - SLOWEST)) as usize];
    let [(n0, mean0, var0), (n1, mean1, var1)] = times.map(|times| moments(&times, cut));
    (mean0 - mean1) / (var0 / n0 + var1 / n1).sqrt().max(f64::MIN_POSITIVE)
}

/// Number, mean and variance of the times up to `cut`.
fn moments(times: &[f64], cut: f64) -> (f64, f64, f64) {
    let kept: Vec<f64> = times.iter().copied().filter(|time| *time <= cut).collect();
    let n = kept.len() as f64;
    let mean = kept.iter().sum::<f64>() / n;
    let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (n, mean, variance)
}

#[test]
fn row_7_the_time_of_a_comparison_does_not_tell_where_two_digests_differ() {
    let bytes = Digests::new();
    let [known, early, late] = [&bytes.known, &bytes.first_wrong, &bytes.last_wrong].map(digest);
    let mut seen = Vec::new();
    while seen.len() < TRIES {
        let t = t_of(&known, &early, &late, |a, b| a == b);
        seen.push(t);
        if t.abs() < LIMIT {
            println!("t = {t:.2}");
            return;
        }
    }
    panic!("the time tells where they differ: t = {seen:.1?}");
}

/// Stops at the first difference, as a comparison of bytes does that nobody thought about.
fn naive(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

#[test]
fn row_7_the_same_measurement_sees_a_comparison_that_stops_early() {
    let bytes = Digests::new();
    let t = t_of(&bytes.known, &bytes.first_wrong, &bytes.last_wrong, naive);
    println!("t = {t:.2}");
    assert!(t.abs() > LIMIT, "t = {t:.2}");
}
