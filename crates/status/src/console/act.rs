//! From forms to commands. Data to data.

use std::collections::BTreeMap;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;

use crate::book::Book;
use crate::command::{
    BandFields, Command, ComponentFields, ImpactTypeFields, IncidentFields, UpdateFields,
};
use crate::error::Error;
use crate::extra::Template;
use crate::form::Form;
use crate::level::LIMITED;
use crate::model::{Impact, Incident, MAINTENANCE, PhaseRef, WORST};

use super::minute;

/// What a form about an incident asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deed {
    /// What is done, in this order.
    pub(super) commands: Vec<Command>,
    /// Where to look afterwards; the list when there is nothing to look at.
    pub(super) incident: Option<IncidentId>,
}

/// A form about an incident or maintenance; its field `do` says which one.
///
/// # Errors
/// What is typed cannot be meant.
pub(super) fn report(form: &Form, book: &Book, now: Timestamp) -> Result<Deed, Error> {
    let verb = form.get("do").unwrap_or_default();
    if verb == "add" {
        let id = IncidentId::generate();
        let fields = incident(form, book, None, now)?;
        let fields = IncidentFields { began: fields.began.or(Some(now)), ..fields };
        return Ok(Deed { commands: vec![Command::AddIncident(id, fields)], incident: Some(id) });
    }
    let id = id::<IncidentId>(form, "incident")?;
    let change = |fields| Command::ChangeIncident(id, fields);
    let commands = match verb {
        "change" => {
            let before = book.cases.get(&id).map(|case| &case.incident);
            vec![change(incident(form, book, before, now)?)]
        }
        "say" => {
            let mut fields = UpdateFields {
                name: form.said("name").map(str::to_owned),
                description: form.said("text").map(str::to_owned),
                created: moment(form, "created")?,
            };
            if let Some(name) = form.said("template") {
                fields = Template::named(book, name)?.update(book, id, &fields);
            }
            if fields.name.is_none() && fields.description.is_none() {
                return Err(Error::invalid("text", "there is nothing to say"));
            }
            let phase = phase(form, book)?;
            // The phase first, so that the message is told with it.
            let phase =
                phase.map(|_| change(IncidentFields { phase, ..IncidentFields::default() }));
            phase.into_iter().chain([Command::AddUpdate(id, fields)]).collect()
        }
        "close" => {
            let ended = Some(Some(moment(form, "ended")?.unwrap_or(now)));
            let phase = phase(form, book)?;
            vec![change(IncidentFields { ended, phase, ..IncidentFields::default() })]
        }
        "learned" => vec![Command::SetPostmortem(id, form.said("text").map(str::to_owned))],
        "reopen" => {
            vec![change(IncidentFields { ended: Some(None), ..IncidentFields::default() })]
        }
        "remove-update" => {
            let order = form.get("order").and_then(|order| order.parse().ok());
            let order = order.ok_or_else(|| Error::invalid("order", "it is no number"))?;
            vec![Command::RemoveUpdate(id, order)]
        }
        "remove" => {
            return Ok(Deed { commands: vec![Command::RemoveIncident(id)], incident: None });
        }
        _ => return Err(Error::invalid("do", "this is nothing that can be done")),
    };
    Ok(Deed { commands, incident: Some(id) })
}

/// All fields of an incident, as its form shows them. What the form shows less exactly than it is
/// (seconds; several ways in which one component is touched) stays as it is where nobody changed it.
fn incident(
    form: &Form,
    book: &Book,
    before: Option<&Incident>,
    now: Timestamp,
) -> Result<IncidentFields, Error> {
    let is_planned = form.get("kind") == Some("maintenance");
    let name = form.said("name").ok_or_else(|| Error::invalid("name", "a headline is needed"))?;
    let ended = kept(form, "ended", before.and_then(|one| one.ended))?;
    if is_planned && ended.is_none() {
        return Err(Error::invalid("ended", "maintenance needs an end"));
    }
    let began = kept(form, "began", before.and_then(|one| one.began))?;
    Ok(IncidentFields {
        name: Some(name.to_owned()),
        description: Some(form.said("text").unwrap_or_default().to_owned()),
        affects: Some(affects(form, before, is_planned)?),
        began: began.or_else(|| is_planned.then_some(now)),
        ended: Some(ended),
        phase: phase(form, book)?,
    })
}

