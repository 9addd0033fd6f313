//! Delays, counted in classes that are at most 3 % wide. Not exact, and the same size however many there are.

/// Classes between two powers of two.
const FINE: u64 = 32;

/// How many delays fell into which class. Microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Delays {
    classes: Vec<u64>,
    count: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            classes: vec![0; 64 * FINE as usize],
            count: 0,
        }
    }
}

impl Delays {
    /// Counts one.
    pub(crate) fn add(&mut self, micros: u64) {
        self.classes[class(micros)] += 1;
        self.count += 1;
    }

    /// Counts those of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, others) in self.classes.iter_mut().zip(&other.classes) {
            *own += others;
        }
        self.count += other.count;
    }

    /// The delay in milliseconds that this share of all does not exceed; `None` without any.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let class = self.classes.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(lowest(class as u64) as f64 / 1e3)
    }
}

fn class(micros: u64) -> usize {
    let micros = micros.max(1);
    let power = u64::from(micros.ilog2());
    let fine = if power >= 5 {
        (micros >> (power - 5)) - FINE
    } else {
        (micros << (5 - power)) - FINE
    };
    (power * FINE + fine) as usize
}

fn lowest(class: u64) -> u64 {
    let (power, fine) = (class / FINE, class % FINE);
    if power >= 5 {
        (FINE + fine) << (power - 5)
    } else {
        (FINE + fine) >> (5 - power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_what_is_at_most_three_percent_more() {
        for micros in (1..100_000).chain([10_000_000, u64::MAX / 2]) {
            let low = lowest(class(micros) as u64);
            assert!(
                low <= micros && micros - low <= micros / 31 + 1,
                "{micros} {low}"
            );
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_counted() {
        let mut delays = Delays::default();
        assert_eq!(delays.quantile(0.5), None);
        (1..=1000).for_each(|micros| delays.add(micros));
        let p50 = delays.quantile(0.5).unwrap();
        assert!((0.48..=0.5).contains(&p50), "{p50}");
        let mut twice = delays.clone();
        twice.merge(&delays);
        assert_eq!(twice.quantile(0.99), delays.quantile(0.99));
    }
}
