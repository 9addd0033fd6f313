//! From prompt text to steps. Every refusal names the step and what would be right; nothing is guessed.

use thiserror::Error;

use super::{
    Edit, FailKind, Scenario, SecretKind, SecretPlace, Step, Stream,
    clause::{Clause, clauses, find, list},
};

/// Steps a scenario may have after repetition; more is a typing error, not a test.
const MAX_STEPS: usize = 10_000;
/// Bytes one delta or line may have.
const MAX_SIZE: u64 = 16 << 20;
/// Mebibytes of one `bigline`; the text is held three times while it is sent.
const MAX_BIGLINE_MB: u64 = 256;
/// Seconds a spawned `sleep` may live, so that a lost one ends by itself.
const MAX_SPAWN_SECONDS: u64 = 600;

/// Why a scenario cannot be run. The person who wrote the prompt reads it and corrects the prompt.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScenarioError {
    /// No step has this name.
    #[error("there is no step `{0}`; see the list at the head of scenario.rs")]
    UnknownStep(String),
    /// The step exists and takes something else.
    #[error("`{step}` does not take `{given}`; it takes {takes}")]
    Unexpected {
        /// The step.
        step: String,
        /// What was given to it.
        given: String,
        /// What it takes.
        takes: String,
    },
    /// A value is missing.
    #[error("`{step}` needs {missing}")]
    Missing {
        /// The step.
        step: String,
        /// What it needs.
        missing: &'static str,
    },
    /// A value is of the wrong form or out of bounds.
    #[error("`{step}` cannot have {key}={value}: expected {expected}")]
    BadValue {
        /// The step.
        step: String,
        /// The option.
        key: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// A double quote is never closed.
    #[error("a double quote is not closed in `{0}`")]
    OpenQuote(String),
    /// The line ends where a step should stand.
    #[error("`sim:` is followed by no step")]
    Empty,
    /// Repetition makes too many steps.
    #[error("the scenario has more than {MAX_STEPS} steps")]
    TooLong,
}

pub(super) fn scenario(prompt: &str) -> Result<Option<Scenario>, ScenarioError> {
    let mut steps = Vec::new();
    let (mut seed, mut repeat, mut found) = (0, 1, false);
    for line in prompt
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("sim:"))
    {
        found = true;
        for mut clause in clauses(line)? {
            match clause.step.as_str() {
                "seed" => seed = clause.number_word("a number")?,
                "repeat" => repeat = clause.number_word("a number")?,
                _ => steps.push(clause.step()?),
            }
            clause.finish()?;
        }
    }
    if !found {
        return Ok(None);
    }
    if steps.is_empty() {
        return Err(ScenarioError::Empty);
    }
    let total = (steps.len() as u64).saturating_mul(repeat);
    if total > MAX_STEPS as u64 {
        return Err(ScenarioError::TooLong);
    }
    let steps = steps.iter().cycle().take(total as usize).cloned().collect();
    Ok(Some(Scenario { seed, steps }))
}

