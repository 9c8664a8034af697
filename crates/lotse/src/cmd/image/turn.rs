//! Commands that change one definition: rollback and share.

use lotse_images::share::{Sharing, observe_shares, plan_shares};
use lotse_images::{Operation, Rollback, roll_back};
use lotse_openstack::Cloud;
use lotse_plan::{ApplyOptions, Plan};

use super::apply::Applying;
use super::clouds::{Clouds, Worst};
use super::{Work, plans_of, settings};
use crate::cli::image::{RollbackArguments, ShareArguments};
use crate::failure::{CommandResult, Failure};
use crate::settings::{Environment, Globals};

/// Back to the image before.
pub(super) async fn rollback(
    arguments: RollbackArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let RollbackArguments { name, to, undo, select, yes, dry_run } = arguments;
    let work = Work::prepare(settings(select, globals)?)?;
    let wanted = Rollback { name, to, undo };
    let plan = async |cloud: Cloud| -> Result<Plan<Operation>, Failure> {
        let observed = work.observe(&cloud).await?;
        Ok(roll_back(&work.catalog, &observed, &work.settings.options, &wanted)?)
    };
    turn(&work, plan, (yes, dry_run), globals, environment).await
}

/// Who may use a shared image.
pub(super) async fn share(
    arguments: ShareArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let ShareArguments { name, projects, domains, project_domain, remove, tag, yes, dry_run } =
        arguments;
    let work = Work::without_catalog(tag, globals)?;
    let wanted = Sharing { image: name, projects, domains, project_domain, remove };
    let plan = async |cloud: Cloud| -> Result<Plan<Operation>, Failure> {
        let observed = work.observe(&cloud).await?;
        let shares = observe_shares(&cloud, &observed, &wanted).await?;
        Ok(plan_shares(cloud.name(), &shares, &wanted, &work.settings.options)?)
    };
    turn(&work, plan, (yes, dry_run), globals, environment).await
}

/// Plans, asks and applies, on every cloud.
async fn turn(
    work: &Work,
    plan: impl AsyncFn(Cloud) -> Result<Plan<Operation>, Failure>,
    (yes, dry_run): (bool, bool),
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let clouds = Clouds::named(globals, environment);
    if dry_run {
        return plans_of(&clouds, plan, false, globals).await;
    }
    let applying = Applying::open(globals, environment, ApplyOptions::default(), yes).await?;
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    for (name, cloud) in clouds.each() {
        let ended = match cloud {
            Ok(cloud) => {
                let (options, beside) = work.how();
                applying.run(&cloud, (options, beside, None), || plan(cloud.clone())).await
            }
            Err(failure) => Err(failure),
        };
        match ended {
            Err(failure) => shown.push(worst.failed(&name, failure)?),
            Ok(done) => {
                worst.ended(done.code(false));
                shown.extend(done.show(globals)?);
            }
        }
    }
    applying.close().await;
    worst.show(shown)
}
