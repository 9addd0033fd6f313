//! Who is connected: how many, and which of them have not passed admission yet. Knows nothing of bytes.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// All together.
    pub(crate) connections: usize,
    /// Of those who have not passed admission.
    pub(crate) unadmitted: usize,
}

/// All seats.
#[derive(Debug)]
pub(crate) struct Seats {
    capacity: Capacity,
    cut: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Taken seats, except those of evicted connections that are about to notice.
    taken: usize,
    /// Those who have not passed admission, oldest first.
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One connection's seat; free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    cut: CancellationToken,
}

impl Seats {
    /// Cancelling `cut` ends all of them at once.
    pub(crate) fn new(capacity: Capacity, cut: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            cut,
            state: Mutex::default(),
        })
    }

    /// Takes a seat. When there are too many who have not passed admission, the oldest of them loses his, so that a flood
    /// of idle connections keeps nobody out. `None` if all seats belong to admitted ones.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.state.lock();
        let full = state.taken >= self.capacity.connections;
        if (full || state.waiting.len() >= self.capacity.unadmitted)
            && let Some((_, oldest)) = state.waiting.pop_first()
        {
            oldest.cancel();
            state.taken -= 1;
        }
        if state.taken >= self.capacity.connections {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.taken += 1;
        let cut = self.cut.child_token();
        state.waiting.insert(number, cut.clone());
        Some(Seat {
            seats: self.clone(),
            number,
            cut,
        })
    }

    #[cfg(test)]
    fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.taken, state.waiting.len())
    }
}

impl Seat {
    /// Numbers connections since the start, for the log.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Its holder has passed admission and is not evicted any more. False if that came too late.
    pub(crate) fn keep(&self) -> bool {
        self.seats.state.lock().waiting.remove(&self.number);
        !self.cut.is_cancelled()
    }

    /// Cancelled when the connection has to end at once: it makes room, or the host's patience is over.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.seats.state.lock();
        state.waiting.remove(&self.number);
        if !self.cut.is_cancelled() {
            state.taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(connections: usize, unadmitted: usize) -> Arc<Seats> {
        Seats::new(
            Capacity {
                connections,
                unadmitted,
            },
            CancellationToken::new(),
        )
    }

    fn admit(seats: &Arc<Seats>) -> Seat {
        let seat = seats.take().unwrap();
        assert!(seat.keep());
        seat
    }

    #[test]
    fn the_oldest_who_has_not_passed_admission_makes_room() {
        let seats = seats(10, 2);
        let (first, second) = (seats.take().unwrap(), seats.take().unwrap());
        let third = seats.take().unwrap();
        assert!(first.cut().is_cancelled() && !second.cut().is_cancelled());
        assert_eq!(seats.counts(), (2, 2));
        drop((first, second, third));
        assert_eq!(seats.counts(), (0, 0));
    }

    #[test]
    fn admitted_ones_are_never_evicted_and_fill_the_house() {
        let seats = seats(3, 2);
        let admitted: Vec<_> = (0..3).map(|_| admit(&seats)).collect();
        assert!(seats.take().is_none());
        assert!(admitted.iter().all(|seat| !seat.cut().is_cancelled()));
        assert_eq!(seats.counts(), (3, 0));
        drop(admitted);
        assert!(seats.take().is_some());
    }

    #[test]
    fn a_full_house_still_trades_waiting_ones() {
        let seats = seats(3, 3);
        let _admitted: Vec<_> = (0..2).map(|_| admit(&seats)).collect();
        let waiting = seats.take().unwrap();
        let newer = seats.take().unwrap();
        assert!(waiting.cut().is_cancelled() && !waiting.keep());
        assert!(newer.keep());
        assert_eq!(seats.counts(), (3, 0));
        drop(waiting);
        assert_eq!(seats.counts(), (3, 0));
    }
}
