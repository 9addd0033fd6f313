//! What commands of the real Codex see of the environment that Codex got.
//!
//! Not what Codex itself gets of the host's; that is in `secrets.rs`, with the simulated one.

use std::fs;

use crate::bridges::folded;
use crate::support::{Setup, TestHost};

/// A variable that a provider needs, as the owner lets it through to Codex.
const KEY: &str = "MY_API_KEY";

/// A host whose Codex has the key.
fn with_key() -> Setup {
    Setup::real()
        .env(KEY, "made-up-value-for-the-provider")
        .set("codex", &format!("env_allow = [\"{KEY}\"]"))
}

/// The names that a command sees.
async fn names_in_a_command(host: &TestHost) -> Vec<String> {
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: env").await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let output = folded(&tab, &thread).turns[0].command_output();
    output.lines().map(str::to_owned).collect()
}

/// Files that Codex keeps environments of shells in.
fn snapshots(host: &TestHost) -> usize {
    let folder = host.dir().join("codex-home/shell_snapshots");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_key_for_codex_is_not_seen_by_its_commands_and_stands_in_no_snapshot() {
    let host = with_key().start().await;
    let names = names_in_a_command(&host).await;
    assert!(names.iter().any(|name| name == "PATH"), "{names:?}");
    assert!(!names.iter().any(|name| name == KEY), "{names:?}");
    assert_eq!(snapshots(&host), 0);
}

#[tokio::test]
async fn the_owner_may_give_commands_everything_or_leave_it_to_codex() {
    for choice in [
        "shell_environment = \"all\"",
        "shell_environment = \"codex\"",
        "args = [\"-c\", \"shell_environment_policy.inherit='all'\"]",
    ] {
        let host = with_key().set("codex", choice).start().await;
        let names = names_in_a_command(&host).await;
        assert!(names.iter().any(|name| name == KEY), "{choice}: {names:?}");
    }
}
