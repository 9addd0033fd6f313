//! `holdfast token new`: makes a token and shows it once. It stores nothing but the file that is asked for, and changes no
//! configuration.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};
use config::Token;

use crate::args::{TokenArgs, TokenCommand};

/// Makes a token; prints it, and under it the configuration line with its SHA-256.
pub fn run(args: TokenArgs) -> anyhow::Result<()> {
    let TokenCommand::New(args) = args.command;
    let token = Token::generate().context("make a token")?;
    if let Some(file) = &args.write {
        write_new(file, token.reveal())?;
    }
    let mut out = io::stdout().lock();
    let printed = writeln!(
        out,
        "{}\nwebsocket_auth_token_sha256 = \"{}\"",
        token.reveal(),
        token.digest().to_hex()
    );
    printed
        .and_then(|()| out.flush())
        .context("print the token")?;
    match &args.write {
        None => eprintln!(
            "The first line is the token: keep it where you keep passwords, it is not shown again. The second line goes into the \
             configuration."
        ),
        Some(file) => eprintln!(
            "The token is also in {}. Use it as websocket_auth_token_file, or put the second line into the configuration and move \
             the file off this machine.",
            file.display()
        ),
    }
    Ok(())
}

/// Writes a text to a new file of mode 0600. A file that is there already, even a dangling symlink, stays as it is.
pub fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already and is not overwritten; remove it or choose another name",
                path.display()
            );
        }
        Err(error) => return Err(error).with_context(|| format!("create {}", path.display())),
    };
    let written = writeln!(file, "{}", text.trim_end()).and_then(|()| File::sync_all(&file));
    if let Err(error) = written {
        // Half a file would only be a riddle later on.
        let _best_effort = std::fs::remove_file(path);
        return Err(error).with_context(|| format!("write {}", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_file_is_private_whole_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = Token::generate().unwrap();
        write_new(&path, token.reveal()).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", token.reveal())
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );

        let error = write_new(&path, Token::generate().unwrap().reveal()).unwrap_err();
        assert!(error.to_string().contains("not overwritten"), "{error}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", token.reveal())
        );

        let dangling = dir.path().join("dangling");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &dangling).unwrap();
        assert!(write_new(&dangling, token.reveal()).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }
}
