//! What one session has said so far, whoever heard it first: the measure that every tab is held against.
//!
//! Not a tab, and it asks the host nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::figures::Findings;

/// Bytes of a line that a finding shows.
const SHOWN: usize = 240;

/// One session.
pub struct Record {
    /// Its id.
    pub thread: String,
    kept: Mutex<Kept>,
    /// The last seq that any tab has.
    pub head: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// Hash of the bytes of each event; the first one is that of seq 1.
    hashes: Vec<u64>,
    story: Story,
    /// A host was killed then, and no event of the next one has come yet.
    host_killed: Option<(u64, Instant)>,
    /// A host was killed then, and nothing has streamed since.
    stream_broken: Option<(u64, Instant)>,
    /// A Codex was killed then, in that generation, and none has streamed since.
    codex_killed: Option<(u64, Instant)>,
    recovered: Recovered,
}

/// How long it took to go on.
#[derive(Debug, Default, Clone)]
pub struct Recovered {
    /// From the SIGKILL of the host to the first event from the next one.
    pub feeds: Vec<Duration>,
    /// From the SIGKILL of the host to the first delta from a new Codex.
    pub streams: Vec<Duration>,
    /// From the SIGKILL of a Codex to the first delta from the next.
    pub codexes: Vec<Duration>,
}

/// What happened to the prompts and turns of the session, as its events tell.
#[derive(Debug, Default, Clone)]
pub struct Story {
    /// Turns: how often each began, how often it ended.
    pub turns: BTreeMap<String, (u64, u64)>,
    /// The last known state of each prompt.
    pub prompts: BTreeMap<String, String>,
    /// What was said of each prompt, with the seq that said it.
    pub trail: BTreeMap<String, Vec<(u64, String)>>,
    /// What was said of Codex and of turns, likewise.
    pub course: Vec<(u64, String)>,
    /// The user messages of each prompt, by item.
    pub messages: BTreeMap<String, BTreeSet<String>>,
    /// How often the session was `failed` or `quarantined`.
    pub given_up: u64,
    /// Deltas of the last numbered text, over all its messages.
    pub said: u64,
    message: Message,
}

/// The agent message that streams.
#[derive(Debug, Default, Clone)]
struct Message {
    id: String,
    text: String,
    numbers: Numbers,
}

/// Reads `t000017` and checks that it follows `t000016`, however the text was cut.
#[derive(Debug, Default, Clone)]
struct Numbers {
    /// Digits read behind a `t`; none: not in a number.
    digits: Option<u32>,
    value: u64,
    expected: u64,
    /// A message has begun: it goes on with the numbers, or begins them anew.
    fresh: bool,
}

/// A place in a session, and when it was given: tabs of the same host have the same `start`.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// Counts the hosts of a run.
    pub start: u64,
}

impl Record {
    /// A session of which nothing is known.
    pub fn new(thread: String) -> Self {
        Self {
            thread,
            kept: Mutex::default(),
            head: watch::Sender::new(0),
        }
    }

    /// Takes the lines of one frame that begin behind `cursor`; returns the new cursor and how many events nobody had before.
    pub fn take(
        &self,
        tab: &str,
        came: Came,
        mut cursor: u64,
        text: &str,
        findings: &Findings,
    ) -> (u64, u64) {
        let mut new = 0;
        let mut kept = self.kept.lock();
        for line in text.split('\n') {
            let Some(seq) = seq_of(line) else {
                if line.contains("\"host/session/reset\"") {
                    findings.add("resets", || {
                        format!("{tab}: behind {cursor}: {}", cut(line))
                    });
                    let value: Value = serde_json::from_str(line).expect("the host sends JSON");
                    cursor = value["params"]["head"]
                        .as_u64()
                        .expect("a reset has a head");
                }
                continue;
            };
            if seq != cursor + 1 {
                let what = match seq {
                    seq if seq > cursor => "gaps",
                    seq if seq == cursor => "doubles",
                    _ => "reorders",
                };
                findings.add(what, || {
                    let start = came.start;
                    format!(
                        "{tab} of host {start}: {seq} came behind {cursor}: {}",
                        cut(line)
                    )
                });
            }
            cursor = seq;
            new += u64::from(kept.note(seq, line, came, tab, findings));
        }
        let head = kept.hashes.len() as u64;
        drop(kept);
        if new > 0 {
            self.head.send_replace(head);
        }
        (cursor, new)
    }

