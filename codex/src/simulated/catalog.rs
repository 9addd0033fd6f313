//! Answers that never change: models, account, config, limits. Every one says that it is simulated where a person reads it.

use serde::Serialize;
use serde_json::{Value, json};

use super::shapes::Null;

/// The model that is used unless the client names another.
pub(super) const MODEL: &str = "simulated";
/// The provider's name.
pub(super) const PROVIDER: &str = "simulated";
/// What the client is told right after `initialize`.
pub(super) const WARNING: &str = "This is the simulated Codex of holdfast: there is no language model behind it, commands are not \
    executed and files are not changed. Start a prompt with `sim:` to decide what happens.";

/// Requests that are understood, for the message about one that is not.
pub(super) const METHODS: &[&str] = &[
    "initialize",
    "thread/start",
    "thread/resume",
    "thread/fork",
    "thread/archive",
    "thread/delete",
    "thread/unsubscribe",
    "thread/name/set",
    "thread/unarchive",
    "thread/list",
    "thread/loaded/list",
    "thread/read",
    "thread/turns/list",
    "thread/items/list",
    "turn/start",
    "turn/steer",
    "turn/interrupt",
    "model/list",
    "modelProvider/list",
    "hooks/list",
    "permissionProfile/list",
    "experimentalFeature/list",
    "app/list",
    "configRequirements/read",
    "getAuthStatus",
    "account/usage/read",
    "thread/goal/get",
    "thread/queue/list",
    "thread/backgroundTerminals/list",
    "account/read",
    "account/rateLimits/read",
    "config/read",
    "skills/list",
    "mcpServerStatus/list",
    "collaborationMode/list",
    "fuzzyFileSearch",
    "command/exec",
    "server/diagnostics",
];

/// `model/list`: one model, under its own name.
pub(super) fn models() -> Value {
    json!({
        "data": [{
            "id": MODEL, "model": MODEL, "upgrade": null, "upgradeInfo": null, "availabilityNux": null,
            "displayName": "Simulated", "description": "No language model: it does what the prompt's scenario says.",
            "modelSpecialty": null, "hidden": false,
            "supportedReasoningEfforts": [
                {"reasoningEffort": "low", "description": "Changes nothing"},
                {"reasoningEffort": "medium", "description": "Changes nothing either"},
            ],
            "defaultReasoningEffort": "medium", "inputModalities": ["text", "image"], "supportsPersonality": false,
            "multiAgentVersion": null, "additionalSpeedTiers": [], "serviceTiers": [], "defaultServiceTier": null,
            "availableAccessPrograms": null, "isDefault": true,
        }],
        "nextCursor": null,
    })
}

/// `modelProvider/list`.
pub(super) fn providers() -> Value {
    let settings = json!({"type": "customGateway", "auth": {"mode": "none"}});
    json!({
        "data": [{"id": PROVIDER, "name": "Simulated", "canEdit": false, "baseUrl": null, "settings": settings}],
        "defaultProviderId": PROVIDER,
        "canChangeDefault": false,
    })
}

/// `account/read`: nobody is signed in and nobody needs to be.
pub(super) fn account() -> Value {
    json!({"account": null, "userId": null, "requiresOpenaiAuth": false, "workspaceRouting": null})
}

/// `config/read`.
pub(super) fn config() -> Value {
    json!({
        "config": {"model": MODEL, "model_provider": PROVIDER, "approval_policy": null, "sandbox_mode": null},
        "origins": {},
        "layers": null,
    })
}

/// `skills/list`.
pub(super) fn skills(cwd: &str) -> Value {
    json!({"data": [{"cwd": cwd, "skills": [], "errors": []}]})
}

/// `collaborationMode/list`.
pub(super) fn collaboration_modes() -> Value {
    json!({"data": [
        {"name": "Plan", "mode": "plan", "model": null, "reasoning_effort": "medium"},
        {"name": "Default", "mode": "default", "model": null, "reasoning_effort": null},
    ]})
}

/// Requests that need `capabilities.experimentalApi`.
pub(super) const EXPERIMENTAL: &[&str] = &[
    "collaborationMode/list",
    "server/diagnostics",
    "thread/queue/list",
    "thread/backgroundTerminals/list",
];

/// Answers to requests about things that do not exist here; `None` for all others.
pub(super) fn nothing(method: &str, cwd: &str) -> Option<Value> {
    Some(match method {
        "hooks/list" => json!({"data": [{"cwd": cwd, "hooks": [], "warnings": [], "errors": []}]}),
        "permissionProfile/list" => {
            let profile = |id: &str| json!({"id": id, "description": null, "allowed": true});
            let profiles = [":read-only", ":workspace", ":danger-full-access"].map(profile);
            json!({"data": profiles, "nextCursor": null})
        }
        "mcpServerStatus/list"
        | "experimentalFeature/list"
        | "app/list"
        | "thread/queue/list"
        | "thread/backgroundTerminals/list" => json!({"data": [], "nextCursor": null}),
        "configRequirements/read" => {
            json!({"supportsIndependentSpeedModes": false, "requirements": null})
        }
        "getAuthStatus" => {
            json!({"authMethod": null, "authToken": null, "requiresOpenaiAuth": false})
        }
        "thread/goal/get" => json!({"goal": null}),
        _ => return None,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RateLimitsUpdated {
    rate_limits: RateLimits,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RateLimits {
    limit_id: &'static str,
    limit_name: Null,
    normal_model_slug: Null,
    primary: Null,
    secondary: Null,
    credits: Null,
    individual_limit: Null,
    spend_control_reached: Null,
    plan_type: Null,
    rate_limit_reached_type: Null,
}

/// `account/rateLimits/updated`: no limits.
pub(super) fn rate_limits() -> RateLimitsUpdated {
    RateLimitsUpdated {
        rate_limits: RateLimits {
            limit_id: "codex",
            limit_name: (),
            normal_model_slug: (),
            primary: (),
            secondary: (),
            credits: (),
            individual_limit: (),
            spend_control_reached: (),
            plan_type: (),
            rate_limit_reached_type: (),
        },
    }
}
