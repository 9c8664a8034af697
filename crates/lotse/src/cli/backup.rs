//! Arguments of `lotse backup` and `lotse restore`.

use std::path::PathBuf;

use clap::Args;

/// Copy the state to a file while everything runs
///
/// The copy holds all that was written before it began, is verified, and appears under its name only
/// when it is complete. An existing file is never overwritten. The state is that of lotse.yaml
/// (--config, or in the current directory), else the one that commands use without a configuration.
/// PostgreSQL has tools of its own: `pg_dump`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  lotse backup --config /etc/lotse/lotse.yaml --to lotse-2026-11-21.db"
)]
pub(crate) struct BackupArguments {
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
}

/// Put a copy of the state where none is
///
/// Verifies the copy first. Refuses while a daemon works with the state, and where a state is: stop
/// the daemon and move the old state (lotse.db and what begins with that name) away before.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  lotse restore --config /etc/lotse/lotse.yaml --from lotse-2026-11-21.db"
)]
pub(crate) struct RestoreArguments {
    /// The file that `lotse backup` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
}
