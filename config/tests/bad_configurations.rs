//! Every bad configuration is refused with one line that names the key and holds no secret. Good ones are tested beside it,
//! in `good_configurations`.

use std::path::Path;

use config::{Config, Environment, TOKEN_VARIABLE, Token};

/// What stands where a case needs a good digest, a good token, or a secret that must not be seen.
struct Values {
    digest: String,
    token: String,
    /// A text that is refused as a token and must not be quoted for it.
    weak: &'static str,
}

impl Values {
    fn new() -> Self {
        let generate = || Token::generate().expect("random bytes");
        let token = generate();
        Self {
            digest: generate().digest().to_hex(),
            token: token.reveal().to_owned(),
            weak: "hunter2-Zq8",
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("DIGEST", &self.digest)
            .replace("TOKEN", &self.token)
            .replace("WEAK", self.weak)
    }
}

/// Refuses `text` and returns the line, after checking what every such line must satisfy.
fn refusal(text: &str, variables: &[(&str, &str)], key: &str) -> String {
    let values = Values::new();
    let text = values.fill(text);
    let variables: Vec<(&str, String)> = variables
        .iter()
        .map(|(name, value)| (*name, values.fill(value)))
        .collect();
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let environment = Environment::of(variables.chain([("HOME", "/home/nobody")]));
    let error =
        Config::from_toml(&text, Path::new("/etc/holdfast"), &environment).expect_err(&text);
    assert_eq!(error.key, key, "{error}\n{text}");
    let line = error.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains(key), "{line}");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    for secret in [&values.token, &values.digest, values.weak] {
        assert!(!line.contains(secret), "{key}: shows a secret");
        assert!(
            !format!("{error:?}").contains(secret),
            "{key}: shows a secret in Debug"
        );
    }
    line
}

/// One line that makes a configuration complete.
const GOOD: &str = "websocket_auth_token_sha256 = \"DIGEST\"\n";

#[test]
fn each_bad_value_is_refused_by_its_key() {
    // (the file, the key that the line names)
    let cases = [
        // The token.
        ("", "websocket_auth_token"),
        ("websocket_auth_token = \"\"", "websocket_auth_token"),
        ("websocket_auth_token = \"WEAK\"", "websocket_auth_token"),
        (
            "websocket_auth_token = \"changeme\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token = \"passwordpasswordpasswordpassword\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token = \"0123456789012345678901234567890123456789\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token = \"abcdefghijklmnopqrstuvwxyz012345\"",
            "websocket_auth_token",
        ),
        ("websocket_auth_token = \"TOKENx\"", "websocket_auth_token"),
        (
            "websocket_auth_token = \"TOKEN TOKEN\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token = 12345678901234",
            "websocket_auth_token",
        ),
        ("websocket_auth_token = [\"TOKEN\"]", "websocket_auth_token"),
        (
            "websocket_auth_token = \"TOKEN\"\nwebsocket_auth_token_sha256 = \"DIGEST\"",
            "websocket_auth_token",
        ),
        (
            "websocket_auth_token_sha256 = \"DIGESTab\"",
            "websocket_auth_token_sha256",
        ),
        (
            "websocket_auth_token_sha256 = \"TOKEN\"",
            "websocket_auth_token_sha256",
        ),
        (
            "websocket_auth_token_sha256 = \"\"",
            "websocket_auth_token_sha256",
        ),
        (
            "websocket_auth_token_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"",
            "websocket_auth_token_sha256",
        ),
        (
            // The digest of "changeme".
            "websocket_auth_token_sha256 = \"057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86\"",
            "websocket_auth_token_sha256",
        ),
        (
            "websocket_auth_token_file = \"\"",
            "websocket_auth_token_file",
        ),
        (
            "websocket_auth_token_file = \"/nonexistent/token\"",
            "websocket_auth_token_file",
        ),
        (
            "websocket_auth_token_file = \"TOKEN\"",
            "websocket_auth_token_file",
        ),
        (
            "websocket_auth_token_file = true",
            "websocket_auth_token_file",
        ),
        (
            "websocket_auth_required = \"no\"",
            "websocket_auth_required",
        ),
        ("websocket_auth_required = 0", "websocket_auth_required"),
        // Without a token.
        (
            "websocket_auth_required = false\nallowed_hosts = [\"dev.ts.net\"]",
            "websocket_auth_required",
        ),
        (
            "websocket_auth_required = false\nallowed_origins = [\"https://dev.ts.net\"]",
            "websocket_auth_required",
        ),
        (
            "websocket_auth_required = false\n[tailscale]\nserve = true",
            "websocket_auth_required",
        ),
        (
            "websocket_auth_required = false\nlisten = \"100.64.0.9:7433\"\nallow_non_loopback = true",
            "websocket_auth_required",
        ),
        // Not TOML, and keys that do not exist.
        ("websocket_auth_token = TOKEN", "websocket_auth_token"),
        ("websocket_auth_token = \"TOKEN", "websocket_auth_token"),
        ("websocket_auth_token TOKEN", "syntax"),
        ("TOKEN", "syntax"),
        ("[codex]\npath = 'a'\npath = 'b'", "codex.path"),
        ("[codex\npath = 'a'", "codex"),
        ("websocket_auth_tokne = \"TOKEN\"", "websocket_auth_tokne"),
        ("hosts = []", "hosts"),
        ("TOKEN = 1", "(hidden)"),
    ];
    for (text, key) in cases {
        refusal(text, &[], key);
    }
}

