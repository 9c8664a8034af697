//! Arguments of `lotse conformance`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::conformance_cluster::{ClusterArguments, FeedsArguments};
use super::flavor::ReadingMode;

#[derive(Debug, Subcommand)]
pub(crate) enum ConformanceCommand {
    /// Check clouds against a scope of the SCS standards
    #[command(after_help = "Examples:\n  lotse conformance check --os-cloud prod\n  \
        lotse conformance check --spec scs-compatible-iaas.yaml --os-cloud prod --output report.yaml\n  \
        lotse conformance check --from snapshot.json --at 2027-03-01 --format json\n  \
        lotse conformance check --kubeconfig cluster.yaml --conformance-results e2e.tar.gz\n\n\
        Exit codes: 0 conforms; 1 nothing could be said; 2 wrong usage or scope; 4 some testcase failed, \
        was aborted or is missing.")]
    Check(CheckArguments),
    /// Look at a cloud once and keep what it showed, without secrets, for checks later
    #[command(
        after_help = "Example:\n  lotse conformance record --os-cloud prod --output snapshot.json"
    )]
    Record(RecordArguments),
    /// Read what is published about versions of Kubernetes, for checks that cannot
    #[command(after_help = "Example:\n  lotse conformance feeds --output feeds.json\n\n\
        Exit codes: 0 everything was read; 1 something was not, and the rest was written.")]
    Feeds(FeedsArguments),
    /// Say of testcases what they demand, what was seen on which object, and why the verdict is so
    #[command(
        after_help = "Example:\n  lotse conformance explain scs-0103-flavor-1v-4 --os-cloud prod"
    )]
    Explain(ExplainArguments),
    /// Plan what would make a cloud conform, for an administrator; show it, make it, or write it for
    /// other tools
    #[command(after_help = "Examples:\n  lotse conformance fix --os-cloud prod-admin\n  \
        lotse conformance fix --os-cloud prod-admin --tests scs-0103 --apply\n  \
        lotse conformance fix --from snapshot.json --export openstack")]
    Fix(FixArguments),
    /// Write results in a form that others take: monitors, CI systems, auditors, web pages
    #[command(after_help = "Examples:\n  \
        lotse conformance report --from snapshot.json --form html --output result.html\n  \
        lotse conformance report --from snapshot.json --form yaml --key ~/.ssh/report --output signed\n\n\
        With --key, yaml and json carry a signature of SSH before them, as monitors take it; in-toto \
        becomes an envelope of DSSE.")]
    Report(ReportArguments),
    /// Show where the upstream tools and the texts of the standards disagree about a cloud, and why
    #[command(name = "diff-modes")]
    #[command(after_help = "Example:\n  lotse conformance diff-modes --from snapshot.json")]
    DiffModes(DiffArguments),
    /// Take over the reports of a compliance monitor of SCS from its PostgreSQL
    #[command(after_help = "Example:\n  \
        lotse conformance import --database postgres://monitor@db/monitor --config lotse.yaml\n\n\
        Reports that are there already are passed over, so that it can be repeated. Nothing in that \
        database is changed.")]
    Import(ImportArguments),
}

/// Whose reports are taken over.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The database of the other monitor. A password that is not in it is taken from PGPASSWORD or
    /// the file ~/.pgpass
    #[arg(long, value_name = "URL")]
    pub(crate) database: String,
}

/// What to check, and against what.
#[derive(Args, Debug)]
pub(crate) struct SourceArguments {
    /// A scope file of the standards
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) spec: Option<PathBuf>,
    /// A scope that comes with Lotse, if not scs-iaas for clouds and scs-kaas for clusters
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Versions of the scope (several with commas, or the option again), if not all that its timeline
    /// names
    #[arg(long = "version", value_name = "VERSION", value_delimiter = ',')]
    pub(crate) versions: Vec<String>,
    /// Judge a snapshot instead of a cloud
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["os_cloud", "kubeconfig"])]
    pub(crate) from: Option<PathBuf>,
    /// Judge a snapshot only if one of these keys has signed it: a file with lines of
    /// `authorized_keys`
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// Judge for this day or instant (UTC), if not for now or for when the snapshot was taken
    #[arg(long, value_name = "DATE")]
    pub(crate) at: Option<String>,
    /// Only read: leave out what can be seen only by making objects for a moment
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
    #[command(flatten)]
    pub(crate) tempest: TempestArguments,
    /// Try out what managers of domains may do (scs-0302): two clouds of clouds.yaml, with commas, whose
    /// users are managers of two domains. For the version `domain-manager` of the profile
    #[arg(long, value_name = "CLOUDS", value_delimiter = ',', conflicts_with = "from")]
    pub(crate) domain_managers: Vec<String>,
    /// How many clouds are looked at at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    pub(crate) at_once: usize,
}

/// Results of Tempest.
#[derive(Args, Clone, Debug)]
pub(crate) struct TempestArguments {
    /// Results of Tempest (scs-0128): JUnit, or the lines of `stestr last`; several in the order of
    /// their runs
    #[arg(long, value_name = "FILE", conflicts_with = "kubeconfig")]
    pub(crate) tempest_results: Vec<PathBuf>,
    /// The tests that must have been run, one name a line; any if not given
    #[arg(long, value_name = "FILE", requires = "tempest_results")]
    pub(crate) tempest_list: Option<PathBuf>,
}

