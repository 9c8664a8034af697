//! `lotse serve`: the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;

use lotse_core::error::ExitCode;
use serde_json::json;

use crate::cli::serve::ServeArguments;
use crate::daemon::supervisor::Supervisor;
use crate::daemon::{self, Daemon, Start};
use crate::failure::CommandResult;
use crate::settings::config::Config;
use crate::settings::{Environment, Globals, LOTSE_LOG, LogFormat, Logging};
use crate::{logging, output};

/// The configuration file, unless one is named.
pub(super) const CONFIG: &str = "lotse.yaml";

/// Runs the daemon until it is told to stop.
pub(super) fn run(
    arguments: &ServeArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let path = globals.config.clone().unwrap_or_else(|| PathBuf::from(CONFIG));
    let config = Config::read(&path)?.value;
    start_logging(arguments, globals, environment, &config);
    super::server_runtime()?.block_on(async {
        let stop = daemon::cancelled_by_signal()?;
        let start = Start { config: &config, environment, mode: "serve" };
        let daemon = Daemon::start(start).await?;
        let supervisor = Supervisor::of(environment);
        supervisor.ready();
        let page = format!("http://{}", daemon.address);
        let link = daemon.sign_in_link().await?;
        if globals.json() {
            let (status, api) = daemon.status_page().unzip();
            let url = |address: SocketAddr| format!("http://{address}");
            let hello = json!({
                "event": "started", "page": page, "sign_in": link,
                "status": status.map(url), "status_api": api.map(url),
            });
            output::data(globals, &format!("{hello}\n"))?;
        } else {
            output::note(globals, &format!("lotse listens on {page}"));
            if let Some((status, _)) = daemon.status_page() {
                output::note(globals, &format!("the status page is at http://{status}"));
            }
            if let Some(link) = link {
                output::note(globals, &format!("sign in, once and within the hour: {link}"));
            }
        }
        stop.cancelled().await;
        supervisor.stopping();
        let clean = daemon.stop().await;
        Ok(if clean { ExitCode::Success } else { ExitCode::Failed })
    })
}

fn start_logging(
    arguments: &ServeArguments,
    globals: &Globals,
    environment: &Environment,
    config: &Config,
) {
    let explicit = globals.quiet || globals.verbosity > 0 || environment.get(LOTSE_LOG).is_some();
    let filter = if explicit { &globals.logging.filter } else { &config.log.filter };
    let format = if arguments.log_json { LogFormat::Json } else { config.log.format };
    logging::start(&Logging { filter: filter.clone(), format, color: globals.logging.color });
}
