//! Arguments, environment and files become settings. Pure but for the reading of the files named.
//!
//! This is the one place that knows environment variables. Precedence, highest first: command line,
//! environment, `lotse.yaml`, default.

pub(crate) mod config;
pub(crate) mod conformance;
pub(crate) mod image;
pub(crate) mod secret;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use lotse_store::StoreUrl;

use self::config::Config;
use crate::cli::{Format, GlobalArguments};
use crate::failure::Failure;

/// Names the configuration file.
pub(crate) const LOTSE_CONFIG: &str = "LOTSE_CONFIG";
/// Names the estate.
pub(crate) const LOTSE_ESTATE: &str = "LOTSE_ESTATE";
/// Filters the log, in the syntax of `tracing` (for example `lotse_openstack=debug`).
pub(crate) const LOTSE_LOG: &str = "LOTSE_LOG";
/// The token of a compliance monitor to which reports go: `ACCOUNT:PASSWORD`, or that in base64.
pub(crate) const LOTSE_MONITOR_TOKEN: &str = "LOTSE_MONITOR_TOKEN";
/// The directory of our own state, before the one of the XDG base directory specification.
pub(crate) const LOTSE_STATE: &str = "LOTSE_STATE";
/// Any value switches colours off (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";

/// The environment of the process, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// All variables that are text.
    pub(crate) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// A variable; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All of it, for those who have rules of their own (`OS_*`).
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The directory of our own state (XDG base directory specification 0.8, `XDG_STATE_HOME`).
    pub(crate) fn state_directory(&self) -> PathBuf {
        if let Some(own) = self.get(LOTSE_STATE) {
            return PathBuf::from(own);
        }
        let base = self.get("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || Path::new(self.get("HOME").unwrap_or("/var/lib")).join(".local/state");
        base.unwrap_or_else(home).join("lotse")
    }
}

/// How logs are written.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    PartialEq,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// A line of text for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct Logging {
    /// Filter in the syntax of `tracing`.
    pub(crate) filter: String,
    /// Text or JSON.
    pub(crate) format: LogFormat,
    /// Whether text is coloured.
    pub(crate) color: bool,
}

/// What every command knows.
#[derive(Clone, Debug)]
pub(crate) struct Globals {
    /// The clouds that are named on the command line.
    pub(crate) os_cloud: Vec<String>,
    /// The configuration file, if one is named.
    pub(crate) config: Option<PathBuf>,
    /// The estate.
    pub(crate) estate: PathBuf,
    /// How data is written.
    pub(crate) format: Format,
    /// Nothing but data and errors.
    pub(crate) quiet: bool,
    /// How often `-v` was given.
    pub(crate) verbosity: u8,
    /// How colours are decided.
    pub(crate) color: ColorChoice,
    /// What is logged.
    pub(crate) logging: Logging,
    /// Whether a person sits at standard input and error.
    pub(crate) interactive: bool,
}

/// Where the state of a command is: that of the daemon if its configuration is named, so that both
/// exclude each other and see the same, else the user's own.
pub(crate) fn state(globals: &Globals, environment: &Environment) -> Result<StoreUrl, Failure> {
    match &globals.config {
        Some(path) => Config::read(path)?.value.store_url(environment),
        None => Ok(StoreUrl::in_directory(&environment.state_directory())),
    }
}

impl Globals {
    /// Resolves the options that every command understands.
    pub(crate) fn resolve(arguments: &GlobalArguments, environment: &Environment) -> Self {
        let plain = arguments.no_color || environment.get(NO_COLOR).is_some();
        let level = match (arguments.quiet, arguments.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, 2) => {
                "info,lotse=debug,lotse_openstack=debug,lotse_images=debug,lotse_plan=debug"
            }
            (false, _) => "trace",
        };
        let path = |argument: &Option<PathBuf>, name| {
            argument.clone().or_else(|| environment.get(name).map(PathBuf::from))
        };
        Self {
            os_cloud: arguments.os_cloud.clone(),
            config: path(&arguments.config, LOTSE_CONFIG),
            estate: path(&arguments.estate, LOTSE_ESTATE).unwrap_or_else(|| PathBuf::from(".")),
            format: arguments.format,
            quiet: arguments.quiet,
            verbosity: arguments.verbose,
            color: if plain { ColorChoice::Never } else { ColorChoice::Auto },
            logging: Logging {
                filter: environment.get(LOTSE_LOG).unwrap_or(level).to_owned(),
                format: LogFormat::Text,
                color: !plain && std::io::stderr().is_terminal(),
            },
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Whether data is for programs.
    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }
}
