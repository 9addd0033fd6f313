//! Full-text search over the items of all sessions.
//!
//! People type what they like; nothing of it is read as the search engine's own language.

use rusqlite::params;

use super::Readers;
use crate::error::ReadError;
use crate::records::{HIT_END, HIT_START, Hit};

/// Most hits of one search.
const HITS: usize = 200;
/// Most words of a query that are looked for, and most bytes of a query that are read; more would only cost time.
const WORDS: usize = 32;
const QUERY_BYTES: usize = 1024;
/// A last word of fewer bytes is looked for as it is: too many words begin with it.
const BEGIN_BYTES: usize = 3;
/// Words in a snippet.
const SNIPPET_WORDS: u32 = 24;

impl Readers {
    /// Items that hold all words of the query, the newest item first. The last word may be the begin of a longer one if it
    /// has some length itself.
    pub(crate) fn search(
        &self,
        query: &str,
        cwd: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Hit>, ReadError> {
        let Some(expression) = expression(query) else {
            return Ok(Vec::new());
        };
        let lent = self.lend()?;
        let mut statement = lent.prepare_cached(&format!(
            "SELECT f.thread, coalesce(s.cwd, ''), s.title, i.turn, i.id, i.kind, i.seq,
                    snippet(search, 0, ?3, ?4, '…', {SNIPPET_WORDS})
             FROM search JOIN items i ON i.row = search.rowid JOIN feeds f ON f.id = i.feed
             LEFT JOIN sessions s ON s.feed = i.feed
             WHERE search MATCH ?1
               AND (?2 IS NULL OR s.cwd = ?2 OR substr(s.cwd, 1, length(?2) + 1) = ?2 || '/')
             ORDER BY search.rowid DESC LIMIT ?5"
        ))?;
        let limit = i64::try_from(limit.min(HITS)).expect("it is small");
        let cwd = cwd.map(|cwd| cwd.trim_end_matches('/'));
        let parameters = params![
            expression,
            cwd,
            HIT_START.to_string(),
            HIT_END.to_string(),
            limit
        ];
        let hits = statement.query_map(parameters, |row| {
            Ok(Hit {
                thread: row.get(0)?,
                cwd: row.get(1)?,
                title: row.get(2)?,
                turn: row.get(3)?,
                item: row.get(4)?,
                kind: row.get(5)?,
                seq: row.get(6)?,
                snippet: row.get(7)?,
            })
        })?;
        Ok(hits.collect::<rusqlite::Result<_>>()?)
    }
}

/// The query as FTS5 takes it: each word, and each part between double quotes, as a string that is matched as it is.
/// `None`: there is nothing to look for.
fn expression(query: &str) -> Option<String> {
    let query = &query[..query.floor_char_boundary(QUERY_BYTES)];
    let mut parts = Vec::new();
    for (n, section) in query.split('"').enumerate() {
        let quoted = n % 2 == 1;
        if quoted {
            parts.push(section);
        } else {
            parts.extend(section.split_whitespace());
        }
    }
    // Without a letter or digit FTS5 sees no word, and a string without one would match nothing at all.
    parts.retain(|part| part.chars().any(char::is_alphanumeric));
    parts.truncate(WORDS);
    if parts.is_empty() {
        return None;
    }
    let strings: Vec<String> = parts
        .iter()
        .map(|part| format!("\"{}\"", part.replace('\0', " ")))
        .collect();
    let begin = parts.last().is_some_and(|last| last.len() >= BEGIN_BYTES);
    Some(strings.join(" ") + if begin { "*" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_phrases_become_plain_strings() {
        let check = |query: &str, expected: Option<&str>| {
            assert_eq!(expression(query).as_deref(), expected, "{query:?}");
        };
        check("cargo test", Some(r#""cargo" "test"*"#));
        check(
            r#"say "not found" now"#,
            Some(r#""say" "not found" "now"*"#),
        );
        check(r#"open "quote"#, Some(r#""open" "quote"*"#));
        check("a* OR b) NEAR(c,", Some(r#""a*" "OR" "b)" "NEAR(c,"*"#));
        check("text:x -y ^z {w}", Some(r#""text:x" "-y" "^z" "{w}"*"#));
        check("a go", Some(r#""a" "go""#));
        check("nul\0byte", Some("\"nul byte\"*"));
        check(" \t ", None);
        check("\"\" * ( ) -- '", None);
    }
}
