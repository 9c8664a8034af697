//! What the rest of Lotse is told: events of the outbox, entries of the audit log.

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::Timestamp;
use lotse_store::audit::{Deed, DeedOutcome};
use serde_json::{Value, json};

use crate::book::{Book, Case, Fact};
use crate::command::{Command, Notice};
use crate::model::{Closed, Incident};
use crate::report::Report;
use crate::sla::Measured;

/// The event of a fact, seen from the case before it and the book after it: `status.incident.opened`, `.changed`, `.ended`,
/// `.updated`, `.removed`, and the same with `maintenance`. Other facts are told nobody. `notify` in
/// the body says whether people shall be told. What touches only components that not everybody sees is
/// told as `private`; elsewhere such components are left out.
pub(crate) fn event(
    before: Option<&Case>,
    after: &Book,
    fact: &Fact,
    (now, notice): (Timestamp, Notice),
) -> Option<Event> {
    let (verb, case) = match fact {
        Fact::Incident(incident) => {
            let case = after.cases.get(&incident.id)?;
            (verb(before, case)?, case.as_ref())
        }
        Fact::Update(id, _) => ("updated", after.cases.get(id)?.as_ref()),
        Fact::IncidentGone(_) => ("removed", before?),
        _ => return None,
    };
    let incident = &case.incident;
    let noun = match incident.is_maintenance() {
        _ if is_private(after, case) => "private",
        true => "maintenance",
        false => "incident",
    };
    let mut body = summary(after, case);
    body["notify"] = json!(notice.is_given());
    if let Fact::Update(_, update) = fact {
        body["update"] = json!(update);
    }
    if let (Fact::Incident(new), Some(old)) = (fact, before) {
        body["changes"] = json!(changes(&old.incident, new));
    }
    Some(Event {
        id: EventId::generate(),
        topic: format!("status.{noun}.{verb}"),
        subject: format!("status/incident/{}", incident.id),
        at: now,
        body,
    })
}

/// The event of a closed month, for billing: `status.sla.closed` with the whole [`Report`], private
/// components included. Credits follow from the seconds in it and from what was promised.
pub(crate) fn closed(
    after: &Book,
    measured: &[Measured],
    closed: &Closed,
    now: Timestamp,
) -> Option<Event> {
    let report = Report::of(after, measured, &closed.month, closed.policy, now)?;
    Some(Event {
        id: EventId::generate(),
        topic: "status.sla.closed".to_owned(),
        subject: format!("status/sla/{}", closed.month),
        at: now,
        body: json!(report),
    })
}

/// What has become of the incident; nothing when only its updates did something.
fn verb(before: Option<&Case>, case: &Case) -> Option<&'static str> {
    let Some(old) = before else { return Some("opened") };
    let (old, new) = (&old.incident, &case.incident);
    if old.ended.is_none() && new.ended.is_some() {
        return Some("ended");
    }
    if old.postmortem.is_none() && new.postmortem.is_some() {
        return Some("postmortem");
    }
    let mut same = old.clone();
    (same.sequence, same.changed, same.next_update) = (new.sequence, new.changed, new.next_update);
    (same != *new).then_some("changed")
}

fn is_private(book: &Book, case: &Case) -> bool {
    let mut touched =
        case.incident.affects.iter().filter_map(|impact| book.components.get(&impact.component));
    let is_private = |one: &crate::model::Component| !one.audiences.is_empty();
    touched.clone().next().is_some() && touched.all(|one| is_private(one))
}

/// The fields of an incident that are others than before.
fn changes(old: &Incident, new: &Incident) -> Vec<&'static str> {
    let compared = [
        ("name", old.name != new.name),
        ("description", old.description != new.description),
        ("affects", old.affects != new.affects),
        ("began", old.began != new.began),
        ("ended", old.ended != new.ended),
        ("phase", old.phase != new.phase),
    ];
    compared.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn summary(book: &Book, case: &Case) -> Value {
    let incident = &case.incident;
    let is_whole = is_private(book, case);
    let is_told = |impact: &&crate::model::Impact| {
        let component = book.components.get(&impact.component);
        is_whole || component.is_none_or(|one| one.audiences.is_empty())
    };
    let components: Vec<_> = incident
        .affects
        .iter()
        .filter(is_told)
        .map(|impact| {
            let component = book.components.get(&impact.component);
            json!({
                "id": impact.component,
                "name": component.map(|one| one.title()),
                "labels": component.map(|one| &one.labels),
                "audiences": component.map(|one| &one.audiences),
                "severity": impact.severity,
            })
        })
        .collect();
    json!({
        "incident": incident.id,
        "name": incident.title(),
        "description": incident.description,
        "began": incident.began,
        "ended": incident.ended,
        "phase": incident.phase.and_then(|phase| book.phase_name(phase)),
        "severity": incident.severity(),
        "components": components,
    })
}

/// The entry in the audit log.
pub(crate) fn deed(command: &Command, actor: &str, facts: usize, now: Timestamp) -> Deed {
    Deed {
        at: now,
        actor: lotse_web::text::shown(actor, 200),
        action: command.action().to_owned(),
        object: command.object(),
        outcome: DeedOutcome::Done,
        request_ids: Vec::new(),
        detail: json!({ "facts": facts }),
    }
}
