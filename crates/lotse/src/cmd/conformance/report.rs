//! `lotse conformance report`: results in the forms of others.

use lotse_conformance::judge::judge;
use lotse_conformance::report::attest::{Issue, credential, envelope, statement};
use lotse_conformance::report::sshsig::{self, SigningKey, sign_report};
use lotse_conformance::report::upload::Writing;
use lotse_conformance::report::{Generation, Run, forms, page, report, yaml};
use lotse_conformance::{Mode, Outcome, Snapshot, Verdict};
use lotse_core::error::ExitCode;
use lotse_core::id::RunId;
use serde_json::Value;
use uuid::Uuid;

use super::{demanded, needs, prepared, snapshots, write_file};
use crate::cli::conformance::{Form, ReportArguments};
use crate::cmd::image::clouds::Clouds;
use crate::failure::CommandResult;
use crate::output;
use crate::settings::conformance::Upload;
use crate::settings::{Environment, Globals};

/// Judges, and writes what came of it.
pub(super) async fn run(
    arguments: &ReportArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let mode = Mode::from(arguments.mode);
    let key = arguments.key.as_deref().map(sshsig::read).transpose()?;
    let upload = Upload::resolve(&arguments.upload, arguments.key.as_deref(), environment)?;
    let writing = match arguments.form {
        Form::Json => Writing::Json,
        _ => Writing::Yaml,
    };
    let (mut source, spec) = prepared(&arguments.source, mode, globals)?;
    let choice = source.choice(mode);
    let needs = needs(demanded(&spec, &choice)?);
    let clouds = Clouds::named(globals, environment);
    let (_, snapshot) =
        snapshots(&mut source, needs, &clouds, (globals, environment)).await.remove(0);
    let snapshot = snapshot?;
    let outcome = judge(&spec, &snapshot, &choice)?;
    let text = written(arguments, &outcome, &snapshot, key.as_ref());
    match &arguments.output {
        Some(path) => write_file(path, &text)?,
        None => output::data(globals, &text)?,
    }
    if let Some(upload) = upload {
        let monitor = match arguments.form {
            // It is signed already: whoever uploads has a key.
            Form::Yaml | Form::Json => upload.hand_in(&text, writing).await?,
            _ => upload.send(&yaml::document(&monitored(arguments, &outcome)), writing).await?,
        };
        output::note(globals, &format!("handed in at {monitor}"));
    }
    // The report is what was asked for; whether the cloud conforms stands in it.
    let done = outcome.verdict == Verdict::Pass || arguments.output.is_some();
    Ok(if done { ExitCode::Success } else { ExitCode::VerdictsFailed })
}

/// The report as monitors take it.
fn monitored(arguments: &ReportArguments, outcome: &Outcome) -> Value {
    let forced = arguments.source.versions.join(",");
    let run = Run {
        uuid: Uuid::new_v4(),
        subject: arguments.subject.as_deref().unwrap_or(&outcome.cloud),
        checked_at: outcome.observed_at,
        forced_version: Some(&*forced).filter(|names| !names.is_empty()),
        forced_tests: None,
    };
    let generation = if arguments.of_tests { Generation::Tests } else { Generation::Runs };
    report(outcome, &run, generation)
}

fn written(
    arguments: &ReportArguments,
    outcome: &Outcome,
    snapshot: &Snapshot,
    key: Option<&SigningKey>,
) -> String {
    let subject = arguments.subject.as_deref().unwrap_or(&outcome.cloud);
    let signed = |text: String| key.map_or(text.clone(), |key| sign_report(key, &text));
    match arguments.form {
        Form::Yaml => signed(yaml::document(&monitored(arguments, outcome))),
        Form::Json => signed(format!("{:#}\n", monitored(arguments, outcome))),
        Form::Junit => forms::junit(outcome, RunId::generate()),
        Form::Sarif => format!("{:#}\n", forms::sarif(outcome)),
        Form::Html => page::html(outcome),
        Form::Badge => page::badge(outcome),
        Form::InToto => {
            let statement = statement(outcome, snapshot.to_text().as_bytes());
            let value = key.map_or_else(|| statement.clone(), |key| envelope(&statement, key));
            format!("{value:#}\n")
        }
        Form::Credential => {
            let issuer = arguments.issuer.as_deref().unwrap_or_default();
            let from = outcome.observed_at;
            // As long as a result of a week counts.
            let until = lotse_conformance::spec::Lifetime::Week.expires(from.date());
            let until = until.map(|day| day.at(0, 0, 0, 0));
            let issue = Issue { issuer, subject, from, until };
            key.map_or_else(String::new, |key| credential(outcome, &issue, key) + "\n")
        }
    }
}
