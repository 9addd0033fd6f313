//! Whether each channel that tells people is set up soundly. Sends nothing: `notify-test` does.

use config::{ChannelRules, Config, NoticeKind};
use notify::Key;

use super::Report;

pub(super) fn check(config: &Config, report: &mut Report) {
    check_web_push(config, report);
    let notify = &config.notify;
    match &notify.webhook {
        None => report.ok("webhook", "none"),
        Some(webhook) => report.ok("webhook", format_args!("signed; {}", told(&webhook.rules))),
    }
    match &notify.ntfy {
        None => report.ok("ntfy", "none"),
        Some(ntfy) if ntfy.token.is_none() && ntfy.rules.content => report.warn(
            "ntfy",
            "no token, and notify.ntfy.content is true: whoever knows the topic reads the titles of sessions",
        ),
        Some(ntfy) => {
            let token = ntfy.token.as_ref().map_or("no token", |_| "with a token");
            report.ok("ntfy", format_args!("{token}; {}", told(&ntfy.rules)));
        }
    }
}

fn check_web_push(config: &Config, report: &mut Report) {
    const WHAT: &str = "web push";
    let web_push = &config.notify.web_push;
    if !web_push.enabled {
        return report.ok(WHAT, "switched off");
    }
    // As `serve` would make it.
    let path = config.state_dir.join(notify::KEY_FILE);
    if let Err(error) = Key::read_or_make(&path) {
        return report.fail(WHAT, format_args!("{}: {error}", path.display()));
    }
    let origins = &config.admission.allowed_origins;
    if origins.iter().any(|origin| origin.starts_with("https://")) {
        report.ok(WHAT, told(&web_push.rules));
    } else {
        report.ok(
            WHAT,
            format_args!(
                "{}; on this machine alone, since browsers elsewhere need an https:// origin in allowed_origins",
                told(&web_push.rules)
            ),
        );
    }
}

fn told(rules: &ChannelRules) -> String {
    let kinds: Vec<&str> = rules
        .events
        .iter()
        .copied()
        .map(NoticeKind::as_str)
        .collect();
    let what = match kinds.as_slice() {
        [] => "tells nothing: its events are empty".to_owned(),
        kinds => format!("tells {}", kinds.join(", ")),
    };
    format!(
        "{what}, {} titles",
        if rules.content { "with" } else { "without" }
    )
}
