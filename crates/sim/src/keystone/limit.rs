//! Limits and the registered limits they refer to.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::{Authenticated, Caller};
use super::model::{Document, Identity};
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::resource::{given, listed, matches, self_link};
use super::schema::{self, Kind, NULLABLE, Properties};
use super::token::json_body;
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// One of the two collections.
#[derive(Debug)]
struct Kept {
    one: &'static str,
    many: &'static str,
    /// How messages begin that miss one.
    title: &'static str,
    properties: Properties,
    required: &'static [&'static str],
    filters: &'static [&'static str],
    /// What no two may be equal in.
    unique: &'static [&'static str],
}

const COUNT: Kind = Kind::Integer { null: false, least: -1 };
const RESOURCE: Kind = Kind::Text { null: false, least: 1, most: 255 };

const REGISTERED: Kept = Kept {
    one: "registered_limit",
    many: "registered_limits",
    title: "registered limit",
    properties: &[
        ("service_id", Kind::Id { null: false }),
        ("region_id", NULLABLE),
        ("resource_name", RESOURCE),
        ("default_limit", COUNT),
        ("description", NULLABLE),
    ],
    required: &["service_id", "resource_name", "default_limit"],
    filters: &["service_id", "region_id", "resource_name"],
    unique: &["service_id", "region_id", "resource_name"],
};

const LIMITS: Kept = Kept {
    one: "limit",
    many: "limits",
    title: "limit",
    properties: &[
        ("project_id", Kind::Id { null: false }),
        ("domain_id", Kind::Id { null: false }),
        ("service_id", Kind::Id { null: false }),
        ("region_id", NULLABLE),
        ("resource_name", RESOURCE),
        ("resource_limit", COUNT),
        ("description", NULLABLE),
    ],
    required: &["service_id", "resource_name", "resource_limit"],
    filters: &["service_id", "region_id", "resource_name", "project_id", "domain_id"],
    unique: &["service_id", "region_id", "resource_name", "project_id", "domain_id"],
};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/limits/model", get(model))
        .merge(collection(&REGISTERED))
        .merge(collection(&LIMITS))
}

fn collection(kept: &'static Kept) -> Router<SharedWorld> {
    let all = get(move |world, caller, query| async move { list(kept, world, caller, &query) })
        .post(move |world, caller, headers, body| create(kept, world, caller, headers, body));
    let one = get(move |world, caller, id| async move { show(kept, world, caller, id) })
        .patch(move |world, caller, id, headers, body| {
            update(kept, world, caller, id, headers, body)
        })
        .delete(move |world, caller, id| async move { remove(kept, world, caller, id) });
    Router::new()
        .route(&format!("/v3/{}", kept.many), all)
        .route(&format!("/v3/{}/{{id}}", kept.many), one)
}

impl Kept {
    fn render(&self, world: &World, it: &Document) -> Value {
        let mut shown = it.fields.clone();
        shown.insert("id".to_owned(), json!(it.id));
        shown.insert("links".to_owned(), self_link(world, self.many, &it.id));
        Value::Object(shown)
    }

    fn missing(&self, id: &str) -> Refusal {
        let text = format!("Could not find {} for {id}.", self.title);
        Refusal::new(StatusCode::NOT_FOUND, text)
    }

    fn same(&self, a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
        let of = |it: &Map<String, Value>, name: &str| it.get(name).cloned().unwrap_or_default();
        self.unique.iter().all(|name| of(a, name) == of(b, name))
    }

    /// Refuses a limit on nothing, and a second one on the same.
    fn check(&self, identity: &Identity, fields: &Map<String, Value>) -> Result<(), Refusal> {
        let service = fields.get("service_id").and_then(Value::as_str).unwrap_or_default();
        if !identity.services.contains_key(service) {
            return Err(Refusal::bad(format!("Could not find service: {service}.")));
        }
        if self.many == LIMITS.many
            && !identity.documents(REGISTERED.many).any(|it| REGISTERED.same(&it.fields, fields))
        {
            let text = "Unable to create a limit that has no corresponding registered limit.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        if identity.documents(self.many).any(|it| self.same(&it.fields, fields)) {
            return Err(Refusal::conflict(self.one, "Duplicate entry"));
        }
        Ok(())
    }
}

