//! Services and endpoints: the catalogue as administrators see it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, enabled, extra, take_text, text, with_extra};
use crate::keystone::model::{CatalogService, Endpoint, Identity, Region};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, Properties, TEXT};
use crate::world::World;

impl Resource for CatalogService {
    const ONE: &'static str = "service";
    const MANY: &'static str = "services";
    const PROPERTIES: Properties = &[
        ("enabled", Kind::Flag),
        ("name", Kind::Name { most: 255 }),
        ("type", Kind::Text { null: false, least: 1, most: 255 }),
    ];
    const REQUIRED: &'static [&'static str] = &["type"];
    const FILTERS: &'static [&'static str] = &["type", "name"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.services
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.services
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "name": self.name,
            "id": self.id,
            "type": self.kind,
            "enabled": self.enabled,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            kind: text(given, "type").unwrap_or_default(),
            name: text(given, "name").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, _: &Identity) -> Result<(), Refusal> {
        take_text(given, "type", &mut self.kind);
        take_text(given, "name", &mut self.name);
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }
}

impl Resource for Endpoint {
    const ONE: &'static str = "endpoint";
    const MANY: &'static str = "endpoints";
    const PROPERTIES: Properties = &[
        ("enabled", Kind::Flag),
        ("interface", Kind::OneOf(&["admin", "internal", "public"])),
        ("region_id", TEXT),
        ("region", TEXT),
        ("service_id", TEXT),
        ("url", Kind::Text { null: false, least: 0, most: 225 }),
    ];
    const REQUIRED: &'static [&'static str] = &["interface", "service_id", "url"];
    const FILTERS: &'static [&'static str] = &["interface", "service_id", "region_id"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.endpoints
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.endpoints
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "interface": self.interface,
            "region_id": self.region_id,
            "service_id": self.service_id,
            "url": self.address(world),
            "enabled": self.enabled,
            "region": self.region_id,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let mut endpoint = Self {
            id,
            service_id: String::new(),
            interface: String::new(),
            region_id: None,
            url: String::new(),
            enabled: enabled(given).unwrap_or(true),
            extra: extra(given, Self::PROPERTIES),
        };
        endpoint.take(given, identity)?;
        Ok(endpoint)
    }

    fn change(&mut self, given: &Map<String, Value>, identity: &Identity) -> Result<(), Refusal> {
        self.take(given, identity)?;
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    /// A region named as in the second version of the API is made when it is not there.
    fn bring(&self, identity: &mut Identity) {
        if let Some(id) = &self.region_id {
            let made = || Region { id: id.clone(), ..Region::default() };
            identity.regions.entry(id.clone()).or_insert_with(made);
        }
    }
}

impl Endpoint {
    /// The address, wherever the cloud listens.
    pub(crate) fn address(&self, world: &World) -> String {
        if self.url.starts_with('/') {
            format!("{}{}", world.base, self.url)
        } else {
            self.url.clone()
        }
    }

    fn take(&mut self, given: &Map<String, Value>, identity: &Identity) -> Result<(), Refusal> {
        if let Some(url) = text(given, "url") {
            let scheme = url.split_once(':').is_some_and(|(scheme, rest)| {
                let plain = |it: char| it.is_ascii_alphanumeric() || "+.-".contains(it);
                !scheme.is_empty() && !rest.is_empty() && scheme.chars().all(plain)
            });
            if !scheme {
                return Err(Refusal::bad(format!(
                    "Invalid input for field 'url': '{url}' does not match '^[a-zA-Z0-9+.-]+:.+'"
                )));
            }
            self.url = url;
        }
        if let Some(id) = text(given, "service_id") {
            if !identity.services.contains_key(&id) {
                return Err(Refusal::bad(format!("Could not find service: {id}.")));
            }
            self.service_id = id;
        }
        if let Some(region) = text(given, "region_id") {
            if !identity.regions.contains_key(&region) {
                return Err(Refusal::bad(format!("Could not find region: {region}.")));
            }
            self.region_id = Some(region);
        } else if let Some(region) = text(given, "region") {
            self.region_id = Some(region);
        }
        take_text(given, "interface", &mut self.interface);
        Ok(())
    }
}