#[test]
fn each_bad_value_beside_a_good_token_is_refused_by_its_key() {
    let cases = [
        // Where to listen.
        ("listen = \"0.0.0.0:7433\"", "listen"),
        (
            "listen = \"0.0.0.0:7433\"\nallow_non_loopback = true",
            "listen",
        ),
        (
            "listen = \"[::]:7433\"\nallow_non_loopback = true",
            "listen",
        ),
        (
            "listen = \"192.168.1.5:7433\"\nallow_non_loopback = true",
            "listen",
        ),
        ("listen = \"100.64.0.9:7433\"", "listen"),
        ("listen = \"localhost:7433\"", "listen"),
        ("listen = \"dev.example.org:7433\"", "listen"),
        ("listen = \"127.0.0.1\"", "listen"),
        ("listen = \"127.0.0.1:99999\"", "listen"),
        ("listen = 7433", "listen"),
        ("listen = \"unix:\"", "listen"),
        ("listen = \"TOKEN\"", "listen"),
        ("allow_non_loopback = \"yes\"", "allow_non_loopback"),
        ("allowed_hosts = \"127.0.0.1:7433\"", "allowed_hosts"),
        ("allowed_hosts = [\"*\"]", "allowed_hosts"),
        ("allowed_hosts = [\"https://dev.ts.net\"]", "allowed_hosts"),
        ("allowed_origins = [\"*\"]", "allowed_origins"),
        ("allowed_origins = \"*\"", "allowed_origins"),
        ("allowed_origins = [\"null\"]", "allowed_origins"),
        (
            "allowed_origins = [\"https://*.ts.net\"]",
            "allowed_origins",
        ),
        (
            "allowed_origins = [\"https://dev.ts.net/\"]",
            "allowed_origins",
        ),
        (
            "allowed_origins = [\"https://dev.ts.net\\n\"]",
            "allowed_origins",
        ),
        ("trusted_proxy = \"nginx\"", "trusted_proxy"),
        ("trusted_proxy = \"tailscale-serve\"", "trusted_proxy"),
        (
            "trusted_proxy = \"none\"\n[tailscale]\nserve = true",
            "trusted_proxy",
        ),
        ("state_dir = \"\"", "state_dir"),
        ("state_dir = \"~else/x\"", "state_dir"),
        // Further tokens.
        ("tokens = 1", "tokens"),
        ("tokens = [1]", "tokens[1]"),
        (
            "[[tokens]]\nrole = \"view\"\ntoken_sha256 = \"WEAK\"",
            "tokens[1].name",
        ),
        (
            "[[tokens]]\nname = \"a b\"\nrole = \"view\"\ntoken = \"TOKEN\"",
            "tokens[1].name",
        ),
        (
            "[[tokens]]\nname = \"main\"\nrole = \"view\"\ntoken = \"TOKEN\"",
            "tokens[1].name",
        ),
        (
            "[[tokens]]\nname = \"a\"\ntoken = \"TOKEN\"",
            "tokens[1].role",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"admin\"\ntoken = \"TOKEN\"",
            "tokens[1].role",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"",
            "tokens[1].token",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken = \"WEAK\"",
            "tokens[1].token",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken_sha256 = \"DIGEST\"",
            "tokens[1].token_sha256",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken = \"TOKEN\"\ntoken_env = \"EXTRA\"",
            "tokens[1].token",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken_env = \"NOT_SET\"",
            "tokens[1].token_env",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken_env = \"TOKEN-\"",
            "tokens[1].token_env",
        ),
        (
            "[[tokens]]\nname = \"a\"\nrole = \"view\"\ntoken = \"TOKEN\"\nscope = \"all\"",
            "tokens[1].scope",
        ),
        // Sign-ins and Tailscale.
        ("[sign_ins]\nidle_timeout = \"30\"", "sign_ins.idle_timeout"),
        (
            "[sign_ins]\nidle_timeout = \"2h\"\nlifetime = \"1h\"",
            "sign_ins.lifetime",
        ),
        (
            "[sign_ins]\npairing_lifetime = \"1h\"",
            "sign_ins.pairing_lifetime",
        ),
        (
            "[tailscale]\nallow_users = [\"me@example.com\"]",
            "tailscale.allow_users",
        ),
        (
            "[tailscale]\nserve = true\nallow_users = [\"*\"]",
            "tailscale.allow_users",
        ),
        (
            "[tailscale]\nserve = true\nallow_tags = [\"phone\"]",
            "tailscale.allow_tags",
        ),
        ("tailscale = true", "tailscale"),
        // Codex.
        ("[codex]\npath = \"\"", "codex.path"),
        ("[codex]\npathh = \"codex\"", "codex.pathh"),
        ("[codex]\nargs = \"--flag\"", "codex.args"),
        ("[codex]\nargs = [\"TOKEN\"]", "codex.args"),
        ("[codex]\nidle_timeout = 30", "codex.idle_timeout"),
        (
            "[codex]\nidle_timeout = \"5 parsecs\"",
            "codex.idle_timeout",
        ),
        ("[codex]\nidle_timeout = \"0s\"", "codex.idle_timeout"),
        ("[codex]\nstall_policy = \"kill\"", "codex.stall_policy"),
        ("[codex]\nstop_policy = \"wait\"", "codex.stop_policy"),
        ("[codex]\nmemory_limit = \"1MiB\"", "codex.memory_limit"),
        ("[codex]\nrollout_limit = \"all\"", "codex.rollout_limit"),
        ("[codex]\nwarm_spare = 1", "codex.warm_spare"),
        ("[codex]\nrestart_limit = 0", "codex.restart_limit"),
        ("[codex]\nrestart_limit = -1", "codex.restart_limit"),
        ("[codex]\nrestart_limit = 1.5", "codex.restart_limit"),
        (
            "[codex]\nbackoff_min = \"10s\"\nbackoff_max = \"1s\"",
            "codex.backoff_max",
        ),
        ("[codex]\nenv_allow = [\"PATH=/bin\"]", "codex.env_allow"),
        (
            "[codex]\nshell_environment = \"none\"",
            "codex.shell_environment",
        ),
        (
            "[codex]\nenv_allow = [\"HOLDFAST_WEBSOCKET_AUTH_TOKEN\"]",
            "codex.env_allow",
        ),
        (
            "[codex]\nenv_allow = [\"NOTIFY_SOCKET\"]",
            "codex.env_allow",
        ),
        (
            "[codex]\ndefault_sandbox = \"none\"",
            "codex.default_sandbox",
        ),
        (
            "[codex]\ndefault_sandbox = \"danger-full-access\"",
            "codex.default_sandbox",
        ),
        (
            "[codex]\ndefault_approval_policy = \"on-failure\"",
            "codex.default_approval_policy",
        ),
        (
            "[codex]\ndefault_approval_policy = \"never\"",
            "codex.default_approval_policy",
        ),
        (
            "[codex]\nallowed_methods = [\"fs/*\"]",
            "codex.allowed_methods",
        ),
        (
            "[codex]\nallowed_methods = [\"turn/start\"]",
            "codex.allowed_methods",
        ),
        ("[codex]\nworkspaces = [\"/\"]", "codex.workspaces"),
        (
            "state_dir = \"/srv/work/state\"\n[codex]\nworkspaces = [\"/srv/work\"]",
            "codex.workspaces",
        ),
        (
            "[codex]\nworkspaces = [\"/x\"]\n[redaction]\nvalues_file = \"/x/values\"",
            "codex.workspaces",
        ),
        // The rest.
        ("[journal]\nreplay_age = \"1s\"", "journal.replay_age"),
        ("[journal]\nmax_bytes = \"8GB\"", "journal.max_bytes"),
        ("[journal]\nreplay_bytes = \"5GiB\"", "journal.replay_bytes"),
        (
            "[journal]\nmax_bytes = \"16MiB\"",
            "journal.replay_total_bytes",
        ),
        ("[journal]\nhistory_age = \"never\"", "journal.history_age"),
        ("[codex]\npath = \"codex-beta\"", "codex.path"),
        ("[redaction]\nenabled = \"true\"", "redaction.enabled"),
        (
            "[redaction]\nenv_names = [\"NAME=WEAK\"]",
            "redaction.env_names",
        ),
        (
            "[redaction]\ndisabled_rules = [\"Not A Rule\"]",
            "redaction.disabled_rules",
        ),
        ("[limits]\nframe_bytes = \"1 TiB\"", "limits.frame_bytes"),
        ("[limits]\nframe_bytes = 0", "limits.frame_bytes"),
        (
            "[limits]\nconnections = 10\ntabs = 10",
            "limits.unauthenticated_connections",
        ),
        ("[limits]\ntabs = 1000", "limits.tabs"),
        ("[limits]\nring = \"4MiB\"", "limits.ring"),
        ("[limits.deep]\nx = 1", "limits.deep"),
        ("[log]\nlevel = \"verbose\"", "log.level"),
        ("[log]\nformat = \"xml\"", "log.format"),
        ("[log]\nlevel = \"TOKEN\"", "log.level"),
        ("[log]\nfile = \"\"", "log.file"),
        ("[log]\nmax_bytes = 1000", "log.max_bytes"),
        ("[log]\nkeep = 101", "log.keep"),
        ("[metrics]\nlisten = \"0.0.0.0:9464\"", "metrics.listen"),
        ("[metrics]\nlisten = \"[::]:9464\"", "metrics.listen"),
        ("[metrics]\nlisten = \"192.168.1.2:9464\"", "metrics.listen"),
        ("[metrics]\nlisten = \"100.64.1.2:9464\"", "metrics.listen"),
        ("[metrics]\nlisten = \"localhost:9464\"", "metrics.listen"),
        ("[metrics]\nlisten = \"9464\"", "metrics.listen"),
        ("[metrics]\nport = 9464", "metrics.port"),
    ];
    for (text, key) in cases {
        refusal(&format!("{GOOD}{text}"), &[("EXTRA", "TOKEN")], key);
    }
}

