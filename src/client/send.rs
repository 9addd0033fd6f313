//! `holdfast send`: a prompt that runs exactly once, and if wished its end. One promptId goes over every connection that it
//! takes; the host knows it again.

mod watch;

use std::io::Read as _;

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use self::watch::{End, Watch};
use super::{
    Stdout,
    door::Door,
    failure::Failure,
    find,
    follow::{Follower, Happening, Start},
    links::Links,
    paint::Paint,
    safe::Cleaner,
    socket::{Backoff, Socket},
};
use crate::args::SendArgs;

/// How long the host may be away before the prompt counts as not sent.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Longest prompt that is read, in bytes; the host takes frames of 1 MiB by default.
const PROMPT_BYTES: u64 = 1 << 20;
/// Random bytes of a promptId.
const ID_BYTES: usize = 12;

/// Sends it, and waits if asked to.
pub async fn run(args: SendArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let door = Door::find(&args.door)?;
    let text = prompt(args.text.as_deref())?;
    let id = match &args.id {
        Some(id) if id.is_empty() => {
            return Err(Failure::Usage(
                "--id takes a name for the prompt".to_owned(),
            ));
        }
        Some(id) => id.clone(),
        None => new_id()?,
    };
    let until = Instant::now() + GIVE_UP;
    let (socket, thread) = open(&door, &args.thread, until).await?;
    eprintln!(
        "holdfast: prompt {} for session {thread}",
        Cleaner::line(&id)
    );
    let submission = json!({
        "threadId": thread, "promptId": id, "when": args.when.as_str(), "input": [{"type": "text", "text": text}],
    });
    let mut sending = Sending {
        links: Links::new(Paint::of(&std::io::stderr())),
        watch: Watch::new(&id),
        submission,
        acknowledged: None,
    };
    let follower = Follower::new(door.clone(), socket, thread.clone(), Start::Tail(1), true);
    let end = sending.run(follower, args.wait, until).await?;
    let acknowledged = sending.acknowledged.unwrap_or_default();
    if args.json {
        let mut report = json!({"threadId": thread, "promptId": id, "state": acknowledged["state"], "duplicate": acknowledged["duplicate"]});
        if let Some(end) = &end {
            report["state"] = end.state().into();
            report["turn"] = end.turn();
            report["answer"] = sending.watch.answer().into();
        }
        out.line(&report.to_string())?;
    } else if let Some(end) = &end {
        let answer = sending.watch.answer().map(Cleaner::plain);
        if let Some(answer) = answer {
            out.line(answer.trim_end_matches('\n'))?;
        }
        if !matches!(end, End::Turn { status, .. } if status == "completed") {
            eprintln!("holdfast: {}", end.words());
        }
    } else {
        out.line(&format!(
            "{} {}",
            Cleaner::line(&id),
            acknowledged["state"].as_str().unwrap_or_default()
        ))?;
    }
    Ok(end.map_or(0, |end| end.exit_status()))
}

/// A connection and the session, as soon as the host answers.
async fn open(door: &Door, wanted: &str, until: Instant) -> Result<(Socket, String), Failure> {
    let mut backoff = Backoff::default();
    loop {
        let tried = async {
            let mut socket = Socket::open(door).await?;
            let thread = find::thread(&mut socket, wanted).await?;
            Ok((socket, thread))
        };
        match tried.await {
            Err(Failure::Unreachable(reason)) => {
                let pause = backoff.pause();
                if Instant::now() + pause > until {
                    return Err(Failure::Unreachable(reason));
                }
                tokio::time::sleep(pause).await;
            }
            other => return other,
        }
    }
}

struct Sending {
    links: Links,
    watch: Watch,
    submission: Value,
    /// The host's answer: from here on the prompt is its.
    acknowledged: Option<Value>,
}

impl Sending {
    /// Submits until it is acknowledged; with `wait` follows to the end.
    async fn run(
        &mut self,
        mut follower: Follower,
        wait: bool,
        until: Instant,
    ) -> Result<Option<End>, Failure> {
        loop {
            match follower.next().await? {
                Happening::Attached(result) => {
                    eprint!("{}", self.links.attached(&result).unwrap_or_default());
                    self.watch.attached(&result);
                    if self.acknowledged.is_none() {
                        self.submit(&mut follower).await?;
                        if wait && self.is_over_already() {
                            // It ran before this connection: its story is in the feed.
                            follower.restart(Start::After(0, None));
                            continue;
                        }
                    }
                }
                Happening::Event(heard) => {
                    eprint!("{}", self.links.event(&heard).unwrap_or_default());
                    self.watch.event(&heard);
                }
                Happening::Asked(heard) => {
                    if wait {
                        eprint!("{}", self.links.asked(follower.thread(), &heard.value, &[]));
                    }
                }
                Happening::Lost { reason, retry_in } => {
                    if self.acknowledged.is_none() && Instant::now() + retry_in > until {
                        return Err(Failure::Unreachable(format!(
                            "the prompt was not acknowledged: {reason}; send it again under the same --id, it will not run twice"
                        )));
                    }
                    eprint!("{}", self.links.lost(&reason).unwrap_or_default());
                    follower.wait(retry_in).await;
                }
            }
            if self.acknowledged.is_some() {
                if !wait {
                    return Ok(None);
                }
                if let Some(end) = self.watch.end() {
                    return Ok(Some(end));
                }
            }
        }
    }

    async fn submit(&mut self, follower: &mut Follower) -> Result<(), Failure> {
        let Some(socket) = follower.socket() else {
            return Ok(());
        };
        match socket
            .call("host/prompt/submit", self.submission.clone())
            .await
        {
            Ok(answer) => {
                if answer["duplicate"] == true {
                    eprintln!("holdfast: the host has this prompt already; nothing new runs");
                }
                self.watch
                    .acknowledged(answer["state"].as_str().unwrap_or_default());
                self.acknowledged = Some(answer);
                Ok(())
            }
            // Whether it arrived is not known, and need not be: the next connection asks again.
            Err(Failure::Unreachable(_)) => {
                follower.disconnect();
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn is_over_already(&self) -> bool {
        let acknowledged = self.acknowledged.as_ref();
        acknowledged
            .is_some_and(|answer| answer["duplicate"] == true && answer["state"] != "queued")
    }
}

fn prompt(given: Option<&str>) -> Result<String, Failure> {
    let text = match given {
        Some(text) if text != "-" => text.to_owned(),
        _ => {
            let mut text = String::new();
            let read = std::io::stdin()
                .lock()
                .take(PROMPT_BYTES + 1)
                .read_to_string(&mut text);
            read.map_err(|error| {
                Failure::Usage(format!("cannot read the prompt from stdin: {error}"))
            })?;
            text
        }
    };
    if text.len() as u64 > PROMPT_BYTES {
        return Err(Failure::Usage(format!(
            "the prompt has more than {PROMPT_BYTES} bytes"
        )));
    }
    if text.trim().is_empty() {
        return Err(Failure::Usage(
            "the prompt is empty: write it as an argument, or into stdin".to_owned(),
        ));
    }
    Ok(text)
}

fn new_id() -> Result<String, Failure> {
    let mut random = [0; ID_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Other(format!("the system gave no random bytes: {error}")))?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("cli-{digits}"))
}
