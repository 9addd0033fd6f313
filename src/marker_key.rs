//! The per-host key of the markers' digits: made once, kept in the state folder, readable by the owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};

const FILE: &str = "marker.key";

/// The key of this host.
///
/// # Errors
/// The file can not be read or made, or is damaged.
pub fn read_or_make(state_dir: &Path) -> anyhow::Result<[u8; 32]> {
    let path = state_dir.join(FILE);
    let tried = || format!("the key of the redaction markers, {}", path.display());
    match fs::read(&path) {
        Ok(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(key),
            Err(_) => bail!(
                "{} holds {} bytes instead of 32; remove it, and a new one is made",
                tried(),
                bytes.len()
            ),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).with_context(tried)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .with_context(tried)?;
            file.write_all(&key)
                .and_then(|()| file.sync_all())
                .with_context(tried)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(tried),
    }
}
