//! Domains.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Resource, enabled, name, self_link, text};
use crate::keystone::model::{Domain, Identity};
use crate::keystone::refusal::Refusal;
use crate::world::World;

impl Resource for Domain {
    const ONE: &'static str = "domain";
    const MANY: &'static str = "domains";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.domains
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.domains
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "enabled": self.enabled,
            "tags": [],
            "options": {},
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: name(given)?,
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
    }

    fn unique(&self) -> String {
        self.name.clone()
    }

    fn may_be_deleted(&self) -> Result<(), Refusal> {
        if self.enabled {
            let text = "Cannot delete a domain that is enabled, please disable it first.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }
}
