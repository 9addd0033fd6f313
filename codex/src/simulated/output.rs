//! Stdout of the simulated Codex: one writer thread, whole lines in, large writes out. It knows nothing of messages.

use std::{io, sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

/// Bytes that may wait for the reader. A turn that streams waits when they are full (the real Codex would buffer on
/// without a limit); answers to requests are few and never wait.
const QUEUE_BYTES: usize = 4 << 20;

/// Longest wait for the reader at a clean end; the real one does not wait at all.
const FINAL_DRAIN: Duration = Duration::from_millis(100);

/// Whole lines on their way to stdout.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// The writer took or wrote everything.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// The writer holds bytes that are not written yet.
    writing: bool,
    /// Nobody reads any more; everything is dropped.
    broken: bool,
    /// The process ends; streaming waits no more and is dropped.
    ending: bool,
}

impl Output {
    /// Starts the writer thread, which ends with the process.
    pub(super) fn start() -> Arc<Self> {
        let output = Arc::new(Self::default());
        let writer = Arc::clone(&output);
        std::thread::spawn(move || writer.write_all());
        output
    }

    /// Adds whole lines, and waits while too much is unread.
    pub(super) fn stream(&self, lines: &[u8]) {
        let mut queue = self.queue.lock();
        while queue.bytes.len() >= QUEUE_BYTES && !queue.broken && !queue.ending {
            self.emptied.wait(&mut queue);
        }
        if !queue.ending {
            self.push(&mut queue, lines);
        }
    }

    /// Frees a turn that waits for the reader, because the process ends.
    pub(super) fn end_streaming(&self) {
        self.queue.lock().ending = true;
        self.emptied.notify_all();
    }

    /// Adds whole lines without ever waiting.
    pub(super) fn send(&self, lines: &[u8]) {
        self.push(&mut self.queue.lock(), lines);
    }

    fn push(&self, queue: &mut Queue, lines: &[u8]) {
        if !queue.broken {
            queue.bytes.extend_from_slice(lines);
            self.filled.notify_one();
        }
    }

    /// Waits until the pipe has everything.
    pub(super) fn drain(&self) {
        let mut queue = self.queue.lock();
        while !(queue.broken || queue.bytes.is_empty() && !queue.writing) {
            self.emptied.wait(&mut queue);
        }
    }

    /// The same at a clean end, when a reader may have stopped reading.
    pub(super) fn drain_briefly(&self) {
        let mut queue = self.queue.lock();
        let ready = |queue: &mut Queue| !(queue.broken || queue.bytes.is_empty() && !queue.writing);
        let _ = self.emptied.wait_while_for(&mut queue, ready, FINAL_DRAIN);
    }

    /// Closes stdout for the reader; what is sent later is dropped.
    pub(super) fn close(&self) -> io::Result<()> {
        self.drain();
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(null)?;
        Ok(())
    }

    fn write_all(&self) {
        let mut taken = Vec::new();
        loop {
            let mut queue = self.queue.lock();
            queue.writing = false;
            self.emptied.notify_all();
            while queue.bytes.is_empty() {
                self.filled.wait(&mut queue);
            }
            std::mem::swap(&mut queue.bytes, &mut taken);
            queue.writing = true;
            drop(queue);
            // Room for the next lines exists as soon as these are taken.
            self.emptied.notify_all();
            if let Err(error) = write(&taken) {
                eprintln!("Failed to write to stdout: {error}");
                self.queue.lock().broken = true;
            }
            taken.clear();
        }
    }
}

/// Past Rust's own stdout, which would search every buffer for its last newline.
fn write(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