async fn model(Authenticated(_): Authenticated) -> Response {
    let body = json!({"model": {
        "name": "flat",
        "description": "Limit enforcement and validation does not take project hierarchy into consideration.",
    }});
    axum::Json(body).into_response()
}

/// Limits are seen by those whose project or domain they are for.
fn sees(identity: &Identity, caller: &Caller, limit: &Document) -> bool {
    match (caller.project(), caller.domain()) {
        (Some(project), _) => limit.text("project_id") == Some(project),
        (None, Some(domain)) => {
            let project = limit.text("project_id").and_then(|id| identity.projects.get(id));
            limit.text("domain_id") == Some(domain)
                || project.is_some_and(|project| project.domain_id == domain)
        }
        (None, None) => true,
    }
}

fn list(
    kept: &'static Kept,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: &Query,
) -> Result<Response, Refusal> {
    policy::allow(&caller, &format!("list_{}", kept.many), Target::default())?;
    let identity = world.identity();
    let visible = |it: &&Document| kept.many == REGISTERED.many || sees(&identity, &caller, it);
    let shown = identity.documents(kept.many).filter(visible).map(|it| kept.render(&world, it));
    let found = shown.filter(|it| matches(it, query, kept.filters)).collect();
    Ok(listed(&world, kept.many, kept.many, query, found))
}

async fn create(
    kept: &'static Kept,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(&headers, body).await?;
    policy::allow(&caller, &format!("create_{}", kept.many), Target::default())?;
    let asked = body.get(kept.many).and_then(Value::as_array);
    let asked = asked.ok_or_else(|| Refusal::bad("{} is not of type 'array'"))?;
    if asked.is_empty() {
        return Err(Refusal::bad("[] is too short"));
    }
    let mut identity = world.identity();
    let mut shown = Vec::new();
    for one in asked {
        let mut fields = one.as_object().cloned().unwrap_or_default();
        schema::check_new(&fields, kept.properties, kept.required)?;
        for name in kept.properties.iter().map(|(name, _)| *name) {
            fields.entry(name).or_insert(Value::Null);
        }
        kept.check(&identity, &fields)?;
        let document = Document { id: world.ids.hex(), fields };
        shown.push(kept.render(&world, &document));
        let all = identity.documents.entry(kept.many.to_owned()).or_default();
        all.insert(document.id.clone(), document);
    }
    Ok((StatusCode::CREATED, axum::Json(json!({kept.many: shown}))).into_response())
}

fn show(
    kept: &'static Kept,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let found = identity.document(kept.many, &id);
    let own = found.is_some_and(|it| sees(&identity, &caller, it));
    policy::allow(&caller, &format!("get_{}", kept.one), Target::default().owned(own))?;
    let found = found.ok_or_else(|| kept.missing(&id))?;
    Ok(axum::Json(json!({kept.one: kept.render(&world, found)})).into_response())
}

async fn update(
    kept: &'static Kept,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, kept.one).await?;
    policy::allow(&caller, &format!("update_{}", kept.one), Target::default())?;
    schema::check(&given, kept.properties)?;
    let mut identity = world.identity();
    let all = identity.documents.entry(kept.many.to_owned()).or_default();
    let found = all.get_mut(&id).ok_or_else(|| kept.missing(&id))?;
    found.fields.extend(given);
    Ok(axum::Json(json!({kept.one: kept.render(&world, found)})).into_response())
}

fn remove(
    kept: &'static Kept,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    policy::allow(&caller, &format!("delete_{}", kept.one), Target::default())?;
    let mut identity = world.identity();
    let found = identity.document(kept.many, &id).ok_or_else(|| kept.missing(&id))?;
    let used = kept.many == REGISTERED.many
        && identity.documents(LIMITS.many).any(|it| REGISTERED.same(&it.fields, &found.fields));
    if used {
        let text = format!(
            "Unable to update or delete registered limit {id} because there are project limits \
             associated with it."
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    if let Some(all) = identity.documents.get_mut(kept.many) {
        all.remove(&id);
    }
    Ok(StatusCode::NO_CONTENT)
}
