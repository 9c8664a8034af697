//! From an image without data to a complete one: import, wait, verify, publish.
//!
//! It may begin at any point, because a killed run may have ended at any point: the image's own
//! status says what is left to do.

use http::StatusCode;
use lotse_core::error::ErrorKind;
use lotse_core::retry::RetryClass;
use lotse_openstack::Response;
use lotse_plan::{Attempt, Outcome, StepError};

use super::patience::Patience;
use super::{Content, Executor, failed};
use crate::model::{Algorithm, Image, ImageStatus};
use crate::operation::{Delivery, Import, Patch, StatusChange};
use crate::{CONTENT, IMPORT_STATE, glance};

/// Glance says here which stores an import did not reach.
pub(super) const FAILED_STORES: &str = "os_glance_failed_import";

/// Glance names here the task that is at work on the image.
const IMPORT_LOCK: &str = "os_glance_import_task";

impl Executor {
    /// Brings an image to its end.
    ///
    /// An image that cannot become what it shall be is deleted again: it was never visible, and
    /// nothing of it is worth keeping.
    pub(super) async fn complete(
        &self,
        mut begun: Begun,
        import: &Import,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        let image = self.filled(&mut begun, import, attempt).await;
        let id = begun.id.as_str();
        let image = match image {
            Ok(image) => image,
            Err(Trouble::Passing(error)) => return Err(error),
            Err(Trouble::Final(error)) => return Err(self.discard(id, import, error).await),
        };
        let verified = verify_handed(&image, import, begun.content.as_ref());
        if let Err(error) = verified.and_then(|()| verify(&image, import)) {
            return Err(self.discard(id, import, error).await);
        }
        if let Some(publish) = &import.publish
            && let Err(error) = self.free(&publish.name, id).await
        {
            // Of two imports of one version one is too many.
            let taken = error.kind == ErrorKind::Conflict;
            return Err(if taken { self.discard(id, import, error).await } else { error });
        }
        let outcome = self.finish(&image, import).await?;
        if let Some(content) = begun.content {
            content.remove();
        }
        Ok(outcome)
    }

    /// Waits until the image has its data, and starts the import if nobody has.
    async fn filled(
        &self,
        begun: &mut Begun,
        import: &Import,
        attempt: &Attempt<'_>,
    ) -> Result<Image, Trouble> {
        let mut started = Started::Not;
        if begun.fresh {
            started = self.start(begun, import, attempt).await?;
        }
        let mut patience = Patience::of(self.options.import_timeout, &self.options);
        loop {
            let image = glance::show(&self.cloud, &begun.id).await.map_err(failed)?;
            match (image.status, &started) {
                (status, _) if status.is_complete() && !self.is_locked(&image).await? => {
                    return Ok(image);
                }
                (status, _) if status.is_gone() => return Err(gone(&image)),
                (ImageStatus::Queued, Started::Not) => {
                    started = self.start(begun, import, attempt).await?;
                    continue;
                }
                // Staged in full (it has a size) by a run that ended before it said so.
                (ImageStatus::Uploading, Started::Not)
                    if import.delivery == Delivery::GlanceDirect && image.size.is_some() =>
                {
                    started = self
                        .ask(glance::import_staged(&self.cloud, &begun.id, &import.stores))
                        .await?;
                    continue;
                }
                (ImageStatus::Queued, _) => self.check(&image, &started).await?,
                _ => {}
            }
            if patience.is_over() {
                return Err(Trouble::Passing(late(&image, import)));
            }
            if !patience.rest(attempt).await {
                return Err(Trouble::Passing(stopped(&begun.id)));
            }
        }
    }

    /// Whether Glance's task is not through with the image, although its data is complete. What is
    /// changed in that moment may be lost: the task writes back what it has read before.
    async fn is_locked(&self, image: &Image) -> Result<bool, Trouble> {
        if image.property(IMPORT_LOCK).is_none_or(str::is_empty) {
            return Ok(false);
        }
        Ok(self.is_at_work(&image.id).await?)
    }

