//! What keys say together: combinations that are refused, and those that are only warned of. Single keys are judged where
//! they are read.

use std::path::Path;

use crate::{
    ApprovalPolicy, Config, CredentialSource, Sandbox, admission::Bound, authority,
    error::shown_path, paths, reader::Problems,
};

/// Refuses unsafe combinations.
pub(crate) fn judge(config: &Config, problems: &Problems<'_>) {
    judge_open_host(config, problems);
    judge_workspaces(config, problems);
}

/// Without a token nothing but loopback may lead here.
fn judge_open_host(config: &Config, problems: &Problems<'_>) {
    const KEY: &str = "websocket_auth_required";
    let admission = &config.admission;
    if admission.auth_required {
        return;
    }
    if !config.listen.is_local() {
        problems.note(
            KEY,
            format!(
                "is false, but {} can be reached from other machines; set it to true",
                config.listen
            ),
        );
    }
    if admission.tailscale.serve {
        problems.note(KEY, "is false, but tailscale.serve publishes the host; the identity never replaces the token, set it to true");
    }
    let origins = admission
        .allowed_origins
        .iter()
        .map(|origin| authority::host_of_origin(origin));
    let foreign = admission
        .allowed_hosts
        .iter()
        .map(String::as_str)
        .chain(origins)
        .find(|host| !authority::is_loopback(host));
    if let Some(host) = foreign {
        problems.note(
            KEY,
            format!("is false, but {host} is not this machine; set it to true"),
        );
    }
}

/// What Codex may write to must not hold what decides about it.
fn judge_workspaces(config: &Config, problems: &Problems<'_>) {
    let mut own: Vec<(&str, &Path)> = vec![("state_dir", &config.state_dir)];
    own.extend(config.file.as_deref().map(|file| ("the config file", file)));
    own.extend(
        config
            .redaction
            .values_file
            .as_deref()
            .map(|file| ("redaction.values_file", file)),
    );
    own.extend(config.admission.credentials.iter().filter_map(
        |credential| match &credential.source {
            CredentialSource::File(file) => Some(("a token file", file.as_path())),
            _ => None,
        },
    ));
    own.extend(config.notify.files());
    for workspace in &config.codex.workspaces {
        for (what, path) in &own {
            if paths::holds(workspace, path) {
                let (workspace, path) = (shown_path(workspace), shown_path(path));
                problems.note(
                    "codex.workspaces",
                    format!("{workspace} holds {what} ({path}), which commands could then change; move one of the two"),
                );
            }
        }
    }
}

/// What the owner should know, although it is allowed.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if rustix::process::geteuid().is_root() {
        warnings.push(
            "running as root: whoever gets in, and every command without a sandbox, is root too"
                .to_owned(),
        );
    }
    warn_of_admission(config, &mut warnings);
    warn_of_codex(config, &mut warnings);
    if !config.redaction.enabled {
        warnings.push(
            "redaction.enabled is false: secrets reach the journal, the log and every tab"
                .to_owned(),
        );
    }
    warnings
}

fn warn_of_admission(config: &Config, warnings: &mut Vec<String>) {
    let admission = &config.admission;
    if !admission.auth_required {
        warnings.push("websocket_auth_required is false: every program on this machine can run commands as you".to_owned());
    }
    if !config.listen.is_local() {
        warnings.push(format!(
            "listening on {}: every machine that the tailnet lets through can try to sign in",
            config.listen
        ));
    }
    for credential in &admission.credentials {
        if credential.source != CredentialSource::Digest {
            warnings.push(format!(
                "the token \"{}\" stands {}, where commands that Codex runs may read it; configure its SHA-256 instead",
                credential.name, credential.source
            ));
        }
    }
    let bound = Bound::of(&config.listen);
    let origins = admission.origins(&bound);
    for host in admission.hosts(&bound) {
        if !origins
            .iter()
            .any(|origin| authority::host_of_origin(origin) == host)
            && !admission.allowed_hosts.is_empty()
        {
            warnings.push(format!("allowed_hosts has {host}, but no allowed_origins entry does: its pages can not sign in"));
        }
    }
    if admission.tailscale.serve
        && admission
            .allowed_hosts
            .iter()
            .all(|host| authority::is_loopback(host))
    {
        warnings.push("tailscale.serve is true, but allowed_hosts has no name of the tailnet: its requests are refused".to_owned());
    }
}

fn warn_of_codex(config: &Config, warnings: &mut Vec<String>) {
    let codex = &config.codex;
    if codex
        .home
        .as_deref()
        .is_some_and(|home| home.starts_with("/tmp"))
    {
        warnings.push("codex.home is under /tmp, where Codex refuses to keep its helper programs; choose another folder".to_owned());
    }
    if codex.highest_sandbox == Sandbox::DangerFullAccess {
        warnings.push(
            "codex.highest_sandbox is danger-full-access: tabs may run commands without a sandbox"
                .to_owned(),
        );
    }
    if codex.highest_approval_policy == ApprovalPolicy::Never {
        warnings.push(
            "codex.highest_approval_policy is never: tabs may let Codex act without asking"
                .to_owned(),
        );
    }
    if !codex.allowed_methods.is_empty() {
        warnings.push(format!(
            "codex.allowed_methods lets tabs call {}",
            codex.allowed_methods.join(", ")
        ));
    }
}