#[test]
fn a_bad_variable_is_named_and_not_shown() {
    let line = refusal("", &[(TOKEN_VARIABLE, "WEAK")], "websocket_auth_token");
    assert!(line.contains(TOKEN_VARIABLE), "{line}");
    refusal("", &[(TOKEN_VARIABLE, "")], "websocket_auth_token");
    let line = refusal(GOOD, &[(TOKEN_VARIABLE, "TOKEN")], "websocket_auth_token");
    assert!(
        line.contains("websocket_auth_token_sha256") && line.contains(TOKEN_VARIABLE),
        "{line}"
    );
    let named = format!("{GOOD}[[tokens]]\nname = \"ci\"\nrole = \"view\"\ntoken_env = \"EXTRA\"");
    refusal(&named, &[("EXTRA", "WEAK")], "tokens[1].token_env");
}

#[test]
fn lines_say_what_was_found_and_what_to_do() {
    let environment = Environment::of([("HOME", "/home/nobody")]);
    let line = |text: &str| {
        let text = Values::new().fill(&format!("{GOOD}{text}"));
        Config::from_toml(&text, Path::new("/etc"), &environment)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        line("[codex]\nidle_timeout = \"soon\""),
        "codex.idle_timeout: found \"soon\", write a duration such as \"30s\" or \"5m\", from 1s to 30days"
    );
    assert_eq!(
        line("[limits]\nring_bytes = \"4MB\""),
        "limits.ring_bytes: found \"4MB\", write a size such as \"64KiB\" or \"4MiB\", from 64KiB to 1GiB"
    );
    assert_eq!(
        line("[codex]\nrestrat_limit = 3"),
        "codex.restrat_limit: unknown key; did you mean restart_limit?"
    );
    assert_eq!(
        line("[log]\nlevel = \"loud\""),
        "log.level: found \"loud\", write one of \"error\", \"warn\", \"info\", \"debug\", \"trace\""
    );
}

