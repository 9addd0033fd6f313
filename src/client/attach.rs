//! `holdfast attach`: a session in the terminal, as it happens, over every break of a link. It gives no answers and no
//! prompts: see `approve` and `send`.

mod transcript;

use serde_json::{Value, json};

use self::transcript::Transcript;
use super::{
    Stdout,
    door::Door,
    failure::Failure,
    find,
    follow::{Follower, Happening, Start},
    links::Links,
    paint::Paint,
    socket::Socket,
};
use crate::args::AttachArgs;

/// Items of one page of what is older, the most that the host gives.
const PAGE: usize = 1000;

/// Follows until the person leaves.
pub async fn run(args: AttachArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let door = Door::find(&args.door)?;
    let mut socket = Socket::open(&door).await?;
    let thread = find::thread(&mut socket, &args.thread).await?;
    let start = match (args.after, args.from_start) {
        (Some(after), _) => Start::After(after, args.journal.clone()),
        (None, true) => Start::After(0, None),
        (None, false) => Start::Tail(args.tail),
    };
    // People read the whole text of an item that is complete by now; a program gets every event.
    let merge = !args.json;
    let follower = Follower::new(door, socket, thread, start, merge);
    let mut show = Show {
        json: args.json,
        links: Links::new(Paint::of(&std::io::stderr())),
        transcript: Transcript::new(out.paint, args.tail),
        whole: args.from_start,
    };
    tokio::select! {
        ended = show.follow(follower, out) => ended,
        left = tokio::signal::ctrl_c() => {
            left.map_err(|error| Failure::Other(format!("cannot listen for Ctrl-C: {error}")))?;
            if !show.json {
                out.write(&show.transcript.leave())?;
            }
            eprintln!("holdfast: left; the session goes on");
            Ok(0)
        }
    }
}

/// What becomes of each happening.
struct Show {
    json: bool,
    links: Links,
    transcript: Transcript,
    /// Also what only pages have, when events are compacted away.
    whole: bool,
}

impl Show {
    async fn follow(&mut self, mut follower: Follower, out: &mut Stdout) -> Result<u8, Failure> {
        loop {
            match follower.next().await? {
                Happening::Attached(mut result) => {
                    if std::mem::take(&mut self.whole) {
                        self.add_older(&mut follower, &mut result).await?;
                    }
                    self.attached(follower.thread(), &result, out)?;
                }
                Happening::Event(heard) => {
                    if self.json {
                        out.line(&heard.line)?;
                    } else {
                        out.write(&self.transcript.event(&heard))?;
                    }
                    let told = self.links.event(&heard);
                    self.tell(told, out)?;
                }
                Happening::Asked(heard) => {
                    if self.json {
                        out.line(&heard.line)?;
                    }
                    let told = self.links.asked(
                        follower.thread(),
                        &heard.value,
                        self.transcript.open_items(),
                    );
                    self.tell(Some(told), out)?;
                }
                Happening::Lost { reason, retry_in } => {
                    if self.json {
                        let params = json!({"link": "tab-host", "state": "down", "reason": reason, "retryInMs": u64::try_from(retry_in.as_millis()).unwrap_or(0)});
                        out.line(&json!({"method": "client/link", "params": params}).to_string())?;
                    }
                    let told = self.links.lost(&reason);
                    self.tell(told, out)?;
                    follower.wait(retry_in).await;
                }
            }
        }
    }

    fn attached(&mut self, thread: &str, result: &Value, out: &mut Stdout) -> Result<(), Failure> {
        if self.json {
            let mut params = result.clone();
            params["threadId"] = thread.into();
            out.line(&json!({"method": "client/attached", "params": params}).to_string())?;
        } else {
            out.write(&self.transcript.attached(result))?;
        }
        let told = self.links.attached(result);
        self.tell(told, out)
    }

    /// Says something that is not of the session, without breaking a line of it on a terminal.
    fn tell(&mut self, told: Option<String>, out: &mut Stdout) -> Result<(), Failure> {
        let Some(told) = told else { return Ok(()) };
        if !self.json && out.is_terminal() {
            out.write(&self.transcript.leave())?;
        }
        eprint!("{told}");
        Ok(())
    }

    /// Puts everything that is older before the items of a snapshot.
    async fn add_older(
        &mut self,
        follower: &mut Follower,
        result: &mut Value,
    ) -> Result<(), Failure> {
        let thread = follower.thread().to_owned();
        let mut older: Vec<Value> = Vec::new();
        let mut before = result["olderCursor"].as_u64();
        while let (Some(cursor), Some(socket)) = (before, follower.socket()) {
            let params = json!({"threadId": thread, "before": cursor, "limit": PAGE});
            match socket.call("host/session/items", params).await {
                Ok(mut page) => {
                    if let Value::Array(data) = page["data"].take() {
                        older.extend(data);
                    }
                    before = page["olderCursor"].as_u64();
                }
                Err(Failure::Unreachable(reason)) => {
                    eprintln!("holdfast: the older items could not be read: {reason}");
                    break;
                }
                Err(other) => return Err(other),
            }
        }
        if let Some(items) = result["items"].as_array_mut() {
            older.reverse();
            older.append(items);
            *items = older;
        }
        Ok(())
    }
}
