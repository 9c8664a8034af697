//! Regions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, self_link, text};
use crate::keystone::model::{Identity, Region};
use crate::keystone::refusal::Refusal;
use crate::world::World;

impl Resource for Region {
    const ONE: &'static str = "region";
    const MANY: &'static str = "regions";
    const OPEN: bool = true;

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.regions
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.regions
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "description": self.description,
            "parent_region_id": self.parent_region_id,
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        let description = text(given, "description").unwrap_or_default();
        Ok(Self { id, description, parent_region_id: text(given, "parent_region_id") })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
    }

    fn unique(&self) -> String {
        self.id.clone()
    }
}
