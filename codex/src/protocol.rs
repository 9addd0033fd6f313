//! The names of the protocol: those of the version that the host was tested with, and those of an installed Codex, which
//! writes its own schema. Not a gate: what is new passes through, and somebody should know.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::process::{Launch, SpawnError};

/// The names of [`crate::version::TESTED`]: requests by the client `->`, requests by Codex `<?`, notifications `<-`.
const TESTED_NAMES: &str = include_str!("protocol/names.txt");
/// A schema file is a few hundred KiB; a larger one is not read.
const MAX_SCHEMA: u64 = 32 << 20;
/// The names of an installed Codex, in the state folder.
const CACHE: &str = "codex-protocol.json";
/// Where it writes its schema; gone when that has been read.
const SCHEMA: &str = "codex-schema.new";

/// All names of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Requests by the client, experimental ones too.
    pub requests: BTreeSet<String>,
    /// Requests by Codex.
    pub server_requests: BTreeSet<String>,
    /// Notifications by Codex.
    pub notifications: BTreeSet<String>,
}

/// How an installed Codex differs from the tested one; each name with its mark, as in `-> thread/start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What the tested one did not have.
    pub new: Vec<String>,
    /// What it had.
    pub gone: Vec<String>,
}

impl Drift {
    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }
}

/// Why the names of an installed Codex are not known.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// It could not be asked.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It did not end in time.
    #[error("codex did not write its schema within {0:?}")]
    Late(Duration),
    /// What it wrote is missing, or no schema.
    #[error("codex wrote no schema that can be read: {0}")]
    Schema(#[from] io::Error),
}

impl Names {
    /// Those of the tested version.
    pub fn tested() -> Self {
        let mut names = Self::default();
        for line in TESTED_NAMES.lines() {
            let (mark, name) = line.split_once(' ').unwrap_or_default();
            let set = match mark {
                "->" => &mut names.requests,
                "<?" => &mut names.server_requests,
                _ => &mut names.notifications,
            };
            set.insert(name.to_owned());
        }
        names
    }

    /// Those of the schema that Codex wrote into `folder`.
    ///
    /// # Errors
    /// A file is missing, too large, or of another form.
    pub fn of_schema(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            requests: names_in(&folder.join("ClientRequest.json"))?,
            server_requests: names_in(&folder.join("ServerRequest.json"))?,
            notifications: names_in(&folder.join("ServerNotification.json"))?,
        })
    }

    /// What is new in these, and what is gone, compared with the tested ones.
    pub fn drift(&self) -> Drift {
        let tested = Self::tested();
        let mut drift = Drift::default();
        for (mark, theirs, ours) in [
            ("->", &self.requests, &tested.requests),
            ("<?", &self.server_requests, &tested.server_requests),
            ("<-", &self.notifications, &tested.notifications),
        ] {
            let marked = |name: &String| format!("{mark} {name}");
            drift.new.extend(theirs.difference(ours).map(marked));
            drift.gone.extend(ours.difference(theirs).map(marked));
        }
        drift
    }
}

fn names_in(file: &Path) -> io::Result<BTreeSet<String>> {
    if fs::metadata(file)?.len() > MAX_SCHEMA {
        return Err(io::Error::other("it is too large"));
    }
    let schema: Value = serde_json::from_slice(&fs::read(file)?)?;
    let variants = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
    let names: BTreeSet<String> = variants
        .iter()
        .filter_map(|one| one["properties"]["method"]["enum"][0].as_str())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err(io::Error::other("it names no method"));
    }
    Ok(names)
}

/// Which file the names were read from; another file asks again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Program {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Cached {
    program: Program,
    names: Names,
}

/// The names of the Codex that `launch` starts: from `state_dir`, when they were asked for before, else from Codex itself,
/// which takes less than a second. `launch` is the one of a server; what follows `app-server` is added.
///
/// # Errors
/// [`Unknown`]; a Codex that does not write a schema can be used all the same.
pub async fn names(launch: &Launch, state_dir: &Path, limit: Duration) -> Result<Names, Unknown> {
    let program = program(&launch.program)?;
    let cache = state_dir.join(CACHE);
    let cached = fs::read(&cache).ok();
    let cached = cached.and_then(|json| serde_json::from_slice::<Cached>(&json).ok());
    if let Some(cached) = cached.filter(|cached| cached.program == program) {
        return Ok(cached.names);
    }
    let folder = state_dir.join(SCHEMA);
    let names = generate(launch, &folder, limit).await;
    let _never_made = fs::remove_dir_all(&folder);
    let names = names?;
    let cached = Cached { program, names };
    let json = serde_json::to_vec(&cached).map_err(io::Error::from);
    if let Err(err) = json.and_then(|json| fs::write(&cache, json)) {
        tracing::debug!(err = %err, "keep the names of codex's protocol");
    }
    Ok(cached.names)
}

fn program(path: &Path) -> io::Result<Program> {
    let file = fs::metadata(path)?;
    Ok(Program {
        path: path.to_owned(),
        bytes: file.len(),
        modified: file.modified()?,
    })
}

async fn generate(launch: &Launch, folder: &Path, limit: Duration) -> Result<Names, Unknown> {
    let _left_by_another = fs::remove_dir_all(folder);
    fs::create_dir(folder)?;
    let mut launch = launch.clone();
    launch
        .args
        .extend(["generate-json-schema", "--experimental", "--out"].map(Into::into));
    launch.args.push(folder.into());
    let mut process = launch.spawn()?;
    // A program that knows nothing of schemas may read, or write, instead.
    process.stdin = None;
    process.stdout = None;
    let exit = tokio::time::timeout(limit, process.wait()).await;
    process.stop(Duration::ZERO).await;
    if exit.is_err() {
        return Err(Unknown::Late(limit));
    }
    Ok(Names::of_schema(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tested_names_are_whole_and_do_not_differ_from_themselves() {
        let names = Names::tested();
        assert!(names.requests.contains("thread/start") && names.requests.contains("initialize"));
        assert!(names.server_requests.contains("item/tool/requestUserInput"));
        assert!(names.notifications.contains("turn/completed"));
        assert_eq!(
            TESTED_NAMES.lines().count(),
            names.requests.len() + names.server_requests.len() + names.notifications.len()
        );
        assert!(names.drift().is_none());
    }

    #[test]
    fn what_is_new_and_what_is_gone_is_named() {
        let mut names = Names::tested();
        names.requests.remove("turn/steer");
        names.requests.insert("turn/teleport".into());
        names.notifications.insert("turn/teleported".into());
        assert_eq!(
            names.drift(),
            Drift {
                new: vec!["-> turn/teleport".into(), "<- turn/teleported".into()],
                gone: vec!["-> turn/steer".into()],
            }
        );
    }
}
