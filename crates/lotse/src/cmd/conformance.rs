//! `lotse conformance`: clouds against the SCS standards.

mod cluster;
mod fix;
mod import;
mod looking;
mod render;
mod report;

use std::collections::BTreeSet;
use std::path::Path;

use lotse_conformance::differences::differences;
use lotse_conformance::executable::execute;
use lotse_conformance::judge::{Choice, judge};
use lotse_conformance::kaas::Part;
use lotse_conformance::observe::Reach;
use lotse_conformance::report::upload::Writing;
use lotse_conformance::report::{self as reports, Generation, Run, sshsig, yaml};
use lotse_conformance::snapshot::Answer;
use lotse_conformance::snapshot::seal::Seal;
use lotse_conformance::spec::Spec;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Outcome, Reason, Snapshot, Verdict};
use lotse_core::error::ExitCode;
use lotse_core::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use self::looking::Looking;
use super::image::clouds::{Clouds, Worst};
use crate::cli::conformance::{
    CheckArguments, ConformanceCommand, DiffArguments, ExplainArguments, RecordArguments,
    SourceArguments,
};
use crate::failure::{CommandResult, Error, Failure};
use crate::output;
use crate::settings::conformance::{Source, Upload, given, needs, permit, reach, scope, tempest};
use crate::settings::{Environment, Globals};

/// Runs one of the commands.
pub(super) fn run(
    command: ConformanceCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    super::small_runtime()?.block_on(async {
        match command {
            ConformanceCommand::Check(arguments) => check(&arguments, globals, environment).await,
            ConformanceCommand::Record(arguments) => record(&arguments, globals, environment).await,
            ConformanceCommand::Feeds(arguments) => cluster::feeds(&arguments, globals).await,
            ConformanceCommand::Explain(arguments) => {
                explain(&arguments, globals, environment).await
            }
            ConformanceCommand::Fix(arguments) => fix::run(&arguments, globals, environment).await,
            ConformanceCommand::Report(arguments) => {
                report::run(&arguments, globals, environment).await
            }
            ConformanceCommand::DiffModes(arguments) => {
                diff_modes(&arguments, globals, environment).await
            }
            ConformanceCommand::Import(arguments) => {
                import::run(&arguments, globals, environment).await
            }
        }
    })
}

/// The snapshots to judge: the one that was named, or one of each cloud.
async fn snapshots(
    source: &mut Source,
    needs: BTreeSet<Need>,
    clouds: &Clouds,
    at: (&Globals, &Environment),
) -> Vec<(String, Result<Snapshot, Failure>)> {
    if let Some(snapshot) = source.snapshot.take() {
        return vec![(snapshot.cloud.clone(), Ok(snapshot))];
    }
    if let Some(seen) = cluster::look(&source.cluster, &needs, source.reach).await {
        let name = seen.as_ref().map_or_else(|_| String::new(), |seen| seen.cloud.clone());
        return vec![(name, seen)];
    }
    let looking = Looking::open(needs, source.reach, at).await;
    let work = async |cloud| looking.at(&cloud).await;
    let mut seen = clouds.some_at_once(source.at_once, work).await;
    let managers = match &source.managers {
        Some(names) => looking.managers(clouds, names).await,
        None => Ok(Answer::NotAsked),
    };
    looking.close().await;
    let managers = match managers {
        Ok(managers) => managers,
        // The same for all clouds: it was asked for, and could not be done.
        Err(failure) => return vec![(String::new(), Err(failure))],
    };
    for (_, snapshot) in &mut seen {
        if let Ok(snapshot) = snapshot {
            given(&source.tempest, snapshot);
            snapshot.managers.clone_from(&managers);
        }
    }
    seen
}

/// The ids of the testcases that the chosen versions demand, and that are asked for.
fn demanded<'a>(spec: &'a Spec, choice: &Choice) -> Result<Vec<&'a str>, Failure> {
    let versions = spec.chosen(&choice.versions, choice.at.date())?;
    let all = versions.into_iter().flat_map(lotse_conformance::spec::Version::testcases);
    Ok(all.filter(|id| choice.wants(id)).collect())
}

async fn check(
    arguments: &CheckArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let mode = Mode::from(arguments.mode);
    let mut source = Source::resolve(&arguments.source, SystemClock.now())?;
    let spec = scope(&arguments.source, &source, mode)?;
    note_skipped(&spec, &source, globals);
    let mut choice = source.choice(mode);
    if let Some(pattern) = &arguments.tests {
        choice = choice.only(pattern)?;
    }
    let asked = demanded(&spec, &choice)?;
    let needs = needs(asked.iter().copied());
    let upload = Upload::resolve(&arguments.upload, arguments.key.as_deref(), environment)?;
    let clouds = Clouds::named(globals, environment);
    let several = clouds.are_several() && source.snapshot.is_none();
    let mut worst = Worst::new(globals, several);
    let (mut shown, mut reports) = (Vec::new(), Vec::new());
    for (cloud, snapshot) in snapshots(&mut source, needs, &clouds, (globals, environment)).await {
        let mut snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(failure) => {
                shown.push(worst.failed(&cloud, failure)?);
                continue;
            }
        };
        if let Some(permit) = permit(arguments, &cloud, environment) {
            snapshot.executed = execute(&spec, asked.iter().copied(), &permit).await;
        }
        let outcome = judge(&spec, &snapshot, &choice)?;
        worst.ended(code(&outcome, arguments.tests.is_some()));
        if globals.json() {
            shown.push(render::json(&outcome, &snapshot));
        } else {
            output::data(globals, &render::table(&outcome, globals.verbosity > 0))?;
        }
        reports.push(reported(&outcome, arguments));
    }
    if let Some(path) = &arguments.output {
        write_reports(path, &reports)?;
    }
    if let Some(upload) = upload {
        let text: String = reports.iter().map(yaml::document).collect();
        let monitor = upload.send(&text, Writing::Yaml).await?;
        output::note(globals, &format!("handed in at {monitor}"));
    }
    worst.show(shown)
}

