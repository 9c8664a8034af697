//! Arguments of `lotse image`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::image_boot::BootArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Show what would change so that the cloud has the declared images
    #[command(
        after_help = "Examples:\n  lotse image plan --images images/ --os-cloud my-cloud\n  \
        lotse image plan --images images/ --os-cloud my-cloud --detailed-exitcode --format json\n  \
        lotse image plan --images images/ --os-cloud east,west --filter '^Debian' --hide --delete"
    )]
    Plan(PlanArguments),
    /// Make the cloud have the declared images
    ///
    /// Shows the plan, asks, and applies it. What is sent is written to a journal first, so that a
    /// run that ends in the middle is taken up by the next one.
    #[command(
        after_help = "Examples:\n  lotse image apply --images images/ --os-cloud my-cloud --yes\n  \
        lotse image apply --images images/ --os-cloud east,west --hide --delete --max-delete 5\n  \
        lotse image apply --images images/ --os-cloud my-cloud --boot-test --boot-flavor m1.small --boot-network staging"
    )]
    Apply(ApplyArguments),
    /// Show which images there are, beside those that are declared, and how old they are
    #[command(after_help = "Example:\n  lotse image list --images images/ --os-cloud east,west")]
    List(SelectArguments),
    /// Compare images with what is declared: their content, as far as the cloud knows a checksum,
    /// and all that they say of it
    ///
    /// Exits with 4 when an image is missing or not as declared.
    #[command(
        after_help = "Example:\n  lotse image verify --images images/ --os-cloud my-cloud --format json"
    )]
    Verify(SelectArguments),
    /// Show which builds of an image a cloud has had, and what was done to them from here
    #[command(
        after_help = "Example:\n  lotse image history 'Debian 13' --images images/ --os-cloud my-cloud"
    )]
    History(HistoryArguments),
    /// Give the plain name back to the image before
    ///
    /// The image that loses the name is hidden and stays. Later plans respect that, and say so, until
    /// a version is declared that is newer than the one rolled back from, or until --undo.
    #[command(
        after_help = "Examples:\n  lotse image rollback 'Debian 13' --images images/ --os-cloud my-cloud\n  \
        lotse image rollback 'Debian 13' --to 20260901 --os-cloud my-cloud --yes\n  \
        lotse image rollback 'Debian 13' --undo --os-cloud my-cloud"
    )]
    Rollback(RollbackArguments),
    /// Share an image of the visibility `shared` with projects, or end that
    ///
    /// Memberships are made and accepted, so that the projects find the image at once; accepting
    /// needs the rights of an administrator.
    #[command(
        after_help = "Examples:\n  lotse image share 'Appliance' --project web --project-domain customers --os-cloud c\n  \
        lotse image share 'Appliance' --domain customers --remove --os-cloud c"
    )]
    Share(ShareArguments),
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
    /// Keep what is declared in a mirror: a folder or a bucket, without a cloud
    ///
    /// Fetches the file of every enabled version that is not there yet, verifies it and keeps it, with
    /// an index. `plan` and `apply` take content from there with --mirror.
    #[command(after_help = super::image_mirror::HELP)]
    Mirror(super::image_mirror::MirrorArguments),
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
    /// Only definitions whose name this regular expression finds
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) content: ContentArguments,
}

