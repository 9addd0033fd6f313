//! The side of a feed that is read: what is published, who is told of it and when, and what a tab is given.
//!
//! It numbers nothing and writes nothing; that is `writer`.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use journal::Batch;
use tokio::sync::Notify;

use super::{
    Feed, Place, Reader, Subscriber, Subscription, merge,
    pace::Due,
    replay::Replay,
    ring::{self, Given, Ring, Wanted},
};

impl Feed {
    pub(super) fn publish(self: &Arc<Self>, batch: Batch, since: Option<Instant>) {
        let (last, bytes, now) = (batch.last, batch.lines.len(), Instant::now());
        self.metrics.committed(last + 1 - batch.first, bytes, since);
        let mut read = self.read.lock();
        read.ring.push(batch, since);
        self.head.send_replace(last);
        let tabs = read.tabs.len();
        match (read.pace.grown(bytes, tabs, now), &self.runtime) {
            (Due::At(then), Some(runtime)) => {
                let feed = Arc::clone(self);
                runtime.spawn(async move {
                    tokio::time::sleep_until(then.into()).await;
                    feed.show(&mut feed.read.lock(), true);
                });
            }
            (Due::Already, Some(_)) => {}
            (Due::Now, _) | (_, None) => self.show(&mut read, false),
        }
    }

    /// Tells the tabs of everything that is published.
    fn show(&self, read: &mut Reader, timed: bool) {
        read.pace.told(timed, Instant::now());
        let head = self.head();
        if self.shown.swap(head, Ordering::Release) == head {
            return;
        }
        for tab in read.tabs.values() {
            tab.wake.notify_one();
        }
    }

    /// Tells the tabs now: nothing more will come.
    pub(crate) fn show_all(&self) {
        self.show(&mut self.read.lock(), false);
    }

    /// The event that some tab has not reached although half a ring is behind it, and not because of its client: the machine
    /// is at its limit, and whatever Codex says now takes the time in which tabs could be told of it.
    pub(crate) fn outruns(&self) -> Option<u64> {
        let read = self.read.lock();
        let near = read.ring.near(self.limits.ring / 2);
        let mut tabs = read.tabs.values();
        tabs.any(|tab| tab.place.is_kept_before(near))
            .then_some(near)
    }

    /// Waits until every tab is near, for `patience` at most.
    pub(crate) async fn followed(&self, patience: Duration) {
        let near = async {
            loop {
                let followed = self.followed.notified();
                let Some(near) = self.outruns() else {
                    return;
                };
                self.awaited.store(near, Ordering::Release);
                // A tab may have come there just before it was awaited.
                if self.outruns().is_some() {
                    followed.await;
                }
            }
        };
        // Then Codex may say more, whatever the tabs do.
        let _in_vain = tokio::time::timeout(patience, near).await;
        self.awaited.store(0, Ordering::Release);
    }

    /// Seq of the last published event.
    pub(crate) fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Resolves when the event `seq` is published.
    pub(crate) async fn published(&self, seq: u64) {
        // The sender lives in self, so this cannot fail.
        let _ = self.head.subscribe().wait_for(|head| *head >= seq).await;
    }

    /// Wakes `wake` on each publication until the subscription is dropped; `place` is where the tab is.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        wake: Arc<Notify>,
        place: Arc<Place>,
        native: bool,
    ) -> Subscription {
        let mut read = self.read.lock();
        let id = read.next_tab;
        read.next_tab += 1;
        let tab = Subscriber {
            wake,
            place,
            native,
        };
        read.tabs.insert(id, tab);
        self.control.notify_one();
        Subscription {
            feed: Arc::clone(self),
            id,
        }
    }

    /// A parked session that nobody watches keeps no events in memory; the journal has them.
    pub(crate) fn forget_ring(&self) {
        let mut read = self.read.lock();
        if read.tabs.is_empty() {
            read.ring = Ring::new(self.limits.ring);
            *self.replay.lock() = Replay::new(self.limits.ring);
        }
    }

    /// True when nothing is open, waits, or is on its way to the journal, and no tab reads along: the session is then no
    /// more than its row.
    pub(crate) fn is_at_rest(&self) -> bool {
        let w = self.write.lock();
        let read = self.read.lock();
        w.turns.open_turn().is_none()
            && !w.in_flight
            && !w.has_staged()
            && self.waiting() == 0
            && read.tabs.is_empty()
            && read.requests.is_empty()
    }

    /// How many tabs are attached, and how many of them are native.
    pub(crate) fn audience(&self) -> (usize, usize) {
        let read = self.read.lock();
        let native = read.tabs.values().filter(|tab| tab.native).count();
        (read.tabs.len(), native)
    }

    /// How many events each attached tab has still to be given.
    pub(crate) fn lags(&self) -> Vec<u64> {
        let head = self.head();
        let read = self.read.lock();
        let cursors = read.tabs.values().map(|tab| tab.place.cursor());
        cursors.map(|cursor| head.saturating_sub(cursor)).collect()
    }

    /// Published events from the ring: slices of shared batches, newline-terminated lines. `None`: the ring no longer reaches
    /// back that far, so read the journal. Otherwise the last seq given (or `after`).
    pub(crate) fn read(
        &self,
        place: &Place,
        wanted: Wanted,
        out: &mut Vec<Bytes>,
    ) -> Option<Given> {
        let before = place.reached(wanted.after);
        let awaited = self.awaited.load(Ordering::Acquire);
        if before < awaited && awaited <= wanted.after {
            self.followed.notify_waiters();
        }
        let until = self.shown.load(Ordering::Acquire).min(wanted.until);
        if wanted.after >= until {
            return Some(Given {
                cursor: wanted.after,
                since: None,
            });
        }
        self.read.lock().ring.read(Wanted { until, ..wanted }, out)
    }

    /// Waits until no other tab reads this session from the journal.
    pub(crate) async fn replaying(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.replaying.lock().await
    }

    /// The same from what another tab has read from the journal a moment ago; `None`: it is not there.
    pub(crate) fn read_again(&self, wanted: Wanted, out: &mut Vec<Bytes>) -> Option<u64> {
        self.replay.lock().read(wanted, out)
    }

    /// The same from the journal; blocking. With `merged`, deltas of complete items are left out, see `merge`.
    pub(crate) fn read_stored(
        &self,
        wanted: Wanted,
        merged: bool,
    ) -> Result<(u64, Vec<Bytes>), journal::ReadError> {
        let Wanted {
            after,
            until,
            budget,
        } = wanted;
        let batches = self.journal.events(self.thread.as_str(), after, budget)?;
        if !merged {
            self.replay.lock().keep(&batches);
        }
        let (mut cursor, mut lines) = (after, Vec::new());
        for batch in batches.iter().take_while(|batch| batch.first <= until) {
            if batch.first > cursor + 1 {
                break; // Compacted away in between: the caller begins again from a snapshot.
            }
            let part = Batch {
                first: batch.first.max(after + 1),
                last: batch.last.min(until),
                lines: ring::between(batch, after, until),
            };
            cursor = part.last;
            lines.push(if merged {
                merge::merge(&self.journal, self.thread.as_str(), &part)?
            } else {
                part.lines
            });
        }
        Ok((cursor, lines))
    }
}
