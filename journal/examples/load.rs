//! Measures the journal as the host uses it: one batch a session in flight, the next handed in when that is committed.
//!
//! `cargo run --release -p holdfast-journal --example load [SECONDS [PART..]]`, a part being `unlimited`, `lone`,
//! `retention`, `items` or `rates`; all of them without one. It is not a test: it judges nothing. The journals lie in the
//! temporary folder, or in `$JOURNAL_BENCH_DIR`: what is measured is that disk, so it should not be in memory.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use journal::{Batch, Item, Journal, Options, Write};

/// Most bytes that a session gathers while its batch is in flight.
const BATCH_BYTES: usize = 256 * 1024;

/// Event bytes that are kept of a session where retention is measured.
const KEEP: u64 = 64 * 1024 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    let parts: Vec<String> = arguments.collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("unlimited") {
        stream_header(&format!(
            "as many events as it takes, batches of about {BATCH_BYTES} bytes"
        ));
        for (words, sessions) in [(true, 1), (true, 8), (false, 1), (false, 8)] {
            for bytes in [64, 16 * 1024] {
                unlimited(sessions, bytes, words, BATCH_BYTES, None, time)?;
            }
        }
    }
    if wanted("lone") {
        stream_header("lone events: every batch holds one");
        for sessions in [1, 8, 100] {
            unlimited(sessions, 64, true, 0, None, time)?;
        }
    }
    if wanted("retention") {
        stream_header(&format!(
            "retention: only {KEEP} bytes of a session are kept"
        ));
        for bytes in [64, 16 * 1024] {
            unlimited(1, bytes, true, BATCH_BYTES, Some(KEEP), time)?;
        }
    }
    if wanted("items") {
        println!("items: every write holds one event and one finished item of that text");
        println!(" text B commits/s  mean ms   p99 ms   max ms upkeep ms   file B/text B");
        for bytes in [256, 4096, 64 * 1024] {
            with_items(bytes, time)?;
        }
    }
    if wanted("rates") {
        println!("fixed rates: latency from the event to its call");
        println!(
            "sessions  text B  events/s   p50 ms   p99 ms  p99.9 ms   max ms   file log MB CPU us/event"
        );
        for (sessions, rate) in [(1, 1000), (8, 1000), (1, 10_000), (8, 10_000)] {
            paced(sessions, rate, time)?;
        }
    }
    Ok(())
}

fn stream_header(what: &str) {
    println!("{what}");
    println!(
        "sessions  text B   text commits/s   events/s    MB/s CPU s/GB  mean ms   p99 ms upkeep ms   file log MB"
    );
}

