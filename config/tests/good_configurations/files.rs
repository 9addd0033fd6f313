//! Where a configuration and its secrets come from, who may read and write those files, and where they must not lie.
//!
//! Not what the values mean.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use config::{
    CONFIG_VARIABLE, Config, Credential, CredentialSource, Environment, Error, Listen, Role,
    Source, TOKEN_VARIABLE, Token,
};

use crate::{from_toml, with_digest};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file system works");
}

/// A home with a private configuration file at the usual place.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new(config: &str) -> Self {
        let home = Self {
            dir: tempfile::tempdir().expect("a folder"),
        };
        fs::create_dir_all(home.file().parent().expect("a parent")).expect("the file system works");
        chmod(home.file().parent().expect("a parent"), 0o755);
        fs::write(home.file(), config).expect("the file system works");
        chmod(&home.file(), 0o600);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path(".config/holdfast/holdfast.toml")
    }

    fn load(&self) -> Result<Config, Error> {
        Config::load(&self.source(None))
    }

    fn source(&self, file: Option<PathBuf>) -> Source {
        let home = self.dir.path().to_str().expect("UTF-8");
        Source {
            file,
            listen: None,
            environment: Environment::of([("HOME", home)]),
        }
    }
}

#[test]
fn each_way_to_give_the_token_leaves_only_its_digest() {
    let token = Token::generate().unwrap();
    let text = token.reveal();
    let home = Home::new("");
    let file = home.path("token");
    fs::write(&file, format!("{text}\n")).unwrap();
    chmod(&file, 0o600);
    let cases = [
        (
            format!("websocket_auth_token = \"{text}\""),
            None,
            CredentialSource::Config,
        ),
        (
            format!("websocket_auth_token = '''\n{text}'''"),
            None,
            CredentialSource::Config,
        ),
        (
            format!("websocket_auth_token_file = \"{}\"", file.display()),
            None,
            CredentialSource::File(file.clone()),
        ),
        (
            format!(
                "websocket_auth_token_sha256 = \"{}\"",
                token.digest().to_hex()
            ),
            None,
            CredentialSource::Digest,
        ),
        (
            format!(
                "websocket_auth_token_sha256 = \"{}\"",
                token.digest().to_hex().to_uppercase()
            ),
            None,
            CredentialSource::Digest,
        ),
        (
            String::new(),
            Some((TOKEN_VARIABLE, text)),
            CredentialSource::Environment(TOKEN_VARIABLE.to_owned()),
        ),
    ];
    for (toml, variable, source) in cases {
        let config = from_toml(&toml, variable.as_slice()).unwrap();
        let expected = Credential {
            name: "main".to_owned(),
            role: Role::Operate,
            digest: token.digest(),
            source,
        };
        assert_eq!(config.admission.credentials, [expected]);
        assert_eq!(
            config.admission.find(text).map(|found| found.name.as_str()),
            Some("main")
        );
        assert_eq!(config.admission.find(&text[..52]), None);
        assert_eq!(config.admission.find(""), None);
        let shown = format!("{config:?} {:?}", config.warnings());
        assert!(
            !shown.contains(text) && !shown.contains(&token.digest().to_hex()),
            "a secret is printed"
        );
    }
}

#[test]
fn load_takes_the_usual_file_and_makes_the_state_folder_private() {
    let home = Home::new(&with_digest(
        "[codex]\npath = \"bin/codex\"\nworkspaces = [\"~/work\"]",
    ));
    let config = home.load().unwrap();
    assert_eq!(config.file, Some(home.file()));
    assert_eq!(
        config.codex.path,
        Some(home.path(".config/holdfast/bin/codex"))
    );
    assert_eq!(config.codex.workspaces, [home.path("work")]);
    assert_eq!(config.state_dir, home.path(".local/state/holdfast"));
    assert_eq!(
        fs::metadata(&config.state_dir)
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o700
    );
}

