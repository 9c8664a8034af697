//! `lotse conformance fix`: what would make a cloud conform, planned, shown, made.

use std::sync::Arc;

use lotse_conformance::fix::{Executor, KINDS, Operation, Tool, export, plan};
use lotse_conformance::judge::{Choice, judge};
use lotse_conformance::observe::{Options, Reach, observe};
use lotse_conformance::spec::Spec;
use lotse_conformance::{Mode, Snapshot};
use lotse_core::error::ExitCode;
use lotse_core::time::{Clock as _, SystemClock};
use lotse_openstack::Cloud;
use lotse_plan::{ApplyOptions, Plan, render};
use uuid::Uuid;

use super::{cluster, demanded, needs, prepared};
use crate::cli::conformance::{ExportTool, FixArguments};
use crate::cmd::changing::Changing;
use crate::cmd::image::clouds::Clouds;
use crate::failure::{CommandResult, Error, Failure};
use crate::settings::{Environment, Globals, state};
use crate::{daemon, output, terminal};

/// Plans, and shows, makes or exports the plan.
pub(super) async fn run(
    arguments: &FixArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let (mut source, spec) = prepared(&arguments.source, Mode::Standard, globals)?;
    let mut choice = source.choice(Mode::Standard);
    if let Some(tests) = &arguments.tests {
        choice = choice.only(tests)?;
    }
    let fixing = Fixing { spec, choice, globals };
    if let Some(snapshot) = source.snapshot.take() {
        let plan = fixing.plan(&snapshot)?;
        return fixing.show(&plan, arguments.export);
    }
    let wanted = needs(demanded(&fixing.spec, &fixing.choice)?);
    if let Some(snapshot) = cluster::look(&source.cluster, &wanted, Reach::ReadOnly).await {
        let plan = fixing.plan(&snapshot?)?;
        return fixing.show(&plan, arguments.export);
    }
    let clouds = Clouds::named(globals, environment);
    let (_, cloud) = clouds.each().next().ok_or(Error::NoCloud)?;
    let cloud = cloud?;
    if arguments.apply {
        return Box::pin(fixing.apply(&cloud, arguments, environment)).await;
    }
    let plan = fixing.plan(&fixing.look(&cloud).await?)?;
    fixing.show(&plan, arguments.export)
}

struct Fixing<'a> {
    spec: Spec,
    choice: Choice,
    globals: &'a Globals,
}

impl Fixing<'_> {
    /// Nothing is tried on the way: what has to be tried cannot be changed from here.
    async fn look(&self, cloud: &Cloud) -> Result<Snapshot, Failure> {
        let needs = needs(demanded(&self.spec, &self.choice)?);
        let (reach, now) = (Reach::ReadOnly, SystemClock.now());
        let options = Options { reach, needs, now, run: Uuid::new_v4() };
        Ok(Box::pin(observe(cloud, &options)).await?)
    }

    fn plan(&self, snapshot: &Snapshot) -> Result<Plan<Operation>, Failure> {
        let outcome = judge(&self.spec, snapshot, &self.choice)?;
        Ok(plan(&outcome, snapshot, &self.choice)?)
    }

    fn show(&self, plan: &Plan<Operation>, tool: Option<ExportTool>) -> CommandResult {
        let globals = self.globals;
        match tool {
            Some(tool) => {
                let tool = match tool {
                    ExportTool::Openstack => Tool::OpenStack,
                    ExportTool::Opentofu => Tool::OpenTofu,
                    ExportTool::Flavors => Tool::Flavors,
                };
                output::data(globals, &export(plan, tool))?;
            }
            None if globals.json() => output::json(globals, &render::json(plan))?,
            None => {
                let look = terminal::look_out(globals);
                output::data(globals, &render::table(plan, &look))?;
            }
        }
        Ok(ExitCode::Success)
    }

    /// Looks and plans again under the lease, asks, makes the changes and takes them down.
    async fn apply(
        &self,
        cloud: &Cloud,
        arguments: &FixArguments,
        environment: &Environment,
    ) -> CommandResult {
        let globals = self.globals;
        let store = Arc::new(daemon::open_state(&state(globals, environment)?).await?);
        let options =
            ApplyOptions { allow_destroy: arguments.allow_destroy, ..ApplyOptions::default() };
        let changing = Changing {
            globals,
            actor: environment.get("USER").unwrap_or("unknown"),
            store: &store,
            engine: &daemon::engine(&store),
            cancelled: &daemon::cancelled_by_signal()?,
            options: &options,
            yes: arguments.yes,
        };
        let executor = Executor::new(cloud.clone());
        let progress = terminal::progress(globals, None);
        let plan = async || {
            let snapshot = self.look(cloud).await?;
            self.plan(&snapshot)
        };
        let making = changing.run((cloud.name(), &KINDS), &executor, &*progress, plan);
        let done = Box::pin(making).await;
        store.close().await;
        let done = done?;
        if let Some(value) = done.show(globals)? {
            output::json(globals, &value)?;
        }
        Ok(done.code())
    }
}