impl Clause {
    fn step(&mut self) -> Result<Step, ScenarioError> {
        Ok(match self.step.as_str() {
            "text" => Step::Text(self.stream(20, "count")?),
            "say" => Step::Say {
                text: self.word("a text in double quotes")?,
                rate: self.rate(60)?,
            },
            "run" => Step::Run {
                cmd: self.text("cmd", None)?,
            },
            "output" => Step::Output(self.stream(100, "lines")?),
            "approve" => Step::Approve {
                cmd: self.text("cmd", Some("touch made"))?,
                reason: self.text("reason", Some("May I?"))?,
            },
            "edit" => Step::Edit(Edit {
                path: self.text("path", Some("a.txt"))?,
                text: self.text("text", Some("hello"))?,
            }),
            "ask" => {
                let question = self.word("a question in double quotes")?;
                let options = self.word("options like A|B")?;
                Step::Ask {
                    question,
                    options: options.split('|').map(str::to_owned).collect(),
                }
            }
            "reason" => Step::Reason {
                count: self.number("count", 5, 1..=1_000_000)?,
                rate: self.rate(0)?,
                text: self.option("text").unwrap_or_default(),
            },
            "plan" => Step::Plan {
                text: self.option("text").unwrap_or_default(),
            },
            "think" => Step::Think(self.pause()?),
            "sleep" => Step::Sleep(self.pause()?),
            "secret" => Step::Secret {
                kind: self.choice("kind", SecretKind::ALL, SecretKind::word)?,
                cut: self.number("cut", 0, 0..=MAX_SIZE)? as usize,
                place: self.choice("where", SecretPlace::ALL, SecretPlace::word)?,
            },
            "bigline" => Step::BigLine {
                mb: self.number("mb", 20, 1..=MAX_BIGLINE_MB)? as usize,
            },
            "fail" => self.fail()?,
            "hang" => Step::Hang(self.stream(0, "after")?),
            "env" => Step::Env,
            "spawn" => Step::Spawn {
                sleep: self.number("sleep", 60, 1..=MAX_SPAWN_SECONDS)?,
                setsid: self.flag("setsid")?,
            },
            "crash" => Step::Crash {
                signal: self.number("signal", 9, 1..=31)? as i32,
                before: self.stream(0, "after")?,
            },
            "exit" => Step::Exit {
                code: self.number("code", 1, 0..=255)? as u8,
                before: self.stream(0, "after")?,
            },
            "freeze" => Step::Freeze,
            "stall-stdin" => Step::StallStdin(self.duration("for")?),
            "garbage" => Step::Garbage {
                count: self.number("count", 6, 1..=1_000_000)?,
            },
            "stderr" => Step::Stderr {
                text: self.word("a text in double quotes")?,
                count: self.number("count", 1, 1..=1_000_000)?,
            },
            "raw" => Step::Raw {
                file: self.word("the path of a file, like raw \"/tmp/lines\"")?,
            },
            "close-stdout" => Step::CloseStdout,
            "trap" => self.trap()?,
            _ => return Err(ScenarioError::UnknownStep(self.step.clone())),
        })
    }

    fn stream(&mut self, count: u64, counted: &'static str) -> Result<Stream, ScenarioError> {
        Ok(Stream {
            count: self.number(counted, count, 0..=u64::MAX)?,
            size: self.number("size", 64, 0..=MAX_SIZE)? as usize,
            rate: self.rate(0)?,
            every: self.number("every", 0, 0..=u64::MAX)?,
            stamp: self.flag("stamp")?,
            forget: self.flag("forget")?,
        })
    }

    fn fail(&mut self) -> Result<Step, ScenarioError> {
        let word = if self.words.is_empty() {
            "other".to_owned()
        } else {
            self.words.remove(0)
        };
        let kind = find(FailKind::ALL, FailKind::word, &word)
            .ok_or_else(|| self.bad("kind", &word, list(FailKind::ALL, FailKind::word)))?;
        let retries = self.number("retries", 0, 0..=100)? as u32;
        Ok(Step::Fail {
            kind,
            retries,
            before: self.stream(0, "after")?,
        })
    }

