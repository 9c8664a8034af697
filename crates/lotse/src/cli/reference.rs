//! Arguments of `lotse completion` and `lotse reference`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  lotse completion bash > ~/.local/share/bash-completion/completions/lotse"
)]
pub(crate) struct CompletionArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ReferenceArguments {
    /// Which reference
    #[arg(value_enum)]
    pub(crate) part: ReferencePart,
    /// Write the manual pages of all commands into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ReferencePart {
    /// Every command with its options, as Markdown.
    Commands,
    /// Every key of `lotse.yaml`, as Markdown.
    Configuration,
    /// Every field of an image definition, as Markdown.
    Images,
    /// Every operation of the JSON API, as Markdown.
    Api,
    /// The manual page, as roff.
    Manual,
}