    /// Whether a task of Glance is running for the image.
    pub(super) async fn is_at_work(&self, id: &str) -> Result<bool, StepError> {
        let tasks = glance::tasks(&self.cloud, id).await.map_err(failed)?;
        Ok(tasks.iter().any(glance::Task::is_running))
    }

    /// Brings the content on its way.
    async fn start(
        &self,
        begun: &mut Begun,
        import: &Import,
        attempt: &Attempt<'_>,
    ) -> Result<Started, Trouble> {
        let id = begun.id.as_str();
        if import.delivery == Delivery::WebDownload {
            return self.ask(glance::import(&self.cloud, id, &import.source, &import.stores)).await;
        }
        if begun.content.is_none() {
            // An earlier run said what it was about to send; upstream may have changed since.
            begun.content = self.content(import, attempt).await?;
            let properties = begun.content.iter().flat_map(Content::properties);
            let patch: Vec<Patch> = properties.map(|(key, value)| Patch::set(key, value)).collect();
            glance::patch(&self.cloud, id, &patch).await.map_err(failed)?;
        }
        let Some(content) = &begun.content else { return Ok(Started::Not) };
        let staged = import.delivery == Delivery::GlanceDirect;
        let sent = if staged {
            glance::stage(&self.cloud, id, content).await
        } else {
            glance::upload(&self.cloud, id, content, import.stores.first()).await
        };
        sent.map_err(|error| refused(error, SPACE))?;
        if staged {
            return self.ask(glance::import_staged(&self.cloud, id, &import.stores)).await;
        }
        Ok(Started::Accepted)
    }

    /// Asks Glance to import. Everything but 202 is a refusal, except that somebody is at it already.
    async fn ask(
        &self,
        request: impl Future<Output = Result<Response, lotse_openstack::Error>>,
    ) -> Result<Started, Trouble> {
        let answer = match request.await {
            Ok(answer) => answer,
            Err(error) => return Err(refused(error, REFUSED)),
        };
        match answer.status() {
            StatusCode::ACCEPTED => Ok(Started::Accepted),
            StatusCode::CONFLICT => {
                Ok(Started::Conflict(String::from_utf8_lossy(answer.body()).trim().to_owned()))
            }
            status => {
                let message = format!("Glance answered the import with {status}, not 202");
                Err(Trouble::Final(StepError::new(ErrorKind::Unavailable, message)))
            }
        }
    }

    /// Looks whether the import of an image that (still, or again) has no data has failed.
    async fn check(&self, image: &Image, started: &Started) -> Result<(), Trouble> {
        let stores = image.property(FAILED_STORES).filter(|stores| !stores.is_empty());
        let tasks = glance::tasks(&self.cloud, &image.id).await.map_err(failed)?;
        let running = tasks.iter().any(glance::Task::is_running);
        if running {
            // A task that fails says so a moment later than the image does.
            return Ok(());
        }
        let failure = tasks.first().filter(|task| task.status == "failure");
        if stores.is_none() && failure.is_none() {
            return match started {
                // Glance refused, and nothing is under way: it would stay so forever.
                Started::Conflict(reason) if !tasks.is_empty() => {
                    let message = format!("Glance refuses to import {}: {reason}", image.id);
                    Err(Trouble::Final(StepError::new(ErrorKind::Conflict, message)))
                }
                _ => Ok(()),
            };
        }
        let said = failure.and_then(|task| task.message.as_deref()).unwrap_or("no reason is given");
        let whither = stores.map(|stores| format!(" into the store {stores}")).unwrap_or_default();
        let message = format!("Glance could not import the image {}{whither}: {said}", image.id);
        Err(Trouble::Final(StepError::new(ErrorKind::Unavailable, message).hinting(DOWNLOAD)))
    }

