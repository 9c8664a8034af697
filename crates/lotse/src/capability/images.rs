//! The image catalogue in the daemon: one task per cloud.

use std::sync::Arc;

use lotse_images::{ImagesTask, Metrics, Shelf, Tools};
use lotse_plan::ApplyOptions;

use super::{Context, Parts};
use crate::daemon::{clock, downloads, engine, mirror};
use crate::failure::Failure;

/// One task for every cloud that the section `images` names.
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let Some(config) = &context.config.images else { return Ok(Parts::default()) };
    let config = &context.estate.images(config);
    let shelf = Shelf::new(context.store.clone());
    let directory = context.config.downloads_directory(context.environment);
    let downloads = downloads(&directory, config.internal_redirects)?;
    let kept = config.mirror.as_deref().map(|place| mirror(place, context.environment));
    let downloads = downloads.with_mirror(kept.transpose()?.map(Arc::new));
    let mut parts = Parts::from(lotse_images::web::extension(config, shelf.clone()));
    let metrics = Metrics::default();
    let shown = metrics.clone();
    parts.metrics.push(Box::new(move |registry| shown.register(registry)));
    for name in &config.clouds {
        let cloud = context.clouds.get(name)?;
        let beside =
            config.copy_from.as_deref().map(|name| context.clouds.get(name)).transpose()?;
        let staging = config.boot_test.as_ref().and_then(|test| test.test().staging_of(name));
        let tools = Tools {
            engine: engine(context.store),
            desk: Arc::new(context.changes.clone()),
            clock: clock(),
            apply: ApplyOptions::default(),
            downloads: downloads.clone(),
            metrics: metrics.clone(),
            beside: beside.filter(|beside| beside.name() != name),
            staging: staging.map(|name| context.clouds.get(&name)).transpose()?,
            shelf: shelf.clone(),
        };
        let task = ImagesTask::new(config, cloud, tools);
        parts.tasks.push(Arc::new(task));
        parts.clouds.push(name.clone());
    }
    Ok(parts)
}
