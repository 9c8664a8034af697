//! Arguments of `lotse image mirror`.

use std::path::PathBuf;

use clap::Args;

/// What stands below the options.
pub(crate) const HELP: &str = "Examples:\n  lotse image mirror --images images/ --to /srv/mirror\n  \
    lotse image mirror --images images/ --to s3://images/mirror --format json\n  \
    lotse image mirror --images images/ --to /srv/mirror --prune --yes\n\n\
    A bucket is reached as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and \
    AWS_ENDPOINT_URL_S3 say.\n\n\
    Exit codes: 0 everything that is needed is there; 1 something could not be fetched, verified or \
    kept (the rest is there); 2 wrong usage, or a mistake in a file.";

#[derive(Args, Debug)]
pub(crate) struct MirrorArguments {
    /// Definition file, or directory of them [default: images/ in the estate]
    #[arg(long, value_name = "PATH")]
    pub(crate) images: Option<PathBuf>,
    /// Only definitions whose name this regular expression finds
    #[arg(long, value_name = "REGEX", conflicts_with = "prune")]
    pub(crate) filter: Option<String>,
    /// The mirror: a folder, or a bucket as `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Files under way at once
    #[arg(long, value_name = "N", default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: u16,
    /// Files under way at once from one host
    #[arg(long, value_name = "N", default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) per_host: u16,
    /// Show which copies no enabled definition needs any more, and with --yes remove them
    #[arg(long)]
    pub(crate) prune: bool,
    /// Remove what --prune shows
    #[arg(long, requires = "prune")]
    pub(crate) yes: bool,
}
