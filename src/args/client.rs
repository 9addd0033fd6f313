//! What the commands that talk to a host as a client take. Not what they do, and never a secret: tokens come from files and
//! the environment.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Said at the end of each of these commands' help.
const WHERE: &str = "The host is --url, else $HOLDFAST_URL, else `listen` of the configuration. A token is read from --token-file, else \
     $HOLDFAST_TOKEN_FILE, else $HOLDFAST_TOKEN, and goes to loopback, a unix socket or https alone.\n\
     THREAD is the session's id, or a beginning of its id or title that fits no other session.\n\n\
     Exit status: 0 done, 1 the host refused or something failed, 2 wrong arguments, 3 no such session, or several, \
     4 the host can not be reached, 5 the host does not let this client in";

/// Where the host is, and what lets this client in.
#[derive(Clone, Debug, Args)]
pub struct DoorArgs {
    /// The host's address.
    #[arg(
        long,
        value_name = "URL",
        help = "The host: http://127.0.0.1:7433, https://NAME.ts.net, or unix:PATH [default: $HOLDFAST_URL, else the configuration]"
    )]
    pub url: Option<String>,

    /// A file that holds the access token and is readable by you alone [default: $HOLDFAST_TOKEN_FILE, else $HOLDFAST_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// The configuration that says where the host listens [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of `sessions`.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub struct SessionsArgs {
    #[command(flatten)]
    pub door: DoorArgs,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,

    /// Only those with this word in title, first prompt or folder
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,

    /// Only those in this state, such as working, needsYou or parked
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,

    /// Also the archived ones
    #[arg(long)]
    pub all: bool,
}

/// Of `status`.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub struct StatusArgs {
    #[command(flatten)]
    pub door: DoorArgs,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

/// Of `attach`.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub struct AttachArgs {
    /// The session
    pub thread: String,

    #[command(flatten)]
    pub door: DoorArgs,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,

    /// Begin with everything that the host still has of it
    #[arg(long, conflicts_with_all = ["tail", "after"])]
    pub from_start: bool,

    /// Begin with this many of the newest items
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub tail: usize,

    /// Begin behind this event, the `seq` of an earlier --json run, exactly
    #[arg(long, value_name = "SEQ", requires = "journal")]
    pub after: Option<u64>,

    /// The journal that --after belongs to, the `journalId` of that run
    #[arg(long, value_name = "ID", requires = "after")]
    pub journal: Option<String>,
}

/// Said at the end of the help of `send`.
const SEND: &str = "The prompt runs once, however often the connection breaks and however often it is sent under one --id. The id is \
     printed before it is sent.\n\n\
     Exit status: 0 acknowledged, with --wait: the turn is completed; 1 the host refused or something failed, 2 wrong \
     arguments, 3 no such session, or several, 4 the host can not be reached, 5 the host does not let this client in; \
     with --wait also 6 the turn failed, 7 the turn was interrupted, 8 the prompt was not run or was removed, 9 it has ended \
     and the host no longer has how";

/// Of `send`.
#[derive(Debug, Args)]
#[command(after_help = SEND)]
pub struct SendArgs {
    /// The session: its id, or a beginning of its id or title that fits no other
    pub thread: String,

    /// The prompt [default: what stdin says]
    pub text: Option<String>,

    #[command(flatten)]
    pub door: DoorArgs,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,

    /// Wait until the turn has ended, print the last answer, and end with a status that says how
    #[arg(long)]
    pub wait: bool,

    /// When it runs
    #[arg(long, value_enum, default_value_t = When::Queue)]
    pub when: When,

    /// The prompt's id, to send it again without running it twice [default: a new one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

/// When a prompt runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// At once, whatever waits
    Now,
    /// Behind what waits
    Queue,
    /// In the running turn
    Steer,
}

impl When {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Queue => "queue",
            Self::Steer => "steer",
        }
    }
}

/// Said at the end of the help of `approve`.
const APPROVE: &str = "Without THREAD it lists what waits in all sessions, with THREAD and no decision what waits in that one. What is \
     decided on is printed whole before it is answered.\n\
     Decisions: accept, accept-for-session, decline, cancel (decline and end the turn). REQUEST is needed when more than one \
     waits; a beginning or an end that fits no other, such as 3/7, is enough.\n\n\
     Exit status: 0 done, 1 the host refused or something failed, 2 wrong arguments, 3 no such session, or several, \
     4 the host can not be reached, 5 the host does not let this client in, 10 nothing waits there, or somebody else was first";

/// Of `approve`.
#[derive(Debug, Args)]
#[command(after_help = APPROVE, override_usage = "holdfast approve [OPTIONS] [THREAD [[REQUEST] DECISION]]")]
pub struct ApproveArgs {
    /// The session: its id, or a beginning of its id or title that fits no other
    pub thread: Option<String>,

    /// The request, if more than one waits, and the decision
    #[arg(value_name = "DECISION", num_args = 0..=2)]
    pub decision: Vec<String>,

    #[command(flatten)]
    pub door: DoorArgs,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

/// Of `export`.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub struct ExportArgs {
    /// The session
    pub thread: String,

    #[command(flatten)]
    pub door: DoorArgs,

    /// What to make of it
    #[arg(long, value_enum)]
    pub format: Format,

    /// Write to this file, readable by you alone, in place of stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown, for any viewer
    Md,
    /// One JSON object a line: the session, then its items
    Jsonl,
    /// One page that needs nothing else, runs no script and fetches nothing
    Html,
}
