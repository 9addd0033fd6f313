//! `holdfast serve`: reads the settings, builds the parts, serves until it is told to stop, and takes everything down in
//! order. It holds no logic of any part.

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actors::{
    admission,
    host::{Host, HostOptions},
    redactor::LiveRedactor,
};
use anyhow::Context as _;
use codex::{process::Launch, protocol, version::TESTED};
use config::{Bound, EX_CONFIG, Environment, Listen};
use journal::{Journal, Opened};
use notify::Channels;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;
use web::{App, Listener};

use crate::{
    args::ServeArgs,
    control::{Desk, PATH_IN_STATE_DIR, Place, Server},
    hardening, known_values, marker_key,
    reload::{Loaded, Reloader},
    service_manager::ServiceManager,
    settings,
    tailscale::{self, Exposure, StatusError},
    telemetry,
};

/// Runs the host. Exit status 78 when the configuration is wrong, 1 for any other failure, 0 after an orderly stop.
pub fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let refused = hardening::harden();
    let loaded = match Loaded::load(args.config, args.listen) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    // Rules are part of the configuration, and known only to the redactor.
    if let Err(error) = settings::redactor(&loaded.config, &Environment::process(), [0; 32], None) {
        eprintln!("holdfast: {error:#}");
        return Ok(ExitCode::from(EX_CONFIG));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let mut journal = settings::journal_options(&loaded.config);
    let mut notes = refused;
    if args.bench_discard_events {
        journal.discard_events = true;
        notes.push("events are not kept, for a measurement: tabs cannot resume".to_owned());
    }
    let served = runtime.block_on(serve(loaded, journal, notes, settings::home_folder()));
    // Blocking reads of the journal that nobody waits for any more.
    runtime.shutdown_background();
    match served {
        Err(error) if error.is::<Exposed>() => {
            eprintln!("holdfast: {error}");
            Ok(ExitCode::from(EX_CONFIG))
        }
        served => served.map(|()| ExitCode::SUCCESS),
    }
}

/// Serves this configuration until SIGTERM or SIGINT. `notes` go into the log; sessions that name no folder begin in `folder`.
pub async fn serve(
    loaded: Loaded,
    journal: journal::Options,
    notes: Vec<String>,
    folder: PathBuf,
) -> anyhow::Result<()> {
    let config = &loaded.config;
    let key = marker_key::read_or_make(&config.state_dir)?;
    let redactor = settings::redactor(config, &Environment::process(), key, None)?;
    let redactor = LiveRedactor::new(redactor);
    let watch = known_values::watch(config.clone(), key, Arc::clone(&redactor));
    let watch = AbortOnDropHandle::new(tokio::spawn(watch));
    telemetry::start(&config.log, Arc::clone(&redactor))?;
    for note in notes.iter().chain(config.warnings()) {
        tracing::warn!("{note}");
    }
    let (journal, opened) = Journal::open(journal).context("open the journal")?;
    if let Opened::SetAside { kept } = opened {
        tracing::error!(kept = %kept.display(), "the journal was damaged; it was set aside, and a new one begins");
    }
    let served = serve_with(loaded, redactor, journal.clone(), folder).await;
    drop(watch);
    journal.close().context("close the journal")?;
    served
}