    /// Makes the image what its definition says, and visible if nobody has to give way first: one
    /// request, or none.
    async fn finish(&self, image: &Image, import: &Import) -> Result<Outcome, StepError> {
        let mut outcome = Outcome::object(&image.id);
        let publish = import.publish.as_ref();
        if publish.is_some_and(|publish| publish.deactivate) && image.status == ImageStatus::Active
        {
            self.change_status(&image.id, StatusChange::Deactivate, &mut outcome).await?;
        }
        let patch = finishing(image, import);
        if !patch.is_empty() {
            let answer = glance::patch(&self.cloud, &image.id, &patch).await.map_err(failed)?;
            outcome.request_id = answer.request_id();
        }
        Ok(outcome)
    }

    /// Deletes an image that will not become what it shall be, and says what happened.
    async fn discard(&self, id: &str, import: &Import, error: StepError) -> StepError {
        if import.id.is_some() {
            // Glance never gives a declared id a second time.
            let message =
                format!("{}; the image keeps its declared id and stays invisible", error.message);
            return StepError { message, ..error };
        }
        match glance::delete(&self.cloud, id).await {
            Ok(()) => error,
            Err(also) => {
                let also = failed(also);
                let message = format!(
                    "{}; the unusable image {id} could not be deleted: {also}",
                    error.message
                );
                StepError { message, ..error }
            }
        }
    }
}

/// An image that is there, or was created just now.
pub(super) struct Begun {
    pub(super) id: String,
    /// It was created just now, so that it certainly has no data.
    pub(super) fresh: bool,
    /// What it gets, if that passes through us and was fetched already.
    pub(super) content: Option<Content>,
}

/// Whether the import was begun by us.
enum Started {
    Not,
    Accepted,
    /// Glance answered 409, with this text.
    Conflict(String),
}

/// Why an image has no data.
enum Trouble {
    /// Another attempt or another run may go on with the image.
    Passing(StepError),
    /// The image is of no use.
    Final(StepError),
}

impl From<StepError> for Trouble {
    fn from(error: StepError) -> Self {
        Self::Passing(error)
    }
}

/// A request that Glance refused, or that may be repeated.
fn refused(error: lotse_openstack::Error, hint: &str) -> Trouble {
    let retry = error.retry_class();
    let failure = failed(error);
    match retry {
        RetryClass::Never if failure.hint.is_none() => Trouble::Final(failure.hinting(hint)),
        RetryClass::Never => Trouble::Final(failure),
        _ => Trouble::Passing(failure),
    }
}

const SPACE: &str = "see the quota of the project and the space of Glance's stores";
const REFUSED: &str = "see what Glance allows: its import methods and the filters of web-download";
const NOT_BEGUN: &str =
    "see whether Glance carries out its tasks, and its log; the next run asks for the import again";
const DOWNLOAD: &str = "check that the URL can be fetched from the machine on which Glance runs, and the log of Glance";

fn gone(image: &Image) -> Trouble {
    let message = format!("the image {} is {} before it had data", image.id, image.status.as_str());
    Trouble::Final(StepError::new(ErrorKind::Conflict, message))
}

fn late(image: &Image, import: &Import) -> StepError {
    if image.status == ImageStatus::Queued {
        let message = format!(
            "Glance accepted the import of {} into the image {} and has not begun it (status queued)",
            import.source, image.id
        );
        return StepError::new(ErrorKind::Timeout, message).hinting(NOT_BEGUN);
    }
    let message = format!(
        "Glance is still importing {} into the image {} (status {})",
        import.source,
        image.id,
        image.status.as_str()
    );
    StepError::new(ErrorKind::Timeout, message)
        .hinting("the next run goes on with it; raise import_timeout if it is only slow")
}

pub(super) fn stopped(id: &str) -> StepError {
    let message = format!("stopped while Glance imports the image {id}");
    // The journal keeps the step open, so that the next run knows of the image.
    StepError::new(ErrorKind::Cancelled, message)
        .hinting("the next run goes on with it")
        .retried(RetryClass::Ambiguous)
}

