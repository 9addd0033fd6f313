//! Threads on disk: one file of JSON lines a thread, completed items only, and a lock for the one process that writes.
//! What streams is not here, as with the real Codex: after a crash the running turn has only what was completed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ids::{self, Date},
    shapes::{Item, Sandbox, TurnError, TurnStatus},
};

/// Everything lies in this folder of CODEX_HOME, so that a real Codex with the same home never reads it.
const FOLDER: &str = "simulated";

/// One line of a rollout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    tag = "type",
    content = "payload",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(super) enum Record {
    SessionMeta(Meta),
    TurnStarted {
        turn_id: String,
        started_at_ms: u64,
    },
    ItemCompleted {
        turn_id: String,
        item: Item,
    },
    TurnEnded {
        turn_id: String,
        status: TurnStatus,
        error: Option<TurnError>,
        completed_at_ms: u64,
    },
    Named {
        name: Option<String>,
    },
    Settings {
        settings: Settings,
    },
    TrapSet {
        times: u32,
    },
    TrapSprung {},
}

/// What is known of a thread from its start on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) id: String,
    pub(super) forked_from_id: Option<String>,
    pub(super) created_at_ms: u64,
    pub(super) originator: String,
    pub(super) ephemeral: bool,
    pub(super) settings: Settings,
}

/// What a client can choose for a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) model_provider: String,
    pub(super) cwd: String,
    pub(super) approval_policy: Value,
    pub(super) sandbox: Sandbox,
}

/// A turn with all its completed items.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) id: String,
    pub(super) items: Vec<Item>,
    pub(super) status: TurnStatus,
    pub(super) error: Option<TurnError>,
    pub(super) started_at_ms: u64,
    pub(super) completed_at_ms: Option<u64>,
}

/// A thread read from its file.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) meta: Meta,
    pub(super) name: Option<String>,
    pub(super) turns: Vec<Turn>,
    /// Calls of `thread/resume` that still kill the process.
    pub(super) traps: u32,
}

/// Where threads lie.
#[derive(Clone, Debug)]
pub(super) struct Store {
    root: PathBuf,
}

impl Store {
    pub(super) fn new(codex_home: &Path) -> Self {
        Self {
            root: codex_home.join(FOLDER),
        }
    }

    /// The file of a thread, computed from the time in its id.
    pub(super) fn path(&self, thread_id: &str) -> PathBuf {
        let date = Date::from_ms(ids::made_at_ms(thread_id).unwrap_or(0));
        let (year, month, day) = date.day;
        let folder = self
            .root
            .join("sessions")
            .join(format!("{year:04}/{month:02}/{day:02}"));
        folder.join(format!("rollout-{}-{thread_id}.jsonl", date.text("-")))
    }

    fn archived_path(&self, thread_id: &str) -> PathBuf {
        let name = self.path(thread_id);
        self.root.join("archived_sessions").join(
            name.file_name()
                .expect("a rollout path ends in a file name"),
        )
    }

