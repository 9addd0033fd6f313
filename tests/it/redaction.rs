//! What the configuration says about redaction holds in the running host.

use std::fs;

use serde_json::json;

use crate::bridges::folded;
use crate::support::{Setup, TestHost, eventually};

/// Made up: it has no form and stands in no context.
const VALUE: &str = "violet tumbler forty eight";

/// What the agent is shown to say in a new session.
async fn said(host: &TestHost, text: &str) -> String {
    let mut tab = host.tab().await;
    let thread = tab.start_session(&host.work()).await;
    tab.submit(&thread, "p", &format!("sim: say \"{text}\""))
        .await;
    assert_eq!(tab.turn_end().await.params()["turn"]["status"], "completed");
    let turns = folded(&tab, &thread).turns;
    turns.last().unwrap().agent_text()
}

#[tokio::test]
async fn redaction_that_is_off_masks_nothing_and_says_so_everywhere() {
    let host = Setup::simulated()
        .set("redaction", "enabled = false")
        .start()
        .await;
    let text = format!("DB_PASSWORD={}", ["hunter", "2secret"].concat());
    assert_eq!(said(&host, &text).await, text);
    let mut tab = host.tab().await;
    let status = tab.call("host/status", json!({})).await.unwrap();
    assert_eq!(
        status["redaction"],
        json!({"enabled": false, "total": 0, "byRule": []})
    );
    let warnings = status["warnings"].to_string();
    assert!(
        warnings.contains("redaction.enabled is false"),
        "{warnings}"
    );
    assert!(host.log().contains("redaction.enabled is false"));
}

#[tokio::test]
async fn own_rules_known_values_and_rules_switched_off_are_those_of_the_configuration() {
    let host = Setup::simulated()
        .set("redaction", "env_names = [\"PLAIN_NAME\"]")
        .set("redaction", "disabled_rules = [\"npm-token\"]")
        .set(
            "redaction",
            "rules = [{ name = \"acme-ticket\", pattern = \"ACME-\\\\d{4}-[a-z]{4,}\" }, { name = \"acme-pin\", cue = \"acme_pin\" }]",
        )
        .env("PLAIN_NAME", VALUE)
        .start()
        .await;
    let npm = format!("npm_{}", "Ab1Cd2Ef3Gh4".repeat(3));
    let text = format!("see ACME-1234-abcdef, acme_pin=x7Kq2mZp and {VALUE}, but {npm}");
    let shown = said(&host, &text).await;
    for part in [
        "see [REDACTED:acme-ticket#",
        "], acme_pin=[REDACTED:acme-pin#",
        "] and [REDACTED:known-plain-name#",
        &format!("], but {npm}"),
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let mut tab = host.tab().await;
    let status = tab.call("host/status", json!({})).await.unwrap();
    let rules = status["redaction"]["byRule"].to_string();
    assert!(
        rules.contains("acme-ticket") && rules.contains("acme-pin"),
        "{rules}"
    );
    assert_eq!(status["redaction"]["enabled"], true);
}

#[tokio::test]
async fn a_login_that_codex_renews_is_known_at_once() {
    let host = Setup::simulated().start().await;
    assert_eq!(said(&host, VALUE).await, VALUE);
    let login = json!({"tokens": {"access_token": VALUE}}).to_string();
    fs::write(host.dir().join("codex-home/auth.json"), login).unwrap();
    let shown = eventually("the new login to be known", async || {
        let shown = said(&host, VALUE).await;
        (shown != VALUE).then_some(shown)
    })
    .await;
    assert!(shown.starts_with("[REDACTED:known-codex-login#"), "{shown}");
}