#[test]
fn a_misspelt_key_is_reported_before_the_one_it_leaves_missing() {
    let line = refusal(
        "websocket_auth_token_sha265 = \"DIGEST\"",
        &[],
        "websocket_auth_token_sha265",
    );
    assert!(
        line.contains("did you mean websocket_auth_token_sha256?"),
        "{line}"
    );
}

#[test]
fn every_key_refuses_a_value_of_a_wrong_kind_by_its_own_name() {
    let mut section = String::new();
    let mut keys = 0;
    for line in config::DEFAULT_TOML.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = format!("[{name}]\n");
        }
        let Some((key, _)) = line
            .split_once(" = ")
            .filter(|(key, _)| !key.starts_with('#'))
        else {
            continue;
        };
        keys += 1;
        let name = match section.trim().trim_matches(['[', ']']) {
            "" => key.to_owned(),
            section => format!("{section}.{key}"),
        };
        for value in ["1979-05-27", "{ a = 1 }", "-7", "[[7]]", "\"\\u0000 \\n\""] {
            refusal(&format!("{GOOD}{section}{key} = {value}"), &[], &name);
        }
    }
    assert!(keys > 60, "only {keys} keys were found");
}

#[test]
fn a_file_that_is_cut_or_damaged_anywhere_gives_an_error_and_no_panic() {
    let whole = Values::new().fill(&format!("{GOOD}{}", config::DEFAULT_TOML));
    let environment = Environment::of([("HOME", "/home/nobody")]);
    let digest = whole[..110].split('"').nth(1).unwrap().to_owned();
    for at in (0..whole.len())
        .step_by(151)
        .filter(|at| whole.is_char_boundary(*at))
    {
        let cut = Config::from_toml(&whole[..at], Path::new("/"), &environment);
        let damaged = Config::from_toml(
            &format!("{}\u{1}\"={}", &whole[..at], &whole[at..]),
            Path::new("/"),
            &environment,
        );
        for error in [cut.err(), damaged.err()].into_iter().flatten() {
            let line = error.to_string();
            assert!(
                line.lines().count() == 1 && !line.contains(&digest[..24]),
                "cut at {at}: {line}"
            );
        }
    }
}