    /// Reads a thread; `None` when it has no file, in the archive only if wanted.
    pub(super) fn read(&self, thread_id: &str, archived: bool) -> io::Result<Option<History>> {
        let path = if archived {
            self.archived_path(thread_id)
        } else {
            self.path(thread_id)
        };
        match fs::read(&path) {
            Ok(bytes) => Ok(History::from_lines(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All threads, newest first.
    pub(super) fn list(&self, archived: bool) -> io::Result<Vec<History>> {
        let mut files = Vec::new();
        collect(
            &self.root.join(if archived {
                "archived_sessions"
            } else {
                "sessions"
            }),
            &mut files,
        )?;
        files.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
        let mut histories = Vec::new();
        for file in files {
            histories.extend(History::from_lines(&fs::read(file)?));
        }
        Ok(histories)
    }

    pub(super) fn archive(&self, thread_id: &str, back: bool) -> io::Result<()> {
        let (open, archived) = (self.path(thread_id), self.archived_path(thread_id));
        let (from, to) = if back {
            (archived, open)
        } else {
            (open, archived)
        };
        fs::create_dir_all(to.parent().expect("a rollout lies in a folder"))?;
        fs::rename(from, to)
    }

    pub(super) fn delete(&self, thread_id: &str) -> io::Result<()> {
        fs::remove_file(self.path(thread_id))
            .or_else(|_| fs::remove_file(self.archived_path(thread_id)))
    }

    /// Takes the writer's lock of a thread; `None` when another process has it. It ends with the file, however that ends.
    pub(super) fn lock(&self, thread_id: &str) -> io::Result<Option<File>> {
        let folder = self.root.join("thread-writer-locks");
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join(format!("{thread_id}.lock")))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Opens a thread's file to append to it.
    pub(super) fn open(&self, thread_id: &str) -> io::Result<Rollout> {
        let path = self.path(thread_id);
        fs::create_dir_all(path.parent().expect("a rollout lies in a folder"))?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)?;
        // A kill in the middle of a write leaves half a line; what comes next must not be glued to it.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        Ok(Rollout { file, ordinal: 0 })
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The open file of a loaded thread.
#[derive(Debug)]
pub(super) struct Rollout {
    file: File,
    ordinal: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    ordinal: u64,
    #[serde(flatten)]
    record: &'a Record,
}

impl Rollout {
    /// Appends one record in one write, so that a kill leaves whole lines.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let now = ids::now_ms();
        let timestamp = format!("{}.{:03}Z", Date::from_ms(now).text(":"), now % 1000);
        let mut line = serde_json::to_vec(&Line {
            timestamp,
            ordinal: self.ordinal,
            record,
        })?;
        line.push(b'\n');
        self.ordinal += 1;
        self.file.write_all(&line)
    }
}

impl History {
    /// A thread without turns.
    pub(super) fn new(meta: Meta) -> Self {
        Self {
            meta,
            name: None,
            turns: Vec::new(),
            traps: 0,
        }
    }

    /// A line that cannot be read is one that a kill cut off, and is left out.
    fn from_lines(bytes: &[u8]) -> Option<Self> {
        let mut records = bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok());
        let Some(Record::SessionMeta(meta)) = records.next() else {
            return None;
        };
        let mut history = Self::new(meta);
        for record in records {
            history.apply(record);
        }
        for turn in history
            .turns
            .iter_mut()
            .filter(|turn| turn.status == TurnStatus::InProgress)
        {
            turn.status = TurnStatus::Interrupted;
        }
        Some(history)
    }

    /// Adds what a record says.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::SessionMeta(_) => {}
            Record::TurnStarted {
                turn_id,
                started_at_ms,
            } => self.turns.push(Turn {
                id: turn_id,
                items: Vec::new(),
                status: TurnStatus::InProgress,
                error: None,
                started_at_ms,
                completed_at_ms: None,
            }),
            Record::ItemCompleted { turn_id, item } => {
                if let Some(turn) = self.turn(&turn_id) {
                    turn.items.push(item);
                }
            }
            Record::TurnEnded {
                turn_id,
                status,
                error,
                completed_at_ms,
            } => {
                if let Some(turn) = self.turn(&turn_id) {
                    turn.status = status;
                    turn.error = error;
                    turn.completed_at_ms = Some(completed_at_ms);
                }
            }
            Record::Named { name } => self.name = name,
            Record::Settings { settings } => self.meta.settings = settings,
            Record::TrapSet { times } => self.traps += times,
            Record::TrapSprung {} => self.traps = self.traps.saturating_sub(1),
        }
    }

    fn turn(&mut self, turn_id: &str) -> Option<&mut Turn> {
        self.turns.iter_mut().rev().find(|turn| turn.id == turn_id)
    }

    /// The records that make this history again, for a fork.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::SessionMeta(self.meta.clone())];
        for turn in &self.turns {
            let turn_id = turn.id.clone();
            records.push(Record::TurnStarted {
                turn_id: turn_id.clone(),
                started_at_ms: turn.started_at_ms,
            });
            let items = turn.items.iter().map(|item| Record::ItemCompleted {
                turn_id: turn_id.clone(),
                item: item.clone(),
            });
            records.extend(items);
            if let Some(completed_at_ms) = turn.completed_at_ms {
                records.push(Record::TurnEnded {
                    turn_id,
                    status: turn.status,
                    error: turn.error.clone(),
                    completed_at_ms,
                });
            }
        }
        records
    }

    /// When something last happened, in milliseconds since 1970.
    pub(super) fn updated_at_ms(&self) -> u64 {
        self.turns.last().map_or(self.meta.created_at_ms, |turn| {
            turn.completed_at_ms.unwrap_or(turn.started_at_ms)
        })
    }
}
