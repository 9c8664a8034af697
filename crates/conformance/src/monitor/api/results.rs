//! Single results of the last days, and what people say of them.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use jiff::tz::TimeZone;
use lotse_core::time::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Known;
use crate::monitor::desk::{Monitor, Word};
use crate::monitor::refusal::Refusal;
use crate::monitor::store;

/// For so long results can be asked for here.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Results in one answer.
const MOST: usize = 10_000;
/// Reports that are looked at in one question.
const PAGE: u32 = 200;
/// No list of approvals is larger, in bytes.
const LARGEST: usize = 1 << 20;

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    approved: Option<bool>,
    limit: Option<usize>,
    skip: Option<usize>,
}

/// Results of the last seven days, newest first.
pub(super) async fn list(
    State(monitor): State<Monitor>,
    Known(account): Known,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Value>>, Refusal> {
    if !account.rights.read_any {
        return Err(Refusal::Unauthorized("the account may not read the results of others"));
    }
    let then = monitor.now().checked_sub(RECENT).unwrap_or_default();
    let (limit, mut skip) = (which.limit.unwrap_or(10).min(MOST), which.skip.unwrap_or(0));
    let (mut found, mut at) = (Vec::new(), 0);
    while found.len() < limit {
        let reports = store::since(monitor.store(), then, PAGE, at).await?;
        let Ok(count) = u32::try_from(reports.len()) else { break };
        if count == 0 {
            break;
        }
        at += count;
        for report in &reports {
            for (testcase, result) in &report.results {
                let approved = report.is_approved(testcase);
                if which.approved.is_some_and(|wanted| wanted != approved) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                } else if found.len() < limit {
                    let checked = report.checked.to_zoned(TimeZone::UTC).datetime();
                    found.push(json!({
                        "reportuuid": report.id,
                        "checked_at": crate::report::naive(checked),
                        "subject": report.subject,
                        "scopeuuid": report.scope,
                        "version": "*",
                        "testcase": testcase,
                        "result": result,
                        "approval": approved,
                    }));
                }
            }
        }
    }
    Ok(Json(found))
}

/// Takes approvals: one, or a list of them, all or none.
pub(super) async fn approve(
    State(monitor): State<Monitor>,
    Known(account): Known,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    if !account.rights.approve {
        return Err(Refusal::Unauthorized("the account may not approve results"));
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::Media(media.to_owned()));
    }
    let bytes = super::whole(body, LARGEST).await?;
    let unreadable = |error| Refusal::Content(format!("the approvals cannot be read: {error}"));
    let given: Value = serde_json::from_slice(&bytes).map_err(unreadable)?;
    let list = if given.is_array() { given } else { Value::Array(vec![given]) };
    let words: Vec<Word> = serde_json::from_value(list).map_err(unreadable)?;
    monitor.approve(&account.name, &words).await?;
    Ok(Json(Value::Null))
}
