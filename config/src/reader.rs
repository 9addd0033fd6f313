//! Takes values out of a parsed file key by key, over the defaults, and notes every problem with its key and line.
//!
//! A key that was taken exists; what is left over in the end is unknown. So the code that reads a section is its schema,
//! and there is no second list of keys to forget. Nothing here knows what a key means.

use std::{cell::RefCell, collections::BTreeMap, ops::Range, path::PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    error::Error,
    secret::Secret,
    value::{Parsed, found},
};

/// The problems of one file, in the order in which they were noticed.
pub(crate) struct Problems<'t> {
    text: &'t str,
    file: Option<PathBuf>,
    lines: RefCell<BTreeMap<String, usize>>,
    unknown: RefCell<Vec<Error>>,
    noted: RefCell<Vec<Error>>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str, file: Option<PathBuf>) -> Self {
        Self {
            text,
            file,
            lines: RefCell::default(),
            unknown: RefCell::default(),
            noted: RefCell::default(),
        }
    }

    /// Notes a problem of `key`; the line is the one where the key was given.
    pub(crate) fn note(&self, key: &str, problem: impl Into<String>) {
        let error = self.error(key, problem.into());
        self.noted.borrow_mut().push(error);
    }

    /// Whether anything was noted so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.noted.borrow().is_empty() && self.unknown.borrow().is_empty()
    }

    /// The first problem: unknown keys before all others, because a misspelt key explains a missing one.
    pub(crate) fn into_first(self) -> Option<Error> {
        self.unknown
            .into_inner()
            .into_iter()
            .chain(self.noted.into_inner())
            .next()
    }

    fn error(&self, key: &str, problem: String) -> Error {
        Error {
            file: self.file.clone(),
            line: self.lines.borrow().get(key).copied(),
            ..Error::new(key, problem)
        }
    }

    fn remember_line(&self, key: &str, span: Range<usize>) {
        self.lines
            .borrow_mut()
            .insert(key.to_owned(), line_of(self.text, span.start));
    }

    /// Parses the text. The parser's own rendering quotes the line, which may hold a secret, so only its message is used.
    pub(crate) fn parse(&self) -> Result<DeTable<'t>, Error> {
        DeTable::parse(self.text)
            .map(Spanned::into_inner)
            .map_err(|error| {
                let line = error.span().map(|span| line_of(self.text, span.start));
                let key = line
                    .and_then(|line| key_at(self.text, line))
                    .unwrap_or_else(|| "syntax".to_owned());
                let message = error.message().replace('\n', "; ");
                Error {
                    file: self.file.clone(),
                    line,
                    ..Error::new(
                        key,
                        format!("this is not TOML: {message}; text values stand in quotes"),
                    )
                }
            })
    }
}

