//! The bytes of images: upload, staging, download; and switching images off and on.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use futures::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::access::{self, Authenticated};
use super::model::Status;
use super::notify;
use super::payload::{Hasher, Payload};
use super::refusal::Refusal;
use crate::keystone::caller::Caller;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2/images/{id}/file", put(upload).get(download))
        .route("/v2/images/{id}/stage", put(stage))
        .route("/v2/images/{id}/actions/deactivate", post(deactivate))
        .route("/v2/images/{id}/actions/reactivate", post(reactivate))
}

/// Bytes come as `application/octet-stream` and as nothing else.
fn binary(headers: &HeaderMap) -> Result<(), Refusal> {
    let found = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // The server in front of Glance puts this where nothing is.
    let found = found.unwrap_or("text/plain");
    if found == "application/octet-stream" { Ok(()) } else { Err(Refusal::media_type(found)) }
}

/// Moves a queued image to `to`, in which it waits for bytes.
fn open(world: &World, id: &str, caller: &Caller, to: Status, action: &str) -> Result<(), Refusal> {
    let mut images = world.images();
    let image = access::find_to_change(&mut images, id, caller, action)?;
    if image.status != Status::Queued || image.import.is_some() {
        return Err(Refusal::conflict(format!(
            "Image status transition from {} to {} is not allowed",
            image.status.text(),
            to.text(),
        )));
    }
    if image.disk_format.is_none() || image.container_format.is_none() {
        let missing = [
            ("disk_format", image.disk_format.is_none()),
            ("container_format", image.container_format.is_none()),
        ];
        let missing: Vec<&str> =
            missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        if to == Status::Saving {
            let text =
                format!("Properties {} must be set prior to saving data.", missing.join(", "));
            return Err(Refusal::bad(text));
        }
    }
    image.status = to;
    Ok(())
}

/// Reads all bytes; a client that goes away or sends too much leaves the image queued again.
async fn receive(world: &World, id: &str, body: Body) -> Result<Payload, Refusal> {
    let mut hasher = Hasher::new(world.options.keep_bytes);
    let mut stream = body.into_data_stream();
    let broken = loop {
        match stream.next().await {
            None => return Ok(hasher.finish()),
            Some(Ok(bytes)) => hasher.update(&bytes),
            Some(Err(_)) => break Refusal::bad("The data of the image ended early."),
        }
        if hasher.size() > world.options.image_size_cap {
            let text = format!(
                "Maximum image size of {} bytes exceeded; image {id} will be reset to queued.",
                world.options.image_size_cap,
            );
            break Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text);
        }
    };
    if let Some(image) = world.images().by_id.get_mut(id) {
        image.status = Status::Queued;
    }
    Err(broken)
}

/// The answer when the image was deleted while its bytes arrived.
fn gone(id: &str) -> Refusal {
    Refusal::new(StatusCode::GONE, format!("Image {id} could not be found after upload."))
}

async fn upload(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    binary(&headers)?;
    open(&world, &id, &caller, Status::Saving, "upload_image")?;
    let payload = receive(&world, &id, body).await?;
    let now = world.now();
    let mut images = world.images();
    let asked = headers.get("x-image-meta-store").and_then(|value| value.to_str().ok());
    let store = asked.unwrap_or_else(|| images.default_store()).to_owned();
    let known = images.stores.contains(&store);
    let image = images.by_id.get_mut(&id).ok_or_else(|| gone(&id))?;
    if !known {
        image.status = Status::Queued;
        let text = format!("Store for identifier {store} not found");
        return Err(Refusal::bad(text));
    }
    image.activate(payload, &store, now);
    let cause = caller.cause(None);
    let happened = ["upload", "activate"].map(|it| notify::image(it, image, now, cause.clone()));
    drop(images);
    for one in happened {
        world.events.publish(one);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn stage(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    binary(&headers)?;
    open(&world, &id, &caller, Status::Uploading, "modify_image")?;
    let payload = receive(&world, &id, body).await?;
    let now = world.now();
    let mut images = world.images();
    let image = images.by_id.get_mut(&id).ok_or_else(|| gone(&id))?;
    image.size = Some(payload.size);
    image.staged = Some(payload);
    image.updated_at = now;
    Ok(StatusCode::NO_CONTENT)
}

async fn download(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let images = world.images();
    let image = access::find(&images, &id, &caller)?;
    match image.status {
        Status::Active => {}
        Status::Deactivated if caller.is_admin() => {}
        Status::Deactivated => {
            let text =
                "The requested image has been deactivated. Image data download is forbidden.";
            return Err(Refusal::forbidden(text));
        }
        _ => return Ok(StatusCode::NO_CONTENT.into_response()),
    }
    let Some(bytes) = image.bytes.clone() else {
        // Glance always has the bytes; we do not pretend to.
        let text = "The simulated cloud keeps no bytes of this image.";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    world.events.publish(notify::send(image, bytes.len(), world.now(), caller.cause(None)));
    let octets = HeaderValue::from_static("application/octet-stream");
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let mut answer = if let Some(asked) = asked {
        let (first, last) = range(asked, bytes.len()).ok_or_else(|| {
            Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "Invalid range specified.")
        })?;
        let place = format!("bytes {first}-{last}/{}", bytes.len());
        let part = bytes.slice(first..=last);
        let mut answer = (StatusCode::PARTIAL_CONTENT, part).into_response();
        if let Ok(place) = HeaderValue::from_str(&place) {
            answer.headers_mut().insert(CONTENT_RANGE, place);
        }
        answer
    } else {
        let length = bytes.len();
        let mut answer = Response::new(Body::from(bytes));
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        answer
    };
    answer.headers_mut().insert(CONTENT_TYPE, octets);
    let checksum = image.checksum.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(checksum) = checksum {
        answer.headers_mut().insert(HeaderName::from_static("content-md5"), checksum);
    }
    Ok(answer)
}

/// First and last byte of `bytes=first-last`, within `length`.
fn range(text: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(end)),
    };
    (first <= last).then_some((first, last))
}

fn switch(
    world: &World,
    caller: &Caller,
    id: &str,
    (from, to): (Status, Status),
    action: &str,
) -> Result<StatusCode, Refusal> {
    let now = world.now();
    let mut images = world.images();
    let image = access::find_to_change(&mut images, id, caller, action)?;
    if image.status == from {
        image.status = to;
        image.updated_at = now;
        world.events.publish(notify::image("update", image, now, caller.cause(None)));
    } else if image.status != to {
        return Err(Refusal::forbidden(format!(
            "Not allowed to {action} image in status '{}'",
            image.status.text(),
        )));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn deactivate(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    switch(&world, &caller, &id, (Status::Active, Status::Deactivated), "deactivate")
}

async fn reactivate(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    switch(&world, &caller, &id, (Status::Deactivated, Status::Active), "reactivate")
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn a_range_stays_within_the_bytes() {
        assert_eq!(range("bytes=0-3", 10), Some((0, 3)));
        assert_eq!(range("bytes=4-", 10), Some((4, 9)));
        assert_eq!(range("bytes=-3", 10), Some((7, 9)));
        assert_eq!(range("bytes=5-99", 10), Some((5, 9)));
        assert_eq!(range("bytes=10-", 10), None);
        assert_eq!(range("bytes=0-", 0), None);
        assert_eq!(range("lines=0-3", 10), None);
    }
}
