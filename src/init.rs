//! `holdfast init`: writes a configuration and a token to begin with, and says what comes next. It overwrites nothing, shows no
//! token, and starts nothing: a host never makes a token up by itself, somebody has to ask for it here.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use config::{Source, Token};

use crate::{args::InitArgs, token};

/// What stands in it for the SHA-256 of the token.
const DIGEST: &str = "64 hex digits";

/// What the configuration says, also an example to read. Every key that is not here has the default of `default.toml`.
const TEMPLATE: &str = include_str!("init/holdfast.toml");

/// Writes both files.
pub fn run(args: InitArgs) -> anyhow::Result<ExitCode> {
    let tailscale = args.tailscale.as_deref().map(check_name).transpose()?;
    let file = Source::process(args.config, None).path()?.context(
        "find a place for the configuration: HOME is not set; name a file with --config",
    )?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let token_file = folder.join("token");
    for path in [&file, &token_file] {
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} is there already and is not overwritten; change it by hand, or name another place with --config",
                path.display()
            );
        }
    }
    make_folder(folder)?;
    let token = Token::generate().context("make a token")?;
    token::write_new(&token_file, token.reveal())?;
    if let Err(error) = token::write_new(&file, &configuration(&token, tailscale)) {
        // A token that no configuration knows would only be a riddle.
        let _best_effort = fs::remove_file(&token_file);
        return Err(error);
    }
    let said = next_steps(&file, &token_file, tailscale);
    io::stdout()
        .write_all(said.as_bytes())
        .context("say what comes next")?;
    Ok(ExitCode::SUCCESS)
}

/// A name that can stand in a Host header and in an origin.
fn check_name(name: &str) -> anyhow::Result<&str> {
    let is_sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    if name.is_empty() || !name.contains('.') || !name.chars().all(is_sound) {
        bail!(
            "--tailscale takes the machine's name in the tailnet, as in dev.example.ts.net, without https:// and port"
        );
    }
    Ok(name)
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("make {}", folder.display()))
}

fn configuration(token: &Token, tailscale: Option<&str>) -> String {
    let text = TEMPLATE.replace(DIGEST, &token.digest().to_hex());
    let Some(name) = tailscale else {
        return text;
    };
    let wanted = [
        "# allowed_hosts",
        "# allowed_origins",
        "# [tailscale]",
        "# serve = ",
    ];
    let uncommented = text.lines().map(|line| {
        let is_wanted = wanted.iter().any(|start| line.starts_with(start));
        if is_wanted { &line[2..] } else { line }
    });
    let lines: Vec<&str> = uncommented.collect();
    lines.join("\n").replace("dev.example.ts.net", name)
}

/// The way from here to a session, a line each.
fn next_steps(file: &Path, token: &Path, tailscale: Option<&str>) -> String {
    let (file, token) = (file.display(), token.display());
    let publish = match tailscale {
        None => {
            "tailscale  publish it privately to your other devices: docs/tailscale.md".to_owned()
        }
        Some(name) => format!("tailscale  tailscale serve --bg 7433, then open https://{name}"),
    };
    format!(
        "wrote  {file}  the configuration, with comments; it holds the SHA-256 of the token alone\n\
         wrote  {token}  the token, for you alone\n\
         \n\
         1. token      keep what `cat {token}` shows where you keep passwords, then remove that file\n\
         2. check      holdfast check --config {file}\n\
         3. serve      holdfast serve --config {file}\n\
         4. sign in    open http://127.0.0.1:7433 and paste the token\n\
         5. pair       holdfast pair --config {file}  signs your phone in by a QR code, without the token\n\
         6. {publish}\n\
         7. service    have systemd run it: docs/install.md\n"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use config::{Config, Environment};

    use super::*;

    fn init(dir: &Path, tailscale: Option<&str>) -> anyhow::Result<ExitCode> {
        run(InitArgs {
            config: Some(dir.join("new/holdfast.toml")),
            tailscale: tailscale.map(str::to_owned),
        })
    }

    #[test]
    fn what_is_written_is_a_good_configuration_that_takes_the_token() {
        let dir = tempfile::tempdir().unwrap();
        for tailscale in [None, Some("kelp.tail1.ts.net")] {
            let token = Token::generate().unwrap();
            let text = configuration(&token, tailscale);
            assert!(
                !text.contains(token.reveal()) && !text.contains('{'),
                "{tailscale:?}"
            );
            let environment = Environment::of([("HOME", "/home/kelp")]);
            let config = Config::from_toml(&text, dir.path(), &environment).unwrap();
            assert_eq!(config.admission.credentials.len(), 1);
            assert_eq!(config.admission.tailscale.serve, tailscale.is_some());
            let origins = tailscale.map_or(vec![], |name| {
                vec![
                    "http://127.0.0.1:7433".to_owned(),
                    format!("https://{name}"),
                ]
            });
            assert_eq!(config.admission.allowed_origins, origins);
            let warned: Vec<&String> = config
                .warnings()
                .iter()
                .filter(|warning| !warning.contains("root"))
                .collect();
            assert_eq!(warned, Vec::<&String>::new());
        }
    }

    #[test]
    fn each_key_in_the_comments_is_one_that_the_host_knows() {
        let token = Token::generate().unwrap();
        let text = configuration(&token, None);
        let bare = text.lines().filter_map(|line| {
            let line = line.strip_prefix("# ").unwrap_or(line);
            let is_setting = line.starts_with('[')
                || line
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' '));
            is_setting.then_some(line)
        });
        let text: Vec<&str> = bare.collect();
        let environment = Environment::of([("HOME", "/home/kelp")]);
        Config::from_toml(&text.join("\n"), Path::new("/etc/holdfast"), &environment).unwrap();
    }

    #[test]
    fn both_files_are_private_and_a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path(), None).unwrap();
        let new = dir.path().join("new");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(
            (
                mode(&new),
                mode(&new.join("token")),
                mode(&new.join("holdfast.toml"))
            ),
            (0o700, 0o600, 0o600)
        );
        let before = fs::read_to_string(new.join("token")).unwrap();
        assert!(Token::parse(before.trim()).is_ok());
        let error = init(dir.path(), None).unwrap_err().to_string();
        assert!(error.contains("not overwritten"), "{error}");
        fs::remove_file(new.join("holdfast.toml")).unwrap();
        assert!(init(dir.path(), None).is_err(), "the token is there still");
        assert_eq!(fs::read_to_string(new.join("token")).unwrap(), before);
        assert!(!new.join("holdfast.toml").exists());
    }

    #[test]
    fn a_name_with_a_scheme_or_a_port_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "https://dev.example.ts.net",
            "dev.example.ts.net:443",
            "dev",
            "",
            "a\".b",
        ] {
            assert!(init(dir.path(), Some(name)).is_err(), "{name}");
        }
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn the_next_steps_show_no_token() {
        let token = Token::generate().unwrap();
        let said = next_steps(Path::new("/c/holdfast.toml"), Path::new("/c/token"), None);
        assert!(
            said.contains("cat /c/token")
                && !said.contains(token.reveal())
                && !said.contains("hft_")
        );
    }
}
