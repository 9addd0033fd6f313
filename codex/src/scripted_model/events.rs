//! The events of one streamed answer, and the body that carries them. What they say is decided in [`super::answer`].

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

/// Chunks that may wait for the client; then the script waits.
const CHUNKS: usize = 16;
/// Bytes that are collected before they are sent, when nothing is waited for.
const CHUNK_BYTES: usize = 32 << 10;

/// Time for the server to write what was sent, before a stream is broken off.
const WRITTEN: Duration = Duration::from_millis(50);

/// Codex left, or was left, before the end of the answer.
#[derive(Debug)]
pub(super) struct Broken;

/// The body of a streamed answer.
#[derive(Debug)]
pub(super) struct EventBody(mpsc::Receiver<Result<Bytes, BrokenOff>>);

/// Makes the server cut the connection in the middle of the body.
#[derive(Debug, thiserror::Error)]
#[error("the script breaks the stream off")]
pub(super) struct BrokenOff;

impl Body for EventBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// Writes the events of one answer.
#[derive(Debug)]
pub(super) struct Events {
    chunks: mpsc::Sender<Result<Bytes, BrokenOff>>,
    collected: Vec<u8>,
    /// Output items so far.
    items: usize,
}

impl Events {
    pub(super) fn new() -> (Self, EventBody) {
        let (chunks, body) = mpsc::channel(CHUNKS);
        (
            Self {
                chunks,
                collected: Vec::new(),
                items: 0,
            },
            EventBody(body),
        )
    }

    /// Adds an event of this type with these fields.
    pub(super) async fn send(&mut self, kind: &str, mut fields: Value) -> Result<(), Broken> {
        fields["type"] = kind.into();
        self.collected
            .extend_from_slice(format!("event: {kind}\ndata: {fields}\n\n").as_bytes());
        if self.collected.len() >= CHUNK_BYTES {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Sends what was collected.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        if self.collected.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.collected));
        self.chunks.send(Ok(chunk)).await.map_err(|_| Broken)
    }

    /// Waits until then, with everything sent; it ends early when Codex leaves.
    pub(super) async fn wait_until(&mut self, deadline: Instant) -> Result<(), Broken> {
        self.flush().await?;
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => Ok(()),
            () = self.chunks.closed() => Err(Broken),
        }
    }

    /// Waits until a piece that is due so long after `began`, if it is not due at once.
    pub(super) async fn pace(
        &mut self,
        began: Instant,
        due: Option<Duration>,
    ) -> Result<(), Broken> {
        match due {
            Some(due) if began.elapsed() < due => self.wait_until(began + due).await,
            _ => Ok(()),
        }
    }

    /// Says nothing more until Codex leaves.
    pub(super) async fn hang(mut self) {
        if self.flush().await.is_ok() {
            self.chunks.closed().await;
        }
    }

    /// Breaks the stream off in the middle.
    pub(super) async fn break_off(mut self) {
        // The connection is dropped together with what the server has not written yet.
        if self.wait_until(Instant::now() + WRITTEN).await.is_ok() {
            let _ = self.chunks.send(Err(BrokenOff)).await;
        }
    }

    /// The index of a new output item.
    pub(super) fn next_item(&mut self) -> usize {
        self.items += 1;
        self.items - 1
    }

    pub(super) async fn created(&mut self, id: &str) -> Result<(), Broken> {
        self.send("response.created", json!({"response": {"id": id}}))
            .await?;
        self.flush().await
    }

    pub(super) async fn completed(mut self, id: &str) -> Result<(), Broken> {
        let usage = json!({
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
        });
        self.send(
            "response.completed",
            json!({"response": {"id": id, "usage": usage}}),
        )
        .await?;
        self.flush().await
    }

    pub(super) async fn failed(
        mut self,
        id: &str,
        code: &str,
        message: &str,
    ) -> Result<(), Broken> {
        let error = json!({"code": code, "message": message});
        self.send(
            "response.failed",
            json!({"response": {"id": id, "status": "failed", "error": error}}),
        )
        .await?;
        self.flush().await
    }
}
