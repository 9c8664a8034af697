//! Content that is there is copied to further stores, by Glance's import method `copy-image`.
//!
//! Glance says in the image itself to which stores it is still writing, so a run that comes later
//! waits for a copy that an earlier one began.

use http::StatusCode;
use lotse_core::error::ErrorKind;
use lotse_plan::{Attempt, Outcome, StepError};

use super::import::{FAILED_STORES, stopped};
use super::patience::Patience;
use super::{Executor, failed, still_ours};
use crate::glance;
use crate::model::{Image, ImageStatus};
use crate::operation::Copy;

/// Glance lists here the stores to which it is still writing.
const WRITING_TO: &str = "os_glance_importing_to_stores";

impl Executor {
    /// Copies content to the stores in which it is missing, and waits until it is there.
    pub(super) async fn copy(
        &self,
        copy: &Copy,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        let mut patience = Patience::of(self.options.import_timeout, &self.options);
        let mut asked = None;
        loop {
            let image = glance::show(&self.cloud, &copy.id).await.map_err(failed)?;
            still_ours(&image, &copy.tag)?;
            let missing = missing(copy, &image);
            let writing = image.property(WRITING_TO).is_some_and(|stores| !stores.is_empty());
            if missing.is_empty() && !writing {
                return Ok(Outcome::object(&copy.id).with_request_id(asked.flatten()));
            }
            if !writing && !self.is_at_work(&copy.id).await? {
                match asked {
                    None => {
                        asked = Some(self.ask_for_copies(&image, &missing).await?);
                        continue;
                    }
                    Some(_) => return Err(self.not_copied(&image, &missing).await),
                }
            }
            if patience.is_over() {
                let message = format!(
                    "the image {} is not in the store {} after {} s",
                    copy.id,
                    missing.join(", "),
                    self.options.import_timeout.as_secs()
                );
                return Err(StepError::new(ErrorKind::Timeout, message).hinting(
                    "Glance may still be copying; the next run waits on (import_timeout says how long)",
                ));
            }
            if !patience.rest(attempt).await {
                return Err(stopped(&copy.id));
            }
        }
    }

    /// Asks Glance to copy, and returns the id of the request.
    async fn ask_for_copies(
        &self,
        image: &Image,
        stores: &[String],
    ) -> Result<Option<String>, StepError> {
        if image.status != ImageStatus::Active {
            let message = format!(
                "the image {} is {}: only active ones can be copied",
                image.id,
                image.status.as_str()
            );
            return Err(StepError::new(ErrorKind::Conflict, message));
        }
        let answer = glance::copy(&self.cloud, &image.id, stores).await.map_err(|error| {
            let error = failed(error);
            let forbidden = error.kind == ErrorKind::Forbidden;
            if forbidden { error.hinting(POLICY) } else { error }
        })?;
        match answer.status() {
            StatusCode::ACCEPTED => Ok(answer.request_id()),
            status => {
                let said = String::from_utf8_lossy(answer.body()).trim().to_owned();
                let message =
                    format!("Glance answered the copy of {} with {status}: {said}", image.id);
                Err(StepError::new(ErrorKind::Conflict, message))
            }
        }
    }

    /// Why nothing is being copied any more although something is missing.
    async fn not_copied(&self, image: &Image, missing: &[String]) -> StepError {
        let failed_at = image.property(FAILED_STORES).filter(|stores| !stores.is_empty());
        let stores = failed_at.map_or_else(|| missing.join(", "), str::to_owned);
        let tasks = glance::tasks(&self.cloud, &image.id).await.unwrap_or_default();
        let failure = tasks.first().filter(|task| task.status == "failure");
        let said = failure.and_then(|task| task.message.clone());
        let said = said.unwrap_or_else(|| "no reason is given".to_owned());
        let message =
            format!("Glance could not copy the image {} to the store {stores}: {said}", image.id);
        StepError::new(ErrorKind::Unavailable, message)
            .hinting("the image serves on from the stores it is in; see Glance's log for the store")
    }
}

const POLICY: &str =
    "copying is for administrators unless Glance's policy copy_image says otherwise";

/// The stores in which an image is not yet.
fn missing(copy: &Copy, image: &Image) -> Vec<String> {
    copy.stores.iter().filter(|store| !image.stores.contains(*store)).cloned().collect()
}
