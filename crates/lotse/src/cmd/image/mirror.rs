//! `lotse image mirror`: what the catalogue declares, kept in a folder or a bucket.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use lotse_core::error::{ExitCode, chain};
use lotse_images::copies::{Event, Keeper, Needed, Needs, Outcome, Watcher, needs};
use lotse_plan::NoteKind;
use lotse_transfer::Mirror;
use lotse_transfer::mirror::Index;
use serde_json::{Value, json};

use super::apply::downloads;
use crate::cli::image::{ContentArguments, SelectArguments};
use crate::cli::image_mirror::MirrorArguments;
use crate::failure::CommandResult;
use crate::settings::{Environment, Globals};
use crate::{daemon, output};

/// Fetches what is missing, and removes what is superfluous if that is agreed to.
pub(super) async fn run(
    arguments: MirrorArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let MirrorArguments { images, filter, to, parallel, per_host, prune, yes } = arguments;
    let content = ContentArguments::default();
    let select = SelectArguments { images, tag: None, filter, content };
    let settings = super::settings(select, globals)?;
    let catalog = settings.catalog()?;
    let mirror = Arc::new(daemon::mirror(&to, environment)?);
    let observed = lotse_images::observe::published(&catalog, &settings.options).await;
    let needs = needs(&catalog, &observed, &settings.options);
    let keeper = Keeper {
        mirror: mirror.clone(),
        downloads: downloads(globals, environment)?,
        parallel: parallel.into(),
        per_host: per_host.into(),
    };
    let cancelled = daemon::cancelled_by_signal()?;
    let watcher = watcher(globals.clone());
    let work = cancelled.run_until_cancelled(keeper.keep(&needs.files, &watcher)).await;
    let Some(files) = work else {
        output::note(globals, "stopped; what has arrived is kept, and the next run goes on");
        return Ok(ExitCode::Failed);
    };
    let mut report = Report {
        to,
        files: files?,
        superfluous: Vec::new(),
        removed: Vec::new(),
        troubles: Vec::new(),
        needs,
    };
    if prune {
        report.prune(&mirror, yes, mirror.index().await?).await;
    }
    if globals.json() {
        output::json(globals, &report.json())?;
    } else {
        output::data(globals, &report.text())?;
    }
    Ok(report.code())
}

/// Lines on standard error: what begins, each quarter of what is large, what fails.
fn watcher(globals: Globals) -> Watcher {
    let quarters: Mutex<BTreeMap<String, u64>> = Mutex::default();
    Arc::new(move |event| match event {
        Event::Begun(file) => {
            output::note(&globals, &format!("{}: fetched from {}", file.name, file.source));
        }
        Event::Advanced(name, progress) => {
            let Some(total) = progress.total.filter(|total| *total >= 64 << 20) else { return };
            let quarter = progress.have.saturating_mul(4) / total;
            let mut quarters = quarters.lock().unwrap_or_else(PoisonError::into_inner);
            let told = quarters.entry(name.to_owned()).or_default();
            if quarter > *told && quarter < 4 {
                *told = quarter;
                output::note(&globals, &format!("{name}: {} % of {total} bytes", quarter * 25));
            }
        }
        Event::Ended(file, Outcome::Failed { reason }) => {
            output::note(&globals, &format!("{}: {reason}", file.name));
        }
        Event::Ended(file, _) => output::note(&globals, &format!("{}: kept", file.name)),
    })
}

/// What came of a run.
struct Report {
    to: String,
    needs: Needs,
    files: Vec<(Needed, Outcome)>,
    superfluous: Vec<String>,
    removed: Vec<String>,
    troubles: Vec<String>,
}

impl Report {
    /// Finds what no definition needs, and removes it with consent.
    async fn prune(&mut self, mirror: &Mirror, yes: bool, index: Index) {
        self.superfluous = self.needs.superfluous(&index);
        for name in self.superfluous.iter().filter(|_| yes) {
            match mirror.remove(name).await {
                Ok(()) => self.removed.push(name.clone()),
                Err(error) => {
                    self.troubles.push(format!("{name} is not removed: {}", chain(&error)));
                }
            }
        }
    }

    fn code(&self) -> ExitCode {
        let failed =
            self.files.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }));
        let open =
            |note: &lotse_plan::Note| matches!(note.kind, NoteKind::Refused | NoteKind::Waiting);
        if failed || !self.troubles.is_empty() || self.needs.notes.iter().any(open) {
            ExitCode::Failed
        } else {
            ExitCode::Success
        }
    }

    fn json(&self) -> Value {
        let files = self.files.iter().map(|(file, outcome)| {
            let mut value = json!(file);
            let more = json!(outcome);
            if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
                value.extend(more);
                value.insert("verified".to_owned(), file.checksum.is_some().into());
            }
            value
        });
        json!({
            "mirror": self.to,
            "files": files.collect::<Vec<_>>(),
            "notes": self.needs.notes,
            "superfluous": self.superfluous,
            "removed": self.removed,
            "troubles": self.troubles,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let (mut kept, mut there, mut failed) = (0, 0, 0);
        for (file, outcome) in &self.files {
            let line = match outcome {
                Outcome::There => {
                    there += 1;
                    continue;
                }
                Outcome::Kept { copy } => {
                    kept += 1;
                    let verified = match &file.checksum {
                        Some(_) => "verified",
                        None => "not verified: no checksum is declared",
                    };
                    format!("kept    {}  ({} bytes, {verified})", file.name, copy.size)
                }
                Outcome::Failed { reason } => {
                    failed += 1;
                    format!("failed  {}  ({reason})", file.name)
                }
            };
            line_of(&mut text, &line);
        }
        for note in &self.needs.notes {
            line_of(&mut text, &format!("left    {}  ({})", note.subject, note.text));
        }
        for name in &self.superfluous {
            let removed = self.removed.contains(name);
            let what = if removed { "removed" } else { "unused " };
            line_of(&mut text, &format!("{what} {name}"));
        }
        for trouble in &self.troubles {
            line_of(&mut text, trouble);
        }
        let unused = self.superfluous.len() - self.removed.len();
        let hint = if unused > 0 && self.removed.is_empty() {
            format!("; {unused} are needed no more, --prune --yes removes them")
        } else {
            String::new()
        };
        line_of(
            &mut text,
            &format!("{kept} fetched, {there} were there, {failed} failed in {}{hint}", self.to),
        );
        text
    }
}

fn line_of(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    writeln!(text, "{line}").unwrap_or_default();
}
