//! Rows 9 and 10: thousands of connections that say nothing or say it slowly, beside a tab that was let in.
//!
//! What such a connection is told is tested in `web`; here is what the tab feels, and what the host pays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::figures::Figures;
use super::plan::Plan;
use super::support::{GUARD, Setup, TestHost};
use super::wire::{Door, Wire};

/// Connections that say nothing.
const IDLE: usize = 2_000;
/// Connections that give a byte of a head now and then, and come again when they are closed.
const SLOW: usize = 48;
/// Between two bytes of a slow one.
const DRIP: Duration = Duration::from_millis(100);
/// What a ping may take at the 99th percentile, on a machine with nothing else to do.
const PING: Duration = Duration::from_millis(50);
/// How much worse than without the flood it may be on any machine.
const WORSE: u32 = 6;
/// Measurements beside the flood, of which one has to be good: other work comes and goes, a flood that is felt stays.
const TRIES: usize = 3;
/// What the host's memory may grow by.
const GROWTH_KIB: u64 = 32 * 1024;

/// How long one way to the host and back took, many times: on the socket alone, and to an actor.
#[derive(Default)]
struct Times {
    pings: Vec<Duration>,
    calls: Vec<Duration>,
}

impl Times {
    async fn measure(wire: &mut Wire, count: usize) -> Self {
        let mut times = Self::default();
        for _ in 0..count {
            let start = Instant::now();
            wire.ping().await.unwrap();
            times.pings.push(start.elapsed());
            let start = Instant::now();
            let answer = wire.call("host/sessions/list", &json!({"limit": 1})).await;
            answer.unwrap().unwrap();
            times.calls.push(start.elapsed());
        }
        times.pings.sort();
        times.calls.sort();
        times
    }

    fn p99(times: &[Duration]) -> Duration {
        times[times.len() * 99 / 100]
    }

    fn show(&mut self, when: &str, figures: &mut Figures) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        figures.number(&format!("ping {when}, p99 ms"), ms(Self::p99(&self.pings)));
        figures.times(&format!("ping {when}"), &mut self.pings);
        figures.number(&format!("call {when}, p99 ms"), ms(Self::p99(&self.calls)));
        figures.times(&format!("call {when}"), &mut self.calls);
    }
}

/// Memory of the host that is in use, in KiB.
fn resident(host: &TestHost) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1))
        .and_then(|number| number.parse().ok())
        .unwrap()
}

/// Opens a connection that says nothing, and again whenever the host closes it.
async fn idle(addr: SocketAddr, opened: Arc<AtomicU64>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(addr).await {
            opened.fetch_add(1, Ordering::Relaxed);
            let _end = stream.read(&mut [0; 16]).await;
        }
        // All two thousand at once, again and again, would measure this process and not the host.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The same, one byte of a head after the other.
async fn drip(addr: SocketAddr, opened: Arc<AtomicU64>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(addr).await {
            opened.fetch_add(1, Ordering::Relaxed);
            for byte in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
                .iter()
                .cycle()
            {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(DRIP).await;
            }
        }
        tokio::time::sleep(DRIP).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_silent_and_slow_connections_is_hardly_felt_by_a_tab() {
    let long = Plan::read().long;
    let count = if long { 2_000 } else { 300 };
    let mut host = Setup::simulated()
        .set("log", "level = \"info\"")
        .start()
        .await;
    let door = Door {
        addr: host.addr(),
        token: host.token().to_owned(),
    };
    let mut wire = Wire::open(&door, true).await.unwrap();
    Times::measure(&mut wire, count / 10).await;
    let before = resident(&host);
    let mut quiet = Times::measure(&mut wire, count).await;

    let opened = Arc::new(AtomicU64::new(0));
    let mut flood = JoinSet::new();
    for _ in 0..IDLE {
        flood.spawn(idle(door.addr, Arc::clone(&opened)));
    }
    for _ in 0..SLOW {
        flood.spawn(drip(door.addr, Arc::clone(&opened)));
    }
    let all_there = async {
        while opened.load(Ordering::Relaxed) < (IDLE + SLOW) as u64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(GUARD, all_there)
        .await
        .expect("the host accepts");
    let calm = Times::p99(&quiet.pings);
    let bound = PING.max(calm * WORSE);
    let mut flooded = Times::measure(&mut wire, count).await;
    for _ in 1..TRIES {
        if Times::p99(&flooded.pings) < bound {
            break;
        }
        flooded = Times::measure(&mut wire, count).await;
    }
    let most = resident(&host);
    let began = Instant::now();
    let newcomer = Wire::open(&door, true).await;
    let entered = began.elapsed();
    assert!(newcomer.is_ok(), "a new tab gets in beside the flood");
    flood.shutdown().await;

    let hard = Times::p99(&flooded.pings);
    let mut figures = Figures::default();
    figures.count("connections opened", opened.load(Ordering::Relaxed));
    quiet.show("before", &mut figures);
    flooded.show("beside the flood", &mut figures);
    figures.number("a new tab, ms", entered.as_secs_f64() * 1e3);
    figures.number("memory before, MiB", before as f64 / 1024.0);
    figures.number("growth, MiB", most.saturating_sub(before) as f64 / 1024.0);
    figures.print("a flood beside a tab");
    assert!(hard < bound, "{hard:?} beside the flood, {calm:?} before");
    assert!(
        most.saturating_sub(before) < GROWTH_KIB,
        "{} KiB more",
        most - before
    );
    drop((wire, newcomer));
    assert!(host.stop().await.success());
}
