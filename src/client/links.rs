//! What stderr says while a session is followed: which link is broken, by its name, when it is back, and what Codex asks.
//! Nothing of the session itself.

use serde_json::Value;

use crate::client::{
    item::text,
    paint::{Paint, span},
    request,
    safe::Cleaner,
    socket::Heard,
};

/// The links, as far as they are known.
pub struct Links {
    paint: Paint,
    /// The connection to the host is broken, and that was said.
    host_down: bool,
    /// The session's Codex does not run although it should, and that was said.
    codex_down: bool,
    /// The journal that is followed.
    journal: Option<String>,
}

/// Why a Codex may end without anything being wrong.
const EXPECTED: [&str; 3] = ["idle", "requested", "host-stopped"];

impl Links {
    /// All are up.
    pub fn new(paint: Paint) -> Self {
        Self {
            paint,
            host_down: false,
            codex_down: false,
            journal: None,
        }
    }

    fn line(&self, words: &str) -> String {
        format!("holdfast: {words}\n")
    }

    /// The connection broke; said once for all tries.
    pub fn lost(&mut self, reason: &str) -> Option<String> {
        if std::mem::replace(&mut self.host_down, true) {
            return None;
        }
        let broken = self.paint.bad("the link tab-host is broken");
        Some(self.line(&format!(
            "{broken}: {}; trying until it is back",
            Cleaner::line(reason)
        )))
    }

    /// The connection is there, again or for the first time.
    pub fn attached(&mut self, result: &Value) -> Option<String> {
        let journal = text(&result["journalId"]).to_owned();
        let known = self.journal.replace(journal.clone());
        let mut told = String::new();
        let back = std::mem::take(&mut self.host_down);
        let resumed = result["verdict"] == "resumed";
        let how = match known {
            None => None,
            Some(known) if known != journal => {
                Some("the host has a new journal, so what follows is what that holds")
            }
            Some(_) if resumed => back.then_some("nothing was lost"),
            Some(_) => Some("too much was said in between to repeat it all, so whole items follow"),
        };
        if let Some(how) = how {
            let what = if back {
                self.paint.good("the link tab-host is back")
            } else {
                "went on".to_owned()
            };
            told += &self.line(&format!("{what}: {how}"));
        }
        let bridge = &result["summary"]["bridge"];
        told += &self.bridge(bridge).unwrap_or_default();
        (!told.is_empty()).then_some(told)
    }

    /// An event that is about a link.
    pub fn event(&mut self, heard: &Heard) -> Option<String> {
        let params = heard.params();
        match heard.method() {
            "host/bridge/state" => self.bridge(params),
            "host/draining" => {
                Some(self.line("the host is stopping; its sessions go on when it is back"))
            }
            "host/journal/state" if params["state"] == "stalled" => {
                let reason = Cleaner::line(text(&params["reason"]));
                Some(self.line(&format!(
                    "{}: {reason}; the host goes on by itself when it can write",
                    self.paint.bad("the host's journal can not write")
                )))
            }
            "host/journal/state" => Some(self.line("the host's journal writes again")),
            "error" if params["willRetry"] == true => {
                let message = Cleaner::line(text(&params["error"]["message"]));
                Some(self.line(&format!(
                    "{}: {message}",
                    self.paint.warn("the link Codex-model falters")
                )))
            }
            "serverRequest/resolved" => {
                let decision = text(&params["decision"]);
                let by = text(&params["by"]);
                let words = match (decision.is_empty(), by.is_empty()) {
                    (true, _) => "the question was withdrawn".to_owned(),
                    (false, true) => format!("answered: {decision}"),
                    (false, false) => format!("answered by {by}: {decision}"),
                };
                Some(self.line(&Cleaner::line(&words)))
            }
            _ => None,
        }
    }

