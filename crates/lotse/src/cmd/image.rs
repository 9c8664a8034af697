//! `lotse image`: plan and apply the image catalogue.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lotse_core::error::ExitCode;
use lotse_images::{Catalog, Executor, KIND, Observed, Operation, Options};
use lotse_openstack::{Cloud, CloudConfig, Overrides, Sources};
use lotse_plan::{ApplyOptions, ApplyReport, Plan, render};
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::{Store, StoreUrl};
use serde_json::{Value, json};

use crate::cli::image::{ApplyArguments, ImageCommand, PlanArguments, SelectArguments};
use crate::daemon;
use crate::failure::{CommandResult, Error, Failure};
use crate::settings::config::Config;
use crate::settings::image::ImageSettings;
use crate::settings::{Environment, Globals};
use crate::{output, terminal};

/// Runs one of the commands.
pub(super) fn run(
    command: ImageCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        ImageCommand::Schema => {
            output::json(globals, &schema())?;
            Ok(ExitCode::Success)
        }
        ImageCommand::Check(select) => check(select, globals),
        ImageCommand::Latest(arguments) => {
            super::small_runtime()?.block_on(super::image_latest::run(arguments, globals))
        }
        ImageCommand::SourcesSchema => {
            output::json(globals, &lotse_upstream::source::schema())?;
            Ok(ExitCode::Success)
        }
        ImageCommand::Plan(arguments) => {
            super::small_runtime()?.block_on(plan(arguments, globals, environment))
        }
        ImageCommand::Apply(arguments) => {
            super::small_runtime()?.block_on(apply(arguments, globals, environment))
        }
    }
}

/// The JSON Schema of image definition files.
pub(super) fn schema() -> Value {
    lotse_images::declare::schema()
}

