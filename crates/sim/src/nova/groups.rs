//! Server groups: servers that are to be on one host, or on different ones.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Json, Paging};
use super::model::{Compute, Group};
use super::{quota, shapes};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::count;
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-server-groups", get(index).post(create))
        .route("/v2.1/os-server-groups/{id}", get(show).delete(delete))
}

fn view(compute: &Compute, group: &Group, asked: &Asked) -> Value {
    let members = group.members.iter().filter(|id| compute.servers.get(id).is_some());
    let mut shown = json!({
        "id": group.id,
        "name": group.name,
        "members": members.collect::<Vec<_>>(),
    });
    if asked.at_least(64) {
        let rules = group
            .max_server_per_host
            .map_or_else(|| json!({}), |most| json!({"max_server_per_host": most}));
        shown["policy"] = json!(group.policy);
        shown["rules"] = rules;
    } else {
        shown["policies"] = json!([group.policy]);
        shown["metadata"] = json!({});
    }
    if asked.at_least(13) {
        shown["project_id"] = json!(group.project_id);
        shown["user_id"] = json!(group.user_id);
    }
    shown
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    let parameters = [
        ("all_projects", shapes::text()),
        ("limit", shapes::not_negative()),
        ("offset", shapes::not_negative()),
    ];
    query_fits(&shapes::query(&parameters, !asked.at_least(75)), &query)?;
    asked.reader("os-server-groups:index")?;
    let all = asked.is_admin() && query.get("all_projects").is_some();
    let limit = match Paging::parse(&query)?.limit {
        0 => super::asked::MOST,
        limit => limit,
    };
    let offset = query.get("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
    let compute = world.compute();
    let groups = compute.groups.iter().filter(|group| all || group.project_id == asked.project());
    let page = groups.skip(offset).take(limit).map(|group| view(&compute, group, &asked));
    Ok(axum::Json(json!({"server_groups": page.collect::<Value>()})))
}

/// The place of a group that the caller sees.
fn find(compute: &Compute, id: &str, asked: &Asked) -> Result<usize, Fault> {
    let seen =
        |group: &Group| group.id == id && (asked.is_admin() || group.project_id == asked.project());
    let place = compute.groups.iter().position(seen);
    place.ok_or_else(|| Fault::missing(format!("Instance group {id} could not be found.")))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let place = find(&compute, &id, &asked)?;
    asked.reader("os-server-groups:show")?;
    Ok(axum::Json(json!({"server_group": view(&compute, &compute.groups[place], &asked)})))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let mut compute = world.compute();
    let place = find(&compute, &id, &asked)?;
    asked.member("os-server-groups:delete")?;
    compute.groups.remove(place);
    Ok(StatusCode::NO_CONTENT)
}

static CREATE: LazyLock<[Value; 3]> = LazyLock::new(|| {
    let policies = |known: Value| {
        json!({
            "name": shapes::name(),
            "policies": {
                "type": "array",
                "items": [{"type": "string", "enum": known}],
                "uniqueItems": true, "minItems": 1, "maxItems": 1, "additionalItems": false,
            },
        })
    };
    let all = json!(["anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity"]);
    let one = json!({
        "name": shapes::name(),
        "policy": {"type": "string", "enum": all},
        "rules": {
            "type": "object",
            "properties": {"max_server_per_host": shapes::positive()},
            "additionalProperties": false,
        },
    });
    let wrap = |fields, required: &[&str]| shapes::wrapped("server_group", fields, required);
    [
        wrap(policies(json!(["anti-affinity", "affinity"])), &["name", "policies"]),
        wrap(policies(all), &["name", "policies"]),
        wrap(one, &["name", "policy"]),
    ]
});

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let [hard, soft, one] = &*CREATE;
    let schema = match asked.version.minor {
        ..15 => hard,
        15..64 => soft,
        _ => one,
    };
    fits(schema, &body)?;
    asked.member("os-server-groups:create")?;
    let wanted = &body["server_group"];
    let mut compute = world.compute();
    let limit = quota::limit(&compute, asked.project(), "server_groups");
    let have = compute.groups.iter().filter(|group| group.project_id == asked.project()).count();
    if limit >= 0 && i64::try_from(have).is_ok_and(|have| have >= limit) {
        let text = "Quota exceeded, too many server groups.";
        return Err(Fault::new(StatusCode::FORBIDDEN, text));
    }
    let policy = wanted["policy"].as_str().or_else(|| wanted["policies"][0].as_str());
    let policy = policy.unwrap_or_default().to_owned();
    let rules = wanted["rules"].as_object().filter(|rules| !rules.is_empty());
    if rules.is_some() && policy != "anti-affinity" {
        return Err(Fault::bad("Only anti-affinity policy supports rules."));
    }
    let most = rules.and_then(|rules| rules.get("max_server_per_host")).and_then(count);
    let group = Group {
        id: world.ids.uuid(),
        name: wanted["name"].as_str().unwrap_or_default().to_owned(),
        policy,
        max_server_per_host: most.and_then(|most| u64::try_from(most).ok()),
        project_id: asked.project().to_owned(),
        user_id: asked.user().to_owned(),
        members: Vec::new(),
    };
    compute.groups.push(group);
    let made = compute.groups.last().map(|group| view(&compute, group, &asked));
    Ok(axum::Json(json!({"server_group": made})))
}