#[test]
fn load_prefers_the_option_then_the_variable_then_the_usual_place() {
    let home = Home::new("nonsense");
    let [option, variable] = ["option.toml", "variable.toml"].map(|name| {
        fs::write(home.path(name), with_digest("")).unwrap();
        chmod(&home.path(name), 0o600);
        home.path(name)
    });
    let mut source = home.source(None);
    let base = home.dir.path().to_str().unwrap();
    source.environment = Environment::of([
        ("HOME", base),
        (CONFIG_VARIABLE, variable.to_str().unwrap()),
    ]);
    assert_eq!(Config::load(&source).unwrap().file, Some(variable));
    source.file = Some(option.clone());
    assert_eq!(Config::load(&source).unwrap().file, Some(option));
    assert_eq!(home.load().unwrap_err().file, Some(home.file()));
}

#[test]
fn load_without_any_file_needs_only_the_variable() {
    let home = tempfile::tempdir().unwrap();
    let token = Token::generate().unwrap();
    let base = home.path().to_str().unwrap();
    let environment = Environment::of([("HOME", base), (TOKEN_VARIABLE, token.reveal())]);
    let mut source = Source {
        file: None,
        listen: Some("127.0.0.1:0".to_owned()),
        environment,
    };
    let config = Config::load(&source).unwrap();
    assert_eq!(
        (config.file, config.listen),
        (None, Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))))
    );
    source.environment = Environment::of([("HOME", base)]);
    assert_eq!(
        Config::load(&source).unwrap_err().key,
        "websocket_auth_token"
    );
    source.listen = Some("0.0.0.0:1".to_owned());
    source.environment = Environment::of([("HOME", base), (TOKEN_VARIABLE, token.reveal())]);
    assert_eq!(Config::load(&source).unwrap_err().key, "--listen");
    source.file = Some(home.path().join("missing.toml"));
    assert_eq!(Config::load(&source).unwrap_err().key, "--config");
}

#[test]
fn load_refuses_files_that_others_could_have_written_or_read() {
    let home = Home::new(&with_digest(""));
    chmod(&home.file(), 0o644);
    let line = home.load().unwrap_err().to_string();
    assert!(
        line.contains("holdfast.toml") && line.contains("0644") && line.contains("chmod 600"),
        "{line}"
    );
    chmod(&home.file(), 0o600);
    chmod(home.file().parent().unwrap(), 0o777);
    assert!(home.load().unwrap_err().problem.contains("chmod go-w"));
    chmod(home.file().parent().unwrap(), 0o755);
    let link = home.path("link.toml");
    symlink(home.file(), &link).unwrap();
    assert!(
        Config::load(&home.source(Some(link)))
            .unwrap_err()
            .problem
            .contains("symlink")
    );
    fs::create_dir_all(home.path(".local/state/holdfast")).unwrap();
    chmod(&home.path(".local/state/holdfast"), 0o755);
    assert_eq!(home.load().unwrap_err().key, "state_dir");
}

#[test]
fn an_open_token_file_is_refused_by_its_key() {
    let home = Home::new("websocket_auth_token_file = \"token\"");
    let file = home.file().with_file_name("token");
    let token = Token::generate().unwrap();
    for (content, mode, fits) in [
        (token.reveal().to_owned(), 0o600, true),
        (format!("{}\n", token.reveal()), 0o400, true),
        (token.reveal().to_owned(), 0o640, false),
        (format!("{}\n\n", token.reveal()), 0o600, false),
        (String::new(), 0o600, false),
        (token.reveal().repeat(100), 0o600, false),
    ] {
        let _ = fs::remove_file(&file);
        fs::write(&file, &content).unwrap();
        chmod(&file, mode);
        match home.load() {
            Ok(config) => assert!(fits && config.admission.find(token.reveal()).is_some()),
            Err(error) => {
                assert!(!fits, "{error}");
                assert_eq!(
                    (error.key.as_str(), error.line),
                    ("websocket_auth_token_file", Some(1))
                );
                assert!(!error.to_string().contains(token.reveal()));
            }
        }
    }
}

