//! `lotse notify`: try channels, look at what became of notifications, send dead letters again.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use lotse_core::error::{ExitCode, chain};
use lotse_notify::Courier;
use lotse_notify::model::{Delivery, State};
use serde_json::json;

use super::serve::CONFIG;
use crate::capability::notify;
use crate::cli::notify::{ListArguments, ListedState, NotifyCommand, ResendArguments};
use crate::daemon;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};

/// Runs one of the commands.
pub(super) fn run(
    command: NotifyCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    super::small_runtime()?.block_on(async {
        let courier = courier(globals, environment).await?;
        match command {
            NotifyCommand::Test(arguments) => test(&courier, &arguments.channel, globals).await,
            NotifyCommand::List(arguments) => list(&courier, &arguments, globals).await,
            NotifyCommand::Resend(arguments) => resend(&courier, arguments, globals).await,
        }
    })
}

/// With the state and the channels of the daemon, which may be at work.
async fn courier(globals: &Globals, environment: &Environment) -> Result<Courier, Failure> {
    let path = globals.config.clone().unwrap_or_else(|| PathBuf::from(CONFIG));
    let config = Config::read(&path)?.value;
    let channels = notify::channels(&config, environment)?;
    let store = daemon::open_state(&config.store_url(environment)?).await?;
    Ok(notify::courier(&Arc::new(store), channels))
}

async fn test(courier: &Courier, channel: &str, globals: &Globals) -> CommandResult {
    let outcomes = courier.test(channel).await?;
    let failed = outcomes.iter().any(|(_, outcome)| outcome.is_err());
    if globals.json() {
        let outcome = |(recipient, outcome): &(String, Result<String, _>)| match outcome {
            Ok(said) => json!({ "recipient": recipient, "sent": true, "said": said }),
            Err(error) => json!({ "recipient": recipient, "sent": false, "said": chain(error) }),
        };
        let outcomes: Vec<_> = outcomes.iter().map(outcome).collect();
        output::json(globals, &json!({ "channel": channel, "outcomes": outcomes }))?;
    } else {
        let mut text = String::new();
        for (recipient, outcome) in &outcomes {
            let whom = if recipient.is_empty() { channel } else { recipient };
            // Writing to a string cannot fail.
            match outcome {
                Ok(said) => writeln!(text, "{whom}: sent ({said})"),
                Err(error) => writeln!(text, "{whom}: not sent: {}", chain(error)),
            }
            .ok();
        }
        output::data(globals, &text)?;
    }
    Ok(if failed { ExitCode::Failed } else { ExitCode::Success })
}

async fn list(courier: &Courier, arguments: &ListArguments, globals: &Globals) -> CommandResult {
    let state = match arguments.state {
        ListedState::Waiting => State::Waiting,
        ListedState::Sent => State::Sent,
        ListedState::Dead => State::Dead,
    };
    let deliveries = courier.list(state, None, arguments.limit).await?;
    if globals.json() {
        output::json(globals, &json!({ "state": state, "deliveries": deliveries }))?;
    } else {
        output::data(globals, &lines(&deliveries))?;
        if deliveries.is_empty() {
            output::note(globals, &format!("no notification is {state}"));
        }
    }
    Ok(ExitCode::Success)
}

/// Three lines for each: what is needed to find it, what it is about, and what came of it.
fn lines(deliveries: &[Delivery]) -> String {
    let mut text = String::new();
    for delivery in deliveries {
        let Delivery { id, channel, recipient, attempts, created, .. } = delivery;
        let title = delivery.items.first().map_or("", |item| item.notice.title.as_str());
        let more = delivery.items.len().saturating_sub(1) + delivery.omitted as usize;
        let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let whom = if recipient.is_empty() { String::new() } else { format!(" to {recipient}") };
        let said = delivery.said.as_deref().unwrap_or("not tried yet");
        // Writing to a string cannot fail.
        write!(
            text,
            "{id}  {created:.0}  {channel}{whom}\n    {title}{and_more}\n    attempts: {attempts}; \
             {said}\n"
        )
        .ok();
    }
    text
}

async fn resend(courier: &Courier, arguments: ResendArguments, globals: &Globals) -> CommandResult {
    /// How many are looked for at once.
    const PAGE: u32 = 500;
    let mut revived = Vec::new();
    if arguments.all {
        loop {
            // Those that wait again are no longer among them.
            let dead = courier.list(State::Dead, None, PAGE).await?;
            if dead.is_empty() {
                break;
            }
            for delivery in dead {
                let id = delivery.id.to_string();
                courier.revive(&id).await?;
                revived.push(id);
            }
        }
    }
    for id in arguments.ids {
        courier.revive(&id).await?;
        revived.push(id);
    }
    if globals.json() {
        output::json(globals, &json!({ "resent": revived }))?;
    } else {
        let text = match revived.len() {
            1 => "1 notification waits to be sent again\n".to_owned(),
            n => format!("{n} notifications wait to be sent again\n"),
        };
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}
