//! What Codex asks: each request becomes pending state of a session, or is refused at once when nobody could serve it.
//!
//! Not the decisions: they come from the tabs, through the session.

use std::sync::Arc;

use bytes::Bytes;
use codex::{
    message::{Notification, Request},
    request_id::RequestId,
};
use parking_lot::Mutex;

use super::{Ingest, thread::Thread};
use crate::{
    bridge::redact_json,
    feed::{Change, ServerRequest, json_string},
    ids::ThreadId,
};

impl Ingest {
    pub(super) fn request(&mut self, request: &Request<'_>) {
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
}

impl Thread {
    /// Codex says that a request is settled; the tabs know it by the host's id.
    pub(super) fn resolved(&mut self, notification: &Notification<'_>, line: &str) {
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

/// A server request's id on the host: unique over processes, sessions and restarts.
fn host_id(thread: &ThreadId, generation: u64, codex_id: &RequestId) -> String {
    format!("{thread}/{generation}/{codex_id}")
}
