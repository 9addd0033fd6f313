//! Reading the credentials again while the host runs, at SIGHUP and at `holdfast reload`; and that command. Nothing else of
//! the configuration is taken up: what else has changed is named, and waits for the next start.

use std::{path::PathBuf, process::ExitCode};

use actors::{
    host::Host,
    reload::{Outcome, TakenUp},
};
use config::{Config, EX_CONFIG, Source};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    args::ReloadArgs,
    control::{Request, client},
};

/// The configuration of a host, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it is used.
    pub config: Config,
    /// As it was read.
    as_read: Config,
    file: Option<PathBuf>,
    listen: Option<String>,
}

impl Loaded {
    /// Reads it: `--config` and `--listen`, and what else says where it is.
    ///
    /// # Errors
    /// Something is wrong with it.
    pub fn load(file: Option<PathBuf>, listen: Option<String>) -> Result<Self, config::Error> {
        let config = Config::load(&Source::process(file.clone(), listen.clone()))?;
        Ok(Self {
            as_read: config.clone(),
            config,
            file,
            listen,
        })
    }
}

/// Takes up new credentials.
#[derive(Debug)]
pub struct Reloader {
    host: Host,
    as_read: Config,
    file: Option<PathBuf>,
    listen: Option<String>,
    /// One at a time, so that the last one to read the files is the last one to be taken up.
    turn: Mutex<()>,
}

impl Reloader {
    /// Of a host that was started with this configuration.
    pub fn new(host: Host, loaded: Loaded) -> Self {
        let Loaded {
            as_read,
            file,
            listen,
            ..
        } = loaded;
        Self {
            host,
            as_read,
            file,
            listen,
            turn: Mutex::new(()),
        }
    }

    /// Reads the configuration and takes up its credentials. Whatever is wrong leaves everything as it is.
    ///
    /// # Errors
    /// Why nothing was taken up, for a person.
    pub async fn reload(&self) -> Result<TakenUp, String> {
        let _turn = self.turn.lock().await;
        let outcome = self.take_up().await;
        match &outcome {
            Ok(done) => {
                tracing::info!(
                    added = done.changed.added,
                    removed = done.changed.removed,
                    sign_ins_ended = done.changed.sign_ins_ended,
                    "the credentials were read again"
                );
                if !done.needs_restart.is_empty() {
                    let keys = done.needs_restart.join(", ");
                    tracing::warn!(
                        keys,
                        "other settings have changed too; they wait for a restart"
                    );
                }
            }
            Err(problem) => {
                tracing::error!(err = problem, "the credentials stay as they were");
            }
        }
        self.host.note_reload(Outcome::now(outcome.clone()));
        outcome
    }

    async fn take_up(&self) -> Result<TakenUp, String> {
        let source = (self.file.clone(), self.listen.clone());
        let read = spawn_blocking(move || Config::load(&Source::process(source.0, source.1)));
        let newer = read
            .await
            .map_err(|error| format!("the configuration could not be read: {error}"))?
            .map_err(|error| error.to_string())?;
        if newer.admission.auth_required != self.as_read.admission.auth_required {
            // With the other value the credentials of the file mean something else.
            return Err("websocket_auth_required: has changed, which needs a restart".to_owned());
        }
        let needs_restart = self.as_read.changed_besides_credentials(&newer);
        let changed = self
            .host
            .admission()
            .reload(newer.admission.credentials)
            .await
            .map_err(|error| error.to_string())?;
        Ok(TakenUp {
            changed,
            needs_restart,
        })
    }
}

/// `holdfast reload`: asks the running host, and says what came of it.
pub fn run(args: ReloadArgs) -> anyhow::Result<ExitCode> {
    let state_dir = match client::state_dir(args.config) {
        Ok(state_dir) => state_dir,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let done: Done = client::ask(&state_dir, &Request::Reload {})?;
    println!(
        "tokens: {} new, {} gone; {} ended with them",
        done.added,
        done.removed,
        counted(done.sign_ins_ended, "sign-in")
    );
    if !done.needs_restart.is_empty() {
        println!(
            "changed too, and waiting for a restart: {}",
            done.needs_restart.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What the host says of a reload.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    added: usize,
    removed: usize,
    sign_ins_ended: usize,
    needs_restart: Vec<String>,
}

/// "1 sign-in", "2 sign-ins".
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
