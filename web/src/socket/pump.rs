//! Moves text between a socket and its tab: both directions at once, in one task. Keeps no queue: what the client sends waits
//! in the kernel while the tab is busy, what the tab has to say waits in its feed while the client is slow.

use std::{
    io,
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use actors::tab::Frame;
use bytes::Bytes;
use config::Limits;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout, timeout_at};

use super::{
    End, Inbound, Outbound, ReadHalf, Socket, WriteHalf,
    incoming::{Replies, Said},
    outgoing::PING,
    woken::Woken,
};
use crate::connection::Link;

/// How long a close frame may take. Well under the second within which a revoked socket has to be gone.
const GOODBYE: Duration = Duration::from_millis(500);
/// Pings without an answer after which the peer is taken for dead.
const MOST_MISSED: u32 = 2;
/// Parts of the stall limit at which progress is looked at.
const STALL_CHECKS: u32 = 10;

/// What an admitted socket is served by.
pub(super) struct Pump<'a> {
    pub(super) limits: &'a Limits,
    pub(super) link: &'a Link,
}

/// Whether the peer lives.
#[derive(Debug, Default)]
struct Pulse {
    /// Pings since anything was heard.
    missed: AtomicU32,
    /// The tab is busy and nothing is read: silence then says nothing about the peer.
    is_busy: AtomicBool,
    /// The peer is being written to: what it does not take is looked at there, and a ping would come behind it.
    is_writing: AtomicBool,
}

impl Pulse {
    fn is_silent(&self) -> bool {
        !self.is_busy.load(Ordering::Relaxed) && !self.is_writing.load(Ordering::Relaxed)
    }
}

impl Pump<'_> {
    /// Runs until either side ends it; says how. `early` came with the proof, if there was one: that was the first frame.
    /// Once the end is decided nothing that the client has sent counts any more; what it was to be told still goes out.
    pub(super) async fn run<I: Inbound, O: Outbound>(
        &self,
        socket: &mut Socket,
        inbound: &I,
        outbound: &mut O,
        early: Option<Bytes>,
    ) -> End {
        let pulse = Pulse::default();
        let replies = socket.outgoing.replies();
        let reading = pin!(self.read(&mut socket.incoming, inbound, &pulse, early));
        let beating = pin!(self.beat(&replies, &pulse));
        let closing = pin!(self.link.closing.cancelled());
        let end = tokio::select! {
            biased;
            end = self.write(&mut socket.outgoing, outbound, &pulse) => end,
            end = Woken::new(reading) => end,
            end = Woken::new(beating) => end,
            () = Woken::new(closing) => End::DRAINING,
        };
        if matches!(end, End::Close(..)) {
            tokio::select! {
                biased;
                () = self.link.closing.cancelled() => {}
                flushed = self.flush(&mut socket.outgoing) => return flushed.err().unwrap_or(end),
            }
        }
        end
    }

    /// From the client to the tab.
    async fn read<I: Inbound>(
        &self,
        incoming: &mut ReadHalf,
        inbound: &I,
        pulse: &Pulse,
        early: Option<Bytes>,
    ) -> End {
        let mut first_by = Some(Instant::now() + self.limits.first_frame_timeout);
        if let Some(early) = early {
            first_by = None;
            if !early.is_empty() && inbound.receive(early).await.is_err() {
                return End::BROKEN;
            }
        }
        loop {
            let said = match first_by {
                Some(deadline) => timeout_at(deadline, incoming.next())
                    .await
                    .unwrap_or(Err(End::SILENT)),
                None => incoming.next().await,
            };
            pulse.missed.store(0, Ordering::Relaxed);
            match said {
                Ok(Said::Text(text)) => {
                    first_by = None;
                    pulse.is_busy.store(true, Ordering::Relaxed);
                    if inbound.receive(text).await.is_err() {
                        return End::BROKEN;
                    }
                    pulse.is_busy.store(false, Ordering::Relaxed);
                }
                Ok(Said::Alive) => {}
                Err(end) => return end,
            }
        }
    }

    /// Asks from time to time whether the peer lives, until it does not.
    async fn beat(&self, replies: &Replies, pulse: &Pulse) -> End {
        let every = self.limits.ping_interval;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ping.tick().await;
            if pulse.is_silent() {
                if pulse.missed.fetch_add(1, Ordering::Relaxed) >= MOST_MISSED {
                    return End::Peer;
                }
                replies.put(&PING);
            }
        }
    }

    /// From the tab to the client. What was added last may be unwritten when it ends.
    async fn write<O: Outbound>(
        &self,
        outgoing: &mut WriteHalf,
        outbound: &mut O,
        pulse: &Pulse,
    ) -> End {
        let mut batch = Vec::new();
        let replies = outgoing.replies();
        loop {
            let replied = pin!(replies.wait());
            let mut replied = Woken::new(replied);
            let mut has_replied = false;
            while !has_replied {
                let (before, mut is_batch) = (self.link.meter.written(), false);
                let end = tokio::select! {
                    biased;
                    // What it still had to say when it is gone is in the batch, a close frame perhaps.
                    result = outbound.next(&mut batch) => {
                        is_batch = true;
                        add(outgoing, &mut batch).or(result.err().map(|_| End::BROKEN))
                    }
                    () = &mut replied => {
                        has_replied = true;
                        None
                    }
                };
                if let Some(end) = end {
                    return end;
                }
                pulse.is_writing.store(true, Ordering::Relaxed);
                if let Err(end) = self.flush(outgoing).await {
                    return end;
                }
                pulse.is_writing.store(false, Ordering::Relaxed);
                if is_batch {
                    outbound.written(self.link.meter.written() - before);
                }
            }
        }
    }

    /// Writes what was added, for as long as the kernel takes bytes from time to time.
    async fn flush(&self, outgoing: &mut WriteHalf) -> Result<(), End> {
        tokio::select! {
            biased;
            result = outgoing.flush() => result.map_err(|err| lost(&err)),
            () = self.stall() => {
                tracing::info!("a tab takes nothing any more and is closed");
                Err(End::Peer)
            }
        }
    }

    /// Ends when the kernel has taken nothing for too long.
    async fn stall(&self) {
        let limit = self.limits.send_stall_timeout;
        let (mut written, mut since) = (self.link.meter.written(), Instant::now());
        while since.elapsed() < limit {
            sleep(limit / STALL_CHECKS).await;
            let now = self.link.meter.written();
            if now != written {
                (written, since) = (now, Instant::now());
            }
        }
    }
}

/// Adds a batch; a close frame in it ends the socket, after what stood before it.
fn add(outgoing: &mut WriteHalf, batch: &mut Vec<Frame>) -> Option<End> {
    for frame in batch.drain(..) {
        match frame {
            Frame::Text(text) => outgoing.text(text),
            Frame::Close(code, reason) => return Some(End::Close(code, reason)),
        }
    }
    None
}

fn lost(err: &io::Error) -> End {
    tracing::debug!(%err, "a socket is lost");
    End::Peer
}

/// Says goodbye, for at most `GOODBYE`. What is already on its way comes first.
pub(super) async fn close(socket: &mut Socket, end: End) {
    if let End::Close(code, reason) = end {
        socket.outgoing.close(code, reason);
    }
    // Of a peer that has closed, this takes the answer along.
    if timeout(GOODBYE, socket.outgoing.flush()).await.is_err() {
        tracing::debug!("a peer does not take its close frame");
    }
}
