//! The requests to the Image API that steps are made of, one function each.

use http::StatusCode;
use lotse_openstack::{Cloud, Error, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::apply::Content;
use crate::model::{Abilities, Image};
use crate::operation::{Patch, StatusChange};

/// The media type of changes to images.
const PATCH_TYPE: &str = "application/openstack-images-v2.1-json-patch";

/// One task of an image, as `GET /v2/images/{id}/tasks` lists it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Task {
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) created_at: String,
}

impl Task {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "pending" | "processing")
    }
}

/// The images of exactly this name that we see in listings.
pub(crate) async fn named(cloud: &Cloud, name: &str) -> Result<Vec<Image>, Error> {
    cloud.pages("image", "/v2/images", &[("name", name)], "images").all().await
}

/// Creates an image without data. Not idempotent: its marker tells whether a lost answer was good.
pub(crate) async fn create(cloud: &Cloud, body: &Value) -> Result<Response, Error> {
    cloud.post("image", "/v2/images").json(body).send().await
}

pub(crate) async fn show(cloud: &Cloud, id: &str) -> Result<Image, Error> {
    cloud.get("image", &format!("/v2/images/{id}")).send().await?.json()
}

/// How content can get into images.
pub(crate) async fn abilities(cloud: &Cloud) -> Result<Abilities, Error> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "import-methods")]
        methods: Methods,
    }
    #[derive(Deserialize)]
    struct Methods {
        value: Vec<String>,
    }
    let info = match cloud.get("image", "/v2/info/import").send().await {
        Ok(answer) => answer.json::<Info>()?,
        // Clouds from before the import API know only the upload.
        Err(error) if error.is_not_found() => {
            return Ok(Abilities { web_download: false, glance_direct: false, copy_image: false });
        }
        Err(error) => return Err(error),
    };
    let offers = |method: &str| info.methods.value.iter().any(|one| one == method);
    Ok(Abilities {
        web_download: offers("web-download"),
        glance_direct: offers("glance-direct"),
        copy_image: offers("copy-image"),
    })
}

/// Has Glance download the content. Repeating it does no harm: an image that is being imported, or
/// has its data, answers 409, which is for the caller to understand.
pub(crate) async fn import(
    cloud: &Cloud,
    id: &str,
    uri: &str,
    stores: &[String],
) -> Result<Response, Error> {
    let method = json!({"name": "web-download", "uri": uri});
    start_import(cloud, id, &method, stores).await
}

/// Has Glance import what was staged; like [`import`].
pub(crate) async fn import_staged(
    cloud: &Cloud,
    id: &str,
    stores: &[String],
) -> Result<Response, Error> {
    start_import(cloud, id, &json!({"name": "glance-direct"}), stores).await
}

/// Has Glance copy the content to further stores; like [`import`].
pub(crate) async fn copy(cloud: &Cloud, id: &str, stores: &[String]) -> Result<Response, Error> {
    start_import(cloud, id, &json!({"name": "copy-image"}), stores).await
}

/// The stores of a cloud that can be written to, by their ids; none where Glance has but one.
pub(crate) async fn stores(cloud: &Cloud) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Info {
        stores: Vec<Store>,
    }
    #[derive(Deserialize)]
    struct Store {
        id: String,
        /// A text or a truth, by release.
        #[serde(rename = "read-only", default)]
        read_only: Value,
    }
    let info = match cloud.get("image", "/v2/info/stores").send().await {
        Ok(answer) => answer.json::<Info>()?,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let writable =
        |store: &Store| store.read_only != json!(true) && store.read_only != json!("true");
    Ok(info.stores.into_iter().filter(writable).map(|store| store.id).collect())
}

async fn start_import(
    cloud: &Cloud,
    id: &str,
    method: &Value,
    stores: &[String],
) -> Result<Response, Error> {
    let mut body = json!({"method": method});
    if !stores.is_empty() {
        body["stores"] = json!(stores);
        body["all_stores_must_succeed"] = json!(true);
    }
    cloud
        .post("image", &format!("/v2/images/{id}/import"))
        .json(&body)
        .idempotent(true)
        .accept(StatusCode::CONFLICT)
        .send()
        .await
}

/// Writes content where [`import_staged`] takes it from.
pub(crate) async fn stage(cloud: &Cloud, id: &str, content: &Content) -> Result<(), Error> {
    send(cloud, &format!("/v2/images/{id}/stage"), content, None).await
}

/// Writes content into an image.
pub(crate) async fn upload(
    cloud: &Cloud,
    id: &str,
    content: &Content,
    store: Option<&String>,
) -> Result<(), Error> {
    send(cloud, &format!("/v2/images/{id}/file"), content, store).await
}

/// Sent once: an image whose upload ended in the middle must first be queued again.
async fn send(
    cloud: &Cloud,
    path: &str,
    content: &Content,
    store: Option<&String>,
) -> Result<(), Error> {
    let mut request = cloud
        .put("image", path)
        .header("content-type", "application/octet-stream")
        .stream_body(Some(content.size()), content.stream());
    if let Some(store) = store {
        request = request.header("x-image-meta-store", store);
    }
    request.send().await.map(drop)
}

/// The tasks of an image, the newest first. Clouds without them have none.
pub(crate) async fn tasks(cloud: &Cloud, id: &str) -> Result<Vec<Task>, Error> {
    #[derive(Deserialize)]
    struct Tasks {
        tasks: Vec<Task>,
    }
    let answer = cloud.get("image", &format!("/v2/images/{id}/tasks")).send().await;
    match answer {
        Ok(answer) => {
            let mut tasks = answer.json::<Tasks>()?.tasks;
            tasks.sort_by(|a, b| b.created_at.cmp(&a.created_at));
            Ok(tasks)
        }
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Changes an image in one request. All operations set values, so repeating it does no harm.
pub(crate) async fn patch(cloud: &Cloud, id: &str, patch: &[Patch]) -> Result<Response, Error> {
    cloud
        .patch("image", &format!("/v2/images/{id}"))
        .header("content-type", PATCH_TYPE)
        .json(&patch)
        .idempotent(true)
        .send()
        .await
}

/// Deactivates or reactivates an image; both are as good twice as once.
pub(crate) async fn change_status(
    cloud: &Cloud,
    id: &str,
    change: StatusChange,
) -> Result<Response, Error> {
    let path = format!("/v2/images/{id}/actions/{}", change.action());
    cloud.post("image", &path).idempotent(true).send().await
}

/// Deletes an image; one that is gone is as good.
pub(crate) async fn delete(cloud: &Cloud, id: &str) -> Result<(), Error> {
    match cloud.delete("image", &format!("/v2/images/{id}")).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a project a member; one that is a member already is as good.
pub(crate) async fn add_member(cloud: &Cloud, id: &str, project: &str) -> Result<Response, Error> {
    cloud
        .post("image", &format!("/v2/images/{id}/members"))
        .json(&json!({ "member": project }))
        .idempotent(true)
        .accept(StatusCode::CONFLICT)
        .send()
        .await
}

/// Accepts in the name of a member, so that its people find the image.
pub(crate) async fn accept(cloud: &Cloud, id: &str, project: &str) -> Result<Response, Error> {
    cloud
        .put("image", &format!("/v2/images/{id}/members/{project}"))
        .json(&json!({ "status": "accepted" }))
        .idempotent(true)
        .send()
        .await
}

/// Ends a membership; one that has ended is as good.
pub(crate) async fn remove_member(
    cloud: &Cloud,
    id: &str,
    project: &str,
) -> Result<Option<Response>, Error> {
    match cloud.delete("image", &format!("/v2/images/{id}/members/{project}")).send().await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
