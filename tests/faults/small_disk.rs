//! A disk that is soon full: a file system in memory of a few MiB.
//!
//! Only root may mount one; elsewhere a test says so and does something else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system of its own.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where mounting is not allowed.
    pub fn mount(mib: usize) -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("holdfast-disk-")
            .tempdir_in("/var/tmp")
            .unwrap();
        let options = format!("size={mib}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes room away.
    pub fn fill(&self, bytes: usize) -> io::Result<()> {
        fs::write(self.ballast(), vec![0_u8; bytes])
    }

    /// Gives that room back.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "{} stays mounted",
            self.0.path().display()
        );
    }
}
