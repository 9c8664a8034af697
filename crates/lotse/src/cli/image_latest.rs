//! Arguments of `lotse image latest`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct LatestArguments {
    /// Definition file, or directory of them [default: images/ in the estate]
    #[arg(long, value_name = "PATH")]
    pub(crate) images: Option<PathBuf>,
    /// Only definitions whose names match this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<String>,
    /// Definitions that are not enabled, too
    #[arg(long)]
    pub(crate) all: bool,
    /// A file of sources of your own; they come before the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) sources: Option<PathBuf>,
    /// Show what would change in the files, and write nothing
    #[arg(long, conflicts_with = "commit")]
    pub(crate) dry_run: bool,
    /// Rewrite the newest version, even where the definition keeps older ones
    #[arg(long)]
    pub(crate) replace: bool,
    /// Commit the changed files, and nothing else, with Git
    #[arg(long)]
    pub(crate) commit: bool,
    /// Commit on a new branch of this name, which stays checked out
    #[arg(long, value_name = "NAME", requires = "commit")]
    pub(crate) branch: Option<String>,
    /// Exit with 3 when there are newer builds
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}