/// Compares what Glance has with what we sent.
fn verify_handed(
    image: &Image,
    import: &Import,
    content: Option<&Content>,
) -> Result<(), StepError> {
    let sent = content.map(Content::sha512).or_else(|| image.property(CONTENT));
    let Some(sent) = sent.filter(|_| import.delivery.is_streamed()) else { return Ok(()) };
    if image.disk_format.as_deref() != Some(import.disk_format.as_str()) {
        tracing::warn!(image = %image.id, "Glance converted the content, so what arrived is not verified");
        return Ok(());
    }
    let kept = image.os_hash_value.as_deref();
    match kept.filter(|_| image.os_hash_algo.as_deref() == Some("sha512")) {
        Some(kept) if kept != sent => {
            let message = format!("Glance holds content with the sha512 {kept}, sent was {sent}");
            Err(StepError::new(ErrorKind::Integrity, message)
                .hinting("the content was damaged on its way to Glance, or in its staging area"))
        }
        Some(_) => Ok(()),
        None => {
            tracing::warn!(image = %image.id, "the cloud keeps no SHA-512, so what arrived is not verified");
            Ok(())
        }
    }
}

/// Compares the content with the declared checksum, as far as Glance knows one of its kind.
fn verify(image: &Image, import: &Import) -> Result<(), StepError> {
    // What passed through us was verified before, and may be something else now: unpacked.
    let Some(declared) = import.checksum.as_ref().filter(|_| !import.delivery.is_streamed()) else {
        return Ok(());
    };
    if image.disk_format.as_deref() != Some(import.disk_format.as_str()) {
        tracing::warn!(image = %image.id, "Glance converted the content, so its checksum is not verified");
        return Ok(());
    }
    let found = match declared.algorithm() {
        Algorithm::Md5 => image.checksum.as_deref(),
        algorithm if image.os_hash_algo.as_deref() == Some(algorithm.as_str()) => {
            image.os_hash_value.as_deref()
        }
        _ => None,
    };
    let Some(found) = found else {
        tracing::warn!(image = %image.id, checksum = %declared, "the cloud knows no checksum of this kind");
        return Ok(());
    };
    if found.eq_ignore_ascii_case(declared.digits()) {
        return Ok(());
    }
    let algorithm = declared.algorithm().as_str();
    let message = format!(
        "the content of {} has the {algorithm} {found}, declared is {}",
        import.source,
        declared.digits()
    );
    Err(StepError::new(ErrorKind::Integrity, message).hinting(
        "if upstream published another file, declare it as a new version with its checksum; \
         otherwise somebody changed the file",
    ))
}

/// What is left to set on a complete image.
fn finishing(image: &Image, import: &Import) -> Vec<Patch> {
    let mut patch = Vec::new();
    let mut field = |name: &str, before: serde_json::Value, after: serde_json::Value| {
        if before != after {
            patch.push(Patch::replace(name, after));
        }
    };
    let min_disk = import.min_disk.unwrap_or(0).max(image.needed_disk().unwrap_or(0));
    field("min_disk", image.min_disk.into(), min_disk.into());
    field("min_ram", image.min_ram.into(), import.min_ram.into());
    let list = |tags: &std::collections::BTreeSet<String>| tags.iter().cloned().collect();
    field("tags", list(&image.tags), list(&import.tags));
    if let Some(publish) = &import.publish {
        field("name", image.name.as_str().into(), publish.name.as_str().into());
        field("os_hidden", image.os_hidden.into(), publish.hidden.into());
        let (before, after) = (image.visibility.as_str(), publish.visibility.as_str());
        field("visibility", before.into(), after.into());
    }
    for (key, value) in &import.properties {
        if image.property(key) != Some(value) {
            patch.push(Patch::set(key, value.as_str()));
        }
    }
    if import.publish.is_some() {
        patch.push(Patch::set(IMPORT_STATE, "done"));
    }
    patch
}
