//! Arguments of `lotse status incident|maintenance|component|sla|import|export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

/// Where the page is kept.
#[derive(Args, Debug)]
pub(crate) struct Kept {
    /// Where the page is kept, as in `lotse status serve`
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Open an incident
    #[command(after_help = "Example:\n  \
        lotse status incident open \"Compute is slow\" --affects Compute=66 --text \"We look into it.\"")]
    Open(OpenArguments),
    /// Say something about an incident or maintenance
    #[command(after_help = "Example:\n  \
        lotse status incident update ID --name \"Cause found\" --text \"A switch.\" --phase Fixing")]
    Update(UpdateArguments),
    /// Close an incident, now or at another time
    #[command(after_help = "Example:\n  lotse status incident close ID --phase Done")]
    Close(CloseArguments),
    /// Open an incident again
    #[command(after_help = "Example:\n  lotse status incident reopen ID")]
    Reopen(OneArguments),
    /// List what goes on, the newest first
    #[command(after_help = "Example:\n  lotse status incident list --all --format json")]
    List(ListArguments),
    /// Remove an incident or maintenance with all that was said about it
    #[command(after_help = "Example:\n  lotse status incident remove ID")]
    Remove(OneArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Plan maintenance
    #[command(
        after_help = "Example:\n  lotse status maintenance plan \"New switches\" --affects Compute \
        \\\n    --from 2026-12-01T20:00:00Z --until 2026-12-01T22:00:00Z"
    )]
    Plan(PlanArguments),
    /// List what is planned or going on, the newest first
    #[command(after_help = "Example:\n  lotse status maintenance list")]
    List(ListArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ComponentCommand {
    /// Declare a component
    #[command(after_help = "Example:\n  lotse status component add Compute --label region=west")]
    Add(AddArguments),
    /// List the components
    #[command(after_help = "Example:\n  lotse status component list")]
    List(Kept),
    /// Remove a component that no incident touched
    #[command(after_help = "Example:\n  lotse status component remove Compute")]
    Remove(OneArguments),
}

#[derive(Args, Debug)]
pub(crate) struct OpenArguments {
    /// The headline
    #[arg(required_unless_present = "template")]
    pub(crate) name: Option<String>,
    /// The template that says what is not said here
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name) and how badly it is touched, 1 to 100 (50 if not given); may be repeated
    #[arg(long, value_name = "COMPONENT[=SEVERITY]")]
    pub(crate) affects: Vec<String>,
    /// When it began; now if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) began: Option<Timestamp>,
    /// Where its handling stands; the first phase if not given
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// The headline
    pub(crate) name: String,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name); may be repeated
    #[arg(long, value_name = "COMPONENT", required = true)]
    pub(crate) affects: Vec<String>,
    /// When it begins
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Timestamp,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Timestamp,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArguments {
    /// The incident
    pub(crate) id: String,
    /// A headline
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["text", "template"])]
    pub(crate) name: Option<String>,
    /// The template that says what is not said here
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Option<String>,
    /// What is new
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Where its handling stands now
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct CloseArguments {
    /// The incident
    pub(crate) id: String,
    /// When it ended; now if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// Where its handling stands now
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct OneArguments {
    /// Which one
    pub(crate) id: String,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// Also what is over
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct AddArguments {
    /// What people call it
    pub(crate) name: String,
    /// A label; `region` and `group` order the page; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<String>,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// Report how available components were in a month.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  lotse status sla --month 2026-11\n  \
    lotse status sla --month 2026-11 --csv --count-maintenance")]
pub(crate) struct SlaArguments {
    /// The month in UTC, YYYY-MM
    #[arg(long, value_name = "MONTH")]
    pub(crate) month: String,
    /// Write CSV
    #[arg(long)]
    pub(crate) csv: bool,
    /// Close the month: tell billing with the event `status.sla.closed`; once, when the month is over
    #[arg(long)]
    pub(crate) close: bool,
    /// Let planned work count as not available
    #[arg(long)]
    pub(crate) count_maintenance: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// Write everything on the page as one JSON document.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  lotse status export > status.json")]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) kept: Kept,
}

/// Where a page comes from.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum From {
    /// `lotse status export`
    Lotse,
    /// The public JSON of Statuspage: `summary.json`, `incidents.json` and so on
    Statuspage,
    /// The database of the SCS status page, `postgres://…`
    Scs,
    /// Answers of the API of Cachet, version 2 or 3: `components`, `incidents`, `schedules`
    Cachet,
    /// The database `kuma.db` of Uptime Kuma, or its backup in JSON
    Kuma,
}

/// Put everything of a document on an empty page.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  lotse status import status.json\n  \
    lotse status import --from statuspage components.json incidents.json\n  \
    lotse status import --from scs postgres://status@db/status\n  \
    lotse status import --from kuma kuma.db")]
pub(crate) struct ImportArguments {
    /// The documents, several only of Statuspage and Cachet; or the address of the database
    #[arg(value_name = "FILE|URL", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where they come from
    #[arg(long, value_enum, default_value_t = From::Lotse)]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) kept: Kept,
}