    fn bridge(&mut self, bridge: &Value) -> Option<String> {
        let state = text(&bridge["state"]);
        let reason = Cleaner::line(text(&bridge["reason"]));
        let because = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        let broken = self.paint.bad("the link host-Codex is broken");
        match state {
            "up" | "parked" if std::mem::take(&mut self.codex_down) => {
                Some(self.line(&self.paint.good("the link host-Codex is back")))
            }
            "down" if !EXPECTED.contains(&text(&bridge["reasonKind"])) => {
                self.codex_down = true;
                Some(self.line(&format!("{broken}{because}")))
            }
            "backoff" => {
                self.codex_down = true;
                let next = bridge["retryInMs"]
                    .as_u64()
                    .map(|ms| format!("; Codex is started again in {}", span(ms)));
                Some(self.line(&format!("{broken}{because}{}", next.unwrap_or_default())))
            }
            "failed" | "quarantined" => {
                self.codex_down = true;
                let rescue =
                    "it is not started again by itself: send a prompt, or restart it in the page";
                Some(self.line(&format!(
                    "{broken}, the session is {state}{because}; {rescue}"
                )))
            }
            _ => None,
        }
    }

    /// Codex asks; `items` are those that are open.
    pub fn asked(&self, thread: &str, asked: &Value, items: &[Value]) -> String {
        let asks = self
            .paint
            .warn(&format!("Codex asks to {}", request::title(asked)));
        let id = Cleaner::line(text(&asked["id"]));
        format!(
            "holdfast: {asks}\n{}    answer   holdfast approve {thread} {id} accept|accept-for-session|decline|cancel\n",
            request::lines(asked, items)
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn links() -> Links {
        Links::new(Paint { on: false })
    }

    fn attached(verdict: &str, journal: &str, state: &str) -> Value {
        json!({"verdict": verdict, "journalId": journal, "summary": {"bridge": {"state": state, "reason": "it crashed"}}})
    }

    #[test]
    fn a_break_is_told_once_with_its_end_and_what_it_cost() {
        let mut links = links();
        assert_eq!(links.attached(&attached("snapshot", "j", "up")), None);
        assert_eq!(
            links.lost("the host hung up").unwrap(),
            "holdfast: the link tab-host is broken: the host hung up; trying until it is back\n"
        );
        assert_eq!(links.lost("refused"), None);
        assert_eq!(
            links.attached(&attached("resumed", "j", "up")).unwrap(),
            "holdfast: the link tab-host is back: nothing was lost\n"
        );
        links.lost("gone");
        assert!(
            links
                .attached(&attached("snapshot", "j", "up"))
                .unwrap()
                .contains("whole items")
        );
        links.lost("gone");
        assert!(
            links
                .attached(&attached("snapshot", "k", "up"))
                .unwrap()
                .contains("a new journal")
        );
    }

    #[test]
    fn the_link_to_codex_has_its_own_name_and_an_ordinary_end_is_no_break() {
        let mut links = links();
        let event = |params: Value| Heard {
            line: String::new(),
            value: json!({"method": "host/bridge/state", "params": params}),
        };
        assert_eq!(
            links.event(&event(json!({"state": "down", "reasonKind": "idle"}))),
            None
        );
        assert_eq!(links.event(&event(json!({"state": "up"}))), None);
        assert_eq!(
            links
                .event(&event(
                    json!({"state": "backoff", "reason": "killed by signal 9", "retryInMs": 800})
                ))
                .unwrap(),
            "holdfast: the link host-Codex is broken: killed by signal 9; Codex is started again in 0.8 s\n"
        );
        assert_eq!(links.event(&event(json!({"state": "starting"}))), None);
        assert_eq!(
            links.event(&event(json!({"state": "up"}))).unwrap(),
            "holdfast: the link host-Codex is back\n"
        );
    }

    #[test]
    fn a_question_says_how_to_answer_it() {
        let asked = json!({"id": "q-1", "method": "item/commandExecution/requestApproval", "params": {"command": "touch made"}});
        assert_eq!(
            links().asked("0199", &asked, &[]),
            "holdfast: Codex asks to run a command\n    command  touch made\n    answer   holdfast approve 0199 q-1 accept|accept-for-session|decline|cancel\n"
        );
    }
}
