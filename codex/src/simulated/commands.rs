//! Commands: their items, their output, and what becomes of them when the turn ends first. They are not executed; the one
//! exception is the step `spawn`, which exists to leave a real process behind.

use std::{
    collections::VecDeque,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    approvals::{Decision, active},
    control::{Control, Heed, Stop},
    deltas::Deltas,
    ids,
    shapes::{CommandAction, Item, ItemStatus},
    turn::TurnRun,
};
use crate::scenario::{Fabricated, Piece, Stream, line};

/// Output of the first moments never comes as deltas.
const SILENT_START: Duration = Duration::from_millis(100);
/// Deltas that one command sends at most.
const MAX_OUTPUT_DELTAS: u64 = 10_000;
/// Bytes of one delta.
const MAX_DELTA_BYTES: usize = 8192;
/// Bytes that `aggregatedOutput` keeps of each end of a longer output.
const KEPT_AT_EACH_END: usize = 512 << 10;

/// A command that goes on after its turn was interrupted.
#[derive(Debug)]
pub(super) struct Background {
    running: Running,
    rest: Work,
}

/// A command whose item is started and not completed.
#[derive(Debug)]
pub(super) struct Running {
    item: Item,
    output: Vec<u8>,
    began: Instant,
}

/// What a command still has to do.
#[derive(Debug)]
enum Work {
    /// Print and pause, then exit with this code.
    Pieces(VecDeque<Piece>, i32),
    /// Print numbered lines, from this one on; the rate counts from `began`.
    Lines {
        stream: Stream,
        next: u64,
        began: Instant,
    },
}

impl TurnRun {
    /// Runs a command that prints what was fabricated.
    pub(super) fn command(
        &mut self,
        cmd: &str,
        escalation: Option<&str>,
        done: Fabricated,
    ) -> Result<(), Stop> {
        self.execute(
            cmd,
            escalation,
            Work::Pieces(done.pieces.into(), done.exit_code),
        )
    }

    /// Runs a command that prints numbered lines, a delta a line.
    pub(super) fn print(&mut self, cmd: &str, stream: Stream) -> Result<(), Stop> {
        let (next, began) = (0, Instant::now());
        self.execute(
            cmd,
            None,
            Work::Lines {
                stream,
                next,
                began,
            },
        )
    }

    fn execute(&mut self, cmd: &str, escalation: Option<&str>, mut work: Work) -> Result<(), Stop> {
        if let Some(mut running) = self.begin_command(cmd, escalation)? {
            match self.work(&mut running, &mut work, &self.control) {
                Ok(exit_code) => self.finish_command(running, exit_code),
                Err(Stop::Interrupted) => {
                    self.background = Some(Background {
                        running,
                        rest: work,
                    });
                    return Err(Stop::Interrupted);
                }
                Err(stop) => {
                    self.finish_command(running, -1);
                    return Err(stop);
                }
            }
        }
        self.model_answered();
        Ok(())
    }

    /// Ends a command that outlived its turn.
    pub(super) fn finish_background(&self, background: Background) {
        let Background {
            mut running,
            mut rest,
        } = background;
        if let Ok(exit_code) = self.work(&mut running, &mut rest, &Control::default()) {
            self.finish_command(running, exit_code);
        }
    }

    /// Does what is left to do; the answer is the exit code. What the person says does not stop a command.
    fn work(&self, running: &mut Running, work: &mut Work, control: &Control) -> Result<i32, Stop> {
        match work {
            Work::Pieces(pieces, exit_code) => {
                while let Some(piece) = pieces.front_mut() {
                    match piece {
                        Piece::Pause(pause) => {
                            let end = Instant::now() + *pause;
                            let waited = control.wait_until(end, Heed::Endings);
                            *pause = end.saturating_duration_since(Instant::now());
                            waited?;
                        }
                        Piece::Output(text) => self.show_output(running, text),
                    }
                    pieces.pop_front();
                    control.check(Heed::Endings)?;
                }
                Ok(*exit_code)
            }
            Work::Lines {
                stream,
                next,
                began,
            } => {
                let mut deltas = self.output_deltas(running);
                while *next < stream.count {
                    control.pace(stream.rate.due(*next), *next, *began, Heed::Endings, || {
                        deltas.flush()
                    })?;
                    let start = running.output.len();
                    line(*next, stream.size, &mut running.output);
                    if *next < MAX_OUTPUT_DELTAS {
                        deltas.plain(&running.output[start..]);
                    }
                    *next += 1;
                }
                deltas.flush();
                Ok(0)
            }
        }
    }

    fn show_output(&self, running: &mut Running, text: &str) {
        if running.began.elapsed() >= SILENT_START {
            let mut deltas = self.output_deltas(running);
            for part in parts(text) {
                deltas.text(part);
            }
            deltas.flush();
        }
        running.output.extend_from_slice(text.as_bytes());
    }