    /// The host that had the number `start` has just been killed.
    pub fn host_killed(&self, start: u64) {
        let mut kept = self.kept.lock();
        let now = Instant::now();
        kept.host_killed = Some((start, now));
        kept.stream_broken = Some((start, now));
        kept.codex_killed = None;
    }

    /// The Codex of `generation` has just been killed.
    pub fn codex_killed(&self, generation: u64) {
        self.kept.lock().codex_killed = Some((generation, Instant::now()));
    }

    /// What is known of prompts and turns.
    pub fn story(&self) -> Story {
        self.kept.lock().story.clone()
    }

    /// Asks something of the story without copying it.
    pub fn with<T>(&self, ask: impl FnOnce(&Story) -> T) -> T {
        ask(&self.kept.lock().story)
    }

    /// How long it took to go on, each time.
    pub fn recovered(&self) -> Recovered {
        self.kept.lock().recovered.clone()
    }
}

impl Kept {
    /// True when this event is new.
    fn note(&mut self, seq: u64, line: &str, came: Came, tab: &str, findings: &Findings) -> bool {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        let hash = hasher.finish();
        let at = usize::try_from(seq - 1).expect("a count of this run");
        if let Some(known) = self.hashes.get(at) {
            if *known != hash {
                findings.add("differing", || {
                    format!("{tab}: seq {seq} was something else before: {}", cut(line))
                });
            }
            return false;
        }
        // After a gap, which is a finding of its own, the places in between stay unknown.
        self.hashes.resize(at, 0);
        self.hashes.push(hash);
        self.recover(line, came);
        self.story.fold(seq, line, findings);
        true
    }

    fn recover(&mut self, line: &str, came: Came) {
        if let Some((start, at)) = self.host_killed
            && came.start > start
        {
            self.recovered.feeds.push(at.elapsed());
            self.host_killed = None;
        }
        if !is_delta(line) {
            return;
        }
        if let Some((start, at)) = self.stream_broken
            && came.start > start
        {
            self.recovered.streams.push(at.elapsed());
            self.stream_broken = None;
        }
        if let Some((generation, at)) = self.codex_killed
            && generation_of(line).is_some_and(|now| now > generation)
        {
            self.recovered.codexes.push(at.elapsed());
            self.codex_killed = None;
        }
    }
}

impl Story {
    fn fold(&mut self, seq: u64, line: &str, findings: &Findings) {
        if is_delta(line) {
            self.message.delta(seq, line, findings);
            self.said = self.message.numbers.expected;
            return;
        }
        let value: Value = serde_json::from_str(line).expect("the host sends JSON");
        let params = &value["params"];
        match value["method"].as_str().unwrap_or_default() {
            method @ ("turn/started" | "turn/completed") => {
                let (id, status) = (&params["turn"]["id"], &params["turn"]["status"]);
                self.course.push((seq, format!("{method} {id} {status}")));
                let (began, ended) = self.turn(params);
                if method == "turn/started" {
                    *began += 1;
                } else {
                    *ended += 1;
                }
            }
            "item/started" | "item/completed" => self.item(seq, &value, findings),
            "host/prompt/changed" => self.queue(seq, &params["queue"]),
            "host/bridge/state" => {
                let state = params["state"].as_str().unwrap_or_default();
                let generation = &params["generation"];
                self.course
                    .push((seq, format!("bridge {state} {generation}")));
                self.given_up += u64::from(matches!(state, "failed" | "quarantined"));
            }
            _ => {}
        }
    }

    fn turn(&mut self, params: &Value) -> &mut (u64, u64) {
        let id = params["turn"]["id"].as_str().expect("a turn has an id");
        self.turns.entry(id.to_owned()).or_default()
    }

