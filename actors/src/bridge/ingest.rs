//! From Codex's stdout to the feeds: each line is parsed once, redacted once, numbered and encoded once.
//!
//! ```text
//! line -> parse -> route to a thread -> redact (deltas by stream, all else leaf by leaf) -> append to its feed
//!                -> answers to the pending table, requests to the session's pending state
//! ```
//! Synchronous and without a clock: the bridge actor reads, waits and ticks.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use codex::{
    item::TextField,
    lines::Oversized,
    message::{Encoding, Incoming, Notification, Request, Response, string_value, write_string},
    request_id::RequestId,
};
use parking_lot::Mutex;
use redaction::{Redactor, Stream};

use super::{
    encoded::{self, EncodedStreams},
    link::{Answer, BridgeLink, Place},
    redact::redact_json,
};
use crate::{
    directory::Directory,
    feed::{Change, Feed, ServerRequest, json_string, text_field},
    ids::ThreadId,
    redactor::LiveRedactor,
    session::noted::with_usage,
    supervisor::Purpose,
};

/// Delta streams of one thread that are redacted at once; the oldest is flushed at the bound.
const MAX_STREAMS: usize = 512;

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

struct Thread {
    feed: Arc<Feed>,
    generation: u64,
    streams: Vec<TextStream>,
}

/// The text of one item as it streams.
struct TextStream {
    item: String,
    turn: String,
    method: String,
    /// What of the item it is; none when the method is not known.
    field: Option<(TextField, &'static str)>,
    stream: Stream,
    /// The line around the newest delta, for text that leaves later than its chunk: (before, after).
    frame: Option<(String, String)>,
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
        for thread in self.threads.values() {
            thread.feed.flush();
        }
        if let Some(main) = &self.main {
            main.flush();
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
        match notification.method {
            "item/completed" => {
                let item = notification.route.item_id.unwrap_or_default();
                thread.flush_streams(|text| text.item == item);
            }
            "turn/started" => self.directory.touch(),
            "turn/completed" => {
                thread.flush_streams(|_| true);
                self.directory.touch();
            }
            "serverRequest/resolved" => return thread.resolved(notification, line),
            "thread/started" => self
                .directory
                .thread_started(&thread.feed, notification.params.unwrap_or("{}")),
            "thread/closed" | "thread/archived" => self.directory.touch(),
            "thread/tokenUsage/updated" => {
                let params = notification.params.unwrap_or("{}");
                thread.feed.update(|row| {
                    if let Some(extra) = with_usage(&row.extra, params) {
                        row.extra = extra;
                    }
                });
            }
            _ => {}
        }
        match redact_json(redactor, line) {
            Cow::Borrowed(_) => thread.feed.append(line, Change::of(notification)),
            Cow::Owned(redacted) => match Incoming::parse(redacted.as_bytes()) {
                Ok(Incoming::Notification(clean)) => {
                    thread.feed.append(&redacted, Change::of(&clean))
                }
                _ => thread.feed.append(&redacted, Change::Nothing),
            },
        };
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

    fn request(&mut self, request: &Request<'_>) {
        let params = request.params.unwrap_or("{}");
        let thread = request
            .route
            .thread_id
            .and_then(|id| self.threads.get(id))
            .or_else(|| {
                let main = self.main.as_ref()?;
                self.threads.get(main.thread().as_str())
            });
        let Some(thread) = thread else {
            let message = "no tab is attached that could serve this request";
            tracing::info!(
                pid = self.link.pid,
                method = request.method,
                "refuse a request of codex that belongs to no session"
            );
            // Down means that nobody waits any more.
            let _ = self.link.respond(&request.id, Err((-32601, message)));
            return;
        };
        let id = host_id(thread.feed.thread(), thread.generation, &request.id);
        if thread.feed.requests().iter().any(|known| known.id == id) {
            // Codex asks again on `thread/resume`; the tabs have it already.
            return;
        }
        if !ServerRequest::waits_for_people(request.method) && thread.feed.audience().1 == 0 {
            // Nobody is there who could serve it, and its turn must not hang.
            let message = format!("no attached client serves {}", request.method);
            let _ = self.link.respond(&request.id, Err((-32601, &message)));
            return;
        }
        let method = request.method.to_owned();
        let line = format!(
            r#"{{"id":{},"method":{},"params":{params}}}"#,
            json_string(&id),
            json_string(&method)
        );
        let line = redact_json(&self.redactor.current(), &line).into_owned();
        self.directory.touch();
        let params = Bytes::from(redact_json(&self.redactor.current(), params).into_owned());
        thread.feed.open_request(|after| ServerRequest {
            id,
            after,
            method,
            params,
            line: Bytes::from(line + "\n"),
            answered: Mutex::new(None),
            codex_id: request.id.clone(),
            bridge: Arc::clone(&self.link),
        });
    }

    fn response(&mut self, response: &Response<'_>) {
        let Some(call) = self.link.take_call(&response.id) else {
            tracing::debug!(
                pid = self.link.pid,
                "codex answers a request that nobody made"
            );
            return;
        };
        self.end_output(call.process);
        if let Ok(result) = response.result
            && let Ok(opened) = serde_json::from_str::<OpenedThread<'_>>(result)
        {
            // `thread/started` may come before or after this answer; whichever is first names the thread.
            self.link.meet(opened.thread.id);
            if call.opens_thread && self.link.alias().as_deref() != Some(opened.thread.id) {
                let feed = self.directory.adopt(opened.thread.id, &self.link);
                self.link.host(feed);
            }
        }
        let clean =
            |raw: &str| Bytes::from(redact_json(&self.redactor.current(), raw).into_owned());
        let place = call.feed.map(|feed| {
            let (after, open) = feed.open_items();
            Place { after, open }
        });
        let answer = Answer {
            result: response.result.map(clean).map_err(clean),
            place,
        };
        // A caller that has gone does not need the answer.
        let _ = call.reply.send(answer);
    }
}

/// The answer to `thread/start`.
#[derive(serde::Deserialize)]
struct OpenedThread<'a> {
    #[serde(borrow)]
    thread: OpenedId<'a>,
}

#[derive(serde::Deserialize)]
struct OpenedId<'a> {
    id: &'a str,
}

