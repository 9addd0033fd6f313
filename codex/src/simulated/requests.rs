//! Which request does what: the part that concerns the process. Threads are in [`super::thread_requests`], turns in
//! [`super::turn_requests`].

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    catalog, files, ids,
    server::{Client, Server},
    thread::VERSION,
    wire::{Received, Refusal, object},
};

/// The result of a request, or why it is refused; `Done` when the handler has answered itself.
pub(super) type Reply = Result<Done, Refusal>;

/// The request was answered.
#[derive(Debug)]
pub(super) struct Done;

impl Server {
    /// Handles one line of stdin. Rubbish is told on stderr and else ignored, as the real one does.
    pub(super) fn receive(self: &Arc<Self>, line: &str) {
        let received: Received<'_> = match serde_json::from_str(line) {
            Ok(received) => received,
            Err(error) => return eprintln!("ERROR failed to read a message: {error}"),
        };
        match received {
            Received {
                method: Some(method),
                id: Some(id),
                params,
                ..
            } => {
                let params = params.unwrap_or(Value::Null);
                if let Err(refusal) = self.request(&method, &id, &params) {
                    self.answer::<()>(&id, Err(&refusal));
                }
            }
            Received {
                method: None,
                id: Some(id),
                result,
                error,
                ..
            } => self.response(&id, result, error),
            Received {
                method: Some(_),
                id: None,
                ..
            } => {}
            Received {
                method: None,
                id: None,
                ..
            } => eprintln!("ERROR a message has neither method nor id"),
        }
    }

    fn response(&self, id: &Value, result: Option<&RawValue>, error: Option<&RawValue>) {
        if let Some(error) = error {
            eprintln!("ERROR the client refused request {id}: {error}");
        }
        let result = result
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or(Value::Null);
        match id.as_i64() {
            Some(id) => self.answered(id, result),
            None => eprintln!("ERROR no request with id {id} is waiting for an answer"),
        }
    }

    fn request(self: &Arc<Self>, method: &str, id: &Value, params: &Value) -> Reply {
        if method == "initialize" {
            return self.initialize(id, params);
        }
        let Some(client) = self.client() else {
            return Err(Refusal::invalid("Not initialized"));
        };
        if self.overloaded() {
            return Err(Refusal::new(-32001, "Server overloaded; retry later."));
        }
        if catalog::EXPERIMENTAL.contains(&method) && !client.experimental {
            return Err(Refusal::invalid(format!(
                "{method} requires experimentalApi capability"
            )));
        }
        if let Some(nothing) = catalog::nothing(method, &current_dir()) {
            return self.done(id, &nothing);
        }
        match method {
            "thread/start" => self.thread_start(id, params),
            "thread/resume" => self.thread_resume(id, params),
            "thread/fork" => self.thread_fork(id, params),
            "thread/read" => self.thread_read(id, params),
            "thread/list" => self.thread_list(id, params),
            "thread/loaded/list" => self.thread_loaded_list(id),
            "thread/turns/list" => self.thread_turns_list(id, params),
            "thread/items/list" => self.thread_items_list(id, params),
            "thread/name/set" => self.thread_name_set(id, params),
            "thread/archive" => self.thread_archive(id, params),
            "thread/unarchive" => self.thread_unarchive(id, params),
            "thread/delete" => self.thread_delete(id, params),
            "thread/unsubscribe" => self.thread_unsubscribe(id, params),
            "turn/start" => self.turn_start(id, params),
            "turn/steer" => self.turn_steer(id, params),
            "turn/interrupt" => self.turn_interrupt(id, params),
            "model/list" => self.done(id, &catalog::models()),
            "modelProvider/list" => self.done(id, &catalog::providers()),
            "account/read" => self.done(id, &catalog::account()),
            "account/rateLimits/read" => Err(Refusal::invalid(
                "codex account authentication required to read rate limits",
            )),
            "account/usage/read" => Err(Refusal::invalid(
                "codex account authentication required to read token usage",
            )),
            "config/read" => self.done(id, &catalog::config()),
            "skills/list" => self.done(id, &catalog::skills(&current_dir())),
            "collaborationMode/list" => self.done(id, &catalog::collaboration_modes()),
            "fuzzyFileSearch" => self.done(id, &files::search(params)),
            "command/exec" => self.command_exec(id, params),
            "server/diagnostics" => self.diagnostics(id),
            unknown => Err(Refusal::invalid(format!(
                "Invalid request: unknown variant `{unknown}`, expected one of {}",
                catalog::METHODS
                    .iter()
                    .map(|method| format!("`{method}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    /// Answers with a result.
    pub(super) fn done<T: Serialize>(&self, id: &Value, result: &T) -> Reply {
        self.answer(id, Ok(result));
        Ok(Done)
    }

    fn initialize(&self, id: &Value, params: &Value) -> Reply {
        if self.client().is_some() {
            return Err(Refusal::invalid("Already initialized"));
        }
        let info = params
            .get("clientInfo")
            .ok_or_else(|| missing("clientInfo"))?;
        let name = text(info, "name")?.to_owned();
        let version = text(info, "version")?.to_owned();
        let capabilities = &params["capabilities"];
        let unwanted = capabilities["optOutNotificationMethods"]
            .as_array()
            .into_iter()
            .flatten();
        let client = Client {
            experimental: capabilities["experimentalApi"] == true,
            opted_out: unwanted
                .filter_map(|method| method.as_str().map(str::to_owned))
                .collect(),
            name,
            version,
        };
        let agent = format!(
            "{0}/{VERSION} (simulated; {1}) holdfast ({0}; {2})",
            client.name,
            std::env::consts::ARCH,
            client.version
        );
        *self.client.lock() = Some(Arc::new(client));
        let result = Initialized {
            user_agent: agent,
            codex_home: &self.codex_home,
            platform_family: "unix",
            platform_os: "linux",
        };
        self.answer(id, Ok(&result));
        self.notify(
            "configWarning",
            &object! { summary: catalog::WARNING, details: () },
        );
        let remote = object! { status: "disabled", server_name: "simulated", installation_id: ids::uuid(), environment_id: () };
        self.notify("remoteControl/status/changed", &remote);
        Ok(Done)
    }

    /// Says what the command would print; nothing is executed.
    fn command_exec(&self, id: &Value, params: &Value) -> Reply {
        let words = params["command"]
            .as_array()
            .ok_or_else(|| missing("command"))?;
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        let command = match words.as_slice() {
            [_, "-c" | "-lc", script] => (*script).to_owned(),
            words => words.join(" "),
        };
        let done = crate::scenario::fabricate(&command, &current_dir());
        let stdout: String = done
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                crate::scenario::Piece::Output(text) => Some(text.as_str()),
                crate::scenario::Piece::Pause(_) => None,
            })
            .collect();
        self.done(
            id,
            &object! { exit_code: done.exit_code, stdout: stdout, stderr: "" },
        )
    }

    fn diagnostics(&self, id: &Value) -> Reply {
        let threads: Vec<_> = self.threads.lock().values().cloned().collect();
        let active = threads
            .iter()
            .filter(|thread| thread.with(|state| state.active.is_some()))
            .count();
        let gauge = |name: &'static str, value: usize| object! { name: name, value: value };
        let gauges = [
            gauge("app.requests.in_flight", 1),
            gauge("core.threads.live", threads.len()),
            gauge("core.turns.active", active),
        ];
        let process = object! { id: std::process::id(), resident_memory_bytes: resident_memory() };
        self.done(id, &object! { process: process, gauges: gauges })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initialized<'a> {
    user_agent: String,
    codex_home: &'a str,
    platform_family: &'static str,
    platform_os: &'static str,
}

/// Bytes of memory in use; 0 where the system does not tell.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

pub(super) fn current_dir() -> String {
    std::env::current_dir().map_or_else(
        |_| "/".to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

pub(super) fn missing(field: &str) -> Refusal {
    Refusal::invalid(format!("Invalid request: missing field `{field}`"))
}

/// A text parameter that must be there.
pub(super) fn text<'a>(params: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    match params.get(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Refusal::invalid(format!(
            "Invalid request: invalid type for `{field}`, expected a string"
        ))),
        None => Err(missing(field)),
    }
}