/// One table of the file over the same table of the defaults.
pub(crate) struct Section<'t> {
    problems: &'t Problems<'t>,
    path: String,
    given: DeTable<'t>,
    defaults: DeTable<'static>,
    taken: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(crate) fn root(
        problems: &'t Problems<'t>,
        given: DeTable<'t>,
        defaults: DeTable<'static>,
    ) -> Self {
        Self {
            problems,
            path: String::new(),
            given,
            defaults,
            taken: Vec::new(),
        }
    }

    /// The key with the sections that it stands in.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a problem of a key of this section.
    pub(crate) fn note(&self, key: &str, problem: impl Into<String>) {
        self.problems.note(&self.key(key), problem);
    }

    /// Whether none of these keys was noted as wrong: then an absent value is really absent.
    pub(crate) fn is_sound(&self, keys: &[&str]) -> bool {
        let noted = self.problems.noted.borrow();
        !keys
            .iter()
            .any(|key| noted.iter().any(|error| error.key == self.key(key)))
    }

    /// A value that has a default. On a problem it is noted, and the default stands in for the rest of the reading.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> T {
        if let Some(value) = self.optional(key, &parse) {
            return value;
        }
        let default = self.defaults.get(key).map(|value| parse(value.get_ref()));
        match default {
            Some(Ok(value)) => value,
            // Not reachable: a test reads default.toml alone, with every key.
            Some(Err(problem)) => panic!("default.toml: {}: {problem}", self.key(key)),
            None => panic!("default.toml lacks {}", self.key(key)),
        }
    }

    /// A value that may be absent. On a problem it is noted and `None` stands in.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.note(key, problem);
                None
            }
        }
    }

    /// A secret text. It is moved out of the table, and neither it nor what stands there instead is ever shown.
    pub(crate) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        match self.take(key)? {
            DeValue::String(text) => Some(Secret::new(text.into_owned())),
            other => {
                self.note(key, format!("found {}, write text in quotes", kind(&other)));
                None
            }
        }
    }

    /// A table of its own, `[key]`.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'t> {
        let given = match self.take(key) {
            None => DeTable::new(),
            Some(DeValue::Table(table)) => table,
            Some(other) => {
                self.note(
                    key,
                    format!("found {}, write a section [{key}]", found(&other)),
                );
                DeTable::new()
            }
        };
        let defaults = match self.defaults.remove(key).map(Spanned::into_inner) {
            Some(DeValue::Table(table)) => table,
            _ => panic!("default.toml lacks [{key}]"),
        };
        Section {
            problems: self.problems,
            path: self.key(key),
            given,
            defaults,
            taken: Vec::new(),
        }
    }

    /// A list of tables, `[[key]]`, which has no defaults.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Section<'t>> {
        let path = self.key(key);
        let items = match self.take(key) {
            None => return Vec::new(),
            Some(DeValue::Array(items)) => items,
            Some(other) => {
                self.note(
                    key,
                    format!("found {}, write sections [[{key}]]", found(&other)),
                );
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{}]", index + 1);
            self.problems.remember_line(&path, item.span());
            match item.into_inner() {
                DeValue::Table(given) => sections.push(Section {
                    problems: self.problems,
                    path,
                    given,
                    defaults: DeTable::new(),
                    taken: Vec::new(),
                }),
                other => self.problems.note(
                    &path,
                    format!("found {}, write a section [[{key}]]", found(&other)),
                ),
            }
        }
        sections
    }

    /// Ends the reading: what nobody took is unknown.
    pub(crate) fn finish(self) {
        for (key, _) in &self.given {
            let key_path = self.key(shown_key(key.get_ref()));
            self.problems.remember_line(&key_path, key.span());
            let advice = match nearest(key.get_ref(), &self.taken) {
                Some(known) => format!("did you mean {known}?"),
                None => "see config/default.toml for all keys".to_owned(),
            };
            let error = self
                .problems
                .error(&key_path, format!("unknown key; {advice}"));
            self.problems.unknown.borrow_mut().push(error);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<DeValue<'t>> {
        self.taken.push(key);
        let (name, value) = self.given.remove_entry(key)?;
        self.problems.remember_line(&self.key(key), name.span());
        Some(value.into_inner())
    }
}

/// A key that nobody knows, as far as it may be shown: a token in the wrong place could stand there.
fn shown_key(key: &str) -> &str {
    if is_key_like(key) { key } else { "(hidden)" }
}

/// Whether a text is made like our keys: short words with `_`, `-` or `.` between them, without a mix of capitals and digits.
fn is_key_like(key: &str) -> bool {
    /// Longer than each word of our keys, shorter than any token.
    const WORD_CHARS: usize = 20;
    let fits = |word: &str| {
        let lower = word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let letters = word.bytes().all(|b| b.is_ascii_alphabetic());
        (1..=WORD_CHARS).contains(&word.len()) && (lower || letters)
    };
    key.len() <= 64 && key.split(['_', '-', '.']).all(fits)
}

/// The kind of a value, where the value itself must not be shown.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// The key that a line of broken TOML begins with, with its section; `None` if it does not look like a key.
fn key_at(text: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let at = lines.last()?.trim();
    let header = |line: &&str| {
        let name = line
            .trim()
            .strip_prefix('[')?
            .trim_start_matches('[')
            .split(']')
            .next()?
            .trim();
        is_key_like(name).then(|| name.to_owned())
    };
    if let Some(name) = header(&at) {
        return Some(name);
    }
    let key = at.split('=').next()?.trim();
    if !is_key_like(key) || key == at {
        return None;
    }
    match lines.iter().rev().find_map(header) {
        Some(section) => Some(format!("{section}.{key}")),
        None => Some(key.to_owned()),
    }
}

/// The known key that is within two typing mistakes of `key`.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    if key.len() > 64 {
        return None;
    }
    let distances = known.iter().map(|known| (distance(key, known), *known));
    distances
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known)
}

/// The edit distance of two short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_single_edits() {
        assert_eq!(distance("idle_timeout", "idle_timeout"), 0);
        assert_eq!(distance("idle_timout", "idle_timeout"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(
            nearest("restrat_limit", &["args", "restart_limit"]),
            Some("restart_limit")
        );
        assert_eq!(nearest("colour", &["args", "restart_limit"]), None);
    }

    #[test]
    fn the_key_of_a_broken_line_is_named_with_its_section() {
        let text =
            "a = 1\n[codex]\npath = oops oops\n[bad\nhft_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(key_at(text, 1), Some("a".to_owned()));
        assert_eq!(key_at(text, 3), Some("codex.path".to_owned()));
        assert_eq!(key_at(text, 4), Some("bad".to_owned()));
        assert_eq!(key_at(text, 5), None);
    }
}
