//! Objects: written, read in whole or in part, changed, deleted.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lotse_core::time::Timestamp;
use md5::{Digest, Md5};

use super::asked::{Answer, Asked};
use super::headers::{self, http_date, set, stamp, whole_seconds};
use super::model::{Container, Object, Objects};
use super::place::{Place, pointed_at};
use super::refusal::{Refused, empty, page};
use super::{container, copy};
use crate::world::World;

const LONGEST_NAME: usize = 1024;

/// Headers that are kept with an object as they are given.
const KEPT: &[&str] = &["content-disposition", "content-encoding"];

/// Where an object is: its container and its name.
pub(crate) type At<'a> = (&'a str, &'a str);

pub(crate) async fn answer(world: &World, asked: &Asked, at: At<'_>, body: Body) -> Answer {
    match asked.method.as_str() {
        "GET" | "HEAD" => show(world, asked, at),
        "PUT" => put(world, asked, at, body).await,
        "POST" => post(world, asked, at),
        "DELETE" => delete(world, asked, at),
        "COPY" => {
            let Some(destination) = asked.header("destination") else {
                let text = "Destination header required";
                return Err(Refused::saying(StatusCode::PRECONDITION_FAILED, text).into());
            };
            let to = pointed_at(destination).ok_or_else(|| {
                let text = "Destination header must be of the form <container name>/<object name>";
                Refused::saying(StatusCode::PRECONDITION_FAILED, text)
            })?;
            copy::answer(world, asked, at, (&to.0, &to.1))
        }
        _ => Err(Refused::method(container::METHODS).into()),
    }
}

/// What came in as a body.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    pub(crate) kept: Option<Bytes>,
}

/// Reads a body: sum and length always, the bytes up to as many as are kept.
async fn receive(body: Body, keep: u64) -> Result<Content, Refused> {
    let mut stream = body.into_data_stream();
    let mut sum = Md5::new();
    let mut bytes = 0_u64;
    let mut kept: Option<Vec<u8>> = Some(Vec::new());
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| Refused::new(StatusCode::REQUEST_TIMEOUT))?;
        sum.update(&piece);
        bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if bytes > keep {
            kept = None;
        }
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&piece);
        }
    }
    Ok(Content { bytes, etag: hex::encode(sum.finalize()), kept: kept.map(Bytes::from) })
}

/// When an object is to expire, as the headers want it.
pub(crate) fn expiry(asked: &Asked, now: Timestamp) -> Result<Option<i64>, Refused> {
    let now = now.as_second();
    if let Some(after) = asked.header("x-delete-after") {
        let after: i64 =
            after.trim().parse().map_err(|_| Refused::bad("Non-integer X-Delete-After"))?;
        if after <= 0 {
            return Err(Refused::bad("X-Delete-After in past"));
        }
        return Ok(Some(now.saturating_add(after)));
    }
    let Some(at) = asked.header("x-delete-at") else { return Ok(None) };
    let at: i64 = at.trim().parse().map_err(|_| Refused::bad("Non-integer X-Delete-At"))?;
    if at <= now { Err(Refused::bad("X-Delete-At in past")) } else { Ok(Some(at)) }
}

/// The headers of a request that are kept with the object.
pub(crate) fn kept_headers(asked: &Asked) -> BTreeMap<String, String> {
    let kept = KEPT.iter().filter_map(|name| Some((*name, asked.header(name)?)));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The media type of an object by its name.
fn guessed(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "xml" => "text/xml",
        "json" => "application/json",
        "js" => "application/javascript",
        "pdf" => "application/pdf",
        "tar" => "application/x-tar",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Whether a container takes so many more bytes.
fn within_quota(container: &Container, bytes: u64) -> Result<(), Refused> {
    let limit = |key: &str| container.metadata.get(key).and_then(|text| text.parse::<u64>().ok());
    let full = || Refused::saying(StatusCode::PAYLOAD_TOO_LARGE, "Upload exceeds quota.");
    if limit("quota-bytes").is_some_and(|most| container.bytes().saturating_add(bytes) > most) {
        return Err(full());
    }
    let count = u64::try_from(container.objects.len()).unwrap_or(u64::MAX);
    if limit("quota-count").is_some_and(|most| count.saturating_add(1) > most) {
        return Err(full());
    }
    Ok(())
}

/// The container at a place, to be changed.
pub(crate) fn container_at<'a>(
    objects: &'a mut Objects,
    place: &Place,
    name: &str,
) -> Result<&'a mut Container, Refused> {
    let account = objects.accounts.get_mut(&place.project);
    let container = account.and_then(|account| account.containers.get_mut(name));
    container.ok_or_else(Refused::not_found)
}

