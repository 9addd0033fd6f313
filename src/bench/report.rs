//! The table, and its lines of JSON. Figures are rounded here and nowhere else.

use std::time::Duration;

use serde_json::json;

use super::{Load, client::Seen};

/// Who streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Limit,
    Host,
    /// Codex's own WebSocket server.
    Codex,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub target: Target,
    load: Load,
    /// Deliveries a second, over all tabs.
    pub rate: f64,
    megabytes: f64,
    /// Of the limit in the same run.
    pub share: Option<f64>,
    /// Delay from emission, ms.
    pub delays: [Option<f64>; 3],
    /// CPU of the target, microseconds.
    pub per_event: f64,
    pub per_delivery: f64,
    /// CPU of Codex, microseconds.
    codex_per_event: Option<f64>,
    /// Resident bytes of the target: without a session, before the stream, after a tenth of it, after it.
    pub empty: u64,
    pub ready: u64,
    pub early: u64,
    pub resident: u64,
    /// Bytes of all events, once; and what the journal holds for them.
    pub event_bytes: f64,
    pub journal_bytes: u64,
    /// Calls of the kernel in which the target wrote.
    pub writes: u64,
    /// Events that tabs got which are attached to nothing.
    pub foreign: u64,
    deliveries: u64,
    lost: u64,
    twice: u64,
    leaked: u64,
}

impl Row {
    pub(crate) fn new(target: Target, load: Load, seen: &Seen) -> Self {
        let streamed = match (seen.first, seen.ended) {
            (Some(first), Some(ended)) => ended.saturating_duration_since(first).as_secs_f64(),
            _ => load.time.as_secs_f64(),
        };
        Self {
            target,
            load,
            rate: seen.events as f64 / streamed,
            megabytes: seen.bytes as f64 / streamed / 1e6,
            share: None,
            delays: [0.5, 0.99, 0.999].map(|share| seen.delays.quantile(share)),
            per_event: 0.0,
            per_delivery: 0.0,
            codex_per_event: None,
            empty: 0,
            ready: 0,
            early: 0,
            resident: 0,
            event_bytes: seen.bytes as f64 / load.tabs.max(1) as f64,
            journal_bytes: 0,
            writes: 0,
            foreign: 0,
            deliveries: seen.events,
            lost: seen.lost,
            twice: seen.twice,
            leaked: seen.leaked,
        }
    }

    /// What the target used for so many events and deliveries.
    pub(crate) fn cost(&mut self, cpu: Duration, events: u64, deliveries: u64) {
        let micros = cpu.as_secs_f64() * 1e6;
        self.per_event = micros / events.max(1) as f64;
        self.per_delivery = micros / deliveries.max(1) as f64;
    }

    /// What Codex used for so many events.
    pub(crate) fn codex_cost(&mut self, cpu: Duration, events: u64) {
        self.codex_per_event = Some(cpu.as_secs_f64() * 1e6 / events.max(1) as f64);
    }

    /// Tabs that are not part of the measure must not lose anything either.
    pub(crate) fn count_faults(&mut self, seen: &Seen) {
        self.lost += seen.lost;
        self.twice += seen.twice;
        self.leaked += seen.leaked;
    }

    /// Fewer than 1: many deliveries share a write.
    pub(crate) fn writes_per_delivery(&self) -> f64 {
        self.writes as f64 / self.deliveries.max(1) as f64
    }

    /// Nothing was lost, doubled or leaked.
    pub(crate) fn is_clean(&self) -> bool {
        self.deliveries > 0 && (self.lost, self.twice, self.leaked) == (0, 0, 0)
    }

    fn name(&self) -> &'static str {
        match self.target {
            Target::Limit => "limit",
            Target::Host => "holdfast",
            Target::Codex => "codex ws",
        }
    }

    pub(crate) fn print_progress(&self) {
        eprintln!(
            "{:>8}  {} x {} tabs, {}: {:.0} deliveries/s",
            self.name(),
            self.load.sessions,
            self.load.tabs,
            pace(self.load.rate),
            self.rate
        );
    }

    fn cells(&self) -> Vec<String> {
        let optional = |value: Option<f64>, unit: f64, digits: usize| {
            value.map_or("-".to_owned(), |value| format!("{:.digits$}", value * unit))
        };
        let mib = |bytes: u64| match bytes {
            0 => "-".to_owned(),
            bytes => format!("{:.0}", bytes as f64 / f64::from(1 << 20)),
        };
        vec![
            self.name().to_owned(),
            format!("{} x {}", self.load.sessions, self.load.tabs),
            pace(self.load.rate),
            self.load.size.to_string(),
            format!("{:.0}", self.rate),
            format!("{:.0}", self.megabytes),
            optional(self.share, 100.0, 0),
            optional(self.delays[0], 1.0, 2),
            optional(self.delays[1], 1.0, 1),
            optional(self.delays[2], 1.0, 1),
            format!("{:.2}", self.per_event),
            format!("{:.2}", self.per_delivery),
            optional(self.codex_per_event, 1.0, 2),
            mib(self.empty),
            mib(self.ready),
            mib(self.early),
            mib(self.resident),
            self.lost.to_string(),
            self.twice.to_string(),
            self.leaked.to_string(),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let Load {
            sessions,
            tabs,
            rate,
            size,
            idle,
            stalled,
            reconnecting,
            secrets,
            ..
        } = self.load;
        json!({
            "target": self.name(), "sessions": sessions, "tabs": tabs, "rate": rate, "size": size, "idle": idle,
            "stalled": stalled, "reconnecting": reconnecting, "secrets": secrets,
            "deliveriesPerSecond": self.rate, "megabytesPerSecond": self.megabytes, "shareOfLimit": self.share,
            "delayMs": {"p50": self.delays[0], "p99": self.delays[1], "p999": self.delays[2]},
            "cpuMicrosPerEvent": self.per_event, "cpuMicrosPerDelivery": self.per_delivery,
            "codexCpuMicrosPerEvent": self.codex_per_event,
            "residentBytes": {"empty": self.empty, "ready": self.ready, "early": self.early, "streamed": self.resident},
            "writesPerDelivery": self.writes_per_delivery(), "deliveries": self.deliveries, "lost": self.lost, "twice": self.twice, "leaked": self.leaked,
        })
    }
}

fn pace(rate: u64) -> String {
    match rate {
        0 => "unlimited".to_owned(),
        rate => format!("{rate}/s"),
    }
}

/// Of several runs of one load the one in the middle, by share of the limit, or by rate without one.
pub(crate) fn median(mut runs: Vec<(Option<Row>, Row)>) -> (Option<Row>, Row) {
    runs.sort_by(|(_, one), (_, other)| {
        let key = |row: &Row| row.share.unwrap_or(row.rate);
        key(one).total_cmp(&key(other))
    });
    let middle = runs.len() / 2;
    runs.swap_remove(middle)
}

const HEADS: [&str; 20] = [
    "target",
    "sessions",
    "rate",
    "size",
    "deliveries/s",
    "MB/s",
    "% of limit",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "us/event",
    "us/delivery",
    "codex us/event",
    "MiB empty",
    "ready",
    "early",
    "streamed",
    "lost",
    "twice",
    "leaked",
];

/// Prints all rows.
pub(crate) fn print(rows: &[Row], as_json: bool) {
    if as_json {
        rows.iter().for_each(|row| println!("{}", row.json()));
        return;
    }
    let mut lines = vec![HEADS.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        println!("{}", cells.join("  "));
    }
}
