//! The channels of a host: each has a bounded queue and one worker, which tries again with growing pauses and then gives up.
//!
//! Nobody waits for a channel: a notice is left in its queue, or dropped with a line in the log. It decides nothing about
//! sessions.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    http::{Client, SendError},
    notice::Notice,
    ntfy,
    push::{Push, Subscription, Subscriptions},
    webhook,
};

/// Notices that wait in one channel: an hour of a receiver that is away. One more is dropped, since news that old are none.
const QUEUE: usize = 64;
/// Tries of one notice; with the pauses and the time of each try they are over after two minutes at most.
const TRIES: u32 = 6;
/// The pause before the second try; each further one is twice as long, half of it by chance.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Browsers that are pushed to at once.
const PUSHES: usize = 8;

/// What the channels are made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// `[notify]`.
    pub config: config::Notify,
    /// Where the key of Web Push and the subscriptions are; after it a folder of the owner's alone.
    pub state_dir: PathBuf,
}

/// How telling one notice went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `web_push`, `webhook` or `ntfy`.
    pub channel: &'static str,
    /// How many it reached, or why it reached nobody.
    pub result: Result<usize, String>,
}

/// A channel without its worker.
type Idle = (Target, mpsc::Receiver<Notice>);

/// All channels of a host. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    queues: Arc<[(Target, mpsc::Sender<Notice>)]>,
    subscriptions: Arc<Subscriptions>,
    /// Present when it is enabled.
    push: Option<Push>,
    client: Client,
    /// What waits for its worker.
    idle: Arc<Mutex<Vec<Idle>>>,
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channels").finish_non_exhaustive()
    }
}

impl Channels {
    /// Prepares each channel that is set up; nothing is sent before [`Channels::start`].
    ///
    /// # Errors
    /// The key of Web Push cannot be read or made, or this machine's certificates cannot be read.
    pub fn open(options: Options) -> io::Result<Self> {
        let Options { config, state_dir } = options;
        let subscriptions = Subscriptions::open(&state_dir, config.web_push.hosts.clone())?;
        let subscriptions = Arc::new(subscriptions);
        let push = Push::new(config.web_push.clone(), Arc::clone(&subscriptions));
        let push = config.web_push.enabled.then_some(push);
        let targets = push.clone().map(Target::Push).into_iter();
        let targets = targets.chain(config.webhook.map(Target::Webhook));
        let targets = targets.chain(config.ntfy.map(Target::Ntfy));
        let (mut queues, mut idle) = (Vec::new(), Vec::new());
        for target in targets {
            let (queue, jobs) = mpsc::channel(QUEUE);
            queues.push((target.clone(), queue));
            idle.push((target, jobs));
        }
        Ok(Self {
            queues: queues.into(),
            subscriptions,
            push,
            client: Client::new()?,
            idle: Arc::new(Mutex::new(idle)),
        })
    }

    /// Starts the workers; they end with `closing`.
    pub fn start(&self, tracker: &TaskTracker, closing: &CancellationToken) {
        for (target, jobs) in self.idle.lock().drain(..) {
            let (client, closing) = (self.client.clone(), closing.clone());
            tracker.spawn(async move {
                tokio::select! {
                    () = work(&target, &client, jobs) => {}
                    () = closing.cancelled() => {}
                }
            });
        }
    }

    /// The browsers that asked for Web Push; `None` when nobody may.
    pub fn subscriptions(&self) -> Option<&Arc<Subscriptions>> {
        self.push.is_some().then_some(&self.subscriptions)
    }

    /// True when anybody would hear of a notice.
    pub fn reach_somebody(&self) -> bool {
        let push = usize::from(self.push.is_some());
        self.queues.len() > push || push > 0 && !self.subscriptions.is_empty()
    }

    /// Leaves a notice with every channel, and waits for none.
    pub fn tell(&self, notice: &Notice) {
        for (target, queue) in self.queues.iter() {
            if queue.try_send(notice.clone()).is_err() {
                tracing::warn!(
                    channel = target.name(),
                    kind = notice.kind.as_str(),
                    "{QUEUE} notices wait for this channel already; one more is dropped"
                );
            }
        }
    }

    /// Tells a notice at once and once, and says how it went in each channel.
    pub async fn test(&self, notice: &Notice) -> Vec<Outcome> {
        let each = self.queues.iter().map(async |(target, _)| Outcome {
            channel: target.name(),
            result: target.tell(&self.client, notice, 1).await,
        });
        futures_util::future::join_all(each).await
    }

    /// Pushes a notice to one browser, once, and says how that went.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn push_to(&self, to: &Subscription, notice: &Notice) -> Result<(), String> {
        let push = self.push.as_ref().ok_or("web push is switched off")?;
        let told = push.once(&self.client, notice, to).await;
        told.map_err(|error| error.to_string())
    }
}

