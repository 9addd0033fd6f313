//! Moves text between a socket and its tab: both directions at once, in one task. Keeps no queue: what the client sends waits
//! in the kernel while the tab is busy, what the tab has to say waits in its feed while the client is slow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use actors::tab::Frame;
use axum::{
    Error,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use bytes::Bytes;
use config::Limits;
use futures_util::{
    Sink, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::{End, Inbound, Outbound};
use crate::connection::Link;

/// How long a close frame may take. Well under the second within which a revoked socket has to be gone.
const GOODBYE: Duration = Duration::from_millis(500);
/// Pings without an answer after which the peer is taken for dead.
const MOST_MISSED: u32 = 2;
/// Parts of the stall limit at which progress is looked at.
const STALL_CHECKS: u32 = 10;

/// One admitted socket.
pub(super) struct Pump {
    pub(super) limits: Limits,
    pub(super) link: Arc<Link>,
    /// Cancelled when its principal may no longer stay.
    pub(super) revoked: CancellationToken,
    /// What came with the proof, if there was one: it was the first frame then.
    pub(super) early: Option<Bytes>,
}

/// Whether the peer lives.
#[derive(Debug, Default)]
struct Pulse {
    /// Pings since anything was heard.
    missed: AtomicU32,
    /// The tab is busy and nothing is read: silence then says nothing about the peer.
    is_busy: AtomicBool,
}

impl Pump {
    /// Runs until either side ends it, and closes the socket.
    pub(super) async fn run<I: Inbound, O: Outbound>(
        mut self,
        socket: WebSocket,
        inbound: I,
        mut outbound: O,
    ) {
        let (mut sink, mut stream) = socket.split();
        let pulse = Pulse::default();
        let early = self.early.take();
        let end = tokio::select! {
            biased;
            () = self.revoked.cancelled() => End::REVOKED,
            end = self.write(&mut sink, &mut outbound, &pulse) => end,
            end = self.read(&mut stream, &inbound, &pulse, early) => end,
        };
        tracing::info!(?end, "a tab is disconnected");
        close(&mut sink, end).await;
    }

    /// From the client to the tab.
    async fn read<I: Inbound>(
        &self,
        stream: &mut SplitStream<WebSocket>,
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
            let message = match first_by {
                Some(deadline) => match timeout_at(deadline, stream.next()).await {
                    Ok(message) => message,
                    Err(_) => return End::SILENT,
                },
                None => stream.next().await,
            };
            pulse.missed.store(0, Ordering::Relaxed);
            match message {
                Some(Ok(Message::Text(text))) => {
                    first_by = None;
                    pulse.is_busy.store(true, Ordering::Relaxed);
                    if inbound.receive(text.into()).await.is_err() {
                        return End::BROKEN;
                    }
                    pulse.is_busy.store(false, Ordering::Relaxed);
                }
                // The socket answers pings by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return End::BINARY,
                Some(Ok(Message::Close(_))) | None => return End::Peer,
                Some(Err(err)) => return end_of(err),
            }
        }
    }

    /// From the tab to the client.
    async fn write<O: Outbound>(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        outbound: &mut O,
        pulse: &Pulse,
    ) -> End {
        let every = self.limits.ping_interval;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            let written = tokio::select! {
                result = outbound.next(&mut batch) => match result {
                    Ok(()) => self.unless_stalled(write_batch(sink, &mut batch)).await,
                    // What it still had to say is in the batch, a close frame perhaps.
                    Err(_) => self.unless_stalled(write_batch(sink, &mut batch)).await.and(Err(End::BROKEN)),
                },
                _ = ping.tick() => {
                    let is_busy = pulse.is_busy.load(Ordering::Relaxed);
                    if !is_busy && pulse.missed.fetch_add(1, Ordering::Relaxed) >= MOST_MISSED {
                        return End::Peer;
                    }
                    self.unless_stalled(send(sink, Message::Ping(Bytes::new()))).await
                }
                () = self.link.closing.cancelled() => return End::DRAINING,
            };
            if let Err(end) = written {
                return end;
            }
        }
    }

    /// Runs a write for as long as the kernel takes bytes from time to time.
    async fn unless_stalled(
        &self,
        write: impl Future<Output = Result<(), End>>,
    ) -> Result<(), End> {
        tokio::select! {
            biased;
            result = write => result,
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

/// Writes a batch with one flush. A close frame in it ends the socket, after what stood before it.
async fn write_batch(
    sink: &mut SplitSink<WebSocket, Message>,
    batch: &mut Vec<Frame>,
) -> Result<(), End> {
    for frame in batch.drain(..) {
        match frame {
            Frame::Text(text) => {
                let text = Utf8Bytes::try_from(text).map_err(|_| {
                    tracing::error!("a tab has text that is not UTF-8");
                    End::BROKEN
                })?;
                sink.feed(Message::Text(text))
                    .await
                    .map_err(|err| lost(&err))?;
            }
            Frame::Close(code, reason) => return Err(End::Close(code, reason)),
        }
    }
    sink.flush().await.map_err(|err| lost(&err))
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> Result<(), End> {
    sink.send(message).await.map_err(|err| lost(&err))
}

fn lost(err: &Error) -> End {
    tracing::debug!(%err, "a socket is lost");
    End::Peer
}

/// Says goodbye, for at most `GOODBYE`.
pub(super) async fn close<S: Sink<Message> + Unpin>(sink: &mut S, end: End) {
    let goodbye = async {
        match end {
            // Answers the peer's close frame, if it sent one.
            End::Peer => sink.close().await,
            End::Close(code, reason) => {
                sink.send(Message::Close(Some(CloseFrame {
                    code,
                    reason: reason.into(),
                })))
                .await
            }
        }
    };
    if timeout(GOODBYE, goodbye).await.is_err() {
        tracing::debug!("a peer does not take its close frame");
    }
}

/// What the peer is told about an error in what it sent.
pub(super) fn end_of(err: Error) -> End {
    let err = err.into_inner();
    let Some(err) = err.downcast_ref::<tungstenite::Error>() else {
        return End::Peer;
    };
    match err {
        tungstenite::Error::Capacity(_) => End::Close(close_code::SIZE, "a message is too large"),
        tungstenite::Error::Utf8(_) => End::Close(close_code::INVALID, "a text is not UTF-8"),
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => End::Peer,
        tungstenite::Error::Protocol(_) => {
            End::Close(close_code::PROTOCOL, "this is not the WebSocket protocol")
        }
        _ => End::Peer,
    }
}
