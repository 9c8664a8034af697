//! The heart: a command and the book become facts, or a refusal. Pure and total.

mod extra;

use std::collections::BTreeSet;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;

use crate::book::{Book, Case, Fact};
use crate::command::{
    BandFields, Command, ComponentFields, ImpactTypeFields, IncidentFields, Outcome, Provision,
    UpdateFields,
};
use crate::error::Error;
use crate::model::{Band, Component, Impact, ImpactType, Incident, PhaseRef, Update};

pub(crate) use self::extra::{LONGEST, MOST_GROUPS, check_audiences, check_extra, is_occurring};

type Decision = Result<(Vec<Fact>, Outcome), Error>;

/// What the command means for this book at this time.
///
/// # Errors
/// What the command names is not there, cannot be meant, or is in the way.
pub fn decide(book: &Book, command: &Command, now: Timestamp) -> Decision {
    match command {
        Command::AddComponent(id, fields) => {
            let one = component(*id, fields);
            check_audiences(book, &one)?;
            Ok((vec![Fact::Component(one)], Outcome::Made(*id.as_uuid())))
        }
        Command::ChangeComponent(id, fields) => change_component(book, *id, fields),
        Command::RemoveComponent(id) => remove_component(book, *id),
        Command::AddIncident(id, fields) => add_incident(book, *id, fields, now),
        Command::ChangeIncident(id, fields) => change_incident(book, *id, fields, now),
        Command::RemoveIncident(id) => {
            let mut facts = vec![Fact::IncidentGone(*id)];
            facts.extend(extra::left_out(book, &case(book, *id)?.incident));
            Ok((facts, Outcome::Done))
        }
        Command::SetPostmortem(id, text) => {
            let incident = touched(case(book, *id)?, now);
            extra::set_postmortem(incident, text.as_deref(), now)
        }
        Command::PutExtra(extra) => extra::put(book, extra, now),
        Command::RemoveExtra(key) => extra::remove(book, key, now),
        Command::CloseMonth(month, policy) => extra::close(book, month, *policy, now),
        Command::Occur => Ok((extra::occur(book, now), Outcome::Done)),
        Command::AddUpdate(id, fields) => add_update(book, *id, fields, now),
        Command::ChangeUpdate(id, order, fields) => change_update(book, *id, *order, fields, now),
        Command::RemoveUpdate(id, order) => {
            let case = case(book, *id)?;
            update(case, *order)?;
            let facts = vec![Fact::UpdateGone(*id, *order), Fact::Incident(touched(case, now))];
            Ok((facts, Outcome::Done))
        }
        Command::AddImpactType(id, fields) => {
            let one = impact_type(*id, fields)?;
            Ok((vec![Fact::ImpactType(one)], Outcome::Made(*id.as_uuid())))
        }
        Command::ChangeImpactType(id, fields) => change_impact_type(book, *id, fields),
        Command::RemoveImpactType(id) => remove_impact_type(book, *id),
        Command::AddBand(fields) => add_band(book, fields),
        Command::ChangeBand(name, fields) => change_band(book, name, fields),
        Command::RemoveBand(name) => {
            band(book, name)?;
            Ok((vec![Fact::BandGone(name.clone())], Outcome::Done))
        }
        Command::AddPhases(names) => {
            let generation = book.newest_phases().0.saturating_add(1);
            Ok((vec![phases(generation, names)?], Outcome::Generation(generation)))
        }
        Command::Provision(provision) => provisioned(book, provision),
        Command::Restore(archive) => {
            if *book != Book::default() {
                let reason = "there is something on the page already: import into an empty one";
                return Err(Error::Conflict { reason: reason.to_owned() });
            }
            Ok((archive.facts()?, Outcome::Done))
        }
    }
}

fn component(id: ComponentId, fields: &ComponentFields) -> Component {
    let ComponentFields { name, labels, audiences } = fields.clone();
    let (labels, audiences) = (labels.unwrap_or_default(), audiences.unwrap_or_default());
    Component { id, name, labels, audiences }
}

fn change_component(book: &Book, id: ComponentId, fields: &ComponentFields) -> Decision {
    let known = book.components.get(&id).ok_or_else(|| Error::not_found("component", id))?;
    let mut one = Component::clone(known);
    one.name = fields.name.clone().or(one.name);
    one.labels = fields.labels.clone().unwrap_or(one.labels);
    one.audiences = fields.audiences.clone().unwrap_or(one.audiences);
    check_audiences(book, &one)?;
    Ok((vec![Fact::Component(one)], Outcome::Done))
}

