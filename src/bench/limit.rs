//! The limit: a minimal program from a pipe to sockets. Frames are built once, there is one write a batch and client, and
//! nothing is parsed, redacted, numbered, kept or asked. What it reaches is what the machine allows.
//!
//! Not a server: whoever connects is let in, and one who does not read stops all.

use std::{
    io::{self, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    task::JoinSet,
};

use super::{
    Load,
    client::{Door, Seen, Tab},
    report::{Row, Target},
    usage::Usage,
};
use crate::args::BenchLimitArgs;

/// What is read from the pipe, and so written to each client, at once. As much as the pipe holds.
const BATCH: usize = 256 << 10;
/// Room for the longest head of a frame in front of a batch.
const HEAD: usize = 10;

/// Runs the limit under `load` and measures what its clients see.
pub(super) async fn measure(load: Load) -> anyhow::Result<Row> {
    let clients = load.sessions * load.tabs;
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("bench-limit")
        .args(["--clients", &clients.to_string()])
        .args(["--rate", &load.rate.to_string()])
        .args(["--size", &load.size.to_string()])
        .args(["--seconds", &load.time.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start the limit")?;
    let pid = child.id().context("the limit has ended")?;
    let mut said = String::new();
    let stdout = child.stdout.take().context("its stdout is piped")?;
    BufReader::new(stdout).read_line(&mut said).await?;
    let addr: SocketAddr = said
        .trim()
        .parse()
        .context("the limit says where it listens")?;
    let door = Door { addr, token: None };

    let mut opening = JoinSet::new();
    for _ in 0..clients {
        let door = door.clone();
        opening.spawn(async move { Tab::open(&door).await });
    }
    let mut reading = JoinSet::new();
    while let Some(tab) = opening.join_next().await {
        let mut tab = tab??;
        reading.spawn(async move {
            tab.read_turn().await?;
            anyhow::Ok(tab.seen)
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = reading.join_next().await {
        all.merge(&seen??);
    }
    let usage = Usage::of(pid);
    let mut row = Row::new(Target::Limit, load, &all);
    row.cost(usage.cpu, all.events / clients.max(1) as u64, all.events);
    row.resident = usage.resident;
    child.kill().await.context("stop the limit")?;
    Ok(row)
}

/// The program: waits for its clients, then streams what its source says.
pub fn serve(args: &BenchLimitArgs) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen")?;
    println!("{}", listener.local_addr()?);
    let mut clients = Vec::new();
    for _ in 0..args.clients {
        clients.push(welcome(listener.accept().context("accept")?.0)?);
    }
    let mut source = Command::new(std::env::current_exe()?)
        .arg("bench-source")
        .args(["--clients", "0", "--rate", &args.rate.to_string()])
        .args(["--size", &args.size.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .context("start the source")?;
    let mut pipe = source.stdout.take().context("its stdout is piped")?;
    // A small pipe would only cost more calls; where the system does not allow more, it stays small.
    let _small = rustix::pipe::fcntl_setpipe_size(&pipe, BATCH);

    let mut buffer = vec![0; HEAD + BATCH];
    let mut kept = 0;
    loop {
        let read = pipe
            .read(&mut buffer[HEAD + kept..])
            .context("read the pipe")?;
        let filled = HEAD + kept + read;
        if read == 0 {
            break;
        }
        let Some(newline) = memchr::memrchr(b'\n', &buffer[HEAD..filled]) else {
            kept = filled - HEAD;
            continue;
        };
        let start = put_head(&mut buffer, newline);
        for client in &mut clients {
            client
                .write_all(&buffer[start..HEAD + newline])
                .context("write to a client")?;
        }
        buffer.copy_within(HEAD + newline + 1..filled, HEAD);
        kept = filled - (HEAD + newline + 1);
    }
    source.wait().context("wait for the source")?;
    // Whoever measures looks at this process before it ends it.
    thread::park_timeout(Duration::from_secs(60));
    Ok(ExitCode::SUCCESS)
}

fn welcome(mut client: TcpStream) -> anyhow::Result<TcpStream> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).context("read a request")?;
        head.push(byte[0]);
    }
    client.set_nodelay(true)?;
    client.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    )?;
    Ok(client)
}

/// Puts the head of a text frame right before the payload of `length`; gives where the frame begins.
fn put_head(buffer: &mut [u8], length: usize) -> usize {
    let start = match length {
        0..126 => {
            buffer[HEAD - 1] = length as u8;
            HEAD - 2
        }
        126..65_536 => {
            buffer[HEAD - 3] = 126;
            buffer[HEAD - 2..HEAD].copy_from_slice(&(length as u16).to_be_bytes());
            HEAD - 4
        }
        _ => {
            buffer[HEAD - 9] = 127;
            buffer[HEAD - 8..HEAD].copy_from_slice(&(length as u64).to_be_bytes());
            HEAD - 10
        }
    };
    buffer[start] = 0x81;
    start
}

/// The source of the limit: numbered deltas of the form and length that the host gives to its tabs, then the turn's end.
pub fn source(args: &BenchLimitArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let prose = codex::scenario::Prose::new(0, args.size);
    let thread = "01a20c8d-ab75-7f30-9b65-88c378ccef10";
    let middle = format!(
        r#","generation":1,"method":"item/agentMessage/delta","params":{{"threadId":"{thread}","turnId":"{thread}","itemId":"msg_6cfb3fecfa3d4c78","delta":""#
    );
    let began = Instant::now();
    let time = Duration::from_secs(args.seconds);
    let mut lines = Vec::with_capacity(BATCH);
    let mut seq = 0;
    while began.elapsed() < time {
        let due = match args.rate {
            0 => seq + 256,
            rate => (began.elapsed().as_secs_f64() * rate as f64) as u64 + 1,
        };
        while seq < due {
            seq += 1;
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            write!(lines, r#"{{"seq":{seq}"#)?;
            lines.extend_from_slice(middle.as_bytes());
            prose.stamped_piece(seq, args.size, now.as_micros() as u64, &mut lines);
            if lines.last() == Some(&b'\n') {
                lines.pop();
                lines.extend_from_slice(b"\\n");
            }
            writeln!(lines, "\"}},\"emittedAtMs\":{}}}", now.as_millis())?;
        }
        out.write_all(&lines).context("write to the pipe")?;
        out.flush()?;
        lines.clear();
        if args.rate > 0 {
            // The pace of a model, not a wait for anybody.
            let next = Duration::from_secs_f64(seq as f64 / args.rate as f64);
            thread::park_timeout(next.saturating_sub(began.elapsed()));
        }
    }
    writeln!(
        out,
        r#"{{"seq":{},"generation":1,"method":"turn/completed","params":{{"threadId":"{thread}"}}}}"#,
        seq + 1
    )?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_stand_right_before_their_payload() {
        for (length, head) in [
            (5, vec![0x81, 5]),
            (300, vec![0x81, 126, 1, 44]),
            (70_000, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
        ] {
            let mut buffer = vec![0; HEAD];
            let start = put_head(&mut buffer, length);
            assert_eq!(buffer[start..], head);
        }
    }
}
