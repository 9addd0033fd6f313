//! A histogram of times that many threads fill at once: one atomic addition a bucket, and no lock.
//!
//! The library's own takes a lock for each observation, which all tabs would share. What is read while others count may be
//! one observation apart between the sum and the buckets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

/// Upper bounds of the buckets in seconds: from what an idle machine needs to what nobody waits for any more.
const BOUNDS: [f64; 15] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// Counts times by their length. Clones count into the same buckets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// One for each bound, and one for what is longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Times {
    /// Counts one time.
    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl EncodeMetric for Times {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = BOUNDS.into_iter().chain([f64::MAX]);
        let counts = self
            .0
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.nanoseconds.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum.as_secs_f64(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let times = Times::default();
        for microseconds in [50, 100, 101, 3_000, 60_000_000] {
            times.observe(Duration::from_micros(microseconds));
        }
        let mut registry = Registry::default();
        registry.register("t", "T", times);
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        let shown: Vec<&str> = out.lines().filter(|line| line.starts_with("t_")).collect();
        let expected = [
            "t_sum 60.003251",
            "t_count 5",
            "t_bucket{le=\"0.0001\"} 2",
            "t_bucket{le=\"0.00025\"} 3",
            "t_bucket{le=\"0.0005\"} 3",
            "t_bucket{le=\"0.001\"} 3",
            "t_bucket{le=\"0.0025\"} 3",
            "t_bucket{le=\"0.005\"} 4",
            "t_bucket{le=\"0.01\"} 4",
            "t_bucket{le=\"0.025\"} 4",
            "t_bucket{le=\"0.05\"} 4",
            "t_bucket{le=\"0.1\"} 4",
            "t_bucket{le=\"0.25\"} 4",
            "t_bucket{le=\"0.5\"} 4",
            "t_bucket{le=\"1.0\"} 4",
            "t_bucket{le=\"2.5\"} 4",
            "t_bucket{le=\"10.0\"} 4",
            "t_bucket{le=\"+Inf\"} 5",
        ];
        assert_eq!(shown, expected);
    }
}