/// Where a report is handed in.
#[derive(Args, Debug)]
pub(crate) struct UploadArguments {
    /// Hand the report, signed with --key, to the compliance monitor at this address
    #[arg(long, value_name = "URL", requires = "key")]
    pub(crate) upload: Option<String>,
    /// The file with the monitor's token: ACCOUNT:PASSWORD, or that in base64. The variable
    /// `LOTSE_MONITOR_TOKEN` if not given
    #[arg(long, value_name = "FILE", requires = "upload")]
    pub(crate) upload_token: Option<PathBuf>,
}

/// What the scope's own executables may do.
#[derive(Args, Debug)]
pub(crate) struct ExecutableArguments {
    /// Let the scope's own executables judge the testcases that Lotse does not have. They are foreign
    /// programs
    #[arg(long, requires = "spec", conflicts_with = "from")]
    pub(crate) run_executables: bool,
    /// A variable of the environment that they get, and no others (several with commas)
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "run_executables")]
    pub(crate) pass_env: Vec<String>,
    /// A value for a variable of the scope; `os_cloud` is the cloud if not given
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, requires = "run_executables")]
    pub(crate) assign: Vec<(String, String)>,
    /// How many seconds each of them may take
    #[arg(long, value_name = "SECONDS", default_value_t = 900, requires = "run_executables")]
    pub(crate) executable_timeout: u64,
}

fn assignment(written: &str) -> Result<(String, String), String> {
    let pair = written.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("an assignment is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Whose reading of the standards counts
    #[arg(long, value_enum, default_value_t = ReadingMode::Standard)]
    pub(crate) mode: ReadingMode,
    /// Only testcases whose ids begin with what this regular expression matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) tests: Option<String>,
    /// Write a report for a compliance monitor: JSON if the name ends in .json, else YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Whose cloud it is, in the report; the name of the cloud if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,
    /// Write the report in the coming form, with tests and a log
    #[arg(long)]
    pub(crate) report_of_tests: bool,
    /// A private key of OpenSSH (Ed25519, without passphrase) that signs what is handed in
    #[arg(long, value_name = "FILE", requires = "upload")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) upload: UploadArguments,
    #[command(flatten)]
    pub(crate) executables: ExecutableArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RecordArguments {
    /// Where to; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A private key of OpenSSH (Ed25519, without passphrase) that signs; the signature goes to
    /// `OUTPUT.sig`
    #[arg(long, value_name = "KEY", requires = "output")]
    pub(crate) sign: Option<PathBuf>,
    /// Only read: leave out what can be seen only by making objects for a moment
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
    #[command(flatten)]
    pub(crate) tempest: TempestArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// The testcases, by their ids
    #[arg(value_name = "TESTCASE", required = true)]
    pub(crate) testcases: Vec<String>,
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Whose reading of the standards counts
    #[arg(long, value_enum, default_value_t = ReadingMode::Standard)]
    pub(crate) mode: ReadingMode,
}

/// For which tool changes are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ExportTool {
    /// Commands of the OpenStack client
    Openstack,
    /// Resources for `OpenTofu`
    Opentofu,
    /// Definitions for flavor managers
    Flavors,
}

#[derive(Args, Debug)]
pub(crate) struct FixArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Only testcases whose ids begin with what this regular expression matches
    #[arg(long, value_name = "REGEX")]
    pub(crate) tests: Option<String>,
    /// Make the changes
    #[arg(long, conflicts_with_all = ["from", "kubeconfig", "export"])]
    pub(crate) apply: bool,
    /// Do not ask before
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// Let rules that the standard does not allow be deleted
    #[arg(long, requires = "apply")]
    pub(crate) allow_destroy: bool,
    /// Write the changes for another tool
    #[arg(long, value_enum, value_name = "TOOL")]
    pub(crate) export: Option<ExportTool>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// For compliance monitors
    Yaml,
    /// For compliance monitors
    Json,
    /// For CI systems
    Junit,
    /// For code platforms
    Sarif,
    /// A page that stands alone
    Html,
    /// A badge, as SVG
    Badge,
    /// A statement of in-toto on the results of tests
    InToto,
    /// A verifiable credential of the W3C, as JSON Web Token; needs --key and --issuer
    Credential,
}

#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Whose reading of the standards counts
    #[arg(long, value_enum, default_value_t = ReadingMode::Standard)]
    pub(crate) mode: ReadingMode,
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Yaml)]
    pub(crate) form: Form,
    /// Write yaml and json in the coming form of monitors, with tests and a log
    #[arg(long)]
    pub(crate) of_tests: bool,
    /// Whose cloud it is; the name of the cloud if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,
    /// A private key of OpenSSH (Ed25519, without passphrase) that signs
    #[arg(long, value_name = "FILE", required_if_eq("form", "credential"))]
    pub(crate) key: Option<PathBuf>,
    /// Who issues a credential, for example `did:web:example.org`
    #[arg(long, value_name = "DID", required_if_eq("form", "credential"))]
    pub(crate) issuer: Option<String>,
    #[command(flatten)]
    pub(crate) upload: UploadArguments,
    /// Where to; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
}
