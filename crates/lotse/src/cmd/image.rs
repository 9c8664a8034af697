//! `lotse image`: plan and apply the image catalogue.

use std::sync::Arc;

use lotse_core::error::ExitCode;
use lotse_images::{Catalog, Observed, Operation, Options};
use lotse_openstack::Cloud;
use lotse_plan::{Plan, render};
use lotse_transfer::Mirror;
use serde_json::{Value, json};

use crate::cli::image::{
    ApplyArguments, ContentArguments, ImageCommand, PlanArguments, SelectArguments,
};
use crate::daemon;
use crate::failure::{CommandResult, Failure};
use crate::settings::image::{ImageSettings, applying};
use crate::settings::{Environment, Globals};
use crate::{output, terminal};

pub(super) mod apply;
pub(super) mod clouds;
mod columns;
mod look;
mod mirror;
mod turn;

use apply::Applying;
use clouds::{Clouds, Worst};

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
        ImageCommand::Mirror(arguments) => {
            super::small_runtime()?.block_on(mirror::run(arguments, globals, environment))
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
        ImageCommand::List(select) => {
            super::small_runtime()?.block_on(look::list(select, globals, environment))
        }
        ImageCommand::Verify(select) => {
            super::small_runtime()?.block_on(look::verified(select, globals, environment))
        }
        ImageCommand::History(arguments) => {
            super::small_runtime()?.block_on(look::told(arguments, globals, environment))
        }
        ImageCommand::Rollback(arguments) => {
            super::small_runtime()?.block_on(turn::rollback(arguments, globals, environment))
        }
        ImageCommand::Share(arguments) => {
            super::small_runtime()?.block_on(turn::share(arguments, globals, environment))
        }
    }
}

/// The JSON Schema of image definition files.
pub(super) fn schema() -> Value {
    lotse_images::declare::schema()
}

/// The settings of a command, today.
fn settings(select: SelectArguments, globals: &Globals) -> Result<ImageSettings, Failure> {
    let today = lotse_images::day(daemon::clock().now());
    let mut settings = ImageSettings::resolve(select, globals, today);
    settings.options.internal_redirects = apply::internal_redirects(globals)?;
    Ok(settings)
}

