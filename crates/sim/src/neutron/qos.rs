//! `QoS` policies and their rules, in outline.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::{Change, Request};
use super::attribute::Otherwise::{Empty, False, Unset};
use super::attribute::{Attribute, Check, Kind, attribute};
use super::model::{Network, QosPolicy, QosRule, RbacPolicy, Standard};
use super::refusal::Refusal;
use super::resource::{Resource, find, rename, stored, text, truth};
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// The kinds of rules: segment of the path, name in bodies, and what they may say.
const RULES: &[(&str, &str, &[&str])] = &[
    ("bandwidth_limit", "bandwidth_limit_rule", &["max_kbps", "max_burst_kbps", "direction"]),
    ("dscp_marking", "dscp_marking_rule", &["dscp_mark"]),
    ("minimum_bandwidth", "minimum_bandwidth_rule", &["min_kbps", "direction"]),
];

impl Resource for QosPolicy {
    const KIND: Kind = Kind { one: "policy", many: "policies" };
    const PATH: &'static str = "qos/policies";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("shared", "PUF", False, Check::Bool),
        attribute("is_default", "PUF", False, Check::Bool),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("rules", "", Unset, Check::Any),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "project_id",
            "name",
            "shared",
            "rules",
            "is_default",
            "description",
            "revision_number",
            "created_at",
            "updated_at",
            "tenant_id",
            "tags",
        ],
        &[],
    );

    stored!(qos_policies, shared);

    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value {
        match name {
            "shared" => json!(state.is_shared(&self.standard.id, caller.project())),
            "is_default" => json!(self.is_default),
            "rules" => {
                Value::Array(self.rules.iter().map(|it| shown(it, &self.standard.id)).collect())
            }
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        let text = format!("QoS policy {id} could not be found.");
        Refusal::missing("QosPolicyNotFound", text)
    }

    fn may_create(_state: &Network, caller: &Caller, _item: &Map<String, Value>) -> bool {
        caller.is_admin()
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let project = text(&item, "project_id");
        let mut policy = Self {
            standard: change.standard(&project),
            is_default: truth(&item, "is_default"),
            rules: Vec::new(),
        };
        rename(&mut policy.standard, &item);
        let id = policy.standard.id.clone();
        state.qos_policies.insert(id.clone(), policy);
        if truth(&item, "shared") {
            state.put_policy(RbacPolicy {
                standard: change.standard(&project),
                object_type: "qos_policy".to_owned(),
                object_id: id.clone(),
                action: "access_as_shared".to_owned(),
                target: "*".to_owned(),
            });
        }
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let policy = state.qos_policies.get_mut(id).ok_or_else(|| Self::missing(id))?;
        rename(&mut policy.standard, &item);
        if item.contains_key("is_default") {
            policy.is_default = truth(&item, "is_default");
        }
        policy.standard.touch(change.now);
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let of = |it: &Option<String>| it.as_deref() == Some(id);
        let network = state.networks.values().find(|it| of(&it.qos_policy_id));
        let port = state.ports.values().find(|it| of(&it.qos_policy_id));
        let user = network
            .map(|it| ("network", it.standard.id.clone()))
            .or_else(|| port.map(|it| ("port", it.standard.id.clone())));
        if let Some((kind, user)) = user {
            return Err(Refusal::conflict(
                "QosPolicyInUse",
                format!("QoS Policy {id} is used by {kind} {user}."),
            ));
        }
        super::pools::drop_policies(state, id);
        state.qos_policies.remove(id);
        Ok(())
    }
}

/// A rule as answers show it.
fn shown(rule: &QosRule, policy: &str) -> Value {
    let mut shown = rule.says.clone();
    shown.insert("id".to_owned(), json!(rule.id));
    shown.insert("qos_policy_id".to_owned(), json!(policy));
    shown.insert("type".to_owned(), json!(rule.kind));
    Value::Object(shown)
}

/// The same without what its own collection does not show.
fn alone(rule: &QosRule) -> Value {
    let mut shown = rule.says.clone();
    shown.insert("id".to_owned(), json!(rule.id));
    Value::Object(shown)
}

/// The routes of rules and of their types.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.0/qos/rule-types", get(types))
        .route("/v2.0/qos/policies/{id}/{rules}", get(list).post(create))
        .route("/v2.0/qos/policies/{id}/{rules}/{rule}", get(show).put(update).delete(remove))
}

async fn types(request: Request) -> Response {
    let types: Vec<Value> = if request.caller.is_admin() {
        RULES.iter().map(|(kind, _, _)| json!({"type": kind})).collect()
    } else {
        Vec::new()
    };
    axum::Json(json!({"rule_types": types})).into_response()
}

