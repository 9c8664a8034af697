//! Quotas, and the limits that follow from them.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Json, refused};
use super::model::Compute;
use super::shapes;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::{count, truth};
use crate::schema::refused::{fits, query_fits};
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-quota-sets/{project}", get(show).put(update).delete(delete))
        .route("/v2.1/os-quota-sets/{project}/detail", get(detail))
        .route("/v2.1/os-quota-sets/{project}/defaults", get(defaults))
        .route("/v2.1/os-quota-class-sets/{class}", get(show_class).put(update_class))
        .route("/v2.1/limits", get(limits))
}

/// All resources with their built-in limits; -1 is no limit.
const RESOURCES: &[(&str, i64)] = &[
    ("cores", 20),
    ("fixed_ips", -1),
    ("floating_ips", -1),
    ("injected_file_content_bytes", 10_240),
    ("injected_file_path_bytes", 255),
    ("injected_files", 5),
    ("instances", 10),
    ("key_pairs", 100),
    ("metadata_items", 128),
    ("ram", 51_200),
    ("security_group_rules", -1),
    ("security_groups", -1),
    ("server_group_members", 10),
    ("server_groups", 10),
];

/// Those that went to Neutron (2.36).
const OF_NETWORKS: &[&str] =
    &["fixed_ips", "floating_ips", "security_group_rules", "security_groups", "networks"];

/// The resources of a version.
fn resources(asked: &Asked) -> impl Iterator<Item = &'static str> {
    let (networks, files) = (!asked.at_least(36), !asked.at_least(57));
    RESOURCES
        .iter()
        .map(|(name, _)| *name)
        .filter(move |name| networks || !OF_NETWORKS.contains(name))
        .filter(move |name| files || !name.starts_with("injected_"))
}

/// What a project may have if nothing was set for it.
fn default_limit(compute: &Compute, resource: &str) -> i64 {
    let built_in = RESOURCES.iter().find(|(name, _)| *name == resource).map(|(_, limit)| *limit);
    compute.default_quotas.get(resource).copied().or(built_in).unwrap_or(-1)
}

/// What a project may have; -1 is no limit.
pub(crate) fn limit(compute: &Compute, project: &str, resource: &str) -> i64 {
    let own = compute.quotas.get(project).and_then(|own| own.get(resource));
    own.copied().unwrap_or_else(|| default_limit(compute, resource))
}

/// What a project has.
fn in_use(compute: &Compute, project: &str, resource: &str) -> u64 {
    let used = compute.servers.used(project);
    match resource {
        "instances" => used.instances,
        "cores" => used.cores,
        "ram" => used.ram,
        "server_groups" => {
            compute.groups.iter().filter(|group| group.project_id == project).count() as u64
        }
        _ => 0,
    }
}

/// Refuses more servers than the project may have: so many, of so many cores and MiB each.
pub(crate) fn check_servers(
    compute: &Compute,
    project: &str,
    (servers, cores, ram): (u64, u64, u64),
) -> Result<(), Fault> {
    let asked = [("instances", servers), ("cores", servers * cores), ("ram", servers * ram)];
    check(compute, project, &asked)
}

/// A resource, how much more of it is wanted, how much is used, and the limit.
type Over<'a> = (&'a str, u64, u64, i64);

