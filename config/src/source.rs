//! Finds the configuration file, reads it over the defaults, and leaves a judged `Config`. The meaning of keys is elsewhere.

use std::path::{Path, PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    Admission, Codex, Config, DEFAULT_TOML, Environment, Error, Journal, Limits, Listen, Log,
    Metrics, Notify, Redaction,
    error::shown_path,
    paths,
    reader::{Problems, Section},
    rules,
    value::{self, Parsed},
};

/// The variable that names the configuration file when no option does.
pub const CONFIG_VARIABLE: &str = "HOLDFAST_CONFIG";
/// The configuration file under HOME when nothing names one.
const DEFAULT_FILE: &str = ".config/holdfast/holdfast.toml";
/// Largest configuration file, in bytes: a hundred times one that sets every key.
const FILE_BYTES: usize = 1 << 20;

/// Where settings come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--listen`, in the form of the key `listen`, which it replaces.
    pub listen: Option<String>,
    /// The environment variables.
    pub environment: Environment,
}

impl Source {
    /// Options of the command line with the environment of this process.
    pub fn process(file: Option<PathBuf>, listen: Option<String>) -> Self {
        Self {
            file,
            listen,
            environment: Environment::process(),
        }
    }

    /// The file that settings are read from, whether it is there or not; `None` without a HOME.
    ///
    /// # Errors
    /// The path that was named makes no sense.
    pub fn path(&self) -> Result<Option<PathBuf>, Error> {
        Ok(self.locate()?.map(|(path, _)| path))
    }

    /// The file that settings are read from, and whether somebody named it (then it must exist).
    fn locate(&self) -> Result<Option<(PathBuf, bool)>, Error> {
        let (key, path) = match (&self.file, self.environment.get(CONFIG_VARIABLE)) {
            (Some(path), _) => ("--config", path.clone()),
            (None, Some(path)) if !path.is_empty() => (CONFIG_VARIABLE, PathBuf::from(path)),
            (None, _) => {
                return Ok(home_of(&self.environment).map(|home| (home.join(DEFAULT_FILE), false)));
            }
        };
        match std::path::absolute(&path) {
            Ok(path) => Ok(Some((path, true))),
            Err(error) => Err(Error::new(
                key,
                format!("names {}, which is no file: {error}", shown_path(&path)),
            )),
        }
    }
}

impl Config {
    /// Reads the settings, judges them, and makes `state_dir` if it is missing.
    pub fn load(source: &Source) -> Result<Self, Error> {
        let found = Found::read(source)?;
        let base = Base::new(&found.folder, &source.environment);
        let text = found.text()?;
        let config = read(text, found.file.clone(), &base, source.listen.as_deref())?;
        paths::make_private_folder(&config.state_dir).map_err(|problem| Error {
            file: config.file.clone(),
            ..Error::new("state_dir", problem)
        })?;
        Ok(config)
    }

    /// Where the host of these settings keeps its things, for a command that talks to it. Nothing else is judged: such a
    /// command may not have the host's environment, and a file that the host will refuse still says where it runs.
    pub fn find_state_dir(source: &Source) -> Result<PathBuf, Error> {
        let found = Found::read(source)?;
        let base = Base::new(&found.folder, &source.environment);
        let problems = Problems::new(found.text()?, found.file.clone());
        let mut root = Section::root(&problems, problems.parse()?, defaults());
        let state_dir = root.value("state_dir", |value| base.path(value));
        drop(root);
        problems.into_first().map_or(Ok(state_dir), Err)
    }

    /// Where the host of these settings listens, and the names it answers to (empty: its address), for a command that
    /// connects to it. Nothing else is judged, for the reason of [`Config::find_state_dir`].
    pub fn find_listen(source: &Source) -> Result<(Listen, Vec<String>), Error> {
        let found = Found::read(source)?;
        let base = Base::new(&found.folder, &source.environment);
        let problems = Problems::new(found.text()?, found.file.clone());
        let mut root = Section::root(&problems, problems.parse()?, defaults());
        let listen = read_listen(&mut root, &base, source.listen.as_deref());
        let hosts = Admission::read_hosts(&mut root);
        drop(root);
        problems.into_first().map_or(Ok((listen, hosts)), Err)
    }

    /// Reads settings from a text, as if it were a file in the folder `folder`. Makes nothing.
    pub fn from_toml(text: &str, folder: &Path, environment: &Environment) -> Result<Self, Error> {
        read(text, None, &Base::new(folder, environment), None)
    }
}

