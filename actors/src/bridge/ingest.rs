//! From Codex's stdout to the feeds: each line is parsed once, redacted once, numbered and encoded once.
//!
//! ```text
//! line -> parse -> route to a thread -> redact (deltas by stream, all else leaf by leaf) -> append to its feed
//!                -> answers to the pending table, requests to the session's pending state
//! ```
//! Synchronous and without a clock: the bridge actor reads, waits and ticks.

mod answers;
mod requests;
mod thread;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use codex::{
    lines::Oversized,
    message::{Encoding, Incoming, Notification, string_value},
};

use self::thread::Thread;
use super::{
    encoded::{self, EncodedStreams},
    link::BridgeLink,
    redact::redact_json,
};
use crate::{
    directory::Directory,
    feed::{Change, Feed, json_string, text_field},
    redactor::LiveRedactor,
    session::noted::with_usage,
    supervisor::Purpose,
};

/// The pipeline of one bridge.
pub(super) struct Ingest {
    link: Arc<BridgeLink>,
    redactor: Arc<LiveRedactor>,
    directory: Arc<Directory>,
    threads: HashMap<String, Thread>,
    /// The session that the process was started for; messages without a thread belong to it.
    main: Option<Arc<Feed>>,
    /// No session's process: what belongs to no thread is for everybody.
    service: bool,
    /// Output in base64 (`command/exec`, `process/spawn`).
    encoded: EncodedStreams,
}

impl Ingest {
    pub(super) fn new(
        link: Arc<BridgeLink>,
        redactor: Arc<LiveRedactor>,
        directory: Arc<Directory>,
        purpose: Purpose,
    ) -> Self {
        let mut ingest = Self {
            link,
            redactor,
            directory,
            threads: HashMap::new(),
            main: None,
            service: matches!(purpose, Purpose::Service),
            encoded: EncodedStreams::default(),
        };
        if let Purpose::Session(feed) = purpose {
            ingest.set_main(feed);
        }
        ingest
    }

    /// The process now belongs to this session.
    pub(super) fn set_main(&mut self, feed: Arc<Feed>) {
        // A thread that was met already keeps its streams.
        self.threads
            .entry(feed.thread().to_string())
            .or_insert_with(|| Thread::new(Arc::clone(&feed)));
        self.link.host(Arc::clone(&feed));
        self.main = Some(feed);
    }

    /// Takes one line, without its newline.
    pub(super) fn line(&mut self, line: &[u8]) {
        let renamed = self.link.rename_back(line);
        let line = renamed.as_deref().unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        match (Incoming::parse(line), std::str::from_utf8(line)) {
            (Ok(Incoming::Notification(notification)), Ok(text)) => {
                self.notification(&notification, text)
            }
            (Ok(Incoming::Request(request)), Ok(_)) => self.request(&request),
            (Ok(Incoming::Response(response)), Ok(_)) => self.response(&response),
            (Err(err), _) => {
                let count = self.link.count_malformed();
                // Sampled: a process that writes garbage must not fill the log.
                if count.is_power_of_two() {
                    tracing::warn!(pid = self.link.pid, count, err = %err, "skip a line from codex that is no message");
                }
            }
            (Ok(_), Err(_)) => {
                self.link.count_malformed();
            }
        }
    }

    /// A line that was too long has been thrown away: the session says so.
    pub(super) fn oversized(&self, err: &Oversized) {
        tracing::warn!(pid = self.link.pid, err = %err, "skip a line from codex");
        if let Some(feed) = &self.main {
            let params = format!(
                r#"{{"threadId":{},"message":{}}}"#,
                json_string(feed.thread().as_str()),
                json_string(&format!(
                    "a message of codex was thrown away: {err} (limits.line_bytes)"
                ))
            );
            feed.append_host("warning", &params);
        }
    }

    /// Hands all that was appended to the journal.
    pub(super) fn flush(&self) {
        self.flush_read_at(None);
    }

    /// The same for lines that were read at this moment.
    pub(super) fn flush_read_at(&self, read_at: Option<Instant>) {
        for thread in self.threads.values() {
            thread.feed.flush_read_at(read_at);
        }
        if let Some(main) = &self.main {
            main.flush_read_at(read_at);
        }
    }

    /// The first feed that has no room; the bridge waits for it before it reads on.
    pub(super) fn full_feed(&self) -> Option<Arc<Feed>> {
        self.threads
            .values()
            .map(|thread| &thread.feed)
            .find(|feed| feed.is_full())
            .cloned()
    }

    /// A feed that outruns tabs.
    pub(super) fn feed_ahead(&self) -> Option<Arc<Feed>> {
        let mut feeds = self.threads.values().map(|thread| &thread.feed);
        feeds.find(|feed| feed.outruns().is_some()).cloned()
    }

