//! What a client gets: whole frames, written straight from the memory that all tabs share. Large texts are not copied, small
//! ones are gathered, and between batches nothing is kept. Text frames by a server are a head and the text, so they are made
//! here; everything that needs a parser is in `incoming`.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::incoming::Replies;

/// Texts up to this size are copied behind their heads: cheaper than one more piece for the kernel.
const COPIED: usize = 2 * 1024;
/// Pieces for one system call.
const PIECES: usize = 32;
/// Longest reason of a close frame, by the standard.
const REASON: usize = 123;

/// First byte of a whole frame: text, close.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
/// A ping, whole.
pub(super) const PING: [u8; 2] = [0x89, 0];

/// The writing half of a socket.
pub(super) struct Outgoing<W> {
    write: W,
    replies: Arc<Replies>,
    /// What is not written yet; the first piece may be half a frame, the last one ends with a frame.
    pieces: VecDeque<Bytes>,
    /// Heads and small texts that come behind `pieces`.
    gathered: BytesMut,
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    pub(super) fn new(write: W, replies: Arc<Replies>) -> Self {
        Self {
            write,
            replies,
            pieces: VecDeque::new(),
            gathered: BytesMut::new(),
        }
    }

    /// Adds a text frame.
    pub(super) fn text(&mut self, text: Bytes) {
        put_head(&mut self.gathered, TEXT, text.len());
        if text.len() <= COPIED {
            self.gathered.put_slice(&text);
        } else {
            self.seal();
            self.pieces.push_back(text);
        }
    }

    /// Adds a close frame. Nothing may follow it.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let reason = &reason.as_bytes()[..reason.len().min(REASON)];
        put_head(&mut self.gathered, CLOSE, 2 + reason.len());
        self.gathered.put_u16(code);
        self.gathered.put_slice(reason);
    }

    /// What the reading half has to answer: `flush` takes it along, and is due when there is some.
    pub(super) fn replies(&self) -> Arc<Replies> {
        self.replies.clone()
    }

    /// Writes everything that was added, and what the reading half has to answer. When the future is dropped, the rest is
    /// still there and comes first the next time.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.gathered.put_slice(&self.replies.take());
        self.seal();
        while !self.pieces.is_empty() {
            let mut slices = [io::IoSlice::new(&[]); PIECES];
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = io::IoSlice::new(piece);
            }
            let count = self.pieces.len().min(PIECES);
            let written = self.write.write_vectored(&slices[..count]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.advance(written);
        }
        Ok(())
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            // Taken whole, so that no spare room stays with an idle tab.
            self.pieces
                .push_back(std::mem::take(&mut self.gathered).freeze());
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.pieces.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.pieces.pop_front();
        }
    }
}

/// The head of an unmasked whole frame.
fn put_head(out: &mut BytesMut, first: u8, length: usize) {
    out.put_u8(first);
    match length {
        0..126 => out.put_u8(length as u8),
        126..65_536 => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{Message, protocol::Role},
    };

    use super::*;

    #[tokio::test]
    async fn frames_of_every_size_are_read_as_they_were_written() {
        // A narrow pipe, so that writes end in the middle of heads and texts.
        let (client, server) = tokio::io::duplex(61);
        let replies = Arc::<Replies>::default();
        let mut outgoing = Outgoing::new(server, Arc::clone(&replies));
        let lengths = [
            0,
            1,
            125,
            126,
            127,
            COPIED,
            COPIED + 1,
            65_535,
            65_536,
            200_000,
            3,
        ];
        let texts = lengths.map(|length| "abcdefgh".repeat(length / 8 + 1)[..length].to_owned());
        let expected = texts.clone();
        let write = async move {
            for text in texts {
                outgoing.text(text.into());
            }
            replies.put(&PING);
            outgoing.flush().await.unwrap();
            for _ in 0..200 {
                outgoing.text("x".repeat(COPIED + 1).into());
            }
            outgoing.close(4401, "gone");
            outgoing.flush().await.unwrap();
            assert!(outgoing.pieces.is_empty() && outgoing.gathered.capacity() == 0);
        };
        let read = async move {
            let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
            let mut messages = Vec::new();
            while let Some(Ok(message)) = client.next().await {
                messages.push(message);
            }
            messages
        };
        let ((), messages) = tokio::join!(write, read);
        let texts: Vec<_> = messages[..11]
            .iter()
            .map(|message| message.to_text().unwrap())
            .collect();
        assert_eq!(texts, expected);
        assert_eq!(messages[11], Message::Ping(Bytes::new()));
        assert_eq!(messages.len(), 11 + 1 + 200 + 1);
        let Message::Close(Some(close)) = &messages[212] else {
            panic!("a close comes last")
        };
        assert_eq!(
            (u16::from(close.code), close.reason.as_str()),
            (4401, "gone")
        );
    }
}
