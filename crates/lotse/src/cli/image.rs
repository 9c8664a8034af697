//! Arguments of `lotse image`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Show what would change so that the cloud has the declared images
    #[command(
        after_help = "Examples:\n  lotse image plan --images images/ --os-cloud my-cloud\n  \
        lotse image plan --images images/ --os-cloud my-cloud --detailed-exitcode --format json"
    )]
    Plan(PlanArguments),
    /// Make the cloud have the declared images
    ///
    /// Shows the plan, asks, and applies it. What is sent is written to a journal first, so that a
    /// run that ends in the middle is taken up by the next one.
    #[command(
        after_help = "Example:\n  lotse image apply --images images/ --os-cloud my-cloud --yes"
    )]
    Apply(ApplyArguments),
    /// Check definition files without a cloud
    Check(SelectArguments),
    /// Print the JSON Schema of definition files, for editors
    Schema,
    /// Let definition files follow what distributions publish, without a cloud
    ///
    /// Looks for the newest build of every enabled definition and writes version, URL, checksum, date
    /// and mirror of a newer one into its file; comments and everything else stay as they are.
    #[command(after_help = super::image_latest::HELP)]
    Latest(super::image_latest::LatestArguments),
    /// Print the JSON Schema of files of sources (`lotse image latest --sources`), for editors
    SourcesSchema,
}

#[derive(Args, Debug)]
pub(crate) struct SelectArguments {
    /// Definition file, or directory of them [default: images/ in the estate]
    #[arg(long, value_name = "PATH")]
    pub(crate) images: Option<PathBuf>,
    /// Tag that marks the images we manage
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Who downloads the content of images where there is a choice
    #[arg(long, value_enum, default_value_t)]
    pub(crate) import: Import,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Import {
    /// The cloud where it can verify the content, else Lotse, which verifies it first
    #[default]
    Verified,
    /// The cloud wherever it can, even if nobody verifies the content
    Cloud,
    /// Always Lotse
    Stream,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Exit with 3 when there are differences
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Means nothing here; scripts may give plan and apply the same options
    #[arg(long, hide = true)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Exit with 3 when there were differences and they were applied
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Apply without asking
    #[arg(long)]
    pub(crate) yes: bool,
}
