//! One `holdfast serve` in a folder of its own, started, killed and started again as a test wants it.
//!
//! Not a mock: it is the built binary, with a written configuration and a token of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use config::Token;
use parking_lot::{Condvar, Mutex};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{Client, GUARD, processes};

/// The binary under test.
pub const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");
/// Where tests make their folders: the real Codex refuses a home under /tmp, and socket paths must stay short.
const TEST_FOLDERS: &str = "/var/tmp";
/// Lines of the log that a failing test shows.
const LOG_TAIL_LINES: usize = 60;

/// Which Codex a host runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agent {
    Simulated,
    Real,
}

/// What a test wants its host to be.
pub struct Setup {
    agent: Agent,
    /// Section (empty: top level) and line.
    settings: Vec<(String, String)>,
    env: Vec<(String, String)>,
    args: Vec<&'static str>,
}

impl Setup {
    /// A host with the simulated Codex.
    pub fn simulated() -> Self {
        Self {
            agent: Agent::Simulated,
            settings: Vec::new(),
            env: Vec::new(),
            args: Vec::new(),
        }
    }

    /// A host with the real Codex, whose model is the scripted one.
    pub fn real() -> Self {
        Self {
            agent: Agent::Real,
            settings: Vec::new(),
            env: Vec::new(),
            args: Vec::new(),
        }
    }

    /// Adds a configuration line to `section` (empty: top level).
    pub fn set(mut self, section: &str, line: &str) -> Self {
        self.settings.push((section.to_owned(), line.to_owned()));
        self
    }

    /// Gives the host an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the host one more argument.
    #[allow(dead_code, reason = "the tests of faults need it")]
    pub fn arg(mut self, arg: &'static str) -> Self {
        self.args.push(arg);
        self
    }

    /// Starts the host and waits until it listens.
    pub async fn start(self) -> TestHost {
        let dir = tempfile::Builder::new()
            .prefix("holdfast-it-")
            .tempdir_in(TEST_FOLDERS)
            .unwrap();
        for folder in ["codex-home", "work"] {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(dir.path().join(folder))
                .unwrap();
        }
        let model = match self.agent {
            Agent::Simulated => None,
            Agent::Real => Some(ScriptedModel::start(dir.path()).await),
        };
        let token = Token::generate().unwrap();
        let mut host = TestHost {
            dir,
            setup: self,
            token,
            port: 0,
            process: None,
            model,
            killed: false,
        };
        host.launch().await;
        host
    }
}

/// What a command ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit status.
    pub status: Option<i32>,
    /// Its stdout.
    pub out: String,
    /// Its stderr.
    pub err: String,
}

/// A running host. Dropping it stops it and fails the test if any of its processes stays.
pub struct TestHost {
    dir: TempDir,
    setup: Setup,
    token: Token,
    /// 0 before the first start, then the port it got, which it keeps.
    port: u16,
    process: Option<Process>,
    model: Option<ScriptedModel>,
    /// The last process was killed and none followed: what it had started may live on until the next start sweeps it.
    killed: bool,
}

