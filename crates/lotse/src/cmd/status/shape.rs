//! `lotse status component|impact-type|severity|phase`: what a page is made of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lotse_core::id::{ComponentId, ImpactTypeId};
use lotse_status::Error;
use lotse_status::book::Book;
use lotse_status::command::{BandFields, Command, ComponentFields, ImpactTypeFields, Notice};
use lotse_status::model::ImpactType;
use serde_json::json;

use super::report::{Reporter, component_of};
use crate::cli::status_report::OneArguments;
use crate::cli::status_shape::{
    AddArguments, ChangeArguments, ComponentCommand, ImpactTypeArguments, ImpactTypeChange,
    ImpactTypeCommand, PhaseArguments, PhaseCommand, SeverityArguments, SeverityChange,
    SeverityCommand,
};
use crate::failure::CommandResult;
use crate::settings::{Environment, Globals};

/// Runs a command about components.
pub(super) async fn component(
    command: ComponentCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        ComponentCommand::Add(AddArguments { kept, .. })
        | ComponentCommand::Change(ChangeArguments { kept, .. })
        | ComponentCommand::Remove(OneArguments { kept, .. })
        | ComponentCommand::List(kept) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    let whole = reporter.desk.whole();
    let book = whole.book();
    let command = match command {
        ComponentCommand::Add(AddArguments { name, label, .. }) => {
            let labels = Some(labels(&label)?);
            let fields = ComponentFields { name: Some(name), labels, audiences: None };
            Command::AddComponent(ComponentId::generate(), fields)
        }
        ComponentCommand::Change(arguments) => {
            let id = component_of(book, &arguments.id)?;
            Command::ChangeComponent(id, changed(book, id, arguments)?)
        }
        ComponentCommand::Remove(OneArguments { id, .. }) => {
            Command::RemoveComponent(component_of(book, &id)?)
        }
        ComponentCommand::List(_) => return components(&reporter, book),
    };
    reporter.done(command, Notice::Everybody).await
}

fn components(reporter: &Reporter<'_>, book: &Book) -> CommandResult {
    let components = book.in_order();
    let mut text = String::new();
    for one in &components {
        let labels = one.labels.iter();
        let labels = labels.fold(String::new(), |all, (key, value)| all + " " + key + "=" + value);
        // Writing to a string cannot fail.
        writeln!(text, "{}  {}{labels}", one.id, one.title()).ok();
    }
    let components: Vec<_> = components.into_iter().map(AsRef::as_ref).collect();
    reporter.say(&json!(components), &text)
}

/// Labels that were said as `KEY=VALUE`.
fn labels(said: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let label = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let wrong = || Error::invalid("--label", format!("{text:?} is not KEY=VALUE"));
        pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(wrong)
    };
    said.iter().map(label).collect()
}

/// The component as it is, with what was said of it.
fn changed(book: &Book, id: ComponentId, said: ChangeArguments) -> Result<ComponentFields, Error> {
    let mut all = book.components.get(&id).map(|one| one.labels.clone()).unwrap_or_default();
    for key in &said.without {
        if all.remove(key).is_none() {
            return Err(Error::invalid("--without", format!("it has no label {key:?}")));
        }
    }
    all.extend(labels(&said.label)?);
    Ok(ComponentFields { name: said.name, labels: Some(all), audiences: None })
}

/// Runs a command about impact types.
pub(super) async fn impact_type(
    command: ImpactTypeCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        ImpactTypeCommand::Add(ImpactTypeArguments { kept, .. })
        | ImpactTypeCommand::Change(ImpactTypeChange { kept, .. })
        | ImpactTypeCommand::Remove(OneArguments { kept, .. })
        | ImpactTypeCommand::List(kept) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    let whole = reporter.desk.whole();
    let book = whole.book();
    let command = match command {
        ImpactTypeCommand::Add(ImpactTypeArguments { name, text, .. }) => {
            let fields = ImpactTypeFields { name: Some(name), description: text };
            Command::AddImpactType(ImpactTypeId::generate(), fields)
        }
        ImpactTypeCommand::Change(ImpactTypeChange { id, name, text, .. }) => {
            let fields = ImpactTypeFields { name, description: text };
            Command::ChangeImpactType(impact_type_of(book, &id)?, fields)
        }
        ImpactTypeCommand::Remove(OneArguments { id, .. }) => {
            Command::RemoveImpactType(impact_type_of(book, &id)?)
        }
        ImpactTypeCommand::List(_) => {
            let all: Vec<&ImpactType> = book.impact_types.values().map(AsRef::as_ref).collect();
            let mut text = String::new();
            for one in &all {
                let about = one.description.as_ref().map(|about| format!("  {about}"));
                // Writing to a string cannot fail.
                writeln!(text, "{}  {}{}", one.id, one.name, about.unwrap_or_default()).ok();
            }
            return reporter.say(&json!(all), &text);
        }
    };
    reporter.done(command, Notice::Everybody).await
}

/// The impact type of this id or name.
pub(super) fn impact_type_of(book: &Book, text: &str) -> Result<ImpactTypeId, Error> {
    let known = |one: &&ImpactType| one.id.to_string() == text || one.name == text;
    let found = book.impact_types.values().map(AsRef::as_ref).find(known);
    found.map(|one| one.id).ok_or_else(|| Error::not_found("impact type", text))
}

/// Runs a command about names of severities.
pub(super) async fn severity(
    command: SeverityCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        SeverityCommand::Add(SeverityArguments { kept, .. })
        | SeverityCommand::Change(SeverityChange { kept, .. })
        | SeverityCommand::Remove(OneArguments { kept, .. })
        | SeverityCommand::List(kept) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    let command = match command {
        SeverityCommand::Add(SeverityArguments { name, value, .. }) => {
            Command::AddBand(BandFields { name: Some(name), value: Some(value) })
        }
        SeverityCommand::Change(SeverityChange { id, name, up_to, .. }) => {
            Command::ChangeBand(id, BandFields { name, value: up_to })
        }
        SeverityCommand::Remove(OneArguments { id, .. }) => Command::RemoveBand(id),
        SeverityCommand::List(_) => {
            let whole = reporter.desk.whole();
            let all = whole.book().bands_by_value();
            let mut text = String::new();
            for one in &all {
                // Writing to a string cannot fail.
                writeln!(text, "{}  up to {}", one.name, one.value).ok();
            }
            return reporter.say(&json!(all), &text);
        }
    };
    reporter.done(command, Notice::Everybody).await
}

/// Runs a command about phases.
pub(super) async fn phase(
    command: PhaseCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        PhaseCommand::Set(PhaseArguments { names, kept }) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            reporter.done(Command::AddPhases(names), Notice::Everybody).await
        }
        PhaseCommand::List(kept) => {
            let reporter = Reporter::open(&kept, globals, environment).await?;
            let whole = reporter.desk.whole();
            let (generation, names) = whole.book().newest_phases();
            let text = names.iter().fold(String::new(), |all, name| all + name + "\n");
            reporter.say(&json!({ "generation": generation, "phases": names }), &text)
        }
    }
}
