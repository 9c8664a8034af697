//! What somebody wants of the status page.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;

use crate::archive::Archive;
use crate::extra::{Extra, ExtraKey};
use crate::model::{Impact, PhaseRef};
use crate::sla::Policy;

/// What is said of a component; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentFields {
    /// Its name.
    pub name: Option<String>,
    /// All its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// All the audiences that see it; empty for everybody.
    pub audiences: Option<BTreeSet<String>>,
}

/// What is said of an incident; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentFields {
    /// Its headline.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// All its impacts.
    pub affects: Option<Vec<Impact>>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended; `Some(None)` opens it again.
    pub ended: Option<Option<Timestamp>>,
    /// Where its handling stands.
    pub phase: Option<PhaseRef>,
}

/// What is said of an update; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateFields {
    /// Its headline.
    pub name: Option<String>,
    /// What is new.
    pub description: Option<String>,
    /// When it was written; the present when nobody says.
    pub created: Option<Timestamp>,
}

/// What is said of an impact type; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImpactTypeFields {
    /// Its name.
    pub name: Option<String>,
    /// What it means.
    pub description: Option<String>,
}

/// What is said of a name for severities; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BandFields {
    /// The name.
    pub name: Option<String>,
    /// The highest severity in it.
    pub value: Option<u8>,
}

/// One thing to do. Ids of what is made are chosen by whoever asks, so that deciding is repeatable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make a component.
    AddComponent(ComponentId, ComponentFields),
    /// Change a component.
    ChangeComponent(ComponentId, ComponentFields),
    /// Remove a component that no incident ever touched.
    RemoveComponent(ComponentId),
    /// Open an incident or plan maintenance.
    AddIncident(IncidentId, IncidentFields),
    /// Change an incident.
    ChangeIncident(IncidentId, IncidentFields),
    /// Remove an incident and its updates.
    RemoveIncident(IncidentId),
    /// Publish what was learned from an incident, or take it back.
    SetPostmortem(IncidentId, Option<String>),
    /// Say something about an incident.
    AddUpdate(IncidentId, UpdateFields),
    /// Correct an update.
    ChangeUpdate(IncidentId, u32, UpdateFields),
    /// Remove an update; its number is not used again.
    RemoveUpdate(IncidentId, u32),
    /// Make an impact type.
    AddImpactType(ImpactTypeId, ImpactTypeFields),
    /// Change an impact type.
    ChangeImpactType(ImpactTypeId, ImpactTypeFields),
    /// Remove an impact type that no incident names.
    RemoveImpactType(ImpactTypeId),
    /// Name severities.
    AddBand(BandFields),
    /// Change a name for severities.
    ChangeBand(String, BandFields),
    /// Remove a name for severities.
    RemoveBand(String),
    /// Make a new generation of phases.
    AddPhases(Vec<String>),
    /// Write a template, recurring maintenance, an audience, or what a provider has.
    PutExtra(Box<Extra>),
    /// Remove one of these.
    RemoveExtra(ExtraKey),
    /// Close a month (`YYYY-MM`) that is over: tell billing how available everything was.
    CloseMonth(String, Policy),
    /// Plan the occurrences of recurring maintenance that come into sight.
    Occur,
    /// What a new page begins with; each kind is taken only when the page has none of it.
    Provision(Box<Provision>),
    /// Put everything of an archive on an empty page.
    Restore(Box<Archive>),
}

impl Command {
    /// The word for it in the audit log.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::AddComponent(..) => "status.component.add",
            Self::ChangeComponent(..) => "status.component.change",
            Self::RemoveComponent(..) => "status.component.remove",
            Self::AddIncident(..) => "status.incident.add",
            Self::ChangeIncident(..) => "status.incident.change",
            Self::RemoveIncident(..) => "status.incident.remove",
            Self::SetPostmortem(..) => "status.incident.postmortem",
            Self::AddUpdate(..) => "status.update.add",
            Self::ChangeUpdate(..) => "status.update.change",
            Self::RemoveUpdate(..) => "status.update.remove",
            Self::AddImpactType(..) => "status.impact-type.add",
            Self::ChangeImpactType(..) => "status.impact-type.change",
            Self::RemoveImpactType(..) => "status.impact-type.remove",
            Self::AddBand(..) => "status.severity.add",
            Self::ChangeBand(..) => "status.severity.change",
            Self::RemoveBand(..) => "status.severity.remove",
            Self::AddPhases(..) => "status.phases.add",
            Self::PutExtra(..) => "status.extra.put",
            Self::RemoveExtra(..) => "status.extra.remove",
            Self::CloseMonth(..) => "status.sla.close",
            Self::Occur => "status.schedule.occur",
            Self::Provision(..) => "status.provision",
            Self::Restore(..) => "status.restore",
        }
    }

    /// What it is about, for the audit log.
    pub fn object(&self) -> String {
        match self {
            Self::AddComponent(id, _)
            | Self::ChangeComponent(id, _)
            | Self::RemoveComponent(id) => format!("status/component/{id}"),
            Self::AddIncident(id, _)
            | Self::ChangeIncident(id, _)
            | Self::RemoveIncident(id)
            | Self::SetPostmortem(id, _)
            | Self::AddUpdate(id, _) => format!("status/incident/{id}"),
            Self::ChangeUpdate(id, order, _) | Self::RemoveUpdate(id, order) => {
                format!("status/incident/{id}/update/{order}")
            }
            Self::AddImpactType(id, _)
            | Self::ChangeImpactType(id, _)
            | Self::RemoveImpactType(id) => format!("status/impact-type/{id}"),
            Self::AddBand(BandFields { name: Some(name), .. })
            | Self::ChangeBand(name, _)
            | Self::RemoveBand(name) => {
                format!("status/severity/{}", lotse_web::text::shown(name, 80))
            }
            Self::AddBand(_) => "status/severity".to_owned(),
            Self::AddPhases(_) => "status/phases".to_owned(),
            Self::PutExtra(extra) => object_of(&extra.key()),
            Self::RemoveExtra(key) => object_of(key),
            Self::CloseMonth(month, _) => {
                format!("status/sla/{}", lotse_web::text::shown(month, 80))
            }
            Self::Occur => "status/schedule".to_owned(),
            Self::Provision(_) | Self::Restore(_) => "status".to_owned(),
        }
    }
}

/// What a new page begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provision {
    /// Components.
    pub components: Vec<(ComponentId, ComponentFields)>,
    /// Impact types.
    pub impact_types: Vec<(ImpactTypeId, ImpactTypeFields)>,
    /// Names of severities.
    pub severities: Vec<BandFields>,
    /// The first generation of phases.
    pub phases: Vec<String>,
}

fn object_of(key: &ExtraKey) -> String {
    format!("status/{}/{}", key.kind(), lotse_web::text::shown(&key.name(), 80))
}

/// Whether those who subscribed to the page are told of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// They are: events say `"notify": true`.
    #[default]
    Everybody,
    /// They are not, for example when a typing error is corrected: `"notify": false`.
    Nobody,
}

impl Notice {
    /// Whether anybody is told.
    pub const fn is_given(self) -> bool {
        matches!(self, Self::Everybody)
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was made, with this id.
    Made(uuid::Uuid),
    /// An update was made, with this number.
    Order(u32),
    /// Phases were made, with this generation.
    Generation(u32),
    /// It was done.
    Done,
}
