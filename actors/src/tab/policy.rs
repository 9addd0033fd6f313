//! What a tab may ask for: roles, the closed list of denied methods, and the ceilings on sandbox and approval overrides.
//!
//! Decided on the server from the credential and the configuration alone; nothing that a client says about itself counts.

use config::{ApprovalPolicy, Codex, Role, Sandbox};
use serde_json::{Map, Value};

use super::duplicates::has_duplicate_keys;
use crate::{
    rpc::{FORBIDDEN, INVALID_PARAMS, Refusal},
    session::settings::sandbox_mode,
};

/// Methods for which watching is enough.
const VIEW: [&str; 32] = [
    "account/rateLimits/read",
    "account/read",
    "collaborationMode/list",
    "host/decisions/list",
    "host/push/state",
    "host/push/subscribe",
    "host/push/test",
    "host/push/unsubscribe",
    "host/search",
    "host/session/attach",
    "host/session/detach",
    "host/session/items",
    "host/sessions/list",
    "host/status",
    "host/tab/visible",
    "model/list",
    "modelProvider/list",
    "permissionProfile/list",
    "skills/list",
    "thread/goal/get",
    "thread/items/list",
    "thread/items/read",
    "thread/list",
    "thread/loaded/list",
    "thread/read",
    "thread/search",
    "thread/searchOccurrences",
    "thread/timeline/list",
    "thread/turns/list",
    "thread/unsubscribe",
    "configRequirements/read",
    "experimentalFeature/list",
];

/// Checks a request. A refused one does not reach Codex.
pub(super) fn check(
    codex: &Codex,
    role: Role,
    method: &str,
    params: Option<&str>,
) -> Result<(), Refusal> {
    if role < Role::Operate && !VIEW.contains(&method) {
        return Err(forbidden(format!(
            "{method} needs the role operate; this credential has the role {}",
            role.as_str()
        )));
    }
    if !codex.allows_method(method) {
        return Err(forbidden(format!(
            "{method} is not allowed on this host; the owner may name it in codex.allowed_methods"
        )));
    }
    if params.is_some_and(has_duplicate_keys) {
        return Err(Refusal::new(
            INVALID_PARAMS,
            format!("params of {method} name a key twice; give each once"),
        ));
    }
    if method == "thread/resume" || method == "thread/fork" {
        check_origin(params)?;
    }
    if !codex.workspaces.is_empty()
        && let Some(params) = params.and_then(|raw| serde_json::from_str(raw).ok())
    {
        check_folders(codex, &params)?;
    }
    check_overrides(codex, params)
}

/// True when a request would make Codex begin something: a host that stops takes none of these.
pub(super) fn begins_work(method: &str) -> bool {
    !VIEW.contains(&method) && !method.starts_with("host/") && method != "turn/interrupt"
}

/// Checks that this role may answer what Codex asks.
pub(super) fn check_answer(role: Role) -> Result<(), Refusal> {
    if role < Role::Approve {
        return Err(forbidden(format!(
            "answers need the role approve; this credential has the role {}",
            role.as_str()
        )));
    }
    Ok(())
}

/// The params of `thread/start` with the configured sandbox and approval policy where the tab named none.
pub(super) fn with_defaults(codex: &Codex, params: Option<&str>) -> Result<String, Refusal> {
    let params: Value = serde_json::from_str(params.unwrap_or("{}"))
        .map_err(|err| Refusal::new(INVALID_PARAMS, format!("params: {err}")))?;
    let Value::Object(mut params) = params else {
        return Err(Refusal::new(INVALID_PARAMS, "params must be an object"));
    };
    // Where workspaces are configured, a session without a folder works in the first.
    if let Some(workspace) = codex.workspaces.first() {
        default(&mut params, "cwd", &workspace.to_string_lossy());
    }
    // A permission profile takes the place of both.
    if params.get("permissions").is_none_or(Value::is_null) {
        default(&mut params, "sandbox", codex.default_sandbox.as_str());
        default(
            &mut params,
            "approvalPolicy",
            codex.default_approval_policy.as_str(),
        );
    }
    Ok(Value::Object(params).to_string())
}

