//! Roles.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, name, self_link, text};
use crate::keystone::model::{Identity, Role};
use crate::keystone::refusal::Refusal;
use crate::world::World;

impl Resource for Role {
    const ONE: &'static str = "role";
    const MANY: &'static str = "roles";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.roles
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.roles
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "domain_id": null,
            "description": self.description,
            "options": self.options(),
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        let description = text(given, "description");
        let (implies, immutable) = (Vec::new(), false);
        Ok(Self { id, name: name(given)?, description, implies, immutable })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").or_else(|| self.description.take());
    }

    fn unique(&self) -> String {
        self.name.clone()
    }
}
