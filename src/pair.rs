//! `holdfast pair`: a one-time sign-in link for another device, as text and as a QR code. The running host makes the code; it
//! goes to this terminal and nowhere else.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use config::EX_CONFIG;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use crate::{
    args::PairArgs,
    control::{Invitation, Request, client},
};

/// Black on white whatever the terminal's own colours are: a camera does not read every code that is inverted.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// Asks the host and shows what it gave.
pub fn run(args: PairArgs) -> anyhow::Result<ExitCode> {
    let state_dir = match client::state_dir(args.config) {
        Ok(state_dir) => state_dir,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let request = Request::Pair {
        role: args.role.map(|role| role.as_str().to_owned()),
        origin: args.origin,
    };
    let invitation: Invitation = client::ask(&state_dir, &request)?;
    let mut out = io::stdout().lock();
    let shown = show(&invitation, out.is_terminal())?;
    out.write_all(shown.as_bytes())
        .and_then(|()| out.flush())
        .context("print the link")?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed: the code, the link, and what to know about it.
fn show(invitation: &Invitation, coloured: bool) -> anyhow::Result<String> {
    let Invitation {
        link,
        role,
        expires_in_ms,
    } = invitation;
    let mut text = String::new();
    for line in qr_lines(link)? {
        if coloured {
            text += &format!("{BLACK_ON_WHITE}{line}{PLAIN}\n");
        } else {
            text += &format!("{line}\n");
        }
    }
    let lifetime = Duration::from_millis(*expires_in_ms);
    let allows = match role.as_str() {
        "view" => "It can then read everything, and change nothing.",
        "approve" => "It can then read everything, and answer what Codex asks.",
        _ => "It can then do everything, as you can.",
    };
    text += &format!(
        "\n{link}\n\nOpen this on the other device within {}; it works once.\n{allows}\n\
         Sign it out again with `holdfast sign-ins`, or on the Host page.\n",
        spoken(lifetime)
    );
    if is_of_this_machine(link) {
        text += "\nThis address leads to this machine alone. To reach the host from a phone, publish it with\n\
                 Tailscale Serve and add its https address to allowed_hosts and allowed_origins.\n";
    }
    Ok(text)
}

/// The QR code of a text in half blocks, with its quiet zone; dark is ink.
fn qr_lines(text: &str) -> anyhow::Result<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .context("make a QR code of the link")?;
    let drawn = code.render::<Dense1x2>().quiet_zone(true).build();
    Ok(drawn.lines().map(str::to_owned).collect())
}

/// "2 minutes", "90 seconds".
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        (1, 0) => "1 minute".to_owned(),
        (minutes, 0) if minutes > 0 => format!("{minutes} minutes"),
        _ => format!("{seconds} seconds"),
    }
}

fn is_of_this_machine(link: &str) -> bool {
    let host = link.split_once("://").map_or(link, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|name| host.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(link: &str) -> Invitation {
        Invitation {
            link: link.to_owned(),
            role: "view".to_owned(),
            expires_in_ms: 120_000,
        }
    }

    /// The modules that stand in half blocks: true is dark.
    fn modules(lines: &[String]) -> Vec<Vec<bool>> {
        let row = |line: &String, upper: char| {
            let dark = |c: char| c == '█' || c == upper;
            line.chars().map(dark).collect::<Vec<_>>()
        };
        let rows = lines
            .iter()
            .flat_map(|line| [row(line, '▀'), row(line, '▄')]);
        rows.collect()
    }

    #[test]
    fn the_code_in_the_terminal_is_the_code_of_the_link_in_its_quiet_zone() {
        let link = "https://dev.tail1.ts.net/#pair=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let code = QrCode::with_error_correction_level(link, EcLevel::L).unwrap();
        let (width, quiet) = (code.width(), 4);
        let drawn = modules(&qr_lines(link).unwrap());
        let all = width + 2 * quiet;
        assert_eq!((drawn.len(), drawn[0].len()), (all + all % 2, all));
        for (y, row) in drawn.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let inside =
                    (quiet..quiet + width).contains(&x) && (quiet..quiet + width).contains(&y);
                let expected = inside && code[(x - quiet, y - quiet)] == qrcode::Color::Dark;
                assert_eq!(*dark, expected, "{x} {y}");
            }
        }
    }

    #[test]
    fn the_text_says_the_link_once_how_long_it_works_and_what_it_allows() {
        let link = "https://dev.tail1.ts.net/#pair=x";
        let text = show(&invitation(link), true).unwrap();
        assert_eq!(text.matches(link).count(), 1);
        assert!(text.contains("within 2 minutes"), "{text}");
        assert!(text.contains("change nothing"), "{text}");
        assert!(!text.contains("this machine alone"), "{text}");
        let coloured = text.lines().filter(|line| line.starts_with(BLACK_ON_WHITE));
        assert_eq!(coloured.count(), qr_lines(link).unwrap().len());
        let local = show(&invitation("http://127.0.0.1:7433/#pair=x"), false).unwrap();
        assert!(local.contains("this machine alone") && !local.contains('\x1b'));
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [30, 60, 90, 120].map(|seconds| spoken(Duration::from_secs(seconds)));
        assert_eq!(said, ["30 seconds", "1 minute", "90 seconds", "2 minutes"]);
    }
}
