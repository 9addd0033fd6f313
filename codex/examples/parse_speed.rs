//! Measures what reading one line from Codex costs, and what `serde_json` would ask for the same.
//!
//! Not a benchmark with statistics: the best of many rounds, which is what a change of the scanner moves.
//! Run it with `cargo run --release -p holdfast-codex --example parse_speed`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use codex::{Incoming, lines::LineReader, message::validate};
use serde_json::value::RawValue;

/// Long enough to be the best of something, in rounds.
const ROUNDS: usize = 200;

/// How long one round may take, about.
const ROUND: Duration = Duration::from_millis(2);

fn main() {
    println!(
        "{:<28}{:>10}{:>12}{:>12}{:>12}{:>10}",
        "line", "bytes", "parse", "serde tree", "serde raw", "GB/s"
    );
    for (name, line) in lines() {
        let bytes = line.as_bytes();
        assert!(Incoming::parse(bytes).is_ok() && validate(bytes).is_ok());
        let ours = best(|| drop(black_box(Incoming::parse(black_box(bytes)))));
        let tree = best(|| {
            drop(black_box(serde_json::from_slice::<serde_json::Value>(
                black_box(bytes),
            )))
        });
        let raw = best(|| {
            drop(black_box(serde_json::from_slice::<&RawValue>(black_box(
                bytes,
            ))))
        });
        let speed = bytes.len() as f64 / ours.as_nanos() as f64;
        println!(
            "{name:<28}{:>10}{ours:>12.0?}{tree:>12.0?}{raw:>12.0?}{speed:>10.2}",
            bytes.len()
        );
    }
    read_speed();
}

fn lines() -> Vec<(&'static str, String)> {
    let delta = |text: &str| {
        let ids = r#""threadId":"01a20c8d-ab75-7f30-9b65-88c378ccef10","turnId":"01a20c8d-ab92-7a21-8d6f-0c1d2e3f4a5b","itemId":"msg_6cfb3fecfa3d4c78""#;
        format!(
            r#"{{"method":"item/agentMessage/delta","params":{{{ids},"delta":"{text}"}},"emittedAtMs":1795506940786}}"#
        )
    };
    let item = |text: &str| {
        format!(
            r#"{{"method":"item/completed","params":{{"item":{{"type":"agentMessage","id":"msg_1","text":"{text}","phase":null}},"threadId":"t","turnId":"u"}},"emittedAtMs":1}}"#
        )
    };
    vec![
        ("delta, 20 bytes", delta("t0 .....t1 .....t2 .")),
        (
            "delta, 200 bytes",
            delta(&"words and more ".repeat(14)[..200]),
        ),
        (
            "delta, 2000 bytes",
            delta(&"words and more ".repeat(140)[..2000]),
        ),
        (
            "delta, 8 KiB, escapes",
            delta(&r"\u001b[32mok\u001b[0m\tline of output\r\n".repeat(200)),
        ),
        (
            "delta, 8 KiB, not ASCII",
            delta(&"größer 日本 ".repeat(480)),
        ),
        ("item, 20 MB", item(&"x".repeat(20_000_000))),
    ]
}

fn best(mut work: impl FnMut()) -> Duration {
    let started = Instant::now();
    work();
    let times = (ROUND.as_nanos() / started.elapsed().as_nanos().max(1)).clamp(1, 10_000) as u32;
    let rounds = if times == 1 { ROUNDS / 10 } else { ROUNDS };
    let round = || {
        let started = Instant::now();
        (0..times).for_each(|_| work());
        started.elapsed() / times
    };
    std::iter::repeat_with(round)
        .take(rounds)
        .min()
        .unwrap_or_default()
}

fn read_speed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime needs nothing here");
    for (name, line) in lines() {
        let stream = format!("{line}\n").repeat((40_000_000 / line.len()).max(1));
        let mut count = 0_usize;
        let started = Instant::now();
        runtime.block_on(async {
            let mut reader = LineReader::new(stream.as_bytes());
            while let Ok(codex::lines::Fill::Data) = reader.fill().await {
                while let Some(line) = reader.next_line() {
                    count += usize::from(line.is_ok_and(|line| Incoming::parse(line).is_ok()));
                }
            }
        });
        let elapsed = started.elapsed();
        let speed = stream.len() as f64 / elapsed.as_nanos() as f64;
        println!(
            "cut and parse {name:<24}{count:>8} lines {:>10.0?} a line {speed:>6.2} GB/s",
            elapsed / count as u32
        );
    }
}
