//! Collects the secret values that are known by heart: from the user's file, the environment, `.env` files and Codex's login.
//! It only reads them; finding them in a stream is the redactor's work.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Redaction;
use crate::{Environment, Error, Secret, error::shown_path, paths};

/// Shortest value that is masked, in characters: shorter ones stand in ordinary text by chance.
const SHORTEST: usize = 8;
/// Shortest text of Codex's login that is a secret and no label, in characters.
const SHORTEST_LOGIN: usize = 20;
/// Largest file of values, in bytes: thousands of them.
const FILE_BYTES: usize = 1 << 20;
/// What the name of a variable or key contains when its value is a secret. Upper-case.
const SECRET_NAMES: [&str; 6] = ["SECRET", "TOKEN", "KEY", "PASSWORD", "PASSWD", "CREDENTIAL"];
/// Our own variables: their values are known by digest and by rule, and are not kept.
const OWN_VARIABLES: &str = "HOLDFAST_";

/// A secret value that is known by heart.
#[derive(Clone, Debug)]
pub struct KnownValue {
    /// Where it came from, for the marker: the name of the variable or key, `value` or `codex-login`.
    pub name: String,
    /// The value.
    pub value: Secret,
}

impl Redaction {
    /// Reads every known secret value. The list may hold a value twice. Codex renews its login now and then, so whoever
    /// runs for long reads again.
    ///
    /// # Errors
    /// A file that the configuration names is missing, not private (`values_file`), or not text; the key is named.
    pub fn known_values(
        &self,
        environment: &Environment,
        codex_home: Option<&Path>,
    ) -> Result<Vec<KnownValue>, Error> {
        let mut values = Vec::new();
        if let Some(file) = &self.values_file {
            let text = paths::read_private(file, FILE_BYTES).and_then(|bytes| text_of(bytes, file));
            let text = text.map_err(|problem| Error::new("redaction.values_file", problem))?;
            let lines = text.lines().map(str::trim).filter(|line| is_long(line));
            values.extend(lines.map(|line| known("value", line)));
        }
        for file in &self.files {
            let text = read_shared(file).and_then(|bytes| text_of(bytes, file));
            let text = text.map_err(|problem| Error::new("redaction.files", problem))?;
            let assigned = text.lines().filter_map(assigned);
            let secret = assigned.filter(|(_, value)| is_long(value) && !is_word(value));
            values.extend(secret.map(|(name, value)| known(name, value)));
        }
        for name in environment.names() {
            let named = self.env_names.contains(&name);
            let guessed = is_secret_name(&name) && !name.starts_with(OWN_VARIABLES);
            let is_secret =
                |value: &Secret| is_long(value.reveal()) && (named || !is_path(value.reveal()));
            if let Some(value) = environment
                .secret(&name)
                .filter(|value| (named || guessed) && is_secret(value))
            {
                values.push(KnownValue { name, value });
            }
        }
        values.extend(login_values(environment, codex_home));
        Ok(values)
    }
}

impl Redaction {
    /// The files that known values come from, whether they are there or not.
    pub fn sources(&self, environment: &Environment, codex_home: Option<&Path>) -> Vec<PathBuf> {
        let own = self.values_file.iter().chain(&self.files).cloned();
        own.chain(login_file(environment, codex_home)).collect()
    }
}

/// Where Codex keeps its login.
fn login_file(environment: &Environment, codex_home: Option<&Path>) -> Option<PathBuf> {
    let home = || {
        environment
            .get("HOME")
            .map(|home| PathBuf::from(home).join(".codex"))
    };
    let folder = codex_home
        .map(Path::to_owned)
        .or_else(|| environment.get("CODEX_HOME").map(PathBuf::from))
        .or_else(home);
    folder.map(|folder| folder.join("auth.json"))
}

/// The secrets of Codex's own login; none if there is no login or it is not readable.
fn login_values(environment: &Environment, codex_home: Option<&Path>) -> Vec<KnownValue> {
    let mut values = Vec::new();
    if let Some(bytes) =
        login_file(environment, codex_home).and_then(|file| read_shared(&file).ok())
        && let Ok(login) = serde_json::from_slice(&bytes)
    {
        collect_secrets(login, false, &mut values);
    }
    values
}

