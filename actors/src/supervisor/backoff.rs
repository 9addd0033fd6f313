//! When a Codex that ended is started again: a value, not a runtime. Time and chance are parameters.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The settings of `[codex]` that decide about restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RestartPolicy {
    /// The first wait.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// Exits within `window` after which the next one gives up.
    pub limit: u32,
    /// The sliding window of `limit`.
    pub window: Duration,
    /// A bridge that was up this long starts at `min` again.
    pub healthy_after: Duration,
}

/// What to do about an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start again after this wait.
    RetryIn { delay: Duration, attempt: u32 },
    /// Too many exits in the window: a person has to decide.
    GiveUp { exits: u32 },
}

/// The memory of recent exits of one bridge.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RestartPolicy,
    attempt: u32,
    up_since: Option<Instant>,
    exits: VecDeque<Instant>,
}

impl Backoff {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            attempt: 0,
            up_since: None,
            exits: VecDeque::new(),
        }
    }

    /// Codex is usable. Readiness counts, not the spawn.
    pub(crate) fn on_up(&mut self, now: Instant) {
        self.up_since = Some(now);
    }

    /// Codex has ended, not by our wish. `unit` is a random number in `[0, 1)`.
    pub(crate) fn on_exit(&mut self, now: Instant, unit: f64) -> Verdict {
        if self
            .up_since
            .take()
            .is_some_and(|since| now - since >= self.policy.healthy_after)
        {
            self.attempt = 0;
        }
        while self
            .exits
            .front()
            .is_some_and(|at| now - *at > self.policy.window)
        {
            self.exits.pop_front();
        }
        let exits = u32::try_from(self.exits.len()).unwrap_or(u32::MAX);
        if exits >= self.policy.limit {
            return Verdict::GiveUp { exits: exits + 1 };
        }
        self.exits.push_back(now);
        let ceiling = self
            .policy
            .min
            .saturating_mul(1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX))
            .min(self.policy.max);
        self.attempt = (self.attempt + 1).min(30);
        // Equal jitter: never zero, and many bridges that died together do not come back together.
        let delay = ceiling / 2 + (ceiling / 2).mul_f64(unit);
        Verdict::RetryIn {
            delay,
            attempt: self.attempt,
        }
    }

    /// A person said to try again: what was is forgotten.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        min: Duration::from_millis(100),
        max: Duration::from_secs(1),
        limit: 5,
        window: Duration::from_secs(60),
        healthy_after: Duration::from_secs(10),
    };

    fn delays(backoff: &mut Backoff, now: Instant, unit: f64, count: usize) -> Vec<u128> {
        let exit = |_| match backoff.on_exit(now, unit) {
            Verdict::RetryIn { delay, .. } => delay.as_millis(),
            Verdict::GiveUp { .. } => 0,
        };
        (0..count).map(exit).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest_with_jitter_between_half_and_whole() {
        let now = Instant::now();
        assert_eq!(
            delays(&mut Backoff::new(POLICY), now, 0.0, 5),
            [50, 100, 200, 400, 500]
        );
        assert_eq!(
            delays(&mut Backoff::new(POLICY), now, 1.0, 5),
            [100, 200, 400, 800, 1000]
        );
    }

    #[test]
    fn one_exit_over_the_limit_in_the_window_gives_up() {
        let mut backoff = Backoff::new(POLICY);
        let now = Instant::now();
        delays(&mut backoff, now, 0.5, 5);
        assert_eq!(
            backoff.on_exit(now + Duration::from_secs(59), 0.5),
            Verdict::GiveUp { exits: 6 }
        );
    }

    #[test]
    fn exits_that_left_the_window_do_not_count() {
        let mut backoff = Backoff::new(POLICY);
        let now = Instant::now();
        delays(&mut backoff, now, 0.5, 5);
        let later = now + Duration::from_secs(61);
        assert!(matches!(
            backoff.on_exit(later, 0.5),
            Verdict::RetryIn { .. }
        ));
    }

    #[test]
    fn a_healthy_time_resets_the_wait_and_a_short_one_does_not() {
        let now = Instant::now();
        let mut backoff = Backoff::new(POLICY);
        delays(&mut backoff, now, 0.0, 3);
        backoff.on_up(now);
        assert_eq!(
            delays(&mut backoff, now + Duration::from_secs(9), 0.0, 1),
            [400]
        );
        backoff.on_up(now + Duration::from_secs(9));
        assert_eq!(
            delays(&mut backoff, now + Duration::from_secs(19), 0.0, 1),
            [50]
        );
    }

    #[test]
    fn a_person_who_retries_starts_from_nothing() {
        let now = Instant::now();
        let mut backoff = Backoff::new(POLICY);
        delays(&mut backoff, now, 0.0, 6);
        backoff.reset();
        assert_eq!(delays(&mut backoff, now, 0.0, 1), [50]);
    }
}