/// Where a channel's notices go.
#[derive(Clone)]
enum Target {
    Push(Push),
    Webhook(config::Webhook),
    Ntfy(config::Ntfy),
}

impl Target {
    fn name(&self) -> &'static str {
        match self {
            Self::Push(_) => "web_push",
            Self::Webhook(_) => "webhook",
            Self::Ntfy(_) => "ntfy",
        }
    }

    fn rules(&self) -> &config::ChannelRules {
        match self {
            Self::Push(push) => push.rules(),
            Self::Webhook(webhook) => &webhook.rules,
            Self::Ntfy(ntfy) => &ntfy.rules,
        }
    }

    /// Tells one notice in at most so many tries; how many heard it.
    async fn tell(&self, client: &Client, notice: &Notice, tries: u32) -> Result<usize, String> {
        let told = match self {
            Self::Webhook(config) => {
                let body = webhook::body(config, notice);
                let again = || {
                    let headers = webhook::headers(config, notice, &body, now_seconds());
                    client.post(config.url.reveal(), headers, body.clone())
                };
                retried(tries, again).await
            }
            Self::Ntfy(config) => {
                let headers = ntfy::headers(config, notice);
                let body = ntfy::body(config, notice);
                retried(tries, || {
                    client.post(config.url.reveal(), headers.clone(), body.clone())
                })
                .await
            }
            Self::Push(push) => return Ok(push_to_all(push, client, notice, tries).await),
        };
        told.map(|()| 1).map_err(|error| error.to_string())
    }
}

async fn push_to_all(push: &Push, client: &Client, notice: &Notice, tries: u32) -> usize {
    let each = futures_util::stream::iter(push.subscriptions().list());
    let each = each.map(async |to| {
        let told = retried(tries, || push.once(client, notice, &to)).await;
        if let Err(error) = &told {
            // Its address is left out: whoever has it can write to that browser.
            tracing::warn!(channel = "web_push", err = %error, "push to a browser");
        }
        usize::from(told.is_ok())
    });
    each.buffer_unordered(PUSHES)
        .fold(0, async |sum, one| sum + one)
        .await
}

async fn work(target: &Target, client: &Client, mut notices: mpsc::Receiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        if !notice.passes(target.rules()) {
            continue;
        }
        let (channel, kind) = (target.name(), notice.kind.as_str());
        match target.tell(client, &notice, TRIES).await {
            Ok(reached) => tracing::debug!(channel, kind, reached, "somebody was told"),
            Err(err) => tracing::warn!(channel, kind, %err, "nobody was told by this channel"),
        }
    }
}

/// Tries until it got through, was refused, or was tried often enough.
async fn retried<F>(most: u32, attempt: impl FnMut() -> F) -> Result<(), SendError>
where
    F: Future<Output = Result<(), SendError>>,
{
    retried_with(most, attempt, tokio::time::sleep).await
}

async fn retried_with<F, P>(
    most: u32,
    mut attempt: impl FnMut() -> F,
    mut rest: impl FnMut(Duration) -> P,
) -> Result<(), SendError>
where
    F: Future<Output = Result<(), SendError>>,
    P: Future<Output = ()>,
{
    let mut tries = 0;
    loop {
        let result = attempt().await;
        tries += 1;
        match result {
            Err(SendError::Passing(_)) if tries < most => {
                rest(pause(tries, fastrand::f64())).await;
            }
            result => return result,
        }
    }
}

/// The pause after this many tries; `unit` in [0, 1) is chance.
fn pause(tries: u32, unit: f64) -> Duration {
    let whole = FIRST_PAUSE * 2_u32.pow(tries.saturating_sub(1).min(8));
    whole / 2 + (whole / 2).mul_f64(unit)
}

fn now_seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_get_through_is_tried_again_and_then_given_up() {
        for (error, expected) in [
            (SendError::Passing("away".to_owned()), TRIES),
            (SendError::Refused(400), 1),
            (SendError::Gone(410), 1),
        ] {
            let (mut tries, mut pauses) = (0, Duration::ZERO);
            let attempt = || {
                tries += 1;
                std::future::ready(Err(error.clone()))
            };
            let rest = |pause| {
                pauses += pause;
                std::future::ready(())
            };
            assert_eq!(retried_with(TRIES, attempt, rest).await, Err(error.clone()));
            assert_eq!(tries, expected);
            let within = (expected == 1) || (15.5..31.0).contains(&pauses.as_secs_f64());
            assert!(within, "{pauses:?}");
        }
    }

    #[test]
    fn pauses_double_and_half_of_each_is_chance() {
        let seconds = |tries, unit| pause(tries, unit).as_secs_f64();
        assert_eq!([1, 2, 5].map(|tries| seconds(tries, 0.0)), [0.5, 1.0, 8.0]);
        assert!(seconds(1, 0.999) < 1.0 && seconds(5, 0.999) > 15.9);
    }
}
