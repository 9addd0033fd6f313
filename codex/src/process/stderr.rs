//! The end of what a process wrote to stderr, for the moment when somebody asks why it died.
//!
//! It is raw: whoever shows it must redact it first.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::watch,
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Identity, launcher};

/// How many lines are kept; older ones go.
const MAX_LINES: usize = 40;
/// How many bytes are kept in all; older lines go.
const MAX_BYTES: usize = 16 * 1024;
/// How many bytes of one line are kept; the rest of the line goes.
const MAX_LINE: usize = 4 * 1024;

/// The end of stderr: at most 40 lines and 16 KiB, without terminal colours. A shared handle; reading is possible at any
/// time, also after the process.
#[derive(Debug, Clone)]
pub struct StderrTail {
    tail: Arc<Mutex<Tail>>,
    /// Cancelled at the end of the stream.
    ended: CancellationToken,
    _reader: Arc<Reader>,
}

/// The reading task; it ends with the last handle, should the stream not end before.
#[derive(Debug)]
struct Reader(AbortHandle);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl StderrTail {
    /// Reads `stream` to its end in a task. With `program`, what the launcher says of its program goes there instead of
    /// into the tail.
    pub(super) fn read(
        mut stream: impl AsyncRead + Unpin + Send + 'static,
        mut program: Option<watch::Sender<Option<Identity>>>,
    ) -> Self {
        let tail = Arc::new(Mutex::new(Tail::default()));
        let ended = CancellationToken::new();
        let task = tokio::spawn({
            let tail = Arc::clone(&tail);
            let ended = ended.clone().drop_guard();
            async move {
                let _ended = ended;
                let mut chunk = vec![0; MAX_LINE];
                while let Ok(read @ 1..) = stream.read(&mut chunk).await {
                    let mut tail = tail.lock();
                    tail.push(&chunk[..read]);
                    if program.is_some()
                        && let Some(pid) = tail.take_said_pid()
                        && let Some(program) = program.take()
                    {
                        program.send_replace(Some(Identity::of(pid)));
                    }
                }
            }
        });
        Self {
            tail,
            ended,
            _reader: Arc::new(Reader(task.abort_handle())),
        }
    }

    /// Waits until nobody can write any more: the process, and all that has its stderr, have ended.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The lines so far, oldest first; an unfinished last line is one too.
    pub fn lines(&self) -> Vec<String> {
        self.tail.lock().lines()
    }
}

/// Invariant: `bytes` is the sum of the lengths of `lines`.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    open: Vec<u8>,
}

impl Tail {
    fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.extend(&bytes[..end]);
            self.close();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.open.len();
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn close(&mut self) {
        let line = plain(&self.open);
        self.open.clear();
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
    }

    /// Takes out what the launcher says before there is a program that could say it too.
    fn take_said_pid(&mut self) -> Option<u32> {
        let mut said = self.lines.iter().map(|line| launcher::said_pid(line));
        let at = said.position(|pid| pid.is_some())?;
        let line = self.lines.remove(at)?;
        self.bytes -= line.len();
        launcher::said_pid(&line)
    }

    fn lines(&self) -> Vec<String> {
        let open = (!self.open.is_empty()).then(|| plain(&self.open));
        self.lines.iter().cloned().chain(open).collect()
    }
}

/// The text without terminal escapes and control characters.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => plain.push('\t'),
            char if char.is_control() => {}
            char => plain.push(char),
        }
    }
    plain
}

/// Skips what follows an escape character: a CSI sequence up to its final byte, an OSC string up to its terminator, or
/// one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            chars.find(|char| ('@'..='~').contains(char));
        }
        Some(']') => {
            while let Some(char) = chars.next() {
                if char == '\u{7}' || (char == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}