/// How content gets to the cloud, and where it lies there.
#[derive(Args, Debug, Default)]
pub(crate) struct ContentArguments {
    /// Who downloads the content of images where there is a choice
    #[arg(long, value_enum, default_value_t)]
    pub(crate) import: Import,
    /// A mirror of your own (`lotse image mirror`), from which content comes where it has it: a folder, or
    /// a bucket as `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// A cloud that keeps the same images, from which content is copied where it is the declared one;
    /// also a region (NAME@REGION)
    #[arg(long, value_name = "CLOUD")]
    pub(crate) copy_from: Option<String>,
    /// A store of the cloud in which images shall be whose definition names none; may be repeated
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all_stores")]
    pub(crate) stores: Vec<String>,
    /// Such images shall be in all stores that can be written to
    #[arg(long)]
    pub(crate) all_stores: bool,
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

/// What is done with images that newer ones have superseded.
#[derive(Args, Debug)]
#[command(next_help_heading = "Superseded images")]
pub(crate) struct RetireArguments {
    /// Import the newest version of each image only
    #[arg(long)]
    pub(crate) latest: bool,
    /// Delete superseded images that their `uuid_validity` promises no longer; giving it is the
    /// consent to destroy
    #[arg(long)]
    pub(crate) delete: bool,
    /// Hide superseded images: their visibility becomes `community`
    #[arg(long)]
    pub(crate) hide: bool,
    /// The visibility that hidden images get
    #[arg(long, value_name = "VISIBILITY", requires = "hide")]
    pub(crate) hidden_visibility: Option<HiddenVisibility>,
    /// Hide by leaving images out of listings (`os_hidden`)
    #[arg(long, requires = "hide")]
    pub(crate) use_os_hidden: bool,
    /// Deactivate superseded images that are promised no longer and are not deleted
    #[arg(long)]
    pub(crate) deactivate: bool,
    /// Retire images whose `provided_until` is over, too
    #[arg(long)]
    pub(crate) retire_expired: bool,
}

/// Who sees hidden images.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum HiddenVisibility {
    /// Everybody who knows the id
    Community,
    /// The owning project
    Private,
    /// The owning project and its chosen members
    Shared,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    #[command(flatten)]
    pub(crate) retire: RetireArguments,
    #[command(flatten)]
    pub(crate) boot: BootArguments,
    /// Exit with 3 when there are differences
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Means nothing here; scripts may give plan and apply the same options
    #[arg(long, hide = true, alias = "yes-i-really-know-what-i-do")]
    pub(crate) yes: bool,
    /// Means nothing here, as `--yes`
    #[arg(long, hide = true, value_name = "N")]
    pub(crate) max_delete: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    #[command(flatten)]
    pub(crate) retire: RetireArguments,
    #[command(flatten)]
    pub(crate) boot: BootArguments,
    #[command(flatten)]
    pub(crate) consent: ConsentArguments,
    /// Exit with 3 when there were differences and they were applied
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// What a person says to a plan beforehand.
#[derive(Args, Debug)]
pub(crate) struct ConsentArguments {
    /// Apply without asking
    #[arg(long, alias = "yes-i-really-know-what-i-do")]
    pub(crate) yes: bool,
    /// Show the plan and end, as `plan` does
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Delete at most so many images on one cloud; by default 20, and no more than half of them when
    /// there are more than three
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct HistoryArguments {
    /// The definition, by its name; all by default
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) select: SelectArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RollbackArguments {
    /// The definition, by its name
    pub(crate) name: String,
    /// The version to go back to [default: the one before the present one]
    #[arg(long, value_name = "VERSION", conflicts_with = "undo")]
    pub(crate) to: Option<String>,
    /// End a rollback: the newest version gets the name again
    #[arg(long)]
    pub(crate) undo: bool,
    #[command(flatten)]
    pub(crate) select: SelectArguments,
    /// Apply without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Show the plan and end
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShareArguments {
    /// The image, by its name in the cloud
    pub(crate) name: String,
    /// A project, by name or id; can be given several times
    #[arg(long = "project", value_name = "PROJECT", required_unless_present = "domains")]
    pub(crate) projects: Vec<String>,
    /// All projects of a domain, by name or id; can be given several times
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<String>,
    /// The domain of the projects that are given by name
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) project_domain: Option<String>,
    /// End sharing
    #[arg(long)]
    pub(crate) remove: bool,
    /// Tag that marks the images we manage
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Apply without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Show the plan and end
    #[arg(long)]
    pub(crate) dry_run: bool,
}
