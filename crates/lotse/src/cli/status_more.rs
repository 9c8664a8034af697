//! Arguments of `lotse status template|recurring|audience|upstream`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use url::Url;

use super::status_report::{Kept, OneArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Write a template; {components}, {regions}, {began} and {ended} stand for what they say
    #[command(after_help = "Example:\n  lotse status template set slow \
        --title \"{components} is slow\" --affects Compute=50")]
    Set(TemplateArguments),
    /// List the templates
    #[command(after_help = "Example:\n  lotse status template list")]
    List(Kept),
    /// Remove a template
    #[command(after_help = "Example:\n  lotse status template remove slow")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct TemplateArguments {
    /// Its name: small letters, digits, hyphens
    pub(crate) name: String,
    /// The headline
    #[arg(long, value_name = "TEXT", required_unless_present = "text")]
    pub(crate) title: Option<String>,
    /// The text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name); may be repeated
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) affects: Vec<String>,
    /// How badly they are touched, 0 (planned) to 100
    #[arg(long, value_name = "SEVERITY", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) severity: Option<u8>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecurringCommand {
    /// Plan maintenance that comes again
    #[command(after_help = "Example:\n  lotse status recurring set patches \"Security updates\" \
        --affects Compute \\\n    --start 2026-12-01T21:00:00Z --zone Europe/Berlin --minutes 90 \
        --rule \"FREQ=MONTHLY;BYDAY=1TU\"")]
    Set(RecurringArguments),
    /// List what recurs
    #[command(after_help = "Example:\n  lotse status recurring list")]
    List(Kept),
    /// Remove it with the occurrences that are still to come
    #[command(after_help = "Example:\n  lotse status recurring remove patches")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RecurringArguments {
    /// Its name: small letters, digits, hyphens
    pub(crate) name: String,
    /// The headline of each occurrence
    pub(crate) title: String,
    /// What each is about
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name); may be repeated
    #[arg(long, value_name = "COMPONENT", required = true)]
    pub(crate) affects: Vec<String>,
    /// When the first one begins
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Timestamp,
    /// The time zone (IANA) whose clocks count; UTC if not given
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// How long each takes
    #[arg(long, value_name = "MINUTES")]
    pub(crate) minutes: u32,
    /// When it comes again, as in iCalendar: FREQ=DAILY, WEEKLY or MONTHLY with INTERVAL, BYDAY,
    /// BYMONTHDAY, COUNT, UNTIL
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: String,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AudienceCommand {
    /// Declare an audience; with --link, make a secret link to its page, which ends the one before
    #[command(
        after_help = "Examples:\n  lotse status audience set partners \"Partners\" --link\n  \
        lotse status audience set staff \"Staff\" --group cloud-admins --group helpdesk"
    )]
    Set(AudienceArguments),
    /// Let only these audiences see a component; everybody, when none is given
    #[command(after_help = "Example:\n  lotse status audience show Registry partners")]
    Show(ShowArguments),
    /// List the audiences
    #[command(after_help = "Example:\n  lotse status audience list")]
    List(Kept),
    /// Remove an audience that no component is for
    #[command(after_help = "Example:\n  lotse status audience remove partners")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct AudienceArguments {
    /// Its name: small letters, digits, hyphens
    pub(crate) name: String,
    /// What people call it
    pub(crate) title: String,
    /// Make a secret link and print it; it is shown only once
    #[arg(long)]
    pub(crate) link: bool,
    /// A group at the identity provider whose people see its page after signing in; may be repeated.
    /// Those given replace the ones before
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    /// Let no group see its page
    #[arg(long, conflicts_with = "group")]
    pub(crate) no_groups: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// The component (id or name)
    pub(crate) component: String,
    /// The names of the audiences
    pub(crate) audiences: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UpstreamCommand {
    /// Tell of something at a provider; it is shown apart and never counted
    #[command(after_help = "Example:\n  lotse status upstream add Carrier \"A fibre is cut\" \
        --url https://status.example.net/1")]
    Add(UpstreamArguments),
    /// Say that it is over
    #[command(after_help = "Example:\n  lotse status upstream close ID")]
    Close(OneArguments),
    /// List what providers have
    #[command(after_help = "Example:\n  lotse status upstream list")]
    List(Kept),
    /// Remove it
    #[command(after_help = "Example:\n  lotse status upstream remove ID")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct UpstreamArguments {
    /// Whose it is
    pub(crate) provider: String,
    /// The headline
    pub(crate) title: String,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Where the provider tells more
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<Url>,
    /// When it began; now if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) began: Option<Timestamp>,
    /// A component of ours that may be touched; may be repeated
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) affects: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// Publish what was learned from an incident.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  lotse status postmortem ID learned.txt")]
pub(crate) struct PostmortemArguments {
    /// The incident
    pub(crate) id: String,
    /// The text; without a file, what was published is taken back
    pub(crate) file: Option<PathBuf>,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}
