//! The metadata of volumes and snapshots, key by key.

use std::collections::BTreeMap;
use std::future::ready;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::asked::{Asked, Given, answer, inner, pairs};
use super::model::Volumes;
use super::shapes;
use crate::fault_body::Fault;
use crate::world::SharedWorld;

/// Whose metadata it is.
#[derive(Clone, Copy, Debug)]
enum Of {
    Volume,
    Snapshot,
}

impl Of {
    fn parse(kind: &str) -> Result<Self, Fault> {
        match kind {
            "volumes" => Ok(Self::Volume),
            "snapshots" => Ok(Self::Snapshot),
            _ => Err(Fault::missing("The resource could not be found.")),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Volume => "Volume",
            Self::Snapshot => "Snapshot",
        }
    }

    fn find<'a>(
        self,
        asked: &Asked,
        volumes: &'a mut Volumes,
        id: &str,
    ) -> Result<&'a mut BTreeMap<String, String>, Fault> {
        match self {
            Self::Volume => Ok(&mut asked.volume(volumes, id)?.metadata),
            Self::Snapshot => Ok(&mut asked.snapshot(volumes, id)?.metadata),
        }
    }

    fn missing(self, id: &str, key: &str) -> Fault {
        Fault::missing(format!("{} {id} has no metadata with key {key}.", self.text()))
    }

    const fn rule(self) -> &'static str {
        match self {
            Self::Volume => "volume:update_volume_metadata",
            Self::Snapshot => "volume:update_snapshot_metadata",
        }
    }
}

pub(crate) fn routes() -> Router<SharedWorld> {
    let mut routes = Router::new();
    for kind in ["volumes", "snapshots"] {
        let all = move |world, asked: Asked, id| ready(show_all(kind, world, &asked, id));
        let add = move |world, asked: Asked, id, body| {
            ready(change_all(kind, false, world, &asked, id, body))
        };
        let set = move |world, asked: Asked, id, body| {
            ready(change_all(kind, true, world, &asked, id, body))
        };
        let one = move |world, asked: Asked, id| ready(show_one(kind, world, &asked, id));
        let put =
            move |world, asked: Asked, id, body| ready(set_one(kind, world, &asked, id, body));
        let gone = move |world, asked: Asked, id| ready(remove_one(kind, world, &asked, id));
        routes = routes
            .route(&format!("/{kind}/{{id}}/metadata"), get(all).post(add).put(set))
            .route(&format!("/{kind}/{{id}}/metadata/{{key}}"), get(one).put(put).delete(gone));
    }
    routes
}

fn show_all(
    kind: &'static str,
    State(world): State<SharedWorld>,
    asked: &Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let of = Of::parse(kind)?;
    let mut volumes = world.volume();
    let mut shown = answer(StatusCode::OK, json!({"metadata": of.find(asked, &mut volumes, &id)?}));
    if matches!(of, Of::Volume) {
        // It is made for conditional requests (with an `ETag`), in another way than the rest.
        let html = HeaderValue::from_static("text/html; charset=UTF-8");
        shown.headers_mut().insert(CONTENT_TYPE, html);
    }
    Ok(shown)
}

fn change_all(
    kind: &'static str,
    replace: bool,
    State(world): State<SharedWorld>,
    asked: &Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let of = Of::parse(kind)?;
    inner(&body, "metadata", shapes::metadata(false))?;
    let mut volumes = world.volume();
    let metadata = of.find(asked, &mut volumes, &id)?;
    asked.member(of.rule())?;
    if replace {
        metadata.clear();
    }
    metadata.extend(pairs(body.get("metadata")));
    Ok(answer(StatusCode::OK, json!({"metadata": metadata})))
}

fn show_one(
    kind: &'static str,
    State(world): State<SharedWorld>,
    asked: &Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let of = Of::parse(kind)?;
    let mut volumes = world.volume();
    let metadata = of.find(asked, &mut volumes, &id)?;
    let value = metadata.get(&key).ok_or_else(|| of.missing(&id, &key))?;
    Ok(answer(StatusCode::OK, json!({"meta": {key: value}})))
}

fn set_one(
    kind: &'static str,
    State(world): State<SharedWorld>,
    asked: &Asked,
    Path((id, key)): Path<(String, String)>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let of = Of::parse(kind)?;
    let mut schema = shapes::metadata(false);
    schema["maxProperties"] = json!(1);
    let given = inner(&body, "meta", schema)?;
    let mut volumes = world.volume();
    let metadata = of.find(asked, &mut volumes, &id)?;
    asked.member(of.rule())?;
    if !given.contains_key(&key) {
        return Err(Fault::bad("Request body and URI mismatch"));
    }
    metadata.extend(pairs(body.get("meta")));
    Ok(answer(StatusCode::OK, json!({"meta": given})))
}

fn remove_one(
    kind: &'static str,
    State(world): State<SharedWorld>,
    asked: &Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let of = Of::parse(kind)?;
    let mut volumes = world.volume();
    let metadata = of.find(asked, &mut volumes, &id)?;
    asked.member(of.rule())?;
    metadata.remove(&key).ok_or_else(|| of.missing(&id, &key))?;
    Ok(StatusCode::OK.into_response())
}
