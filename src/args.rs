//! The command line: what can be said, and nothing of what is then done. A secret can not be given here, because arguments
//! are visible to every user of the machine.

mod client;
mod journal;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};

pub use client::{
    ApproveArgs, AttachArgs, DoorArgs, ExportArgs, Format, SendArgs, SessionsArgs, StatusArgs,
};
pub use journal::{JournalArgs, JournalCommand};

/// Keeps Codex sessions alive while tabs, phones, networks and Codex itself come and go.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Only here to be refused with a reason.
    #[arg(long, global = true, hide = true, num_args = 0..=1, value_name = "NEVER")]
    token: Option<Option<OsString>>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration and a token to begin with, and say what comes next
    Init(InitArgs),
    /// Run the host
    Serve(ServeArgs),
    /// Run a complete host in a folder of its own, with a scripted model: no account and no set-up needed
    Demo(DemoArgs),
    /// Look whether everything is ready to serve: a line each, exit status 0 or 1
    Check(CheckArgs),
    /// Make an access token
    Token(TokenArgs),
    /// Sign another device in: a link and a QR code that work once, within two minutes
    Pair(PairArgs),
    /// Have the running host read its tokens again: old ones stop at once, Codex runs on
    Reload(ReloadArgs),
    /// List the devices that are signed in, or sign them out
    SignIns(SignInsArgs),
    /// Have the running host tell everybody, by each channel of [notify], that this is a test
    #[command(name = "notify-test")]
    NotifyTest(NotifyTestArgs),
    /// List the sessions of a host, this machine's or another's
    Sessions(SessionsArgs),
    /// Follow a session in the terminal; leave with Ctrl-C, which does nothing to it
    Attach(AttachArgs),
    /// Give a session a prompt, which runs exactly once
    Send(SendArgs),
    /// Show what Codex asks, and answer it
    Approve(ApproveArgs),
    /// Show how a host is
    Status(StatusArgs),
    /// Write a session out: Markdown, JSON lines, or a page that needs nothing else
    Export(ExportArgs),
    /// Verify, compact or write out the journal file of this machine's host
    Journal(JournalArgs),
    /// Mask secrets in a text: from stdin to stdout
    Redact(RedactArgs),
    /// Print what makes a shell complete the commands of holdfast
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man(ManArgs),
    /// Measure what this machine allows and what the host makes of it: a table
    Bench(BenchArgs),
    /// What `bench` compares with: a pipe to sockets, and nothing else
    #[command(hide = true)]
    BenchLimit(BenchLimitArgs),
    /// What the limit streams
    #[command(hide = true)]
    BenchSource(BenchLimitArgs),
    /// The simulated Codex, in place of the real one
    #[command(hide = true, disable_help_flag = true)]
    SimulatedCodex(RawArgs),
    /// The scripted model that answers the real Codex in `demo`
    #[command(hide = true, disable_help_flag = true)]
    ScriptedModel(RawArgs),
    /// Becomes the program that follows, which then dies with the host
    #[command(hide = true, disable_help_flag = true)]
    CodexLauncher(RawArgs),
}

/// Of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The configuration to write; the token file stands beside it [default: $HOLDFAST_CONFIG, else
    /// ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The address in the tailnet under which Tailscale Serve is to publish the host, for example dev.example.ts.net
    #[arg(long, value_name = "NAME")]
    pub tailscale: Option<String>,
}

/// Of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// A folder that is there
    pub dir: PathBuf,
}

/// Of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where to listen, in place of the configuration's `listen`
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// Keep no events: only to measure what the journal costs
    #[arg(long, hide = true)]
    pub bench_discard_events: bool,
}

/// Of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder for its configuration, token and state; what is missing is made
    #[arg(long, value_name = "DIR", default_value = ".holdfast")]
    pub dir: PathBuf,

    /// Where to listen, in place of the configuration's `listen`
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// Which Codex to drive
    #[arg(long, value_enum, default_value_t = Agent::Auto)]
    pub agent: Agent,
}