/// Refuses what goes beyond the limits, in Nova's words.
pub(crate) fn check(compute: &Compute, project: &str, asked: &[(&str, u64)]) -> Result<(), Fault> {
    let mut over: Vec<Over<'_>> = asked
        .iter()
        .filter(|(_, more)| *more > 0)
        .map(|(name, more)| {
            (*name, *more, in_use(compute, project, name), limit(compute, project, name))
        })
        .filter(|(_, more, used, limit)| {
            *limit >= 0 && i64::try_from(used + more).unwrap_or(i64::MAX) > *limit
        })
        .collect();
    if over.is_empty() {
        return Ok(());
    }
    over.sort_unstable();
    let join = |part: fn(&Over<'_>) -> String| over.iter().map(part).collect::<Vec<_>>().join(", ");
    let text = format!(
        "Quota exceeded for {0}: Requested {1}, but already used {2} of {3} {0}",
        join(|one| one.0.to_owned()),
        join(|one| one.1.to_string()),
        join(|one| one.2.to_string()),
        join(|one| one.3.to_string()),
    );
    Err(Fault::new(StatusCode::FORBIDDEN, text))
}

/// Refuses a project that Keystone does not know.
fn known(world: &World, project: &str) -> Result<(), Fault> {
    if world.identity().projects.contains_key(project) {
        return Ok(());
    }
    Err(Fault::bad(format!("Project ID {project} is not a valid project.")))
}

/// Allows looking at one's own project, and administrators at all.
fn look(asked: &Asked, project: &str, rule: &str) -> Result<(), Fault> {
    if asked.is_admin() || asked.caller.project() == Some(project) {
        return Ok(());
    }
    Err(refused(&format!("os-quota-sets:{rule}")))
}

fn query_of(asked: &Asked) -> Value {
    shapes::query(&[("user_id", shapes::text())], !asked.at_least(75))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    query_fits(&query_of(&asked), &query)?;
    look(&asked, &project, "show")?;
    known(&world, &project)?;
    let compute = world.compute();
    let mut set = Map::from_iter([("id".to_owned(), json!(project))]);
    set.extend(
        resources(&asked).map(|name| (name.to_owned(), json!(limit(&compute, &project, name)))),
    );
    Ok(axum::Json(json!({"quota_set": set})))
}

async fn detail(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    query_fits(&query_of(&asked), &query)?;
    look(&asked, &project, "detail")?;
    known(&world, &project)?;
    let compute = world.compute();
    let mut set = Map::from_iter([("id".to_owned(), json!(project))]);
    set.extend(resources(&asked).map(|name| {
        let row = json!({
            "limit": limit(&compute, &project, name),
            "in_use": in_use(&compute, &project, name),
            "reserved": 0,
        });
        (name.to_owned(), row)
    }));
    Ok(axum::Json(json!({"quota_set": set})))
}

async fn defaults(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    known(&world, &project)?;
    let compute = world.compute();
    let mut set = Map::from_iter([("id".to_owned(), json!(project))]);
    set.extend(
        resources(&asked).map(|name| (name.to_owned(), json!(default_limit(&compute, name)))),
    );
    Ok(axum::Json(json!({"quota_set": set})))
}

/// A set of limits as a request carries it.
fn set_schema(asked: &Asked, key: &str, forced: bool) -> Value {
    let amount = json!({
        "type": ["integer", "string"], "pattern": "^-?[0-9]+$",
        "minimum": -1, "maximum": 0x7fff_ffff, "minLength": 1,
    });
    let mut fields: Map<String, Value> =
        resources(asked).map(|name| (name.to_owned(), amount.clone())).collect();
    if !asked.at_least(36) {
        fields.insert("networks".to_owned(), amount);
    }
    if forced {
        fields.insert("force".to_owned(), shapes::boolean());
    }
    shapes::wrapped(key, Value::Object(fields), &[])
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    fits(&set_schema(&asked, "quota_set", true), &body)?;
    query_fits(&query_of(&asked), &query)?;
    asked.admin_only("os-quota-sets:update")?;
    known(&world, &project)?;
    let wanted = body["quota_set"].as_object().cloned().unwrap_or_default();
    let forced = wanted.get("force").is_some_and(truth);
    let mut compute = world.compute();
    for (name, value) in wanted.iter().filter(|(name, _)| *name != "force") {
        let Some(limit) = count(value) else { continue };
        let used = in_use(&compute, &project, name);
        if !forced && limit >= 0 && i64::try_from(used).is_ok_and(|used| used > limit) {
            let text = format!(
                "Quota limit {limit} for {name} must be greater than or equal to already used and \
                 reserved {used}."
            );
            return Err(Fault::bad(text));
        }
    }
    let own = compute.quotas.entry(project.clone()).or_default();
    for (name, value) in wanted.iter().filter(|(name, _)| *name != "force") {
        if let Some(limit) = count(value) {
            own.insert(name.clone(), limit);
        }
    }
    let set: Map<String, Value> = resources(&asked)
        .map(|name| (name.to_owned(), json!(limit(&compute, &project, name))))
        .collect();
    Ok(axum::Json(json!({"quota_set": set})))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(project): Path<String>,
    query: Query,
) -> Result<StatusCode, Fault> {
    query_fits(&query_of(&asked), &query)?;
    asked.admin_only("os-quota-sets:delete")?;
    known(&world, &project)?;
    world.compute().quotas.remove(&project);
    Ok(StatusCode::ACCEPTED)
}

/// The set of the one class that counts: `default`.
fn class_set(compute: &Compute, asked: &Asked) -> Map<String, Value> {
    resources(asked)
        .filter(|name| asked.at_least(50) || !name.starts_with("server_group"))
        .map(|name| (name.to_owned(), json!(default_limit(compute, name))))
        .collect()
}

async fn show_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(class): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.admin_only("os-quota-class-sets:show")?;
    let mut set = Map::from_iter([("id".to_owned(), json!(class))]);
    set.extend(class_set(&world.compute(), &asked));
    Ok(axum::Json(json!({"quota_class_set": set})))
}

