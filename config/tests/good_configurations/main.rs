//! What a good configuration comes out as. Bad ones are tested in `bad_configurations.rs`.
//!
//! Here: defaults, tokens by role, origins, what is warned of. In `files`: where it comes from, and what may lie where.

mod files;

use std::{net::SocketAddr, path::Path, time::Duration};

use config::{
    ApprovalPolicy, Bound, Config, DEFAULT_TOML, Environment, Error, Listen, OwnRule, OwnRuleFinds,
    Role, Sandbox, ShellEnvironment, Token, TrustedProxy,
};

fn from_toml(text: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let environment = Environment::of(variables.iter().copied().chain([("HOME", "/home/nobody")]));
    Config::from_toml(text, Path::new("/etc/holdfast"), &environment)
}

fn with_digest(text: &str) -> String {
    format!(
        "websocket_auth_token_sha256 = \"{}\"\n{text}",
        Token::generate().expect("random bytes").digest().to_hex()
    )
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let config = from_toml(&with_digest(""), &[]).unwrap();
    assert_eq!(
        config.listen,
        Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 7433)))
    );
    assert!(config.admission.auth_required);
    assert_eq!(config.admission.trusted_proxy, TrustedProxy::None);
    assert_eq!(
        config.admission.sign_ins.idle_timeout,
        Duration::from_secs(30 * 60)
    );
    assert_eq!(
        config.admission.sign_ins.lifetime,
        Duration::from_secs(12 * 60 * 60)
    );
    assert_eq!(
        config.state_dir,
        Path::new("/home/nobody/.local/state/holdfast")
    );
    assert_eq!(config.codex.path, None);
    assert_eq!(config.codex.default_sandbox, Sandbox::WorkspaceWrite);
    assert_eq!(config.codex.shell_environment, ShellEnvironment::Core);
    assert_eq!(
        config.codex.highest_approval_policy,
        ApprovalPolicy::OnRequest
    );
    assert_eq!(config.limits.frame_bytes, 1 << 20);
    assert_eq!(
        (
            config.limits.connections,
            config.limits.unauthenticated_connections
        ),
        (512, 64)
    );
    assert_eq!(config.limits.ring_bytes, 4 << 20);
    assert_eq!(config.limits.write_batch_bytes, 256 << 10);
    assert!(config.redaction.enabled);
}

#[test]
fn the_default_file_itself_is_a_configuration_and_knows_every_key() {
    // Live keys, and those that stand commented out with their form.
    assert!(from_toml(&with_digest(DEFAULT_TOML), &[]).is_ok());
    let commented: Vec<&str> = DEFAULT_TOML
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| {
            line.split_once(" = ").is_some_and(|(key, _)| {
                key.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            })
        })
        .collect();
    assert_eq!(commented.len(), 26, "{commented:?}");
    for line in commented {
        let sections = [
            "",
            "[codex]\n",
            "[redaction]\n",
            "[journal]\n",
            "[log]\n",
            "[metrics]\n",
            "[[tokens]]\n",
            "[[redaction.rules]]\n",
            "[notify]\n",
            "[notify.web_push]\n",
            "[notify.webhook]\n",
            "[notify.ntfy]\n",
        ];
        let known = sections.iter().any(|section| {
            let error = from_toml(&format!("{section}{line}"), &[]);
            !error.is_err_and(|error| error.problem.starts_with("unknown key"))
        });
        assert!(known, "{line}");
    }
}

#[test]
fn named_tokens_have_their_roles() {
    let [phone, ci] = [(); 2].map(|()| Token::generate().unwrap());
    let toml = with_digest(&format!(
        "[[tokens]]\nname = \"phone\"\nrole = \"approve\"\ntoken_sha256 = \"{}\"\n\
         [[tokens]]\nname = \"ci\"\nrole = \"view\"\ntoken_env = \"CI_HOLDFAST\"\n",
        phone.digest().to_hex()
    ));
    let config = from_toml(&toml, &[("CI_HOLDFAST", ci.reveal())]).unwrap();
    let role = |token: &Token| {
        config
            .admission
            .find(token.reveal())
            .map(|found| (found.name.clone(), found.role))
    };
    assert_eq!(role(&phone), Some(("phone".to_owned(), Role::Approve)));
    assert_eq!(role(&ci), Some(("ci".to_owned(), Role::View)));
    assert!(Role::View < Role::Approve && Role::Approve < Role::Operate);
}