fn remove_component(book: &Book, id: ComponentId) -> Decision {
    if !book.components.contains_key(&id) {
        return Err(Error::not_found("component", id));
    }
    let names = |impact: &Impact| impact.component == id;
    if let Some(case) = book.cases.values().find(|case| case.incident.affects.iter().any(names)) {
        let reason = format!("component {id} is touched by incident {}", case.incident.id);
        return Err(Error::Conflict { reason });
    }
    extra::check_unused(book, id)?;
    Ok((vec![Fact::ComponentGone(id)], Outcome::Done))
}

fn case(book: &Book, id: IncidentId) -> Result<&Case, Error> {
    book.cases.get(&id).map(AsRef::as_ref).ok_or_else(|| Error::not_found("incident", id))
}

fn update(case: &Case, order: u32) -> Result<&Update, Error> {
    let missing = || Error::not_found("update", format!("{} of {}", order, case.incident.id));
    case.updates.get(&order).ok_or_else(missing)
}

/// The incident after a change of it or of one of its updates.
fn touched(case: &Case, now: Timestamp) -> Incident {
    let mut incident = case.incident.clone();
    incident.sequence = incident.sequence.saturating_add(1);
    incident.changed = now;
    incident
}

fn add_incident(book: &Book, id: IncidentId, fields: &IncidentFields, now: Timestamp) -> Decision {
    if book.cases.contains_key(&id) {
        return Err(Error::Conflict { reason: format!("incident {id} exists already") });
    }
    let fields = fields.clone();
    // Clients look phases up by name and stumble over an incident without one.
    let (generation, names) = book.newest_phases();
    let first = (!names.is_empty()).then_some(PhaseRef { generation, order: 0 });
    let incident = Incident {
        name: fields.name,
        description: fields.description,
        affects: fields.affects.unwrap_or_default(),
        began: fields.began,
        ended: fields.ended.flatten(),
        phase: fields.phase.or(first),
        ..Incident::new(id, now)
    };
    check_incident(book, &incident)?;
    Ok((vec![Fact::Incident(incident)], Outcome::Made(*id.as_uuid())))
}

fn change_incident(
    book: &Book,
    id: IncidentId,
    fields: &IncidentFields,
    now: Timestamp,
) -> Decision {
    let mut incident = touched(case(book, id)?, now);
    let fields = fields.clone();
    incident.name = fields.name.or(incident.name);
    incident.description = fields.description.or(incident.description);
    incident.affects = fields.affects.unwrap_or(incident.affects);
    incident.began = fields.began.or(incident.began);
    incident.ended = fields.ended.unwrap_or(incident.ended);
    incident.phase = fields.phase.or(incident.phase);
    check_incident(book, &incident)?;
    Ok((vec![Fact::Incident(incident)], Outcome::Done))
}

/// Whether the incident can stand in this book.
pub(crate) fn check_incident(book: &Book, incident: &Incident) -> Result<(), Error> {
    for impact in &incident.affects {
        if !book.components.contains_key(&impact.component) {
            return Err(Error::unknown("component", impact.component));
        }
        if let Some(kind) = impact.kind
            && !book.impact_types.contains_key(&kind)
        {
            return Err(Error::unknown("impact type", kind));
        }
    }
    if let Some(phase) = incident.phase
        && book.phase_name(phase).is_none()
    {
        let name = format!("{} in generation {}", phase.order, phase.generation);
        return Err(Error::unknown("phase", name));
    }
    let mut seen = BTreeSet::new();
    if !incident.affects.iter().all(|impact| seen.insert((impact.component, impact.kind))) {
        let reason = "the same component is touched in the same way twice".to_owned();
        return Err(Error::Conflict { reason });
    }
    if let (Some(began), Some(ended)) = (incident.began, incident.ended)
        && ended < began
    {
        return Err(Error::invalid("endedAt", "it ends before it begins"));
    }
    if incident.is_maintenance() && incident.ended.is_none() {
        return Err(Error::invalid("endedAt", "maintenance (severity 0) needs an end"));
    }
    Ok(())
}

fn add_update(book: &Book, id: IncidentId, fields: &UpdateFields, now: Timestamp) -> Decision {
    let case = case(book, id)?;
    let order = case.incident.next_update;
    let mut incident = touched(case, now);
    incident.next_update = order.saturating_add(1);
    let UpdateFields { name, description, created } = fields.clone();
    let update = Update { order, name, description, created: created.or(Some(now)) };
    Ok((vec![Fact::Incident(incident), Fact::Update(id, update)], Outcome::Order(order)))
}

fn change_update(
    book: &Book,
    id: IncidentId,
    order: u32,
    fields: &UpdateFields,
    now: Timestamp,
) -> Decision {
    let case = case(book, id)?;
    let mut update = update(case, order)?.clone();
    let fields = fields.clone();
    update.name = fields.name.or(update.name);
    update.description = fields.description.or(update.description);
    update.created = fields.created.or(update.created);
    Ok((vec![Fact::Incident(touched(case, now)), Fact::Update(id, update)], Outcome::Done))
}