    fn output_deltas(&self, running: &Running) -> Deltas<'_> {
        let Item::CommandExecution { id, .. } = &running.item else {
            unreachable!("a running command has a command's item")
        };
        Deltas::new(
            &self.server,
            "item/commandExecution/outputDelta",
            &self.thread.id,
            &self.turn_id,
            id,
        )
    }

    /// Asks where it must and starts the item; `None` when the command does not run.
    fn begin_command(
        &mut self,
        cmd: &str,
        escalation: Option<&str>,
    ) -> Result<Option<Running>, Stop> {
        let settings = self.settings();
        let policy = settings.approval_policy.as_str().unwrap_or("granular");
        if escalation.is_some() && policy == "never" {
            // The real one shows nothing at all: only the model is told.
            return Ok(None);
        }
        let mut item = command_item(cmd, &settings.cwd);
        let accepted = self.thread.with(|state| state.accepted.contains(cmd));
        if (escalation.is_some() || policy == "untrusted") && !accepted {
            self.change_status(active(&["waitingOnApproval"]));
            self.start_item(&item);
            match self.approve_command(cmd, &item, escalation)? {
                Decision::Accepted => self.change_status(active(&[])),
                refusal => return self.refused(item, refusal).map(|()| None),
            }
            set_running(&mut item);
        } else {
            set_running(&mut item);
            self.start_item(&item);
        }
        Ok(Some(Running {
            item,
            output: Vec::new(),
            began: Instant::now(),
        }))
    }

    fn finish_command(&self, running: Running, code: i32) {
        let Running {
            mut item,
            output,
            began,
        } = running;
        if let Item::CommandExecution {
            status,
            aggregated_output,
            exit_code,
            duration_ms,
            ..
        } = &mut item
        {
            *status = if code == 0 {
                ItemStatus::Completed
            } else {
                ItemStatus::Failed
            };
            *aggregated_output = (!output.is_empty())
                .then(|| aggregate(String::from_utf8_lossy(&output).into_owned()));
            *exit_code = Some(code);
            *duration_ms = Some(began.elapsed().as_millis() as u64);
        }
        self.complete_item(item);
    }

    /// Leaves a real `sleep` behind; the output is its pid.
    pub(super) fn spawn(&mut self, command: &str) -> Result<(), Stop> {
        let printed = Command::new("/bin/sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let done = match printed {
            Ok(printed) => Fabricated {
                pieces: vec![Piece::Output(
                    String::from_utf8_lossy(&printed.stdout).into_owned(),
                )],
                exit_code: printed.status.code().unwrap_or(-1),
            },
            Err(error) => Fabricated {
                pieces: vec![Piece::Output(format!("cannot start a shell: {error}\n"))],
                exit_code: 127,
            },
        };
        self.command(command, None, done)
    }
}

fn command_item(cmd: &str, cwd: &str) -> Item {
    Item::CommandExecution {
        id: ids::item_id("call"),
        plugin_id: (),
        script_path: (),
        command: format!("/bin/bash -lc {}", shell_quote(cmd)),
        cwd: cwd.to_owned(),
        process_id: None,
        source: "agent".to_owned(),
        status: ItemStatus::InProgress,
        command_actions: vec![CommandAction {
            r#type: "unknown".to_owned(),
            command: cmd.to_owned(),
        }],
        aggregated_output: None,
        exit_code: None,
        duration_ms: None,
        started_at_ms: ids::now_ms(),
        completed_at_ms: None,
    }
}

fn shell_quote(cmd: &str) -> String {
    if cmd.contains('\'') {
        format!("\"{}\"", cmd.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{cmd}'")
    }
}

fn set_running(item: &mut Item) {
    if let Item::CommandExecution {
        process_id, source, ..
    } = item
    {
        *process_id = Some(fastrand::u32(1000..100_000).to_string());
        *source = "unifiedExecStartup".to_owned();
    }
}

/// Cuts an output into deltas between characters.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (0..=MAX_DELTA_BYTES.min(rest.len()))
            .rev()
            .find(|end| rest.is_char_boundary(*end))
            .filter(|end| *end > 0)?;
        let (part, left) = rest.split_at(end);
        rest = left;
        Some(part)
    })
}

/// What `aggregatedOutput` keeps of an output.
fn aggregate(output: String) -> String {
    if output.len() <= 2 * KEPT_AT_EACH_END {
        return output;
    }
    let head = (0..=KEPT_AT_EACH_END)
        .rev()
        .find(|at| output.is_char_boundary(*at))
        .unwrap_or(0);
    let tail = (output.len() - KEPT_AT_EACH_END..output.len())
        .find(|at| output.is_char_boundary(*at))
        .unwrap_or(output.len());
    format!(
        "{}\n... {} bytes omitted ...\n{}",
        &output[..head],
        tail - head,
        &output[tail..]
    )
}
