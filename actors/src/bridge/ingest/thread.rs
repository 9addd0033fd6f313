//! One thread of a bridge as its text streams: each item's deltas go through one redacting stream of their own.
//!
//! Not whole messages: those are redacted leaf by leaf where they are routed.

use std::{borrow::Cow, sync::Arc};

use codex::{
    item::TextField,
    message::{Encoding, Incoming, Notification, string_value, write_string},
};
use redaction::{Redactor, Stream};

use crate::{
    bridge::redact_json,
    feed::{Change, Feed, json_string},
};

/// Delta streams of one thread that are redacted at once; the oldest is flushed at the bound.
const MAX_STREAMS: usize = 512;

/// A thread that the process has said something of.
pub(super) struct Thread {
    pub(super) feed: Arc<Feed>,
    pub(super) generation: u64,
    pub(super) streams: Vec<TextStream>,
}

/// The text of one item as it streams.
pub(super) struct TextStream {
    pub(super) item: String,
    turn: String,
    method: String,
    /// What of the item it is; none when the method is not known.
    field: Option<(TextField, &'static str)>,
    pub(super) stream: Stream,
    /// The line around the newest delta, for text that leaves later than its chunk: (before, after).
    frame: Option<(String, String)>,
}

impl Thread {
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        Self {
            generation: feed.row().generation,
            feed,
            streams: Vec::new(),
        }
    }

    /// Appends a text delta; false when the message is none after all.
    pub(super) fn delta(
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
    pub(super) fn other_delta(
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
    pub(super) fn flush_streams(&mut self, which: impl Fn(&TextStream) -> bool) {
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
}

impl TextStream {
    /// Appends text that leaves after its chunk, in the frame of its newest delta.
    pub(super) fn emit(&mut self, feed: &Feed, text: &str) {
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
