//! The process as a whole: who the client is, which threads are loaded, which answers are awaited, and how it ends.
//! What single requests do is in [`super::requests`].

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use serde_json::Value;

use super::{
    control::{Control, Heed, Stop},
    ids,
    output::Output,
    rollout::Store,
    thread::Thread,
    wire::{Answer, Notification, Refusal, Refused, ServerRequest},
};

/// The client, as its `initialize` introduced it.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) version: String,
    /// Whether it asked for the experimental part of the protocol.
    pub(super) experimental: bool,
    /// Notifications that it does not want.
    pub(super) opted_out: Vec<String>,
}

/// A request to the client that has no answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) thread_id: String,
    /// The request as it was sent, to be sent again.
    line: Vec<u8>,
    control: Arc<Control>,
}

/// Everything that the threads of the process share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) output: Arc<Output>,
    pub(super) store: Store,
    pub(super) codex_home: String,
    /// Unset until `initialize`.
    pub(super) client: Mutex<Option<Arc<Client>>>,
    pub(super) threads: Mutex<BTreeMap<String, Arc<Thread>>>,
    pending: Mutex<BTreeMap<i64, Pending>>,
    next_request: AtomicI64,
    /// Set when the process ends cleanly; from then on it says nothing.
    closing: AtomicBool,
    /// Requests that are still to be refused as too many.
    pub(super) overload: AtomicU32,
    /// Whether requests are read; see the step `stall-stdin`.
    reading: Reading,
}

#[derive(Debug, Default)]
struct Reading {
    stalled: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    pub(super) fn new(output: Arc<Output>, codex_home: std::path::PathBuf) -> Self {
        Self {
            output,
            store: Store::new(&codex_home),
            codex_home: codex_home.to_string_lossy().into_owned(),
            client: Mutex::new(None),
            threads: Mutex::new(BTreeMap::new()),
            pending: Mutex::new(BTreeMap::new()),
            next_request: AtomicI64::new(0),
            closing: AtomicBool::new(false),
            overload: AtomicU32::new(0),
            reading: Reading::default(),
        }
    }

    pub(super) fn answer<T: Serialize>(&self, id: &Value, result: Result<&T, &Refusal>) {
        self.output.send(&match result {
            Ok(result) => line(&Answer { id, result }),
            Err(error) => line(&Refused { error, id }),
        });
    }

    /// Sends a notification, unless the client does not want it or the process is ending.
    pub(super) fn notify<P: Serialize>(&self, method: &str, params: &P) {
        if self.wants(method) {
            self.output.send(&line(&Notification {
                method,
                params,
                emitted_at_ms: ids::now_ms(),
            }));
        }
    }

    /// Whether the client gets notifications of this method.
    pub(super) fn wants(&self, method: &str) -> bool {
        !self.closing.load(Ordering::Acquire)
            && !self
                .client()
                .is_some_and(|client| client.opted_out.iter().any(|unwanted| unwanted == method))
    }

    pub(super) fn client(&self) -> Option<Arc<Client>> {
        self.client.lock().clone()
    }

    /// Sends a request to the client; the answer will reach the turn of `control`.
    pub(super) fn ask<P: Serialize>(
        &self,
        method: &str,
        params: &P,
        thread_id: &str,
        control: &Arc<Control>,
    ) -> i64 {
        let id = self.next_request.fetch_add(1, Ordering::Relaxed);
        let line = line(&ServerRequest { method, id, params });
        let pending = Pending {
            thread_id: thread_id.to_owned(),
            line: line.clone(),
            control: Arc::clone(control),
        };
        self.pending.lock().insert(id, pending);
        self.output.send(&line);
        id
    }

    /// Hands an answer of the client to the turn that waits for it; one that nobody awaits is dropped.
    pub(super) fn answered(&self, id: i64, result: Value) {
        let pending = self.pending.lock().remove(&id);
        match pending {
            Some(pending) => pending.control.answer(id, result),
            None => eprintln!("ERROR no request with id {id} is waiting for an answer"),
        }
    }

    /// Forgets a request whose turn has ended; `false` when it was answered already.
    pub(super) fn withdraw(&self, id: i64) -> bool {
        self.pending.lock().remove(&id).is_some()
    }

    /// Sends the open requests of a thread again, as the real one does for whoever joins.
    pub(super) fn ask_again(&self, thread_id: &str) {
        for pending in self
            .pending
            .lock()
            .values()
            .filter(|pending| pending.thread_id == thread_id)
        {
            self.output.send(&pending.line);
        }
    }

    /// Whether this request is one of those that are too many.
    pub(super) fn overloaded(&self) -> bool {
        self.overload
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    /// Stops reading requests, for so long or for ever.
    pub(super) fn stall_reading(
        &self,
        time: Option<Duration>,
        control: &Control,
    ) -> Result<(), Stop> {
        *self.reading.stalled.lock() = true;
        match time {
            None => Ok(()),
            Some(time) => {
                let waited = control.wait_until(Instant::now() + time, Heed::Everything);
                *self.reading.stalled.lock() = false;
                self.reading.changed.notify_all();
                waited
            }
        }
    }

    /// Waits while requests are not read.
    pub(super) fn wait_for_reading(&self) {
        let mut stalled = self.reading.stalled.lock();
        while *stalled {
            self.reading.changed.wait(&mut stalled);
        }
    }

    /// Ends every turn as interrupted, without another word to the client.
    pub(super) fn shut_down(&self) {
        self.closing.store(true, Ordering::Release);
        self.output.end_streaming();
        let threads: Vec<_> = self.threads.lock().values().cloned().collect();
        for thread in &threads {
            thread.shut_down();
        }
        for thread in threads {
            thread.wait_for_end();
        }
        self.output.drain_briefly();
    }
}

fn line<T: Serialize>(message: &T) -> Vec<u8> {
    let mut line =
        serde_json::to_vec(message).expect("the shapes of the protocol have string keys only");
    line.push(b'\n');
    line
}
