//! Arguments of `lotse status`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lotse_status::bundle::key::PublicKey;
use url::Url;

use super::status_more::{
    AudienceCommand, PostmortemArguments, RecurringCommand, TemplateCommand, UpstreamCommand,
};
use super::status_proposal::ProposalCommand;
use super::status_report::{
    ExportArguments, ImportArguments, IncidentCommand, Kept, MaintenanceCommand, SlaArguments,
};
use super::status_shape::{ComponentCommand, ImpactTypeCommand, PhaseCommand, SeverityCommand};
use super::status_subscriber::SubscriberCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum StatusCommand {
    /// Serve the status page and its API
    ///
    /// The API is that of the SCS status page, so that its clients work unchanged. Reading is for
    /// everybody. Writing takes an API token of the console, or being on the same machine.
    #[command(after_help = "Examples:\n  \
        lotse status serve --listen 127.0.0.1:8080 --provision provisioning.yaml\n  \
        lotse status serve --listen 127.0.0.1:8080 --api-listen 127.0.0.1:3000 \
        --database postgres://lotse@db/lotse\n\n\
        The variables STATUS_PAGE_* of the SCS status page are understood.")]
    Serve(ServeArguments),
    /// Write the page as signed files, to be shown elsewhere while the cloud is down
    ///
    /// A folder gets a numbered directory for each bundle and points to the newest one with `current`.
    /// With --follow, every change is published at once, and the unchanged page every minute: where it
    /// is shown, it is then known that the cloud is there.
    #[command(after_help = "Examples:\n  lotse status publish --to /srv/status\n  \
        lotse status publish --to /srv/status --follow --public-url https://status.example.org")]
    Publish(PublishArguments),
    /// Show a published page elsewhere
    ///
    /// Believes the publisher of the first bundle it sees, or the one of --key. What is older or was
    /// changed is refused. When nothing new comes, every page says since when.
    #[command(after_help = "Example:\n  \
        lotse status edge --from /srv/status --listen 127.0.0.1:7661")]
    Edge(EdgeArguments),
    /// Break glass: say on an edge what is going on while cloud, database and sign-in are gone
    ///
    /// Gives the id of the incident, under which more can be said. The same can be done with
    /// `ssh-keygen -Y sign -n lotse-status` and `curl`.
    #[command(
        after_help = "Examples:\n  lotse status post --edge https://status.example.org --key \
        ~/.ssh/break-glass \\\n    --name \"Power failure\" --text \"Both feeds are down.\" --affects \
        Compute=90\n  lotse status post --edge https://status.example.org --key ~/.ssh/break-glass \
        \\\n    --incident ID --text \"Power is back.\" --ends"
    )]
    Post(PostArguments),
    /// Put break-glass posts on the main page; doing it again changes nothing
    #[command(after_help = "Example:\n  \
        lotse status merge --from https://status.example.org --operators operators.pub")]
    Merge(MergeArguments),
    /// Incidents: open, change, update, correct, close, list
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Maintenance: plan, change, list, remove
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Components: add, change, list, remove
    #[command(subcommand)]
    Component(ComponentCommand),
    /// Ways in which components can be touched: add, change, list, remove
    #[command(subcommand)]
    ImpactType(ImpactTypeCommand),
    /// Names of severities: add, change, list, remove
    #[command(subcommand)]
    Severity(SeverityCommand),
    /// Phases in the handling of incidents: set, list
    #[command(subcommand)]
    Phase(PhaseCommand),
    /// Proposals: what monitors suggest; confirm, edit, dismiss
    #[command(subcommand)]
    Proposal(ProposalCommand),
    /// Subscribers: add, list, remove, export
    #[command(subcommand)]
    Subscriber(SubscriberCommand),
    /// Templates for incidents and updates
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Maintenance that comes again
    #[command(subcommand)]
    Recurring(RecurringCommand),
    /// Who sees components that are not for everybody
    #[command(subcommand)]
    Audience(AudienceCommand),
    /// What happens at providers that the cloud stands on
    #[command(subcommand)]
    Upstream(UpstreamCommand),
    Postmortem(PostmortemArguments),
    Sla(SlaArguments),
    Export(ExportArguments),
    Import(ImportArguments),
}

