//! Content from another cloud: its image's data, into a file, in one piece after the other.
//!
//! What a request leaves behind when it breaks off is gone on with by the next one, in this process or
//! a later one.

use std::path::Path;

use http::StatusCode;
use http::header::RANGE;
use lotse_core::error::ErrorKind;
use lotse_core::retry::RetryClass;
use lotse_openstack::{Cloud, Error};
use lotse_plan::{Attempt, StepError};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::failed;
use crate::operation::Elsewhere;

/// Fetches the data of an image of another cloud into this file.
pub(super) async fn fetch(
    cloud: Option<&Cloud>,
    from: &Elsewhere,
    file: &Path,
    attempt: &Attempt<'_>,
) -> Result<(), StepError> {
    let Some(cloud) = cloud.filter(|cloud| cloud.name() == from.cloud) else {
        let message = format!("this run does not know the cloud {}", from.cloud);
        return Err(StepError::new(ErrorKind::InvalidInput, message)
            .hinting("name it again (--copy-from), or plan anew without it"));
    };
    let unwritable = |error: &std::io::Error| {
        let message = format!("{} cannot be written: {error}", file.display());
        StepError::new(ErrorKind::Storage, message)
            .hinting("see that the disk of the state directory has space for the image")
    };
    if let Some(directory) = file.parent() {
        tokio::fs::create_dir_all(directory).await.map_err(|error| unwritable(&error))?;
    }
    let open = OpenOptions::new().create(true).append(true).open(file).await;
    let mut output = open.map_err(|error| unwritable(&error))?;
    let mut have = length(&output).await.map_err(|error| unwritable(&error))?;
    if have > from.size {
        output.set_len(0).await.map_err(|error| unwritable(&error))?;
        have = 0;
    }
    if have == from.size {
        return Ok(());
    }
    let path = format!("/v2/images/{}/file", from.image);
    let mut request = cloud.get("image", &path).header("accept", "application/octet-stream");
    if have > 0 {
        request = request.header(RANGE.as_str(), &format!("bytes={have}-"));
    }
    let mut answer = request.stream().await.map_err(interrupted)?;
    if have > 0 && answer.status() != StatusCode::PARTIAL_CONTENT {
        output.set_len(0).await.map_err(|error| unwritable(&error))?;
        have = 0;
    }
    while let Some(piece) = answer.chunk().await.map_err(interrupted)? {
        output.write_all(&piece).await.map_err(|error| unwritable(&error))?;
        have += piece.len() as u64;
        attempt.advance(have, Some(from.size));
    }
    output.flush().await.map_err(|error| unwritable(&error))?;
    if have == from.size {
        return Ok(());
    }
    let message = format!(
        "the cloud {} sent {have} of {} bytes of its image {}",
        from.cloud, from.size, from.image
    );
    let mut error = StepError::new(ErrorKind::Unavailable, message);
    error.retry = RetryClass::NoEffect;
    Err(error.hinting("the next attempt goes on where this one ended"))
}

/// A request that failed: whatever became of it, it changed nothing, so it may be made again.
fn interrupted(error: Error) -> StepError {
    let mut error = failed(error);
    if error.retry == RetryClass::Ambiguous {
        error.retry = RetryClass::NoEffect;
    }
    error
}

async fn length(file: &File) -> std::io::Result<u64> {
    Ok(file.metadata().await?.len())
}
