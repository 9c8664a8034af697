//! Decisions about templates, recurring maintenance, audiences, providers and post-mortems.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::time::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Decision, touched};
use crate::book::{Book, Fact};
use crate::command::Outcome;
use crate::error::Error;
use crate::extra::{Extra, ExtraKey, Schedule, Upstream, check_name};
use crate::model::{
    Closed, Component, Impact, Incident, MAINTENANCE, Occurrence, PhaseRef, Postmortem,
};
use crate::recur::Rule;
use crate::sla::Policy;

/// How far ahead occurrences are planned.
const HORIZON: SignedDuration = SignedDuration::from_hours(90 * 24);
/// By how much the plan may fall behind before it is made longer: one write a day.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
/// The longest occurrence, in minutes.
pub(crate) const LONGEST: u32 = 31 * 24 * 60;
/// Ids of occurrences come from this, the name of the schedule and the time (RFC 9562, version 5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_7473_652d_4f63_8375_7272_656e_6365);

/// An audience has so many groups at most.
pub(crate) const MOST_GROUPS: usize = 100;
/// The longest name of a group.
const LONGEST_GROUP: usize = 200;

fn needed(field: &str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "a text is needed"));
    }
    Ok(())
}

fn known(book: &Book, components: &[ComponentId]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for id in components {
        if !book.components.contains_key(id) {
            return Err(Error::unknown("component", id));
        }
        if !seen.insert(id) {
            return Err(Error::invalid("components", "the same component is named twice"));
        }
    }
    Ok(())
}

/// Whether the document can stand in this book.
pub(crate) fn check_extra(book: &Book, extra: &Extra) -> Result<(), Error> {
    match extra {
        Extra::Template(one) => {
            check_name(&one.name)?;
            known(book, &one.components)?;
            if let Some(kind) = one.kind
                && !book.impact_types.contains_key(&kind)
            {
                return Err(Error::unknown("impact type", kind));
            }
            if one.severity.is_some_and(|severity| severity > crate::model::WORST) {
                return Err(Error::invalid("severity", "a number from 0 to 100 is needed"));
            }
            Ok(())
        }
        Extra::Schedule(one) => {
            check_name(&one.name)?;
            needed("title", &one.title)?;
            known(book, &one.components)?;
            if one.components.is_empty() {
                return Err(Error::invalid("components", "at least one component is needed"));
            }
            if one.minutes == 0 || one.minutes > LONGEST {
                let reason = format!("it takes 1 to {LONGEST} minutes");
                return Err(Error::invalid("minutes", reason));
            }
            zone(one)?;
            Rule::parse(&one.rule).map(drop)
        }
        Extra::Audience(one) => {
            check_name(&one.name)?;
            needed("title", &one.title)?;
            let is_sum =
                |sum: &String| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
            if one.secret.as_ref().is_some_and(|sum| !is_sum(sum)) {
                return Err(Error::invalid("secret", "a SHA-256 is needed"));
            }
            let is_name = |group: &String| (1..=LONGEST_GROUP).contains(&group.chars().count());
            if one.groups.len() > MOST_GROUPS || !one.groups.iter().all(is_name) {
                let reason = format!(
                    "an audience has {MOST_GROUPS} groups at most, with names of 1 to \
                     {LONGEST_GROUP} characters"
                );
                return Err(Error::invalid("groups", reason));
            }
            Ok(())
        }
        Extra::Upstream(one) => check_upstream(book, one),
    }
}

fn check_upstream(book: &Book, one: &Upstream) -> Result<(), Error> {
    needed("provider", &one.provider)?;
    needed("title", &one.title)?;
    known(book, &one.components)?;
    if one.url.as_ref().is_some_and(|url| !matches!(url.scheme(), "https" | "http")) {
        return Err(Error::invalid("url", "an address with https: or http: is needed"));
    }
    if one.ended.is_some_and(|ended| ended < one.began) {
        return Err(Error::invalid("ended", "it ends before it begins"));
    }
    Ok(())
}

/// Whether all audiences of the component are there.
pub(crate) fn check_audiences(book: &Book, component: &Component) -> Result<(), Error> {
    match component.audiences.iter().find(|name| !book.audiences.contains_key(*name)) {
        Some(name) => Err(Error::unknown("audience", name)),
        None => Ok(()),
    }
}

