//! Arguments of `lotse status subscriber`.

use clap::{Args, Subcommand, ValueEnum};

use super::status_report::Kept;

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriberCommand {
    /// Add somebody who is told from now on, without being asked
    ///
    /// Who is known already gets these wishes instead of those before. Messages are sent by `lotse serve`.
    #[command(after_help = "Examples:\n  \
        lotse status subscriber add --mail ada@example.org --region west --least 34\n  \
        lotse status subscriber add --webhook https://hooks.example.org/x --shape slack\n  \
        lotse status subscriber add --channel matrix-room --digest daily")]
    Add(AddArguments),
    /// List who is told; the paths of webhooks are not shown
    #[command(after_help = "Example:\n  lotse status subscriber list")]
    List(Kept),
    /// Remove somebody, by id, address or name of the channel
    #[command(after_help = "Example:\n  lotse status subscriber remove ada@example.org")]
    Remove(RemoveArguments),
    /// Write everything that is known of subscribers as JSON
    #[command(after_help = "Example:\n  lotse status subscriber export > subscribers.json")]
    Export(Kept),
}

#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct AddArguments {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Only this component (id or name); may be repeated
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) component: Vec<String>,
    /// Only components of this region; may be repeated
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Vec<String>,
    /// Only incidents of at least this severity
    #[arg(long, value_name = "SEVERITY", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) least: u8,
    /// No planned maintenance
    #[arg(long)]
    pub(crate) no_maintenance: bool,
    /// How often
    #[arg(long, value_enum, default_value_t)]
    pub(crate) digest: DigestArgument,
    /// What a webhook is sent
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shape: ShapeArgument,
    /// The language of messages
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = ["en", "de"])]
    pub(crate) language: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// Who is told.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// By mail
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail: Option<String>,
    /// By webhook
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// By a channel of the section `notify` of lotse.yaml, for example a Matrix room
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveArguments {
    /// Who
    pub(crate) whom: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum DigestArgument {
    /// At once
    #[default]
    None,
    /// Every morning, gathered
    Daily,
    /// Every Monday morning, gathered
    Weekly,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ShapeArgument {
    /// Signed JSON for programs
    #[default]
    Standard,
    /// An incoming webhook of Mattermost
    Mattermost,
    /// An incoming webhook of Slack
    Slack,
    /// A workflow webhook of Microsoft Teams
    Teams,
}
