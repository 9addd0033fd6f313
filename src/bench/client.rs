//! A tab that costs next to nothing: it reads frames, checks each number, and samples delays.
//!
//! Not a client to copy: its frames carry no mask worth the name, and it trusts the handshake.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::hist::Delays;

/// One delay of so many deltas is looked at; each costs the clients time that the target has not.
const SAMPLE: u64 = 16;
/// What one read takes.
const READ: usize = 256 << 10;
/// How long anything may take before the bench gives up.
pub(crate) const GUARD: Duration = Duration::from_secs(60);
/// The synthetic secrets of the simulated Codex begin so.
const SECRET: &[u8] = b"ghp_";

/// Where a target listens, and what lets one in.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub addr: SocketAddr,
    /// The limit asks for none.
    pub token: Option<Arc<str>>,
}

/// What one tab has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Messages with a number.
    pub events: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Numbers that were left out, and numbers that came twice or too late.
    pub lost: u64,
    pub twice: u64,
    /// Secrets that came through.
    pub leaked: u64,
    pub delays: Delays,
    /// The last number.
    pub head: u64,
    /// The next number is the first, whatever it is.
    joining: bool,
    /// Messages have no numbers.
    plain: bool,
    /// When the first delta and the end of the turn came.
    pub first: Option<Instant>,
    pub ended: Option<Instant>,
}

/// One connection.
pub(crate) struct Tab {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is read but not parsed.
    filled: usize,
    next_id: u64,
    pub seen: Seen,
}

impl Tab {
    /// Connects, upgrades, and says `initialize`.
    pub(crate) async fn open(door: &Door) -> anyhow::Result<Self> {
        timeout(GUARD, Self::connect(door))
            .await
            .context("connect in time")?
    }

