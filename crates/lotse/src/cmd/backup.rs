//! `lotse backup` and `lotse restore`: copies of the state.

use std::path::{Path, PathBuf};

use lotse_core::error::ExitCode;
use lotse_store::StoreUrl;
use lotse_store::backup::{self, Copied};
use serde_json::json;

use super::serve::CONFIG;
use crate::cli::backup::{BackupArguments, RestoreArguments};
use crate::failure::{CommandResult, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};
use crate::{capability, daemon, output};

/// Copies the state to a file.
pub(super) fn backup(
    arguments: &BackupArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let state = state(globals, environment)?;
    let copy = backup::backup(&state, &arguments.to);
    tell(globals, &state.to_string(), &super::small_runtime()?.block_on(copy)?)
}

/// Puts a copy where no state is.
pub(super) fn restore(
    arguments: &RestoreArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let state = state(globals, environment)?;
    let note = daemon::instance_note();
    let copy = backup::restore(&state, &arguments.from, capability::SCHEMA, &note);
    let copied = super::small_runtime()?.block_on(copy)?;
    tell(globals, &arguments.from.display().to_string(), &copied)
}

/// The state that `serve` would use here; without a configuration the one of all other commands.
fn state(globals: &Globals, environment: &Environment) -> Result<StoreUrl, Failure> {
    let here = || Path::new(CONFIG).is_file().then(|| PathBuf::from(CONFIG));
    match globals.config.clone().or_else(here) {
        Some(path) => Config::read(&path)?.value.store_url(environment),
        None => Ok(StoreUrl::in_directory(&environment.state_directory())),
    }
}

fn tell(globals: &Globals, from: &str, copied: &Copied) -> CommandResult {
    let Copied { file, bytes } = copied;
    if globals.json() {
        output::json(globals, &json!({ "from": from, "file": file, "bytes": bytes }))?;
    } else {
        output::note(globals, &format!("{from} → {} ({bytes} bytes, verified)", file.display()));
    }
    Ok(ExitCode::Success)
}
