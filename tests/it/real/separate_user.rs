//! The strong mode of docs/security.md: Codex as a user of its own, so that even a command without a sandbox reaches nothing
//! of the host. Needs root, who alone can become somebody else; as another user there is nothing to show.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use rustix::process::geteuid;

use crate::bridges::folded;
use crate::support::Setup;
use crate::support::host::real_codex;

/// Nobody, in the place of a user made for Codex.
const CODEX_USER: u32 = 65534;

/// The wrapper of docs/security.md with this user and program in it.
fn wrapper() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page
        .split("```sh\n")
        .find(|block| block.starts_with("#!/bin/sh"))
        .and_then(|block| block.split("```").next())
        .expect("the page has the wrapper");
    block
        .replace(
            "/usr/local/lib/codex/codex",
            &real_codex().display().to_string(),
        )
        .replace("=codex", &format!("={CODEX_USER}"))
}

#[tokio::test]
async fn a_command_of_another_user_reaches_nothing_of_the_host() {
    if !geteuid().is_root() {
        return;
    }
    let theirs = tempfile::tempdir_in("/var/tmp").unwrap();
    let (home, work) = (theirs.path().join("home"), theirs.path().join("work"));
    for folder in [theirs.path(), &home, &work] {
        fs::create_dir_all(folder).unwrap();
        chown(folder, Some(CODEX_USER), Some(CODEX_USER)).unwrap();
    }
    let program = theirs.path().join("codex-as-codex");
    fs::write(&program, wrapper()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let host = Setup::real()
        .set("codex", &format!("path = {program:?}"))
        .set("codex", &format!("home = {home:?}"))
        // The worst case: no sandbox, and nobody asks.
        .set("codex", "default_sandbox = \"danger-full-access\"")
        .set("codex", "highest_sandbox = \"danger-full-access\"")
        .set("codex", "default_approval_policy = \"never\"")
        .set("codex", "highest_approval_policy = \"never\"")
        .start()
        .await;
    let config = home.join("config.toml");
    fs::copy(host.dir().join("codex-home/config.toml"), &config).unwrap();
    chown(&config, Some(CODEX_USER), Some(CODEX_USER)).unwrap();

    let mut tab = host.tab().await;
    let thread = tab.start_session(&work).await;
    let (dir, pid) = (host.dir().display(), host.pid());
    let looks = [
        "id -u".to_owned(),
        "touch mine && echo wrote".to_owned(),
        format!("cat {dir}/holdfast.toml && echo REACHED"),
        format!("ls {dir}/state && echo REACHED"),
        format!("cat /proc/{pid}/environ && echo REACHED"),
        format!("kill -TERM {pid} && echo REACHED"),
        format!("echo >> {dir}/holdfast.toml && echo REACHED"),
    ];
    let command = looks.join("; ");
    let prompt = format!("sim: run cmd=\"{command}; true\"");
    tab.submit(&thread, "p1", &prompt).await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let output = folded(&tab, &thread).turns[0].command_output();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.first(), Some(&"65534"), "{output}");
    assert!(lines.contains(&"wrote"), "{output}");
    assert!(!lines.contains(&"REACHED"), "{output}");
    assert_eq!(
        output.matches("denied").count() + output.matches("not permitted").count(),
        5,
        "{output}"
    );
}
