//! `lotse status import|export|sla`: the page as documents.

use std::path::Path;

use lotse_core::error::ExitCode;
use lotse_status::archive::Archive;
use lotse_status::command::{Command, Notice};
use lotse_status::report::Report;
use lotse_status::sla::Policy;
use lotse_status::{Error, foreign};
use serde_json::json;

use super::report::Reporter;
use crate::cli::status_report::{ExportArguments, From, ImportArguments, SlaArguments};
use crate::failure::{CommandResult, Error as Trouble, Failure};
use crate::output;
use crate::settings::{Environment, Globals};

/// Writes everything to standard output.
pub(super) async fn export(
    arguments: &ExportArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
    output::data(globals, &Archive::whole(&reporter.desk).await?.to_json())?;
    Ok(ExitCode::Success)
}

/// Puts documents on an empty page.
pub(super) async fn import(
    arguments: &ImportArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let archive = taken(arguments).await?;
    let (components, incidents) = (archive.components.len(), archive.incidents.len());
    let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
    reporter.perform(&Command::Restore(Box::new(archive)), Notice::Nobody).await?;
    if globals.json() {
        output::json(globals, &json!({ "components": components, "incidents": incidents }))?;
    } else {
        let text = format!("imported {components} components and {incidents} incidents\n");
        output::data(globals, &text)?;
    }
    Ok(ExitCode::Success)
}

/// What the documents, or the database, hold.
async fn taken(arguments: &ImportArguments) -> Result<Archive, Failure> {
    let files = arguments.files.as_slice();
    let texts = || files.iter().map(|file| read(file)).collect::<Result<Vec<_>, Failure>>();
    Ok(match (arguments.from, files) {
        (From::Statuspage, _) => foreign::statuspage(&texts()?)?,
        (From::Cachet, _) => foreign::cachet(&texts()?)?,
        (From::Lotse, [file]) => Archive::read(&read(file)?)?,
        (From::Scs, [url]) => foreign::scs(&url.to_string_lossy()).await?,
        (From::Kuma, [file]) if file.extension().is_some_and(|end| end == "json") => {
            foreign::kuma_backup(&read(file)?)?
        }
        (From::Kuma, [file]) => foreign::kuma(file).await?,
        (From::Lotse | From::Scs | From::Kuma, _) => {
            return Err(Error::invalid("FILE", "one is needed, no more").into());
        }
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let trouble =
        |source| Trouble::File { action: "read", path: path.display().to_string(), source };
    Ok(std::fs::read(path).map_err(trouble)?)
}

/// Reports a month.
pub(super) async fn sla(
    arguments: &SlaArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let policy = if arguments.count_maintenance {
        Policy::CountMaintenance
    } else {
        Policy::ExcludeMaintenance
    };
    let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
    if arguments.close {
        let close = Command::CloseMonth(arguments.month.clone(), policy);
        reporter.perform(&close, Notice::Everybody).await?;
    }
    let now = reporter.desk.clock().now();
    let report = Report::of(
        reporter.desk.whole().book(),
        &reporter.desk.measured(),
        &arguments.month,
        policy,
        now,
    );
    let report = report
        .ok_or_else(|| Error::invalid("--month", "a month that has begun is needed, as YYYY-MM"))?;
    if arguments.csv {
        output::data(globals, &report.csv())?;
    } else if globals.json() {
        output::json(globals, &json!(report))?;
    } else {
        let row = |row: &lotse_status::report::Row| {
            let (down, maintenance) = (row.seconds.down / 60, row.seconds.maintenance / 60);
            let region = if row.region.is_empty() { "" } else { &format!(" ({})", row.region) };
            format!(
                "{:>8} %  {}{region}: {down} min down, {maintenance} min of maintenance\n",
                row.available, row.name
            )
        };
        output::data(globals, &report.components.iter().map(row).collect::<String>())?;
    }
    Ok(ExitCode::Success)
}