impl TestHost {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its access token in plain text.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the host runs").pid
    }

    /// The folder that holds everything of this host.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that sessions of the test work in.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Its journal and sign-ins.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("holdfast.toml")
    }

    /// One of the commands that talk to a running host, pointed at this one.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = command_in(self.dir.path());
        command.args(args).arg("--config").arg(self.config_file());
        command
    }

    /// Runs such a command to its end, at most [`GUARD`] long.
    pub async fn run(&self, args: &[&str]) -> Said {
        let mut command = tokio::process::Command::from(self.command(args));
        let output = tokio::time::timeout(GUARD, command.kill_on_drop(true).output()).await;
        let output = output
            .unwrap_or_else(|_| panic!("{args:?} goes on for {GUARD:?}"))
            .unwrap();
        Said {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        processes::send(self.pid(), signal);
    }

    /// Everything it has written to stderr, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// A tab with the token that has said `initialize`.
    pub async fn tab(&self) -> Client {
        Client::connect(self.addr(), self.token()).await
    }

    /// SIGKILL, and the end of the process.
    pub async fn kill9(&mut self) {
        self.killed = true;
        self.end(Signal::KILL).await;
    }

    /// SIGTERM, and the status it ends with.
    pub async fn stop(&mut self) -> ExitStatus {
        self.end(Signal::TERM).await
    }

    /// Starts it again in the same folder and on the same port, after [`TestHost::kill9`] or [`TestHost::stop`].
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "the host still runs");
        self.launch().await;
        self.killed = false;
    }

    /// Ends the scripted model; what Codex has open with it breaks.
    #[allow(dead_code, reason = "the tests of faults need it")]
    pub fn stop_model(&mut self) -> StoppedModel {
        let model = self.model.take().expect("the model runs");
        StoppedModel(model.addr.clone())
    }

    /// Starts it again where it was.
    #[allow(dead_code, reason = "the tests of faults need it")]
    pub async fn start_model(&mut self, StoppedModel(addr): StoppedModel) {
        self.model = Some(ScriptedModel::listen(self.dir.path(), &addr).await);
    }

    async fn end(&mut self, signal: Signal) -> ExitStatus {
        let process = self.process.take().expect("the host runs");
        processes::send(process.pid, signal);
        let exit = process.exit.clone();
        let status = spawn_blocking(move || exit.wait(GUARD)).await.unwrap();
        status.unwrap_or_else(|| panic!("the host ignored {signal:?} for {GUARD:?}"))
    }

    async fn launch(&mut self) {
        let config = self.config_file();
        write_private(&config, &self.configuration());
        let mut command = command_in(self.dir.path());
        command.args(["serve", "--config"]).arg(&config);
        command.args(&self.setup.args);
        command.envs(self.setup.env.iter().map(|(name, value)| (name, value)));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let (process, line) = Process::start(command, log).await;
        let addr = line
            .strip_prefix("holdfast listening on http://")
            .map(|addr| addr.trim_end().parse::<SocketAddr>());
        let Some(Ok(addr)) = addr else {
            panic!(
                "the host said {line:?} instead of where it listens; its log:\n{}",
                self.log()
            );
        };
        self.port = addr.port();
        self.process = Some(process);
    }

    /// The configuration file: what all tests need, then what this one asked for.
    fn configuration(&self) -> String {
        let codex = match self.setup.agent {
            Agent::Simulated => simulated_codex(),
            Agent::Real => format!("path = {:?}", real_codex()),
        };
        let digest = self.token.digest().to_hex();
        let mut settings = Settings::default();
        settings.put("", &format!("listen = \"127.0.0.1:{}\"", self.port));
        settings.put("", &format!("state_dir = {:?}", self.state_dir()));
        settings.put("", &format!("websocket_auth_token_sha256 = \"{digest}\""));
        settings.put("codex", &codex);
        settings.put(
            "codex",
            &format!("home = {:?}", self.dir.path().join("codex-home")),
        );
        settings.put("log", "level = \"debug\"");
        for (section, line) in &self.setup.settings {
            settings.put(section, line);
        }
        settings.to_toml()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        let mut complaints = Vec::new();
        if let Some(process) = self.process.take() {
            processes::send(process.pid, Signal::TERM);
            match process.exit.wait(GUARD) {
                Some(status) if status.success() => {}
                Some(status) => complaints.push(format!("the host ended with {status}")),
                None => {
                    complaints.push(format!("the host ignored SIGTERM for {GUARD:?}"));
                    processes::send(process.pid, Signal::KILL);
                }
            }
        }
        drop(self.model.take());
        let left = if self.killed {
            Vec::new()
        } else {
            processes::survivors(self.dir.path())
        };
        complaints.extend(
            left.into_iter()
                .map(|process| format!("outlived the host: {process}")),
        );
        for pid in processes::belonging_to(self.dir.path()) {
            processes::send(pid, Signal::KILL);
        }
        if !complaints.is_empty() || std::thread::panicking() {
            let log = self.log().replace(self.token(), "[the token of this test]");
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
            eprintln!(
                "the end of the host's log:\n{}\n{}",
                tail.join("\n"),
                complaints.join("\n")
            );
        }
        assert!(
            complaints.is_empty() || std::thread::panicking(),
            "the host did not end well, see above"
        );
    }
}

/// Lines of a configuration: section, then key. A later line replaces an earlier one of the same key.
#[derive(Default)]
struct Settings(BTreeMap<String, BTreeMap<String, String>>);

