//! Quotas as the API shows and changes them, and limits.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, inner, input};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::{count, truth};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/os-quota-sets/{project}", get(show).put(update).delete(remove))
        .route("/os-quota-sets/{project}/defaults", get(defaults))
        .route("/os-quota-class-sets/{class}", get(show_class).put(update_class))
        .route("/limits", get(limits))
}

const RULE: &str = "volume_extension:quotas";

fn may_see(asked: &Asked, project: &str) -> Result<(), Fault> {
    if asked.sees(project) { Ok(()) } else { Err(Fault::policy(&format!("{RULE}:show"))) }
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    may_see(&asked, &project)?;
    let volumes = world.volume();
    let limits = volumes.limits_of(&project);
    let mut shown = Map::new();
    if query.get("usage").is_some_and(|yes| truth(&json!(yes))) {
        let usage = volumes.usage_of(&project);
        for (name, limit) in limits {
            let used = usage.get(&name).copied().unwrap_or(0);
            shown.insert(name, json!({"limit": limit, "in_use": used, "reserved": 0}));
        }
    } else {
        shown.extend(limits.into_iter().map(|(name, limit)| (name, json!(limit))));
    }
    shown.insert("id".to_owned(), json!(project));
    Ok(answer(StatusCode::OK, json!({"quota_set": shown})))
}

async fn defaults(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
) -> Result<Response, Fault> {
    may_see(&asked, &project)?;
    let mut shown = json!(world.volume().default_limits());
    shown["id"] = json!(project);
    Ok(answer(StatusCode::OK, json!({"quota_set": shown})))
}

/// The limits given, checked.
fn given(
    body: &Value,
    key: &str,
    known: &std::collections::BTreeMap<String, i64>,
) -> Result<Vec<(String, i64)>, Fault> {
    let schema = json!({"type": "object", "minProperties": 1});
    let mut given = inner(body, key, schema)?;
    given.retain(|name, _| {
        !["tenant_id", "id", "force", "skip_validation"].contains(&name.as_str())
    });
    let bad: Vec<&str> =
        given.keys().filter(|name| !known.contains_key(*name)).map(String::as_str).collect();
    if !bad.is_empty() {
        return Err(input(&format!("Bad key(s) in quota set: {}", bad.join(", "))));
    }
    let number = |(name, value): (String, Value)| {
        let number =
            count(&value).ok_or_else(|| Fault::bad(format!("{name} must be an integer")))?;
        if number < -1 {
            return Err(Fault::bad(format!("{name} must be >= -1")));
        }
        Ok((name, number))
    };
    given.into_iter().map(number).collect()
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let known = volumes.limits_of(&project);
    inner(&body, "quota_set", json!({"type": "object", "minProperties": 1}))?;
    asked.admin_only(&format!("{RULE}:update"))?;
    let given = given(&body, "quota_set", &known)?;
    volumes.quotas.projects.entry(project.clone()).or_default().extend(given);
    Ok(answer(StatusCode::OK, json!({"quota_set": volumes.limits_of(&project)})))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:delete"))?;
    world.volume().quotas.projects.remove(&project);
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")]).into_response())
}

async fn show_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(class): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:quota_classes:get")?;
    let mut shown = json!(world.volume().default_limits());
    shown["id"] = json!(class);
    Ok(answer(StatusCode::OK, json!({"quota_class_set": shown})))
}

async fn update_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(_): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:quota_classes:update")?;
    let mut volumes = world.volume();
    let known = volumes.default_limits();
    let given = given(&body, "quota_class_set", &known)?;
    volumes.quotas.defaults.extend(given);
    Ok(answer(StatusCode::OK, json!({"quota_class_set": volumes.default_limits()})))
}

async fn limits(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    let other = query.get("project_id").filter(|_| asked.is_admin() && asked.at_least(39));
    let project = other.unwrap_or_else(|| asked.project());
    let volumes = world.volume();
    let (limits, usage) = (volumes.limits_of(project), volumes.usage_of(project));
    let limit = |name: &str| limits.get(name).copied().unwrap_or(-1);
    let used = |name: &str| usage.get(name).copied().unwrap_or(0);
    let absolute = json!({
        "maxTotalVolumes": limit("volumes"),
        "maxTotalSnapshots": limit("snapshots"),
        "maxTotalVolumeGigabytes": limit("gigabytes"),
        "maxTotalBackups": limit("backups"),
        "maxTotalBackupGigabytes": limit("backup_gigabytes"),
        "totalVolumesUsed": used("volumes"),
        "totalGigabytesUsed": used("gigabytes"),
        "totalSnapshotsUsed": used("snapshots"),
        "totalBackupsUsed": used("backups"),
        "totalBackupGigabytesUsed": used("backup_gigabytes"),
    });
    Ok(answer(StatusCode::OK, json!({"limits": {"rate": [], "absolute": absolute}})))
}