/// The configuration file as it was found, or nothing if there is none.
struct Found {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    file: Option<PathBuf>,
    /// Where relative paths start.
    folder: PathBuf,
}

impl Found {
    fn read(source: &Source) -> Result<Self, Error> {
        let is_missing = |path: &Path| {
            let looked = path.symlink_metadata();
            looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        let (bytes, file) = match source.locate()? {
            None => Default::default(),
            Some((path, false)) if is_missing(&path) => Default::default(),
            Some((path, _)) => match paths::read_private(&path, FILE_BYTES) {
                Ok(bytes) => (bytes, Some(path)),
                // The problem names the path.
                Err(problem) => return Err(Error::new("--config", problem)),
            },
        };
        let folder = match file.as_deref().and_then(Path::parent) {
            Some(folder) => folder.to_owned(),
            None => std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        };
        Ok(Self {
            bytes,
            file,
            folder,
        })
    }

    fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.bytes).map_err(|error| Error {
            file: self.file.clone(),
            ..Error::new(
                "--config",
                format!("is not UTF-8 after byte {}", error.valid_up_to()),
            )
        })
    }
}

/// What relative paths and variables refer to.
pub(crate) struct Base<'e> {
    folder: PathBuf,
    home: Option<PathBuf>,
    /// The environment variables.
    pub(crate) environment: &'e Environment,
}

impl<'e> Base<'e> {
    fn new(folder: &Path, environment: &'e Environment) -> Self {
        Self {
            folder: folder.to_owned(),
            home: home_of(environment),
            environment,
        }
    }

    /// The absolute path of a value.
    pub(crate) fn path(&self, value: &DeValue<'_>) -> Parsed<PathBuf> {
        self.resolve(&value::text(value)?)
    }

    /// The absolute path of a text.
    pub(crate) fn resolve(&self, text: &str) -> Parsed<PathBuf> {
        if text.is_empty() {
            return Err("found an empty path; write a path or remove the line".to_owned());
        }
        paths::resolve(text, &self.folder, self.home.as_deref())
    }
}

fn home_of(environment: &Environment) -> Option<PathBuf> {
    environment
        .get("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
}

fn read(
    text: &str,
    file: Option<PathBuf>,
    base: &Base<'_>,
    listen: Option<&str>,
) -> Result<Config, Error> {
    let problems = Problems::new(text, file.clone());
    let given = problems.parse()?;
    let mut root = Section::root(&problems, given, defaults());
    let listen = read_listen(&mut root, base, listen);
    let config = Config {
        file,
        listen,
        admission: Admission::read(&mut root, base),
        state_dir: root.value("state_dir", |value| base.path(value)),
        codex: Codex::read(root.section("codex"), base),
        journal: Journal::read(root.section("journal")),
        notify: Notify::read(root.section("notify"), base),
        redaction: Redaction::read(root.section("redaction"), base),
        limits: Limits::read(root.section("limits")),
        metrics: Metrics::read(root.section("metrics")),
        log: Log::read(root.section("log"), base),
        warnings: Vec::new(),
    };
    root.finish();
    if problems.is_empty() {
        rules::judge(&config, &problems);
    }
    match problems.into_first() {
        Some(error) => Err(error),
        None => Ok(Config {
            warnings: rules::warnings(&config),
            ..config
        }),
    }
}

/// Reads where to listen, `--listen` before the key, and judges the address.
fn read_listen(root: &mut Section<'_>, base: &Base<'_>, option: Option<&str>) -> Listen {
    let parse = |text: &str| Listen::parse(text, &base.folder, base.home.as_deref());
    let allow_non_loopback = root.value("allow_non_loopback", value::flag);
    let configured = root.value("listen", |value| parse(&value::text(value)?));
    let (key, listen) = match option {
        None => ("listen", configured),
        Some(text) => match parse(text) {
            Ok(listen) => ("--listen", listen),
            Err(problem) => {
                root.note("--listen", problem);
                return configured;
            }
        },
    };
    if let Err(problem) = listen.judge(allow_non_loopback) {
        root.note(key, problem);
    }
    listen
}

fn defaults() -> DeTable<'static> {
    DeTable::parse(DEFAULT_TOML)
        .map(Spanned::into_inner)
        .expect("default.toml is TOML, which a test checks")
}
