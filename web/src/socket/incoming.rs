//! What a client sends: tungstenite reads and judges its frames. Pongs and the answer to a close, which it makes by itself,
//! are kept for the writer, which puts them between whole frames.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::ProtocolError,
        protocol::{Role, WebSocketConfig},
    },
};

use super::End;

/// What is read from a socket at once. Every open socket holds one such buffer, and what tabs send is small.
const READ_BUFFER: usize = 4 * 1024;
/// Answers that wait for the writer. A client that sends pings faster than it reads their pongs gets the latest only.
const MOST_REPLIES: usize = 4 * 1024;
/// Bytes beyond twice the limit of a message after which an unfinished one is given up: a message in very small pieces has
/// more frame heads than text, and one in empty pieces would never reach its limit.
const UNFINISHED_SLACK: u64 = 64 * 1024;

/// The reading half of a socket.
pub(super) struct Incoming<R> {
    stream: WebSocketStream<Tap<R>>,
}

/// Something a client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A text frame's payload.
    Text(Bytes),
    /// That it lives: a ping or a pong.
    Alive,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    /// Reads messages of at most `most` bytes.
    pub(super) async fn new(read: R, most: usize) -> (Self, Arc<Replies>) {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(MOST_REPLIES)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let replies = Arc::new(Replies::default());
        let most = most as u64 * 2 + UNFINISHED_SLACK;
        let tap = Tap {
            read,
            replies: replies.clone(),
            unfinished: 0,
            most,
        };
        let stream = WebSocketStream::from_raw_socket(tap, Role::Server, Some(config)).await;
        (Self { stream }, replies)
    }

    /// The next thing it says; `Err` if it has said its last, or something that ends the socket.
    pub(super) async fn next(&mut self) -> Result<Said, End> {
        let message = self.stream.next().await;
        self.stream.get_mut().unfinished = 0;
        match message {
            Some(Ok(Message::Text(text))) => Ok(Said::Text(text.into())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Said::Alive),
            Some(Ok(Message::Binary(_))) => Err(End::BINARY),
            Some(Ok(Message::Close(_))) => {
                // Leaves our half of the closing with the writer; nothing more is read.
                let _ = self.stream.next().await;
                Err(End::Peer)
            }
            Some(Ok(Message::Frame(_))) | None => Err(End::Peer),
            Some(Err(err)) => Err(end_of(&err)),
        }
    }
}

/// What the peer is told about an error in what it sent.
fn end_of(err: &tungstenite::Error) -> End {
    match err {
        tungstenite::Error::Capacity(_) => End::TOO_LARGE,
        tungstenite::Error::Io(err) if err.kind() == io::ErrorKind::InvalidData => End::TOO_LARGE,
        tungstenite::Error::Utf8(_) => End::NOT_UTF8,
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Peer,
        tungstenite::Error::Protocol(_) => End::NOT_A_FRAME,
        _ => End::Peer,
    }
}

/// Whole frames that answer what the client sent, and pings.
#[derive(Debug, Default)]
pub(super) struct Replies {
    bytes: Mutex<BytesMut>,
    wake: Notify,
}

impl Replies {
    /// Takes them; empty if there are none.
    pub(super) fn take(&self) -> Bytes {
        self.bytes.lock().split().freeze()
    }

    /// Adds a whole frame.
    pub(super) fn put(&self, frame: &[u8]) {
        self.bytes.lock().extend_from_slice(frame);
        self.wake.notify_one();
    }

    /// Waits until there are some.
    pub(super) async fn wait(&self) {
        while self.bytes.lock().is_empty() {
            self.wake.notified().await;
        }
    }
}

/// The stream as tungstenite sees it: reads the client's bytes, and writes to the side.
struct Tap<R> {
    read: R,
    replies: Arc<Replies>,
    /// Bytes read since the last message was complete.
    unfinished: u64,
    most: u64,
}

impl<R: AsyncRead + Unpin> AsyncRead for Tap<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.read).poll_read(cx, buf))?;
        self.unfinished += (buf.filled().len() - before) as u64;
        if self.unfinished > self.most {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message does not end",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: Unpin> AsyncWrite for Tap<R> {
    /// Takes all or nothing, so that what is kept are whole frames.
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.replies.bytes.lock().len() + buf.len() > MOST_REPLIES {
            // Nobody is woken for it: the next read tries again, and has the latest pong only.
            return Poll::Pending;
        }
        self.replies.put(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// A masked frame; a mask of zeros leaves the payload as it is.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() < 126);
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    }

    #[tokio::test]
    async fn pongs_are_kept_for_the_writer_as_whole_frames_and_bounded() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let (mut incoming, replies) = Incoming::new(server, 1024).await;
        client.write_all(&frame(0x89, b"one")).await.unwrap();
        client.write_all(&frame(0x81, b"text")).await.unwrap();
        assert_eq!(incoming.next().await, Ok(Said::Alive));
        assert_eq!(
            incoming.next().await,
            Ok(Said::Text(Bytes::from_static(b"text")))
        );
        replies.wait().await;
        assert_eq!(&replies.take()[..], b"\x8a\x03one");

        for _ in 0..1000 {
            client.write_all(&frame(0x89, &[b'x'; 100])).await.unwrap();
        }
        for _ in 0..1000 {
            assert_eq!(incoming.next().await, Ok(Said::Alive));
        }
        let kept = replies.take();
        assert!(
            kept.len() <= MOST_REPLIES && kept.len() % 102 == 0,
            "{}",
            kept.len()
        );
    }

    #[tokio::test]
    async fn a_message_in_empty_pieces_is_given_up() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let (mut incoming, _) = Incoming::new(server, 1024).await;
        client.write_all(&frame(0x01, b"begin")).await.unwrap();
        // Each piece has six bytes of head, so all of them are more than the 66 KiB that an unfinished message may have.
        for _ in 0..20_000 {
            client.write_all(&frame(0x00, b"")).await.unwrap();
        }
        drop(client);
        assert_eq!(incoming.next().await, Err(End::TOO_LARGE));
    }
}