fn default(params: &mut Map<String, Value>, key: &str, value: &str) {
    if params.get(key).is_none_or(Value::is_null) {
        params.insert(key.to_owned(), value.into());
    }
}

fn forbidden(message: String) -> Refusal {
    Refusal::new(FORBIDDEN, message)
}

/// No override may go over a ceiling, under whatever name it comes.
fn check_overrides(codex: &Codex, params: Option<&str>) -> Result<(), Refusal> {
    let Some(raw) = params else { return Ok(()) };
    let unlimited = codex.highest_sandbox == Sandbox::DangerFullAccess
        && codex.highest_approval_policy == ApprovalPolicy::Never;
    // An escape can hide any of these words in a key.
    let words = [
        "sandbox",
        "pproval",
        "permission",
        "config",
        "overrides",
        "settings",
        "selectedCapabilityRoots",
        "\\u",
    ];
    if unlimited || !words.iter().any(|word| raw.contains(word)) {
        return Ok(());
    }
    let Ok(Value::Object(params)) = serde_json::from_str::<Value>(raw) else {
        return Ok(()); // Codex refuses it in its own words.
    };
    check_object(codex, &params)
}

fn check_object(codex: &Codex, params: &Map<String, Value>) -> Result<(), Refusal> {
    for (key, value) in params.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "sandbox" | "sandboxMode" | "sandbox_mode" | "sandboxPolicy" => {
                check_sandbox(codex, key, value)?
            }
            "approvalPolicy" | "approval_policy" => check_approval(codex, key, value)?,
            // The last one loads what stands in a folder of the caller's choice: tools that run without a sandbox, too.
            "permissions" | "permissionProfile" | "selectedCapabilityRoots" => {
                return Err(forbidden(format!(
                    "{key} cannot be compared with codex.highest_sandbox, so it is not allowed on this host"
                )));
            }
            "approvalsReviewer" => check_reviewer(codex, value)?,
            "config" => check_config(codex, value)?,
            "overrides" | "settings" => {
                if let Value::Object(nested) = value {
                    check_object(codex, nested)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_sandbox(codex: &Codex, key: &str, value: &Value) -> Result<(), Refusal> {
    let word = match value {
        Value::String(word) => Some(word.as_str()),
        Value::Object(_) => sandbox_mode(&value.to_string()),
        _ => None,
    };
    match word.and_then(Sandbox::from_word) {
        Some(sandbox) if sandbox <= codex.highest_sandbox => Ok(()),
        Some(_) => Err(forbidden(format!(
            "{key} is over this host's codex.highest_sandbox ({})",
            codex.highest_sandbox.as_str()
        ))),
        None => Err(forbidden(format!(
            "{key} is none that this host knows, so it cannot be held under codex.highest_sandbox ({})",
            codex.highest_sandbox.as_str()
        ))),
    }
}

/// A thread comes from Codex's own store by its id; a file or a history that the tab gives could be anything.
fn check_origin(params: Option<&str>) -> Result<(), Refusal> {
    let params: Value = params
        .and_then(|raw| serde_json::from_str(raw).ok())
        .unwrap_or_default();
    match ["path", "history"]
        .into_iter()
        .find(|key| !params[key].is_null())
    {
        Some(key) => Err(forbidden(format!(
            "this host opens threads by threadId alone, not by {key}"
        ))),
        None => Ok(()),
    }
}

/// Somebody else than the user who approves is an approval policy of its own: as free as never asking.
fn check_reviewer(codex: &Codex, value: &Value) -> Result<(), Refusal> {
    if value == "user" || codex.highest_approval_policy == ApprovalPolicy::Never {
        return Ok(());
    }
    Err(forbidden(format!(
        "approvalsReviewer other than \"user\" is over this host's codex.highest_approval_policy ({})",
        codex.highest_approval_policy.as_str()
    )))
}

/// Every folder that a request names to work in lies in a configured workspace, when there are any.
fn check_folders(codex: &Codex, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("cwd", Value::String(folder)) => check_folder(codex, folder)?,
                    (
                        "runtimeWorkspaceRoots"
                        | "writableRoots"
                        | "writable_roots"
                        | "roots"
                        | "cwds",
                        Value::Array(folders),
                    ) => {
                        for folder in folders {
                            let path = folder.as_str().or_else(|| folder["path"].as_str());
                            check_folder(codex, path.unwrap_or_default())?;
                        }
                    }
                    (
                        "sandboxPolicy" | "overrides" | "settings" | "config" | "environments",
                        nested,
                    ) => check_folders(codex, nested)?,
                    _ => {}
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                check_folders(codex, value)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn check_folder(codex: &Codex, folder: &str) -> Result<(), Refusal> {
    // Symlinks are followed first, so that none leads out of a workspace.
    let real = std::fs::canonicalize(folder).ok();
    let inside = |workspace: &std::path::PathBuf| {
        let workspace = std::fs::canonicalize(workspace);
        real.as_ref()
            .zip(workspace.ok())
            .is_some_and(|(real, workspace)| real.starts_with(workspace))
    };
    if codex.workspaces.iter().any(inside) {
        return Ok(());
    }
    Err(forbidden(
        "the folder is in none of this host's codex.workspaces, or does not exist".to_owned(),
    ))
}

fn check_approval(codex: &Codex, key: &str, value: &Value) -> Result<(), Refusal> {
    let highest = codex.highest_approval_policy;
    match value.as_str().and_then(ApprovalPolicy::from_word) {
        Some(policy) if policy <= highest => Ok(()),
        Some(_) => Err(forbidden(format!(
            "{key} is over this host's codex.highest_approval_policy ({})",
            highest.as_str()
        ))),
        None if highest == ApprovalPolicy::Never => Ok(()),
        None => Err(forbidden(format!(
            "{key} is none that this host knows, so it cannot be held under codex.highest_approval_policy ({})",
            highest.as_str()
        ))),
    }
}

/// Configuration overrides of a thread could name anything that the ceilings forbid, so only harmless ones pass.
fn check_config(codex: &Codex, value: &Value) -> Result<(), Refusal> {
    const HARMLESS: [&str; 8] = [
        "model",
        "model_reasoning_effort",
        "model_reasoning_summary",
        "model_verbosity",
        "web_search",
        "tools",
        "personality",
        "service_tier",
    ];
    let Value::Object(config) = value else {
        return Ok(());
    };
    for (key, value) in config {
        match key.as_str() {
            "sandbox_mode" => check_sandbox(codex, "config.sandbox_mode", value)?,
            "approval_policy" => check_approval(codex, "config.approval_policy", value)?,
            key if HARMLESS.contains(&key) => {}
            key => {
                let shown: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(forbidden(format!(
                    "config.{shown} may not be overridden on this host"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codex(extra: &str) -> Codex {
        let toml = format!("websocket_auth_required = false\n[codex]\n{extra}");
        config::Config::from_toml(
            &toml,
            std::path::Path::new("/var/lib/holdfast"),
            &config::Environment::of([("HOME", "/home/kelp")]),
        )
        .expect("a good configuration")
        .codex
    }

    fn code(result: Result<(), Refusal>) -> Option<i64> {
        match result {
            Ok(()) => None,
            Err(Refusal::Host { code, .. }) => Some(code),
            Err(Refusal::Codex(_)) => Some(0),
        }
    }

    #[test]
    fn no_override_goes_over_a_ceiling_under_any_name() {
        let codex = codex(
            "highest_sandbox = \"workspace-write\"\nhighest_approval_policy = \"on-request\"",
        );
        let over = [
            r#"{"sandbox":"danger-full-access"}"#,
            r#"{"sandboxPolicy":{"type":"dangerFullAccess"}}"#,
            r#"{"sandboxPolicy":{"type":"externalSandbox"}}"#,
            r#"{"approvalPolicy":"never"}"#,
            r#"{"approvalPolicy":{"granular":{}}}"#,
            r#"{"config":{"sandbox_mode":"danger-full-access"}}"#,
            r#"{"config":{"shell_environment_policy":{"inherit":"all"}}}"#,
            r#"{"permissions":{"id":"full"}}"#,
            r#"{"approvalsReviewer":"auto_review"}"#,
            r#"{"s\u0061ndboxPolicy":{"type":"dangerFullAccess"}}"#,
            r#"{"\u0061pprovalPolicy":"never"}"#,
            r#"{"overrides":{"sandboxPolicy":{"type":"dangerFullAccess"}}}"#,
            r#"{"settings":{"approvalPolicy":"never"}}"#,
            r#"{"selectedCapabilityRoots":[{"id":"x","location":{"type":"environment","environmentId":"local","path":"/x"}}]}"#,
        ];
        for params in over {
            assert_eq!(
                code(check(&codex, Role::Operate, "thread/start", Some(params))),
                Some(FORBIDDEN),
                "{params}"
            );
        }
        let under = [
            r#"{"sandbox":"workspace-write","approvalPolicy":"on-request"}"#,
            r#"{"sandboxPolicy":{"type":"readOnly"}}"#,
            r#"{"sandbox":null}"#,
            r#"{"input":[{"type":"text","text":"sandbox: danger-full-access"}]}"#,
        ];
        for params in under {
            assert_eq!(
                code(check(&codex, Role::Operate, "thread/start", Some(params))),
                None,
                "{params}"
            );
        }
    }

    #[test]
    fn folders_outside_the_workspaces_are_refused_also_through_a_symlink() {
        let root = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (root.path().join("in"), root.path().join("out"));
        for folder in [&inside, &outside] {
            std::fs::create_dir(folder).expect("make a folder");
        }
        let link = inside.join("link");
        std::os::unix::fs::symlink(&outside, &link).expect("make a link");
        let mut codex = codex("");
        codex.workspaces = vec![inside.clone()];
        let ask = |key: &str, folder: &std::path::Path| {
            let value = if key == "cwd" {
                serde_json::json!(folder)
            } else {
                serde_json::json!([folder])
            };
            code(check(
                &codex,
                Role::Operate,
                "turn/start",
                Some(&serde_json::json!({key: value}).to_string()),
            ))
        };
        assert_eq!(ask("cwd", &inside), None);
        assert_eq!(ask("cwd", &outside), Some(FORBIDDEN));
        assert_eq!(ask("cwd", &link), Some(FORBIDDEN));
        assert_eq!(ask("cwd", &inside.join("../out")), Some(FORBIDDEN));
        for key in ["runtimeWorkspaceRoots", "roots", "cwds"] {
            assert_eq!(ask(key, &outside), Some(FORBIDDEN), "{key}");
            assert_eq!(ask(key, &inside), None, "{key}");
        }
        assert_eq!(
            with_defaults(&codex, None).map(|params| params.contains("/in\"")),
            Ok(true)
        );
    }

    #[test]
    fn a_viewer_watches_and_an_approver_answers() {
        let codex = codex("");
        assert_eq!(
            code(check(&codex, Role::View, "host/session/attach", None)),
            None
        );
        for method in [
            "turn/start",
            "host/prompt/submit",
            "host/bridge/restart",
            "host/signIns/list",
            "host/signIns/revoke",
            "thread/archive",
            "something/new",
        ] {
            assert_eq!(
                code(check(&codex, Role::View, method, None)),
                Some(FORBIDDEN),
                "{method}"
            );
            assert_eq!(
                code(check(&codex, Role::Approve, method, None)),
                Some(FORBIDDEN),
                "{method}"
            );
        }
        assert_eq!(code(check_answer(Role::View)), Some(FORBIDDEN));
        assert_eq!(code(check_answer(Role::Approve)), None);
    }

    #[test]
    fn denied_methods_pass_only_by_name() {
        assert_eq!(
            code(check(&codex(""), Role::Operate, "command/exec", None)),
            Some(FORBIDDEN)
        );
        let allowing = codex("allowed_methods = [\"command/exec\"]");
        assert_eq!(
            code(check(&allowing, Role::Operate, "command/exec", None)),
            None
        );
    }

    #[test]
    fn a_new_thread_gets_the_configured_policies() {
        let codex =
            codex("default_sandbox = \"read-only\"\ndefault_approval_policy = \"untrusted\"");
        assert_eq!(
            with_defaults(&codex, Some(r#"{"cwd":"/src"}"#)).as_deref(),
            Ok(r#"{"approvalPolicy":"untrusted","cwd":"/src","sandbox":"read-only"}"#)
        );
    }
}
