//! The closed list of Codex methods that tabs may not call unless the configuration allows them by name. It only names
//! them; whoever forwards requests asks it.

/// Methods that act outside the sandbox and the approvals, or change what Codex is: other commands and files, its settings,
/// its accounts, what it installs, and ways in that do not lead through us. `x/*` stands for every method that begins `x/`.
pub const DENIED_METHODS: &[&str] = &[
    // Commands and files: unsandboxed, or with a sandbox that the caller chooses.
    "process/*",
    "command/exec",
    "command/exec/*",
    "thread/shellCommand",
    "fs/*",
    "mcpServer/tool/call",
    "mcpServer/resource/read",
    "mcpServer/event/stream/start",
    "environment/add",
    // Writes a file wherever the caller says, with other files of his choice in it.
    "feedback/save",
    // Settings of Codex.
    "config/batchWrite",
    "config/value/write",
    "config/mcpServer/reload",
    "modelProvider/config/write",
    "skills/config/write",
    "skills/extraRoots/set",
    "experimentalFeature/enablement/set",
    "externalAgentConfig/import",
    "externalAgentConfig/import/recordHistory",
    "memory/reset",
    "windowsSandbox/setupStart",
    // Accounts.
    "account/login/start",
    "account/login/cancel",
    "account/logout",
    "account/bedrock/setup",
    "account/gcp/setup",
    "account/gatewayOAuth/login",
    "account/gatewayOAuth/cancel",
    "account/rateLimitResetCredit/consume",
    "account/sendAddCreditsNudgeEmail",
    "accountSession/switch",
    "mcpServer/oauth/login",
    "userVerification/enroll",
    "userVerification/delete",
    "userVerification/verify",
    "userVerification/cancel",
    // What is installed.
    "plugin/install",
    "plugin/uninstall",
    "plugin/reconcile",
    "plugin/share/checkout",
    "plugin/share/delete",
    "plugin/share/save",
    "plugin/share/updateTargets",
    "marketplace/*",
    // Ways in and out past our admission.
    "remoteControl/enable",
    "remoteControl/disable",
    "remoteControl/pairing/start",
    "remoteControl/client/revoke",
    "feedback/upload",
];

/// Whether a method is on the list. Allowed or not by the configuration is another question.
pub fn is_denied(method: &str) -> bool {
    DENIED_METHODS
        .iter()
        .any(|entry| match entry.strip_suffix('*') {
            Some(prefix) => method.starts_with(prefix),
            None => method == *entry,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_methods_are_denied_and_everyday_ones_are_not() {
        for method in [
            "process/spawn",
            "command/exec",
            "command/exec/write",
            "fs/readFile",
            "fs/anything/new",
            "marketplace/add",
            "account/logout",
        ] {
            assert!(is_denied(method), "{method}");
        }
        for method in [
            "turn/start",
            "account/read",
            "config/read",
            "plugin/list",
            "command/execute",
            "fsx",
            "thread/start",
        ] {
            assert!(!is_denied(method), "{method}");
        }
    }
}
