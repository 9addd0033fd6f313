//! From prompt text to steps. Every refusal names the step and what would be right; nothing is guessed.

use std::time::Duration;

use thiserror::Error;

use super::{Edit, FailKind, Rate, Scenario, SecretKind, SecretPlace, Step, Stream};

/// Steps a scenario may have after repetition; more is a typing error, not a test.
const MAX_STEPS: usize = 10_000;
/// Bytes one delta or line may have.
const MAX_SIZE: u64 = 16 << 20;
/// Mebibytes of one `bigline`; the text is held three times while it is sent.
const MAX_BIGLINE_MB: u64 = 256;
/// Seconds a spawned `sleep` may live, so that a lost one ends by itself.
const MAX_SPAWN_SECONDS: u64 = 600;
/// Longest pause; more is a `hang`.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

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

/// One step as written: its word, then values, each taken once.
struct Clause {
    step: String,
    /// Values without a key, in order.
    words: Vec<String>,
    /// Values with a key.
    options: Vec<(String, String)>,
    /// Keys that the step asked for, for the message about one that it did not.
    known: Vec<&'static str>,
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
            },
            "plan" => Step::Plan,
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

    fn option(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        let at = self.options.iter().position(|(name, _)| name == key)?;
        Some(self.options.remove(at).1)
    }

    fn word(&mut self, missing: &'static str) -> Result<String, ScenarioError> {
        if self.words.is_empty() {
            return Err(ScenarioError::Missing {
                step: self.step.clone(),
                missing,
            });
        }
        Ok(self.words.remove(0))
    }

    /// A text by its key, or as the only value without one.
    fn text(&mut self, key: &'static str, default: Option<&str>) -> Result<String, ScenarioError> {
        match (self.option(key), default) {
            (Some(text), _) => Ok(text),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => self.word("a command, like cmd=\"seq 1 5\""),
        }
    }

    fn number(
        &mut self,
        key: &'static str,
        default: u64,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ScenarioError> {
        let Some(value) = self.option(key) else {
            return Ok(default);
        };
        let expected = if *bounds.end() == u64::MAX {
            "a whole number".to_owned()
        } else {
            format!("a whole number from {} to {}", bounds.start(), bounds.end())
        };
        let number: u64 = value
            .replace('_', "")
            .parse()
            .map_err(|_| self.bad(key, &value, expected.clone()))?;
        if bounds.contains(&number) {
            Ok(number)
        } else {
            Err(self.bad(key, &value, expected))
        }
    }

    fn number_word(&mut self, missing: &'static str) -> Result<u64, ScenarioError> {
        let value = self.word(missing)?;
        value
            .parse()
            .map_err(|_| self.bad("value", &value, "a whole number".to_owned()))
    }

    fn rate(&mut self, default: u32) -> Result<Rate, ScenarioError> {
        let Some(value) = self.option("rate") else {
            return Ok(Rate::per_second(default));
        };
        let digits = value.strip_suffix("/s").unwrap_or(&value).replace('_', "");
        let rate = digits.parse().map_err(|_| {
            self.bad(
                "rate",
                &value,
                "pieces a second, like 100/s; 0 is unlimited".to_owned(),
            )
        })?;
        Ok(Rate::per_second(rate))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, ScenarioError> {
        match self.option(key).as_deref() {
            None | Some("no" | "false") => Ok(false),
            Some("yes" | "true") => Ok(true),
            Some(value) => Err(self.bad(key, value, "yes or no".to_owned())),
        }
    }

    fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.option(key) else {
            return Ok(all[0]);
        };
        find(all, word, &value).ok_or_else(|| self.bad(key, &value, list(all, word)))
    }

    fn pause(&mut self) -> Result<Duration, ScenarioError> {
        let value = self.word("a duration, like 200ms")?;
        self.read_duration("duration", &value)
    }

    /// `None` when missing or zero.
    fn duration(&mut self, key: &'static str) -> Result<Option<Duration>, ScenarioError> {
        let Some(value) = self.option(key) else {
            return Ok(None);
        };
        Ok(Some(self.read_duration(key, &value)?).filter(|duration| !duration.is_zero()))
    }

    fn read_duration(&self, key: &'static str, value: &str) -> Result<Duration, ScenarioError> {
        let split = value
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(value.len());
        let (digits, unit) = value.split_at(split);
        let scale = match unit {
            "us" => Some(1),
            "ms" => Some(1_000),
            "s" => Some(1_000_000),
            "m" => Some(60_000_000),
            _ => None,
        };
        let micros = digits
            .parse::<u64>()
            .ok()
            .zip(scale)
            .and_then(|(digits, scale)| digits.checked_mul(scale));
        micros
            .map(Duration::from_micros)
            .filter(|duration| *duration <= MAX_PAUSE)
            .ok_or_else(|| {
                self.bad(
                    key,
                    value,
                    "a duration up to an hour, like 200ms, 2s or 1m".to_owned(),
                )
            })
    }

    fn bad(&self, key: &'static str, value: &str, expected: String) -> ScenarioError {
        ScenarioError::BadValue {
            step: self.step.clone(),
            key,
            value: value.to_owned(),
            expected,
        }
    }

    /// Refuses what the step did not take.
    fn finish(self) -> Result<(), ScenarioError> {
        let given = match (self.options.first(), self.words.first()) {
            (Some((key, _)), _) => format!("{key}="),
            (None, Some(word)) => word.clone(),
            (None, None) => return Ok(()),
        };
        let takes = if self.known.is_empty() {
            "nothing else".to_owned()
        } else {
            self.known.join(", ")
        };
        Err(ScenarioError::Unexpected {
            step: self.step,
            given,
            takes,
        })
    }
}

