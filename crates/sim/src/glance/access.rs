//! Who makes a request to Glance, what they see and what they may do.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::model::{Image, Images, Visibility};
use super::refusal::Refusal;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// A caller whose token is valid; anything else is refused in Glance's words.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<SharedWorld> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        world: &SharedWorld,
    ) -> Result<Self, Self::Rejection> {
        Caller::of(world, parts).map(Self).ok_or_else(Refusal::unauthorized)
    }
}

/// Whether the image belongs to the caller's project.
pub(crate) fn is_own(image: &Image, caller: &Caller) -> bool {
    image.owner.is_some() && image.owner.as_deref() == caller.project()
}

/// The status with which the image is shared with the caller's project.
pub(crate) fn member_status<'a>(image: &'a Image, caller: &Caller) -> Option<&'a str> {
    if image.visibility != Visibility::Shared {
        return None;
    }
    let project = caller.project()?;
    let member = image.members.iter().find(|member| member.project == project)?;
    Some(&member.status)
}

/// Whether the caller may know of the image.
pub(crate) fn sees(image: &Image, caller: &Caller) -> bool {
    caller.is_admin()
        || image.owner.is_none()
        || is_own(image, caller)
        || matches!(image.visibility, Visibility::Public | Visibility::Community)
        || member_status(image, caller).is_some()
}

/// The image, if the caller may know of it.
pub(crate) fn find<'a>(
    images: &'a Images,
    id: &str,
    caller: &Caller,
) -> Result<&'a Image, Refusal> {
    let image = images.by_id.get(id).filter(|image| sees(image, caller));
    image.ok_or_else(|| Refusal::no_image(id))
}

/// The image, if the caller may know of it and change it.
pub(crate) fn find_to_change<'a>(
    images: &'a mut Images,
    id: &str,
    caller: &Caller,
    action: &str,
) -> Result<&'a mut Image, Refusal> {
    let image = images.by_id.get_mut(id).filter(|image| sees(image, caller));
    let image = image.ok_or_else(|| Refusal::no_image(id))?;
    may_write(caller, action)?;
    if !caller.is_admin() && !is_own(image, caller) {
        return Err(Refusal::forbidden("You do not own this image"));
    }
    Ok(image)
}

/// Whether the caller's role allows changes at all.
pub(crate) fn may_write(caller: &Caller, action: &str) -> Result<(), Refusal> {
    if caller.is_admin() || caller.has_role("member") {
        Ok(())
    } else {
        Err(Refusal::policy(action))
    }
}

/// Whether the caller may give an image this visibility.
pub(crate) fn may_show(caller: &Caller, visibility: Visibility) -> Result<(), Refusal> {
    if visibility == Visibility::Public && !caller.is_admin() {
        return Err(Refusal::policy("publicize_image"));
    }
    Ok(())
}
