//! Steps become requests.
//!
//! Nothing is chosen here: what a step does stands in its [`Operation`]. Before an image is changed
//! it is looked at once more, so that nothing is changed that is no longer ours. Nothing is retried
//! here either: every request says whether it may be, and the engine does it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use http::StatusCode;
use lotse_core::error::ErrorKind;
use lotse_core::journal::Intent;
use lotse_openstack::{Cloud, Error};
use lotse_plan::{Attempt, Outcome, Step, StepError, StepId};
use serde_json::{Value, json};

use crate::model::{Image, ImageStatus, Visibility};
use crate::observe::servers_of;
use crate::operation::{Delete, Import, Operation, Patch, Share, StatusChange, Target, Update};
use crate::options::Options;
use crate::{IMPORT_STATE, MARKER, glance};
use import::Begun;

mod boot;
mod content;
mod copying;
mod elsewhere;
mod import;
mod patience;
mod unpacking;

pub(crate) use content::Content;
pub use content::Downloads;
pub(crate) use unpacking::{Formats, prepare, remove};

/// Carries out the steps of image plans on one cloud.
#[derive(Debug)]
pub struct Executor {
    cloud: Cloud,
    /// Where images are tried out, if that is another project.
    staging: Option<Cloud>,
    options: Options,
    downloads: Downloads,
    /// Another cloud from which content may be copied.
    beside: Option<Cloud>,
    /// Which image a step of this plan imported, for the steps that wait for it.
    imported: Mutex<HashMap<StepId, String>>,
}

impl Executor {
    /// An executor for one plan on this cloud.
    pub fn new(cloud: Cloud, options: Options, downloads: Downloads) -> Self {
        Self { cloud, options, downloads, beside: None, staging: None, imported: Mutex::default() }
    }

    /// The same, copying content from another cloud where a plan says so.
    #[must_use]
    pub fn beside(mut self, cloud: Option<Cloud>) -> Self {
        self.beside = cloud;
        self
    }

    /// The same, trying images out in the project of this session.
    #[must_use]
    pub fn staging(mut self, cloud: Option<Cloud>) -> Self {
        self.staging = cloud;
        self
    }

    fn remember(&self, step: &StepId, id: &str) {
        let mut imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
        imported.insert(step.clone(), id.to_owned());
    }

    fn target(&self, target: &Target) -> Result<String, StepError> {
        match target {
            Target::Image(id) => Ok(id.clone()),
            Target::ImportedBy(step) => {
                let imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
                imported.get(step).cloned().ok_or_else(|| {
                    let message = format!("the step {step} has imported no image");
                    StepError::new(ErrorKind::Internal, message)
                })
            }
        }
    }

    /// Creates the image, without data and invisible to others, with everything it says of itself.
    async fn create(
        &self,
        import: &Import,
        content: Option<&Content>,
        attempt: &Attempt<'_>,
    ) -> Result<String, StepError> {
        let mut body = json!({
            "name": import.name,
            "disk_format": import.disk_format,
            "container_format": "bare",
            "visibility": "private",
            "min_disk": import.min_disk.unwrap_or(0),
            "min_ram": import.min_ram,
            "tags": import.tags,
        });
        if let Some(id) = &import.id {
            body["id"] = json!(id);
        }
        for (key, value) in &import.properties {
            body[key] = json!(value);
        }
        for (key, value) in content.into_iter().flat_map(Content::properties) {
            body[key] = json!(value);
        }
        body[MARKER] = json!(attempt.marker);
        body[IMPORT_STATE] = json!("pending");
        let answer = glance::create(&self.cloud, &body).await.map_err(failed)?;
        Ok(answer.json::<Image>().map_err(failed)?.id)
    }

    async fn update(&self, update: &Update) -> Result<Outcome, StepError> {
        let id = self.target(&update.target)?;
        let image = glance::show(&self.cloud, &id).await.map_err(failed)?;
        still_ours(&image, &update.tag)?;
        if matches!(update.target, Target::ImportedBy(_)) {
            // Whoever keeps its name may find it taken, too: it was invisible so far.
            self.free(update.new_name().unwrap_or(&image.name), &id).await?;
        }
        let mut outcome = Outcome::object(&id);
        // Whoever is to be unusable is so before it is seen; whoever is to be usable, is when
        // everything else is right.
        let deactivate = update.status == Some(StatusChange::Deactivate);
        if deactivate && image.status != ImageStatus::Deactivated {
            self.change_status(&id, StatusChange::Deactivate, &mut outcome).await?;
        }
        if !update.patch.is_empty() {
            let answer = glance::patch(&self.cloud, &id, &update.patch).await.map_err(failed)?;
            outcome.request_id = answer.request_id();
        }
        let reactivate = update.status == Some(StatusChange::Reactivate);
        if reactivate && image.status != ImageStatus::Active {
            self.change_status(&id, StatusChange::Reactivate, &mut outcome).await?;
        }
        Ok(outcome)
    }