fn find<T: Copy>(all: &[T], word: fn(T) -> &'static str, wanted: &str) -> Option<T> {
    all.iter().copied().find(|one| word(*one) == wanted)
}

fn list<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> String {
    let words: Vec<_> = all.iter().map(|one| word(*one)).collect();
    format!("one of {}", words.join(", "))
}

/// Cuts one line into clauses and words; quotes hold blanks, `;` and `=` together.
fn clauses(line: &str) -> Result<Vec<Clause>, ScenarioError> {
    let mut clauses = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut letters = line.chars().peekable();
    loop {
        match letters.peek() {
            None | Some(';') => {
                clauses.extend(clause(std::mem::take(&mut tokens)));
                if letters.next().is_none() {
                    return Ok(clauses);
                }
            }
            Some(letter) if letter.is_whitespace() => {
                letters.next();
            }
            Some(_) => tokens.push(token(&mut letters, line)?),
        }
    }
}

/// A key if there is one, and the value with its quotes removed.
type Token = (Option<String>, String);

fn token(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    line: &str,
) -> Result<Token, ScenarioError> {
    let (mut key, mut value, mut quoted) = (None, String::new(), false);
    while let Some(letter) =
        letters.next_if(|letter| quoted || !(letter.is_whitespace() || *letter == ';'))
    {
        match letter {
            '"' => quoted = !quoted,
            '\\' if quoted => match letters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(other) => value.push(other),
                None => break,
            },
            '=' if !quoted && key.is_none() => key = Some(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    if quoted {
        Err(ScenarioError::OpenQuote(line.trim().to_owned()))
    } else {
        Ok((key, value))
    }
}

fn clause(tokens: Vec<Token>) -> Option<Clause> {
    let mut tokens = tokens.into_iter();
    let step = match tokens.next()? {
        (None, word) => word,
        (Some(key), value) => format!("{key}={value}"),
    };
    let (mut words, mut options) = (Vec::new(), Vec::new());
    for (key, value) in tokens {
        match key {
            Some(key) => options.push((key, value)),
            None => words.push(value),
        }
    }
    Some(Clause {
        step,
        words,
        options,
        known: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ask \"Which?\" A|B; reason count=2; plan; think 500ms; sleep 2s; secret kind=jwt cut=7 where=output; bigline mb=1; \
            fail usageLimitExceeded retries=2; hang after=3; env; spawn sleep=60 setsid=true; crash signal=11; exit code=3; \
            freeze; stall-stdin for=1s; garbage count=2; stderr \"x\"; close-stdout; trap resume times=2";
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
            },
            Step::Plan,
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
                steps: vec![Step::Plan; 3]
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
            (
                "sim: plan now",
                "`plan` does not take `now`; it takes nothing else",
            ),
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