#[test]
fn a_configuration_inside_a_workspace_is_refused() {
    let home = Home::new(&with_digest(
        "[codex]\nworkspaces = [\"/srv\", \"~/.config\"]",
    ));
    let error = home.load().unwrap_err();
    assert_eq!(
        (error.key.as_str(), error.line),
        ("codex.workspaces", Some(3))
    );
    assert!(error.problem.contains("the config file"), "{error}");
}

#[test]
fn the_state_folder_is_found_also_in_a_file_that_the_host_refuses() {
    let home = Home::new("state_dir = \"here\"\nunknown = 1\n");
    assert!(home.load().is_err());
    assert_eq!(
        Config::find_state_dir(&home.source(None)),
        Ok(home.path(".config/holdfast/here"))
    );
    assert!(!home.path(".config/holdfast/here").exists());

    fs::write(home.file(), "state_dir = 7").expect("the file system works");
    let error = Config::find_state_dir(&home.source(None)).expect_err("not a path");
    assert_eq!(error.key, "state_dir");
}

#[test]
fn a_client_finds_where_the_host_listens_and_what_it_is_called() {
    let home = Home::new(
        "listen = \"unix:h.sock\"\nallowed_hosts = [\"Reef.example.ts.net\"]\nunknown = 1\n",
    );
    assert_eq!(
        Config::find_listen(&home.source(None)),
        Ok((
            Listen::Unix(home.path(".config/holdfast/h.sock")),
            vec!["reef.example.ts.net".to_owned()]
        ))
    );
    fs::write(home.file(), "").expect("the file system works");
    let usual = Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 7433)));
    assert_eq!(
        Config::find_listen(&home.source(None)),
        Ok((usual, Vec::new()))
    );
    fs::write(home.file(), "listen = 7").expect("the file system works");
    let error = Config::find_listen(&home.source(None)).expect_err("not an address");
    assert_eq!(error.key, "listen");
}

#[test]
fn a_client_reads_a_token_from_a_private_file_alone() {
    let home = Home::new("");
    let (file, token) = (
        home.path(".config/holdfast/token"),
        Token::generate().expect("random bytes"),
    );
    fs::write(&file, format!("{}\n", token.reveal())).expect("the file system works");
    chmod(&file, 0o600);
    let read = Token::from_file(&file).expect("a private file");
    assert_eq!(read.digest(), token.digest());
    chmod(&file, 0o644);
    let problem = Token::from_file(&file).expect_err("others can read it");
    assert!(
        problem.contains("chmod 600") && !problem.contains(token.reveal()),
        "{problem}"
    );
    fs::write(&file, &token.reveal()[..20]).expect("the file system works");
    chmod(&file, 0o600);
    let problem = Token::from_file(&file).expect_err("it was cut");
    assert!(
        problem.contains("check characters") && !problem.contains(&token.reveal()[..20]),
        "{problem}"
    );
}

#[test]
fn a_secret_of_notifications_lies_in_no_workspace_and_is_known_to_the_redactor() {
    let home = Home::new(&with_digest(
        "[codex]\nworkspaces = [\"~/work\"]\n[notify.webhook]\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"~/work/secret\"",
    ));
    fs::create_dir_all(home.path("work")).expect("the file system works");
    let file = home.path("work/secret");
    let value = "synthetic-".repeat(3);
    fs::write(&file, &value).expect("the file system works");
    chmod(&file, 0o600);
    let error = home.load().expect_err("a command could change the secret");
    assert!(
        error.problem.contains("notify.webhook.secret_file"),
        "{error}"
    );

    let apart = fs::read_to_string(home.file()).expect("the file system works");
    fs::write(home.file(), apart.replace("~/work/secret", "~/secret"))
        .expect("the file system works");
    fs::rename(&file, home.path("secret")).expect("the file system works");
    let config = home.load().expect("it lies elsewhere now");
    let secrets: Vec<_> = config
        .notify
        .secrets()
        .into_iter()
        .map(|(name, secret)| (name, secret.reveal().to_owned()))
        .collect();
    assert_eq!(secrets, [("webhook", value)]);
}