    /// True while some stream holds text back, so the bridge must tick.
    pub(super) fn holds_text(&self) -> bool {
        let mut threads = self.threads.values();
        self.encoded.holds_text()
            || threads.any(|thread| thread.streams.iter().any(|text| text.stream.held() > 0))
    }

    /// Time has passed: lets go of held text that is no candidate any more.
    pub(super) fn tick(&mut self, elapsed: Duration) {
        for thread in self.threads.values_mut() {
            for text in &mut thread.streams {
                let released = text.stream.tick(elapsed);
                text.emit(&thread.feed, &released);
            }
        }
        let released = self.encoded.tick(elapsed);
        self.show(released);
        self.flush();
    }

    /// The process has ended: lets go of all held text.
    pub(super) fn end(&mut self) {
        for thread in self.threads.values_mut() {
            thread.flush_streams(|_| true);
        }
        let rest = self.encoded.end(None);
        self.show(rest);
        self.flush();
    }

    fn notification(&mut self, notification: &Notification<'_>, line: &str) {
        let Some(id) = notification.route.thread_id else {
            return self.unthreaded(notification, line);
        };
        if !self.threads.contains_key(id) {
            if self.link.meet(id) {
                return self.line(line.as_bytes());
            }
            let feed = self.directory.adopt(id, &self.link);
            self.link.host(Arc::clone(&feed));
            self.threads.insert(id.to_owned(), Thread::new(feed));
        }
        let redactor = &self.redactor.current();
        let Some(thread) = self.threads.get_mut(id) else {
            return;
        };
        if let Some(field) = text_field(notification.method, notification.params)
            && thread.delta(redactor, notification, field, line)
        {
            return;
        }
        if thread.other_delta(redactor, notification, line) {
            return;
        }
        // From here on only what is clean: also what lists show of a session comes from it.
        let clean_line = redact_json(redactor, line);
        let parsed = match &clean_line {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean_line) => match Incoming::parse(clean_line.as_bytes()) {
                Ok(Incoming::Notification(clean)) => Some(clean),
                _ => {
                    thread.feed.append(clean_line, Change::Nothing);
                    return;
                }
            },
        };
        let clean = parsed.as_ref().unwrap_or(notification);
        let params = clean.params.unwrap_or("{}");
        match clean.method {
            "item/completed" => {
                let item = clean.route.item_id.unwrap_or_default();
                thread.flush_streams(|text| text.item == item);
            }
            "turn/started" => self.directory.touch(),
            "turn/completed" => {
                thread.flush_streams(|_| true);
                self.directory.touch();
            }
            "serverRequest/resolved" => return thread.resolved(clean, &clean_line),
            "thread/started" => self.directory.thread_started(&thread.feed, params),
            "thread/closed" | "thread/archived" => self.directory.touch(),
            "thread/tokenUsage/updated" => thread.feed.update(|row| {
                if let Some(extra) = with_usage(&row.extra, params) {
                    row.extra = extra;
                }
            }),
            _ => {}
        }
        thread.feed.append(&clean_line, Change::of(clean));
    }

    /// A message without a thread: of the session, when the process has one, else of everybody.
    fn unthreaded(&mut self, notification: &Notification<'_>, line: &str) {
        let params = notification.params.unwrap_or_default();
        match &notification.route.delta {
            Some(delta) if delta.encoding == Encoding::Base64 => {
                let (before, after) = (&line[..delta.span.start], &line[delta.span.end..]);
                let frame = (before.to_owned(), after.to_owned());
                let text = string_value(&line[delta.span.clone()]);
                let lines = self
                    .encoded
                    .push(&self.redactor.current(), params, &text, frame);
                self.show(lines);
            }
            _ => {
                if notification.method == "process/exited" {
                    self.end_output(encoded::process_of(params));
                }
                self.show([redact_json(&self.redactor.current(), line).into_owned()]);
            }
        }
    }

    /// The output of this process is complete.
    fn end_output(&mut self, process: Option<String>) {
        if let Some(process) = process {
            let lines = self.encoded.end(Some(&process));
            self.show(lines);
        }
    }

    /// Hands on messages that name no thread.
    fn show(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            match &self.main {
                Some(feed) => {
                    // The message itself names no thread; a tab with several sessions must know whose it is.
                    let thread = json_string(feed.thread().as_str());
                    feed.append(
                        &format!(r#"{{"threadId":{thread},{}"#, &line[1..]),
                        Change::Nothing,
                    );
                }
                None if self.service => self.directory.broadcast(&line),
                // A session in birth: nobody is attached yet.
                None => {}
            }
        }
    }
}
