//! The commands' side of the control socket: finds the host of a configuration and asks it one thing.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, Source};
use serde::de::DeserializeOwned;

use super::{Answer, Place, Request};

/// How long the host may take; a reload reads a few files.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer, in bytes: a list of all sign-ins takes a tenth.
const ANSWER_BYTES: u64 = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no host to ask.
    #[error(
        "no host runs here: nobody answers on {}; start one with `holdfast serve`, or name its configuration with --config",
        .0.display()
    )]
    NoHost(PathBuf),
    /// It hung up, or says nothing.
    #[error(
        "the host does not answer on {}: {problem}; it turns away other users and what Codex has started, its log says why",
        path.display()
    )]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// What happened.
        problem: String,
    },
    /// It answered with this error.
    #[error("{0}")]
    Refused(String),
}

/// The state folder of a configuration, for [`ask`].
///
/// # Errors
/// The configuration does not say where it is.
pub fn state_dir(config: Option<PathBuf>) -> Result<PathBuf, config::Error> {
    Config::find_state_dir(&Source::process(config, None))
}

/// Asks the host whose state folder this is.
///
/// # Errors
/// There is no host, or it does not do it.
pub fn ask<T: DeserializeOwned>(state_dir: &Path, request: &Request) -> Result<T, AskError> {
    let no_host = || AskError::NoHost(state_dir.join(super::PATH_IN_STATE_DIR));
    let place = Place::in_state_dir(state_dir).map_err(|_| no_host())?;
    let no_answer = |problem: String| AskError::NoAnswer {
        path: place.path().to_owned(),
        problem,
    };
    let stream = match place.connect() {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(no_host());
        }
        Err(error) => return Err(no_answer(error.to_string())),
    };
    let talk = || -> io::Result<String> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        (&stream).write_all(&text)?;
        let mut line = String::new();
        BufReader::new((&stream).take(ANSWER_BYTES)).read_line(&mut line)?;
        Ok(line)
    };
    let line = talk().map_err(|error| no_answer(error.to_string()))?;
    if line.is_empty() {
        return Err(no_answer("it hung up".to_owned()));
    }
    match serde_json::from_str(&line) {
        Ok(Answer::Error(said)) => Err(AskError::Refused(said)),
        Ok(Answer::Result(result)) => serde_json::from_value(result)
            .map_err(|error| no_answer(format!("it speaks another language: {error}"))),
        Err(error) => Err(no_answer(format!("it speaks another language: {error}"))),
    }
}
