//! Who makes a request to Neutron, and what makes a change.

use lotse_core::time::Timestamp;
use serde_json::Value;

use super::model::Standard;
use crate::events::Happened;
use crate::keystone::caller::Caller;
pub(crate) use crate::keystone::caller::Request;
use crate::world::World;

/// A change under way: who makes it and when, and what follows from it once the lock is released.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) world: &'a World,
    pub(crate) request: &'a Request,
    pub(crate) now: Timestamp,
    events: Vec<(String, Value)>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(world: &'a World, request: &'a Request) -> Self {
        let now = world.now();
        Self { world, request, now, events: Vec::new() }
    }

    pub(crate) const fn caller(&self) -> &'a Caller {
        &self.request.caller
    }

    /// What a new resource of a project begins with.
    pub(crate) fn standard(&self, project: &str) -> Standard {
        Standard {
            id: self.world.ids.uuid(),
            project_id: project.to_owned(),
            description: Some(String::new()),
            created_at: self.now,
            updated_at: self.now,
            ..Standard::default()
        }
    }

    /// Something worth a notification, for example `network.create.end`.
    pub(crate) fn tell(&mut self, event_type: String, payload: Value) {
        self.events.push((event_type, payload));
    }

    /// Tells everybody, Nova first. Called with no lock held.
    pub(crate) fn finish(self) {
        crate::nova::readdress(self.world);
        let cause = self.request.cause();
        for (event_type, payload) in self.events {
            self.world.events.publish(Happened {
                at: self.now,
                event_type,
                publisher_id: "network.sim",
                cause: cause.clone(),
                payload,
            });
        }
    }
}
