//! Asking the person: approvals of commands and file changes, and questions. What is asked for is done elsewhere.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    control::Stop,
    ids,
    shapes::{CommandAction, Item, ItemStatus, ThreadStatus},
    turn::TurnRun,
    wire::object,
};

/// What the person decided.
pub(super) enum Decision {
    Accepted,
    Declined,
    /// The answer could not be read, which counts as a refusal.
    Unreadable,
    Cancelled,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommandApproval<'a> {
    kind: &'static str,
    thread_id: &'a str,
    turn_id: &'a str,
    item_id: &'a str,
    started_at_ms: u64,
    environment_id: &'static str,
    reason: Option<&'a str>,
    command: &'a str,
    cwd: &'a str,
    command_actions: &'a [CommandAction],
    proposed_execpolicy_amendment: &'a [String],
    available_decisions: [Value; 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileApproval<'a> {
    pub(super) thread_id: &'a str,
    pub(super) turn_id: &'a str,
    pub(super) item_id: &'a str,
    pub(super) started_at_ms: u64,
    pub(super) reason: Option<&'a str>,
    pub(super) grant_root: Option<&'a str>,
}

impl TurnRun {
    pub(super) fn approve_command(
        &self,
        cmd: &str,
        item: &Item,
        reason: Option<&str>,
    ) -> Result<Decision, Stop> {
        let Item::CommandExecution {
            id,
            command,
            cwd,
            command_actions,
            started_at_ms,
            ..
        } = item
        else {
            unreachable!("a command is approved by its own item")
        };
        let amendment: Vec<String> = cmd.split_whitespace().map(str::to_owned).collect();
        let with_amendment =
            json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": amendment}});
        let params = CommandApproval {
            kind: "command",
            thread_id: &self.thread.id,
            turn_id: &self.turn_id,
            item_id: id,
            started_at_ms: *started_at_ms,
            environment_id: "local",
            reason,
            command,
            cwd,
            command_actions,
            proposed_execpolicy_amendment: &amendment,
            available_decisions: [json!("accept"), with_amendment, json!("cancel")],
        };
        self.decide("item/commandExecution/requestApproval", &params, cmd)
    }

    /// Sends an approval request and reads the decision.
    pub(super) fn decide<P: Serialize>(
        &self,
        method: &str,
        params: &P,
        subject: &str,
    ) -> Result<Decision, Stop> {
        let result = self.ask_client(method, params)?;
        let decision = &result["decision"];
        if decision == "acceptForSession" || decision.get("acceptWithExecpolicyAmendment").is_some()
        {
            self.thread
                .with(|state| state.accepted.insert(subject.to_owned()));
            return Ok(Decision::Accepted);
        }
        Ok(match decision.as_str() {
            Some("accept") => Decision::Accepted,
            Some("decline") => Decision::Declined,
            Some("cancel") => Decision::Cancelled,
            _ => Decision::Unreadable,
        })
    }

    /// Asks the client and waits. An interrupt withdraws the request, which is announced after the turn's end.
    fn ask_client<P: Serialize>(&self, method: &str, params: &P) -> Result<Value, Stop> {
        let request_id = self
            .server
            .ask(method, params, &self.thread.id, &self.control);
        match self.control.wait_for_answer(request_id) {
            Ok(result) => {
                self.resolved(request_id);
                Ok(result)
            }
            Err(stop) => {
                self.server.withdraw(request_id);
                self.withdrawn.set(Some(request_id));
                Err(stop)
            }
        }
    }

    /// Ends an item that was not allowed; a cancelled one ends the turn, too.
    pub(super) fn refused(&self, mut item: Item, refusal: Decision) -> Result<(), Stop> {
        let status = if matches!(refusal, Decision::Unreadable) {
            ItemStatus::Failed
        } else {
            ItemStatus::Declined
        };
        match &mut item {
            Item::CommandExecution { status: shown, .. }
            | Item::FileChange { status: shown, .. } => *shown = status,
            _ => {}
        }
        let cancelled = matches!(refusal, Decision::Cancelled);
        if matches!(item, Item::FileChange { .. }) {
            self.change_status(active(&[]));
            // Of a cancelled file change the real one says no more.
            if !cancelled {
                self.complete_item(item);
            }
        } else {
            self.complete_item(item);
            self.change_status(active(&[]));
        }
        if cancelled {
            Err(self.give_up())
        } else {
            Ok(())
        }
    }

    /// Asks the person a question. The answer changes nothing here.
    pub(super) fn question(&mut self, question: &str, options: &[String]) -> Result<(), Stop> {
        self.change_status(active(&["waitingOnUserInput"]));
        let options: Vec<_> = options
            .iter()
            .map(|label| object! { label: label, description: label })
            .collect();
        let question = object! {
            id: "q1", header: "Question", question: question, is_other: true, is_secret: false, options: options,
        };
        let params = object! {
            thread_id: &self.thread.id,
            turn_id: &self.turn_id,
            item_id: ids::item_id("call"),
            questions: [question],
            is_blocking: self.plan_mode,
            auto_resolution_ms: (),
        };
        self.ask_client("item/tool/requestUserInput", &params)?;
        self.change_status(active(&[]));
        self.model_answered();
        Ok(())
    }
}

pub(super) fn active(flags: &[&'static str]) -> ThreadStatus {
    ThreadStatus::Active {
        active_flags: flags.to_vec(),
    }
}