#[derive(Args, Debug)]
pub(crate) struct PublishArguments {
    /// A folder, `sftp://[USER@]HOST/PATH` (keys are those of `ssh`), or a bucket (`s3://BUCKET/PREFIX`,
    /// with the usual variables `AWS_…`)
    #[arg(long, value_name = "DIRECTORY|URL")]
    pub(crate) to: String,
    /// Go on publishing until told to stop
    #[arg(long)]
    pub(crate) follow: bool,
    /// For how many minutes a bundle is shown as the present
    #[arg(long, value_name = "MINUTES", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub(crate) valid: u32,
    /// The key that signs (Ed25519, PKCS #8); made where there is none, in the state directory if not
    /// given
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Where the page is kept, as in `serve`
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// How the page looks, as in `serve`
    #[arg(long, value_name = "FILE")]
    pub(crate) theme: Option<PathBuf>,
    /// Where readers reach the page, for links in feeds
    #[arg(long, value_name = "URL", default_value = "http://localhost")]
    pub(crate) public_url: Url,
    /// So many minutes after the last sign of life an edge opens an incident by itself; never if not
    /// given
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub(crate) preset_after: Option<u32>,
    /// The headline of that incident
    #[arg(long, value_name = "TEXT", default_value = "No contact with the cloud")]
    pub(crate) preset_name: String,
    /// Its text
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "We have lost contact with the cloud and look into it."
    )]
    pub(crate) preset_text: String,
    /// An edge whose break-glass posts are put on the page, with --follow and --operators; may be
    /// repeated
    #[arg(long, value_name = "URL", requires_all = ["follow", "operators"])]
    pub(crate) merge_from: Vec<Url>,
    /// The keys of operators, as in `authorized_keys`
    #[arg(long, value_name = "FILE")]
    pub(crate) operators: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct PostArguments {
    /// The edge; the post is written to standard output if not given
    #[arg(long, value_name = "URL")]
    pub(crate) edge: Option<Url>,
    /// Your SSH key: Ed25519, without passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The headline; the first post about an incident needs one
    #[arg(long, value_name = "TEXT", required_unless_present = "incident")]
    pub(crate) name: Option<String>,
    /// What is said
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: String,
    /// The incident, as the first post gave it; a new one if not given
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    /// A component and how badly it is touched; may be repeated; for the first post
    #[arg(long, value_name = "COMPONENT=SEVERITY")]
    pub(crate) affects: Vec<String>,
    /// It is over
    #[arg(long)]
    pub(crate) ends: bool,
}

#[derive(Args, Debug)]
pub(crate) struct MergeArguments {
    /// An edge, or a file: its `break-glass/posts.json`, or a post that was written to standard output
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) from: String,
    /// The keys of operators, as in `authorized_keys`
    #[arg(long, value_name = "FILE")]
    pub(crate) operators: PathBuf,
    #[command(flatten)]
    pub(crate) kept: Kept,
}

#[derive(Args, Debug)]
pub(crate) struct EdgeArguments {
    /// What is published to: a folder, `sftp://…`, a bucket (`s3://BUCKET/PREFIX`), or what a web server shows of
    /// one
    #[arg(long, value_name = "DIRECTORY|URL")]
    pub(crate) from: String,
    /// Where the page listens; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7661")]
    pub(crate) listen: SocketAddr,
    /// The public key of the publisher, 64 hexadecimal digits; that of the first bundle if not given
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<PublicKey>,
    /// Where the edge remembers whom it believes and how far it came; in the state directory if not
    /// given
    #[arg(long, value_name = "FILE")]
    pub(crate) memory: Option<PathBuf>,
    /// Take break-glass posts that are signed with one of these keys, as in `authorized_keys`
    #[arg(long, value_name = "FILE")]
    pub(crate) operators: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Where the page listens, its API included; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7660")]
    pub(crate) listen: String,
    /// Where the API listens on its own; `STATUS_PAGE_SERVER_ADDRESS` if not given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) api_listen: Option<String>,
    /// The files of the SCS web client, served beside the API of --api-listen
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) client: Option<PathBuf>,
    /// Where the metrics of the API listen; `STATUS_PAGE_METRICS_ADDRESS` if not given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// What a new page begins with; `STATUS_PAGE_PROVISIONING_FILE` if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) provision: Option<PathBuf>,
    /// Where the page is kept, `sqlite:PATH` or `postgres://…`;
    /// `STATUS_PAGE_DATABASE_CONNECTION_STRING` if not given, else SQLite in the state directory
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Let pages of this origin use the API with their users' credentials; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// How the page looks: title, logo, colours
    #[arg(long, value_name = "FILE")]
    pub(crate) theme: Option<PathBuf>,
    /// What monitors may say, and what follows from it: a file like the section `status.detection` of
    /// `lotse.yaml`. Proposals are decided with `lotse status proposal`
    #[arg(long, value_name = "FILE")]
    pub(crate) detection: Option<PathBuf>,
    /// Where readers reach the page, for links in feeds; the address they used if not given
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<Url>,
    /// Demand an API token of everybody who writes, on this machine, too
    #[arg(long)]
    pub(crate) no_local_writes: bool,
}
