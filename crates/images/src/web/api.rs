//! The images in the JSON API.

#![allow(unused_qualifications, reason = "the macros of utoipa write paths in full")]

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use lotse_core::time::Timestamp;
use lotse_web::api::paging;
use lotse_web::api::reading::{PathWord, PathWords, Words};
use lotse_web::extension::{OpenApi, Route};
use lotse_web::problem::Problem;
use lotse_web::text::shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi as _, ToSchema};

use super::{DEEDS, Gallery, get, no_such_image};
use crate::inventory::{Entry, Standing};
use crate::store::{ImageDeed, Select};

pub(super) fn routes(gallery: &Gallery) -> Vec<Route> {
    vec![
        get("/api/v1/images", gallery, clouds),
        get("/api/v1/images/{cloud}", gallery, list),
        get("/api/v1/images/{cloud}/{*name}", gallery, show),
    ]
}

/// The description of these operations.
pub(super) fn document() -> OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(clouds, list, show))]
struct Document;

/// The images of one cloud in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageCloud)]
struct CloudAnswer {
    /// The cloud, by its name in `clouds.yaml`.
    cloud: String,
    /// When it was looked at; null before the first time.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    looked: Option<Timestamp>,
    /// How many images stand how: `converged`, `missing`, `importing`, `differs`, `undeclared`.
    counts: BTreeMap<String, i64>,
    /// What the planner had to say besides.
    notes: Vec<String>,
}

/// All clouds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageCloudList)]
struct CloudList {
    clouds: Vec<CloudAnswer>,
}

/// Lists the clouds and how their images stand.
#[utoipa::path(
    get, path = "/api/v1/images", tag = "images", operation_id = "list_image_clouds",
    responses((status = 200, body = CloudList, description = "All clouds."))
)]
async fn clouds(Shared(gallery): Shared<Gallery>) -> Result<Response, Problem> {
    let mut looks = gallery.looks().await?;
    let clouds = gallery.clouds.iter().map(|cloud| {
        let look = looks.iter().position(|look| look.cloud == *cloud);
        match look.map(|place| looks.swap_remove(place)) {
            Some(look) => CloudAnswer {
                cloud: look.cloud,
                looked: Some(look.at),
                counts: look.counts,
                notes: look.notes,
            },
            None => CloudAnswer {
                cloud: cloud.clone(),
                looked: None,
                counts: BTreeMap::new(),
                notes: Vec::new(),
            },
        }
    });
    Ok(Json(CloudList { clouds: clouds.collect() }).into_response())
}

/// One image, there or declared.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what an entry looks like")]
#[schema(as = ImageEntry)]
struct EntryAnswer {
    /// The name it bears, or is to bear.
    name: String,
    /// Its id; null while it is missing.
    #[schema(required)]
    image: Option<String>,
    /// `converged`, `missing`, `importing`, `differs` or `undeclared`.
    standing: String,
    /// Where it is declared (`file:line`).
    #[schema(required)]
    declared: Option<String>,
    /// What would be done to it: `field`, `before`, `after`.
    #[schema(value_type = Vec<Value>)]
    changes: Vec<Value>,
    /// Why, one sentence.
    reason: String,
    /// What is there: status, visibility, size and so on; empty while it is missing.
    #[schema(value_type = Object)]
    actual: Value,
}

/// A page of images.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImageList)]
struct ImageList {
    #[schema(value_type = Vec<EntryAnswer>)]
    images: Vec<Entry>,
    /// Give it as `after` to see the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which images are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only those that stand so.
    #[param(pattern = "^(converged|missing|importing|differs|undeclared)$")]
    standing: Option<String>,
    /// Only those whose name holds this, in upper or lower case.
    #[param(max_length = 200)]
    name: Option<String>,
    /// How many entries, 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists the images of a cloud by name, as they were at the last look.
#[utoipa::path(
    get, path = "/api/v1/images/{cloud}", tag = "images", operation_id = "list_images",
    params(("cloud" = String, Path, description = "The cloud"), ListQuery),
    responses((status = 200, body = ImageList, description = "A page of images."))
)]
async fn list(
    Shared(gallery): Shared<Gallery>,
    PathWord(cloud): PathWord,
    Words(query): Words<ListQuery>,
) -> Result<Response, Problem> {
    let unreadable = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, "the parameters cannot be read").detail(detail)
    };
    let limit = paging::limit(query.limit)?;
    let standing = query.standing.as_deref().map(Standing::from_str).transpose();
    let standing = standing.map_err(|reason| unreadable(shown(&reason, 200)))?;
    let name = query.name.unwrap_or_default();
    if name.chars().count() > 200 {
        return Err(unreadable("name is longer than 200 characters".to_owned()));
    }
    let after = match paging::entry(query.after.as_deref())? {
        Some(place) => place.parse().map_err(|_| paging::unknown())?,
        None => 0,
    };
    gallery.known(&cloud)?;
    let select = Select { standing, name, after, limit: limit + 1 };
    let found = gallery.shelf.entries(&cloud, select).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (found, next) = paging::cut(found, limit, |(place, _)| place.to_string());
    let images = found.into_iter().map(|(_, entry)| entry).collect();
    Ok(Json(ImageList { images, next }).into_response())
}

/// An image with its history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Image)]
struct ImageAnswer {
    /// The entries of this name; several only while something is wrong or under way, none when it is
    /// gone.
    #[schema(value_type = Vec<EntryAnswer>)]
    entries: Vec<Entry>,
    /// What was done to it, newest first.
    #[schema(value_type = Vec<DeedAnswer>)]
    history: Vec<ImageDeed>,
}

/// Something that was done to an image.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "says to readers of the API what a deed looks like")]
#[schema(as = ImageDeed)]
struct DeedAnswer {
    /// When it was done.
    #[schema(format = DateTime)]
    at: String,
    /// `create`, `update`, `replace` or `destroy`.
    action: String,
    /// How it ended, for example `done` or `failed`.
    outcome: String,
    /// The change it belongs to; none for what a person did on the command line.
    #[schema(required)]
    change: Option<String>,
    /// Who did it, where it belongs to no change.
    #[schema(required)]
    by: Option<String>,
    /// The id under which the Image API logged the last request.
    #[schema(required)]
    request_id: Option<String>,
}

/// Shows the images of a name, and what was done to them.
#[utoipa::path(
    get, path = "/api/v1/images/{cloud}/{name}", tag = "images", operation_id = "show_image",
    params(
        ("cloud" = String, Path, description = "The cloud"),
        ("name" = String, Path, description = "The name of the image"),
    ),
    responses((status = 200, body = ImageAnswer, description = "The image."))
)]
async fn show(
    Shared(gallery): Shared<Gallery>,
    PathWords((cloud, name)): PathWords<(String, String)>,
) -> Result<Response, Problem> {
    gallery.known(&cloud)?;
    let entries = gallery.shelf.named(&cloud, &name).await;
    let entries = entries.map_err(|error| Problem::of_store(&error))?;
    let history = gallery.shelf.deeds(&cloud, &name, DEEDS).await;
    let history = history.map_err(|error| Problem::of_store(&error))?;
    if entries.is_empty() && history.is_empty() {
        return Err(no_such_image(&cloud, &name));
    }
    Ok(Json(ImageAnswer { entries, history }).into_response())
}