/// Checks what can be checked before the body has come.
fn check(world: &World, asked: &Asked, (within, name): At<'_>) -> Result<(), Refused> {
    let mut objects = world.object_store();
    let container = container_at(&mut objects, &asked.place, within)?;
    match asked.header("if-none-match") {
        Some("*") if container.objects.contains_key(name) => {
            return Err(Refused::new(StatusCode::PRECONDITION_FAILED));
        }
        None | Some("*") => {}
        Some(_) => return Err(Refused::bad("If-None-Match only supports *")),
    }
    let measured = asked.header("content-length").is_some()
        || asked.header("transfer-encoding").is_some_and(|coding| coding == "chunked");
    if !measured {
        return Err(Refused::without_length());
    }
    if name.len() > LONGEST_NAME {
        let text = format!("Object name length of {} longer than {LONGEST_NAME}", name.len());
        return Err(Refused::bad(text));
    }
    Ok(())
}

async fn put(world: &World, asked: &Asked, at: At<'_>, body: Body) -> Answer {
    asked.allowed(world)?;
    if let Some(source) = asked.header("x-copy-from") {
        if asked.header("content-length").is_some_and(|length| length != "0") {
            return Err(Refused::bad("Copy requests require a zero byte body").into());
        }
        let from = pointed_at(source).ok_or_else(|| {
            let text = "X-Copy-From header must be of the form <container name>/<object name>";
            Refused::saying(StatusCode::PRECONDITION_FAILED, text)
        })?;
        return copy::answer(world, asked, (&from.0, &from.1), at);
    }
    check(world, asked, at)?;
    let delete_at = expiry(asked, world.now())?;
    let metadata = headers::metadata(&asked.headers, "object")?;
    let content = receive(body, world.options.keep_bytes).await?;
    let now = world.now();
    let given = asked.header("etag").map(|etag| etag.trim_matches('"').to_ascii_lowercase());
    if given.is_some_and(|etag| etag != content.etag) {
        let mut answer = page(StatusCode::UNPROCESSABLE_ENTITY);
        set(answer.headers_mut(), "last-modified", &http_date(now));
        return Ok(answer);
    }
    let content_type = asked.header("content-type").filter(|kind| !kind.is_empty());
    let object = Object {
        name: at.1.to_owned(),
        content_type: content_type.unwrap_or_else(|| guessed(at.1)).to_owned(),
        bytes: content.bytes,
        etag: content.etag,
        changed_at: now,
        metadata,
        headers: kept_headers(asked),
        delete_at,
        content: content.kept,
    };
    Ok(store(world, &asked.place, at.0, object)?)
}

/// Puts an object into a container.
pub(crate) fn store(
    world: &World,
    place: &Place,
    within: &str,
    object: Object,
) -> Result<Response, Refused> {
    let mut objects = world.object_store();
    let container = container_at(&mut objects, place, within)?;
    within_quota(container, object.bytes)?;
    let mut answer = empty(StatusCode::CREATED);
    set(answer.headers_mut(), ETAG.as_str(), &object.etag);
    set(answer.headers_mut(), LAST_MODIFIED.as_str(), &http_date(object.changed_at));
    container.objects.insert(object.name.clone(), object);
    Ok(answer)
}

fn post(world: &World, asked: &Asked, (within, name): At<'_>) -> Answer {
    asked.allowed(world)?;
    let now = world.now();
    let delete_at = expiry(asked, now)?;
    let metadata = headers::metadata(&asked.headers, "object")?;
    let mut objects = world.object_store();
    let container = container_at(&mut objects, &asked.place, within)?;
    let object = container.objects.get_mut(name).ok_or_else(Refused::not_found)?;
    object.metadata = metadata;
    object.metadata.retain(|_, value| !value.is_empty());
    object.headers = kept_headers(asked);
    object.delete_at = delete_at;
    object.changed_at = now;
    if let Some(kind) = asked.header("content-type").filter(|kind| !kind.is_empty()) {
        kind.clone_into(&mut object.content_type);
    }
    Ok(page(StatusCode::ACCEPTED))
}