async fn serve_with(
    loaded: Loaded,
    redactor: Arc<LiveRedactor>,
    journal: Journal,
    folder: PathBuf,
) -> anyhow::Result<()> {
    let config = loaded.config.clone();
    let warnings = config.warnings().to_vec();
    let program = settings::locate_codex(&config)?.program;
    let mut launch = settings::codex_launch(&config, program, folder);
    launch.launcher = Some(settings::launcher()?);
    let (asked, state_dir) = (launch.clone(), config.state_dir.clone());
    let channels = Channels::open(notify::Options {
        config: config.notify.clone(),
        state_dir: config.state_dir.clone(),
    });
    let channels = channels.context("prepare what tells people of sessions that need them")?;
    let link = config.notify.link.clone();
    let host = Host::start(HostOptions {
        admission: admission::Args::from_config(&config.admission, &config.limits)
            .stored_in(config.state_dir.join("sign-ins.json")),
        codex: config.codex,
        limits: config.limits,
        notify: config.notify,
        channels,
        journal,
        redactor,
        launch,
        version: env!("CARGO_PKG_VERSION"),
        warnings,
    })
    .await
    .context("read the journal")?;
    refuse_exposure(&config.listen).await?;
    let listener = Listener::bind(&config.listen)
        .await
        .with_context(|| format!("listen on {}", config.listen))?;
    let bound = listener.bound()?;
    let metrics = bind_metrics(config.metrics.listen).await?;
    let origins = origins(&config.admission, &bound);
    if let Some(origin) = link.or_else(|| origins.first().cloned()) {
        host.note_origin(origin);
    }
    let reloader = Arc::new(Reloader::new(host.clone(), loaded));
    let desk = Desk {
        host: host.clone(),
        reloader: Arc::clone(&reloader),
        origins,
        pairing_lifetime: config.admission.sign_ins.pairing_lifetime,
    };
    // Gone when this returns.
    let _control = Place::in_state_dir(&config.state_dir)
        .and_then(|place| Server::start(place, desk))
        .with_context(|| {
            let folder = config.state_dir.display();
            format!("make the control socket {folder}/{PATH_IN_STATE_DIR}")
        })?;
    // Before anybody is told that the host is there.
    let mut signals = Signals::watch()?;
    announce(&bound, &config.listen)?;
    let examined = tokio::spawn(examine_protocol(host.clone(), asked, state_dir));
    let manager = ServiceManager::of_environment();
    manager.ready(&host);
    let app = App {
        host: host.clone(),
        admission: config.admission,
        limits: config.limits,
        metrics,
    };
    // Connections stay until the host has told the tabs and hung up.
    let stopped = async {
        tokio::select! {
            () = signals.until_told(&host, &reloader) => {}
            error = until_exposed(&config.listen) => tracing::error!(err = %error, "stop at once"),
            () = manager.keep_alive(&host) => {}
        }
        examined.abort();
        let deadline = config.limits.shutdown_timeout;
        let in_time = tokio::select! {
            in_time = host.shutdown(deadline) => in_time,
            () = manager.stopping(deadline) => false,
        };
        if !in_time {
            tracing::warn!("not everything ended within limits.shutdown_timeout");
        }
    };
    web::serve(listener, app, stopped).await.context("serve")
}

/// The port that the metrics have to themselves, if the settings want one.
async fn bind_metrics(address: Option<SocketAddr>) -> anyhow::Result<Option<Listener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = Listener::bind(&Listen::Tcp(address))
        .await
        .with_context(|| format!("listen on {address} (metrics.listen)"))?;
    if let Bound::Tcp(address) = listener.bound()? {
        tracing::info!("metrics are at http://{address}/metrics, for this machine without a token");
    }
    Ok(Some(listener))
}

/// Compares the protocol of the installed Codex with the tested one, beside everything else: nothing waits for it.
async fn examine_protocol(host: Host, launch: Launch, state_dir: PathBuf) {
    let names = protocol::names(&launch, &state_dir, SCHEMA_TIMEOUT).await;
    let found = names
        .map(|names| names.drift())
        .map_err(|err| err.to_string());
    match &found {
        Ok(drift) if drift.is_none() => tracing::debug!("codex speaks the tested protocol"),
        Ok(drift) => tracing::warn!(
            new = drift.new.join(", "), gone = drift.gone.join(", "), tested = %TESTED,
            "codex speaks another protocol than the tested one; what is new passes through"
        ),
        Err(why) => tracing::debug!(err = why, "codex does not tell its protocol"),
    }
    host.note_protocol(found);
}