/// The moment in a field; the one before, to the last digit, when the field still shows it.
pub(super) fn kept(
    form: &Form,
    field: &str,
    before: Option<Timestamp>,
) -> Result<Option<Timestamp>, Error> {
    let said = moment(form, field)?;
    let is_same = before.is_some_and(|before| form.said(field) == Some(&minute(before)));
    Ok(if is_same { before } else { said })
}

/// What the form touches.
fn affects(form: &Form, before: Option<&Incident>, is_planned: bool) -> Result<Vec<Impact>, Error> {
    let wrong = |reason: &str| Error::invalid("affects", reason);
    let kind = match form.said("impact") {
        Some(_) => Some(id::<ImpactTypeId>(form, "impact")?),
        None => None,
    };
    let known = before.map_or(&[][..], |one| one.affects.as_slice());
    let is_kind_kept = kind == known.iter().find_map(|one| one.kind);
    let mut all = Vec::new();
    for (component, severity) in form.beginning("affects.").filter(|(_, said)| !said.is_empty()) {
        let component: ComponentId = component.parse().map_err(|_| wrong("it is no component"))?;
        let said = if is_planned { Ok(MAINTENANCE) } else { severity.parse() };
        let said: u8 = said.map_err(|_| wrong("it is no severity"))?;
        if said > WORST || (said == MAINTENANCE && !is_planned) {
            return Err(wrong("a severity from 1 to 100 is needed"));
        }
        let mut own = known.iter().filter(|one| one.component == component).peekable();
        let is_kept = own.peek().is_some_and(|one| one.severity.unwrap_or(LIMITED) == said);
        if is_kept && is_kind_kept {
            all.extend(own.cloned());
        } else {
            let kind = if is_kind_kept { own.peek().map_or(kind, |one| one.kind) } else { kind };
            all.push(Impact { component, kind, severity: Some(said) });
        }
    }
    Ok(all)
}

pub(super) fn id<T: std::str::FromStr>(form: &Form, field: &str) -> Result<T, Error> {
    let found = form.said(field).and_then(|text| text.parse().ok());
    found.ok_or_else(|| Error::invalid(field, "it is no id"))
}

/// What `<input type="datetime-local">` sends, as UTC; nothing when it is empty.
fn moment(form: &Form, field: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = form.said(field) else { return Ok(None) };
    let seconds = if text.len() == "2026-11-22T07:00".len() { ":00Z" } else { "Z" };
    let parsed = format!("{text}{seconds}").parse();
    parsed
        .map(Some)
        .map_err(|_| Error::invalid(field, "a time of the form 2026-11-22T07:00 is needed"))
}

/// The phase as `GENERATION.ORDER`; nothing when it stays.
fn phase(form: &Form, book: &Book) -> Result<Option<PhaseRef>, Error> {
    let Some(text) = form.said("phase") else { return Ok(None) };
    let found = text.split_once('.').and_then(|(generation, order)| {
        Some(PhaseRef { generation: generation.parse().ok()?, order: order.parse().ok()? })
    });
    let known = found.filter(|phase| book.phase_name(*phase).is_some());
    known.map(Some).ok_or_else(|| Error::not_found("phase", text))
}

/// A form about what the page is made of.
///
/// # Errors
/// What is typed cannot be meant.
pub(super) fn declare(form: &Form) -> Result<Command, Error> {
    let name = || form.said("name").map(str::to_owned);
    let needed = || name().ok_or_else(|| Error::invalid("name", "a name is needed"));
    let about = form.said("about").map(str::to_owned);
    Ok(match form.get("do").unwrap_or_default() {
        "add-component" => Command::AddComponent(ComponentId::generate(), component(form)?),
        "change-component" => Command::ChangeComponent(id(form, "id")?, component(form)?),
        "remove-component" => Command::RemoveComponent(id(form, "id")?),
        "add-impact" => Command::AddImpactType(
            ImpactTypeId::generate(),
            ImpactTypeFields { name: Some(needed()?), description: about },
        ),
        "remove-impact" => Command::RemoveImpactType(id(form, "id")?),
        "add-severity" => {
            let value = form.said("value").and_then(|value| value.parse().ok());
            let value = value.ok_or_else(|| Error::invalid("value", "1 to 100 is needed"))?;
            Command::AddBand(BandFields { name: Some(needed()?), value: Some(value) })
        }
        "remove-severity" => Command::RemoveBand(needed()?),
        "add-phases" => {
            let lines = form.get("phases").unwrap_or_default().lines().map(str::trim);
            let names = lines.filter(|line| !line.is_empty()).map(str::to_owned);
            Command::AddPhases(names.collect())
        }
        _ => return Err(Error::invalid("do", "this is nothing that can be done")),
    })
}

