//! Takes up known values that have changed while the host runs: Codex renews its login now and then, and people edit files.
//!
//! Not for rules and names in the configuration: those wait for a restart.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use actors::redactor::LiveRedactor;
use config::{Config, Environment};
use tokio::{task::spawn_blocking, time};

use crate::settings;

/// How often the files are looked at. A renewed login is known so much later at most; until then its form gives it away.
const EVERY: Duration = Duration::from_secs(2);

/// What shows that a file has changed; none when it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// Looks after the files of `config`, until the host ends.
pub async fn watch(config: Config, key: [u8; 32], live: Arc<LiveRedactor>) {
    let files = config
        .redaction
        .sources(&Environment::process(), config.codex.home.as_deref());
    if files.is_empty() || !config.redaction.enabled {
        return;
    }
    let config = Arc::new(config);
    let mut seen = stamps(&files);
    let mut ticks = time::interval(EVERY);
    loop {
        ticks.tick().await;
        let now = stamps(&files);
        if now == seen {
            continue;
        }
        let (config, live) = (Arc::clone(&config), Arc::clone(&live));
        let taken_up = spawn_blocking(move || {
            let older = live.current();
            let newer = settings::redactor(&config, &Environment::process(), key, Some(&older))?;
            live.replace(newer);
            anyhow::Ok(())
        });
        match taken_up.await {
            Ok(Ok(())) => tracing::info!("known secret values were read again"),
            // A file that is being written reads well the next time.
            Ok(Err(err)) => {
                tracing::warn!(
                    err = format!("{err:#}"),
                    "known secret values stay as they were"
                );
            }
            Err(err) => tracing::error!(err = %err, "reading known secret values failed"),
        }
        seen = now;
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|file| stamp(file)).collect()
}

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
