//! A tab that lives through everything: it reads, comes back at its cursor, and is upset on purpose.
//!
//! It keeps nothing but its cursor; what it reads goes to the session's record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::figures::Findings;
use super::record::{Came, Record};
use super::support::{LOOK_AGAIN, TestHost};
use super::wire::{Broken, Door, Wire};

/// What is done to a tab.
#[derive(Debug, Clone, Copy)]
pub enum Upset {
    /// Its connection goes, with a goodbye or without.
    Drop {
        /// Whether it says goodbye.
        politely: bool,
    },
    /// It reads nothing until its session is so many events further.
    Stall {
        /// How many.
        events: u64,
    },
}

/// The host as tabs know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Counts the hosts of a run.
    pub start: u64,
    /// Whether it is there.
    pub up: bool,
    /// Whether the run is over.
    pub over: bool,
}

/// What all tabs and prompters of a run share.
pub struct Shared {
    /// Where the host is.
    pub door: Door,
    /// Of the journal, which must stay the same one.
    pub journal: String,
    /// Whether the host is there.
    pub presence: watch::Sender<Presence>,
    /// Events that some tab has seen, over all sessions.
    pub events: watch::Sender<u64>,
    /// Events that tabs were sent, all together.
    pub deliveries: AtomicU64,
    /// Submissions that prompters have begun.
    pub submissions: watch::Sender<u64>,
    /// What should not have been.
    pub findings: Findings,
}

