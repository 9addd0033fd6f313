//! `holdfast notify-test`: has the running host tell everybody that this is a test, and says how that went in each channel.
//! Whether a channel is set up soundly is said by `check`.

use std::process::ExitCode;

use config::EX_CONFIG;

use crate::{
    args::NotifyTestArgs,
    control::{NotifyTested, Request, client},
};

/// Asks the host, and prints a line for each channel. Ends with 1 when nobody was told, or one channel failed.
pub fn run(args: NotifyTestArgs) -> anyhow::Result<ExitCode> {
    let state_dir = match client::state_dir(args.config) {
        Ok(state_dir) => state_dir,
        Err(error) => {
            eprintln!("holdfast: {error}");
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let tested: NotifyTested = client::ask(&state_dir, &Request::NotifyTest {})?;
    let (mut reached, mut failed) = (0, false);
    for channel in tested.data {
        reached += channel.reached;
        failed |= channel.error.is_some();
        match channel.error {
            Some(error) => println!("{}: {error}", channel.channel),
            None if channel.channel == "web_push" => {
                println!("web_push: taken for {} browsers", channel.reached);
            }
            None => println!("{}: taken", channel.channel),
        }
    }
    if reached == 0 && !failed {
        println!(
            "nobody would be told: switch Web Push on in a browser, or set up a channel in [notify]"
        );
    }
    Ok(if reached > 0 && !failed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
