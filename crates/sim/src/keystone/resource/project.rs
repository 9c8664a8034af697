//! Projects.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, domain_of, enabled, extra, name, self_link, text};
use crate::keystone::caller::Caller;
use crate::keystone::model::{Identity, Project};
use crate::keystone::refusal::Refusal;
use crate::world::World;

impl Resource for Project {
    const ONE: &'static str = "project";
    const MANY: &'static str = "projects";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.projects
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.projects
    }

    fn render(&self, world: &World) -> Value {
        let mut shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "description": self.description,
            "enabled": self.enabled,
            "parent_id": self.parent_id.as_ref().unwrap_or(&self.domain_id),
            "is_domain": false,
            "tags": self.tags,
            "options": {},
        });
        if let Value::Object(fields) = &mut shown {
            fields.extend(self.extra.clone());
            fields.insert("links".to_owned(), self_link(world, Self::MANY, &self.id));
        }
        shown
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: name(given)?,
            domain_id: domain_of(given, identity)?,
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
            parent_id: text(given, "parent_id"),
            tags: tags(given).unwrap_or_default(),
            extra: extra(given, PROJECT_FIELDS),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.tags = tags(given).unwrap_or_else(|| self.tags.clone());
        self.extra.extend(extra(given, PROJECT_FIELDS));
    }

    fn unique(&self) -> String {
        format!("{}/{}", self.domain_id, self.name)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }

    fn is_own(id: &str, caller: &Caller) -> bool {
        caller.project() == Some(id)
    }
}

const PROJECT_FIELDS: &[&str] = &[
    "id",
    "name",
    "domain_id",
    "description",
    "enabled",
    "parent_id",
    "is_domain",
    "tags",
    "options",
    "links",
];

fn tags(given: &Map<String, Value>) -> Option<Vec<String>> {
    let tags = given.get("tags")?.as_array()?;
    Some(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