async fn update_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(class): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    fits(&set_schema(&asked, "quota_class_set", false), &body)?;
    asked.admin_only("os-quota-class-sets:update")?;
    let mut compute = world.compute();
    // Only the class `default` is ever looked at.
    if class == "default" {
        for (name, value) in body["quota_class_set"].as_object().into_iter().flatten() {
            if let Some(limit) = count(value) {
                compute.default_quotas.insert(name.clone(), limit);
            }
        }
    }
    Ok(axum::Json(json!({"quota_class_set": class_set(&compute, &asked)})))
}

/// Names of limits with their resources, and names of what is used of them.
const ABSOLUTE: &[(&str, &str)] = &[
    ("maxTotalInstances", "instances"),
    ("maxTotalCores", "cores"),
    ("maxTotalRAMSize", "ram"),
    ("maxServerMeta", "metadata_items"),
    ("maxImageMeta", "metadata_items"),
    ("maxPersonality", "injected_files"),
    ("maxPersonalitySize", "injected_file_content_bytes"),
    ("maxTotalKeypairs", "key_pairs"),
    ("maxServerGroups", "server_groups"),
    ("maxServerGroupMembers", "server_group_members"),
    ("maxTotalFloatingIps", "floating_ips"),
    ("maxSecurityGroups", "security_groups"),
    ("maxSecurityGroupRules", "security_group_rules"),
];
const USED: &[(&str, &str)] = &[
    ("totalRAMUsed", "ram"),
    ("totalCoresUsed", "cores"),
    ("totalInstancesUsed", "instances"),
    ("totalFloatingIpsUsed", "floating_ips"),
    ("totalSecurityGroupsUsed", "security_groups"),
    ("totalServerGroupsUsed", "server_groups"),
];

async fn limits(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    let schema =
        shapes::query(&[("tenant_id", shapes::text())], !asked.at_least(75) && !asked.at_least(57));
    query_fits(&schema, &query)?;
    let project = query.get("tenant_id").unwrap_or(asked.project()).to_owned();
    if query.get("tenant_id").is_some() && !asked.is_admin() {
        return Err(refused("limits:other_project"));
    }
    let compute = world.compute();
    let offered: Vec<&str> = resources(&asked).collect();
    let shown = |name: &str, resource: &str| {
        offered.contains(&resource) && (name != "maxImageMeta" || !asked.at_least(39))
    };
    let mut absolute = Map::new();
    for (name, resource) in ABSOLUTE.iter().filter(|(name, resource)| shown(name, resource)) {
        absolute.insert((*name).to_owned(), json!(limit(&compute, &project, resource)));
    }
    for (name, resource) in USED.iter().filter(|(name, resource)| shown(name, resource)) {
        absolute.insert((*name).to_owned(), json!(in_use(&compute, &project, resource)));
    }
    Ok(axum::Json(json!({"limits": {"rate": [], "absolute": absolute}})).into_response())
}
