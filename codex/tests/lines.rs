//! The line reader: however a stream is cut, the same lines come out, and none costs more than its bound.
//!
//! What a line means is tested in `messages.rs`.

#![allow(
    clippy::unwrap_used,
    reason = "an unwrap is how a test says that this must be so"
)]

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use codex::{
    Incoming,
    lines::{BUFFER, Fill, LineReader, Oversized},
    outgoing::notification_line,
};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

/// A stream that gives its bytes in the given pieces, and is not ready between them.
struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    ready: bool,
}

impl Pieces {
    fn new(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            pieces: pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .collect(),
            ready: false,
        }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ready = !self.ready;
        if self.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(mut piece) = self.pieces.pop_front() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.pieces.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

type Line = Result<Vec<u8>, Oversized>;

/// Reads all, and drops a `fill` that is not ready before each one that is waited for.
fn read(pieces: Pieces, max_line: usize) -> Vec<Line> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut reader = LineReader::with_max_line(pieces, max_line);
        let mut lines = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = reader.fill() => panic!("the stream is never ready at once"),
                () = std::future::ready(()) => {}
            }
            let fill = reader.fill().await.unwrap();
            while let Some(line) = reader.next_line() {
                lines.push(line.map(<[u8]>::to_vec));
            }
            if fill == Fill::Eof {
                assert_eq!(reader.fill().await.unwrap(), Fill::Eof);
                assert_eq!(reader.next_line(), None);
                return lines;
            }
        }
    })
}

/// What the lines are, by definition.
fn split(stream: &[u8], max_line: usize) -> Vec<Line> {
    let mut lines: Vec<_> = stream.split(|byte| *byte == b'\n').collect();
    // What follows the last line break is a line only when there is something.
    lines.pop_if(|rest| rest.is_empty());
    let judge = |line: &[u8]| {
        if line.len() > max_line {
            return Err(Oversized {
                length: line.len() as u64,
                limit: max_line,
            });
        }
        Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
    };
    lines.into_iter().map(judge).collect()
}

