//! How cost grows: two points of one run for each statement, as a ratio with its bound. And the moments that a person
//! waits for: coming late, coming back, many coming at once.
//!
//! It prints whether each bound holds. That is a figure, not a test: other work on the machine moves it.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{
    Agent, Load,
    client::Tab,
    host::{self, Running},
    report::Row,
    usage::Usage,
};

/// Tabs that come at once.
const CROWD: usize = 1000;
/// So many of them attach at once, as the other hosts were measured.
const AT_ONCE: usize = 8;
/// Events of the turn that somebody joins late.
const LATE: u64 = 100_000;

/// One statement.
struct Line {
    what: &'static str,
    one: f64,
    other: f64,
    /// Which of `other / one` or `other` is bounded, and how.
    bound: Bound,
}

enum Bound {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
}

/// Measures everything and prints it.
pub(super) async fn run(time: Duration) -> anyhow::Result<()> {
    let base = Load {
        sessions: 1,
        tabs: 10,
        rate: 0,
        size: 64,
        time,
        idle: 0,
        stalled: 0,
        reconnecting: 0,
        secrets: false,
    };
    let mut lines = Vec::new();
    loads(base, &mut lines).await?;
    moments(base, &mut lines).await?;
    for line in lines {
        line.print();
    }
    Ok(())
}

async fn loads(base: Load, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let run = async |load| host::measure(load, &Agent::default()).await;
    let ten = run(base).await?;
    let many = run(Load { tabs: 500, ..base }).await?;
    lines.push(Line {
        what: "CPU of a delivery, us: 10 tabs, 500 tabs",
        one: ten.per_delivery,
        other: many.per_delivery,
        bound: Bound::RatioAtMost(2.0),
    });

    let paced = Load { rate: 1000, ..base };
    let alone = run(paced).await?;
    let among = run(Load { idle: 990, ..paced }).await?;
    let delay = |row: &Row, at: usize| row.delays[at].unwrap_or_default();
    lines.push(Line {
        what: "delay p50, ms: 10 tabs, and 990 idle ones",
        one: delay(&alone, 0),
        other: delay(&among, 0),
        bound: Bound::RatioAtMost(1.1),
    });
    lines.push(Line {
        what: "delay p99, ms: 10 tabs, and 990 idle ones",
        one: delay(&alone, 1),
        other: delay(&among, 1),
        bound: Bound::RatioAtMost(1.1),
    });
    lines.push(Line {
        what: "CPU of a delivery, us: 10 tabs, and 990 idle ones",
        one: alone.per_delivery,
        other: among.per_delivery,
        bound: Bound::RatioAtMost(1.1),
    });
    lines.push(Line {
        what: "events that idle tabs were sent",
        one: 0.0,
        other: among.foreign as f64,
        bound: Bound::AtMost(0.0),
    });

    let one = run(Load { tabs: 100, ..base }).await?;
    let spread = Load {
        sessions: 10,
        ..base
    };
    let spread = run(spread).await?;
    lines.push(Line {
        what: "deliveries/s: 1 session x 100 tabs, 10 x 10",
        one: one.rate,
        other: spread.rate,
        bound: Bound::RatioAtLeast(0.9),
    });
    lines.push(Line {
        what: "deliveries/s: 1 session x 10 tabs, 10 x 10",
        one: ten.rate,
        other: spread.rate,
        bound: Bound::RatioAtLeast(0.9),
    });
    let off = Agent {
        without_journal: true,
        ..Agent::default()
    };
    let without = host::measure(Load { tabs: 100, ..base }, &off).await?;
    lines.push(Line {
        what: "deliveries/s at 100 tabs: journal off, on",
        one: without.rate,
        other: one.rate,
        bound: Bound::RatioAtLeast(0.9),
    });
    lines.push(Line {
        what: "bytes on disk of an event byte",
        one: one.event_bytes,
        other: one.journal_bytes as f64 / one.event_bytes,
        bound: Bound::AtMost(1.5),
    });

    let slow = Load {
        rate: 1000,
        tabs: 100,
        ..base
    };
    let slow = run(slow).await?;
    lines.push(Line {
        what: "writes of a delivery at 100 tabs: 1,000/s, unlimited",
        one: slow.writes_per_delivery(),
        other: one.writes_per_delivery(),
        bound: Bound::RatioAtMost(1.0),
    });
    let long = Load {
        time: base.time * 4,
        ..base
    };
    let long = run(long).await?;
    lines.push(Line {
        what: "MiB after a stream at 10 tabs, and after one four times as long",
        one: mib(ten.resident),
        other: mib(long.resident),
        bound: Bound::RatioAtMost(1.05),
    });
    Ok(())
}

