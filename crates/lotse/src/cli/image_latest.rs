//! Arguments of `lotse image latest`.

use std::path::PathBuf;

use clap::Args;

/// What stands below the options.
pub(crate) const HELP: &str = "Examples:\n  lotse image latest --images images/ --dry-run\n  \
    lotse image latest --images images/ --commit --branch images/update\n  \
    lotse image latest --images images/ --filter '^Debian' --format json\n\n\
    Exit codes: 0 everything is as new as upstream, or is now; 1 some definitions could not be looked \
    up or written (the others were); 2 wrong usage, or a mistake in a file; 3 there are newer builds \
    (--detailed-exitcode); 4 something is too old (--check-age).";

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
    /// Tell how old the builds in the files are and what reaches its end of life; asks and writes nothing
    #[arg(long, conflicts_with_all = ["commit", "dry_run", "replace", "detailed_exitcode"])]
    pub(crate) check_age: bool,
    /// Older builds than this are too old
    #[arg(long, value_name = "DAYS", default_value_t = 90, requires = "check_age",
        value_parser = clap::value_parser!(i64).range(0..=36_500))]
    pub(crate) max_age: i64,
    /// Dates of ends of life: a file that replaces the built-in one, or `PRODUCT=FILE_OR_URL` with the
    /// JSON of endoflife.date's API for one product; can be given several times
    #[arg(long, value_name = "FILE", requires = "check_age")]
    pub(crate) end_of_life: Vec<String>,
    /// Exit with 3 when there are newer builds
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}
