//! Whether what Tailscale publishes fits the configuration.

use config::Config;

use super::Report;
use crate::tailscale::{self, Exposure, StatusError};

const WHAT: &str = "tailscale";

pub(super) async fn check(config: &Config, report: &mut Report) {
    let wanted = config.admission.tailscale.serve;
    let status = match tailscale::status().await {
        Ok(status) => status,
        Err(StatusError::NotInstalled) if !wanted => {
            return report.ok(WHAT, "not installed and not needed");
        }
        Err(error) if wanted => {
            return report.fail(
                WHAT,
                format_args!(
                    "{error}; tailscale.serve = true needs it, to be sure that Funnel is off"
                ),
            );
        }
        Err(error) => return report.warn(WHAT, error),
    };
    let exposures = tailscale::exposures(&status, &config.listen);
    if exposures.is_empty() {
        return match wanted {
            false => report.ok(WHAT, "publishes nothing of this host"),
            true => report.warn(
                WHAT,
                format_args!(
                    "tailscale.serve is true, but Serve does not lead to {}; lead it here with `tailscale serve --bg` (docs/tailscale.md)",
                    config.listen
                ),
            ),
        };
    }
    for exposure in exposures {
        match exposure {
            Exposure::Funnel(host) => {
                report.fail(WHAT, format_args!("Funnel publishes this host to the internet under {host}; switch it off: tailscale funnel reset"));
            }
            Exposure::RawForward(port) => report.fail(
                WHAT,
                format_args!("port {port} of the tailnet is forwarded here raw, so callers can not be told; use HTTPS Serve"),
            ),
            Exposure::Serve(host) => check_serve(config, &host, report),
        }
    }
}

fn check_serve(config: &Config, host: &str, report: &mut Report) {
    if !config.admission.tailscale.serve {
        return report.fail(
            WHAT,
            format_args!("Serve publishes this host under {host}, so its requests are refused; set tailscale.serve = true"),
        );
    }
    let name = host
        .strip_suffix(":443")
        .unwrap_or(host)
        .to_ascii_lowercase();
    if config.admission.allowed_hosts.contains(&name) {
        report.ok(
            WHAT,
            format_args!("Serve publishes this host under {name}, Funnel is off"),
        );
    } else {
        report.warn(
            WHAT,
            format_args!(
                "Serve publishes this host under {name}, but allowed_hosts does not have it; add it there, and https://{name} to allowed_origins"
            ),
        );
    }
}
