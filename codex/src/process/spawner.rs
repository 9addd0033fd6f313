//! The one thread that starts processes, and never ends.
//!
//! The kernel sends the parent-death signal when the *thread* that spawned the child ends. A runtime's threads come and
//! go (a worker that blocked in place is replaced), and each would take the Codex processes that it started with it.

use std::{
    sync::{LazyLock, mpsc},
    thread,
};

use tokio::runtime::Handle;

type Job = Box<dyn FnOnce() + Send>;

static SPAWNER: LazyLock<mpsc::Sender<Job>> = LazyLock::new(|| {
    // Unbounded, but each sender waits for its answer, so there is at most one job a thread.
    let (jobs, queue) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name("codex-spawner".into())
        .spawn(move || queue.into_iter().for_each(|job| job()))
        .expect("a host that cannot start one thread cannot start a process either");
    jobs
});

/// Does `work` on the lasting thread, inside the caller's runtime, and waits for it.
pub(super) fn on_lasting_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let runtime = Handle::current();
    let (answer, answered) = mpsc::sync_channel(1);
    let job = Box::new(move || {
        let _inside = runtime.enter();
        let _caller_waits = answer.send(work());
    });
    SPAWNER.send(job).expect("the thread never ends");
    answered.recv().expect("the thread answers every job")
}