/// A component: its name, region, group, and further labels one a line as `KEY=VALUE`.
fn component(form: &Form) -> Result<ComponentFields, Error> {
    let name = form.said("name").ok_or_else(|| Error::invalid("name", "a name is needed"))?;
    let mut labels = BTreeMap::new();
    for line in form.get("labels").unwrap_or_default().lines().map(str::trim) {
        let pair = line.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        match pair {
            Some((key, value)) => labels.insert(key.trim().to_owned(), value.trim().to_owned()),
            None if line.is_empty() => continue,
            None => return Err(Error::invalid("labels", format!("{line:?} is not KEY=VALUE"))),
        };
    }
    for key in ["region", "group"] {
        if let Some(value) = form.said(key) {
            labels.insert(key.to_owned(), value.to_owned());
        }
    }
    let (name, labels) = (Some(name.to_owned()), Some(labels));
    Ok(ComponentFields { name, labels, ..ComponentFields::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::read(text.as_bytes())
    }

    fn now() -> Timestamp {
        "2026-11-22T07:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_incident_begins_now_or_when_somebody_says() {
        let component = ComponentId::generate();
        let add = format!("do=add&name=Disks&affects.{component}=66&affects.{component}x=&text=");
        let deed = report(&form(&add), &Book::default(), now()).unwrap();
        let [Command::AddIncident(id, fields)] = deed.commands.as_slice() else {
            panic!("{deed:?}")
        };
        assert_eq!((deed.incident, fields.began), (Some(*id), Some(now())));
        let touched = Impact { component, kind: None, severity: Some(66) };
        assert_eq!(fields.affects, Some(vec![touched]));
        let backdated = format!("{add}&began=2026-11-20T10:30&ended=2026-11-20T11:00");
        let deed = report(&form(&backdated), &Book::default(), now()).unwrap();
        let [Command::AddIncident(_, fields)] = deed.commands.as_slice() else {
            panic!("{deed:?}")
        };
        assert_eq!(fields.began.unwrap().to_string(), "2026-11-20T10:30:00Z");
        assert_eq!(fields.ended.flatten().unwrap().to_string(), "2026-11-20T11:00:00Z");
    }

    #[test]
    fn maintenance_needs_an_end_and_touches_without_a_severity() {
        let component = ComponentId::generate();
        let add = format!("do=add&kind=maintenance&name=Switches&affects.{component}=on");
        assert!(report(&form(&add), &Book::default(), now()).is_err());
        let add = format!("{add}&ended=2026-11-23T10:00");
        let deed = report(&form(&add), &Book::default(), now()).unwrap();
        let [Command::AddIncident(_, fields)] = deed.commands.as_slice() else {
            panic!("{deed:?}")
        };
        assert_eq!(fields.affects.as_ref().unwrap()[0].severity, Some(MAINTENANCE));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let id = IncidentId::generate();
        for bad in [
            String::new(),
            "do=add".to_owned(),
            "do=add&name=x&affects.nothing=66".to_owned(),
            format!("do=add&name=x&affects.{}=101", ComponentId::generate()),
            format!("do=add&name=x&affects.{}=0", ComponentId::generate()),
            "do=add&name=x&began=yesterday".to_owned(),
            "do=say&incident=x&text=y".to_owned(),
            format!("do=say&incident={id}"),
            format!("do=close&incident={id}&phase=1.7"),
            format!("do=explode&incident={id}"),
        ] {
            assert!(report(&form(&bad), &Book::default(), now()).is_err(), "{bad}");
        }
        for bad in
            ["", "do=add-component", "do=add-component&name=x&labels=y", "do=add-severity&name=x"]
        {
            assert!(declare(&form(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_of_a_component_come_from_their_fields_and_lines() {
        let form =
            form("do=add-component&name=Nova&region=west&labels=tier%3Dgold%0A%0Azone+%3D+a");
        let Command::AddComponent(_, fields) = declare(&form).unwrap() else { panic!() };
        let labels = fields.labels.unwrap();
        let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(pairs, ["region=west", "tier=gold", "zone=a"]);
    }
}
