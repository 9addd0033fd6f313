//! `holdfast sign-ins`: shows who is signed in at the running host, and ends sign-ins. Tokens are another matter: `reload`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use config::EX_CONFIG;

use crate::{
    args::SignInsArgs,
    control::{Request, Revoked, SignInLine, SignInList, client},
    reload::counted,
};

/// Lists, or ends what is named.
pub fn run(args: SignInsArgs) -> anyhow::Result<ExitCode> {
    let state_dir = match client::state_dir(args.config) {
        Ok(state_dir) => state_dir,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let text = match (args.revoke, args.all) {
        (None, false) => {
            let list: SignInList = client::ask(&state_dir, &Request::SignIns {})?;
            table(&list.data, now_ms())
        }
        (id, _) => {
            let request = Request::Revoke { id: id.clone() };
            let Revoked { revoked } = client::ask(&state_dir, &request)?;
            if let (Some(id), 0) = (&id, revoked) {
                bail!("there is no sign-in {id}; it may have ended by itself");
            }
            format!("ended {}\n", counted(revoked, "sign-in"))
        }
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("print the sign-ins")?;
    Ok(ExitCode::SUCCESS)
}

/// A line each, oldest first.
fn table(list: &[SignInLine], now_ms: u64) -> String {
    if list.is_empty() {
        return "nobody is signed in\n".to_owned();
    }
    let mut text = format!(
        "{:16}  {:7}  {:>9}  {:>9}  device\n",
        "id", "role", "signed in", "last used"
    );
    for entry in list {
        let used = if entry.sockets > 0 {
            "now".to_owned()
        } else {
            ago(now_ms.saturating_sub(entry.last_used_at_ms))
        };
        text += &format!(
            "{:16}  {:7}  {:>9}  {used:>9}  {}\n",
            entry.id,
            entry.role,
            ago(now_ms.saturating_sub(entry.created_at_ms)),
            entry.device
        );
    }
    text
}

/// "3 h ago", to the largest unit.
fn ago(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table_for_people() {
        let line = |id: &str, sockets| SignInLine {
            id: id.to_owned(),
            device: "Safari on iPhone".to_owned(),
            role: "view".to_owned(),
            created_at_ms: 0,
            last_used_at_ms: 7_100_000,
            sockets,
        };
        let list = [line("00112233445566aa", 1), line("00112233445566ab", 0)];
        assert_eq!(
            table(&list, 7_200_000),
            "id                role     signed in  last used  device\n\
             00112233445566aa  view       2 h ago        now  Safari on iPhone\n\
             00112233445566ab  view       2 h ago  1 min ago  Safari on iPhone\n"
        );
        assert_eq!(table(&[], 0), "nobody is signed in\n");
    }
}
