//! The words of a scenario: clauses cut from a line, and values taken from a clause. Which step takes what is decided in
//! [`super::parse`].

use std::{ops::RangeInclusive, time::Duration};

use super::{Rate, ScenarioError};

/// Longest pause; more is a `hang`.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// One step as written: its word, then values, each taken once.
pub(super) struct Clause {
    pub(super) step: String,
    /// Values without a key, in order.
    pub(super) words: Vec<String>,
    /// Values with a key.
    options: Vec<(String, String)>,
    /// Keys that the step asked for, for the message about one that it did not.
    known: Vec<&'static str>,
}

impl Clause {
    pub(super) fn option(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        let at = self.options.iter().position(|(name, _)| name == key)?;
        Some(self.options.remove(at).1)
    }

    pub(super) fn word(&mut self, missing: &'static str) -> Result<String, ScenarioError> {
        if self.words.is_empty() {
            return Err(ScenarioError::Missing {
                step: self.step.clone(),
                missing,
            });
        }
        Ok(self.words.remove(0))
    }

    /// A text by its key, or as the only value without one.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        default: Option<&str>,
    ) -> Result<String, ScenarioError> {
        match (self.option(key), default) {
            (Some(text), _) => Ok(text),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => self.word("a command, like cmd=\"seq 1 5\""),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: u64,
        bounds: RangeInclusive<u64>,
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

    pub(super) fn number_word(&mut self, missing: &'static str) -> Result<u64, ScenarioError> {
        let value = self.word(missing)?;
        value
            .parse()
            .map_err(|_| self.bad("value", &value, "a whole number".to_owned()))
    }

    pub(super) fn rate(&mut self, default: u32) -> Result<Rate, ScenarioError> {
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

    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, ScenarioError> {
        match self.option(key).as_deref() {
            None | Some("no" | "false") => Ok(false),
            Some("yes" | "true") => Ok(true),
            Some(value) => Err(self.bad(key, value, "yes or no".to_owned())),
        }
    }

    pub(super) fn choice<T: Copy>(
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

    pub(super) fn pause(&mut self) -> Result<Duration, ScenarioError> {
        let value = self.word("a duration, like 200ms")?;
        self.read_duration("duration", &value)
    }

    /// `None` when missing or zero.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Duration>, ScenarioError> {
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

    pub(super) fn bad(&self, key: &'static str, value: &str, expected: String) -> ScenarioError {
        ScenarioError::BadValue {
            step: self.step.clone(),
            key,
            value: value.to_owned(),
            expected,
        }
    }

    /// Refuses what the step did not take.
    pub(super) fn finish(self) -> Result<(), ScenarioError> {
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

pub(super) fn find<T: Copy>(all: &[T], word: fn(T) -> &'static str, wanted: &str) -> Option<T> {
    all.iter().copied().find(|one| word(*one) == wanted)
}

pub(super) fn list<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> String {
    let words: Vec<_> = all.iter().map(|one| word(*one)).collect();
    format!("one of {}", words.join(", "))
}

/// Cuts one line into clauses and words; quotes hold blanks, `;` and `=` together.
pub(super) fn clauses(line: &str) -> Result<Vec<Clause>, ScenarioError> {
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
