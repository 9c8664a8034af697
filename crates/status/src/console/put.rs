//! From the forms of templates, recurring maintenance, audiences and providers to commands. Data to
//! data.

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};

use super::act::{id, kept};
use crate::book::Book;
use crate::command::{Command, ComponentFields};
use crate::error::Error;
use crate::extra::{Audience, Extra, ExtraKey, Schedule, Template, Upstream};
use crate::form::Form;

/// What a form asks for; its field `do` says which one. What is written takes the place of what had
/// the same name.
///
/// # Errors
/// What is typed cannot be meant.
pub(super) fn extra(form: &Form, book: &Book) -> Result<Vec<Command>, Error> {
    let name = || needed(form, "name");
    let put = |extra| Command::PutExtra(Box::new(extra));
    let remove = Command::RemoveExtra;
    Ok(match form.get("do").unwrap_or_default() {
        "put-template" => vec![put(Extra::Template(template(form)?))],
        "remove-template" => vec![remove(ExtraKey::Template(name()?))],
        "put-schedule" => vec![put(Extra::Schedule(schedule(form, book)?))],
        "remove-schedule" => vec![remove(ExtraKey::Schedule(name()?))],
        "put-audience" => {
            let one = audience(form, book)?;
            let seen = seen_by(form, book, &one.name)?;
            std::iter::once(put(Extra::Audience(one))).chain(seen).collect()
        }
        "remove-audience" => vec![remove(ExtraKey::Audience(name()?))],
        "put-upstream" => vec![put(Extra::Upstream(upstream(form, book)?))],
        "remove-upstream" => vec![remove(ExtraKey::Upstream(id(form, "name")?))],
        _ => return Err(Error::invalid("do", "this is nothing that can be done")),
    })
}

/// Whether the form is about what happens at a provider, which those who report may say.
pub(super) fn is_report(form: &Form) -> bool {
    matches!(form.get("do"), Some("put-upstream" | "remove-upstream"))
}

fn needed(form: &Form, field: &'static str) -> Result<String, Error> {
    let said = form.said(field).map(str::to_owned);
    said.ok_or_else(|| Error::invalid(field, "something is needed here"))
}

fn number<T: std::str::FromStr>(form: &Form, field: &'static str) -> Result<Option<T>, Error> {
    let number = |text: &str| text.parse().map_err(|_| Error::invalid(field, "it is no number"));
    form.said(field).map(number).transpose()
}

/// The components that are ticked.
fn components(form: &Form) -> Result<Vec<ComponentId>, Error> {
    let id = |text: &str| text.parse().map_err(|_| Error::invalid("component", "it is no id"));
    form.all("component").map(id).collect()
}

fn text(form: &Form) -> Option<String> {
    form.said("text").map(str::to_owned)
}

fn template(form: &Form) -> Result<Template, Error> {
    let kind = form.said("impact").map(|_| id::<ImpactTypeId>(form, "impact")).transpose()?;
    Ok(Template {
        name: needed(form, "name")?,
        title: form.said("title").map(str::to_owned),
        text: text(form),
        components: components(form)?,
        kind,
        severity: number(form, "severity")?,
    })
}

/// Beginnings that were left out and how far it is planned are not in the form, and stay.
fn schedule(form: &Form, book: &Book) -> Result<Schedule, Error> {
    let name = needed(form, "name")?;
    let known = book.schedules.get(&name).map(AsRef::as_ref);
    let start = kept(form, "start", known.map(|one: &Schedule| one.start))?;
    let absent = |field| move || Error::invalid(field, "something is needed here");
    Ok(Schedule {
        title: needed(form, "title")?,
        text: text(form),
        components: components(form)?,
        start: start.ok_or_else(absent("start"))?,
        zone: form.said("zone").map(str::to_owned),
        minutes: number(form, "minutes")?.ok_or_else(absent("minutes"))?,
        rule: needed(form, "rule")?,
        name,
        ..known.cloned().unwrap_or_default()
    })
}

/// Its secret link stays.
fn audience(form: &Form, book: &Book) -> Result<Audience, Error> {
    let name = needed(form, "name")?;
    let secret = book.audiences.get(&name).and_then(|one| one.secret.clone());
    let lines = form.get("groups").unwrap_or_default().lines().map(str::trim);
    let groups = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    Ok(Audience { name, title: needed(form, "title")?, secret, groups })
}

/// Shows the ticked components to this audience, and the others no longer.
fn seen_by(form: &Form, book: &Book, audience: &str) -> Result<Vec<Command>, Error> {
    let ticked = components(form)?;
    let changed = book.components.values().filter_map(|one| {
        let mut audiences = one.audiences.clone();
        let is_other = if ticked.contains(&one.id) {
            audiences.insert(audience.to_owned())
        } else {
            audiences.remove(audience)
        };
        let fields = ComponentFields { audiences: Some(audiences), ..ComponentFields::default() };
        is_other.then_some(Command::ChangeComponent(one.id, fields))
    });
    Ok(changed.collect())
}

fn upstream(form: &Form, book: &Book) -> Result<Upstream, Error> {
    let named = form.said("name").map(|_| id::<IncidentId>(form, "name")).transpose()?;
    let known = named.and_then(|id| book.upstream.get(&id));
    let url = form.said("url").map(|url| {
        url.parse().map_err(|_| Error::invalid("url", format!("{url:?} is no address")))
    });
    let began = kept(form, "began", known.map(|one| one.began))?;
    Ok(Upstream {
        id: named.unwrap_or_else(IncidentId::generate),
        provider: needed(form, "provider")?,
        title: needed(form, "title")?,
        text: text(form),
        url: url.transpose()?,
        began: began.ok_or_else(|| Error::invalid("began", "something is needed here"))?,
        ended: kept(form, "ended", known.and_then(|one| one.ended))?,
        components: components(form)?,
    })
}
