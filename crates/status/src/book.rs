//! The whole state of a status page, and the facts that change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;

use crate::extra::{Audience, Extra, ExtraKey, Schedule, Template, Upstream};
use crate::model::{Band, Closed, Component, Impact, ImpactType, Incident, PhaseRef, Update};

/// An incident and what was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The incident.
    pub incident: Incident,
    /// Its updates by number.
    pub updates: BTreeMap<u32, Update>,
}

/// Everything on the page. Cheap to copy: the objects are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Components by id, which is the order in which they were made.
    pub components: BTreeMap<ComponentId, Arc<Component>>,
    /// Incidents and maintenance by id.
    pub cases: BTreeMap<IncidentId, Arc<Case>>,
    /// Impact types by id.
    pub impact_types: BTreeMap<ImpactTypeId, Arc<ImpactType>>,
    /// Names of severities by name.
    pub bands: BTreeMap<String, Band>,
    /// The generations of phases; the first one is generation 1.
    pub phases: BTreeMap<u32, Arc<Vec<String>>>,
    /// Templates by name.
    pub templates: BTreeMap<String, Arc<Template>>,
    /// Recurring maintenance by name.
    pub schedules: BTreeMap<String, Arc<Schedule>>,
    /// Audiences by name.
    pub audiences: BTreeMap<String, Arc<Audience>>,
    /// What happens at providers, by id.
    pub upstream: BTreeMap<IncidentId, Arc<Upstream>>,
    /// Months that were closed.
    pub closed: BTreeMap<String, Closed>,
}

/// One object as it is from now on, or that it is gone. Facts are what is stored and exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A component.
    Component(Component),
    /// A component is gone.
    ComponentGone(ComponentId),
    /// An incident, without its updates.
    Incident(Incident),
    /// An incident is gone, with its updates.
    IncidentGone(IncidentId),
    /// An update of an incident.
    Update(IncidentId, Update),
    /// An update of an incident is gone.
    UpdateGone(IncidentId, u32),
    /// An impact type.
    ImpactType(ImpactType),
    /// An impact type is gone.
    ImpactTypeGone(ImpactTypeId),
    /// A name for severities.
    Band(Band),
    /// A name for severities is gone.
    BandGone(String),
    /// A generation of phases.
    Phases(u32, Vec<String>),
    /// A template, recurring maintenance, an audience, or what a provider has.
    Extra(Extra),
    /// One of these is gone.
    ExtraGone(ExtraKey),
    /// A month is closed.
    Closed(Closed),
}

impl Fact {
    /// The incident that it is about, if it is about one.
    pub const fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Incident(incident) => Some(incident.id),
            Self::IncidentGone(id) | Self::Update(id, _) | Self::UpdateGone(id, _) => Some(*id),
            _ => None,
        }
    }
}

impl Book {
    /// The components as they are shown: by their numbers, then in the order in which they were made.
    pub fn in_order(&self) -> Vec<&Arc<Component>> {
        let mut components: Vec<_> = self.components.values().collect();
        components.sort_by_cached_key(|one| one.order());
        components
    }

    /// Takes a fact in. Facts about updates of unknown incidents are without effect.
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Component(one) => {
                self.components.insert(one.id, Arc::new(one.clone()));
            }
            Fact::ComponentGone(id) => {
                self.components.remove(id);
            }
            Fact::Incident(incident) => {
                let before = self.cases.get(&incident.id);
                let updates = before.map(|case| case.updates.clone()).unwrap_or_default();
                let case = Case { incident: incident.clone(), updates };
                self.cases.insert(incident.id, Arc::new(case));
            }
            Fact::IncidentGone(id) => {
                self.cases.remove(id);
            }
            Fact::Update(id, update) => {
                if let Some(case) = self.cases.get_mut(id) {
                    Arc::make_mut(case).updates.insert(update.order, update.clone());
                }
            }
            Fact::UpdateGone(id, order) => {
                if let Some(case) = self.cases.get_mut(id) {
                    Arc::make_mut(case).updates.remove(order);
                }
            }
            Fact::ImpactType(one) => {
                self.impact_types.insert(one.id, Arc::new(one.clone()));
            }
            Fact::ImpactTypeGone(id) => {
                self.impact_types.remove(id);
            }
            Fact::Band(band) => {
                self.bands.insert(band.name.clone(), band.clone());
            }
            Fact::BandGone(name) => {
                self.bands.remove(name);
            }
            Fact::Phases(generation, names) => {
                self.phases.insert(*generation, Arc::new(names.clone()));
            }
            Fact::Closed(one) => {
                self.closed.insert(one.month.clone(), one.clone());
            }
            Fact::Extra(extra) => self.apply_extra(extra),
            Fact::ExtraGone(key) => match key {
                ExtraKey::Template(name) => drop(self.templates.remove(name)),
                ExtraKey::Schedule(name) => drop(self.schedules.remove(name)),
                ExtraKey::Audience(name) => drop(self.audiences.remove(name)),
                ExtraKey::Upstream(id) => drop(self.upstream.remove(id)),
            },
        }
    }

    fn apply_extra(&mut self, extra: &Extra) {
        match extra.clone() {
            Extra::Template(one) => {
                self.templates.insert(one.name.clone(), Arc::new(one));
            }
            Extra::Schedule(one) => {
                self.schedules.insert(one.name.clone(), Arc::new(one));
            }
            Extra::Audience(one) => {
                self.audiences.insert(one.name.clone(), Arc::new(one));
            }
            Extra::Upstream(one) => {
                self.upstream.insert(one.id, Arc::new(one));
            }
        }
    }

    /// The newest generation of phases; 0 and none when there is none.
    pub fn newest_phases(&self) -> (u32, &[String]) {
        self.phases.last_key_value().map_or((0, &[]), |(number, names)| (*number, names.as_slice()))
    }

    /// What a phase is called.
    pub fn phase_name(&self, phase: PhaseRef) -> Option<&str> {
        let order = usize::try_from(phase.order).ok()?;
        self.phases.get(&phase.generation)?.get(order).map(String::as_str)
    }

    /// The names of severities, the mildest first.
    pub fn bands_by_value(&self) -> Vec<&Band> {
        let mut bands: Vec<_> = self.bands.values().collect();
        bands.sort_by_key(|band| band.value);
        bands
    }

    /// What touches each component at this time, in the order of the incidents.
    pub fn active_at(&self, at: When) -> BTreeMap<ComponentId, Vec<(IncidentId, &Impact)>> {
        let mut active: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for case in self.cases.values().filter(|case| at.touches(&case.incident)) {
            for impact in &case.incident.affects {
                active.entry(impact.component).or_default().push((case.incident.id, impact));
            }
        }
        active
    }
}

/// Which moment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The present: from the beginning of an incident to right before its end.
    Now(Timestamp),
    /// A named moment, as the reference takes it: strictly between beginning and end.
    At(Timestamp),
}

impl When {
    /// Whether the incident goes on then.
    pub fn touches(self, incident: &Incident) -> bool {
        match self {
            Self::Now(now) => incident.is_active(now),
            Self::At(at) => {
                incident.began.is_some_and(|began| began < at)
                    && incident.ended.is_none_or(|ended| ended > at)
            }
        }
    }
}