/// A server request's id on the host: unique over processes, sessions and restarts.
fn host_id(thread: &ThreadId, generation: u64, codex_id: &RequestId) -> String {
    format!("{thread}/{generation}/{codex_id}")
}

impl Thread {
    fn new(feed: Arc<Feed>) -> Self {
        Self {
            generation: feed.row().generation,
            feed,
            streams: Vec::new(),
        }
    }

    /// Appends a text delta; false when the message is none after all.
    fn delta(
        &mut self,
        redactor: &Arc<Redactor>,
        notification: &Notification<'_>,
        field: (TextField, &'static str),
        line: &str,
    ) -> bool {
        let route = &notification.route;
        let (Some(turn), Some(item), Some(delta)) = (route.turn_id, route.item_id, &route.delta)
        else {
            return false;
        };
        if delta.encoding != Encoding::Text {
            return false;
        }
        let literal = &line[delta.span.clone()];
        let text = if delta.escaped {
            string_value(literal)
        } else {
            Cow::Borrowed(&literal[1..literal.len() - 1])
        };
        // From the back: deltas belong to the newest streams.
        let index = self
            .streams
            .iter()
            .rposition(|own| own.item == item && own.field.is_some_and(|own| own.0 == field.0));
        let index = index.unwrap_or_else(|| {
            self.begin(TextStream {
                item: item.to_owned(),
                turn: turn.to_owned(),
                method: notification.method.to_owned(),
                field: Some(field),
                stream: redactor.stream(),
                frame: None,
            })
        });
        let own = &mut self.streams[index];
        let clean = own.stream.push(&text);
        let unchanged = matches!(&clean, Cow::Borrowed(same) if same.len() == text.len());
        let line = if unchanged {
            Cow::Borrowed(line)
        } else {
            let (before, after) = (&line[..delta.span.start], &line[delta.span.end..]);
            own.frame = Some((before.to_owned(), after.to_owned()));
            let mut spliced = Vec::with_capacity(line.len());
            spliced.extend_from_slice(before.as_bytes());
            write_string(&mut spliced, &clean);
            spliced.extend_from_slice(after.as_bytes());
            // Valid text around a freshly written literal.
            Cow::Owned(String::from_utf8(spliced).unwrap_or_default())
        };
        if clean.is_empty() && !text.is_empty() || line.is_empty() {
            return true; // Held back; it leaves with a later chunk, a tick or the end.
        }
        let change = Change::Delta {
            turn,
            item,
            field,
            text: &clean,
        };
        self.feed.append(&line, change);
        true
    }

    /// Appends the delta of a method that is not known: a stream of its own for each item; false when there is none.
    fn other_delta(
        &mut self,
        redactor: &Arc<Redactor>,
        notification: &Notification<'_>,
        line: &str,
    ) -> bool {
        let route = &notification.route;
        let Some(delta) = route
            .delta
            .as_ref()
            .filter(|delta| delta.encoding == Encoding::Text)
        else {
            return false;
        };
        let text = string_value(&line[delta.span.clone()]);
        let (before, after) = (&line[..delta.span.start], &line[delta.span.end..]);
        // What else the message says is redacted as that of any other.
        let rest = redact_json(redactor, &format!("{before}\"\"{after}")).into_owned();
        let Ok(Incoming::Notification(clean)) = Incoming::parse(rest.as_bytes()) else {
            return false;
        };
        let Some(place) = &clean.route.delta else {
            return false;
        };
        let frame = (
            rest[..place.span.start].to_owned(),
            rest[place.span.end..].to_owned(),
        );
        let item = route.item_id.unwrap_or_default();
        let known = |own: &TextStream| {
            own.field.is_none() && own.item == item && own.method == notification.method
        };
        let index = self.streams.iter().rposition(known).unwrap_or_else(|| {
            self.begin(TextStream {
                item: item.to_owned(),
                turn: route.turn_id.unwrap_or_default().to_owned(),
                method: notification.method.to_owned(),
                field: None,
                stream: redactor.stream(),
                frame: None,
            })
        });
        let own = &mut self.streams[index];
        own.frame = Some(frame);
        let clean = own.stream.push(&text).into_owned();
        own.emit(&self.feed, &clean);
        true
    }

    /// Adds a stream, and says where it stands. At the bound the oldest ends.
    fn begin(&mut self, stream: TextStream) -> usize {
        if self.streams.len() == MAX_STREAMS {
            let mut oldest = self.streams.remove(0);
            let rest = oldest.stream.flush();
            oldest.emit(&self.feed, &rest);
        }
        self.streams.push(stream);
        self.streams.len() - 1
    }

    /// Ends the streams that `which` names: what they hold goes out as one more delta.
    fn flush_streams(&mut self, which: impl Fn(&TextStream) -> bool) {
        let (ended, kept) = std::mem::take(&mut self.streams)
            .into_iter()
            .partition(which);
        self.streams = kept;
        let ended: Vec<TextStream> = ended;
        for mut text in ended {
            let rest = text.stream.flush();
            text.emit(&self.feed, &rest);
        }
    }

    /// Codex says that a request is settled; the tabs know it by the host's id.
    fn resolved(&mut self, notification: &Notification<'_>, line: &str) {
        let Some(id) = notification.route.request_id.and_then(RequestId::from_json) else {
            self.feed.append(line, Change::Nothing);
            return;
        };
        let host = host_id(self.feed.thread(), self.generation, &id);
        let request = self.feed.take_request(|request| request.id == host);
        let verdict = request.and_then(|request| request.answered.lock().clone());
        let decided = verdict.map_or_else(String::new, |verdict| {
            format!(
                r#","decision":{},"by":{}"#,
                json_string(&verdict.decision),
                json_string(&verdict.by)
            )
        });
        let params = format!(
            r#"{{"threadId":{},"requestId":{}{decided}}}"#,
            json_string(self.feed.thread().as_str()),
            json_string(&host)
        );
        self.feed.append_host("serverRequest/resolved", &params);
    }
}

impl TextStream {
    /// Appends text that leaves after its chunk, in the frame of its newest delta.
    fn emit(&mut self, feed: &Feed, text: &str) {
        if text.is_empty() {
            return;
        }
        let line = match &self.frame {
            Some((before, after)) => format!("{before}{}{after}", json_string(text)),
            None => format!(
                r#"{{"method":{},"params":{{"threadId":{},"turnId":{},"itemId":{},"delta":{}}}}}"#,
                json_string(&self.method),
                json_string(feed.thread().as_str()),
                json_string(&self.turn),
                json_string(&self.item),
                json_string(text),
            ),
        };
        let change = self.field.map_or(Change::Nothing, |field| Change::Delta {
            turn: &self.turn,
            item: &self.item,
            field,
            text,
        });
        feed.append(&line, change);
    }
}
