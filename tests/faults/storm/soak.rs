//! The soak: sessions stream for long while Codexes die now and then, and the host shows what it takes at the start, in the
//! middle and at the end.
//!
//! Not the storm: the load is steady, the host lives, and what counts is what grows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Storm;
use crate::figures::Findings;
use crate::plan::Plan;
use crate::support::http::exchange;

/// A Codex dies this often, in a short run more often.
const BETWEEN_DEATHS: u64 = 10;
/// Deaths in each half of the shortest run.
const FEWEST_DEATHS: u64 = 6;
/// Descriptors by which the end may exceed the start: connections that come and go at that moment, and Codexes that do.
const SPARE_DESCRIPTORS: u64 = 24;

/// What the host took at one moment.
struct Sample {
    when: &'static str,
    seconds: f64,
    metrics: BTreeMap<String, f64>,
    lost: u64,
    twice: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_works_for_long_loses_nothing_and_keeps_no_descriptor() {
    let plan = Plan::read();
    let mut storm = Storm::rise(plan).await;
    // Everybody is there and streams.
    storm.pass(plan.sessions * plan.rate).await;
    let mut samples = vec![sample(&storm, "start").await];
    let half = Duration::from_secs(plan.soak) / 2;
    let deaths = (plan.soak / 2 / BETWEEN_DEATHS).max(FEWEST_DEATHS);
    let deaths = u32::try_from(deaths).unwrap();
    for when in ["middle", "end"] {
        for _ in 0..deaths {
            let death = Instant::now() + half / deaths;
            while Instant::now() < death {
                storm.pass(1).await;
            }
            storm.kill_codex().await;
        }
        samples.push(sample(&storm, when).await);
    }
    let (figures, shared) = storm.calm().await;
    let end = samples.last_mut().expect("there are three");
    (end.lost, end.twice) = wrong(&shared.findings);
    print(&samples);
    figures.print("the soak");
    for text in shared.findings.texts() {
        println!("  {text}");
    }
    assert_eq!(shared.findings.counts(), BTreeMap::new());
    let descriptors = |sample: &Sample| sample.get("holdfast_process_open_fds");
    let (start, end) = (descriptors(&samples[0]), descriptors(&samples[2]));
    assert!(
        end <= start + SPARE_DESCRIPTORS,
        "{start} descriptors became {end}"
    );
}

impl Sample {
    /// A metric as a whole number.
    fn get(&self, name: &str) -> u64 {
        *self
            .metrics
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name}")) as u64
    }
}

async fn sample(storm: &Storm, when: &'static str) -> Sample {
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        storm.host.addr(),
        storm.host.token()
    );
    let text = exchange(storm.host.addr(), &request).await.body;
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let samples = samples.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    let (lost, twice) = wrong(&storm.shared.findings);
    Sample {
        when,
        seconds: storm.began.elapsed().as_secs_f64(),
        metrics: samples.collect(),
        lost,
        twice,
    }
}

/// Events and prompts that were lost, and those that came twice.
fn wrong(findings: &Findings) -> (u64, u64) {
    let sum = |kinds: [&str; 2]| kinds.map(|kind| findings.count(kind)).iter().sum();
    (sum(["lost", "gaps"]), sum(["twice", "doubles"]))
}

fn print(samples: &[Sample]) {
    println!(
        "\n{:<8}{:>9}{:>10}{:>11}{:>8}{:>13}{:>12}{:>7}{:>7}",
        "", "seconds", "host MiB", "codex MiB", "fds", "journal MiB", "events", "lost", "twice"
    );
    for sample in samples {
        let mebibytes = |name: &str| sample.get(name) as f64 / f64::from(1 << 20);
        let files = ["database", "wal"]
            .map(|file| mebibytes(&format!("holdfast_journal_size_bytes{{file=\"{file}\"}}")));
        println!(
            "{:<8}{:>9.0}{:>10.1}{:>11.1}{:>8}{:>13.1}{:>12}{:>7}{:>7}",
            sample.when,
            sample.seconds,
            mebibytes("holdfast_process_resident_memory_bytes"),
            mebibytes("holdfast_codex_memory_bytes"),
            sample.get("holdfast_process_open_fds"),
            files.iter().sum::<f64>(),
            sample.get("holdfast_events_total"),
            sample.lost,
            sample.twice,
        );
    }
}
