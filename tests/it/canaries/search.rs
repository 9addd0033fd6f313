//! Looks for secrets in bytes, in every form that text takes on its way: raw, escaped and encoded.
//!
//! Not the redactor's own list of forms: this one is written anew, so that both would have to forget the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rusqlite::{Connection, OpenFlags, params};

/// Secrets under the name of the place where each was shown.
#[derive(Default)]
pub struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    /// Adds one that has to be found nowhere.
    pub fn add(&mut self, place: &str, secret: &str) {
        self.0.push((place.to_owned(), secret.as_bytes().to_vec()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The names of those that `bytes` hold, with where they were found. Never the secret itself.
    pub fn in_bytes(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let mut needles = Vec::new();
        let mut names = Vec::new();
        for (name, secret) in &self.0 {
            for (number, form) in forms(secret).into_iter().enumerate() {
                needles.push(form);
                names.push(format!("{name} in form {number} in {place}"));
            }
        }
        let search = AhoCorasick::new(&needles).unwrap();
        let mut found: Vec<String> = search
            .find_overlapping_iter(bytes)
            .map(|hit| names[hit.pattern().as_usize()].clone())
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The same for all files under `folder`, and for what the rows of its journal hold when they are unpacked.
    pub fn in_files(&self, when: &str, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for file in files_under(folder) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = fs::read(&file).unwrap_or_default();
            found.extend(self.in_bytes(&format!("{name} ({when})"), &bytes));
        }
        let rows = rows_of(folder).join(&b'\n');
        found.extend(self.in_bytes(&format!("rows of the journal ({when})"), &rows));
        found
    }
}

/// How a secret may be written down: raw, escaped, encoded, and beside other bytes in base64.
pub fn writings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent = |byte: u8| match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let json = serde_json::Value::from(secret).to_string();
    let twice = serde_json::Value::from(json.as_str()).to_string();
    let mut writings = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        twice[3..twice.len() - 3].to_owned(),
        hex.to_uppercase(),
        hex,
        secret.bytes().map(percent).collect(),
    ];
    for shift in 0..3 {
        let beside = format!("{}{secret}", &"xx"[..shift]);
        writings.push(STANDARD_NO_PAD.encode(&beside));
        writings.push(URL_SAFE_NO_PAD.encode(&beside));
    }
    writings
}

/// What to look for: the same, in base64 without the characters that share bits with a neighbour.
fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut writings = writings(std::str::from_utf8(secret).unwrap());
    let encoded = writings.split_off(writings.len() - 6);
    let whole = |(at, text): (usize, String)| {
        let shift = at / 2;
        let end = (secret.len() + shift) / 3 * 4;
        text[[0, 2, 3][shift]..end].to_owned()
    };
    writings.extend(encoded.into_iter().enumerate().map(whole));
    writings.into_iter().map(String::into_bytes).collect()
}

/// All files under `folder`.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The journal's file in `folder`.
fn journal(folder: &Path) -> PathBuf {
    let is_journal =
        |path: &PathBuf| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3"));
    let found = files_under(folder).into_iter().find(is_journal);
    found.expect("the host keeps a journal")
}

/// The packed columns of the journal, unpacked.
pub fn rows_of(folder: &Path) -> Vec<Vec<u8>> {
    let journal =
        Connection::open_with_flags(journal(folder), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = Vec::new();
    for query in [
        "SELECT size, lines FROM events",
        "SELECT size, json FROM items",
    ] {
        let mut statement = journal.prepare(query).unwrap();
        let read = statement.query_map([], |row| {
            Ok((row.get::<_, usize>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        for row in read.unwrap() {
            let (size, stored) = row.unwrap();
            rows.push(match stored.len() == size {
                true => stored,
                false => lz4_flex::block::decompress(&stored, size).unwrap(),
            });
        }
    }
    rows
}

/// Puts every form of every canary into a file and into a packed row of the journal, and says how many
/// that are.
pub fn plant(folder: &Path, canaries: &Canaries) -> usize {
    let mut lines = Vec::new();
    let mut count = 0;
    for (_, secret) in &canaries.0 {
        for form in forms(secret) {
            lines.extend(form);
            lines.extend(b"\nand nothing, and nothing, and nothing, and nothing\n");
            count += 1;
        }
    }
    fs::write(folder.join("planted"), &lines).unwrap();
    let packed = lz4_flex::block::compress(&lines);
    assert!(packed.len() < lines.len());
    let journal = Connection::open(journal(folder)).unwrap();
    journal
        .execute(
            "INSERT INTO events (key, count, at, start, size, lines) VALUES (9000000000000000000, 1, 0, 0, ?1, ?2)",
            params![lines.len(), packed],
        )
        .unwrap();
    count
}
