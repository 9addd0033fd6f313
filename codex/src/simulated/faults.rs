//! The steps that hurt the process itself: deaths, silences and rubbish. They exist so that a host's promises can be
//! broken on purpose; nothing else may use them.

use rustix::process::{Signal, getpid, kill_process};

use super::{
    control::{Control, Heed, Stop},
    turn::TurnRun,
};
use crate::scenario::Step;

/// Lines on stdout that no client can take for messages.
const GARBAGE: [&[u8]; 6] = [
    b"warning: this line is prose and not a message\n",
    b"{\"method\":\"item/agentMessage/delta\",\"params\":{\"threadId\":\"\n",
    b"[]\n",
    b"\xff\xfe broken UTF-8 \xc3\x28\n",
    b"{\"id\":987654321,\"result\":{}}\n",
    b"\n",
];

impl TurnRun {
    pub(super) fn fault(&self, step: &Step, seed: u64) -> Result<(), Stop> {
        match step {
            Step::Crash { signal, before } => {
                self.open_message(before, seed)?;
                self.server.output.drain();
                die(*signal)
            }
            Step::Exit { code, before } => {
                self.open_message(before, seed)?;
                self.server.output.drain();
                std::process::exit(i32::from(*code))
            }
            Step::Freeze => {
                self.server.output.drain();
                kill_process(getpid(), Signal::STOP).expect("a process may stop itself");
                Ok(())
            }
            Step::StallStdin(time) => self.server.stall_reading(*time, &self.control),
            Step::Garbage { count } => {
                for index in 0..*count {
                    self.server
                        .output
                        .stream(GARBAGE[(index % GARBAGE.len() as u64) as usize]);
                }
                Ok(())
            }
            Step::Stderr { text, count } => {
                (0..*count).for_each(|_| eprintln!("{text}"));
                Ok(())
            }
            Step::Raw { file } => {
                match std::fs::read(file) {
                    Ok(lines) => self.server.output.stream(&lines),
                    Err(error) => eprintln!("ERROR failed to read {file}: {error}"),
                }
                Ok(())
            }
            Step::CloseStdout => {
                if let Err(error) = self.server.output.close() {
                    eprintln!("ERROR failed to close stdout: {error}");
                }
                Ok(())
            }
            other => unreachable!("{other:?} is no fault"),
        }
    }
}

/// Dies by this signal; one that the process survives ends it with an abort.
pub(super) fn die(signal: i32) -> ! {
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(getpid(), signal);
        // The signal may reach another thread of this process first.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
        let _ = Control::default().wait_until(deadline, Heed::Endings);
    }
    std::process::abort()
}