fn delete(world: &World, asked: &Asked, (within, name): At<'_>) -> Answer {
    asked.allowed(world)?;
    let mut objects = world.object_store();
    let container = container_at(&mut objects, &asked.place, within)?;
    container.objects.remove(name).ok_or_else(Refused::not_found)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// What answers about an object say of it.
fn describe(headers: &mut HeaderMap, object: &Object) {
    set(headers, ETAG.as_str(), &object.etag);
    set(headers, LAST_MODIFIED.as_str(), &http_date(object.changed_at));
    set(headers, "x-timestamp", &stamp(object.changed_at));
    headers::show(headers, "object", &object.metadata);
    for (name, value) in &object.headers {
        set(headers, name, value);
    }
    if let Some(at) = object.delete_at {
        set(headers, "x-delete-at", &at.to_string());
    }
}

/// The same, where the bytes could follow.
fn describe_whole(headers: &mut HeaderMap, object: &Object) {
    describe(headers, object);
    set(headers, CONTENT_TYPE.as_str(), &object.content_type);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

/// What a request's conditions make of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Goes,
    NotModified,
    Failed,
}

fn judge(asked: &Asked, object: &Object) -> Verdict {
    let among = |list: &str| {
        list.split(',').any(|etag| {
            let etag = etag.trim();
            etag == "*" || etag.trim_matches('"') == object.etag
        })
    };
    let changed = whole_seconds(object.changed_at);
    let time = |name: &str| {
        let text = asked.header(name)?;
        let at = httpdate::parse_http_date(text).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    if asked.header("if-match").is_some_and(|list| !among(list))
        || time("if-unmodified-since").is_some_and(|limit| changed > limit)
    {
        return Verdict::Failed;
    }
    if asked.header("if-none-match").is_some_and(among)
        || time("if-modified-since").is_some_and(|limit| changed <= limit)
    {
        return Verdict::NotModified;
    }
    Verdict::Goes
}

/// The part of so many bytes that a `Range` header wants: `None` when it says nothing that counts,
/// an error when there is no such part.
fn part(range: &str, length: u64) -> Option<Result<(u64, u64), ()>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let found = match (first.trim(), last.trim()) {
        ("", last) => {
            let count: u64 = last.parse().ok()?;
            (count > 0 && length > 0).then(|| (length.saturating_sub(count), length - 1))
        }
        (first, "") => {
            let first: u64 = first.parse().ok()?;
            (first < length).then(|| (first, length - 1))
        }
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            (first < length).then(|| (first, last.min(length - 1)))
        }
    };
    Some(found.ok_or(()))
}

fn show(world: &World, asked: &Asked, (within, name): At<'_>) -> Answer {
    asked.allowed(world)?;
    let objects = world.object_store();
    let container = objects.container(&asked.place.project, within);
    let object = container.and_then(|container| container.objects.get(name));
    let object = object.ok_or_else(Refused::not_found)?;
    match judge(asked, object) {
        Verdict::Goes => {}
        Verdict::NotModified => {
            let mut answer = empty(StatusCode::NOT_MODIFIED);
            describe_whole(answer.headers_mut(), object);
            return Ok(answer);
        }
        Verdict::Failed => {
            let mut answer = empty(StatusCode::PRECONDITION_FAILED);
            describe(answer.headers_mut(), object);
            return Ok(answer);
        }
    }
    let range = headers::text(&asked.headers, RANGE.as_str());
    let wanted = range.and_then(|range| part(range, object.bytes));
    let Some(content) = object.content.clone().or_else(|| (object.bytes == 0).then(Bytes::new))
    else {
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE).into());
    };
    let mut answer = Response::new(Body::empty());
    let (status, bytes) = match wanted {
        None => (StatusCode::OK, content),
        Some(Err(())) => {
            let mut answer = page(StatusCode::RANGE_NOT_SATISFIABLE);
            describe_whole(answer.headers_mut(), object);
            set(answer.headers_mut(), CONTENT_RANGE.as_str(), &format!("bytes */{}", object.bytes));
            return Ok(answer);
        }
        Some(Ok((first, last))) => {
            let shown = format!("bytes {first}-{last}/{}", object.bytes);
            set(answer.headers_mut(), CONTENT_RANGE.as_str(), &shown);
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            (StatusCode::PARTIAL_CONTENT, content.slice(place(first)..=place(last)))
        }
    };
    *answer.status_mut() = status;
    describe_whole(answer.headers_mut(), object);
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if asked.method != Method::HEAD {
        *answer.body_mut() = Body::from(bytes);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        assert_eq!(part("bytes=2-4", 10), Some(Ok((2, 4))));
        assert_eq!(part("bytes=7-", 10), Some(Ok((7, 9))));
        assert_eq!(part("bytes=-3", 10), Some(Ok((7, 9))));
        assert_eq!(part("bytes=-30", 10), Some(Ok((0, 9))));
        assert_eq!(part("bytes=0-99", 10), Some(Ok((0, 9))));
        assert_eq!(part("bytes=20-30", 10), Some(Err(())));
        assert_eq!(part("bytes=0-", 0), Some(Err(())));
        assert_eq!(part("bytes=4-2", 10), None);
        assert_eq!(part("nonsense", 10), None);
    }
}
