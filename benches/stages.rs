//! What each stage of the hot path costs for one event: cut into lines, parsed, redacted, journalled.
//!
//! Not the whole way, which `holdfast bench` measures; numbering and encoding are a copy and a short head, and show there.

use std::hint::black_box;
use std::sync::mpsc;

use bytes::Bytes;
use codex::lines::{Fill, LineReader};
use codex::message::Incoming;
use codex::scenario::Prose;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use journal::{Batch, Journal, Options, Write};
use redaction::Redactor;

/// Events of one batch: what gathers while the batch before it is on its way to the disk.
const BATCH: u64 = 256;
/// Bytes of text of one delta.
const SIZES: [usize; 3] = [64, 4096, 16 * 1024];

/// The text of a delta, and the line in which Codex says it.
fn delta(index: u64, size: usize) -> (String, String) {
    let mut text = Vec::new();
    Prose::new(7, size).piece(index, size, &mut text);
    let text = String::from_utf8(text).expect("prose is text");
    let quoted = serde_json::Value::from(text.as_str()).to_string();
    let id = "01a20c8d-ab75-7f30-9b65-88c378ccef10";
    let line = format!(
        r#"{{"method":"item/agentMessage/delta","params":{{"threadId":"{id}","turnId":"{id}","itemId":"msg_6cfb3fecfa3d4c78","delta":{quoted}}},"emittedAtMs":1795506940786}}"#
    );
    (text, line)
}

fn lines(size: usize) -> Vec<String> {
    (0..BATCH).map(|index| delta(index, size).1).collect()
}

fn cut(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("cut into lines");
    for size in SIZES {
        let text = lines(size).join("\n") + "\n";
        group.throughput(Throughput::Elements(BATCH));
        group.bench_with_input(BenchmarkId::from_parameter(size), &text, |b, text| {
            b.iter(|| {
                let mut reader = LineReader::new(text.as_bytes());
                let mut count = 0;
                while let Ok(Fill::Data) = runtime.block_on(reader.fill()) {
                    while let Some(line) = reader.next_line() {
                        count += u64::from(black_box(line).is_ok());
                    }
                }
                assert_eq!(count, BATCH);
            });
        });
    }
    group.finish();
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for size in SIZES {
        let lines = lines(size);
        group.throughput(Throughput::Elements(BATCH));
        group.bench_with_input(BenchmarkId::from_parameter(size), &lines, |b, lines| {
            b.iter(|| {
                for line in lines {
                    black_box(Incoming::parse(line.as_bytes())).expect("a message");
                }
            });
        });
    }
    group.finish();
}

fn redact(c: &mut Criterion) {
    let redactor = std::sync::Arc::new(
        Redactor::builder()
            .key([1; 32])
            .build()
            .expect("the rules compile"),
    );
    let mut group = c.benchmark_group("redact");
    for size in SIZES {
        let texts: Vec<String> = (0..BATCH).map(|index| delta(index, size).0).collect();
        group.throughput(Throughput::Elements(BATCH));
        group.bench_with_input(BenchmarkId::from_parameter(size), &texts, |b, texts| {
            let mut stream = redactor.stream();
            b.iter(|| {
                for text in texts {
                    black_box(stream.push(text));
                }
            });
        });
    }
    group.finish();
}

fn store(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal");
    for size in SIZES {
        let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
        let (journal, _) = Journal::open(Options::new(folder.path())).expect("a journal");
        let text: Bytes = (lines(size).join("\n") + "\n").into();
        let mut last = 0;
        group.throughput(Throughput::Elements(BATCH));
        group.bench_with_input(BenchmarkId::from_parameter(size), &text, |b, text| {
            b.iter(|| {
                let batch = Batch {
                    first: last + 1,
                    last: last + BATCH,
                    lines: text.clone(),
                };
                last += BATCH;
                let write = Write {
                    batch: Some(batch),
                    ..Write::new("thread")
                };
                let (done, committed) = mpsc::channel();
                let told = move || done.send(()).expect("somebody waits");
                journal.commit(write, told).expect("room in the queue");
                committed.recv().expect("a commit");
            });
        });
    }
    group.finish();
}

criterion_group!(stages, cut, parse, redact, store);
criterion_main!(stages);
