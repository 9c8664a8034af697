//! Sharing images with other projects.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{self, Authenticated};
use super::images::json_object;
use super::model::{Image, Images, Member, Visibility, second};
use super::notify;
use super::refusal::Refusal;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2/images/{id}/members", get(list).post(create))
        .route("/v2/images/{id}/members/{member}", get(show).put(update).delete(remove))
}

fn render(image: &str, member: &Member) -> Value {
    json!({
        "member_id": member.project,
        "image_id": image,
        "status": member.status,
        "created_at": second(member.created_at),
        "updated_at": second(member.updated_at),
        "schema": "/v2/schemas/member",
    })
}

fn find<'a>(images: &'a Images, id: &str, caller: &Caller) -> Result<&'a Image, Refusal> {
    access::find(images, id, caller)
        .map_err(|_| Refusal::not_found(format!("Image {id} not found.")))
}

/// The image, if it is shared and its members are the caller's business.
fn find_to_change<'a>(
    images: &'a mut Images,
    id: &str,
    caller: &Caller,
    what: &str,
) -> Result<&'a mut Image, Refusal> {
    find(images, id, caller)?;
    let refused = || Refusal::forbidden(format!("Not allowed to {what} members for image {id}."));
    access::may_write(caller, what).map_err(|_| refused())?;
    let image = images.by_id.get_mut(id).ok_or_else(|| Refusal::no_image(id))?;
    if image.visibility != Visibility::Shared {
        return Err(refused());
    }
    let own = access::is_own(image, caller);
    let allowed = caller.is_admin() || if what == "update" { !own } else { own };
    if allowed { Ok(image) } else { Err(refused()) }
}

fn no_member(id: &str, member: &str) -> Refusal {
    Refusal::not_found(format!("{member} not found in the member list of the image {id}."))
}

/// The members the caller may know of: all for the owner, itself for a member.
fn visible<'a>(image: &'a Image, caller: &'a Caller) -> impl Iterator<Item = &'a Member> {
    let all = caller.is_admin() || access::is_own(image, caller);
    image.members.iter().filter(move |member| all || Some(&*member.project) == caller.project())
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let images = world.images();
    let image = find(&images, &id, &caller)?;
    if image.visibility != Visibility::Shared {
        return Err(Refusal::forbidden(format!(
            "Not allowed to list members for image {id}: Only shared images have members."
        )));
    }
    let members: Vec<Value> = visible(image, &caller).map(|member| render(&id, member)).collect();
    let body = json!({"members": members, "schema": "/v2/schemas/members"});
    Ok(axum::Json(body).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let images = world.images();
    let image = find(&images, &id, &caller)?;
    if image.visibility != Visibility::Shared {
        return Err(Refusal::not_found("Only shared images have members."));
    }
    let member = visible(image, &caller).find(|member| member.project == name);
    let member = member.ok_or_else(|| no_member(&id, &name))?;
    Ok(axum::Json(render(&id, member)).into_response())
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    let given = json_object(body).await?;
    let name =
        given.get("member").ok_or_else(|| Refusal::bad("Member to be added not specified"))?;
    let name = name.as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::bad("Member can't be empty"))?;
    let now = world.now();
    let mut images = world.images();
    let image = find_to_change(&mut images, &id, &caller, "create")?;
    if image.members.iter().any(|member| member.project == name) {
        let text = format!("Member {name} is duplicated for image {id}");
        return Err(Refusal::conflict(text));
    }
    let member = Member {
        project: name.to_owned(),
        status: "pending".to_owned(),
        created_at: now,
        updated_at: now,
    };
    let shown = render(&id, &member);
    world.events.publish(notify::member("create", &id, &member, now, caller.cause(None)));
    image.members.push(member);
    Ok(axum::Json(shown).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, name)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let given = json_object(body).await?;
    let status = given.get("status").and_then(Value::as_str);
    let status = status.ok_or_else(|| Refusal::bad("Status not specified"))?;
    if !["pending", "accepted", "rejected"].contains(&status) {
        let text = "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\".";
        return Err(Refusal::bad(text));
    }
    let now = world.now();
    let mut images = world.images();
    let image = find_to_change(&mut images, &id, &caller, "update")?;
    let mine = caller.is_admin() || caller.project() == Some(&*name);
    let member = image.members.iter_mut().find(|member| member.project == name && mine);
    let member = member.ok_or_else(|| no_member(&id, &name))?;
    status.clone_into(&mut member.status);
    member.updated_at = now;
    world.events.publish(notify::member("update", &id, member, now, caller.cause(None)));
    Ok(axum::Json(render(&id, member)).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let mut images = world.images();
    let image = find_to_change(&mut images, &id, &caller, "delete")?;
    let place = image.members.iter().position(|member| member.project == name);
    let member = image.members.remove(place.ok_or_else(|| no_member(&id, &name))?);
    let cause = caller.cause(None);
    world.events.publish(notify::member("delete", &id, &member, world.now(), cause));
    Ok(StatusCode::NO_CONTENT)
}
