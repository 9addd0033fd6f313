//! What the process gives up and what it withholds: nothing of ours reaches Codex, and others of the same user cannot look
//! into the host.
//!
//! The checks of files and settings at the start are in `configuration.rs`; this is about the running process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use config::Token;
use rustix::process::{Signal, geteuid};

use crate::support::host::{HOLDFAST, command_in, simulated_codex, write_private};
use crate::support::{Setup, processes};

/// Nobody: a user that owns nothing and has no capabilities. Tests that run as root look through the eyes of this one, since
/// root may look at everything.
const NOBODY: u32 = 65534;

/// A program in the place of Codex, which writes down what it was given and then is the simulated Codex.
fn reporting_codex(dir: &Path) -> PathBuf {
    let program = dir.join("reporting-codex");
    let script = format!(
        "#!/bin/sh\n\
         ls /proc/self/fd > {dir}/descriptors\n\
         env > {dir}/environment\n\
         printf '%s\\n' \"$@\" > {dir}/arguments\n\
         exec {HOLDFAST} simulated-codex \"$@\"\n",
        dir = dir.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn codex_is_started_with_nothing_of_ours() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let program = reporting_codex(dir.path());
    // What a service manager hands to the host, and what the host keeps for itself.
    let ours = [
        ("NOTIFY_SOCKET", "/nowhere/notify"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_PID", "1"),
        ("LISTEN_FDNAMES", "door"),
        ("CREDENTIALS_DIRECTORY", "/nowhere/credentials"),
        ("WATCHDOG_USEC", "30000000"),
        ("WATCHDOG_PID", "1"),
        ("INVOCATION_ID", "0123456789abcdef"),
        ("JOURNAL_STREAM", "8:1234"),
        ("LD_PRELOAD", ""),
        ("SOME_API_KEY", "made-up-for-this-test"),
        ("https_proxy", "http://user:made-up@127.0.0.1:9"),
    ];
    let mut setup = Setup::simulated()
        .set("codex", &format!("path = {program:?}"))
        .set("codex", "args = []")
        .set("codex", "env_allow = [\"EXTRA\"]")
        .env("EXTRA", "named by the owner");
    for (name, value) in ours {
        setup = setup.env(name, value);
    }
    let host = setup.start().await;
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p1", "sim: say \"Up.\"").await;
    tab.turn_end().await;

    let read = |file: &str| fs::read_to_string(dir.path().join(file)).unwrap();
    let descriptors = read("descriptors");
    let descriptors: Vec<&str> = descriptors.lines().collect();
    assert_eq!(
        descriptors,
        ["0", "1", "2", "3"],
        "the three of every program, and the folder that is being listed"
    );
    let environment = read("environment");
    let mut names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        // The shell sets these itself.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["CODEX_HOME", "EXTRA", "HOME", "PATH"]);
    let arguments = read("arguments");
    assert!(arguments.ends_with("app-server\n"), "{arguments}");
    assert!(!arguments.contains(host.token()) && !arguments.contains("hft_"));
}

/// A host of its own, started the way a test wants it: as another user, or with another umask and limit.
struct Bare {
    dir: tempfile::TempDir,
    child: Child,
    addr: String,
}

impl Bare {
    /// Runs `prelude` in a shell, which then becomes the host; as nobody if `is_nobody`.
    fn start(prelude: &str, is_nobody: bool) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("holdfast-it-")
            .tempdir_in("/var/tmp")
            .unwrap();
        let token = Token::generate().unwrap();
        let config = dir.path().join("holdfast.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nstate_dir = \"state\"\nwebsocket_auth_token_sha256 = \"{}\"\n[codex]\n{}\n",
            token.digest().to_hex(),
            simulated_codex()
        );
        write_private(&config, &text);
        let mut plain = command_in(dir.path());
        plain.arg("serve").arg("--config").arg(&config);
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(format!("{prelude}; exec \"$@\""))
            .arg("sh")
            .arg(HOLDFAST);
        shell
            .args(plain.get_args())
            .current_dir(dir.path())
            .env_clear();
        shell.envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        if is_nobody {
            for path in [dir.path(), &config] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            shell.uid(NOBODY).gid(NOBODY);
        }
        let mut child = shell
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line
            .trim_end()
            .strip_prefix("holdfast listening on http://");
        let addr = addr
            .unwrap_or_else(|| panic!("the host said {line:?}"))
            .to_owned();
        Self { dir, child, addr }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        processes::send(self.child.id(), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A shell command as the user of the tests, or as nobody if that is root; whether it went well.
fn works(command: &str) -> bool {
    let mut looker = Command::new("/bin/sh");
    looker.arg("-c").arg(command);
    looker.stdout(Stdio::null()).stderr(Stdio::null());
    if geteuid().is_root() {
        looker.uid(NOBODY).gid(NOBODY);
    }
    looker.status().unwrap().success()
}

#[test]
fn others_of_the_same_user_cannot_look_into_the_host() {
    let as_nobody = geteuid().is_root();
    let host = Bare::start(":", as_nobody);
    let mut plain = Command::new("sleep");
    plain.arg("60");
    if as_nobody {
        plain.uid(NOBODY).gid(NOBODY);
    }
    let mut plain = plain.spawn().unwrap();
    let (ours, other) = (host.child.id(), plain.id());
    let looks = ["environ", "maps", "auxv", "mem"]
        .map(|file| format!(": < /proc/PID/{file}"))
        .into_iter()
        .chain(["ls /proc/PID/fd".to_owned()]);
    let mut open = Vec::new();
    for look in looks {
        // That an ordinary process of this user can be looked into shows that the question means something.
        assert!(works(&look.replace("PID", &other.to_string())), "{look}");
        if works(&look.replace("PID", &ours.to_string())) {
            open.push(look);
        }
    }
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert_eq!(open, Vec::<String>::new());
}

#[test]
fn a_host_that_crashes_leaves_no_core() {
    let mut host = Bare::start(
        "ulimit -c unlimited 2>/dev/null || ulimit -c $(ulimit -H -c)",
        false,
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", host.child.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
    processes::send(host.child.id(), Signal::ABORT);
    let status = host.child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let files = fs::read_dir(host.dir.path()).unwrap().flatten();
    let cores: Vec<_> = files
        .filter(|file| file.file_name().to_string_lossy().starts_with("core"))
        .collect();
    assert!(cores.is_empty(), "{cores:?}");
}

/// Everything under `folder` with its mode.
fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let meta = entry.path().symlink_metadata().unwrap();
        found.push((entry.path(), meta.mode() & 0o7777));
        if meta.is_dir() {
            modes(&entry.path(), found);
        }
    }
}

#[test]
fn files_are_private_whatever_the_umask() {
    let host = Bare::start("umask 000", false);
    let mut found = Vec::new();
    let state = host.dir.path().join("state");
    modes(&state, &mut found);
    assert!(found.len() > 2, "journal, lock and key: {found:?}");
    let open: Vec<_> = found.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(state.metadata().unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn the_host_listens_on_loopback_alone() {
    let host = Bare::start(":", false);
    let port: u16 = host.addr.rsplit(':').next().unwrap().parse().unwrap();
    let mut listening = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table)
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, at) = fields[1].split_once(':').unwrap();
            // 0A is LISTEN.
            if fields[3] == "0A" && u16::from_str_radix(at, 16) == Ok(port) {
                listening.push(address.to_owned());
            }
        }
    }
    assert_eq!(listening, ["0100007F"], "127.0.0.1 as the kernel writes it");
}