fn impact_type(id: ImpactTypeId, fields: &ImpactTypeFields) -> Result<ImpactType, Error> {
    let ImpactTypeFields { name, description } = fields.clone();
    Ok(ImpactType { id, name: named(name)?, description })
}

fn named(name: Option<String>) -> Result<String, Error> {
    name.filter(|name| !name.is_empty())
        .ok_or_else(|| Error::invalid("displayName", "a name is needed"))
}

fn change_impact_type(book: &Book, id: ImpactTypeId, fields: &ImpactTypeFields) -> Decision {
    let known = book.impact_types.get(&id).ok_or_else(|| Error::not_found("impact type", id))?;
    let known = ImpactType::clone(known);
    let name = named(fields.name.clone().or(Some(known.name)))?;
    let description = fields.description.clone().or(known.description);
    Ok((vec![Fact::ImpactType(ImpactType { id, name, description })], Outcome::Done))
}

fn remove_impact_type(book: &Book, id: ImpactTypeId) -> Decision {
    if !book.impact_types.contains_key(&id) {
        return Err(Error::not_found("impact type", id));
    }
    let names = |impact: &Impact| impact.kind == Some(id);
    if let Some(case) = book.cases.values().find(|case| case.incident.affects.iter().any(names)) {
        let reason = format!("impact type {id} is named by incident {}", case.incident.id);
        return Err(Error::Conflict { reason });
    }
    Ok((vec![Fact::ImpactTypeGone(id)], Outcome::Done))
}

fn band<'a>(book: &'a Book, name: &str) -> Result<&'a Band, Error> {
    book.bands.get(name).ok_or_else(|| Error::not_found("severity", name))
}

/// The severity with these values, unless another one (than `own`) is in the way.
fn checked_band(book: &Book, band: Band, own: Option<&str>) -> Result<Band, Error> {
    let name = named(Some(band.name))?;
    let others = || book.bands.values().filter(|other| own != Some(other.name.as_str()));
    if others().any(|other| other.name == name) {
        return Err(Error::Conflict {
            reason: "a severity of this name exists already".to_owned(),
        });
    }
    if let Some(other) = others().find(|other| other.value == band.value) {
        let reason = format!("the severity {:?} has the value {} already", other.name, other.value);
        return Err(Error::Conflict { reason });
    }
    if band.value == 0 || band.value > 100 {
        return Err(Error::invalid("value", "a severity has a value from 1 to 100"));
    }
    Ok(Band { name, value: band.value })
}

fn add_band(book: &Book, fields: &BandFields) -> Decision {
    let name = named(fields.name.clone())?;
    let value = fields.value.ok_or_else(|| Error::invalid("value", "a value is needed"))?;
    let band = checked_band(book, Band { name, value }, None)?;
    Ok((vec![Fact::Band(band)], Outcome::Done))
}

fn change_band(book: &Book, name: &str, fields: &BandFields) -> Decision {
    let known = band(book, name)?.clone();
    let changed = Band {
        name: fields.name.clone().unwrap_or(known.name),
        value: fields.value.unwrap_or(known.value),
    };
    let changed = checked_band(book, changed, Some(name))?;
    let mut facts = Vec::new();
    if changed.name != name {
        facts.push(Fact::BandGone(name.to_owned()));
    }
    facts.push(Fact::Band(changed));
    Ok((facts, Outcome::Done))
}

fn phases(generation: u32, names: &[String]) -> Result<Fact, Error> {
    if names.is_empty() {
        return Err(Error::invalid("phases", "at least one phase is needed"));
    }
    if let Some(place) = names.iter().position(String::is_empty) {
        return Err(Error::invalid(format!("phases[{place}]"), "a phase needs a name"));
    }
    Ok(Fact::Phases(generation, names.to_vec()))
}

/// Each kind is taken only when there is none of it, as the reference does.
fn provisioned(book: &Book, provision: &Provision) -> Decision {
    let mut facts = Vec::new();
    if book.components.is_empty() {
        facts.extend(provision.components.iter().map(|(id, f)| Fact::Component(component(*id, f))));
    }
    if book.impact_types.is_empty() {
        for (id, fields) in &provision.impact_types {
            facts.push(Fact::ImpactType(impact_type(*id, fields)?));
        }
    }
    if book.bands.is_empty() {
        let mut grown = book.clone();
        for fields in &provision.severities {
            for fact in add_band(&grown, fields)?.0 {
                grown.apply(&fact);
                facts.push(fact);
            }
        }
    }
    if book.phases.is_empty() && !provision.phases.is_empty() {
        facts.push(phases(1, &provision.phases)?);
    }
    Ok((facts, Outcome::Done))
}

#[cfg(test)]
mod tests;
