//! Users.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, domain_of, enabled, extra, name, self_link, text};
use crate::keystone::caller::Caller;
use crate::keystone::model::{Identity, Password, User};
use crate::keystone::refusal::Refusal;
use crate::world::World;

impl Resource for User {
    const ONE: &'static str = "user";
    const MANY: &'static str = "users";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.users
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.users
    }

    fn render(&self, world: &World) -> Value {
        let mut shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "enabled": self.enabled,
            "password_expires_at": null,
            "options": {},
        });
        if let Value::Object(fields) = &mut shown {
            if let Some(project) = &self.default_project_id {
                fields.insert("default_project_id".to_owned(), json!(project));
            }
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
            password: Password(text(given, "password").unwrap_or_default()),
            enabled: enabled(given).unwrap_or(true),
            default_project_id: text(given, "default_project_id"),
            extra: extra(given, USER_FIELDS),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
        if let Some(password) = text(given, "password") {
            self.password = Password(password);
        }
        if let Some(project) = text(given, "default_project_id") {
            self.default_project_id = Some(project);
        }
        self.extra.extend(extra(given, USER_FIELDS));
    }

    fn unique(&self) -> String {
        format!("{}/{}", self.domain_id, self.name)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }

    fn is_own(id: &str, caller: &Caller) -> bool {
        caller.user() == id
    }
}

const USER_FIELDS: &[&str] = &[
    "id",
    "name",
    "domain_id",
    "password",
    "enabled",
    "default_project_id",
    "options",
    "links",
    "password_expires_at",
    "original_password",
];
