//! Slows guessing down without locking anybody out. Not a list of offenders: with Tailscale Serve every request comes from
//! the same address, so one budget counts for all and nobody is exempt.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The first wait once the budget is used up; it doubles with each further wrong credential.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// So long without a wrong credential forgives all of them: twice the longest wait.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);
/// During a wait one credential per this long is looked at all the same, so that an attacker who keeps the wait running
/// does not keep the owner out. Ten seconds of flood then see 5 + 7 looks, well under the 15 that are allowed.
const RESERVE_EVERY: Duration = Duration::from_millis(1_500);

/// How many wrong credentials are looked at before the waiting begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Wrong credentials within `window`; at least 1.
    pub wrong: u32,
    /// How long each of them counts.
    pub window: Duration,
}

/// Whether a credential is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody guessed lately: look, and say "wrong" when it is wrong.
    Look,
    /// During a wait, through the reserve or because it cannot be guessed: look, and answer a wrong one as if nobody had.
    LookQuietly(Duration),
    /// Come back after this long.
    Wait(Duration),
}

/// The count for one kind of credential.
#[derive(Debug)]
pub(super) struct Throttle {
    budget: Budget,
    /// When wrong ones were seen, newest last, at most `budget.wrong`.
    wrong: VecDeque<Instant>,
    /// Wrong ones beyond the budget since the last calm.
    strikes: u32,
    /// Until when nothing but the reserve is looked at.
    closed_until: Option<Instant>,
    /// When the reserve has its next look.
    reserve_at: Option<Instant>,
}

impl Throttle {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            wrong: VecDeque::new(),
            strikes: 0,
            closed_until: None,
            reserve_at: None,
        }
    }

    /// Decides over one credential. `unguessable`: by its form it holds 256 random bits, so looking costs nothing in
    /// safety and spares its owner the fight for the reserve.
    pub(super) fn judge(&mut self, now: Instant, unguessable: bool) -> Verdict {
        if self
            .wrong
            .back()
            .is_some_and(|last| now.duration_since(*last) >= FORGIVEN_AFTER)
        {
            *self = Self::new(self.budget);
        }
        let Some(wait) = self
            .closed_until
            .map(|until| until.saturating_duration_since(now))
        else {
            return Verdict::Look;
        };
        if wait.is_zero() {
            return Verdict::Look;
        }
        if unguessable {
            return Verdict::LookQuietly(wait);
        }
        if self.reserve_at.is_none_or(|at| at <= now) {
            self.reserve_at = Some(now + RESERVE_EVERY);
            return Verdict::LookQuietly(wait);
        }
        Verdict::Wait(wait)
    }

    /// Counts a wrong credential. Returns the wait if one begins now that did not run before.
    pub(super) fn count_wrong(&mut self, now: Instant) -> Option<Duration> {
        let was_closed = self.closed_until.is_some_and(|until| until > now);
        while self
            .wrong
            .front()
            .is_some_and(|at| now.duration_since(*at) >= self.budget.window)
        {
            self.wrong.pop_front();
        }
        self.wrong.push_back(now);
        let over = self.wrong.len() >= self.budget.wrong as usize;
        if self.wrong.len() > self.budget.wrong as usize {
            self.wrong.pop_front();
        }
        if !over && self.strikes == 0 {
            return None;
        }
        let delay = FIRST_DELAY
            .saturating_mul(1 << self.strikes.min(5))
            .min(LONGEST_DELAY);
        self.strikes = self.strikes.saturating_add(1);
        self.closed_until = Some(now + delay);
        (!was_closed).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget {
        wrong: 5,
        window: Duration::from_secs(10),
    };

    /// Feeds wrong credentials at `every` for `total`; returns how many were looked at.
    fn flood(throttle: &mut Throttle, start: Instant, every: Duration, total: Duration) -> u32 {
        let mut looked = 0;
        let mut now = start;
        while now < start + total {
            if !matches!(throttle.judge(now, false), Verdict::Wait(_)) {
                looked += 1;
                throttle.count_wrong(now);
            }
            now += every;
        }
        looked
    }

    #[tokio::test]
    async fn two_hundred_guesses_in_ten_seconds_see_at_most_fifteen_looks() {
        let start = Instant::now();
        let mut throttle = Throttle::new(BUDGET);
        let looked = flood(
            &mut throttle,
            start,
            Duration::from_millis(50),
            Duration::from_secs(10),
        );
        assert_eq!(looked, 12);
    }

    #[tokio::test]
    async fn after_a_flood_the_reserve_looks_again_within_two_seconds() {
        let start = Instant::now();
        let mut throttle = Throttle::new(BUDGET);
        flood(
            &mut throttle,
            start,
            Duration::from_millis(50),
            Duration::from_secs(10),
        );
        let after = start + Duration::from_secs(12);
        assert!(matches!(
            throttle.judge(after, false),
            Verdict::LookQuietly(_)
        ));
        assert!(matches!(throttle.judge(after, false), Verdict::Wait(_)));
    }

    #[tokio::test]
    async fn what_cannot_be_guessed_is_always_looked_at() {
        let start = Instant::now();
        let mut throttle = Throttle::new(BUDGET);
        flood(
            &mut throttle,
            start,
            Duration::from_millis(50),
            Duration::from_secs(10),
        );
        for _ in 0..100 {
            assert!(matches!(
                throttle.judge(start + Duration::from_secs(10), true),
                Verdict::LookQuietly(_)
            ));
        }
    }

    #[tokio::test]
    async fn waits_double_up_to_thirty_seconds_and_calm_forgives() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(BUDGET);
        for _ in 0..4 {
            assert_eq!(
                (throttle.judge(now, false), throttle.count_wrong(now)),
                (Verdict::Look, None)
            );
        }
        let mut delays = Vec::new();
        for _ in 0..7 {
            let delay = throttle.count_wrong(now).unwrap();
            delays.push(delay.as_secs());
            now += delay;
            assert_eq!(throttle.judge(now, false), Verdict::Look);
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
        now += FORGIVEN_AFTER;
        assert_eq!(
            (throttle.judge(now, false), throttle.count_wrong(now)),
            (Verdict::Look, None)
        );
    }

    #[tokio::test]
    async fn wrong_ones_far_apart_never_close_it() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(BUDGET);
        for _ in 0..100 {
            assert_eq!(
                (throttle.judge(now, false), throttle.count_wrong(now)),
                (Verdict::Look, None)
            );
            now += Duration::from_secs(3);
        }
    }
}
