//! The warm spare: one Codex that is started and asked to introduce itself before anybody needs it (`codex.warm_spare`).
//!
//! Its answer waits in the pipe; the bridge that takes the process over reads it there. It belongs to no session, decides
//! nothing, and is not replaced when it dies, but when somebody has looked for it.

use std::{sync::Arc, time::Duration};

use codex::{handshake::initialize_line, process::Process};
use tokio::{io::AsyncWriteExt as _, sync::OwnedSemaphorePermit};

use crate::{bridge::FIRST_CALL, host::Wiring};

/// The next one is started this long after the last was taken: whoever took it has work to do first.
const PAUSE: Duration = Duration::from_secs(1);

/// The place of the one spare.
#[derive(Default)]
pub(crate) struct Spare(tokio::sync::Mutex<Option<Warm>>);

/// A started Codex and its place among those that may run at once.
pub(super) struct Warm {
    pub(super) process: Process,
    pub(super) room: OwnedSemaphorePermit,
}

impl Spare {
    /// The spare, if there is one that lives; the next one is started a little later.
    pub(super) async fn take(&self, wiring: &Arc<Wiring>) -> Option<Warm> {
        if !wiring.codex.warm_spare {
            return None;
        }
        let mut warm = self.0.lock().await.take();
        let next = Arc::clone(wiring);
        let later = async move {
            tokio::time::sleep(PAUSE).await;
            next.spare.prepare(&next).await;
        };
        let closing = wiring.closing.clone();
        wiring
            .tracker
            .spawn(closing.run_until_cancelled_owned(later));
        let ended = match &mut warm {
            Some(warm) => tokio::time::timeout(Duration::ZERO, warm.process.wait())
                .await
                .is_ok(),
            None => false,
        };
        if ended {
            forget(wiring, warm.take()).await;
        }
        warm
    }

    /// Starts one, unless there is one or no place for it. One that does not start is tried again when the next is due.
    pub(crate) async fn prepare(&self, wiring: &Arc<Wiring>) {
        let mut place = self.0.lock().await;
        if !wiring.codex.warm_spare || place.is_some() || wiring.closing.is_cancelled() {
            return;
        }
        let Ok(room) = Arc::clone(&wiring.bridges).try_acquire_owned() else {
            return;
        };
        let launch = wiring.launch(None);
        let mut process = match launch.spawn() {
            Ok(process) => process,
            Err(err) => return tracing::warn!(err = %err, "start a spare codex"),
        };
        let pid = process.started().await;
        wiring
            .directory
            .note_process(pid, process.start_time(), &launch.program);
        let line = initialize_line(&FIRST_CALL.into(), wiring.version);
        if let Some(stdin) = &mut process.stdin {
            // One that has ended already is noticed when it is taken.
            let _ended = stdin.write_all(&line).await;
        }
        tracing::debug!(pid, "a spare codex waits");
        *place = Some(Warm { process, room });
    }

    /// Ends it: the host goes down.
    pub(crate) async fn discard(&self, wiring: &Wiring) {
        let warm = self.0.lock().await.take();
        forget(wiring, warm).await;
    }

    /// Its process, for `host/status`; unknown while it is being started.
    pub(crate) fn pid(&self) -> Option<u32> {
        let place = self.0.try_lock().ok()?;
        place.as_ref().map(|warm| warm.process.pid())
    }
}

async fn forget(wiring: &Wiring, warm: Option<Warm>) {
    if let Some(Warm { mut process, room }) = warm {
        let (pid, started) = (process.pid(), process.start_time());
        process.stop(process.grace()).await;
        wiring.directory.forget_process(pid, started);
        drop(room);
    }
}
