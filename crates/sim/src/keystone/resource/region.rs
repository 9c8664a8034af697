//! Regions. Clients may choose their ids.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    Resource, create, extra, given, list, make, remove, show, take_text, text, update, with_extra,
};
use crate::keystone::caller::Authenticated;
use crate::keystone::model::{Identity, Region};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{NULLABLE, Properties, TEXT};
use crate::world::{SharedWorld, World};

impl Resource for Region {
    const ONE: &'static str = "region";
    const MANY: &'static str = "regions";
    const PROPERTIES: Properties =
        &[("description", NULLABLE), ("id", TEXT), ("parent_region_id", NULLABLE)];
    const REQUIRED: &'static [&'static str] = &[];
    const FILTERS: &'static [&'static str] = &["parent_region_id"];
    const OWN_ID: bool = true;

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.regions
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.regions
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "description": self.description,
            "parent_region_id": self.parent_region_id,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            description: text(given, "description").unwrap_or_default(),
            parent_region_id: parent(given, identity)?,
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, identity: &Identity) -> Result<(), Refusal> {
        take_text(given, "description", &mut self.description);
        if given.contains_key("parent_region_id") {
            self.parent_region_id = parent(given, identity)?;
        }
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    fn duplicate(&self) -> String {
        format!("Duplicate ID, {}", self.id)
    }

    fn may_be_deleted(&self, identity: &Identity) -> Result<(), Refusal> {
        let own = Some(self.id.as_str());
        let used = identity.endpoints.values().any(|it| it.region_id.as_deref() == own)
            || identity.regions.values().any(|it| it.parent_region_id.as_deref() == own);
        if used {
            let text = format!(
                "Unable to delete region {} because it or its child regions have associated \
                 endpoints.",
                self.id
            );
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }
}

fn parent(given: &Map<String, Value>, identity: &Identity) -> Result<Option<String>, Refusal> {
    match text(given, "parent_region_id") {
        Some(id) if !identity.regions.contains_key(&id) => Err(Refusal::not_found("region", &id)),
        found => Ok(found),
    }
}

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new().route("/v3/regions", get(list::<Region>).post(create::<Region>)).route(
        "/v3/regions/{id}",
        get(show::<Region>).patch(update::<Region>).delete(remove::<Region>).put(create_at),
    )
}

async fn create_at(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let mut given = given(&headers, body, Region::ONE).await?;
    if let Some(other) = text(&given, "id").filter(|other| *other != id) {
        return Err(Refusal::bad(format!(
            "Conflicting region IDs specified: \"{id}\" != \"{other}\""
        )));
    }
    given.insert("id".to_owned(), Value::from(id));
    let shown = make::<Region>(&world, &caller, &given)?;
    Ok((StatusCode::CREATED, axum::Json(json!({"region": shown}))).into_response())
}