    /// Deletes an image, unless it is no longer ours, or somebody began to use it meanwhile.
    async fn delete(&self, delete: &Delete) -> Result<Outcome, StepError> {
        let id = delete.id.as_str();
        let image = match glance::show(&self.cloud, id).await {
            Ok(image) => image,
            // Gone is gone.
            Err(error) if error.is_not_found() => return Ok(Outcome::default()),
            Err(error) => return Err(failed(error)),
        };
        still_ours(&image, &delete.tag)?;
        let servers = servers_of(&self.cloud, id).await.map_err(failed)?;
        if servers > 0 {
            tracing::warn!(
                image = id,
                servers,
                "not deleted: servers were made from it; it is hidden"
            );
            return self.keep(id, &delete.when_used).await;
        }
        match glance::delete(&self.cloud, id).await {
            Ok(()) => Ok(Outcome::object(id)),
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => {
                let reason = failed(error).message;
                tracing::warn!(image = id, %reason, "not deleted: it is in use; it is hidden");
                self.keep(id, &delete.when_refused).await
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Makes a project a member that has accepted, or none.
    async fn share(&self, share: &Share) -> Result<Outcome, StepError> {
        let Share { id, tag, project, member } = share;
        let image = glance::show(&self.cloud, id).await.map_err(failed)?;
        still_ours(&image, tag)?;
        let answer = if *member {
            glance::add_member(&self.cloud, id, project).await.map_err(failed)?;
            Some(glance::accept(&self.cloud, id, project).await.map_err(failed)?)
        } else {
            glance::remove_member(&self.cloud, id, project).await.map_err(failed)?
        };
        Ok(Outcome::object(id).with_request_id(answer.and_then(|answer| answer.request_id())))
    }

    /// Keeps an image that was to be deleted.
    async fn keep(&self, id: &str, instead: &[Patch]) -> Result<Outcome, StepError> {
        if instead.is_empty() {
            return Ok(Outcome::object(id));
        }
        let answer = glance::patch(&self.cloud, id, instead).await.map_err(failed)?;
        Ok(Outcome::object(id).with_request_id(answer.request_id()))
    }

    /// Makes sure, just before an image becomes visible under its final name, that nobody else bears
    /// it: another instance of Lotse, without our leases, may have been quicker.
    async fn free(&self, name: &str, id: &str) -> Result<(), StepError> {
        let project = self.cloud.project_id().await.map_err(failed)?;
        let named = glance::named(&self.cloud, name).await.map_err(failed)?;
        let taken = named.into_iter().find(|image| {
            let reachable =
                image.visibility == Visibility::Public || image.owner.as_ref() == Some(&project);
            image.id != id && reachable && image.status.is_complete()
        });
        match taken {
            None => Ok(()),
            Some(other) => {
                let message = format!("the image {} took the name \"{name}\" meanwhile", other.id);
                Err(StepError::new(ErrorKind::Conflict, message).hinting(
                    "plan again; see that only one Lotse keeps the images of this project",
                ))
            }
        }
    }

    async fn change_status(
        &self,
        id: &str,
        change: StatusChange,
        outcome: &mut Outcome,
    ) -> Result<(), StepError> {
        let answer = glance::change_status(&self.cloud, id, change).await.map_err(failed)?;
        outcome.request_id = answer.request_id();
        Ok(())
    }
}

#[async_trait]
impl lotse_plan::Executor<Operation> for Executor {
    fn detail(&self, step: &Step<Operation>) -> Value {
        match &step.operation {
            Operation::Import(import) => json!({"import": import.name, "source": import.source}),
            Operation::Resume { id, import } => json!({"resume": id, "source": import.source}),
            Operation::Update(update) => json!({"update": update.target}),
            Operation::Delete(delete) => json!({"delete": delete.id}),
            Operation::BootTest(boot) => json!({"boot": boot.target}),
            Operation::Copy(copy) => json!({"copy": copy.id, "stores": copy.stores}),
            Operation::Share(share) => json!({"share": share.id, "project": share.project}),
        }
    }

    async fn recover(&self, intent: &Intent) -> Result<Option<String>, StepError> {
        let marker = intent.marker.to_string();
        // Hidden images are in a listing of their own, and an image may have been hidden by the
        // very request whose answer was lost.
        for hidden in ["false", "true"] {
            let query = [(MARKER, marker.as_str()), ("visibility", "all"), ("os_hidden", hidden)];
            let found = self.cloud.pages::<Image>("image", "/v2/images", &query, "images");
            let found = found.all().await.map_err(failed)?;
            // A cloud that did not understand the filter would hand us anything.
            let ours = |image: &Image| image.property(MARKER) == Some(&marker);
            if let Some(image) = found.into_iter().find(ours) {
                return Ok(Some(image.id));
            }
        }
        Ok(None)
    }

    async fn execute(
        &self,
        step: &Step<Operation>,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        match &step.operation {
            Operation::Import(import) => {
                let begun = if let Some(id) = &attempt.found {
                    Begun { id: id.clone(), fresh: false, content: None }
                } else {
                    let content = self.content(import, attempt).await?;
                    let id = self.create(import, content.as_ref(), attempt).await?;
                    Begun { id, fresh: true, content }
                };
                self.remember(&step.id, &begun.id);
                self.complete(begun, import, attempt).await
            }
            Operation::Resume { id, import } => {
                self.remember(&step.id, id);
                let begun = Begun { id: id.clone(), fresh: false, content: None };
                self.complete(begun, import, attempt).await
            }
            Operation::BootTest(boot) => self.boot(boot, attempt).await,
            Operation::Update(update) => self.update(update).await,
            Operation::Delete(delete) => self.delete(delete).await,
            Operation::Share(share) => self.share(share).await,
            Operation::Copy(copy) => self.copy(copy, attempt).await,
        }
    }
}

fn still_ours(image: &Image, tag: &str) -> Result<(), StepError> {
    if image.tags.contains(tag) {
        return Ok(());
    }
    let message = format!("the image {} no longer carries the tag \"{tag}\"", image.id);
    let hint = "somebody took the image over while this ran; plan again";
    Err(StepError::new(ErrorKind::Conflict, message).hinting(hint))
}

/// A request that failed, for the engine.
#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` wants")]
fn failed(error: Error) -> StepError {
    StepError::explained(&error, error.retry_class())
}