impl Shared {
    /// A run with this host, which is up.
    pub async fn with(host: &TestHost) -> Arc<Self> {
        let door = Door {
            addr: host.addr(),
            token: host.token().to_owned(),
        };
        let mut control = Wire::open(&door, true).await.unwrap();
        let status = control.call("host/status", &json!({})).await.unwrap();
        let journal = status.unwrap()["journal"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let presence = Presence {
            start: 1,
            up: true,
            over: false,
        };
        Arc::new(Self {
            door,
            journal,
            presence: watch::Sender::new(presence),
            events: watch::Sender::new(0),
            deliveries: AtomicU64::new(0),
            submissions: watch::Sender::new(0),
            findings: Findings::default(),
        })
    }

    /// Starts a session that works in `cwd`.
    pub async fn start_session(&self, cwd: &Path) -> Arc<Record> {
        let mut control = Wire::open(&self.door, true).await.unwrap();
        let params = json!({"cwd": cwd});
        let started = control.call("thread/start", &params).await.unwrap();
        let thread = started.unwrap()["thread"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        Arc::new(Record::new(thread))
    }
}

/// A tab and what a test may ask of it.
pub struct Watcher {
    /// Its session.
    pub record: Arc<Record>,
    /// The last seq it has.
    pub cursor: Arc<watch::Sender<u64>>,
    /// How often it attached.
    pub attached: Arc<AtomicU64>,
    upset: mpsc::UnboundedSender<Upset>,
    task: tokio::task::JoinHandle<()>,
}

/// The side that runs.
struct Reading {
    shared: Arc<Shared>,
    record: Arc<Record>,
    name: String,
    lines: bool,
    cursor: Arc<watch::Sender<u64>>,
    attached: Arc<AtomicU64>,
    upset: mpsc::UnboundedReceiver<Upset>,
}

impl Watcher {
    /// Starts a tab that has seen nothing yet; with `lines` it speaks `holdfast.v1`.
    pub fn start(shared: &Arc<Shared>, record: &Arc<Record>, name: String, lines: bool) -> Self {
        Self::resume(shared, record, name, lines, 0)
    }

    /// The same for one that has everything up to `cursor`.
    pub fn resume(
        shared: &Arc<Shared>,
        record: &Arc<Record>,
        name: String,
        lines: bool,
        cursor: u64,
    ) -> Self {
        let (upset, upsets) = mpsc::unbounded_channel();
        let cursor = Arc::new(watch::Sender::new(cursor));
        let attached = Arc::new(AtomicU64::new(0));
        let reading = Reading {
            shared: Arc::clone(shared),
            record: Arc::clone(record),
            name,
            lines,
            cursor: Arc::clone(&cursor),
            attached: Arc::clone(&attached),
            upset: upsets,
        };
        Self {
            record: Arc::clone(record),
            cursor,
            attached,
            upset,
            task: tokio::spawn(reading.run()),
        }
    }

    /// Does something to it; it is a moment until it happens.
    pub fn upset(&self, upset: Upset) {
        // A tab that has panicked is found at the end.
        let _ = self.upset.send(upset);
    }

    /// Waits for its end, which comes when the run is over.
    pub async fn end(self) {
        self.task.await.expect("the tab does not panic");
    }
}

impl Reading {
    async fn run(mut self) {
        let mut presence = self.shared.presence.subscribe();
        loop {
            let now = *presence
                .wait_for(|now| now.up || now.over)
                .await
                .expect("the sender is shared");
            if now.over {
                return;
            }
            // Whatever broke: the tab comes back as long as there is a host.
            if self.follow(now.start, &mut presence).await.is_err() && presence.borrow().up {
                // A host that was killed a moment ago refuses connections before that is known here.
                let _ = tokio::time::timeout(LOOK_AGAIN, presence.changed()).await;
            }
        }
    }

    /// One connection, from its start to its end.
    async fn follow(
        &mut self,
        start: u64,
        presence: &mut watch::Receiver<Presence>,
    ) -> Result<(), Broken> {
        let mut wire = Wire::open(&self.shared.door, self.lines).await?;
        let mut cursor = *self.cursor.borrow();
        let params = json!({"threadId": self.record.thread, "after": cursor, "journalId": self.shared.journal});
        let attached = match wire.call("host/session/attach", &params).await? {
            Ok(attached) => attached,
            Err(refused) => {
                let note = || format!("{} behind {cursor}: {refused:?}", self.name);
                self.shared.findings.add("refused attaches", note);
                return Err(Broken("refused".to_owned()));
            }
        };
        self.attached.fetch_add(1, Ordering::Relaxed);
        if attached["verdict"] != "resumed" {
            let note = || {
                format!(
                    "{} of host {start} behind {cursor}: head {}, journal {}",
                    self.name, attached["head"], attached["journalId"]
                )
            };
            self.shared.findings.add("snapshots", note);
            cursor = attached["head"].as_u64().expect("an attach has a head");
        }
        let came = Came { start };
        loop {
            let upset = tokio::select! {
                text = wire.text() => {
                    let (now, new) = self.record.take(&self.name, came, cursor, &text?, &self.shared.findings);
                    self.shared.deliveries.fetch_add(now.saturating_sub(cursor), Ordering::Relaxed);
                    cursor = now;
                    self.cursor.send_replace(cursor);
                    if new > 0 {
                        self.shared.events.send_modify(|events| *events += new);
                    }
                    continue;
                }
                upset = self.upset.recv() => upset,
                _ = presence.wait_for(|now| now.over) => None,
            };
            match upset {
                None => return Ok(()),
                Some(Upset::Drop { politely: true }) => {
                    wire.leave().await;
                    return Ok(());
                }
                Some(Upset::Drop { politely: false }) => return Ok(()),
                Some(Upset::Stall { events }) => self.stall(events, presence).await,
            }
        }
    }

    /// Reads nothing until others are `events` further, or the stream has dried up.
    async fn stall(&self, events: u64, presence: &mut watch::Receiver<Presence>) {
        let target = *self.record.head.borrow() + events;
        let mut head = self.record.head.subscribe();
        let others = async {
            let mut seen = *head.borrow_and_update();
            while seen < target {
                let Ok(Ok(())) = tokio::time::timeout(DRIED_UP, head.changed()).await else {
                    return;
                };
                seen = *head.borrow_and_update();
            }
        };
        tokio::select! {
            () = others => {}
            _ = presence.wait_for(|now| now.over) => {}
        }
    }
}

/// A session that says nothing for so long says nothing more while this tab stalls.
const DRIED_UP: Duration = Duration::from_secs(3);
