//! What the process gives up before it reads any secret: core dumps, and being looked into by others of the same user.
//!
//! Commands that Codex runs have the same uid. They could read this process's memory and environment; after this they
//! cannot. It does not protect what lies in files.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Hardens this process. Best effort: what the system refuses is returned in words, for the log.
pub fn harden() -> Vec<String> {
    let mut refused = Vec::new();
    // Files are private from the first one on, whatever the shell that started us thinks.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        refused.push(format!("core dumps could not be switched off: {error}"));
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        refused.push(format!(
            "the process could not be closed to others of the same user: {error}"
        ));
    }
    refused
}