/// What nobody asked for says nothing; all else counts.
fn code(outcome: &Outcome, selected: bool) -> ExitCode {
    let verdict = if selected {
        let judgements = outcome.testcases.values().map(|testcase| &testcase.judgement);
        let asked = judgements.filter(|judgement| judgement.reason != Reason::NotSelected);
        Verdict::worst(asked.map(|judgement| judgement.verdict))
    } else {
        outcome.verdict
    };
    if verdict == Verdict::Pass { ExitCode::Success } else { ExitCode::VerdictsFailed }
}

fn reported(outcome: &Outcome, arguments: &CheckArguments) -> Value {
    let forced = arguments.source.versions.join(",");
    let run = Run {
        uuid: Uuid::new_v4(),
        subject: arguments.subject.as_deref().unwrap_or(&outcome.cloud),
        checked_at: outcome.observed_at,
        forced_version: Some(&*forced).filter(|names| !names.is_empty()),
        forced_tests: arguments.tests.as_deref(),
    };
    let generation = if arguments.report_of_tests { Generation::Tests } else { Generation::Runs };
    reports::report(outcome, &run, generation)
}

fn write_reports(path: &Path, reports: &[Value]) -> Result<(), Failure> {
    let text = match reports {
        [report] if path.extension().is_some_and(|ending| ending == "json") => {
            format!("{report:#}\n")
        }
        reports => reports.iter().map(yaml::document).collect(),
    };
    Ok(write_file(path, &text)?)
}

fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|source| Error::File {
        action: "write",
        path: path.display().to_string(),
        source,
    })
}

fn note_skipped(spec: &Spec, source: &Source, globals: &Globals) {
    match &source.seal {
        Some(Seal::Pinned(comment)) => output::note(globals, &format!("signed by {comment}")),
        Some(Seal::Unknown) => {
            output::note(globals, "signed by somebody; --trusted-keys says whose signature counts");
        }
        Some(Seal::None) | None => {}
    }
    for note in &spec.notes {
        output::note(
            globals,
            &format!("skipped, {}:{}: {}", note.file, note.span.line, note.message),
        );
    }
}

async fn record(
    arguments: &RecordArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let reach = reach(arguments.read_only);
    let parts = Part::ALL.map(Need::Kubernetes).into();
    let results = tempest(&arguments.tempest)?;
    let mut snapshot = match cluster::look(&arguments.cluster, &parts, reach).await {
        Some(snapshot) => snapshot?,
        None => recorded(reach, globals, environment).await?,
    };
    given(&results, &mut snapshot);
    match &arguments.output {
        Some(path) => {
            match arguments.sign.as_deref().map(sshsig::read).transpose()? {
                Some(key) => snapshot.write_sealed(path, &key)?,
                None => snapshot.write(path)?,
            }
            output::note(globals, &format!("wrote {}", path.display()));
        }
        None => output::data(globals, &snapshot.to_text())?,
    }
    Ok(ExitCode::Success)
}

async fn recorded(
    reach: Reach,
    globals: &Globals,
    environment: &Environment,
) -> Result<Snapshot, Failure> {
    let clouds = Clouds::named(globals, environment);
    let (_, cloud) = clouds.each().next().ok_or(Error::NoCloud)?;
    let looking = Looking::open(Need::ALL.into(), reach, (globals, environment)).await;
    let snapshot = looking.at(&cloud?).await;
    looking.close().await;
    snapshot
}

async fn explain(
    arguments: &ExplainArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let mode = Mode::from(arguments.mode);
    let (mut source, spec) = prepared(&arguments.source, mode, globals)?;
    let needs = needs(arguments.testcases.iter().map(String::as_str));
    let clouds = Clouds::named(globals, environment);
    let (_, snapshot) =
        snapshots(&mut source, needs, &clouds, (globals, environment)).await.remove(0);
    let outcome = lotse_conformance::judge::explain(
        &spec,
        &snapshot?,
        &arguments.testcases,
        &source.choice(mode),
    );
    if globals.json() {
        output::json(globals, &json!(outcome))?;
    } else {
        output::data(globals, &render::explained(&outcome))?;
    }
    let verdict = Verdict::worst(outcome.values().map(|testcase| testcase.judgement.verdict));
    Ok(if verdict == Verdict::Pass { ExitCode::Success } else { ExitCode::VerdictsFailed })
}

fn prepared(
    arguments: &SourceArguments,
    mode: Mode,
    globals: &Globals,
) -> Result<(Source, Spec), Failure> {
    let source = Source::resolve(arguments, SystemClock.now())?;
    let spec = scope(arguments, &source, mode)?;
    note_skipped(&spec, &source, globals);
    Ok((source, spec))
}

async fn diff_modes(
    arguments: &DiffArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let (mut source, spec) = prepared(&arguments.source, Mode::Standard, globals)?;
    let needs = needs(demanded(&spec, &source.choice(Mode::Standard))?);
    let clouds = Clouds::named(globals, environment);
    let (_, snapshot) =
        snapshots(&mut source, needs, &clouds, (globals, environment)).await.remove(0);
    let found = differences(&spec, &snapshot?, &source.versions, source.at)?;
    if globals.json() {
        output::json(globals, &json!({ "differences": found }))?;
    } else {
        output::data(globals, &render::differing(&found))?;
        if found.is_empty() {
            output::note(globals, "both readings come to the same verdicts");
        }
    }
    Ok(ExitCode::Success)
}
