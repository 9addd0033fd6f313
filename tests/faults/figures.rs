//! What a run found and measured, and how it is shown.
//!
//! Not a judge: the tests say which figures must be 0.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// Findings that are written out; the rest is counted.
const WRITTEN_OUT: usize = 40;

/// What should not have been, counted by kind.
#[derive(Default)]
pub struct Findings {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    texts: Mutex<Vec<String>>,
}

impl Findings {
    /// Counts one; the first ones are written out.
    pub fn add(&self, kind: &'static str, text: impl FnOnce() -> String) {
        *self.counts.lock().entry(kind).or_default() += 1;
        let mut texts = self.texts.lock();
        if texts.len() < WRITTEN_OUT {
            texts.push(format!("{kind}: {}", text()));
        }
    }

    /// How many of this kind.
    pub fn count(&self, kind: &str) -> u64 {
        self.counts.lock().get(kind).copied().unwrap_or(0)
    }

    /// All kinds that were found.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().clone()
    }

    /// The first ones in words.
    pub fn texts(&self) -> Vec<String> {
        self.texts.lock().clone()
    }
}

/// Named figures in the order in which they are shown.
#[derive(Debug, Default)]
pub struct Figures(Vec<(String, Value)>);

impl Figures {
    /// Adds a whole number.
    pub fn count(&mut self, name: &str, value: u64) {
        self.0.push((name.to_owned(), json!(value)));
    }

    /// Adds a number with one digit behind the point.
    pub fn number(&mut self, name: &str, value: f64) {
        self.0
            .push((name.to_owned(), json!((value * 10.0).round() / 10.0)));
    }

    /// Adds the median and the worst of `times` in milliseconds.
    pub fn times(&mut self, name: &str, times: &mut [Duration]) {
        times.sort();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        self.count(&format!("{name}, times"), times.len() as u64);
        self.number(
            &format!("{name}, median ms"),
            ms(times.get(times.len() / 2)),
        );
        self.number(&format!("{name}, worst ms"), ms(times.last()));
    }

    /// Prints the table, and adds a JSON line to the file that [`FILE`] names.
    pub fn print(&self, title: &str) {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        println!("\n{title}");
        for (name, value) in &self.0 {
            println!("  {name:<width$}  {:>12}", value.to_string());
        }
        if let Some(path) = std::env::var_os(FILE) {
            use std::io::Write as _;
            let mut file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            let figures: Map<String, Value> = self.0.iter().cloned().collect();
            writeln!(file, "{}", json!({"title": title, "figures": figures})).unwrap();
        }
    }
}

/// Names the file that gets each table as a line of JSON.
const FILE: &str = "HOLDFAST_FAULTS_JSON";