/// Refuses to remove a component that documents name.
pub(super) fn check_unused(book: &Book, id: ComponentId) -> Result<(), Error> {
    let used = |kind: &str, name: &dyn std::fmt::Display| {
        Err(Error::Conflict { reason: format!("component {id} is named by {kind} {name}") })
    };
    if let Some(one) = book.templates.values().find(|one| one.components.contains(&id)) {
        return used("template", &one.name);
    }
    if let Some(one) = book.schedules.values().find(|one| one.components.contains(&id)) {
        return used("recurring maintenance", &one.name);
    }
    match book.upstream.values().find(|one| one.components.contains(&id)) {
        Some(one) => used("what a provider has,", &one.id),
        None => Ok(()),
    }
}

pub(super) fn set_postmortem(
    mut incident: Incident,
    text: Option<&str>,
    now: Timestamp,
) -> Decision {
    let before = incident.postmortem.take();
    if let Some(text) = text {
        needed("text", text)?;
        let published = before.map_or(now, |before| before.published);
        incident.postmortem = Some(Postmortem { text: text.to_owned(), published });
    } else if before.is_none() {
        return Err(Error::not_found("post-mortem of", incident.id));
    }
    Ok((vec![Fact::Incident(incident)], Outcome::Done))
}

pub(super) fn put(book: &Book, extra: &Extra, now: Timestamp) -> Decision {
    check_extra(book, extra)?;
    let Extra::Schedule(schedule) = extra else {
        return Ok((vec![Fact::Extra(extra.clone())], Outcome::Done));
    };
    let mut schedule = schedule.clone();
    schedule.through = None;
    let mut facts = Vec::new();
    let before: Vec<_> = planned(book, &schedule.name, now).collect();
    let wanted = due(&schedule, now, true)?;
    let kept: BTreeSet<_> = wanted.iter().map(|at| occurrence_id(&schedule.name, *at)).collect();
    let gone = before.iter().filter(|incident| !kept.contains(&incident.id));
    facts.extend(gone.map(|incident| Fact::IncidentGone(incident.id)));
    facts.extend(wanted.iter().filter_map(|at| occurrence(book, &schedule, *at, now)));
    schedule.through = now.checked_add(HORIZON).ok();
    facts.push(Fact::Extra(Extra::Schedule(schedule)));
    Ok((facts, Outcome::Done))
}

pub(super) fn remove(book: &Book, key: &ExtraKey, now: Timestamp) -> Decision {
    if !key.is_in(book) {
        return Err(Error::not_found(key.kind(), key.name()));
    }
    let mut facts = Vec::new();
    match key {
        ExtraKey::Audience(name) => {
            let used = book.components.values().find(|one| one.audiences.contains(name));
            if let Some(one) = used {
                let reason = format!("component {} is for audience {name}", one.id);
                return Err(Error::Conflict { reason });
            }
        }
        ExtraKey::Schedule(name) => {
            facts.extend(planned(book, name, now).map(|incident| Fact::IncidentGone(incident.id)));
        }
        ExtraKey::Template(_) | ExtraKey::Upstream(_) => {}
    }
    facts.push(Fact::ExtraGone(key.clone()));
    Ok((facts, Outcome::Done))
}

/// The occurrences that are still to come.
fn planned<'a>(
    book: &'a Book,
    name: &'a str,
    now: Timestamp,
) -> impl Iterator<Item = &'a Incident> {
    let is_own = move |one: &&Incident| one.occurrence.as_ref().is_some_and(|o| o.schedule == name);
    let incidents = book.cases.values().map(|case| &case.incident);
    incidents.filter(is_own).filter(move |one| one.began.is_some_and(|began| began > now))
}

fn zone(schedule: &Schedule) -> Result<TimeZone, Error> {
    match &schedule.zone {
        None => Ok(TimeZone::UTC),
        Some(name) => {
            TimeZone::get(name).map_err(|_| Error::invalid("zone", "this time zone is not known"))
        }
    }
}

