//! `lotse status subscriber`: who is told when the page changes.

use std::fmt::Write as _;

use lotse_core::error::ExitCode;
use lotse_status::subscribe::model::Shape;
use lotse_status::subscribe::{Digest, Filter, Office, Settings, Subscriber, Way};
use lotse_status::{Desk, Error};
use serde_json::{Value, json};

use super::report::{Reporter, component_of};
use crate::cli::status_report::Kept;
use crate::cli::status_subscriber::{
    AddArguments, DigestArgument, RemoveArguments, ShapeArgument, SubscriberCommand, Whom,
};
use crate::failure::CommandResult;
use crate::output;
use crate::settings::{Environment, Globals};

/// Runs a command about subscribers.
pub(super) async fn run(
    command: SubscriberCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let kept = match &command {
        SubscriberCommand::Add(AddArguments { kept, .. })
        | SubscriberCommand::Remove(RemoveArguments { kept, .. })
        | SubscriberCommand::List(kept)
        | SubscriberCommand::Export(kept) => kept,
    };
    let reporter = Reporter::open(kept, globals, environment).await?;
    let office = Office::new(reporter.desk.store().clone(), reporter.desk.clock().clone());
    match command {
        SubscriberCommand::Add(arguments) => add(&reporter, &office, arguments, globals).await,
        SubscriberCommand::List(Kept { .. }) => list(&office, globals).await,
        SubscriberCommand::Remove(arguments) => {
            remove(&reporter, &office, &arguments.whom, globals).await
        }
        SubscriberCommand::Export(Kept { .. }) => {
            let all = office.all().await?;
            output::json(globals, &Value::Array(all.iter().map(everything).collect()))?;
            Ok(ExitCode::Success)
        }
    }
}

async fn add(
    reporter: &Reporter<'_>,
    office: &Office,
    arguments: AddArguments,
    globals: &Globals,
) -> CommandResult {
    let settings = settings(&reporter.desk, &arguments)?;
    let Whom { mail, webhook, channel } = arguments.whom;
    let way = match (mail, webhook, channel) {
        (Some(address), ..) => Way::mail(&address)?,
        (_, Some(url), _) => Way::webhook(&url)?,
        (.., channel) => Way::Channel(channel.unwrap_or_default()),
    };
    let one = office.add(reporter.actor(), way, settings).await?;
    let is_webhook = matches!(one.way, Way::Webhook(_));
    let secret = is_webhook.then(|| one.signing_secret());
    if globals.json() {
        output::json(globals, &json!({ "id": one.id, "signing_secret": secret }))?;
    } else {
        let mut text = format!("{}\n", one.id);
        if let Some(secret) = secret {
            // Writing to a string cannot fail.
            writeln!(text, "messages are signed with {secret}").ok();
        }
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}

fn settings(desk: &Desk, arguments: &AddArguments) -> Result<Settings, Error> {
    let snapshot = desk.whole();
    let component = |name: &String| component_of(snapshot.book(), name);
    Ok(Settings {
        filter: Filter {
            components: arguments.component.iter().map(component).collect::<Result<_, _>>()?,
            regions: arguments.region.clone(),
            least: arguments.least,
            maintenance: !arguments.no_maintenance,
        },
        digest: match arguments.digest {
            DigestArgument::None => Digest::None,
            DigestArgument::Daily => Digest::Daily,
            DigestArgument::Weekly => Digest::Weekly,
        },
        shape: match arguments.shape {
            ShapeArgument::Standard => Shape::Standard,
            ShapeArgument::Mattermost => Shape::Mattermost,
            ShapeArgument::Slack => Shape::Slack,
            ShapeArgument::Teams => Shape::Teams,
        },
        language: arguments.language.clone(),
    })
}

async fn list(office: &Office, globals: &Globals) -> CommandResult {
    let (all, failing) = (office.all().await?, office.failing().await?);
    if globals.json() {
        let shown = |one: &Subscriber| {
            json!({
                "id": one.id, "way": one.way.word(), "target": one.way.shown(),
                "state": one.state, "settings": one.settings, "since": one.created,
                "failing": failing.get(&one.id),
            })
        };
        output::json(globals, &Value::Array(all.iter().map(shown).collect()))?;
    } else {
        let line = |one: &Subscriber| {
            let (id, state, way) = (one.id, one.state.word(), one.way.word());
            let fails = failing.get(&one.id).map_or_else(String::new, |refusals| {
                let end = if refusals.is_given_up() { "not told any more" } else { "still told" };
                format!("  refused {} times, {end}: {}", refusals.times, refusals.said)
            });
            format!("{id}  {state:<7}  {way:<7}  {}{fails}\n", one.way.shown())
        };
        if all.is_empty() {
            output::note(globals, "nobody is told");
        }
        output::data(globals, &all.iter().map(line).collect::<String>())?;
    }
    Ok(ExitCode::Success)
}

async fn remove(
    reporter: &Reporter<'_>,
    office: &Office,
    whom: &str,
    globals: &Globals,
) -> CommandResult {
    let all = office.all().await?;
    let is_meant = |one: &&Subscriber| one.id.to_string() == whom || one.way.target() == whom;
    let one = all.iter().find(is_meant).ok_or_else(|| Error::not_found("subscriber", whom))?;
    office.remove(reporter.actor(), one.id).await?;
    if globals.json() {
        output::json(globals, &json!({ "done": true }))?;
    } else {
        output::data(globals, "done\n")?;
    }
    Ok(ExitCode::Success)
}

/// All that is known of somebody but the secret of their links.
fn everything(one: &Subscriber) -> Value {
    json!({
        "id": one.id, "way": one.way.word(), "target": one.way.target(), "state": one.state,
        "settings": one.settings, "since": one.created, "asked": one.asked,
    })
}
