//! What a volume remembers of its image, looked at and changed.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::actions::{Deed, shown};
use super::asked::pairs;
use super::shapes;
use crate::fault_body::Fault;

const RULE: &str = "volume_extension:volume_image_metadata";

pub(crate) fn show(deed: &Deed<'_>) -> Result<Response, Fault> {
    let mut volumes = deed.world.volume();
    let volume = deed.asked.volume(&mut volumes, deed.id)?;
    Ok(shown(json!({"metadata": volume.image})))
}

pub(crate) fn set(deed: &Deed<'_>) -> Result<Response, Fault> {
    let properties = json!({"metadata": shapes::metadata(false)});
    deed.fits("os-set_image_metadata", properties, &["metadata"])?;
    let mut volumes = deed.world.volume();
    let volume = deed.asked.volume(&mut volumes, deed.id)?;
    deed.asked.member(&format!("{RULE}:set"))?;
    volume.image.extend(pairs(deed.given.get("metadata")));
    Ok(shown(json!({"metadata": volume.image})))
}

pub(crate) fn unset(deed: &Deed<'_>) -> Result<Response, Fault> {
    deed.fits("os-unset_image_metadata", json!({"key": {"type": "string"}}), &["key"])?;
    let key = deed.given.get("key").and_then(Value::as_str).unwrap_or_default();
    let mut volumes = deed.world.volume();
    let volume = deed.asked.volume(&mut volumes, deed.id)?;
    deed.asked.member(&format!("{RULE}:remove"))?;
    if volume.image.remove(key).is_none() {
        let text = format!("Glance metadata for volume/snapshot {} cannot be found.", deed.id);
        return Err(Fault::missing(text));
    }
    Ok(StatusCode::OK.into_response())
}
