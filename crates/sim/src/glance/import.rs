//! The import methods: `glance-direct`, `web-download`, `copy-image`.

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::routing::post;
use futures::StreamExt;
use http::StatusCode;
use lotse_core::time::SignedDuration;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::access::{self, Authenticated};
use super::images::json_object;
use super::model::{FAILED_IMPORT, IMPORT_TASK, IMPORTING_TO, Image, Images, Import, Outcome};
use super::model::{Status, Task};
use super::payload::{Hasher, Payload};
use super::refusal::Refusal;
use crate::http::front::RequestId;
use crate::keystone::caller::Caller;
use crate::options::DownloadMode;
use crate::upstream::Download;
use crate::world::{SharedWorld, World};

/// What the task of a failed import says.
const FAILURE: &str = "Task failed due to Internal Error";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new().route("/v2/images/{id}/import", post(import))
}

/// What a request asks for, checked as far as possible without the image.
struct Asked {
    method: String,
    uri: Option<String>,
    stores: Option<Vec<String>>,
    all_stores: bool,
    body: Value,
}

impl Asked {
    fn parse(body: Map<String, Value>, methods: &[String]) -> Result<Self, Refusal> {
        let method = body.get("method").ok_or_else(|| missing("method"))?;
        let name = method.get("name").and_then(Value::as_str).ok_or_else(|| missing("name"))?;
        if !methods.iter().any(|one| one == name) {
            return Err(Refusal::bad(format!("Unknown import method name '{name}'.")));
        }
        for flag in ["all_stores_must_succeed", "all_stores"] {
            if body.get(flag).is_some_and(|value| !value.is_boolean()) {
                return Err(Refusal::bad(format!("'{flag}' must be boolean value only")));
            }
        }
        let stores = body.get("stores").and_then(Value::as_array).map(|list| {
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        });
        Ok(Self {
            method: name.to_owned(),
            uri: method.get("uri").and_then(Value::as_str).map(str::to_owned),
            stores: stores.filter(|stores| !stores.is_empty()),
            all_stores: body.get("all_stores") == Some(&Value::Bool(true)),
            body: Value::Object(body),
        })
    }

    /// The stores to write to.
    fn targets(&self, images: &Images, image: &Image) -> Result<Vec<String>, Refusal> {
        let mut targets = match (&self.stores, self.all_stores) {
            (Some(_), true) => {
                let text = "All_stores parameter can't be used with stores parameter";
                return Err(Refusal::bad(text));
            }
            (Some(stores), false) => stores.clone(),
            (None, true) => images.stores.clone(),
            (None, false) => vec![images.default_store().to_owned()],
        };
        if let Some(unknown) = targets.iter().find(|store| !images.stores.contains(store)) {
            let text = format!("Store for identifier {unknown} not found");
            return Err(Refusal::conflict(text));
        }
        if self.method == "copy-image" {
            if self.all_stores {
                targets.retain(|store| !image.stores.contains(store));
            } else if let Some(there) = targets.iter().find(|store| image.stores.contains(store)) {
                let text = format!("Image is already present at store '{there}'");
                return Err(Refusal::bad(text));
            }
        }
        Ok(targets)
    }
}

fn missing(field: &str) -> Refusal {
    Refusal::bad(format!("Import request requires a '{field}' field."))
}

async fn import(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let asked = Asked::parse(json_object(body).await?, &world.options.import_methods)?;
    let fetch = {
        let mut images = world.images();
        let image = access::find(&images, &id, &caller)?;
        check(image, &asked, &caller)?;
        let targets = asked.targets(&images, image)?;
        if targets.is_empty() {
            return Ok(StatusCode::ACCEPTED);
        }
        let url = check_uri(&world, &asked)?;
        begin(&world, &mut images, &caller, &asked, Beginning { id: &id, targets, request_id });
        url.filter(|_| world.options.download == DownloadMode::Fetch)
    };
    if let Some(url) = fetch {
        let world = world.clone();
        tokio::spawn(async move {
            let outcome = match download(&world, url).await {
                Ok(payload) => Outcome::Data(payload),
                Err(error) => {
                    tracing::info!(%error, image = %id, "a simulated web-download failed");
                    Outcome::Failed(FAILURE.to_owned())
                }
            };
            if let Some(image) = world.images().by_id.get_mut(&id)
                && let Some(import) = &mut image.import
            {
                import.outcome = Some(outcome);
            }
        });
    }
    Ok(StatusCode::ACCEPTED)
}

