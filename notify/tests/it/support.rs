//! What the tests share: a receiver on loopback, and a browser that can read what it is pushed.
#![allow(dead_code, reason = "each test binary needs a part of it")]

pub mod browser;
pub mod receiver;

use std::{path::Path, time::Duration};

use config::{Config, Environment, NoticeKind};
use notify::{Channels, Notice, Options};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What takes longer than this has failed.
pub const GUARD: Duration = Duration::from_secs(20);

/// Channels as this `[notify]` section makes them, with the folder for files of its own.
pub fn channels(
    section: &str,
    variables: &[(&str, &str)],
    dir: &Path,
) -> (Channels, config::Notify) {
    let environment = Environment::of(variables.iter().copied().chain([("HOME", "/nowhere")]));
    let text = format!("websocket_auth_required = false\n{section}");
    let config = Config::from_toml(&text, dir, &environment).unwrap().notify;
    let options = Options {
        config: config.clone(),
        state_dir: dir.to_owned(),
    };
    let channels = Channels::open(options).unwrap();
    channels.start(&TaskTracker::new(), &CancellationToken::new());
    (channels, config)
}

pub fn notice(kind: NoticeKind, title: &str) -> Notice {
    Notice {
        id: "5f0d3c0c9a1e4b7d".to_owned(),
        kind,
        thread: "0190a1b2-0000-7000-8000-000000000001".to_owned(),
        title: title.to_owned(),
        origin: "https://dev.example.ts.net".to_owned(),
        at_ms: 1_795_506_940_786,
        test: false,
    }
}
