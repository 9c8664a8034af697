//! Arguments of `lotse config`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check lotse.yaml and everything it names
    ///
    /// Reads the configuration, the clouds it names, the declared files and the secrets. Nothing is
    /// contacted and nothing is changed.
    #[command(after_help = "Example:\n  lotse config check --config lotse.yaml")]
    Check,
    /// Print the JSON Schema of lotse.yaml, for editors
    Schema,
}
