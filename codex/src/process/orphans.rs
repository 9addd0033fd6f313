//! Orphans of a launcher that was killed itself: nobody is left to end what its program had started.
//!
//! The host is a subreaper as well, so they become its children. A host that starts every Codex under a launcher knows
//! its other children, and can tell: what is its child, leads or is in another process group, and is none of the known,
//! has lost its launcher. Without launchers that does not hold (a living Codex's orphans come to the host too), and
//! nothing is done.

use std::{collections::HashSet, io, thread};

use parking_lot::Mutex;
use rustix::process::{Pid, WaitOptions, getpgrp, getpid, set_child_subreaper, waitpid};
use tokio::process::Child;

use super::tree::{self, Descendant, Tree};

/// Our children. Locked while one is started, so that none is taken for an orphan before it is known.
static KNOWN: Mutex<Known> = Mutex::new(Known {
    guarded: None,
    unguarded: 0,
});

struct Known {
    /// Our launchers that are not reaped; `None` when there was never one.
    guarded: Option<HashSet<u32>>,
    /// How many programs run without a launcher.
    unguarded: usize,
}

/// A child that is known as long as this lives.
#[derive(Debug)]
pub(super) struct Registration {
    /// The launcher; `None` for a program without one.
    launcher: Option<u32>,
}

/// Starts a child and makes it known.
pub(super) fn start(
    guarded: bool,
    spawn: impl FnOnce() -> io::Result<Child>,
) -> io::Result<(Child, Registration)> {
    let mut known = KNOWN.lock();
    if guarded && known.guarded.is_none() {
        let _best_effort = set_child_subreaper(Some(getpid()));
    }
    let child = spawn()?;
    let launcher = child.id().filter(|_| guarded);
    match launcher {
        Some(pid) => drop(known.guarded.get_or_insert_default().insert(pid)),
        None => known.unguarded += 1,
    }
    Ok((child, Registration { launcher }))
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut known = KNOWN.lock();
        match (self.launcher, &mut known.guarded) {
            (Some(pid), Some(guarded)) => drop(guarded.remove(&pid)),
            _ => known.unguarded -= 1,
        }
    }
}

/// Kills all orphans that are younger than their launcher, which was started `since`, and what descends from them.
pub(super) fn end(since: Option<u64>) {
    let known = KNOWN.lock();
    let Some(guarded) = known.guarded.as_ref().filter(|_| known.unguarded == 0) else {
        return;
    };
    let mut killed = HashSet::new();
    for _ in 0..tree::ROUNDS {
        let tree = Tree::now();
        let orphans: Vec<_> = orphans(&tree, guarded, since).collect();
        if orphans.is_empty() {
            break;
        }
        for orphan in orphans {
            tree.below(orphan.pid).iter().for_each(Descendant::kill);
            orphan.kill();
            killed.insert(orphan.pid);
        }
    }
    if !killed.is_empty() {
        // Whoever adopts must reap. A thread, as one that hangs in the kernel takes its time; without one they stay
        // zombies, which do nothing.
        let reaper = thread::Builder::new().name("orphan-reaper".into());
        let _best_effort = reaper.spawn(move || killed.into_iter().for_each(reap));
    }
}

fn orphans<'a>(
    tree: &'a Tree,
    guarded: &'a HashSet<u32>,
    since: Option<u64>,
) -> impl Iterator<Item = &'a Descendant> {
    let number = |pid: Pid| pid.as_raw_nonzero().get().unsigned_abs();
    let ours = number(getpgrp());
    tree.children(number(getpid())).iter().filter(move |child| {
        child.group != ours && Some(child.start_time) >= since && !guarded.contains(&child.pid)
    })
}

fn reap(pid: u32) {
    let _reaped_already = waitpid(tree::raw(pid), WaitOptions::empty());
}
