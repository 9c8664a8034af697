//! The daemon's look at upstream: what is newer is told, and nothing is written.
//!
//! The daemon's estate may be a checkout that it does not own, so it does not touch the files: the
//! console shows on the task what `lotse image latest` would change, in full in its details.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fetch::{Client, Limits};
use crate::model::{Finding, Outcome};
use crate::{Catalogue, Error, Sources, look};

/// Looks regularly whether distributions publish newer images than the definition files have; the
/// result stands in the console. Writing is up to `lotse image latest`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UpstreamConfig")]
pub struct Config {
    /// Definition file, or directory of them.
    pub definitions: PathBuf,
    /// A file of sources of your own; they come before the built-in ones.
    #[serde(default)]
    pub sources: Option<PathBuf>,
    /// How often upstream is asked, in hours.
    #[serde(default = "day")]
    #[schemars(range(min = 1, max = 720))]
    pub every_hours: u32,
    /// Whether publishers on the internet may lead to internal addresses (loopback, private networks,
    /// metadata services) by redirects.
    #[serde(default)]
    pub internal_redirects: bool,
}

const fn day() -> u32 {
    24
}

impl Config {
    /// Counts relative paths from a directory.
    pub fn rebase(&mut self, base: &Path) {
        self.definitions = base.join(&self.definitions);
        self.sources = self.sources.take().map(|sources| base.join(sources));
    }
}

/// Looks whether there are newer builds.
#[derive(Debug)]
pub struct LookTask {
    config: Config,
    limits: Limits,
}

impl LookTask {
    /// A task with this configuration, whose requests stay within these limits.
    pub const fn new(config: Config, limits: Limits) -> Self {
        Self { config, limits }
    }

    async fn look(&self) -> Result<Report, Error> {
        // Read again each time: the estate changes below us.
        let sources = match &self.config.sources {
            Some(file) => Sources::load(file)?,
            None => Sources::built_in()?,
        };
        let catalogue = Catalogue::load(&self.config.definitions)?;
        let enabled: Vec<_> = catalogue.definitions.iter().filter(|one| one.enabled).collect();
        let internal_redirects = self.config.internal_redirects;
        let client = Client::new(Limits { internal_redirects, ..self.limits.clone() })?;
        Ok(report(&look(&enabled, &sources, &client).await))
    }
}

#[async_trait]
impl Task for LookTask {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn description(&self) -> &'static str {
        "Looks whether distributions publish newer images than the definition files have."
    }

    fn period(&self) -> Duration {
        Duration::from_hours(u64::from(self.config.every_hours))
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        tokio::select! {
            // Nothing is held while upstream is asked: stopping needs no care.
            () = cancelled.cancelled() => {
                Ok(Report { summary: "stopped before upstream answered".to_owned(), ..Report::default() })
            }
            looked = self.look() => looked.map_err(|error| Box::new(error) as Box<dyn Explain>),
        }
    }
}

/// One line for the console, and everything in full.
fn report(findings: &[Finding]) -> Report {
    let all = findings.iter();
    let newer: Vec<String> = all
        .clone()
        .filter_map(|finding| match &finding.outcome {
            Outcome::Newer { from, build } => {
                Some(format!("{} {from} → {}", finding.definition, build.version))
            }
            _ => None,
        })
        .collect();
    let trouble = all.clone().filter(|finding| finding.outcome.is_trouble()).count();
    let count = findings.len();
    let mut summary = if newer.is_empty() {
        format!("{count} definitions, none has a newer build")
    } else {
        format!("{} of {count} definitions have newer builds: {}", newer.len(), newer.join(", "))
    };
    if trouble > 0 {
        let more = format!("; {trouble} could not be looked up");
        summary.push_str(&more);
    }
    let detail = all.map(|finding| {
        let (build, why) = match &finding.outcome {
            Outcome::Newer { build, .. } => (Some(build), None),
            Outcome::Skipped { why } | Outcome::Unusable { why } | Outcome::Failed { why } => {
                (None, Some(why.as_str()))
            }
            Outcome::UpToDate { why, .. } => (None, Some(*why)),
            Outcome::Follows => (None, None),
        };
        json!({
            "definition": finding.definition,
            "source": finding.source,
            "outcome": finding.outcome.as_str(),
            "build": build,
            "why": why,
        })
    });
    Report { summary, detail: json!({ "findings": detail.collect::<Vec<_>>() }) }
}