/// Which Codex `demo` drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Agent {
    /// The real one if it is found, else the simulated one
    Auto,
    /// The real one, or an error
    Codex,
    /// The simulated one
    Simulated,
}

/// Of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of `bench`. Several tabs or rates make one run for each pair of them.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Tabs of each session
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 10, 100])]
    pub tabs: Vec<usize>,

    /// Deltas a second of each session; 0: as many as there can be
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [0, 1_000, 10_000])]
    pub rate: Vec<u64>,

    /// Sessions that stream at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub sessions: usize,

    /// Bytes of text a delta
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub size: usize,

    /// How long each run streams
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    pub seconds: u64,

    /// Connections besides that are attached to nothing
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub idle: usize,

    /// Tabs besides that stop reading while it streams, and then read everything
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stalled: usize,

    /// Tabs besides that drop their connection every second and come back
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub reconnecting: usize,

    /// Put a secret into each hundredth delta
    #[arg(long)]
    pub secrets: bool,

    /// Run each load so often and show the run in the middle
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: usize,

    /// Drive this Codex, with a scripted model, and compare with its own WebSocket server
    #[arg(long, value_name = "PROGRAM")]
    pub codex: Option<PathBuf>,

    /// Without the limit
    #[arg(long)]
    pub no_limit: bool,

    /// A host that keeps no events, to see what the journal costs
    #[arg(long)]
    pub without_journal: bool,

    /// Lines of JSON instead of the table
    #[arg(long)]
    pub json: bool,

    /// Instead, how cost grows with tabs, sessions, time and history
    #[arg(long)]
    pub growth: bool,
}

/// Of the limit and its source.
#[derive(Debug, Args)]
pub struct BenchLimitArgs {
    /// How many clients it waits for
    #[arg(long)]
    pub clients: usize,

    /// Deltas a second; 0: as many as there can be
    #[arg(long)]
    pub rate: u64,

    /// Bytes of text a delta
    #[arg(long)]
    pub size: usize,

    /// How long it streams
    #[arg(long)]
    pub seconds: u64,
}

/// Of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// The commands of `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, print it once with its SHA-256
    New(TokenNewArgs),
}

/// Of `token new`.
#[derive(Debug, Args)]
pub struct TokenNewArgs {
    /// Also write the token to this new file, readable by you alone
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// Of `pair`.
#[derive(Debug, Args)]
pub struct PairArgs {
    /// The configuration of the running host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Give the device less than everything
    #[arg(long, value_enum)]
    pub role: Option<LesserRole>,

    /// Which of the allowed origins the link leads to [default: the first with https]
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
}

/// What a paired device may do, if not everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LesserRole {
    /// Read everything, change nothing
    View,
    /// And answer what Codex asks
    Approve,
}

impl LesserRole {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Approve => "approve",
        }
    }
}

/// Of `reload`.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// The configuration of the running host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of `sign-ins`.
#[derive(Debug, Args)]
pub struct SignInsArgs {
    /// The configuration of the running host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Sign this one out
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub revoke: Option<String>,

    /// Sign all of them out
    #[arg(long)]
    pub all: bool,
}

