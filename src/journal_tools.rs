//! `holdfast journal verify|compact|export`: what an owner does with the journal file itself, on the host's machine. Not for
//! clients of the wire: `holdfast export` gives people a session to read.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
    process::ExitCode,
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use config::{Config, EX_CONFIG, Source};
use journal::{Archive, Judge, Verdict};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    args::{JournalArgs, JournalCommand},
    client::shown_bytes,
    settings,
};

/// Event bytes read at once.
const PORTION: usize = 1 << 20;

/// Does one of them.
pub fn run(args: JournalArgs) -> anyhow::Result<ExitCode> {
    let done = match args.command {
        JournalCommand::Verify(args) => Config::find_state_dir(&Source::process(args.config, None))
            .map(|dir| verify(&dir, args.json)),
        JournalCommand::Export(args) => Config::find_state_dir(&Source::process(args.config, None))
            .map(|dir| export(&dir, args.thread.as_deref())),
        // What is kept stands in the configuration, so all of that has to be good.
        JournalCommand::Compact(args) => Config::load(&Source::process(args.config, None))
            .map(|config| compact(&config, args.json)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("holdfast: {error}");
        Ok(ExitCode::from(EX_CONFIG))
    })
}

/// The part of an event by which it is known.
#[derive(Deserialize)]
struct Numbered<'a> {
    seq: u64,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

fn verify(dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let archive = Archive::open(dir)?;
    let mut judge = Judge {
        event: &mut |seq, line| match serde_json::from_slice::<Numbered<'_>>(line) {
            Err(error) => Some(format!("it is no event: {error}")),
            Ok(event) if event.seq != seq => {
                Some(format!("it says that it is event {}", event.seq))
            }
            Ok(event) if event.method.is_none() => Some("it has no method".to_owned()),
            Ok(_) => None,
        },
        item: &mut |json| {
            let read = serde_json::from_slice::<&RawValue>(json);
            read.err().map(|error| format!("it is no JSON: {error}"))
        },
    };
    let verdict = archive.verify(&mut judge)?;
    let (file, log) = archive.file_bytes();
    let text = if json {
        report(&archive, &verdict).to_string() + "\n"
    } else {
        told(&archive, &verdict, file + log)
    };
    print(&text)?;
    Ok(ExitCode::from(u8::from(!verdict.is_sound())))
}

fn report(archive: &Archive, verdict: &Verdict) -> serde_json::Value {
    let (file, log) = archive.file_bytes();
    let sessions = verdict.sessions.iter().map(|one| {
        json!({
            "threadId": one.thread, "compacted": one.compacted, "head": one.head, "bytes": one.bytes, "storedBytes": one.stored_bytes,
        })
    });
    json!({
        "sound": verdict.is_sound(), "wrong": verdict.wrong, "findings": verdict.findings, "journalId": archive.id(), "fileBytes": file,
        "walBytes": log, "items": verdict.items, "sessions": sessions.collect::<Vec<_>>(),
    })
}

fn told(archive: &Archive, verdict: &Verdict, size: u64) -> String {
    let sum = |of: fn(&journal::Extent) -> u64| verdict.sessions.iter().map(of).sum::<u64>();
    let mut text = format!(
        "journal   {}\nsize      {} on disk; events {}, packed {}\nholds     {} sessions, {} events that can be replayed, {} items\n",
        archive.id(),
        shown_bytes(size),
        shown_bytes(sum(|one| one.bytes)),
        shown_bytes(sum(|one| one.stored_bytes)),
        verdict.sessions.len(),
        sum(|one| one.head - one.compacted),
        verdict.items,
    );
    for finding in &verdict.findings {
        text += &format!("wrong     {finding}\n");
    }
    let more = verdict.wrong - verdict.findings.len() as u64;
    if more > 0 {
        text += &format!("wrong     and {more} more\n");
    }
    text + if verdict.is_sound() {
        "sound     all is as it was written\n"
    } else {
        "damaged   the next start of the host sets a damaged journal aside and begins a new one\n"
    }
}

fn compact(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    let done = journal::shrink(&settings::journal_options(config), now)?;
    let text = if json {
        json!({"bytesBefore": done.before, "bytesAfter": done.after, "eventsRemoved": done.events, "eventsKept": done.events_kept}).to_string() + "\n"
    } else {
        format!(
            "before  {}\nafter   {}\nevents  {} removed, {} kept\n",
            shown_bytes(done.before),
            shown_bytes(done.after),
            done.events,
            done.events_kept
        )
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn export(dir: &Path, wanted: Option<&str>) -> anyhow::Result<ExitCode> {
    let archive = Archive::open(dir)?;
    let mut threads = archive.threads()?;
    if let Some(wanted) = wanted {
        let exact = threads.iter().any(|thread| thread == wanted);
        threads.retain(|thread| {
            if exact {
                thread == wanted
            } else {
                thread.starts_with(wanted)
            }
        });
        if threads.len() != 1 {
            bail!(
                "{} sessions have an id that begins so; name one, or none for all",
                threads.len()
            );
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = || -> anyhow::Result<()> {
        for thread in &threads {
            export_one(&archive, thread, &mut out)?;
        }
        Ok(out.flush()?)
    };
    match written() {
        // The reader has seen enough.
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Each event as it is stored, with its session in front: `{"threadId":"…","event":{…}}`.
fn export_one(archive: &Archive, thread: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let name = serde_json::to_string(thread)?;
    let mut after = archive.first_replayable(thread)?;
    if after > 0 {
        eprintln!("holdfast: events 1 to {after} of session {thread} are compacted away");
    }
    loop {
        let batches = archive.events(thread, after, PORTION);
        let batches = match batches {
            // A running host compacts meanwhile.
            Err(journal::ReadError::Compacted { through, .. }) if through > after => {
                eprintln!(
                    "holdfast: events {} to {through} of session {thread} were compacted away meanwhile",
                    after + 1
                );
                after = through;
                continue;
            }
            other => other.with_context(|| format!("read the events of session {thread}"))?,
        };
        let Some(last) = batches.last() else {
            return Ok(());
        };
        after = last.last;
        for line in batches
            .iter()
            .flat_map(|batch| batch.lines.split(|byte| *byte == b'\n'))
        {
            if !line.is_empty() {
                write!(out, "{{\"threadId\":{name},\"event\":")?;
                out.write_all(line)?;
                out.write_all(b"}\n")?;
            }
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("print the result")
}
