//! The little language in which a prompt tells the simulated Codex and the scripted model what to do.
//! It is not for people who work with a real model: to one, a scenario is only odd-looking text.
//!
//! A prompt holds a scenario when one of its lines starts with `sim:`. Steps follow, separated by `;`, over as many `sim:`
//! lines as one likes; other lines are ignored. A step is a word, then values and `key=value` pairs. A value with blanks
//! or `;` stands in double quotes, where `\n`, `\t`, `\"` and `\\` are escapes. Sizes are bytes, durations `200ms`, `2s` or
//! `1m`, rates `100/s` or `100`; rate 0 is as fast as the machine can.
//!
//! ```text
//! sim: text count=200 size=64 rate=100/s; run cmd="seq 1 5"; say "Done."
//! ```
//!
//! | step | what happens |
//! |---|---|
//! | `text count=20 size=64 rate=0 every=0 stamp=no forget=no` | an agent message of `count` deltas; delta 17 reads `t000017 ...`, so a gap shows. `every=N` starts a new message after each N deltas (the index goes on), `stamp=yes` puts the time of emission into each delta as `@<microseconds since 1970>`, `forget=yes` keeps the messages out of all history (for load tests) |
//! | `say "TEXT" rate=60/s` | an agent message with this text, a word a delta |
//! | `run cmd="seq 1 5"` | one command; the simulated Codex fabricates the output of `echo`, `printf`, `seq`, `ls`, `cat`, `pwd`, `sleep`, `exit` and runs nothing |
//! | `output lines=100 size=64 rate=0` | one command that prints lines `o000017 ...`, a delta a line |
//! | `approve cmd="touch made" reason="May I?"` | one command that asks for approval first |
//! | `edit path=a.txt text="hello"` | one file change, with an approval where the policy wants one |
//! | `ask "Which?" A\|B` | one question to the person |
//! | `reason count=5 rate=0 text=""` | a reasoning item of `count` summary deltas, or of this text |
//! | `plan text=""` | a plan of three steps, or one that says this text (the real Codex has no such tool for every model) |
//! | `think 500ms` | a reasoning item that stays open and silent so long |
//! | `sleep 200ms` | nothing at all so long |
//! | `secret kind=github-pat cut=7 where=text` | a synthetic secret in pieces of `cut` bytes (0: whole); kinds are in [`SecretKind`]; where: `text`, `output`, `command`, `reasoning`, `stderr` |
//! | `bigline mb=20` | an agent message of one delta that large |
//! | `fail usageLimitExceeded retries=0 after=0` | the turn fails; kinds are in [`FailKind`]. Each attempt streams so many deltas of a message that stays open; each retry says `Reconnecting... 1/2` before (the real Codex decides itself how often it tries) |
//! | `hang after=0` | the turn never ends, after so many deltas of an open message |
//! | `env` | a command that lists the *names* of the environment |
//! | `spawn sleep=60 setsid=no` | a real `sleep` that outlives its command; the output is its pid |
//!
//! The steps below hurt the process itself and exist only in the simulated Codex; the scripted model says so in a message.
//!
//! | step | what happens |
//! |---|---|
//! | `crash signal=9 after=0` | kills itself, after so many deltas of an open message |
//! | `exit code=3 after=0` | exits, the same way |
//! | `freeze` | stops itself with SIGSTOP; it goes on when somebody sends SIGCONT |
//! | `stall-stdin for=0s` | reads no more requests so long (0s: for ever) |
//! | `garbage count=6` | lines on stdout that are no messages: prose, cut JSON, wrong types, broken UTF-8 |
//! | `stderr "TEXT" count=1` | lines on stderr |
//! | `raw "FILE"` | the lines of this file on stdout, as they are: messages of any kind |
//! | `close-stdout` | closes stdout and lives on |
//! | `trap resume times=1` | the next `times` calls of `thread/resume` for this thread kill the process |
//!
//! Settings may stand among the steps: `seed 7` changes all generated text, `repeat 5` runs the whole list so often.
//! Everything generated is a function of seed and index. A prompt without a scenario gets [`Scenario::greeting`]; a wrong
//! one is answered with the error as agent text, so the person who wrote it sees it.

mod clause;
mod command;
mod parse;
mod step;
mod text;

pub use command::{Fabricated, Piece, cut_bytes, fabricate};
pub use parse::ScenarioError;
pub use step::{Edit, FailKind, Rate, SecretKind, SecretPlace, Step, Stream};
pub use text::{Prose, line, secret, words};

/// What a prompt asks for: typed steps, run in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Decides all generated text.
    pub seed: u64,
    /// The steps, repetitions written out.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Reads the scenario of a prompt: `None` when no line starts with `sim:`, an error that says what is wrong and what
    /// would be right when a step cannot be understood.
    pub fn parse(prompt: &str) -> Result<Option<Self>, ScenarioError> {
        parse::scenario(prompt)
    }

    /// What to do for a prompt, whatever it is: its scenario, the explanation of its error, or the greeting.
    pub fn for_prompt(prompt: &str) -> Self {
        match Self::parse(prompt) {
            Ok(Some(scenario)) => scenario,
            Ok(None) => Self::greeting(prompt),
            Err(error) => Self {
                seed: 0,
                steps: vec![Step::Say {
                    text: format!("This scenario cannot be run: {error}.\n"),
                    rate: Rate::UNLIMITED,
                }],
            },
        }
    }

    /// The answer to an ordinary prompt: signs of life of every common kind, and a plain word that no model is at work.
    pub fn greeting(prompt: &str) -> Self {
        let asked: String = prompt
            .trim()
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(60)
            .collect();
        let rate = Rate::per_second(40);
        let opening = format!(
            "You wrote: *{}*. There is no language model behind this session, so here is a prepared answer.\n",
            asked.replace(['*', '`'], "")
        );
        Self {
            seed: 0,
            steps: vec![
                Step::Reason {
                    count: 3,
                    rate: Rate::per_second(10),
                    text: String::new(),
                },
                Step::Say {
                    text: opening,
                    rate,
                },
                Step::Run {
                    cmd: "echo Hello from a command; sleep 0.5; echo It took half a second"
                        .to_owned(),
                },
                Step::Say {
                    text: GREETING.to_owned(),
                    rate,
                },
            ],
        }
    }
}

const GREETING: &str = "\
The command above ran. Some things to try:

- close this tab in the middle of an answer and open it again
- send the next prompt while this one is still running
- write a line that starts with `sim:` to decide what happens

```text
sim: text count=200 rate=50/s
sim: approve cmd=\"touch made\"
sim: run cmd=\"seq 1 5\"; say \"Counted.\"
```

That is all.
";