/// Says on stdout where the host listens: the one line that scripts wait for.
fn announce(bound: &Bound, listen: &Listen) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = match bound {
        Bound::Tcp(address) => writeln!(out, "holdfast listening on http://{address}"),
        Bound::Unix => writeln!(out, "holdfast listening on {listen}"),
    };
    written
        .and_then(|()| out.flush())
        .context("say where the host listens")
}

/// The origins whose pages may sign in, in the order in which a link prefers them: HTTPS, then where the host listens.
fn origins(admission: &config::Admission, bound: &Bound) -> Vec<String> {
    let mut origins = admission.origins(bound);
    let listen = match bound {
        Bound::Tcp(address) => format!("http://{address}"),
        Bound::Unix => String::new(),
    };
    origins.sort_by_key(|origin| (!origin.starts_with("https://"), *origin != listen));
    origins
}

/// Tailscale publishes this host in a way that is never safe. A fault of the configuration, although not of ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Exposed(String);

/// How long Codex may write its schema; it takes less than a second.
pub const SCHEMA_TIMEOUT: Duration = Duration::from_secs(20);

/// How often it is looked whether this host has been published to the internet meanwhile.
const EXPOSURE_CHECK: Duration = Duration::from_secs(60);

/// Fails when Tailscale publishes this host to the internet, or in a way that hides who calls. A raw forward carries no
/// header, so that no request could tell. A machine without Tailscale has nothing to say.
async fn refuse_exposure(listen: &Listen) -> Result<(), Exposed> {
    let status = match tailscale::status().await {
        Ok(status) => status,
        Err(StatusError::NotInstalled) => return Ok(()),
        Err(error) => {
            tracing::warn!(err = %error, "cannot see what Tailscale publishes");
            return Ok(());
        }
    };
    for exposure in tailscale::exposures(&status, listen) {
        match exposure {
            Exposure::Funnel(host) => {
                return Err(Exposed(format!(
                    "Tailscale Funnel publishes this host to the internet under {host}; switch it off: tailscale funnel reset"
                )));
            }
            Exposure::RawForward(port) => {
                return Err(Exposed(format!(
                    "Tailscale forwards port {port} of the tailnet here raw, so callers can not be told; use HTTPS Serve"
                )));
            }
            Exposure::Serve(_) => {}
        }
    }
    Ok(())
}

/// Resolves when this host has become exposed.
async fn until_exposed(listen: &Listen) -> Exposed {
    loop {
        tokio::time::sleep(EXPOSURE_CHECK).await;
        if let Err(error) = refuse_exposure(listen).await {
            return error;
        }
    }
}

/// The signals that mean something to the host. From the moment that this exists none of them just ends the process.
struct Signals {
    term: Signal,
    int: Signal,
    hangup: Signal,
}

impl Signals {
    fn watch() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("watch for signals");
        Ok(Self {
            term: watch(SignalKind::terminate())?,
            int: watch(SignalKind::interrupt())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }

    /// Resolves when the process should end: at SIGTERM, SIGINT, the end of its terminal, or when a part of the host
    /// failed for good. Reads the credentials again at SIGHUP.
    async fn until_told(&mut self, host: &Host, reloader: &Reloader) {
        let had_terminal = std::io::stderr().is_terminal();
        loop {
            tokio::select! {
                _ = self.term.recv() => return tracing::info!("stop on SIGTERM"),
                _ = self.int.recv() => return tracing::info!("stop on SIGINT"),
                () = host.failed() => return tracing::error!("stop since a part of the host failed for good"),
                // A terminal that is closed sends the same signal; nobody wants a host that is out of sight.
                _ = self.hangup.recv() => if had_terminal && !std::io::stderr().is_terminal() {
                    return tracing::info!("stop since the terminal was closed");
                },
            }
            tokio::select! {
                // What comes of it is in the log and in `host/status`.
                _noted = reloader.reload() => {}
                _ = self.term.recv() => return tracing::info!("stop on SIGTERM"),
            }
        }
    }
}