fn check(select: SelectArguments, globals: &Globals) -> CommandResult {
    let catalog = settings(select, globals)?.catalog()?;
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

/// What a command works on. The catalogue is read first: a wrong one asks nothing of a cloud.
struct Work {
    catalog: Catalog,
    settings: ImageSettings,
    /// Where content comes from, where it is there.
    mirror: Option<Arc<Mirror>>,
    /// Another cloud from which content is copied.
    beside: Option<Cloud>,
}

impl Work {
    fn prepare(settings: ImageSettings) -> Result<Self, Failure> {
        Ok(Self { catalog: settings.catalog()?, settings, mirror: None, beside: None })
    }

    /// The same, with the places nearer than upstream that are named: a mirror, another cloud.
    fn with_places(self, environment: &Environment) -> Result<Self, Failure> {
        let mirror = self.settings.mirror.as_deref();
        let mirror = mirror.map(|place| daemon::mirror(place, environment)).transpose()?;
        let beside = self.settings.copy_from.as_deref();
        let beside = beside.map(|name| clouds::connect(Some(name), environment)).transpose()?;
        Ok(Self { mirror: mirror.map(Arc::new), beside, ..self })
    }

    /// Without definitions: for what concerns images that are there.
    fn without_catalog(tag: Option<String>, globals: &Globals) -> Result<Self, Failure> {
        let content = ContentArguments::default();
        let select = SelectArguments { images: None, tag, filter: None, content };
        let catalog = Catalog { definitions: Vec::new(), files: Vec::new() };
        let settings = settings(select, globals)?;
        Ok(Self { catalog, settings, mirror: None, beside: None })
    }

    /// What carries a plan out: options, and the cloud from which content is copied.
    const fn how(&self) -> (&Options, Option<&Cloud>) {
        (&self.settings.options, self.beside.as_ref())
    }

    async fn observe(&self, cloud: &Cloud) -> Result<Observed, Failure> {
        self.observe_staged(cloud, cloud).await
    }

    async fn observe_staged(&self, cloud: &Cloud, staging: &Cloud) -> Result<Observed, Failure> {
        // A cloud has nothing to copy from itself.
        let beside = self.beside.as_ref().filter(|beside| beside.name() != cloud.name());
        let options = &self.settings.options;
        let mut observed =
            lotse_images::observe_staged(cloud, (beside, staging), &self.catalog, options).await?;
        if let Some(mirror) = &self.mirror {
            observed.mirror = Some(lotse_images::mirrored(mirror).await);
        }
        Ok(observed)
    }

    /// `staging` is where images are tried out, if that is another project.
    async fn plan(
        &self,
        cloud: &Cloud,
        staging: Option<&Cloud>,
    ) -> Result<Plan<Operation>, Failure> {
        let observed = self.observe_staged(cloud, staging.unwrap_or(cloud)).await?;
        Ok(lotse_images::plan(&self.catalog, &observed, &self.settings.options)?)
    }
}

async fn plan(
    arguments: PlanArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let PlanArguments { select, retire, boot, detailed_exitcode, yes: _, max_delete: _ } =
        arguments;
    let work = Work::prepare(settings(select, globals)?.retiring(&retire).booting(boot))?;
    let work = work.with_places(environment)?;
    let clouds = Clouds::named(globals, environment);
    let plan = async |cloud: Cloud| {
        let staging = clouds.staging(&work.settings.options, &cloud)?;
        work.plan(&cloud, staging.as_ref()).await
    };
    plans_of(&clouds, plan, detailed_exitcode, globals).await
}

/// The plans of all clouds; those that cannot be made do not keep the others from being shown.
async fn plans_of(
    clouds: &Clouds,
    plan: impl AsyncFn(Cloud) -> Result<Plan<Operation>, Failure>,
    detailed: bool,
    globals: &Globals,
) -> CommandResult {
    let plans = clouds.all(plan).await;
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    for (name, plan) in plans {
        match plan {
            Err(failure) => shown.push(worst.failed(&name, failure)?),
            Ok(plan) if globals.json() => {
                worst.ended(differences(&plan, detailed));
                shown.push(render::json(&plan));
            }
            Ok(plan) => {
                worst.ended(differences(&plan, detailed));
                output::data(globals, &render::table(&plan, &terminal::look_out(globals)))?;
            }
        }
    }
    worst.show(shown)
}

fn differences(plan: &Plan<Operation>, detailed: bool) -> ExitCode {
    // What was refused is not as declared, and somebody has to look.
    if plan.refuses() {
        ExitCode::Failed
    } else if detailed && !plan.is_empty() {
        ExitCode::Differences
    } else {
        ExitCode::Success
    }
}

async fn apply(
    arguments: ApplyArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let ApplyArguments { select, retire, boot, consent, detailed_exitcode: detailed } = arguments;
    let work = Work::prepare(settings(select, globals)?.retiring(&retire).booting(boot))?;
    let work = work.with_places(environment)?;
    let clouds = Clouds::named(globals, environment);
    if consent.dry_run {
        let plan = async |cloud: Cloud| {
            let staging = clouds.staging(&work.settings.options, &cloud)?;
            work.plan(&cloud, staging.as_ref()).await
        };
        return plans_of(&clouds, plan, detailed, globals).await;
    }
    let options = applying(retire.delete, &consent);
    let applying = Applying::open(globals, environment, options, consent.yes).await?;
    let together = consent.yes && clouds.are_several();
    let applying = applying.with_mirror(work.mirror.clone()).together(together);
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    let apply = async |cloud: Cloud| applied(&applying, &work, &clouds, &cloud).await;
    // Questions are asked one after the other, each for what was planned just before.
    let all = if consent.yes { clouds.all(apply).await } else { clouds.one_by_one(apply).await };
    for (name, ended) in all {
        match ended {
            Err(failure) => shown.push(worst.failed(&name, failure)?),
            Ok(done) => {
                worst.ended(done.code(detailed));
                shown.extend(done.show(globals)?);
            }
        }
    }
    applying.close().await;
    worst.show(shown)
}

/// Plans and applies on one cloud.
async fn applied(
    applying: &Applying<'_>,
    work: &Work,
    clouds: &Clouds,
    cloud: &Cloud,
) -> Result<apply::Done, Failure> {
    let (options, beside) = work.how();
    let staging = clouds.staging(options, cloud)?;
    let plan = || work.plan(cloud, staging.as_ref());
    applying.run(cloud, (options, beside, staging.clone()), plan).await
}
