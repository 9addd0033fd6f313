//! What Codex answers: each answer goes, redacted, to whoever waits for it, and may name a thread that is met here first.
//!
//! Not the table of what was asked: that is the link's.

use bytes::Bytes;
use codex::message::Response;

use super::Ingest;
use crate::bridge::{Answer, Place, redact_json};

impl Ingest {
    pub(super) fn response(&mut self, response: &Response<'_>) {
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