/// Moves each long text under a key that names a secret into `values`. The parser bounds the depth.
fn collect_secrets(value: Value, named: bool, values: &mut Vec<KnownValue>) {
    match value {
        Value::String(text) => {
            let value = Secret::new(text);
            if named && value.reveal().len() >= SHORTEST_LOGIN {
                let name = "codex-login".to_owned();
                values.push(KnownValue { name, value });
            }
        }
        Value::Array(items) => items
            .into_iter()
            .for_each(|item| collect_secrets(item, named, values)),
        Value::Object(entries) => {
            for (key, value) in entries {
                collect_secrets(value, named || is_secret_name(&key), values);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads a file that others may read too; they can not be kept from writing what is only used to mask.
fn read_shared(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let problem = |what: String| format!("can not read {}: {what}", shown_path(path));
    // NONBLOCK: a pipe that somebody put there must not hold up the start.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|error| problem(error.to_string()))?;
    let file = File::from(file);
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(problem("it is not a regular file".to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
    file.take(FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| problem(error.to_string()))?;
    if bytes.len() > FILE_BYTES {
        return Err(problem(format!("it has more than {FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

fn text_of(mut bytes: Zeroizing<Vec<u8>>, path: &Path) -> Result<Zeroizing<String>, String> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(format!("{} is not UTF-8", shown_path(path)))
        }
    }
}

/// Name and value of a line `NAME=value` of an `.env` file, without `export`, quotes and what follows them.
fn assigned(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (name, value) = line
        .strip_prefix("export ")
        .unwrap_or(line)
        .split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.starts_with('#') {
        return None;
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return Some((name, rest.split(quote).next().unwrap_or(rest)));
        }
    }
    Some((name, value.split(" #").next().unwrap_or(value).trim_end()))
}

fn known(name: &str, value: &str) -> KnownValue {
    KnownValue {
        name: name.to_owned(),
        value: Secret::new(value.to_owned()),
    }
}

/// A variable such as `SSL_KEY_FILE` says where a secret is, which is none.
fn is_path(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("~/")
}

fn is_long(text: &str) -> bool {
    text.chars().count() >= SHORTEST
}

/// Words such as `production` and short numbers: in an `.env` file, but no secrets, and masking them would hurt.
fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase())
        || (text.len() < 12 && text.bytes().all(|b| b.is_ascii_digit()))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn redaction(values_file: Option<PathBuf>, files: Vec<PathBuf>) -> Redaction {
        Redaction {
            enabled: true,
            values_file,
            env_names: vec!["PLAIN".to_owned()],
            files,
            disabled_rules: Vec::new(),
            rules: Vec::new(),
        }
    }

    fn revealed(values: &[KnownValue]) -> Vec<(&str, &str)> {
        values
            .iter()
            .map(|known| (known.name.as_str(), known.value.reveal()))
            .collect()
    }

    #[test]
    fn values_come_from_file_env_file_environment_and_login() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("values"), "first value\n\n  short \n second-value \n").unwrap();
        fs::set_permissions(path("values"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(
            path(".env"),
            "# A=comment-value\nexport A=\"quoted value\" # x\nB='single-quoted'\nC=bare-value # note\nMODE=production\nPORT=12345678\nD=short\n",
        )
        .unwrap();
        fs::write(
            path("auth.json"),
            r#"{"OPENAI_API_KEY":"sk-made-up-for-this-test","tokens":{"id":"also-a-long-made-up-text"},"mode":"not-a-secret-but-long-enough"}"#,
        )
        .unwrap();
        let environment = Environment::of([
            ("PLAIN", "plain-value"),
            ("MY_API_KEY", "key-value-1"),
            ("EDITOR", "not-a-secret"),
            ("HOLDFAST_WEBSOCKET_AUTH_TOKEN", "our-own-token"),
            ("SHORT_TOKEN", "short"),
            ("TOKEN_FILE", "/run/some/token"),
        ]);
        let values = redaction(Some(path("values")), vec![path(".env")])
            .known_values(&environment, Some(dir.path()))
            .unwrap();
        assert_eq!(
            revealed(&values),
            [
                ("value", "first value"),
                ("value", "second-value"),
                ("A", "quoted value"),
                ("B", "single-quoted"),
                ("C", "bare-value"),
                ("MY_API_KEY", "key-value-1"),
                ("PLAIN", "plain-value"),
                ("codex-login", "sk-made-up-for-this-test"),
                ("codex-login", "also-a-long-made-up-text"),
            ]
        );
    }

    #[test]
    fn a_missing_or_open_file_of_values_is_an_error_and_a_missing_login_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::of([("HOME", "/nonexistent")]);
        assert_eq!(
            redaction(None, Vec::new())
                .known_values(&environment, None)
                .unwrap()
                .len(),
            0
        );
        let key =
            |redaction: Redaction| redaction.known_values(&environment, None).unwrap_err().key;
        let file = dir.path().join("values");
        assert_eq!(
            key(redaction(Some(file.clone()), Vec::new())),
            "redaction.values_file"
        );
        assert_eq!(key(redaction(None, vec![file.clone()])), "redaction.files");
        fs::write(&file, "some value").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            key(redaction(Some(file.clone()), Vec::new())),
            "redaction.values_file"
        );
        assert!(
            redaction(None, vec![file])
                .known_values(&environment, None)
                .is_ok()
        );
    }
}
