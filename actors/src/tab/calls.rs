//! Requests that go on to Codex: to the session's own, to a new one, or to the shared service.
//!
//! A tab's requests reach a session in the order in which they came; only answers are awaited beside the mailbox.

use std::sync::Arc;

use bytes::Bytes;
use codex::{
    message::{Request, Thread, ThreadOpened},
    outgoing,
    request_id::RequestId,
};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Out, Outbox, Tab, outbound::Follow, policy, trimmed};
use crate::{
    bridge::Answer,
    feed::Feed,
    foreign,
    host::Wiring,
    ids::ThreadId,
    rpc::{INVALID_PARAMS, OVERLOADED, Refusal},
    session::{
        self, SessionRef,
        settings::{SessionSettings, note_opened},
    },
    sessions::{Begin, Open, up},
};

/// Requests that only read: they neither load a thread nor need its process, so a parked session is not woken.
const READS: [&str; 6] = [
    "thread/read",
    "thread/turns/list",
    "thread/items/list",
    "thread/items/read",
    "thread/timeline/list",
    "thread/goal/get",
];

/// An answer for one request.
pub(super) enum Reply {
    Result(Bytes),
    Attach { result: Bytes, follow: Follow },
}

impl Tab {
    pub(super) async fn codex_request(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let method = request.method;
        if method == "thread/list" {
            self.outbox.list_is_read();
        }
        match (method, request.route.thread_id) {
            ("thread/start", _) => self.begin(request, permit).await,
            ("thread/unsubscribe", Some(thread)) => {
                let response = trimmed(outgoing::response_line(
                    &request.id,
                    r#"{"status":"unsubscribed"}"#,
                ));
                self.outbox.push(Out::Detach {
                    response,
                    thread: ThreadId::from(thread),
                });
                Ok(())
            }
            ("thread/resume", None) => Err(Refusal::new(
                INVALID_PARAMS,
                "thread/resume takes a threadId; this host resumes no thread by path or history",
            )),
            (_, Some(thread)) => {
                let session = match self.session(thread).await {
                    Ok(session) => session,
                    Err(refusal) => return self.unknown_thread(request, thread, refusal, permit),
                };
                if READS.contains(&method) && !session.is_running(&self.wiring) {
                    return self.parked_read(request, &session, permit);
                }
                self.session_call(request, &session, permit).await
            }
            _ => self.service_call(request, permit),
        }
    }

    /// Runs a future beside the mailbox and answers with what it gives.
    pub(super) fn answer_later<F>(&self, id: &RequestId, permit: OwnedSemaphorePermit, reply: F)
    where
        F: Future<Output = Result<Reply, Refusal>> + Send + 'static,
    {
        let (id, outbox, over) = (id.clone(), Arc::clone(&self.outbox), self.over.clone());
        self.wiring.tracker.spawn(async move {
            if let Some(reply) = over.run_until_cancelled(reply).await {
                respond(&outbox, &id, reply);
            }
            drop(permit);
        });
    }

    async fn begin(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let params = policy::with_defaults(&self.wiring.codex, request.params)?;
        let (reply, begun) = oneshot::channel();
        let begin = Begin { params, reply };
        if self.sessions.tell(begin).send().await.is_err() {
            return Err(restarting());
        }
        self.answer_later(&request.id, permit, async move {
            let begun = begun.await.map_err(|_| restarting())??;
            // From the first event on, `thread/started` among them.
            Ok(Reply::Attach {
                result: begun.result,
                follow: Follow::each(begun.feed, 0),
            })
        });
        Ok(())
    }

    async fn session_call(
        &mut self,
        request: &Request<'_>,
        session: &SessionRef,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let (reply, called) = oneshot::channel();
        let call = session::Call {
            method: request.method.to_owned(),
            params: request
                .params
                .map(|raw| Bytes::copy_from_slice(raw.as_bytes())),
            reply,
        };
        if session.actor.tell(call).send().await.is_err() {
            return Err(restarting());
        }
        let (method, feed, wiring) = (
            request.method.to_owned(),
            Arc::clone(&session.feed),
            Arc::clone(&self.wiring),
        );
        self.answer_later(&request.id, permit, async move {
            answered(&wiring, &method, feed, called).await
        });
        Ok(())
    }

    fn service_call(
        &mut self,
        request: &Request<'_>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let wiring = Arc::clone(&self.wiring);
        let (method, params) = (request.method.to_owned(), request.params.map(str::to_owned));
        self.answer_later(&request.id, permit, async move {
            let result = service(&wiring, &method, params.as_deref()).await?;
            Ok(Reply::Result(result))
        });
        Ok(())
    }

    /// Reads a session whose own Codex does not run: the shared one reads it from the disk.
    fn parked_read(
        &mut self,
        request: &Request<'_>,
        session: &SessionRef,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        let (wiring, feed) = (Arc::clone(&self.wiring), Arc::clone(&session.feed));
        let (method, params) = (
            request.method.to_owned(),
            request.params.unwrap_or("{}").to_owned(),
        );
        self.answer_later(&request.id, permit, async move {
            // Begun anew after Codex had lost it, the thread has another name there.
            let row = feed.row();
            let theirs = SessionSettings::of(&row)
                .codex_thread
                .unwrap_or_else(|| row.thread.clone());
            let result = service(
                &wiring,
                &method,
                Some(&params.replace(&row.thread, &theirs)),
            )
            .await?;
            let result = String::from_utf8_lossy(&result).replace(&theirs, &row.thread);
            let answer = Answer {
                result: Ok(result.into()),
                place: None,
            };
            settle(&wiring, &method, feed, answer).await
        });
        Ok(())
    }