fn cut(mut stream: Vec<u8>, cuts: &[prop::sample::Index]) -> Pieces {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces: Vec<_> = places
        .into_iter()
        .rev()
        .map(|at| stream.split_off(at))
        .collect();
    pieces.push(stream);
    Pieces::new(pieces.into_iter().rev())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_a_stream_gives_the_same_lines(
        lines in prop::collection::vec("[a-c\r]{0,12}", 0..20),
        ended in any::<bool>(),
        max_line in 0_usize..14,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut stream = lines.join("\n").into_bytes();
        if ended {
            stream.push(b'\n');
        }
        let expected = split(&stream, max_line);
        prop_assert_eq!(read(cut(stream, &cuts), max_line), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_around_the_size_of_the_buffer_come_out_whole(
        lengths in prop::collection::vec(
            prop_oneof![2 => 0..300_usize, 1 => BUFFER - 3..BUFFER + 3, 1 => 0..5 * BUFFER], 1..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        max_line in prop_oneof![1 => Just(usize::MAX), 1 => 1..3 * BUFFER],
    ) {
        let line = |(at, length): (usize, usize)| vec![b'a' + at as u8; length];
        let stream = lengths.into_iter().enumerate().map(line).collect::<Vec<_>>().join(&b'\n');
        let expected = split(&stream, max_line);
        // No panic message of a megabyte: only whether they are the same.
        prop_assert!(read(cut(stream, &cuts), max_line) == expected);
    }
}

/// Feeds a reader piece by piece; gives the lines, the largest buffer on the way, and the buffer at the end.
async fn watch(
    pieces: impl Iterator<Item = Vec<u8>>,
    max_line: usize,
) -> (Vec<Line>, usize, usize) {
    let mut reader = LineReader::with_max_line(Pieces::new(pieces), max_line);
    let (mut lines, mut largest) = (Vec::new(), 0);
    while reader.fill().await.unwrap() == Fill::Data {
        largest = largest.max(reader.capacity());
        while let Some(line) = reader.next_line() {
            lines.push(line.map(<[u8]>::to_vec));
        }
    }
    (lines, largest, reader.capacity())
}

#[tokio::test]
async fn a_message_of_20_megabytes_passes_and_its_memory_is_given_back() {
    let long = vec![b'x'; 20_000_000];
    let stream = [&b"first\n"[..], &long, b"\nlast\n"].concat();
    let pieces = stream.chunks(60_000).map(<[u8]>::to_vec);
    let (lines, largest, rest) = watch(pieces, codex::lines::MAX_LINE).await;
    assert!(lines == [Ok(b"first".to_vec()), Ok(long), Ok(b"last".to_vec())]);
    assert!(largest < 2 * 20_000_000 + BUFFER, "{largest}");
    assert_eq!(rest, BUFFER);
}

#[tokio::test]
async fn memory_is_given_back_although_a_busy_stream_never_pauses_at_the_end_of_a_line() {
    let long = [vec![b'x'; 10 * BUFFER], b"\n".to_vec()].concat();
    let small = "half a line is always left over\n"
        .repeat(100_000)
        .into_bytes();
    let stream = [&long[..], &small].concat();
    let (lines, largest, rest) = watch(stream.chunks(1021).map(<[u8]>::to_vec), 20 * BUFFER).await;
    assert_eq!(lines.len(), 100_001);
    assert!(largest > 10 * BUFFER);
    assert_eq!(rest, BUFFER);
}

#[tokio::test]
async fn a_line_over_the_bound_is_reported_in_its_place_and_costs_no_memory() {
    let max_line = 3 * BUFFER;
    let endless = std::iter::repeat_n(vec![b'x'; BUFFER], 500);
    let pieces = [b"first\n".to_vec()]
        .into_iter()
        .chain(endless)
        .chain([b"\nlast\n".to_vec()]);
    let length = 500 * BUFFER as u64;
    let (lines, largest, _) = watch(pieces, max_line).await;
    assert_eq!(
        lines,
        [
            Ok(b"first".to_vec()),
            Err(Oversized {
                length,
                limit: max_line
            }),
            Ok(b"last".to_vec())
        ]
    );
    assert!(largest <= max_line + BUFFER, "{largest}");
    assert_eq!(
        Oversized {
            length,
            limit: max_line
        }
        .to_string(),
        "discarded a line of 32768000 bytes; the limit is 196608 bytes a line"
    );
}

#[tokio::test]
async fn filling_without_taking_lines_loses_nothing() {
    let pieces = std::iter::repeat_n(vec![b'x'; BUFFER - 1], 20)
        .map(|piece| [piece, b"\n".to_vec()].concat());
    let mut reader = LineReader::with_max_line(Pieces::new(pieces), BUFFER);
    while reader.fill().await.unwrap() == Fill::Data {}
    let mut count = 0;
    while let Some(line) = reader.next_line() {
        assert_eq!(line.map(<[u8]>::len), Ok(BUFFER - 1));
        count += 1;
    }
    assert_eq!(count, 20);
}

#[tokio::test]
async fn a_read_error_leaves_the_complete_lines_readable() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    use tokio::io::AsyncReadExt;
    let mut reader = LineReader::new((&b"one\ntwo\nrest"[..]).chain(Broken));
    assert_eq!(reader.fill().await.unwrap(), Fill::Data);
    assert_eq!(
        reader.fill().await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(reader.next_line(), Some(Ok(&b"one"[..])));
    assert_eq!(reader.next_line(), Some(Ok(&b"two"[..])));
    assert_eq!(reader.next_line(), None);
}

#[tokio::test]
async fn what_is_encoded_comes_out_as_the_same_messages_in_order() {
    let (mut ours, theirs) = tokio::io::duplex(1000);
    let count = 2000;
    let writer = async move {
        for n in 0..count {
            let params = format!("{{\"n\":{n},\n\"text\":\"{}\"}}", "x".repeat(n % 700));
            ours.write_all(&notification_line("note", Some(&params)))
                .await
                .unwrap();
        }
    };
    let reader = async move {
        let mut reader = LineReader::new(theirs);
        let mut next = 0;
        while reader.fill().await.unwrap() == Fill::Data {
            while let Some(line) = reader.next_line() {
                let Ok(Incoming::Notification(note)) = Incoming::parse(line.unwrap()) else {
                    panic!("no notification")
                };
                assert!(
                    note.params
                        .unwrap()
                        .starts_with(&format!("{{\"n\":{next}, "))
                );
                next += 1;
            }
        }
        next
    };
    assert_eq!(tokio::join!(writer, reader).1, count);
}
