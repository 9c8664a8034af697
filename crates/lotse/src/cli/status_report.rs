//! Arguments of `lotse status incident|maintenance|sla|import|export`.

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
    /// Change what is said of an incident, also its times
    #[command(after_help = "Examples:\n  \
        lotse status incident change ID --affects Compute=80 --affects Storage=20\n  \
        lotse status incident change ID --began 2026-11-21T09:30:00Z --silent")]
    Change(ChangeArguments),
    /// Say something about an incident or maintenance
    #[command(after_help = "Example:\n  \
        lotse status incident update ID --name \"Cause found\" --text \"A switch.\" --phase Fixing")]
    Update(UpdateArguments),
    /// Correct what was said, or take it back
    #[command(after_help = "Examples:\n  \
        lotse status incident correct ID 2 --text \"A switch in the second row.\" --silent\n  \
        lotse status incident correct ID 2 --remove")]
    Correct(CorrectArguments),
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
    /// Change what is said of maintenance, also its times
    #[command(after_help = "Example:\n  \
        lotse status maintenance change ID --until 2026-12-01T23:30:00Z")]
    Change(ChangeArguments),
    /// List what is planned or going on, the newest first
    #[command(after_help = "Example:\n  lotse status maintenance list")]
    List(ListArguments),
    /// Call maintenance off: remove it with all that was said about it
    #[command(after_help = "Example:\n  lotse status maintenance remove ID")]
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
    /// In which way they are touched: an impact type (id or name)
    #[arg(long, value_name = "IMPACT-TYPE")]
    pub(crate) kind: Option<String>,
    /// When it began; now if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) began: Option<Timestamp>,
    /// When it ended, of something that is over; open if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) ended: Option<Timestamp>,
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
#[group(id = "change", required = true, multiple = true,
        args = ["name", "text", "affects", "kind", "began", "ended", "phase"])]
pub(crate) struct ChangeArguments {
    /// Which one
    pub(crate) id: String,
    /// The headline
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// A component (id or name) and how badly it is touched (50 if not given; maintenance has none);
    /// may be repeated, and takes the place of all that were touched before
    #[arg(long, value_name = "COMPONENT[=SEVERITY]")]
    pub(crate) affects: Vec<String>,
    /// In which way they are touched: an impact type (id or name)
    #[arg(long, value_name = "IMPACT-TYPE")]
    pub(crate) kind: Option<String>,
    /// When it began or begins
    #[arg(long, visible_alias = "from", value_name = "TIME")]
    pub(crate) began: Option<Timestamp>,
    /// When it ended or ends
    #[arg(long, visible_alias = "until", value_name = "TIME")]
    pub(crate) ended: Option<Timestamp>,
    /// Where its handling stands
    #[arg(long, value_name = "PHASE")]
    pub(crate) phase: Option<String>,
    /// Tell those who subscribed nothing of it
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
#[group(id = "correction", required = true, multiple = true, args = ["name", "text", "at", "remove"])]
pub(crate) struct CorrectArguments {
    /// The incident
    pub(crate) id: String,
    /// The number of the update, from 0
    pub(crate) number: u32,
    /// Its headline
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// What it says
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// When it was said
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// Take it back; its number is not used again
    #[arg(long, conflicts_with_all = ["name", "text", "at"])]
    pub(crate) remove: bool,
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
