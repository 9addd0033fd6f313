//! A future beside others in one task that is polled only when it was itself woken. A tab's task is woken for each write, and
//! what seldom happens (a client's message, a ping that is due, an end) would be asked each time.
//!
//! Not a way to wait for several things: that is `select!`, which this makes cheap.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Polls the future in it only after a wake-up of its own.
pub(super) struct Woken<'a, F> {
    future: Pin<&'a mut F>,
    call: Arc<Call>,
    waker: Waker,
}

struct Call {
    has_come: AtomicBool,
    task: AtomicWaker,
}

impl<'a, F: Future> Woken<'a, F> {
    pub(super) fn new(future: Pin<&'a mut F>) -> Self {
        let call = Arc::new(Call {
            // The first poll is for everybody.
            has_come: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        let waker = Waker::from(call.clone());
        Self {
            future,
            call,
            waker,
        }
    }
}

impl<F: Future> Future for Woken<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Before the look, so that a call in between wakes the task again.
        self.call.task.register(cx.waker());
        if !self.call.has_come.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let this = &mut *self;
        this.future
            .as_mut()
            .poll(&mut Context::from_waker(&this.waker))
    }
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_at_first_and_after_its_own_wake_ups_only() {
        let (polls, notify, other) = (AtomicBool::new(false), Notify::new(), Notify::new());
        let mut notified = pin!(notify.notified());
        let inner = pin!(poll_fn(|cx| {
            polls.store(true, Ordering::Relaxed);
            notified.as_mut().poll(cx)
        }));
        let mut woken = Woken::new(inner);
        let mut look = async || {
            other.notify_one();
            tokio::select! {
                biased;
                () = &mut woken => (true, polls.swap(false, Ordering::Relaxed)),
                () = other.notified() => (false, polls.swap(false, Ordering::Relaxed)),
            }
        };
        assert_eq!(look().await, (false, true));
        assert_eq!(look().await, (false, false));
        notify.notify_one();
        assert_eq!(look().await, (true, true));
    }
}
