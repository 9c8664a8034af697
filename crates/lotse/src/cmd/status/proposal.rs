//! `lotse status proposal`: what monitors suggest, decided from a terminal.

use std::fmt::Write as _;
use std::sync::Arc;

use lotse_core::error::ExitCode;
use lotse_status::Error;
use lotse_status::detect::config::Detection;
use lotse_status::detect::{Change, Detector, Proposal, ProposalId, Secrets, State};
use serde_json::json;

use super::report::{Reporter, impact};
use crate::cli::status_proposal::{EditProposal, ListProposals, ProposalCommand};
use crate::cli::status_report::Kept;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::{Environment, Globals};

/// So many proposals are listed.
const MOST: u32 = 200;

/// Runs one of the commands.
pub(super) async fn run(
    command: ProposalCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        ProposalCommand::List(arguments) => list(&arguments, globals, environment).await,
        ProposalCommand::Show(one) => {
            let (detector, _) = open(&one.kept, globals, environment).await?;
            show(globals, &detector.get(id(&one.id)?).await?)
        }
        ProposalCommand::Confirm(one) => {
            let (detector, actor) = open(&one.kept, globals, environment).await?;
            let id = id(&one.id)?;
            show(globals, &detector.speak(&actor, id, &Change::Confirm, &one.note).await?)
        }
        ProposalCommand::Dismiss(one) => {
            let (detector, actor) = open(&one.kept, globals, environment).await?;
            let id = id(&one.id)?;
            show(globals, &detector.speak(&actor, id, &Change::Dismiss, &one.note).await?)
        }
        ProposalCommand::Edit(arguments) => edit(arguments, globals, environment).await,
    }
}

/// To decide, no rules are needed: they say when something is proposed.
async fn open(
    kept: &Kept,
    globals: &Globals,
    environment: &Environment,
) -> Result<(Detector, String), Failure> {
    let Reporter { desk, actor, .. } = Reporter::open(kept, globals, environment).await?;
    Ok((Detector::new(Arc::new(desk), Detection::default(), Secrets::default()), actor))
}

fn id(text: &str) -> Result<ProposalId, Error> {
    text.parse().map_err(|_| Error::invalid("ID", format!("{text:?} is no UUID")))
}

async fn list(
    arguments: &ListProposals,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let (detector, _) = open(&arguments.kept, globals, environment).await?;
    let mut found = detector.latest(MOST).await?;
    found.retain(|one| arguments.all || (one.state == State::Open && one.is_live()));
    if globals.json() {
        output::json(globals, &json!(found))?;
        return Ok(ExitCode::Success);
    }
    if found.is_empty() {
        output::note(globals, "nothing waits for a decision");
    }
    output::data(globals, &found.iter().map(line).collect::<String>())?;
    Ok(ExitCode::Success)
}

fn line(one: &Proposal) -> String {
    let until = match one.publish_at.filter(|_| one.state == State::Open) {
        Some(at) => format!("; published {at:.0} unless dismissed"),
        None => String::new(),
    };
    let over = one.over.map_or_else(String::new, |over| format!("; over since {over:.0}"));
    format!(
        "{}  {}, began {:.0}{until}{over}\n    {}\n",
        one.id,
        one.state.word(),
        one.began,
        one.draft.name
    )
}

fn show(globals: &Globals, one: &Proposal) -> CommandResult {
    if globals.json() {
        output::json(globals, &json!(one))?;
        return Ok(ExitCode::Success);
    }
    let mut text = line(one);
    // Writing to a string cannot fail.
    writeln!(text, "    {}", one.draft.text).ok();
    for (component, severity) in &one.draft.affects {
        writeln!(text, "    touches {component} with severity {severity}").ok();
    }
    for evidence in &one.evidence {
        writeln!(text, "    {}: {}, since {:.0}", evidence.source, evidence.title, evidence.since)
            .ok();
        writeln!(text, "        {}", evidence.detail).ok();
    }
    output::data(globals, &text)?;
    Ok(ExitCode::Success)
}

async fn edit(
    arguments: EditProposal,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let (detector, actor) = open(&arguments.kept, globals, environment).await?;
    let whole = detector.desk().whole();
    let pair = |text: &String| {
        let impact = impact(whole.book(), text)?;
        Ok((impact.component, impact.severity.unwrap_or_default()))
    };
    let affects: Result<_, Error> = arguments.affects.iter().map(pair).collect();
    let affects = Some(affects?).filter(|_| !arguments.affects.is_empty());
    let change = Change::Edit { name: arguments.name, text: arguments.text, affects };
    show(globals, &detector.speak(&actor, id(&arguments.id)?, &change, "").await?)
}
