//! `holdfast demo`: a complete host in a folder of its own, driven by a scripted model, without an account. It writes an
//! explicit configuration and a token once and then serves them as `serve` would.

use std::{
    env,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use codex::{locate, scripted_model};
use config::{Config, EX_CONFIG, Token};
use tokio::net::TcpListener;

use crate::{
    args::{Agent, DemoArgs},
    hardening,
    reload::Loaded,
    serve, settings, token,
};

/// Where the demo's own parts look for the real Codex, besides PATH: a test set-up has it there.
const TEST_CODEX: &str = "tests/node_modules/.bin/codex";

/// Where sessions begin that name no folder, in the folder of the demo.
const WORKSPACE: &str = "workspace";

/// Runs the demo.
pub fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let refused = hardening::harden();
    let dir = std::path::absolute(&args.dir).context("find the folder of the demo")?;
    let file = prepare(&dir)?;
    let mut loaded = match Loaded::load(Some(file), args.listen) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let agent = choose(args.agent, &mut loaded.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let served = runtime.block_on(async {
        let model = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("start the scripted model")?;
        let base_url = format!("http://{}/v1", model.local_addr()?);
        if let Some(home) = &loaded.config.codex.home {
            private_dir(home)?;
            let codex_config = home.join("config.toml");
            fs::write(&codex_config, scripted_model::codex_config(&base_url))
                .with_context(|| format!("write {}", codex_config.display()))?;
        }
        let model = tokio::spawn(scripted_model::serve(model, std::future::pending()));
        eprintln!(
            "holdfast demo in {}: {agent}\nsign in with the token in {}\n",
            dir.display(),
            dir.join("token").display()
        );
        let journal = settings::journal_options(&loaded.config);
        let served = serve::serve(loaded, journal, refused, dir.join(WORKSPACE)).await;
        model.abort();
        served
    });
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

/// Makes what is missing in the folder; the configuration file.
fn prepare(dir: &Path) -> anyhow::Result<PathBuf> {
    private_dir(dir)?;
    private_dir(&dir.join(WORKSPACE))?;
    let file = dir.join("token");
    if !file.exists() {
        token::write_new(&file, Token::generate().context("make a token")?.reveal())?;
    }
    let config = dir.join("holdfast.toml");
    if !config.exists() {
        token::write_new(&config, CONFIG)?;
    }
    Ok(config)
}

const CONFIG: &str = r#"# The configuration of `holdfast demo`. Change it as you like; it is written only when it is missing.
listen = "127.0.0.1:7433"
websocket_auth_token_file = "token"
state_dir = "state"

[codex]
# A home of its own: your own Codex, its sign-in and its history are not touched.
home = "codex"
"#;

fn private_dir(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("make {}", dir.display()))
}

/// Decides which Codex is driven, puts it into the settings, and says it in words.
fn choose(agent: Agent, config: &mut Config) -> anyhow::Result<String> {
    if agent != Agent::Simulated {
        let found = find_codex();
        match (found, agent) {
            (Ok(found), _) => {
                let said = format!(
                    "the real Codex at {} with a scripted model",
                    found.program.display()
                );
                config.codex.path = Some(found.program);
                return Ok(said);
            }
            (Err(error), Agent::Codex) => return Err(error.into()),
            (Err(_), _) => {}
        }
    }
    config.codex.path = Some(env::current_exe().context("find this program")?);
    config.codex.args = vec!["simulated-codex".to_owned()];
    let hint = if agent == Agent::Auto {
        "; no real Codex was found (PATH, $HOLDFAST_CODEX, tests/node_modules)"
    } else {
        ""
    };
    Ok(format!("the simulated Codex{hint}"))
}

fn find_codex() -> Result<locate::Codex, locate::NotFound> {
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(named) = env::var_os("HOLDFAST_CODEX").filter(|named| !named.is_empty()) {
        return locate::find(Some(Path::new(&named)), &path);
    }
    locate::find(None, &path).or_else(|missing| {
        let test = std::path::absolute(TEST_CODEX).unwrap_or_else(|_| TEST_CODEX.into());
        if test.exists() {
            locate::find(Some(&test), &path)
        } else {
            Err(missing)
        }
    })
}
