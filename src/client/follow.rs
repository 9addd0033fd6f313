//! One session over as many connections as it takes: behind each break it goes on at its cursor, so nothing is given twice
//! and nothing is left out. What is made of it is for others.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    door::Door,
    failure::Failure,
    socket::{Backoff, Heard, Socket},
};

/// What happens to who follows.
#[derive(Debug)]
pub enum Happening {
    /// It is attached; the result of `host/session/attach`. A verdict `snapshot` says what the session is now.
    Attached(Box<Value>),
    /// The next message of the session, or of the host about itself.
    Event(Heard),
    /// Codex asks; told once, however often it is sent.
    Asked(Heard),
    /// The connection to the host broke.
    Lost {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// From where to follow.
#[derive(Clone, Debug)]
pub enum Start {
    /// With so many of the newest items.
    Tail(usize),
    /// Behind an event of a journal; without its name, of whatever journal the host has.
    After(u64, Option<String>),
}

/// Follows one session.
pub struct Follower {
    door: Door,
    thread: String,
    socket: Option<Socket>,
    start: Start,
    /// Leave deltas out that are superseded by now, when catching up.
    merge: bool,
    /// The journal and the last event that was given.
    cursor: Option<(String, u64)>,
    asked: HashSet<String>,
    backoff: Backoff,
    /// Attach before anything else is read.
    attached: bool,
}

impl Follower {
    /// Over a connection that is there.
    pub fn new(door: Door, socket: Socket, thread: String, start: Start, merge: bool) -> Self {
        Self {
            door,
            thread,
            socket: Some(socket),
            start,
            merge,
            cursor: None,
            asked: HashSet::new(),
            backoff: Backoff::default(),
            attached: false,
        }
    }

    /// The session.
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// The connection, while there is one.
    pub fn socket(&mut self) -> Option<&mut Socket> {
        self.socket.as_mut()
    }

    /// Hangs up; what happens next is a new connection.
    pub fn disconnect(&mut self) {
        self.socket = None;
        self.attached = false;
    }

    /// Begins anew, over a new connection: events of this one would come in between.
    pub fn restart(&mut self, start: Start) {
        (self.start, self.cursor) = (start, None);
        self.disconnect();
    }

    /// What happens next. A break is told, waited out, and tried again for ever. Cancel-safe but for the attach.
    ///
    /// # Errors
    /// What trying again does not help: the host does not let this client in any more, or has no such session.
    pub async fn next(&mut self) -> Result<Happening, Failure> {
        match self.step().await {
            Ok(happening) => Ok(happening),
            Err(Failure::Unreachable(reason)) => {
                self.disconnect();
                Ok(Happening::Lost {
                    reason,
                    retry_in: self.backoff.pause(),
                })
            }
            Err(other) => Err(other),
        }
    }

    /// Waits as long as [`Happening::Lost`] said.
    pub async fn wait(&self, retry_in: Duration) {
        sleep(retry_in).await;
    }

    async fn step(&mut self) -> Result<Happening, Failure> {
        if self.socket.is_none() {
            self.socket = Some(Socket::open(&self.door).await?);
        }
        let socket = self.socket.as_mut().expect("it was just opened");
        if !self.attached {
            let params = attach(&self.thread, &self.start, self.cursor.as_ref(), self.merge);
            let result = socket.call("host/session/attach", params).await?;
            self.attached = true;
            self.backoff.reset();
            self.note(&result);
            return Ok(Happening::Attached(Box::new(result)));
        }
        loop {
            let heard = socket.next().await?;
            if heard.thread().is_some_and(|thread| thread != self.thread) {
                continue;
            }
            if !heard.value["id"].is_null() {
                let is_request = !heard.method().is_empty();
                // An error that answers an answer of ours is for whoever gave it.
                if !is_request || self.asked.insert(heard.value["id"].to_string()) {
                    return Ok(if is_request {
                        Happening::Asked(heard)
                    } else {
                        Happening::Event(heard)
                    });
                }
                continue;
            }
            match heard.method() {
                "host/session/reset" => {
                    let result = heard.params().clone();
                    self.note(&result);
                    return Ok(Happening::Attached(Box::new(result)));
                }
                "serverRequest/resolved" => {
                    self.asked.remove(&heard.params()["requestId"].to_string());
                }
                _ => {}
            }
            if let (Some(seq), Some((_, cursor))) = (heard.value["seq"].as_u64(), &mut self.cursor)
            {
                if seq <= *cursor {
                    continue;
                }
                *cursor = seq;
            }
            return Ok(Happening::Event(heard));
        }
    }

    /// Takes over where the session stands.
    fn note(&mut self, result: &Value) {
        let journal = result["journalId"].as_str().unwrap_or_default().to_owned();
        let head = result["head"].as_u64().unwrap_or(0);
        let after = match (&self.cursor, &self.start) {
            _ if result["verdict"] != "resumed" => head,
            (Some((_, cursor)), _) => *cursor,
            (None, Start::After(after, _)) => *after,
            (None, Start::Tail(_)) => head,
        };
        self.cursor = Some((journal, after));
    }
}

fn attach(thread: &str, start: &Start, cursor: Option<&(String, u64)>, merge: bool) -> Value {
    let mut params = json!({"threadId": thread, "merge": merge});
    match (cursor, start) {
        (Some((journal, after)), _) => {
            params["after"] = (*after).into();
            params["journalId"] = journal.as_str().into();
        }
        (None, Start::After(after, journal)) => {
            params["after"] = (*after).into();
            if let Some(journal) = journal {
                params["journalId"] = journal.as_str().into();
            }
        }
        // The host gives at least one; whoever wants none does not show it.
        (None, Start::Tail(tail)) => params["tail"] = (*tail).max(1).into(),
    }
    params
}
