//! What importers put together: an incident with what was said about it, made fit for our page.

use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::time::Timestamp;
use uuid::Uuid;

use crate::archive::Archived;
use crate::model::{Impact, Incident, Update};

/// The names of ids of other status pages.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d6f_d2a4_9f0e_4b8e_9a3c_51e6_5b1f_0e77);

/// The id itself when it is a UUID, else one of version 5 (RFC 9562), so that importing the same
/// twice gives the same.
pub(super) fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}

/// An incident as another page has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    /// What it touches, and how badly.
    pub(super) affects: Vec<(Uuid, u8)>,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) told: Vec<Told>,
}

/// A message about it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) name: Option<String>,
    pub(super) text: Option<String>,
    pub(super) at: Timestamp,
}

impl Found {
    /// As our page has it: messages in order, each component once, no end before the beginning,
    /// since clocks of others may have gone backwards.
    pub(super) fn archived(mut self) -> Archived {
        self.told.sort_by_key(|told| told.at);
        let update = |(order, told): (u32, Told)| Update {
            order,
            name: told.name,
            description: told.text,
            created: Some(told.at),
        };
        let updates: Vec<_> = (0..).zip(self.told).map(update).collect();
        self.affects.sort_unstable();
        self.affects.dedup_by_key(|(component, _)| *component);
        let impact = |(component, severity)| Impact {
            component: ComponentId::from_uuid(component),
            kind: None,
            severity: Some(severity),
        };
        let began = self.began;
        let incident = Incident {
            name: self.name,
            description: self.description,
            affects: self.affects.into_iter().map(impact).collect(),
            began,
            ended: self.ended.map(|ended| began.map_or(ended, |began| ended.max(began))),
            next_update: u32::try_from(updates.len()).unwrap_or(u32::MAX),
            changed: self.changed,
            ..Incident::new(IncidentId::from_uuid(self.id), self.created)
        };
        Archived { incident, updates }
    }
}
