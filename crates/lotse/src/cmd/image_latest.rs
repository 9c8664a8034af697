//! `lotse image latest`: definition files follow what distributions publish.

mod age;

use std::fmt::Write as _;

use lotse_core::error::ExitCode;
use lotse_upstream::{
    Catalogue, Client, Committed, Finding, Git, History, Limits, Outcome, Sources, Update, commit,
    look, updates,
};
use regex::Regex;
use serde_json::{Value, json};

use crate::cli::image_latest::LatestArguments;
use crate::failure::{CommandResult, Error, Failure};
use crate::output;
use crate::settings::Globals;
use crate::settings::config::Config;

/// Who asks, as the configuration says.
fn client(globals: &Globals) -> Result<Client, Failure> {
    let config = globals.config.as_deref().map(Config::read).transpose()?;
    let upstream = config.and_then(|loaded| loaded.value.upstream);
    let internal_redirects = upstream.is_some_and(|upstream| upstream.internal_redirects);
    Ok(Client::new(Limits { internal_redirects, ..Limits::default() })?)
}

/// Looks, writes, commits, tells.
pub(super) async fn run(arguments: LatestArguments, globals: &Globals) -> CommandResult {
    let path = arguments.images.clone().unwrap_or_else(|| globals.estate.join("images"));
    let sources = match &arguments.sources {
        Some(file) => Sources::load(file)?,
        None => Sources::built_in()?,
    };
    let catalogue = Catalogue::load(&path)?;
    let chosen = chosen(&catalogue, arguments.filter.as_deref(), arguments.all)?;
    if arguments.check_age {
        return age::run(&arguments, &catalogue, &chosen, globals).await;
    }
    let client = client(globals)?;
    let definitions: Vec<_> = chosen.iter().map(|place| &catalogue.definitions[*place]).collect();
    let found = look(&definitions, &sources, &client).await;
    let mut findings: Vec<(usize, Finding)> = chosen.into_iter().zip(found).collect();
    let history = if arguments.replace { History::Replace } else { History::Keep };
    let updates = updates(&catalogue, &mut findings, history);
    let committed = save(&updates, &arguments).await?;
    let report = Report { catalogue: &catalogue, findings, updates, committed, arguments };
    if globals.json() {
        output::json(globals, &report.json())?;
    } else {
        output::data(globals, &report.text())?;
    }
    Ok(report.code())
}

/// The places of the definitions that are looked for.
fn chosen(catalogue: &Catalogue, filter: Option<&str>, all: bool) -> Result<Vec<usize>, Error> {
    let filter = filter
        .map(Regex::new)
        .transpose()
        .map_err(|error| Error::Setting { key: "--filter", reason: error.to_string() })?;
    let wanted = |name: &str| filter.as_ref().is_none_or(|filter| filter.is_match(name));
    let definitions = catalogue.definitions.iter().enumerate();
    Ok(definitions
        .filter(|(_, one)| (all || one.enabled) && wanted(&one.name))
        .map(|(place, _)| place)
        .collect())
}

async fn save(
    updates: &[Update],
    arguments: &LatestArguments,
) -> Result<Option<Committed>, lotse_upstream::Error> {
    if updates.is_empty() || arguments.dry_run {
        return Ok(None);
    }
    if arguments.commit {
        let git = Git { program: "git".into(), branch: arguments.branch.clone() };
        return commit(updates, &git).await.map(Some);
    }
    for update in updates {
        update.write()?;
    }
    Ok(None)
}

struct Report<'a> {
    catalogue: &'a Catalogue,
    findings: Vec<(usize, Finding)>,
    updates: Vec<Update>,
    committed: Option<Committed>,
    arguments: LatestArguments,
}

impl Report<'_> {
    fn code(&self) -> ExitCode {
        if self.findings.iter().any(|(_, finding)| finding.outcome.is_trouble()) {
            ExitCode::Failed
        } else if self.arguments.detailed_exitcode && !self.updates.is_empty() {
            ExitCode::Differences
        } else {
            ExitCode::Success
        }
    }

    fn file(&self, place: usize) -> String {
        let definition = self.catalogue.definitions.get(place);
        let file = definition.and_then(|definition| self.catalogue.files.get(definition.file));
        file.map(|file| file.path.display().to_string()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        let findings = self.findings.iter().map(|(place, finding)| {
            let mut value = json!({
                "definition": finding.definition,
                "file": self.file(*place),
                "source": finding.source,
                "outcome": finding.outcome.as_str(),
            });
            match &finding.outcome {
                Outcome::UpToDate { version, why } => {
                    value["version"] = json!(version);
                    value["why"] = json!(why);
                }
                Outcome::Newer { from, build } => {
                    value["version"] = json!(from);
                    value["build"] = json!(build);
                }
                Outcome::Skipped { why } | Outcome::Unusable { why } | Outcome::Failed { why } => {
                    value["why"] = json!(why);
                }
                Outcome::Follows => {}
            }
            value
        });
        let files = self.updates.iter().map(|update| {
            json!({
                "path": update.path.display().to_string(),
                "changes": update.changes,
                "diff": update.diff(),
                "written": !self.arguments.dry_run,
            })
        });
        json!({
            "findings": findings.collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
            "commit": self.committed,
        })
    }

    fn text(&self) -> String {
        let width = self.findings.iter().map(|(_, one)| one.definition.chars().count()).max();
        let width = width.unwrap_or(0);
        let mut text = String::new();
        for (_, finding) in &self.findings {
            let said = match &finding.outcome {
                Outcome::UpToDate { version, why } => format!("up to date: {version} ({why})"),
                Outcome::Newer { from, build } => format!("{from} → {}", build.version),
                Outcome::Follows => "follows upstream by itself".to_owned(),
                Outcome::Skipped { why } => format!("skipped: {why}"),
                Outcome::Unusable { why } => format!("cannot be taken over: {why}"),
                Outcome::Failed { why } => format!("failed: {why}"),
            };
            // Writing to a string cannot fail.
            writeln!(text, "{:width$}  {said}", finding.definition).ok();
        }
        for update in &self.updates {
            let path = update.path.display();
            if self.arguments.dry_run {
                write!(text, "\n{}", update.diff()).ok();
            } else {
                writeln!(text, "\nwritten: {path}").ok();
            }
        }
        if let Some(Committed { id, branch }) = &self.committed {
            let branch = branch.as_deref().unwrap_or("no branch");
            writeln!(text, "committed: {id} on {branch}").ok();
        }
        text
    }
}