    fn trap(&mut self) -> Result<Step, ScenarioError> {
        let word = self.word("`resume`, the request that springs it")?;
        if word != "resume" {
            return Err(self.bad("request", &word, "resume".to_owned()));
        }
        Ok(Step::TrapResume {
            times: self.number("times", 1, 1..=1000)? as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scenario::Rate;

    fn steps(prompt: &str) -> Vec<Step> {
        scenario(prompt).unwrap().unwrap().steps
    }

    fn refusal(prompt: &str) -> String {
        scenario(prompt).unwrap_err().to_string()
    }

    fn stream(count: u64) -> Stream {
        Stream {
            count,
            size: 64,
            rate: Rate::UNLIMITED,
            every: 0,
            stamp: false,
            forget: false,
        }
    }

    #[test]
    fn a_prompt_without_a_sim_line_has_no_scenario() {
        assert_eq!(scenario("please sim: nothing\nplain words").unwrap(), None);
    }

    #[test]
    fn steps_come_from_all_sim_lines_and_from_no_other() {
        let prompt = "Some words; not a step\n  sim: text count=200 size=32 rate=100/s; run cmd=\"seq 1 5; echo \\\"x\\\"\"\n\nsim: crash after=20";
        let text = Step::Text(Stream {
            count: 200,
            size: 32,
            rate: Rate::per_second(100),
            every: 0,
            stamp: false,
            forget: false,
        });
        let crash = Step::Crash {
            signal: 9,
            before: stream(20),
        };
        assert_eq!(
            steps(prompt),
            [
                text,
                Step::Run {
                    cmd: "seq 1 5; echo \"x\"".to_owned()
                },
                crash
            ]
        );
    }

    #[test]
    fn every_step_of_the_documentation_can_be_read() {
        let all = "sim: text count=2 size=9 rate=0 every=1 stamp=yes forget=yes; say \"a b\"; run ls; output lines=3; approve; edit; \
            ask \"Which?\" A|B; reason count=2 text=deep; plan text=\"one thing\"; think 500ms; sleep 2s; secret kind=jwt cut=7 where=output; bigline mb=1; \
            fail usageLimitExceeded retries=2; hang after=3; env; spawn sleep=60 setsid=true; crash signal=11; exit code=3; \
            freeze; stall-stdin for=1s; garbage count=2; stderr \"x\"; raw \"/x/lines\"; close-stdout; trap resume times=2";
        let expected = vec![
            Step::Text(Stream {
                count: 2,
                size: 9,
                rate: Rate::UNLIMITED,
                every: 1,
                stamp: true,
                forget: true,
            }),
            Step::Say {
                text: "a b".to_owned(),
                rate: Rate::per_second(60),
            },
            Step::Run {
                cmd: "ls".to_owned(),
            },
            Step::Output(stream(3)),
            Step::Approve {
                cmd: "touch made".to_owned(),
                reason: "May I?".to_owned(),
            },
            Step::Edit(Edit {
                path: "a.txt".to_owned(),
                text: "hello".to_owned(),
            }),
            Step::Ask {
                question: "Which?".to_owned(),
                options: vec!["A".to_owned(), "B".to_owned()],
            },
            Step::Reason {
                count: 2,
                rate: Rate::UNLIMITED,
                text: "deep".to_owned(),
            },
            Step::Plan {
                text: "one thing".to_owned(),
            },
            Step::Think(Duration::from_millis(500)),
            Step::Sleep(Duration::from_secs(2)),
            Step::Secret {
                kind: SecretKind::Jwt,
                cut: 7,
                place: SecretPlace::Output,
            },
            Step::BigLine { mb: 1 },
            Step::Fail {
                kind: FailKind::UsageLimitExceeded,
                retries: 2,
                before: stream(0),
            },
            Step::Hang(stream(3)),
            Step::Env,
            Step::Spawn {
                sleep: 60,
                setsid: true,
            },
            Step::Crash {
                signal: 11,
                before: stream(0),
            },
            Step::Exit {
                code: 3,
                before: stream(0),
            },
            Step::Freeze,
            Step::StallStdin(Some(Duration::from_secs(1))),
            Step::Garbage { count: 2 },
            Step::Stderr {
                text: "x".to_owned(),
                count: 1,
            },
            Step::Raw {
                file: "/x/lines".to_owned(),
            },
            Step::CloseStdout,
            Step::TrapResume { times: 2 },
        ];
        assert_eq!(steps(all), expected);
    }

    #[test]
    fn seed_and_repeat_are_settings() {
        let scenario = scenario("sim: seed 7; repeat 3; plan").unwrap().unwrap();
        assert_eq!(
            scenario,
            Scenario {
                seed: 7,
                steps: vec![
                    Step::Plan {
                        text: String::new()
                    };
                    3
                ]
            }
        );
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let refusals = [
            (
                "sim: dance",
                "there is no step `dance`; see the list at the head of scenario.rs",
            ),
            ("sim:", "`sim:` is followed by no step"),
            (
                "sim: text cuont=3",
                "`text` does not take `cuont=`; it takes count, size, rate, every, stamp, forget",
            ),
            ("sim: plan now", "`plan` does not take `now`; it takes text"),
            (
                "sim: text count=x",
                "`text` cannot have count=x: expected a whole number",
            ),
            (
                "sim: think soon",
                "`think` cannot have duration=soon: expected a duration up to an hour, like 200ms, 2s or 1m",
            ),
            (
                "sim: spawn sleep=601",
                "`spawn` cannot have sleep=601: expected a whole number from 1 to 600",
            ),
            (
                "sim: secret where=x",
                "`secret` cannot have where=x: expected one of text, output, command, reasoning, stderr",
            ),
            ("sim: say \"x", "a double quote is not closed in `say \"x`"),
            ("sim: run", "`run` needs a command, like cmd=\"seq 1 5\""),
            (
                "sim: repeat 10001; plan",
                "the scenario has more than 10000 steps",
            ),
        ];
        assert_eq!(
            refusals.map(|(prompt, _)| refusal(prompt)),
            refusals.map(|(_, message)| message.to_owned())
        );
    }
}