fn check(select: SelectArguments, globals: &Globals) -> CommandResult {
    let settings = ImageSettings::resolve(select, globals);
    let catalog = Catalog::load(&settings.definitions)?;
    let enabled = catalog.enabled().count();
    let (files, definitions) = (catalog.files.len(), catalog.definitions.len());
    if globals.json() {
        let counts = json!({ "files": files, "definitions": definitions, "enabled": enabled });
        output::json(globals, &counts)?;
    } else {
        let text = format!(
            "{definitions} definitions ({enabled} enabled) in {files} files are in order\n"
        );
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}

/// What plan and apply work on. The catalogue is read first: a wrong one asks nothing of a cloud.
struct Work {
    catalog: Catalog,
    options: Options,
    cloud: Cloud,
}

impl Work {
    fn prepare(
        select: SelectArguments,
        globals: &Globals,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let settings = ImageSettings::resolve(select, globals);
        let catalog = Catalog::load(&settings.definitions)?;
        let overrides = Overrides { cloud: globals.os_cloud.clone(), ..Overrides::default() };
        let sources = Sources::read(environment.all().clone(), overrides, Path::new("."))?;
        let cloud = Cloud::connect(CloudConfig::resolve(&sources)?, &daemon::cloud_options())?;
        let mut options = Options { import: settings.import, ..Options::default() };
        if let Some(tag) = settings.tag {
            options.tag = tag;
        }
        Ok(Self { catalog, options, cloud })
    }

    async fn plan(&self) -> Result<Plan<Operation>, Failure> {
        let observed: Observed =
            lotse_images::observe(&self.cloud, &self.catalog, &self.options).await?;
        Ok(lotse_images::plan(&self.catalog, &observed, &self.options)?)
    }
}

async fn plan(
    arguments: PlanArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let PlanArguments { select, detailed_exitcode, yes: _ } = arguments;
    let work = Work::prepare(select, globals, environment)?;
    let plan = work.plan().await?;
    if globals.json() {
        output::json(globals, &render::json(&plan))?;
    } else {
        output::data(globals, &render::table(&plan, &terminal::look_out(globals)))?;
    }
    Ok(differences(&plan, detailed_exitcode))
}

fn differences(plan: &Plan<Operation>, detailed: bool) -> ExitCode {
    if detailed && !plan.is_empty() { ExitCode::Differences } else { ExitCode::Success }
}

async fn apply(
    arguments: ApplyArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let work = Work::prepare(arguments.select, globals, environment)?;
    let store = Arc::new(daemon::open_state(&state(globals, environment)?).await?);
    let cancelled = daemon::cancelled_by_signal()?;
    let engine = daemon::engine(&store);
    let downloads = daemon::downloads(&downloads_directory(globals, environment)?)?;
    let executor = Executor::new(work.cloud.clone(), work.options.clone(), downloads);
    let cloud = work.cloud.name().to_owned();
    let session = engine.begin(&cloud, &[KIND], &executor, &cancelled).await?;
    let plan = match work.plan().await {
        Ok(plan) => plan,
        Err(failure) => {
            session.end().await;
            return Err(failure);
        }
    };
    let code = differences(&plan, arguments.detailed_exitcode);
    if plan.is_empty() {
        session.end().await;
        show(globals, &plan, None)?;
        return Ok(code);
    }
    if !arguments.yes {
        // The plan goes where the question goes, so that data stays clean.
        output::note(globals, &render::table(&plan, &terminal::look_err(globals)));
        if let Err(error) = confirmed(globals, &cloud) {
            session.end().await;
            return Err(error.into());
        }
    }
    let progress = terminal::progress(globals);
    let report =
        session.apply(&plan, &executor, &ApplyOptions::default(), &*progress, &cancelled).await?;
    let actor = environment.get("USER").unwrap_or("unknown");
    audit(&store, actor, &report).await?;
    show(globals, &plan, Some(&report))?;
    store.close().await;
    Ok(if report.succeeded() { code } else { report.exit_code() })
}

/// Where journal and leases are: the daemon's state if its configuration is named, so that both
/// exclude each other, else the user's own.
fn state(globals: &Globals, environment: &Environment) -> Result<StoreUrl, Failure> {
    match &globals.config {
        Some(path) => Config::read(path)?.value.store_url(environment),
        None => Ok(StoreUrl::in_directory(&environment.state_directory())),
    }
}

/// Where content that passes through us is downloaded: beside that state.
fn downloads_directory(globals: &Globals, environment: &Environment) -> Result<PathBuf, Failure> {
    Ok(match &globals.config {
        Some(path) => Config::read(path)?.value.downloads_directory(environment),
        None => environment.state_directory().join("downloads"),
    })
}

/// Writes what was changed, by whom, to the audit log. Steps that did not begin changed nothing.
async fn audit(store: &Store, actor: &str, report: &ApplyReport) -> Result<(), Failure> {
    for step in report.steps.iter().filter(|step| step.attempts > 0) {
        let succeeded = step.outcome.succeeded();
        store
            .record(Deed {
                at: report.started,
                actor: format!("user/{actor}"),
                action: format!("{}.{}", step.kind, step.action.as_str()),
                object: format!("{}/{}/{}", report.cloud, step.kind, step.name),
                outcome: if succeeded { DeedOutcome::Done } else { DeedOutcome::Failed },
                request_ids: step.request_id.iter().cloned().collect(),
                detail: json!({ "run": report.run, "step": step.id, "result": step.outcome }),
            })
            .await?;
    }
    Ok(())
}

/// The plan and what came of it; the plan is not repeated for a person who has seen it.
fn show(
    globals: &Globals,
    plan: &Plan<Operation>,
    report: Option<&ApplyReport>,
) -> Result<(), Error> {
    if globals.json() {
        let mut value = render::json(plan);
        value["report"] = report.map_or(Value::Null, render::report_json);
        return output::json(globals, &value);
    }
    let look = terminal::look_out(globals);
    match report {
        Some(report) => output::data(globals, &render::report(report, &look)),
        None => output::data(globals, &render::table(plan, &look)),
    }
}

/// Asks the person at the terminal.
fn confirmed(globals: &Globals, cloud: &str) -> Result<(), Error> {
    let cloud = cloud.to_owned();
    if !globals.interactive {
        return Err(Error::NotConfirmed { cloud });
    }
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "Apply this to the cloud \"{cloud}\"? Only \"yes\" applies: ")
        .and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (asked, read) {
        (Ok(()), Ok(_)) if answer.trim() == "yes" => Ok(()),
        _ => Err(Error::Declined { cloud }),
    }
}