#[test]
fn hosts_and_origins_follow_the_bound_address_unless_they_are_given() {
    let config = from_toml(&with_digest("listen = \"127.0.0.1:0\""), &[]).unwrap();
    let bound = Bound::Tcp(SocketAddr::from(([127, 0, 0, 1], 4711)));
    assert_eq!(config.admission.hosts(&bound), ["127.0.0.1:4711"]);
    assert_eq!(config.admission.origins(&bound), ["http://127.0.0.1:4711"]);
    assert_eq!(config.admission.hosts(&Bound::Unix), ["localhost"]);
    assert_eq!(
        config
            .admission
            .hosts(&Bound::Tcp("[::1]:80".parse().unwrap())),
        ["[::1]"]
    );
    let given = "allowed_hosts = [\"DEV.ts.net\"]\nallowed_origins = [\"https://dev.ts.net\"]";
    let config = from_toml(&with_digest(given), &[]).unwrap();
    assert_eq!(config.admission.hosts(&bound), ["dev.ts.net"]);
    assert_eq!(config.admission.origins(&bound), ["https://dev.ts.net"]);
}

#[test]
fn a_host_without_a_token_is_possible_on_loopback_and_warned_of() {
    for listen in ["127.0.0.1:0", "[::1]:0", "unix:h.sock"] {
        let config = from_toml(
            &format!("websocket_auth_required = false\nlisten = \"{listen}\""),
            &[],
        )
        .unwrap();
        assert!(config.admission.credentials.is_empty());
        assert!(
            config
                .warnings()
                .iter()
                .any(|warning| warning.starts_with("websocket_auth_required is false"))
        );
    }
}

#[test]
fn risky_but_allowed_settings_are_warned_of() {
    let text = "allowed_hosts = [\"dev.ts.net\"]\n[codex]\nhome = \"/tmp/x\"\nhighest_sandbox = \"danger-full-access\"\n\
                highest_approval_policy = \"never\"\nallowed_methods = [\"fs/readFile\"]\n[redaction]\nenabled = false";
    let config = from_toml(&with_digest(text), &[]).unwrap();
    for expected in [
        "allowed_origins",
        "codex.home",
        "highest_sandbox",
        "highest_approval_policy",
        "fs/readFile",
        "redaction.enabled",
    ] {
        assert!(
            config
                .warnings()
                .iter()
                .any(|warning| warning.contains(expected)),
            "{expected}"
        );
    }
    assert!(
        config.codex.allows_method("fs/readFile") && !config.codex.allows_method("fs/writeFile")
    );
    let quiet = from_toml(&with_digest(""), &[]).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(
        quiet.warnings().len(),
        usize::from(is_root),
        "{:?}",
        quiet.warnings()
    );
}

#[test]
fn what_a_running_host_does_not_take_up_is_named() {
    let old = from_toml(&with_digest(""), &[]).expect("a good configuration");
    let changed = |text: &str| {
        let newer = from_toml(&with_digest(text), &[]).expect("a good configuration");
        old.changed_besides_credentials(&newer)
    };
    let none: [&str; 0] = [];
    assert_eq!(changed(""), none);
    let phone = format!(
        "[[tokens]]\nname = \"phone\"\nrole = \"view\"\ntoken_sha256 = \"{}\"",
        Token::generate().expect("random bytes").digest().to_hex()
    );
    assert_eq!(changed(&phone), none);
    for (key, text) in [
        ("listen", "listen = \"127.0.0.1:7434\""),
        ("allowed_hosts", "allowed_hosts = [\"a.example\"]"),
        (
            "allowed_origins",
            "allowed_origins = [\"https://a.example\"]",
        ),
        ("sign_ins", "[sign_ins]\nidle_timeout = \"1m\""),
        ("state_dir", "state_dir = \"elsewhere\""),
        ("codex", "[codex]\nrestart_limit = 3"),
        ("journal", "[journal]\nreplay_bytes = \"1MiB\""),
        ("redaction", "[redaction]\nenabled = false"),
        ("limits", "[limits]\ntabs = 5"),
        ("log", "[log]\nlevel = \"debug\""),
    ] {
        assert_eq!(changed(text), [key], "{text}");
    }
    assert_eq!(
        changed("[tailscale]\nserve = true"),
        ["trusted_proxy", "tailscale"]
    );
}

#[test]
fn own_rules_are_a_pattern_or_a_cue() {
    let text = "[[redaction.rules]]\nname = \"acme-token\"\npattern = \"ACME-[a-z]{8,}\"\n[[redaction.rules]]\nname = \"acme-pin\"\ncue = \"acme_pin\"";
    let rules = from_toml(&with_digest(text), &[]).unwrap().redaction.rules;
    let own = |name: &str, finds| OwnRule {
        name: name.to_owned(),
        finds,
    };
    assert_eq!(
        rules,
        [
            own(
                "acme-token",
                OwnRuleFinds::Pattern("ACME-[a-z]{8,}".to_owned())
            ),
            own("acme-pin", OwnRuleFinds::Cue("acme_pin".to_owned())),
        ]
    );
}
