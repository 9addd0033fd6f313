//! `holdfast approve`: shows what Codex asks, whole, and answers it. The host takes one answer; this says whether it was ours.

use serde_json::{Value, json};
use tokio::time::{Duration, Instant, timeout_at};

use super::{
    Stdout,
    door::Door,
    failure::Failure,
    find,
    request::{self, Decision},
    safe::Cleaner,
    socket::Socket,
};
use crate::args::ApproveArgs;

/// Items looked at for the change that a question is about; it is the newest but for what streamed since.
const TAIL: usize = 200;
/// How long the host may take to say that the question is decided.
const CONFIRMATION: Duration = Duration::from_secs(15);

/// Lists, or answers.
pub async fn run(args: ApproveArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let wanted = choice(&args.decision)?;
    let mut socket = Socket::open(&Door::find(&args.door)?).await?;
    let json = args.json;
    match (&args.thread, wanted) {
        (None, _) => {
            let mut sessions = find::list(&mut socket, json!({})).await?;
            sessions.retain(|session| session["pending"].as_u64().unwrap_or(0) > 0);
            let mut all = Vec::new();
            for session in &sessions {
                all.push(Asked::of(&mut socket, find::id(session)).await?);
            }
            list(&all, json, out)
        }
        (Some(thread), None) => {
            let thread = find::thread(&mut socket, thread).await?;
            let asked = Asked::of(&mut socket, &thread).await?;
            list(&[asked], json, out)
        }
        (Some(thread), Some((request, decision))) => {
            let thread = find::thread(&mut socket, thread).await?;
            let asked = Asked::of(&mut socket, &thread).await?;
            answer(&mut socket, &asked, request, decision, json, out).await
        }
    }
}

/// The words behind THREAD: none, a decision, or a request and a decision.
fn choice(words: &[String]) -> Result<Option<(Option<&str>, Decision)>, Failure> {
    let decision = |word: &str| {
        Decision::parse(word).ok_or_else(|| {
            let word = Cleaner::line(word);
            Failure::Usage(format!(
                "\"{word}\" is no decision; write accept, accept-for-session, decline or cancel"
            ))
        })
    };
    match words {
        [] => Ok(None),
        [word] => Ok(Some((None, decision(word)?))),
        [request, word, ..] => Ok(Some((Some(request), decision(word)?))),
    }
}

/// What one session's Codex waits for.
struct Asked {
    thread: String,
    name: String,
    pending: Vec<Value>,
    items: Vec<Value>,
}

impl Asked {
    async fn of(socket: &mut Socket, thread: &str) -> Result<Self, Failure> {
        let params = json!({"threadId": thread, "tail": TAIL});
        let mut attached = socket.call("host/session/attach", params).await?;
        let mut taken = |key: &str| match attached[key].take() {
            Value::Array(list) => list,
            _ => Vec::new(),
        };
        let (pending, items) = (taken("pending"), taken("items"));
        Ok(Self {
            thread: thread.to_owned(),
            name: find::name(&attached["summary"]),
            pending,
            items,
        })
    }

    fn show(&self, request: &Value, out: &Stdout) -> String {
        let id = Cleaner::line(request["id"].as_str().unwrap_or_default());
        let title = out
            .paint
            .warn(&format!("Codex asks to {}", request::title(request)));
        format!(
            "{title}  {}\n{}",
            out.paint.dim(&id),
            request::lines(request, &self.items)
        )
    }

    /// The request that is meant.
    fn find(&self, wanted: Option<&str>) -> Result<&Value, Failure> {
        let id = |request: &Value| request["id"].as_str().unwrap_or_default().to_owned();
        let exact = self
            .pending
            .iter()
            .find(|request| Some(id(request).as_str()) == wanted);
        if let Some(exact) = exact {
            return Ok(exact);
        }
        // An id is `thread/generation/number`, so its end is what tells it from the others.
        let fits = |id: &str| {
            wanted
                .is_none_or(|wanted| id.starts_with(wanted) || id.ends_with(&format!("/{wanted}")))
        };
        let found: Vec<&Value> = self
            .pending
            .iter()
            .filter(|request| fits(&id(request)))
            .collect();
        match (found.as_slice(), wanted) {
            ([one], _) => Ok(one),
            ([], None) => Err(Failure::Decided("nothing waits in this session".to_owned())),
            ([], Some(_)) => Err(Failure::Decided(
                "no such request waits in this session; it may be decided already".to_owned(),
            )),
            (several, _) => {
                let ids: Vec<String> = several
                    .iter()
                    .map(|request| Cleaner::line(&id(request)))
                    .collect();
                Err(Failure::Usage(format!(
                    "{} requests wait, name one: {}",
                    several.len(),
                    ids.join(", ")
                )))
            }
        }
    }
}