/// Of `notify-test`.
#[derive(Debug, Args)]
pub struct NotifyTestArgs {
    /// The configuration of the running host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of `redact`.
#[derive(Debug, Args)]
pub struct RedactArgs {
    /// Read one JSON object a line, {"id","known":["value",..],"chunks":["text",..]}, each a stream of its own, and write
    /// {"id","text"}
    #[arg(long)]
    pub jsonl: bool,
}

/// Arguments that go on as they are.
#[derive(Debug, Args)]
pub struct RawArgs {
    /// Not looked at here.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

impl CommandLine {
    /// Reads the arguments of this process. Ends the process with 2 and a reason when they make no sense, and with 0 after
    /// `--help` and `--version`.
    pub fn read() -> Self {
        Self::from_args(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads arguments; the first is the program's name.
    fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let line = Self::try_parse_from(args)?;
        if line.token.is_some() {
            let reason = "--token is refused, because every user of this machine can read arguments; put the token's SHA-256 \
                          into the configuration, or the token into $HOLDFAST_WEBSOCKET_AUTH_TOKEN\n";
            return Err(clap::Error::raw(ErrorKind::UnknownArgument, reason));
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn read(args: &[&str]) -> Result<Command, clap::Error> {
        let args = ["holdfast"].iter().chain(args).map(OsString::from);
        CommandLine::from_args(args).map(|line| line.command)
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn each_documented_form_is_read() {
        for args in [
            &["init"][..],
            &["init", "--config", "F", "--tailscale", "dev.example.ts.net"],
            &["completions", "zsh"],
            &["man", "D"],
            &["serve"],
            &["serve", "--config", "F", "--listen", "127.0.0.1:0"],
            &[
                "demo",
                "--dir",
                "D",
                "--listen",
                "unix:s",
                "--agent",
                "simulated",
            ],
            &["check", "--config", "F"],
            &["token", "new"],
            &["token", "new", "--write", "F"],
            &["pair"],
            &["pair", "--config", "F", "--role", "view"],
            &["pair", "--origin", "https://dev.example.ts.net"],
            &["reload", "--config", "F"],
            &["sign-ins"],
            &["sign-ins", "--revoke", "0123456789abcdef"],
            &["sign-ins", "--all"],
            &["sessions", "--json", "--state", "working"],
            &["attach", "T", "--from-start"],
            &["attach", "T", "--after", "3", "--journal", "J", "--json"],
            &["send", "T", "text", "--wait", "--when", "steer"],
            &["send", "T", "--id", "p1"],
            &["approve"],
            &["approve", "T"],
            &["approve", "T", "decline"],
            &["approve", "T", "R", "accept-for-session"],
            &["status", "--url", "unix:s", "--token-file", "F"],
            &["export", "T", "--format", "html", "--output", "F"],
            &["journal", "verify", "--json"],
            &["journal", "compact", "--config", "F"],
            &["journal", "export", "T"],
            &["redact"],
            &["redact", "--jsonl"],
        ] {
            assert!(read(args).is_ok(), "{args:?}");
        }
    }

    #[test]
    fn demo_has_the_documented_defaults() {
        let Command::Demo(demo) = read(&["demo"]).unwrap() else {
            panic!("not demo")
        };
        assert_eq!(
            (demo.dir, demo.listen, demo.agent),
            (PathBuf::from(".holdfast"), None, Agent::Auto)
        );
    }

    #[test]
    fn raw_arguments_go_on_untouched_and_are_not_taken_for_ours() {
        let cases = [
            &[
                "codex-launcher",
                "--",
                "codex",
                "app-server",
                "--token",
                "x",
                "--help",
            ][..],
            &[
                "codex-launcher",
                "codex",
                "-c",
                "a=1",
                "--version",
                "--config",
                "x",
            ],
        ];
        for args in cases {
            let Command::CodexLauncher(raw) = read(args).unwrap() else {
                panic!("not the launcher")
            };
            let expected: Vec<&str> = args[1..]
                .iter()
                .copied()
                .skip_while(|arg| *arg == "--")
                .collect();
            assert_eq!(raw.args, expected);
        }
        let Command::SimulatedCodex(raw) = read(&["simulated-codex", "--version"]).unwrap() else {
            panic!("not simulated")
        };
        assert_eq!(raw.args, ["--version"]);
    }

    #[test]
    fn a_token_on_the_command_line_is_refused_without_showing_it() {
        for args in [
            &["serve", "--token", "made-up-secret"][..],
            &["--token", "made-up-secret", "serve"],
            &["serve", "--token=made-up-secret"],
            &["serve", "--token"],
        ] {
            let error = read(args).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("--token is refused"), "{error}");
            assert!(!error.to_string().contains("made-up"), "{error}");
        }
    }
}