impl Settings {
    /// Adds `lines` to `section`; the empty section is the top level.
    fn put(&mut self, section: &str, lines: &str) {
        let keys = self.0.entry(section.to_owned()).or_default();
        for line in lines.lines() {
            let key = line.split('=').next().unwrap_or_default().trim();
            keys.insert(key.to_owned(), line.to_owned());
        }
    }

    fn to_toml(&self) -> String {
        let mut text = String::new();
        for (section, keys) in &self.0 {
            if !section.is_empty() {
                text.push_str(&format!("\n[{section}]\n"));
            }
            for line in keys.values() {
                text.push_str(&format!("{line}\n"));
            }
        }
        text
    }
}

/// A command of the binary under test that sees nothing of the developer's own files and settings.
pub fn command_in(dir: &Path) -> Command {
    let mut command = Command::new(HOLDFAST);
    command
        .env_clear()
        .current_dir(dir)
        .env("HOME", dir)
        .env("HOLDFAST_TEST_FOLDER", dir);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The lines under `[codex]` that make a host run the simulated Codex.
pub fn simulated_codex() -> String {
    format!("path = {HOLDFAST:?}\nargs = [\"simulated-codex\"]")
}

/// The native binary of the Codex that is pinned in tests/package.json.
pub fn real_codex() -> PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules/@openai");
    let natives = packages.read_dir().into_iter().flatten().flatten();
    let vendors = natives.filter_map(|package| package.path().join("vendor").read_dir().ok());
    let mut binaries = vendors
        .flatten()
        .flatten()
        .map(|target| target.path().join("bin/codex"));
    binaries
        .find(|binary| binary.is_file())
        .expect("the real Codex is not installed: run `npm ci` in tests/, or `cargo xtask test --only tools`")
}

/// A child process, its pid, and its end whenever it comes.
struct Process {
    pid: u32,
    exit: Arc<Exit>,
}

impl Process {
    /// Starts `command` with `log` as its stderr; returns it with the first line of its stdout, empty if it ended first.
    async fn start(mut command: Command, log: File) -> (Self, String) {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child: Child = command.spawn().unwrap();
        let pid = child.id();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let first_line = spawn_blocking(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            // Whatever else it says must not fill the pipe and stop it.
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
            line
        });
        let exit = Arc::new(Exit::default());
        let ended = Arc::clone(&exit);
        std::thread::spawn(move || ended.set(child.wait().expect("the child is ours to wait for")));
        let process = Self { pid, exit };
        match tokio::time::timeout(GUARD, first_line).await {
            Ok(line) => (process, line.unwrap()),
            Err(_) => {
                processes::send(pid, Signal::KILL);
                panic!("process {pid} said nothing within {GUARD:?}");
            }
        }
    }
}

/// The end of a process, set once.
#[derive(Default)]
struct Exit {
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl Exit {
    fn set(&self, status: ExitStatus) {
        *self.status.lock() = Some(status);
        self.changed.notify_all();
    }

    /// Blocks until the process has ended, at most `guard` long.
    fn wait(&self, guard: Duration) -> Option<ExitStatus> {
        let mut status = self.status.lock();
        self.changed
            .wait_while_for(&mut status, |status| status.is_none(), guard);
        *status
    }
}

/// The model of a host with the real Codex: scripted by the prompts, on loopback.
/// A scripted model that is not there now.
pub struct StoppedModel(String);

struct ScriptedModel {
    process: Process,
    addr: String,
}

impl ScriptedModel {
    /// Starts it and writes the `config.toml` that makes Codex use it.
    async fn start(dir: &Path) -> Self {
        let model = Self::listen(dir, "127.0.0.1:0").await;
        let base = format!("http://{}/v1", model.addr);
        let config = codex::scripted_model::codex_config(&base);
        write_private(&dir.join("codex-home/config.toml"), &config);
        model
    }

    /// Starts it on an address.
    async fn listen(dir: &Path, addr: &str) -> Self {
        let mut command = command_in(dir);
        command.args(["scripted-model", "--listen", addr]);
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join("model-log"))
            .unwrap();
        let (process, line) = Process::start(command, log).await;
        let url = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("http://"));
        let url = url.unwrap_or_else(|| panic!("the scripted model said {line:?}"));
        let addr = url.split('/').next().unwrap_or_default().to_owned();
        Self { process, addr }
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        processes::send(self.process.pid, Signal::KILL);
        self.process.exit.wait(GUARD);
    }
}
