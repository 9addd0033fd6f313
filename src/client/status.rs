//! `holdfast status`: how the host is, in a screenful or as it says it itself.

use serde_json::{Value, json};

use super::{
    Stdout,
    door::Door,
    failure::Failure,
    paint::{Paint, bytes, columns, span},
    safe::Cleaner,
    socket::Socket,
};
use crate::args::StatusArgs;

/// Asks and shows.
pub async fn run(args: StatusArgs, out: &mut Stdout) -> Result<u8, Failure> {
    let door = Door::find(&args.door)?;
    let mut socket = Socket::open(&door).await?;
    let status = socket.call("host/status", json!({})).await?;
    if args.json {
        out.line(&status.to_string())?;
    } else {
        let head = format!("{} {}\n", out.paint.bold("holdfast"), door.shown());
        out.write(&(head + &text(&status, out.paint)))?;
    }
    Ok(0)
}

fn text(status: &Value, paint: Paint) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let words = |value: &Value| Cleaner::line(value.as_str().unwrap_or_default());
    let journal = &status["journal"];
    let tabs = status["tabs"].as_array().map_or(0, Vec::len);
    let lines = [
        ("version", words(&status["version"])),
        ("up for", span(number(&status["uptimeMs"]))),
        (
            "codex",
            status["codex"]
                .as_str()
                .map_or("not asked yet".to_owned(), Cleaner::line),
        ),
        ("memory", bytes(number(&status["memoryBytes"]))),
        (
            "sessions",
            format!(
                "{}, {} awake",
                number(&status["sessions"]),
                number(&status["sessionsAwake"])
            ),
        ),
        ("tabs", tabs.to_string()),
        (
            "journal",
            format!(
                "{}, {} events, {}",
                paint.state(&words(&journal["health"])),
                number(&journal["events"]),
                bytes(number(&journal["fileBytes"]) + number(&journal["walBytes"]))
            ),
        ),
        (
            "redaction",
            match &status["redaction"] {
                redaction if redaction["enabled"] == false => paint.bad("off"),
                redaction => format!("on, {} secrets kept back", number(&redaction["total"])),
            },
        ),
    ];
    let mut text: String = lines
        .iter()
        .map(|(name, value)| format!("  {} {value}\n", paint.dim(&format!("{name:9}"))))
        .collect();
    for warning in status["warnings"].as_array().into_iter().flatten() {
        text += &format!("  {} {}\n", paint.warn("warning  "), words(warning));
    }
    let bridges = status["bridges"].as_array().map_or(&[][..], Vec::as_slice);
    if bridges.is_empty() {
        return text;
    }
    let heading = [
        "BRIDGE",
        "STATE",
        "PID",
        "GENERATION",
        "RESTARTS",
        "MEMORY",
        "LAST EXIT",
    ]
    .map(str::to_owned)
    .to_vec();
    let row = |bridge: &Value| {
        let pid = bridge["pid"]
            .as_u64()
            .map_or("-".to_owned(), |pid| pid.to_string());
        let memory = bridge["memoryBytes"].as_u64().map_or("-".to_owned(), bytes);
        let exit = bridge["lastExit"]
            .as_str()
            .map_or("-".to_owned(), Cleaner::line);
        let (generation, restarts) = (number(&bridge["generation"]), number(&bridge["restarts"]));
        vec![
            words(&bridge["for"]),
            words(&bridge["state"]),
            pid,
            generation.to_string(),
            restarts.to_string(),
            memory,
            exit,
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(heading)
        .chain(bridges.iter().map(row))
        .collect();
    text + "\n"
        + &columns(&rows, paint, |column, cell| {
            if column == 1 {
                paint.state(cell)
            } else {
                cell.to_owned()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_screenful() {
        let status = json!({
            "version": "0.1.0", "uptimeMs": 61_000, "codex": "codex/0.169.0", "memoryBytes": 5 << 20, "sessions": 3,
            "sessionsAwake": 1, "tabs": [{}], "warnings": ["running as root"], "redaction": {"enabled": true, "total": 2},
            "journal": {"health": "writing", "events": 70, "fileBytes": 4096, "walBytes": 0},
            "bridges": [{"for": "service", "state": "up", "pid": 12, "generation": 1, "restarts": 0, "memoryBytes": null, "lastExit": null}],
        });
        assert_eq!(
            text(&status, Paint { on: false }),
            "  version   0.1.0\n  up for    1 min\n  codex     codex/0.169.0\n  memory    5.0 MiB\n  sessions  3, 1 awake\n  tabs      1\n\
             \x20 journal   writing, 70 events, 4.0 KiB\n  redaction on, 2 secrets kept back\n  warning   running as root\n\n\
             BRIDGE   STATE  PID  GENERATION  RESTARTS  MEMORY  LAST EXIT\n\
             service  up     12   1           0         -       -\n"
        );
    }
}