    fn item(&mut self, seq: u64, value: &Value, findings: &Findings) {
        let item = &value["params"]["item"];
        let id = item["id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("userMessage") => {
                if let Some(prompt) = item["clientId"].as_str() {
                    let messages = self.messages.entry(prompt.to_owned()).or_default();
                    messages.insert(id.to_owned());
                }
            }
            Some("agentMessage") if value["method"] == "item/started" => {
                let expected = self.message.numbers.expected;
                self.message = Message {
                    id: id.to_owned(),
                    text: String::new(),
                    numbers: Numbers {
                        expected,
                        fresh: true,
                        ..Numbers::default()
                    },
                };
            }
            Some("agentMessage") if self.message.id == id => {
                let whole = item["text"].as_str().unwrap_or_default();
                if whole != self.message.text {
                    let (whole, streamed) = (whole.len(), self.message.text.len());
                    findings.add("torn texts", || {
                        format!("seq {seq}: {streamed} bytes streamed, the item has {whole}")
                    });
                }
            }
            _ => {}
        }
    }

    /// The queue holds what is not done; who leaves it is done.
    fn queue(&mut self, seq: u64, queue: &Value) {
        let mut now = HashMap::new();
        for prompt in queue.as_array().into_iter().flatten() {
            let id = prompt["promptId"].as_str().expect("a prompt has an id");
            now.insert(id, prompt["state"].as_str().unwrap_or_default());
        }
        for id in self.prompts.keys() {
            now.entry(id.as_str()).or_insert("done");
        }
        let now: Vec<(String, String)> = now
            .into_iter()
            .map(|(id, state)| (id.to_owned(), state.to_owned()))
            .collect();
        for (id, state) in now {
            if self.prompts.get(&id) != Some(&state) {
                let trail = self.trail.entry(id.clone()).or_default();
                trail.push((seq, state.clone()));
                self.prompts.insert(id, state);
            }
        }
    }

    /// What was said of a prompt, and what happened meanwhile.
    pub fn trail_of(&self, prompt: &str) -> String {
        let trail = self.trail.get(prompt).cloned().unwrap_or_default();
        let first = trail.first().map_or(0, |(seq, _)| *seq);
        let last = trail.last().map_or(0, |(seq, _)| *seq);
        let around = |(seq, _): &&(u64, String)| (first..=last + 20).contains(seq);
        let course: Vec<_> = self.course.iter().filter(around).collect();
        format!("{trail:?}, meanwhile {course:?}")
    }

    /// How many prompts still wait or run.
    pub fn open(&self) -> usize {
        let over = |state: &&String| !matches!(state.as_str(), "done" | "notRun");
        self.prompts.values().filter(over).count()
    }
}

impl Message {
    fn delta(&mut self, seq: u64, line: &str, findings: &Findings) {
        let Some(text) = string_field(line, "\"delta\":\"") else {
            return;
        };
        let start = self.text.len();
        self.text.push_str(&text.replace("\\n", "\n"));
        if let Err((found, expected)) = self.numbers.read(&self.text.as_bytes()[start..]) {
            findings.add("torn texts", || {
                format!("seq {seq}: t{found:06} came instead of t{expected:06}")
            });
        }
    }
}

impl Numbers {
    fn read(&mut self, text: &[u8]) -> Result<(), (u64, u64)> {
        let mut result = Ok(());
        for byte in text {
            match (self.digits, byte) {
                (_, b't') => (self.digits, self.value) = (Some(0), 0),
                (Some(read), b'0'..=b'9') => {
                    self.value = self.value * 10 + u64::from(byte - b'0');
                    self.digits = Some(read + 1);
                }
                (Some(read), _) => {
                    self.digits = None;
                    if read >= 6 {
                        let anew = std::mem::take(&mut self.fresh) && self.value == 0;
                        if self.value != self.expected && !anew {
                            result = Err((self.value, self.expected));
                        }
                        self.expected = self.value + 1;
                    }
                }
                (None, _) => {}
            }
        }
        result
    }
}

/// The seq of an event; other messages have none.
fn seq_of(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("{\"seq\":")?;
    rest[..rest.find(',')?].parse().ok()
}

fn generation_of(line: &str) -> Option<u64> {
    let at = line.find("\"generation\":")? + "\"generation\":".len();
    line[at..at + line[at..].find(',')?].parse().ok()
}

fn is_delta(line: &str) -> bool {
    // Behind seq and generation, which together are at most 64 bytes.
    line.get(..120.min(line.len()))
        .is_some_and(|head| head.contains("\"method\":\"item/agentMessage/delta\""))
}

/// The raw content of a string field without escaped quotes.
fn string_field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let from = line.find(key)? + key.len();
    Some(&line[from..from + line[from..].find('"')?])
}

fn cut(line: &str) -> &str {
    line.get(..SHOWN).unwrap_or(line)
}
