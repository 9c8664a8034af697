//! The addresses of the upstream monitor for programs.

mod results;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use lotse_web::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::desk::{Monitor, Sender};
use super::incoming::{self, Media};
use super::refusal::Refusal;
use super::store::{self, Upload};
use super::{signature, status};

/// Reports in one answer.
const MOST: u32 = 100;

pub(crate) fn routes() -> Router<Monitor> {
    Router::new()
        .route("/reports", get(report_list).post(upload))
        .route("/reports/{uuid}", get(report_get))
        .route("/status", get(status_get))
        .route("/results", get(results::list).post(results::approve))
        .route("/healthz", get(health))
}

pub(crate) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such page").detail("there is nothing here")
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
        .detail("this cannot be done here")
}

async fn health(State(monitor): State<Monitor>) -> Result<Json<Value>, Refusal> {
    monitor.store().check().await?;
    Ok(Json(json!({ "message": "OK" })))
}

/// The account behind the name and the password of a request (RFC 7617).
pub(crate) async fn sender(monitor: &Monitor, headers: &HeaderMap) -> Result<Account, Refusal> {
    let nobody = Refusal::Unauthorized("a name and a password are needed");
    let Some(given) = headers.get(header::AUTHORIZATION) else { return Err(nobody) };
    let plain = given.to_str().ok().and_then(|given| {
        let (scheme, encoded) = given.split_once(' ')?;
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        scheme.eq_ignore_ascii_case("basic").then(|| String::from_utf8(decoded).ok())?
    });
    let plain = plain.ok_or(nobody)?;
    let (name, password) = plain.split_once(':').unwrap_or((&plain, ""));
    monitor.known_as(name, password).await
}

/// An account behind the request.
pub(crate) struct Known(pub(crate) Account);

impl FromRequestParts<Monitor> for Known {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, monitor: &Monitor) -> Result<Self, Refusal> {
        sender(monitor, &parts.headers).await.map(Self)
    }
}

/// Takes an upload. What is cheap to refuse is refused first.
async fn upload(
    State(monitor): State<Monitor>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let outcome = taken(&monitor, &headers, body).await;
    monitor.metrics().upload(outcome.as_ref().map_or_else(Refusal::word, |()| "taken"));
    // The upstream monitor answers null.
    outcome.map(|()| Json(Value::Null))
}

async fn taken(monitor: &Monitor, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let media = media.unwrap_or_default();
    let media = Media::of(media).ok_or_else(|| Refusal::Media(media.to_owned()))?;
    let account = sender(monitor, headers).await?;
    let text = collected(monitor, body).await?;
    let (now, oldest) = (monitor.now(), monitor.oldest());
    let keys = account.keys.clone();
    // Large documents take their time, which the runtime has not.
    let work = move || read(media, &keys, text, (now, oldest));
    let large = tokio::task::spawn_blocking(work).await;
    let (text, reports) = large.map_err(|_| Refusal::Busy)??;
    let upload = Upload { account: String::new(), media, evidence: text };
    monitor.accept(&Sender::Account(Box::new(account)), reports, upload).await
}

type Read = (String, Vec<incoming::Incoming>);

fn read(
    media: Media,
    keys: &[signature::PublicKey],
    text: String,
    (now, oldest): (lotse_core::time::Timestamp, lotse_core::time::Timestamp),
) -> Result<Read, Refusal> {
    let unsigned = Refusal::Unauthorized("the report has no signature before it");
    let (armour, body) = signature::split(&text).ok_or(unsigned)?;
    if signature::signer(keys, armour, body.as_bytes()).is_none() {
        return Err(Refusal::Unauthorized("the signature is of no key of the account"));
    }
    let reports = incoming::read(media, body, now, oldest).map_err(Refusal::Content)?;
    Ok((text, reports))
}

/// The bytes of a body. What is too large is read on for as much again: who is still sending would
/// otherwise learn of a broken connection, and not why.
async fn whole(body: Body, largest: usize) -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::Content("the upload was cut off".to_owned()))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= largest {
            bytes.extend_from_slice(&chunk);
        } else if seen > largest.saturating_mul(2) {
            break;
        }
    }
    if seen > largest { Err(Refusal::TooLarge(largest)) } else { Ok(bytes) }
}

async fn collected(monitor: &Monitor, body: Body) -> Result<String, Refusal> {
    let largest = monitor.largest();
    let _place = monitor.place().await?;
    let text = String::from_utf8(whole(body, largest).await?);
    let text = text.map_err(|_| Refusal::Content("the upload is not UTF-8".to_owned()))?;
    if text.contains('\0') {
        return Err(Refusal::Content("the upload contains a NUL character".to_owned()));
    }
    Ok(text)
}

#[derive(Debug, Deserialize)]
struct Page {
    subject: Option<String>,
    limit: Option<u32>,
    skip: Option<u32>,
}

/// Reports in full, for those who may read them: their own, or with `read_any` all.
async fn report_list(
    State(monitor): State<Monitor>,
    Known(account): Known,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Value>>, Refusal> {
    let subject = match &page.subject {
        Some(subject) => Some(subject.as_str()),
        None if account.rights.read_any => None,
        None => Some(account.name.as_str()),
    };
    if subject != Some(account.name.as_str()) && !account.rights.read_any {
        return Err(Refusal::Unauthorized("the account may read its own reports only"));
    }
    let (limit, skip) = (page.limit.unwrap_or(10).min(MOST), page.skip.unwrap_or(0));
    let mut documents = Vec::new();
    for report in store::reports(monitor.store(), subject, limit, skip).await? {
        documents.extend(monitor.document(&report).await?);
    }
    Ok(Json(documents))
}

async fn report_get(
    State(monitor): State<Monitor>,
    Known(account): Known,
    Path(uuid): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let report = store::report(monitor.store(), &uuid).await?;
    let may = |subject: &str| subject == account.name || account.rights.read_any;
    // Whoever may not read it is not told that it is there.
    let report = report.filter(|report| may(&report.subject));
    let report = report.ok_or(Refusal::NotFound("report of this uuid"))?;
    let document = monitor.document(&report).await?;
    document.map(Json).ok_or(Refusal::NotFound("report of this uuid"))
}

#[derive(Debug, Deserialize)]
struct StatusQuery {
    subject: Option<String>,
    scopeuuid: Option<String>,
}

async fn status_get(
    State(monitor): State<Monitor>,
    Query(query): Query<StatusQuery>,
) -> Result<Response, Refusal> {
    let view = monitor.view().await?;
    let uuid = query.scopeuuid.as_deref();
    let uuid = uuid.map(|name| monitor.scope(name).map_or(name, |spec| spec.uuid.as_str()));
    let wanted = (query.subject.as_deref(), uuid);
    let written = || Bytes::from(status::answer(&view, monitor.scopes(), wanted));
    let text = match wanted {
        (None, None) => view.status.get_or_init(written).clone(),
        _ => written(),
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
