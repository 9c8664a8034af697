//! What projects used in a period, as Nova tells it (`os-simple-tenant-usage`), and migrations.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Paging, refused};
use super::model::{Compute, Migration};
use super::server::Server;
use super::shapes;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::format::instant;
use crate::schema::refused::query_fits;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-simple-tenant-usage", get(index))
        .route("/v2.1/os-simple-tenant-usage/{project}", get(show))
        .route("/v2.1/os-migrations", get(migrations))
}

/// A time as usage shows it: microseconds, without a zone.
fn microseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

struct Period {
    from: Timestamp,
    to: Timestamp,
}

fn period(query: &Query, now: Timestamp) -> Result<Period, Fault> {
    let read = |name: &str| match query.get(name) {
        None | Some("") => Ok(now),
        Some(text) => {
            let wrong = || Fault::bad("Invalid datetime string: Datetime is in invalid format");
            let plain = text.contains(['T', ' ']) && !text.ends_with('Z');
            instant(text).filter(|_| plain).ok_or_else(wrong)
        }
    };
    let (from, to) = (read("start")?, read("end")?);
    // Without both they are the same instant, but Nova reads its clock twice.
    if from > to || (from == to && query.get("start").is_some()) {
        let text = "Invalid start time. The start time cannot occur after the end time.";
        return Err(Fault::bad(text));
    }
    Ok(Period { from, to: to.min(now) })
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

fn usage(server: &Server, period: &Period, now: Timestamp) -> Option<(Value, f64)> {
    let launched = server.launched_at?;
    let end = server.terminated_at;
    if launched > period.to || end.is_some_and(|end| end < period.from) {
        return None;
    }
    let stop = end.map_or(period.to, |end| end.min(period.to));
    let hours = seconds(launched.max(period.from), stop) / 3600.0;
    #[expect(clippy::cast_possible_truncation, reason = "an uptime in seconds")]
    let uptime = seconds(launched, end.unwrap_or(now)) as i64;
    let shown = json!({
        "hours": hours,
        "flavor": server.flavor.name,
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project_id.as_ref(),
        "memory_mb": server.flavor.ram,
        "local_gb": server.flavor.disk + server.flavor.ephemeral,
        "vcpus": server.flavor.vcpus,
        "started_at": microseconds(launched),
        "ended_at": end.map(microseconds),
        "state": if end.is_some() { "terminated" } else { server.vm.text() },
        "uptime": uptime,
    });
    Some((shown, hours))
}

#[expect(clippy::cast_precision_loss, reason = "amounts far below 2^52")]
fn weigh(amount: u64, hours: f64) -> f64 {
    amount as f64 * hours
}

/// The usage of each project, and the ids of the servers it comes from.
fn summaries(
    compute: &Compute,
    (period, now): (&Period, Timestamp),
    project: Option<&str>,
    detailed: bool,
    paging: &Paging,
) -> (Vec<Value>, Vec<String>) {
    let mut servers: Vec<&Server> = compute
        .servers
        .iter()
        .chain(compute.servers.gone())
        .filter(|server| project.is_none_or(|project| server.project_id.as_ref() == project))
        .collect();
    servers.sort_by(|a, b| a.project_id.cmp(&b.project_id).then_with(|| a.id.cmp(&b.id)));
    if let Some(marker) = &paging.marker
        && let Some(place) = servers.iter().position(|server| server.id == *marker)
    {
        servers.drain(..=place);
    }
    let mut shown: Vec<(String, [f64; 4], Vec<Value>)> = Vec::new();
    let mut ids = Vec::new();
    for server in servers {
        if ids.len() >= paging.limit {
            break;
        }
        let Some((one, hours)) = usage(server, period, now) else { continue };
        ids.push(server.id.clone());
        if shown.last().is_none_or(|(project, _, _)| project != server.project_id.as_ref()) {
            shown.push((server.project_id.to_string(), [0.0; 4], Vec::new()));
        }
        let Some((_, totals, rows)) = shown.last_mut() else { continue };
        let flavor = &server.flavor;
        let more = [
            weigh(flavor.disk + flavor.ephemeral, hours),
            weigh(flavor.vcpus, hours),
            weigh(flavor.ram, hours),
            hours,
        ];
        totals.iter_mut().zip(more).for_each(|(total, more)| *total += more);
        rows.push(one);
    }
    let summaries = shown.into_iter().map(|(project, [disk, vcpus, ram, hours], rows)| {
        let mut one = Map::from_iter([("tenant_id".to_owned(), json!(project))]);
        if detailed {
            one.insert("server_usages".to_owned(), json!(rows));
        }
        let rest = [
            ("total_local_gb_usage", json!(disk)),
            ("total_vcpus_usage", json!(vcpus)),
            ("total_memory_mb_usage", json!(ram)),
            ("total_hours", json!(hours)),
            ("start", json!(microseconds(period.from))),
            ("stop", json!(microseconds(period.to))),
        ];
        one.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(one)
    });
    (summaries.collect(), ids)
}

fn list_schema(asked: &Asked, all: bool) -> Value {
    let mut parameters = vec![("start", shapes::text()), ("end", shapes::text())];
    if all {
        parameters.push(("detailed", shapes::text()));
    }
    if asked.at_least(40) {
        parameters.push(("limit", shapes::not_negative()));
        parameters.push(("marker", shapes::text()));
    }
    shapes::query(&parameters, !asked.at_least(75))
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    query_fits(&list_schema(&asked, true), &query)?;
    asked.admin_only("os-simple-tenant-usage:list")?;
    let now = world.now();
    let period = period(&query, now)?;
    let detailed = query.get("detailed") == Some("1");
    let paged = asked.at_least(40);
    let paging = Paging::parse(if paged { &query } else { &NONE })?;
    let (all, ids) = summaries(&world.compute(), (&period, now), None, detailed, &paging);
    let mut body = json!({"tenant_usages": all});
    let last = ids.last().map(String::as_str);
    let kind = "os-simple-tenant-usage";
    if paged && let Some(next) = Paging::next(&world.base, kind, &query, (ids.len(), last)) {
        body["tenant_usages_links"] = next;
    }
    Ok(axum::Json(body))
}

static NONE: Query = Query(Vec::new());

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    query_fits(&list_schema(&asked, false), &query)?;
    if !asked.is_admin() && asked.caller.project() != Some(project.as_str()) {
        return Err(refused("os-simple-tenant-usage:show"));
    }
    let now = world.now();
    let period = period(&query, now)?;
    let paged = asked.at_least(40);
    let paging = Paging::parse(if paged { &query } else { &NONE })?;
    let (all, ids) = summaries(&world.compute(), (&period, now), Some(&project), true, &paging);
    let mut body = json!({"tenant_usage": all.into_iter().next().unwrap_or_else(|| json!({}))});
    let last = ids.last().map(String::as_str);
    let kind = format!("os-simple-tenant-usage/{project}");
    if paged && let Some(next) = Paging::next(&world.base, &kind, &query, (ids.len(), last)) {
        body["tenant_usage_links"] = next;
    }
    Ok(axum::Json(body))
}