    /// A thread that Codex may know from elsewhere: it can be read, and becomes a session when it is resumed.
    fn unknown_thread(
        &mut self,
        request: &Request<'_>,
        thread: &str,
        refusal: Refusal,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Refusal> {
        if READS.contains(&request.method) {
            return self.service_call(request, permit);
        }
        if request.method != "thread/resume" {
            return Err(refusal);
        }
        let (wiring, sessions) = (Arc::clone(&self.wiring), self.sessions.clone());
        let (thread, params) = (
            thread.to_owned(),
            request
                .params
                .map(|raw| Bytes::copy_from_slice(raw.as_bytes())),
        );
        self.answer_later(&request.id, permit, async move {
            let read = service(
                &wiring,
                "thread/read",
                Some(&json!({"threadId": thread}).to_string()),
            )
            .await?;
            let read: ReadThread<'_> =
                serde_json::from_slice(&read).map_err(|_| refusal.clone())?;
            wiring.directory.add_foreign(foreign::row(&read.thread));
            let session = sessions
                .ask(Open { thread })
                .send()
                .await
                .map_err(|_| refusal)?;
            let (reply, called) = oneshot::channel();
            let method = "thread/resume".to_owned();
            let call = session::Call {
                method: method.clone(),
                params,
                reply,
            };
            session
                .actor
                .tell(call)
                .send()
                .await
                .map_err(|_| restarting())?;
            answered(&wiring, &method, Arc::clone(&session.feed), called).await
        });
        Ok(())
    }
}

/// The answer to `thread/read`.
#[derive(serde::Deserialize)]
struct ReadThread<'a> {
    #[serde(borrow)]
    thread: Thread<'a>,
}

/// Waits for the answer to a call that is on its way to the session's Codex.
async fn answered(
    wiring: &Arc<Wiring>,
    method: &str,
    feed: Arc<Feed>,
    called: oneshot::Receiver<Result<oneshot::Receiver<Answer>, Refusal>>,
) -> Result<Reply, Refusal> {
    let answer = called.await.map_err(|_| restarting())??;
    let answer = answer
        .await
        .map_err(|_| Refusal::unavailable("down", Some("codex ended before it answered".into())))?;
    settle(wiring, method, feed, answer).await
}

/// Asks the shared Codex.
pub(crate) async fn service(
    wiring: &Arc<Wiring>,
    method: &str,
    params: Option<&str>,
) -> Result<Bytes, Refusal> {
    let link = up(wiring, &wiring.service()).await?;
    let answer = link
        .call(method, params, None)
        .map_err(|err| Refusal::new(OVERLOADED, err.to_string()))?;
    let answer = answer
        .await
        .map_err(|_| Refusal::unavailable("down", Some("codex ended before it answered".into())))?;
    answer.result.map_err(Refusal::Codex)
}

/// What an answer of the session's Codex means for the tab: some open a session, and the tab follows it from there.
async fn settle(
    wiring: &Arc<Wiring>,
    method: &str,
    feed: Arc<Feed>,
    answer: Answer,
) -> Result<Reply, Refusal> {
    let result = answer.result.map_err(Refusal::Codex)?;
    match (method, answer.place) {
        ("thread/resume", Some(place)) => {
            note_opened(&feed, &result);
            let after = place.after;
            let result = super::attach::complete(&feed, result, Some(place)).await;
            Ok(Reply::Attach {
                result,
                follow: Follow::each(feed, after),
            })
        }
        ("thread/read" | "thread/turns/list", place) => Ok(Reply::Result(
            super::attach::complete(&feed, result, place).await,
        )),
        ("thread/fork", _) => {
            let Ok(opened) = serde_json::from_slice::<ThreadOpened<'_>>(&result) else {
                return Ok(Reply::Result(result));
            };
            let Some(live) = wiring.directory.live(&opened.thread.id) else {
                return Ok(Reply::Result(result.clone()));
            };
            note_opened(&live.feed, &result);
            foreign::read_past(wiring, &live.feed).await;
            // The answer tells of the past; what is new to this tab comes after it.
            let (after, _) = live.feed.open_items();
            live.feed.flush();
            live.feed.published(after).await;
            Ok(Reply::Attach {
                result,
                follow: Follow::each(live.feed, after),
            })
        }
        ("thread/archive" | "thread/unarchive", _) => {
            feed.update(|row| row.archived = method == "thread/archive");
            feed.flush();
            wiring.directory.touch();
            Ok(Reply::Result(result))
        }
        _ => Ok(Reply::Result(result)),
    }
}

pub(super) fn respond(outbox: &Outbox, id: &RequestId, reply: Result<Reply, Refusal>) {
    let line = |result: &Bytes| {
        trimmed(outgoing::response_line(
            id,
            &String::from_utf8_lossy(result),
        ))
    };
    match reply {
        Ok(Reply::Result(result)) => outbox.push(Out::Message(line(&result))),
        Ok(Reply::Attach { result, follow }) => outbox.push(Out::Attach {
            response: line(&result),
            follow,
        }),
        Err(refusal) => {
            let raw_id = serde_json::to_string(id).unwrap_or_else(|_| "null".into());
            outbox.push(Out::Message(
                format!(r#"{{"id":{raw_id},"error":{}}}"#, refusal.to_json()).into(),
            ));
        }
    }
}

pub(super) fn restarting() -> Refusal {
    Refusal::unavailable("restarting", None)
}
