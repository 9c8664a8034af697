//! `lotse conformance import`: the reports of another monitor.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use lotse_conformance::monitor::Imported;
use lotse_core::error::ExitCode;
use serde_json::json;

use crate::capability::conformance;
use crate::cli::conformance::ImportArguments;
use crate::cmd::serve::CONFIG;
use crate::failure::{CommandResult, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};
use crate::{daemon, output};

/// Takes reports over into the state of the daemon, which may be at work.
pub(super) async fn run(
    arguments: &ImportArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let path = globals.config.clone().unwrap_or_else(|| PathBuf::from(CONFIG));
    let config = Config::read(&path)?.value;
    let imported = imported(&config, arguments, environment).await?;
    if globals.json() {
        let Imported { reports, known, skipped } = &imported;
        let said = json!({ "reports": reports, "known": known, "skipped": skipped });
        output::json(globals, &said)?;
    } else {
        output::data(globals, &shown(&imported))?;
    }
    Ok(ExitCode::Success)
}

async fn imported(
    config: &Config,
    arguments: &ImportArguments,
    environment: &Environment,
) -> Result<Imported, Failure> {
    let store = Arc::new(daemon::open_state(&config.store_url(environment)?).await?);
    let monitor = conformance::monitor(config, store.clone())?;
    let person = environment.get("USER").unwrap_or("somebody");
    let actor = format!("{person} (command line)");
    // Whole pages of reports make a large future.
    let imported = Box::pin(monitor.import(&arguments.database, &actor)).await;
    store.close().await;
    Ok(imported?)
}

fn shown(imported: &Imported) -> String {
    let Imported { reports, known, skipped } = imported;
    let mut text = format!("imported {reports} reports; {known} were there already\n");
    for (reason, count) in skipped {
        // Writing to a string cannot fail.
        writeln!(text, "left out {count} reports: {reason}").unwrap_or(());
    }
    text
}