/// A time as migrations show it.
fn plain(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

fn migration_view(migration: &Migration, asked: &Asked) -> Value {
    let mut shown = json!({
        "created_at": plain(migration.created_at),
        "dest_compute": migration.dest,
        "dest_host": "127.0.0.1",
        "dest_node": migration.dest,
        "id": migration.number,
        "instance_uuid": migration.server,
        "new_instance_type_id": migration.new_flavor,
        "old_instance_type_id": migration.old_flavor,
        "source_compute": migration.source,
        "source_node": migration.source,
        "status": migration.status,
        "updated_at": plain(migration.updated_at),
    });
    // Numbers of rows in Nova's database; there are none here.
    for name in ["new_instance_type_id", "old_instance_type_id"] {
        shown[name] = json!(1);
    }
    if asked.at_least(23) {
        shown["migration_type"] = json!(migration.kind);
    }
    if asked.at_least(59) {
        shown["uuid"] = json!(migration.uuid);
    }
    if asked.at_least(80) {
        shown["user_id"] = json!(migration.user_id);
        shown["project_id"] = json!(migration.project_id);
    }
    shown
}

async fn migrations(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    let mut parameters: Vec<(&str, Value)> =
        ["hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"]
            .map(|name| (name, shapes::text()))
            .into();
    if asked.at_least(59) {
        parameters.push(("limit", shapes::not_negative()));
        parameters.push(("marker", shapes::text()));
        parameters.push(("changes-since", json!({"type": "string", "format": "date-time"})));
    }
    if asked.at_least(66) {
        parameters.push(("changes-before", json!({"type": "string", "format": "date-time"})));
    }
    if asked.at_least(80) {
        parameters.extend([("user_id", shapes::text()), ("project_id", shapes::text())]);
    }
    query_fits(&shapes::query(&parameters, !asked.at_least(59)), &query)?;
    asked.admin_only("os-migrations:index")?;
    let paged = asked.at_least(59);
    let paging = Paging::parse(if paged { &query } else { &NONE })?;
    let wanted = |name: &str, found: &str| query.get(name).is_none_or(|wanted| wanted == found);
    let since = query.get("changes-since").filter(|_| paged).and_then(instant);
    let compute = world.compute();
    let mut found: Vec<&Migration> = compute
        .migrations
        .iter()
        .rev()
        .filter(|one| {
            let host = query.get("host").is_none_or(|host| one.source == host || one.dest == host);
            host && wanted("instance_uuid", &one.server)
                && wanted("source_compute", &one.source)
                && wanted("status", &one.status)
                && wanted("migration_type", &one.kind)
                && (!asked.at_least(80) || wanted("user_id", &one.user_id))
                && (!asked.at_least(80) || wanted("project_id", &one.project_id))
                && since.is_none_or(|since| one.updated_at >= since)
        })
        .collect();
    if let Some(marker) = &paging.marker {
        let missing = || Fault::bad(format!("Marker {marker} could not be found."));
        let place = found.iter().position(|one| one.uuid == *marker).ok_or_else(missing)?;
        found.drain(..=place);
    }
    found.truncate(paging.limit);
    let mut body = json!({"migrations": found.iter().map(|one| migration_view(one, &asked)).collect::<Value>()});
    let last = found.last().map(|one| one.uuid.as_str());
    if paged
        && let Some(next) = Paging::next(&world.base, "os-migrations", &query, (found.len(), last))
    {
        body["migrations_links"] = next;
    }
    Ok(axum::Json(body))
}