/// The kind of rules that a segment of a path names.
fn kind(segment: &str) -> Result<(&'static str, &'static str, &'static [&'static str]), Refusal> {
    let found = RULES.iter().find(|(_, one, _)| segment.strip_suffix('s') == Some(*one));
    found.copied().ok_or_else(Refusal::nowhere)
}

async fn list(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, segment)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    if segment == "tags" {
        let state = world.network();
        let policy = find::<QosPolicy>(&state, &request.caller, &id)?;
        return Ok(axum::Json(json!({"tags": policy.standard.tags})).into_response());
    }
    let (kind, one, _) = kind(&segment)?;
    let state = world.network();
    let policy = find::<QosPolicy>(&state, &request.caller, &id)?;
    let rules: Vec<Value> = policy.rules.iter().filter(|it| it.kind == kind).map(alone).collect();
    Ok(axum::Json(json!({format!("{one}s"): rules})).into_response())
}

/// What a body says of a rule.
fn said(body: &[u8], one: &str, names: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| Refusal::bad("Body contains invalid data"))?;
    let inner = body.get(one).and_then(Value::as_object).cloned();
    let inner =
        inner.ok_or_else(|| Refusal::bad(format!("Unable to find '{one}' in request body")))?;
    let unknown: Vec<&str> =
        inner.keys().map(String::as_str).filter(|it| !names.contains(it)).collect();
    if unknown.is_empty() {
        Ok(inner)
    } else {
        Err(Refusal::bad(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))))
    }
}

fn only_admin(request: &Request, action: &str, one: &str) -> Result<(), Refusal> {
    if request.caller.is_admin() {
        return Ok(());
    }
    Err(Refusal::policy(&format!("rule:{action}_policy_{one}")))
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, segment)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (kind, one, names) = kind(&segment)?;
    let mut says = said(&body, one, names)?;
    only_admin(&request, "create", one)?;
    let defaults = [("direction", json!("egress")), ("max_burst_kbps", json!(0))];
    for (name, value) in defaults {
        if names.contains(&name) {
            says.entry(name).or_insert(value);
        }
    }
    if let Some(name) = names.iter().find(|name| !says.contains_key(**name)) {
        return Err(Refusal::bad(format!(
            "Failed to parse request. Required attribute '{name}' not specified"
        )));
    }
    let mut state = world.network();
    find::<QosPolicy>(&state, &request.caller, &id)?;
    let rule = QosRule { id: world.ids.uuid(), kind: kind.to_owned(), says };
    let body = json!({one: alone(&rule)});
    if let Some(policy) = state.qos_policies.get_mut(&id) {
        policy.rules.push(rule);
        policy.standard.touch(world.now());
    }
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

fn no_rule(policy: &str, rule: &str) -> Refusal {
    Refusal::missing(
        "QosRuleNotFound",
        format!("QoS rule {rule} for policy {policy} could not be found."),
    )
}

async fn show(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, segment, rule)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let (_, one, _) = kind(&segment)?;
    let state = world.network();
    let policy = find::<QosPolicy>(&state, &request.caller, &id)?;
    let found = policy.rules.iter().find(|it| it.id == rule);
    let found = found.ok_or_else(|| no_rule(&id, &rule))?;
    Ok(axum::Json(json!({one: alone(found)})).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, segment, rule)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, one, names) = kind(&segment)?;
    let says = said(&body, one, names)?;
    only_admin(&request, "update", one)?;
    let mut state = world.network();
    find::<QosPolicy>(&state, &request.caller, &id)?;
    let policy = state.qos_policies.get_mut(&id).ok_or_else(|| QosPolicy::missing(&id))?;
    let found = policy.rules.iter_mut().find(|it| it.id == rule);
    let found = found.ok_or_else(|| no_rule(&id, &rule))?;
    found.says.extend(says);
    let body = json!({one: alone(found)});
    policy.standard.touch(world.now());
    Ok(axum::Json(body).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path((id, segment, rule)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let (_, one, _) = kind(&segment)?;
    only_admin(&request, "delete", one)?;
    let mut state = world.network();
    find::<QosPolicy>(&state, &request.caller, &id)?;
    let policy = state.qos_policies.get_mut(&id).ok_or_else(|| QosPolicy::missing(&id))?;
    let before = policy.rules.len();
    policy.rules.retain(|it| it.id != rule);
    if policy.rules.len() == before {
        return Err(no_rule(&id, &rule));
    }
    policy.standard.touch(world.now());
    Ok(StatusCode::NO_CONTENT.into_response())
}