/// Whether the image is in a state for this import and the caller may do it.
fn check(image: &Image, asked: &Asked, caller: &Caller) -> Result<(), Refusal> {
    let conflict = |text: String| Err(Refusal::conflict(text));
    let copy = asked.method == "copy-image";
    match image.status {
        Status::Active if !copy => {
            return conflict("Image with status active cannot be target for import".to_owned());
        }
        status if copy && status != Status::Active => {
            let text = "Only images with status active can be targeted for copying";
            return conflict(text.to_owned());
        }
        status if asked.method == "web-download" && status != Status::Queued => {
            let text = "Image needs to be in 'queued' state to use 'web-download' method";
            return conflict(text.to_owned());
        }
        status if asked.method == "glance-direct" && status != Status::Uploading => {
            let text = "Image needs to be staged before 'glance-direct' method can be used";
            return conflict(text.to_owned());
        }
        _ => {}
    }
    for (name, value) in
        [("container_format", &image.container_format), ("disk_format", &image.disk_format)]
    {
        if value.is_none() {
            return conflict(format!("'{name}' needs to be set before import"));
        }
    }
    if copy && !caller.is_admin() {
        return Err(Refusal::policy("copy_image"));
    }
    access::may_write(caller, "modify_image")?;
    if !caller.is_admin() && !access::is_own(image, caller) {
        return Err(Refusal::forbidden("You do not own this image"));
    }
    if image.import.is_some() {
        let text = "Image has an active import task; it cannot be imported again";
        return conflict(text.to_owned());
    }
    Ok(())
}

/// The address of a `web-download`, if it passes the filter.
fn check_uri(world: &World, asked: &Asked) -> Result<Option<Url>, Refusal> {
    if asked.method != "web-download" {
        return Ok(None);
    }
    let text = asked.uri.as_deref();
    let url = text.and_then(|text| Url::parse(text).ok()).filter(|url| {
        let web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        web && (world.options.download == DownloadMode::Simulated || is_loopback(url))
    });
    if url.is_none() {
        let shown = text.unwrap_or("None");
        let text = format!("URI for web-download does not pass filtering: {shown}");
        return Err(Refusal::bad(text));
    }
    Ok(url)
}

/// Whether the address is of this machine by its very form; names are not resolved.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Where an import begins.
struct Beginning<'a> {
    id: &'a str,
    targets: Vec<String>,
    request_id: String,
}

/// Puts the import on its way.
fn begin(
    world: &World,
    images: &mut Images,
    caller: &Caller,
    asked: &Asked,
    Beginning { id, targets, request_id }: Beginning<'_>,
) {
    let now = world.now();
    let delay = SignedDuration::try_from(world.options.import_delay).unwrap_or_default();
    let task = Task {
        id: world.ids.uuid(),
        status: "processing".to_owned(),
        owner: caller.project().map(str::to_owned),
        user_id: caller.user().to_owned(),
        image_id: id.to_owned(),
        request_id,
        input: json!({"image_id": id, "import_req": asked.body, "backend": targets}),
        result: Value::Null,
        message: String::new(),
        created_at: now,
        updated_at: now,
    };
    let Some(image) = images.by_id.get_mut(id) else { return };
    let outcome = match asked.method.as_str() {
        "copy-image" => Some(Outcome::Copied),
        "glance-direct" => image.staged.clone().map(Outcome::Data),
        _ if world.options.download == DownloadMode::Fetch => None,
        _ => Some(simulate(world, asked.uri.as_deref().unwrap_or_default())),
    };
    let set = &mut image.properties;
    set.insert(IMPORT_TASK.to_owned(), json!(task.id));
    set.insert(IMPORTING_TO.to_owned(), json!(targets.join(",")));
    set.insert(FAILED_IMPORT.to_owned(), json!(""));
    if asked.method != "copy-image" {
        image.status = Status::Importing;
    }
    image.updated_at = now;
    image.import = Some(Import {
        task: task.id.clone(),
        stores: targets,
        due: now.saturating_add(delay).unwrap_or(now),
        outcome,
    });
    images.importing.insert(id.to_owned());
    images.forget_old_tasks(now);
    images.tasks.insert(task.id.clone(), task);
}

/// What a download from the simulated internet comes to.
fn simulate(world: &World, url: &str) -> Outcome {
    match world.upstream.download(url) {
        Download::Declared(file) => Outcome::Data(Payload::declared(url, &file)),
        Download::Derived(bytes) => Outcome::Data(Payload::of(&bytes, world.options.keep_bytes)),
        Download::Unreachable => Outcome::Failed(FAILURE.to_owned()),
    }
}

/// A download that failed.
#[derive(Debug, thiserror::Error)]
enum DownloadError {
    #[error("no HTTP client could be made")]
    Client(#[source] reqwest::Error),
    #[error("the download broke off")]
    Transfer(#[source] reqwest::Error),
    #[error("the mirror answered {0}")]
    Status(u16),
}

/// Really downloads, from a loopback address without following redirects elsewhere.
async fn download(world: &World, url: Url) -> Result<Payload, DownloadError> {
    // A provider that is installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::custom(|attempt| {
            if is_loopback(attempt.url()) { attempt.follow() } else { attempt.stop() }
        }))
        .build()
        .map_err(DownloadError::Client)?;
    let answer = client.get(url).send().await.map_err(DownloadError::Transfer)?;
    if !answer.status().is_success() {
        return Err(DownloadError::Status(answer.status().as_u16()));
    }
    let mut hasher = Hasher::new(world.options.keep_bytes);
    let mut stream = answer.bytes_stream();
    while let Some(piece) = stream.next().await {
        hasher.update(&piece.map_err(DownloadError::Transfer)?);
    }
    Ok(hasher.finish())
}