async fn moments(base: Load, lines: &mut Vec<Line>) -> anyhow::Result<()> {
    let room = Load {
        idle: CROWD,
        ..base
    };
    let mut host = Running::start(room, &Agent::default()).await?;
    let thread = host.begin_session().await?;
    let before = Usage::of(host.pid()).resident;
    let begun = Instant::now();
    let some = async || {
        let mut tabs = Vec::new();
        for _ in 0..CROWD / AT_ONCE {
            tabs.push(host.attached(&thread).await?);
        }
        anyhow::Ok(tabs)
    };
    let crowd = futures_util::future::try_join_all((0..AT_ONCE).map(|_| some())).await?;
    lines.push(Line {
        what: "s until 1,000 tabs are attached, eight at once",
        one: 0.0,
        other: begun.elapsed().as_secs_f64(),
        bound: Bound::AtMost(1.0),
    });
    let grown = Usage::of(host.pid()).resident.saturating_sub(before);
    lines.push(Line {
        what: "KiB of an attached idle tab",
        one: 0.0,
        other: grown as f64 / 1024.0 / CROWD as f64,
        bound: Bound::AtMost(24.0),
    });
    drop(crowd);

    let mut first = host.attached(&thread).await?;
    let unlimited = Load { rate: 0, ..base };
    host.prompt(&thread, 0, unlimited).await?;
    while first.seen.head < LATE {
        first.read_some().await?;
    }
    let begun = Instant::now();
    let mut late = Tab::open(host.door()).await?;
    late.attach(&thread, None).await?;
    let joined = late.seen.head;
    while late.seen.head <= joined {
        late.read_some().await?;
    }
    lines.push(Line {
        what: "ms until one who comes late, after 100,000 events, is live",
        one: 0.0,
        other: begun.elapsed().as_secs_f64() * 1e3,
        bound: Bound::AtMost(1000.0),
    });
    drop((first, late));
    let head = host.interrupted(&thread).await?;

    // All of the history from the journal, a tenth of it, and a tenth from the middle.
    let times = [(0, head / 10), (head / 2, head / 2 + head / 10), (0, head)];
    let mut took = Vec::new();
    for (after, until) in times {
        let mut tab = Tab::open(host.door()).await?;
        let begun = Instant::now();
        tab.attach(&thread, Some((after, host.journal()))).await?;
        while tab.seen.head < until {
            tab.read_some().await?;
        }
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let [begin, middle, all] = took.try_into().ok().context("three times")?;
    lines.push(Line {
        what: "ms for a tenth of a history: from its begin, from its middle",
        one: begin,
        other: middle,
        bound: Bound::RatioAtMost(1.5),
    });
    lines.push(Line {
        what: "ms of a history: a tenth, all (ten times that is linear)",
        one: begin * 10.0,
        other: all,
        bound: Bound::RatioAtMost(1.5),
    });
    host.stop().await
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl Line {
    fn print(&self) {
        let (figure, bound, holds) = match self.bound {
            Bound::RatioAtMost(most) => {
                let ratio = self.other / self.one;
                (ratio, format!("ratio <= {most}"), ratio <= most)
            }
            Bound::RatioAtLeast(least) => {
                let ratio = self.other / self.one;
                (ratio, format!("ratio >= {least}"), ratio >= least)
            }
            Bound::AtMost(most) => (self.other, format!("<= {most}"), self.other <= most),
        };
        let verdict = if holds { "holds" } else { "does not hold" };
        println!(
            "{:<66} {:>12.3} {:>12.3}  {figure:>8.3}  {bound:<13} {verdict}",
            self.what, self.one, self.other
        );
    }
}
