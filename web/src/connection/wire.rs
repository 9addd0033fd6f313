//! The bytes of one connection: watches the first request head for what hyper lets pass, counts what goes out, gives the
//! answers that hyper makes by itself our headers, and hangs up so that the peer still reads the last answer. Understands
//! nothing else of HTTP.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::HeaderMap;
use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    runtime::Handle,
    time::timeout,
};

use super::Link;
use crate::{headers, listener::Bytestream};

/// How long a finished connection stays open so that the peer can read the last answer. Closing at once while bytes are
/// still unread would make the kernel send a reset, which throws that answer away.
const LINGER: Duration = Duration::from_secs(1);
/// What is read and thrown away meanwhile; a peer that sends more gets the reset.
const LINGER_BYTES: u64 = 4 << 20;

/// What is known of a connection's bytes.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    written: AtomicU64,
    is_malformed: AtomicBool,
    is_asked: AtomicBool,
}

impl Meter {
    /// Bytes that the kernel has taken from us.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Notes that a request has come through: from here on answers are made by us.
    pub(crate) fn note_request(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    /// Whether the request's head had a line that ends in anything but CR LF. Two parties that read such a head may
    /// disagree about where it ends.
    pub(crate) fn is_malformed(&self) -> bool {
        self.is_malformed.load(Ordering::Relaxed)
    }
}

/// The connection as hyper sees it.
pub(crate) struct Wire {
    /// `None` only while dropping.
    stream: Option<Box<dyn Bytestream>>,
    head: Head,
    /// What is left to write of an answer that hyper made by itself, because it could not read the request.
    refusal: Bytes,
    /// Its seat is held until the connection is really over.
    link: Arc<Link>,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Bytestream>, link: Arc<Link>) -> Self {
        Self {
            stream: Some(stream),
            head: Head::default(),
            refusal: Bytes::new(),
            link,
        }
    }

    /// Takes what hyper writes before any request has come through: a refusal, of some hundred bytes in all.
    fn take_refusal(&mut self, bytes: &[u8]) -> usize {
        let kept = std::mem::take(&mut self.refusal);
        let more = if kept.is_empty() {
            with_our_headers(bytes)
        } else {
            bytes.to_vec()
        };
        self.refusal = [&kept[..], &more].concat().into();
        bytes.len()
    }

    /// Writes what is left of it.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let refusal = self.refusal.clone();
            let count = ready!(self.stream().poll_write(cx, &refusal))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    fn is_refusing(&self) -> bool {
        !self.link.meter.is_asked.load(Ordering::Relaxed)
    }

    fn stream(&mut self) -> Pin<&mut dyn Bytestream> {
        Pin::new(
            self.stream
                .as_mut()
                .expect("only dropping takes the stream"),
        )
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let (Some(mut stream), Ok(runtime)) = (self.stream.take(), Handle::try_current()) else {
            return;
        };
        let link = self.link.clone();
        // Owned by nobody, but it ends within LINGER and holds the connection's seat until then.
        runtime.spawn(async move {
            let goodbye = timeout(LINGER, async {
                stream.shutdown().await?;
                tokio::io::copy(
                    &mut (&mut stream).take(LINGER_BYTES),
                    &mut tokio::io::sink(),
                )
                .await
            });
            tokio::select! {
                _ = goodbye => {}
                // Room is needed, or the host ends: nobody waits for this peer.
                () = link.seat.cut().cancelled() => {}
            }
        });
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.stream().poll_read(cx, buf))?;
        if !self.head.is_over && !self.head.is_well_formed(&buf.filled()[before..]) {
            self.link.meter.is_malformed.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_refusing() {
            return Poll::Ready(Ok(self.take_refusal(buf)));
        }
        let count = ready!(self.stream().poll_write(cx, buf))?;
        self.link
            .meter
            .written
            .fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_refusing() {
            let whole = bufs.iter().flat_map(|buf| buf.iter().copied());
            return Poll::Ready(Ok(self.take_refusal(&whole.collect::<Vec<_>>())));
        }
        let count = ready!(self.stream().poll_write_vectored(cx, bufs))?;
        self.link
            .meter
            .written
            .fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|stream| stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        self.stream().poll_shutdown(cx)
    }
}

/// The beginning of an answer with the headers that every answer has, behind its status line.
fn with_our_headers(answer: &[u8]) -> Vec<u8> {
    let Some(end) = answer.windows(2).position(|pair| pair == b"\r\n") else {
        return answer.to_vec();
    };
    let (status, rest) = answer.split_at(end + 2);
    let mut headers = HeaderMap::new();
    headers::secure(&mut headers, false);
    let mut whole = status.to_vec();
    for (name, value) in &headers {
        whole.extend_from_slice(name.as_str().as_bytes());
        whole.extend_from_slice(b": ");
        whole.extend_from_slice(value.as_bytes());
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(rest);
    whole
}

/// How far the first head has come.
#[derive(Debug, Default)]
struct Head {
    last: u8,
    /// Bytes since the last line end.
    line: usize,
    is_over: bool,
}

impl Head {
    /// Takes the next bytes; false if one of them must not stand where it stands.
    fn is_well_formed(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            let starts_line = self.line == 0;
            match (self.last, byte) {
                (b'\r', b'\n') => {
                    // The empty line: the end, but not the beginning of a head.
                    self.is_over = self.line == 1;
                    self.line = 0;
                    self.last = byte;
                    if self.is_over {
                        return true;
                    }
                    continue;
                }
                (b'\r', _) | (_, b'\n') => return self.give_up(),
                // A folded line, or a request that begins with an empty one.
                (b'\n', b' ' | b'\t') | (0, b'\r') if starts_line => return self.give_up(),
                _ => {}
            }
            self.line += 1;
            self.last = byte;
        }
        true
    }

    fn give_up(&mut self) -> bool {
        self.is_over = true;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict over a head in one piece, and byte by byte.
    fn verdicts(text: &str) -> (bool, bool) {
        let mut whole = Head::default();
        let whole = whole.is_well_formed(text.as_bytes());
        let mut pieces = Head::default();
        let pieces = text
            .as_bytes()
            .chunks(1)
            .all(|byte| pieces.is_over || pieces.is_well_formed(byte));
        (whole, pieces)
    }

    #[test]
    fn heads_that_two_readers_could_read_differently_are_malformed() {
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nA: b\rHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(verdicts(text), (false, false), "{text:?}");
        }
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n\n\nbody \n x",
            "GET / HT",
        ] {
            assert_eq!(verdicts(text), (true, true), "{text:?}");
        }
    }
}