fn list(all: &[Asked], json: bool, out: &mut Stdout) -> Result<u8, Failure> {
    let mut data = Vec::new();
    let mut text = String::new();
    for asked in all {
        for request in &asked.pending {
            data.push(json!({
                "threadId": asked.thread, "title": asked.name, "id": request["id"], "method": request["method"], "params": request["params"],
            }));
        }
        if !asked.pending.is_empty() {
            text += &format!("{}  {}\n", out.paint.bold(&asked.thread), asked.name);
        }
        for request in &asked.pending {
            text += &asked.show(request, out);
            text.push('\n');
        }
    }
    if json {
        out.line(&json!({"data": data}).to_string())?;
    } else if data.is_empty() {
        out.write("nothing waits\n")?;
    } else {
        text +=
            "answer: holdfast approve THREAD [REQUEST] accept|accept-for-session|decline|cancel\n";
        out.write(&text)?;
    }
    Ok(0)
}

async fn answer(
    socket: &mut Socket,
    asked: &Asked,
    wanted: Option<&str>,
    decision: Decision,
    json: bool,
    out: &mut Stdout,
) -> Result<u8, Failure> {
    let request = asked.find(wanted)?;
    let result = request::result(request, decision).map_err(Failure::Usage)?;
    let shown = asked.show(request, out);
    if json {
        eprint!("{shown}");
    } else {
        out.write(&shown)?;
    }
    socket.answer(&request["id"], result).await?;
    let confirmed = confirm(socket, &request["id"]).await?;
    let (decided, by) = (&confirmed["decision"], &confirmed["by"]);
    if decided.is_null() {
        return Err(Failure::Decided(
            "the question was withdrawn before the answer came".to_owned(),
        ));
    }
    if json {
        let report =
            json!({"threadId": asked.thread, "id": request["id"], "decision": decided, "by": by});
        out.line(&report.to_string())?;
    } else {
        let words = format!(
            "{} by {}",
            decided.as_str().unwrap_or_default(),
            by.as_str().unwrap_or("this client")
        );
        out.write(&format!("answered: {}\n", Cleaner::line(&words)))?;
    }
    Ok(0)
}

/// Waits for the word that the request is decided. Ours was too late if the host also says so.
async fn confirm(socket: &mut Socket, id: &Value) -> Result<Value, Failure> {
    let until = Instant::now() + CONFIRMATION;
    let late = || {
        Failure::Unreachable("the host did not confirm the answer in time; `holdfast approve` shows whether it still waits".to_owned())
    };
    let mut resolved = None;
    // An answer that comes too late gets an error, and that before whatever is asked afterwards.
    let mut asked_more = false;
    loop {
        if resolved.is_some() && !asked_more {
            asked_more = true;
            socket
                .call("host/sessions/list", json!({"limit": 1}))
                .await?;
        }
        let wait = if asked_more { Instant::now() } else { until };
        let heard = match timeout_at(wait, socket.next()).await {
            Ok(heard) => heard?,
            Err(_) => return resolved.ok_or_else(late),
        };
        if heard.method().is_empty() && heard.value["id"] == *id && heard.value["error"].is_object()
        {
            let message =
                Cleaner::line(heard.value["error"]["message"].as_str().unwrap_or_default());
            return Err(Failure::Decided(format!(
                "the host did not take the answer: {message}"
            )));
        }
        if heard.method() == "serverRequest/resolved" && heard.params()["requestId"] == *id {
            resolved = Some(heard.params().clone());
        }
    }
}
