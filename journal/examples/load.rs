//! Measures the journal as the host uses it: one batch a session in flight, the next handed in when that is committed.
//!
//! `cargo run --release -p holdfast-journal --example load [SECONDS]`. It is not a test: it judges nothing.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use journal::{Batch, Journal, Options, Statistics, Write};

/// Most bytes that a session gathers while its batch is in flight.
const BATCH_BYTES: usize = 256 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    println!("unlimited: as many events as it takes, batches of up to {BATCH_BYTES} bytes");
    println!(
        "{:>8} {:>8} {:>10} {:>11} {:>8} {:>9} {:>9} {:>7}",
        "sessions", "bytes", "commits/s", "events/s", "MB/s", "mean ms", "p99 ms", "disk"
    );
    for sessions in [1, 8] {
        for bytes in [64, 16 * 1024] {
            unlimited(sessions, bytes, BATCH_BYTES, time)?;
        }
    }
    println!("lone events: every batch holds one");
    for sessions in [1, 8] {
        unlimited(sessions, 256, 0, time)?;
    }
    println!("fixed rate: latency from the event to its call");
    println!(
        "{:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "sessions", "bytes", "events/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "disk"
    );
    for (sessions, rate) in [(1, 1000), (8, 1000), (1, 10_000), (8, 10_000)] {
        paced(sessions, rate, time)?;
    }
    Ok(())
}

/// Journals of one measurement lie on the disk that the target folder is on, not in a memory file system.
fn fresh() -> Result<(tempfile::TempDir, Journal), Box<dyn Error>> {
    let base = env::var_os("JOURNAL_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(base)?;
    let (journal, _) = Journal::open(Options::new(dir.path().join("state")))?;
    Ok((dir, journal))
}

fn line(bytes: usize) -> Vec<u8> {
    let mut line = vec![b'x'; bytes - 1];
    line.push(b'\n');
    line
}

fn unlimited(
    sessions: usize,
    bytes: usize,
    batch_bytes: usize,
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    let (_dir, journal) = fresh()?;
    let count = (batch_bytes / bytes).max(1);
    let lines = Bytes::from(line(bytes).repeat(count));
    let (committed, commits) = mpsc::channel();
    let mut heads = vec![0; sessions];
    let mut hand_in = |session: usize| {
        let first = heads[session] + 1;
        heads[session] += count as u64;
        let write = Write {
            batch: Some(Batch {
                first,
                last: heads[session],
                lines: lines.clone(),
            }),
            ..Write::new(format!("session-{session}"))
        };
        let committed = committed.clone();
        journal.commit(write, move || {
            // The receiver is gone only when the measurement is over.
            let _ = committed.send(session);
        })
    };
    let begun = Instant::now();
    for session in 0..sessions {
        hand_in(session)?;
    }
    let mut batches = 0;
    while begun.elapsed() < time {
        let session = commits.recv()?;
        batches += 1;
        hand_in(session)?;
    }
    for _ in 0..sessions {
        commits.recv()?;
        batches += 1;
    }
    let took = begun.elapsed().as_secs_f64();
    let events = (batches * count) as f64;
    let statistics = journal.statistics();
    println!(
        "{sessions:>8} {bytes:>8} {:>10.0} {:>11.0} {:>8.0} {:>9.3} {:>9.3} {:>7.2}  upkeep max {:.1} ms",
        statistics.commits as f64 / took,
        events / took,
        events * bytes as f64 / took / 1e6,
        statistics.commit_mean.as_secs_f64() * 1e3,
        statistics.commit_p99.as_secs_f64() * 1e3,
        disk(&statistics),
        statistics.upkeep_max.as_secs_f64() * 1e3,
    );
    journal.close()?;
    Ok(())
}

/// Events come at a fixed rate, in turn to each session; what comes while a batch is in flight waits for the next one.
fn paced(sessions: usize, rate: u32, time: Duration) -> Result<(), Box<dyn Error>> {
    const BYTES: usize = 267;
    let (_dir, journal) = fresh()?;
    let line = line(BYTES);
    let (committed, commits) = mpsc::channel::<(usize, Instant)>();
    let mut heads = vec![0; sessions];
    let mut waiting: Vec<Vec<Instant>> = vec![Vec::new(); sessions];
    let mut flying: Vec<Vec<Instant>> = vec![Vec::new(); sessions];
    let mut latencies = Vec::new();
    let begun = Instant::now();
    let total = (time.as_secs_f64() * f64::from(rate)) as u32;
    let mut sent = 0;
    while sent < total || flying.iter().any(|flying| !flying.is_empty()) {
        let due = begun + Duration::from_secs(1) * sent / rate;
        let wait = if sent < total {
            due.saturating_duration_since(Instant::now())
        } else {
            Duration::from_secs(5)
        };
        let touched = match commits.recv_timeout(wait) {
            Ok((session, at)) => {
                latencies.extend(flying[session].drain(..).map(|since| at - since));
                session
            }
            Err(_) => {
                let session = sent as usize % sessions;
                waiting[session].push(due);
                sent += 1;
                session
            }
        };
        if flying[touched].is_empty() && !waiting[touched].is_empty() {
            flying[touched] = std::mem::take(&mut waiting[touched]);
            let first = heads[touched] + 1;
            heads[touched] += flying[touched].len() as u64;
            let write = Write {
                batch: Some(Batch {
                    first,
                    last: heads[touched],
                    lines: Bytes::from(line.repeat(flying[touched].len())),
                }),
                ..Write::new(format!("session-{touched}"))
            };
            let committed = committed.clone();
            journal.commit(write, move || {
                // The receiver is gone only when the measurement is over.
                let _ = committed.send((touched, Instant::now()));
            })?;
        }
    }
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = ((latencies.len() - 1) as f64 * share) as usize;
        latencies[place].as_secs_f64() * 1e3
    };
    println!(
        "{sessions:>8} {BYTES:>8} {:>9.0} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>7.2}",
        latencies.len() as f64 / begun.elapsed().as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        disk(&journal.statistics()),
    );
    journal.close()?;
    Ok(())
}

/// Bytes on disk, log included, for each byte of events.
fn disk(statistics: &Statistics) -> f64 {
    (statistics.file_bytes + statistics.wal_bytes) as f64 / statistics.event_bytes as f64
}
