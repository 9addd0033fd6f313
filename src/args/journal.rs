//! What the commands take that work on the journal file. Not what they do.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Of `journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: JournalCommand,
}

/// The commands of `journal`.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Look whether everything in it is as it was written, also while a host runs: exit status 0, or 1 with what is wrong
    Verify(JournalFileArgs),
    /// Remove what the configuration does not keep, and give the space back; only while no host runs
    Compact(JournalFileArgs),
    /// Write its events to stdout as they are stored, redacted: {"threadId","event"} a line
    Export(JournalExportArgs),
}

/// Of `journal verify` and `journal compact`.
#[derive(Debug, Args)]
pub struct JournalFileArgs {
    /// The configuration of the host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

/// Of `journal export`.
#[derive(Debug, Args)]
pub struct JournalExportArgs {
    /// One session alone: its id, or a beginning that fits no other
    pub thread: Option<String>,

    /// The configuration of the host [default: $HOLDFAST_CONFIG, else ~/.config/holdfast/holdfast.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