/// The beginnings that are to be planned: all that are not over for a schedule that is written anew,
/// else those that have come into sight.
fn due(schedule: &Schedule, now: Timestamp, is_new: bool) -> Result<Vec<Timestamp>, Error> {
    let rule = Rule::parse(&schedule.rule)?;
    let length = SignedDuration::from_mins(schedule.minutes.into());
    let running = now.saturating_sub(length).unwrap_or(Timestamp::MIN);
    let after = if is_new { running } else { schedule.through.unwrap_or(running) };
    let to = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
    let mut all = rule.between(schedule.start, &zone(schedule)?, after, to);
    all.retain(|at| !schedule.except.contains(at));
    Ok(all)
}

/// The id of an occurrence.
fn occurrence_id(schedule: &str, at: Timestamp) -> IncidentId {
    let name = format!("{schedule}/{}", at.as_second());
    IncidentId::from_uuid(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// The occurrence as it is from now on; nothing when it goes on already, or is as it should be.
fn occurrence(book: &Book, schedule: &Schedule, at: Timestamp, now: Timestamp) -> Option<Fact> {
    let id = occurrence_id(&schedule.name, at);
    let before = book.cases.get(&id);
    let mut incident = match before {
        Some(case) if case.incident.is_active(now) => return None,
        Some(case) => touched(case, now),
        None => Incident::new(id, now),
    };
    let (generation, names) = book.newest_phases();
    let first = (!names.is_empty()).then_some(PhaseRef { generation, order: 0 });
    let impact = |component: &ComponentId| Impact {
        component: *component,
        kind: None,
        severity: Some(MAINTENANCE),
    };
    incident.name = Some(schedule.title.clone());
    incident.description.clone_from(&schedule.text);
    incident.affects = schedule.components.iter().map(impact).collect();
    incident.began = Some(at);
    incident.ended = at.checked_add(SignedDuration::from_mins(schedule.minutes.into())).ok();
    incident.phase = incident.phase.or(first);
    incident.occurrence = Some(Occurrence { schedule: schedule.name.clone(), at });
    Some(Fact::Incident(incident))
}

/// Whether the plan of a schedule is to be made longer.
pub(crate) fn is_occurring(book: &Book, now: Timestamp) -> bool {
    let short = now.saturating_add(HORIZON - SLACK).unwrap_or(Timestamp::MAX);
    book.schedules.values().any(|one| one.through.is_none_or(|through| through < short))
}

/// The occurrences that have come into sight. A schedule that cannot be read any more (its time zone
/// may be gone from this machine) has none.
pub(super) fn occur(book: &Book, now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !is_occurring(book, now) {
        return facts;
    }
    for schedule in book.schedules.values() {
        let Ok(wanted) = due(schedule, now, false) else { continue };
        facts.extend(wanted.iter().filter_map(|at| occurrence(book, schedule, *at, now)));
        let mut schedule = Schedule::clone(schedule);
        schedule.through = now.checked_add(HORIZON).ok();
        facts.push(Fact::Extra(Extra::Schedule(schedule)));
    }
    facts
}

/// An occurrence that somebody removes does not come back: its schedule leaves it out.
pub(super) fn left_out(book: &Book, incident: &Incident) -> Option<Fact> {
    let occurrence = incident.occurrence.as_ref()?;
    let mut schedule = Schedule::clone(book.schedules.get(&occurrence.schedule)?);
    schedule.except.push(occurrence.at);
    Some(Fact::Extra(Extra::Schedule(schedule)))
}

/// A month is closed once, when it is over.
pub(super) fn close(book: &Book, month: &str, policy: Policy, now: Timestamp) -> Decision {
    let (_, last) = crate::pages::month_window(month)
        .ok_or_else(|| Error::invalid("month", "a month is needed, as YYYY-MM"))?;
    if last >= now {
        return Err(Error::Conflict { reason: format!("{month} is not over") });
    }
    if let Some(closed) = book.closed.get(month) {
        let reason = format!("{month} was closed at {}", crate::pages::exact(closed.at));
        return Err(Error::Conflict { reason });
    }
    let closed = Closed { month: month.to_owned(), policy, at: now };
    Ok((vec![Fact::Closed(closed)], Outcome::Done))
}
