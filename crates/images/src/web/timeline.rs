//! The life of an image on its page: which builds the cloud had, the oldest first.
//!
//! What an image says itself decides to which definition it belongs; of images that are gone only the
//! deeds remain.

use lotse_web::text::{encoded, shown};
use serde_json::Value;

use crate::inventory::Entry;

/// One build in the life of a definition.
pub(super) struct Build {
    pub(super) created: String,
    pub(super) built: String,
    pub(super) version: String,
    pub(super) name: String,
    pub(super) href: String,
    pub(super) state: String,
    /// Whether the page is about this one.
    pub(super) present: bool,
}

/// The definition to which an image belongs, as it says itself.
pub(super) fn definition(entry: &Entry) -> Option<&str> {
    entry.actual.get("properties")?.get("image_description")?.as_str()
}

/// The builds of one definition among these images.
pub(super) fn builds(entries: &[Entry], definition: &str, cloud: &str, page: &str) -> Vec<Build> {
    let own = |entry: &&Entry| entry.image.is_some() && self::definition(entry) == Some(definition);
    let mut builds: Vec<Build> =
        entries.iter().filter(own).map(|entry| build(entry, cloud, page)).collect();
    builds.sort_by(|one, other| (&one.created, &one.name).cmp(&(&other.created, &other.name)));
    builds
}

fn build(entry: &Entry, cloud: &str, page: &str) -> Build {
    let fact = |name: &str| entry.actual.get(name).and_then(Value::as_str).unwrap_or_default();
    let hidden = entry.actual.get("hidden") == Some(&Value::Bool(true));
    let seen = if hidden { "hidden" } else { fact("visibility") };
    let built = entry.actual.get("properties").and_then(|all| all.get("image_build_date"));
    Build {
        created: shown(fact("created_at"), 40),
        built: shown(built.and_then(Value::as_str).unwrap_or_default(), 40),
        version: shown(fact("version"), 80),
        name: shown(&entry.name, 200),
        href: format!("/images/{}/{}", encoded(cloud), encoded(&entry.name)),
        state: format!("{}, {seen}", shown(fact("status"), 40)),
        present: entry.name == page,
    }
}