/// A journal of its own for one measurement.
fn fresh(session_bytes: Option<u64>) -> Result<(tempfile::TempDir, Journal), Box<dyn Error>> {
    let base = env::var_os("JOURNAL_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(base)?;
    let mut options = Options::new(dir.path().join("state"));
    options.retention.session_bytes = session_bytes;
    options.retention.total_bytes = None;
    let (journal, _) = Journal::open(options)?;
    Ok((dir, journal))
}

/// Lines as a session has them, `bytes` of changing text in each; about `total` bytes of lines, and how many they are.
/// `words`: text like that of tools, else text in which nothing repeats.
fn lines(bytes: usize, total: usize, words: bool) -> (Bytes, u64) {
    const WORDS: [&str; 16] = [
        "the",
        "test",
        "error",
        "src/main.rs",
        "fn",
        "return",
        "cargo",
        "warning:",
        "value",
        "=>",
        "let",
        "0x1f",
        "ok",
        "passed;",
        "in",
        "module",
    ];
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state: u64 = 1;
    let mut random = move |below: usize| {
        // A linear congruence is random enough for text that is not to repeat, and the same in every run.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let mut lines = String::new();
    let mut count = 0;
    while count == 0 || lines.len() < total {
        count += 1;
        let mut text = String::new();
        while text.len() < bytes {
            if words {
                text.push_str(WORDS[random(WORDS.len())]);
                text.push(' ');
            } else {
                text.push(char::from(LETTERS[random(LETTERS.len())]));
            }
        }
        text.truncate(bytes);
        lines.push_str(&format!(
            "{{\"seq\":{count},\"generation\":1,\"method\":\"item/agentMessage/delta\",\"params\":{{\"threadId\":\"\
             0199a213-81c0-7800-8aa1-bbab2a035a53\",\"turnId\":\"0199a213-9f1b-7d03-a8d5-0e9c6f9a2a11\",\"itemId\":\"\
             msg_0b1c2d3e4f5061728394a5b6\",\"delta\":\"{text}\"}}}}\n"
        ));
    }
    (Bytes::from(lines), count)
}

fn unlimited(
    sessions: usize,
    bytes: usize,
    words: bool,
    batch_bytes: usize,
    keep: Option<u64>,
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    let (_dir, journal) = fresh(keep)?;
    let (lines, count) = lines(bytes, batch_bytes, words);
    let (committed, commits) = mpsc::channel();
    let mut heads = vec![0; sessions];
    let mut hand_in = |session: usize| {
        let first = heads[session] + 1;
        heads[session] += count;
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
    let (begun, busy) = (Instant::now(), cpu_seconds());
    for session in 0..sessions {
        hand_in(session)?;
    }
    let mut batches: u64 = 0;
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
    let megabytes = batches as f64 * lines.len() as f64 / 1e6;
    let busy = cpu_seconds() - busy;
    let statistics = journal.statistics();
    println!(
        "{sessions:>8} {bytes:>7} {:>6} {:>9.0} {:>10.0} {:>7.0} {:>8.2} {:>8.3} {:>8.3} {:>9.1} {:>6.2} {:>6.1}",
        if words { "words" } else { "random" },
        statistics.commits as f64 / took,
        (batches * count) as f64 / took,
        megabytes / took,
        busy / megabytes * 1e3,
        statistics.commit_mean.as_secs_f64() * 1e3,
        statistics.commit_p99.as_secs_f64() * 1e3,
        statistics.upkeep_max.as_secs_f64() * 1e3,
        statistics.file_bytes as f64 / statistics.event_bytes as f64,
        statistics.wal_bytes as f64 / 1e6,
    );
    journal.close()?;
    Ok(())
}

/// One session that completes item after item, each with words that are indexed for the search.
fn with_items(bytes: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let (journal_dir, journal) = fresh(None)?;
    let (text, _) = lines(bytes, 0, true);
    let words = std::str::from_utf8(&text)?;
    let (line, _) = lines(64, 0, true);
    let (committed, commits) = mpsc::channel();
    let begun = Instant::now();
    let mut seq = 0;
    while begun.elapsed() < time {
        seq += 1;
        let write = Write {
            batch: Some(Batch {
                first: seq,
                last: seq,
                lines: line.clone(),
            }),
            items: vec![Item {
                turn: "turn".to_owned(),
                id: seq.to_string(),
                seq,
                json: text.clone(),
                text: format!("{seq} {words}"),
                ..Item::default()
            }],
            ..Write::new("session")
        };
        let committed = committed.clone();
        journal.commit(write, move || {
            // The receiver is gone only when the measurement is over.
            let _ = committed.send(());
        })?;
        commits.recv()?;
    }
    let took = begun.elapsed().as_secs_f64();
    let statistics = journal.statistics();
    journal.close()?;
    let file = std::fs::metadata(journal_dir.path().join("state/journal.db"))?.len();
    println!(
        "{bytes:>7} {:>9.0} {:>8.3} {:>8.3} {:>8.3} {:>9.1} {:>15.2}",
        seq as f64 / took,
        statistics.commit_mean.as_secs_f64() * 1e3,
        statistics.commit_p99.as_secs_f64() * 1e3,
        statistics.commit_max.as_secs_f64() * 1e3,
        statistics.upkeep_max.as_secs_f64() * 1e3,
        file as f64 / (seq * bytes as u64) as f64,
    );
    Ok(())
}

/// Processor time of this process so far, 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = |place: usize| -> f64 {
        let field = after_name.split(' ').nth(place);
        field.and_then(|text| text.parse().ok()).unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / TICKS
}

/// Events come at a fixed rate, in turn to each session; what comes while a batch is in flight waits for the next one.
fn paced(sessions: usize, rate: u32, time: Duration) -> Result<(), Box<dyn Error>> {
    const BYTES: usize = 64;
    let (journal_dir, journal) = fresh(None)?;
    let (line, _) = lines(BYTES, 0, true);
    let (committed, commits) = mpsc::channel::<(usize, Instant)>();
    let mut heads = vec![0; sessions];
    let mut waiting: Vec<Vec<Instant>> = vec![Vec::new(); sessions];
    let mut flying: Vec<Vec<Instant>> = vec![Vec::new(); sessions];
    let mut latencies = Vec::new();
    let (begun, busy) = (Instant::now(), cpu_seconds());
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
    let took = begun.elapsed().as_secs_f64();
    let busy = cpu_seconds() - busy;
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = ((latencies.len() - 1) as f64 * share) as usize;
        latencies[place].as_secs_f64() * 1e3
    };
    // The log's pages are counted to the file once they are moved there.
    let file = journal_dir.path().join("state/journal.db");
    let log = journal.statistics().wal_bytes;
    let events = journal.statistics().event_bytes;
    journal.close()?;
    println!(
        "{sessions:>8} {BYTES:>7} {:>9.0} {:>8.3} {:>8.3} {:>9.3} {:>8.3} {:>6.2} {:>6.1} {:>12.1}",
        latencies.len() as f64 / took,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        std::fs::metadata(file)?.len() as f64 / events as f64,
        log as f64 / 1e6,
        busy / latencies.len() as f64 * 1e6,
    );
    Ok(())
}
