//! `lotse status template|recurring|audience|upstream|postmortem`: what a page has beyond incidents.

use std::path::Path;

use lotse_core::id::{ComponentId, IncidentId};
use lotse_status::command::{Command, ComponentFields, Notice};
use lotse_status::extra::{Audience, Extra, ExtraKey, Schedule, Template, Upstream};
use lotse_status::{Error, private};
use serde::Serialize;
use serde_json::json;

use super::report::{Reporter, component_of, incident_id, told};
use crate::cli::status_more::{
    AudienceArguments, AudienceCommand, PostmortemArguments, RecurringArguments, RecurringCommand,
    ShowArguments, TemplateArguments, TemplateCommand, UpstreamArguments, UpstreamCommand,
};
use crate::cli::status_report::OneArguments;
use crate::failure::CommandResult;
use crate::settings::{Environment, Globals};

type Opened<'a> = Reporter<'a>;

fn components(reporter: &Opened<'_>, names: &[String]) -> Result<Vec<ComponentId>, Error> {
    let whole = reporter.desk.whole();
    names.iter().map(|name| component_of(whole.book(), name)).collect()
}

async fn put(reporter: &Opened<'_>, extra: Extra) -> CommandResult {
    reporter.done(Command::PutExtra(Box::new(extra)), Notice::Everybody).await
}

async fn remove(reporter: &Opened<'_>, key: ExtraKey) -> CommandResult {
    reporter.done(Command::RemoveExtra(key), Notice::Everybody).await
}

/// Says all of them: a line each, or the documents.
fn list<T: Serialize>(
    reporter: &Opened<'_>,
    all: impl Iterator<Item = T>,
    line: impl Fn(&T) -> String,
) -> CommandResult {
    let all: Vec<T> = all.collect();
    let text: String = all.iter().map(line).collect();
    reporter.say(&json!(all), &text)
}

pub(super) async fn template(
    command: TemplateCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        TemplateCommand::Set(arguments) => {
            let TemplateArguments { name, title, text, affects, severity, kept } = arguments;
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let components = components(&reporter, &affects)?;
            let one = Template { name, title, text, components, kind: None, severity };
            put(&reporter, Extra::Template(one)).await
        }
        TemplateCommand::List(kept) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let whole = reporter.desk.whole();
            let line = |one: &&Template| {
                format!("{}  {}\n", one.name, one.title.as_deref().unwrap_or_default())
            };
            list(&reporter, whole.book().templates.values().map(AsRef::as_ref), line)
        }
        TemplateCommand::Remove(OneArguments { id, kept, .. }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            remove(&reporter, ExtraKey::Template(id)).await
        }
    }
}

pub(super) async fn recurring(
    command: RecurringCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        RecurringCommand::Set(arguments) => {
            let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
            let components = components(&reporter, &arguments.affects)?;
            let RecurringArguments { name, title, text, start, zone, minutes, rule, .. } =
                arguments;
            let (except, through) = (Vec::new(), None);
            let one = Schedule {
                name,
                title,
                text,
                components,
                start,
                zone,
                minutes,
                rule,
                except,
                through,
            };
            put(&reporter, Extra::Schedule(one)).await
        }
        RecurringCommand::List(kept) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let whole = reporter.desk.whole();
            let line = |one: &&Schedule| format!("{}  {}: {}\n", one.name, one.title, one.rule);
            list(&reporter, whole.book().schedules.values().map(AsRef::as_ref), line)
        }
        RecurringCommand::Remove(OneArguments { id, kept, .. }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            remove(&reporter, ExtraKey::Schedule(id)).await
        }
    }
}

pub(super) async fn audience(
    command: AudienceCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        AudienceCommand::Set(AudienceArguments { name, title, link, group, no_groups, kept }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let before = reporter.desk.whole().book().audiences.get(&name).cloned();
            let fresh = if link { Some(private::fresh()?) } else { None };
            let before = before.as_deref().cloned().unwrap_or_default();
            let secret = fresh.as_deref().map(private::sum).or(before.secret);
            let named = no_groups || !group.is_empty();
            let groups = if named { group.into_iter().collect() } else { before.groups };
            let one = Extra::Audience(Audience { name, title, secret, groups });
            let Some(fresh) = fresh else { return put(&reporter, one).await };
            reporter.perform(&Command::PutExtra(Box::new(one)), Notice::Everybody).await?;
            let path = format!("/p/{fresh}/en/");
            reporter.say(&json!({ "link": path }), &format!("{path}\n"))
        }
        AudienceCommand::Show(ShowArguments { component, audiences, kept }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let id = component_of(reporter.desk.whole().book(), &component)?;
            let audiences = Some(audiences.into_iter().collect());
            let fields = ComponentFields { audiences, ..ComponentFields::default() };
            reporter.done(Command::ChangeComponent(id, fields), Notice::Nobody).await
        }
        AudienceCommand::List(kept) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let whole = reporter.desk.whole();
            let shown = whole.book().audiences.values().map(|one| {
                let link = one.secret.is_some();
                json!({ "name": one.name, "title": one.title, "link": link, "groups": one.groups })
            });
            let line = |one: &serde_json::Value| {
                let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
                let groups = one["groups"].as_array().into_iter().flatten();
                let groups: Vec<_> = groups.filter_map(serde_json::Value::as_str).collect();
                format!("{}  {}  {}\n", text("name"), text("title"), groups.join(", "))
            };
            list(&reporter, shown, line)
        }
        AudienceCommand::Remove(OneArguments { id, kept, .. }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            remove(&reporter, ExtraKey::Audience(id)).await
        }
    }
}

pub(super) async fn upstream(
    command: UpstreamCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        UpstreamCommand::Add(arguments) => {
            let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
            let components = components(&reporter, &arguments.affects)?;
            let UpstreamArguments { provider, title, text, url, began, .. } = arguments;
            let (id, began) = (IncidentId::generate(), began.unwrap_or_else(|| reporter.now()));
            let one = Upstream { id, provider, title, text, url, began, ended: None, components };
            let command = Command::PutExtra(Box::new(Extra::Upstream(one)));
            reporter.perform(&command, Notice::Everybody).await?;
            reporter.say(&json!({ "id": id }), &format!("{id}\n"))
        }
        UpstreamCommand::Close(OneArguments { id, kept, .. }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let id = incident_id(&id)?;
            let whole = reporter.desk.whole();
            let known = whole.book().upstream.get(&id);
            let mut one = Upstream::clone(known.ok_or_else(|| Error::not_found("upstream", id))?);
            one.ended = Some(reporter.now());
            put(&reporter, Extra::Upstream(one)).await
        }
        UpstreamCommand::List(kept) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let whole = reporter.desk.whole();
            let line = |one: &&Upstream| {
                let ended = one.ended.map_or_else(|| "open".to_owned(), |at| format!("{at:.0}"));
                format!(
                    "{}  {:.0} – {ended}\n    {}: {}\n",
                    one.id, one.began, one.provider, one.title
                )
            };
            list(&reporter, whole.book().upstream.values().map(AsRef::as_ref), line)
        }
        UpstreamCommand::Remove(OneArguments { id, kept, .. }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            remove(&reporter, ExtraKey::Upstream(incident_id(&id)?)).await
        }
    }
}

/// Publishes a post-mortem, or takes it back.
pub(super) async fn postmortem(
    arguments: &PostmortemArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let read = |file: &Path| super::moving::read(file);
    let text = arguments.file.as_deref().map(read).transpose()?;
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
    let command = Command::SetPostmortem(incident_id(&arguments.id)?, text);
    reporter.done(command, told(arguments.silent)).await
}