    async fn connect(door: &Door) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let mut stream = socket.connect(door.addr).await.context("connect")?;
        stream.set_nodelay(true)?;
        let authorization = match &door.token {
            Some(token) => format!("Authorization: Bearer {token}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: aG9sZGZhc3QtYmVuY2gtMQ==\r\nSec-WebSocket-Protocol: holdfast.v1\r\n{authorization}\r\n",
            door.addr
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                stream
                    .read_u8()
                    .await
                    .context("read the answer to the upgrade")?,
            );
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            bail!("no upgrade: {}", String::from_utf8_lossy(line));
        }
        let mut tab = Self {
            stream,
            buffer: Vec::new(),
            filled: 0,
            next_id: 1,
            seen: Seen::default(),
        };
        if door.token.is_some() {
            tab.introduce().await?;
        }
        Ok(tab)
    }

    /// Says `initialize`.
    pub(crate) async fn introduce(&mut self) -> anyhow::Result<()> {
        let client =
            json!({"clientInfo": {"name": "holdfast-bench", "title": "Bench", "version": "0"}});
        self.call("initialize", client).await?;
        self.send(r#"{"method":"initialized"}"#).await?;
        Ok(())
    }

    /// One request and its result; events in between are counted.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"id": id, "method": method, "params": params}).to_string())
            .await?;
        let mut answer = None;
        while answer.is_none() {
            let reading = self.read(|line| {
                let value: Value = serde_json::from_slice(line).unwrap_or_default();
                if value["id"] == id {
                    answer = Some(value);
                }
            });
            timeout(GUARD, reading)
                .await
                .with_context(|| format!("wait for the answer to {method}"))??;
        }
        let mut answer = answer.context("an answer")?;
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => bail!("{method}: {}", answer["error"]["message"]),
        }
    }

    /// Attaches to a session: from `after` on, or from now on.
    pub(crate) async fn attach(
        &mut self,
        thread: &str,
        from: Option<(u64, &str)>,
    ) -> anyhow::Result<()> {
        let params = match from {
            Some((after, journal)) => {
                json!({"threadId": thread, "after": after, "journalId": journal})
            }
            None => json!({"threadId": thread, "tail": 1}),
        };
        // What follows the answer may come with it, so this is settled before.
        match from {
            Some((after, _)) => self.seen.head = after,
            None => self.seen.joining = true,
        }
        let attached = self.call("host/session/attach", params).await?;
        if from.is_some() && attached["verdict"] != "resumed" {
            bail!("the target cannot go on at the cursor of this tab");
        }
        Ok(())
    }

    async fn send(&mut self, text: &str) -> io::Result<()> {
        // A mask of zeros leaves the text as it is.
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await
    }

    /// Reads until the turn has ended.
    pub(crate) async fn read_turn(&mut self) -> anyhow::Result<()> {
        while self.seen.ended.is_none() {
            timeout(GUARD, self.read(|_| {}))
                .await
                .context("wait for the next event")??;
        }
        Ok(())
    }

    /// Reads what comes next.
    pub(crate) async fn read_some(&mut self) -> anyhow::Result<()> {
        timeout(GUARD, self.read(|_| {}))
            .await
            .context("wait for the next event")?
    }

    /// Reads whatever comes for so long: a tab that does not answer pings is hung up on.
    pub(crate) async fn stay(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + time;
        while let Ok(read) = tokio::time::timeout_at(until, self.read(|_| {})).await {
            read?;
        }
        Ok(())
    }

    /// Reads until the turn has ended or `over` is set, whichever comes first.
    pub(crate) async fn read_for(
        &mut self,
        time: Duration,
        over: &AtomicBool,
    ) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + time;
        while self.seen.ended.is_none() && !over.load(Ordering::Relaxed) {
            match tokio::time::timeout_at(until, self.read(|_| {})).await {
                Ok(read) => read?,
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// One read of the socket, and all whole frames in it. Lines without a number are given to `other`. Cancel-safe.
    async fn read(&mut self, mut other: impl FnMut(&[u8])) -> anyhow::Result<()> {
        if self.buffer.len() < self.filled + READ {
            self.buffer.resize(self.filled + READ, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
        if read == 0 {
            bail!("the target hung up");
        }
        self.filled += read;
        let mut start = 0;
        while let Some((code, payload)) = frame(&self.buffer[start..self.filled]) {
            let (from, to) = (start + payload.start, start + payload.end);
            start = to;
            match code {
                0x1 => self.seen.text(&self.buffer[from..to], &mut other),
                0x8 => bail!(
                    "the target closed the socket: {}",
                    String::from_utf8_lossy(&self.buffer[from..to])
                ),
                0x9 => self.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await?,
                _ => {}
            }
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(())
    }
}

/// The first whole frame: its kind, and where its payload is.
fn frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (head, length) = match bytes.get(1)? {
        126 => (
            4,
            u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        length => (2, u64::from(*length)),
    };
    let end = head + usize::try_from(length).ok()?;
    (bytes.len() >= end).then_some((bytes[0] & 0xf, head..end))
}

impl Seen {
    /// For a server that numbers nothing.
    pub(crate) fn of_plain_messages() -> Self {
        Self {
            plain: true,
            ..Self::default()
        }
    }

    /// The lines of one frame.
    fn text(&mut self, text: &[u8], other: &mut impl FnMut(&[u8])) {
        let now = Instant::now();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.leaked += memchr::memmem::find_iter(text, SECRET).count() as u64;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
            let line = &text[start..end];
            start = end + 1;
            if let Some((seq, rest)) = number(line) {
                self.event(seq, behind_generation(rest), line.len(), now, wall);
            } else if self.plain
                && let Some(rest) = line.strip_prefix(b"{")
                && rest.starts_with(b"\"method\"")
            {
                self.event(self.head + 1, rest, line.len(), now, wall);
            } else {
                other(line);
            }
        }
    }

    fn event(&mut self, seq: u64, rest: &[u8], length: usize, now: Instant, wall: Duration) {
        self.events += 1;
        self.bytes += length as u64;
        if std::mem::take(&mut self.joining) {
            self.head = seq.saturating_sub(1);
        }
        match seq.checked_sub(self.head + 1) {
            Some(missing) => {
                self.lost += missing;
                self.head = seq;
            }
            None => self.twice += 1,
        }
        if is(rest, b"item/agentMessage/delta") {
            self.first.get_or_insert(now);
            if seq.is_multiple_of(SAMPLE)
                && let Some(emitted) = stamp(rest)
            {
                let late = wall.as_micros() as u64;
                self.delays.add(late.saturating_sub(emitted));
            }
        } else if is(rest, b"turn/completed") {
            self.ended = Some(now);
        }
    }

    /// Adds what another tab has seen.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.twice += other.twice;
        self.leaked += other.leaked;
        self.delays.merge(&other.delays);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.ended = self.ended.max(other.ended);
    }
}

/// The number at the beginning of an event, and what follows it.
fn number(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = rest[..digits]
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some((number, &rest[digits..]))
}

/// What follows the generation.
fn behind_generation(rest: &[u8]) -> &[u8] {
    let Some(rest) = rest.strip_prefix(b",\"generation\":") else {
        return rest;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].strip_prefix(b",").unwrap_or(rest)
}

/// Whether the rest of an event is of this method.
fn is(rest: &[u8], method: &[u8]) -> bool {
    rest.strip_prefix(b"\"method\":\"")
        .is_some_and(|rest| rest.starts_with(method))
}

/// When the delta was emitted, in microseconds since 1970.
fn stamp(line: &[u8]) -> Option<u64> {
    let at = memchr::memchr(b'@', line)?;
    let digits = line[at + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_doubles_ends_and_secrets_are_seen() {
        let mut seen = Seen::default();
        let line = |seq: u64, method: &str| {
            format!(
                r#"{{"seq":{seq},"generation":12,"method":"{method}","params":{{"delta":"t @1000000 x"}}}}"#
            )
        };
        let delta = "item/agentMessage/delta";
        let secret = format!("gh{}_x", "p");
        let text = [
            line(1, delta),
            line(2, "item/started"),
            line(5, delta),
            line(5, &secret),
            line(6, "turn/completed"),
            r#"{"method":"host/sessions/changed"}"#.to_owned(),
        ];
        let mut others = 0;
        seen.text(text.join("\n").as_bytes(), &mut |_| others += 1);
        assert_eq!(
            (seen.events, seen.lost, seen.twice, seen.leaked, others),
            (5, 2, 1, 1, 1)
        );
        assert!(seen.first.is_some() && seen.ended.is_some());
    }

    #[test]
    fn only_whole_frames_are_taken() {
        let mut bytes = vec![0x81, 126, 0, 200];
        bytes.resize(4 + 199, b'x');
        assert_eq!(frame(&bytes), None);
        bytes.push(b'x');
        assert_eq!(frame(&bytes), Some((1, 4..204)));
        assert_eq!(frame(&[0x89, 0, 0x81]), Some((9, 2..2)));
    }
}
