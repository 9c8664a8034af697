//! `lotse image latest --check-age`: how old builds are, and what ends.

use std::fmt::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use lotse_core::error::ExitCode;
use lotse_core::time::{Clock as _, SystemClock};
use lotse_upstream::{Age, Ages, Answer, Catalogue, EndOfLife, Phase, Request, ages};

use crate::cli::image_latest::LatestArguments;
use crate::failure::{CommandResult, Error, Failure};
use crate::output;
use crate::settings::Globals;

/// Tells ages; 4 when something is too old or has ended.
pub(super) async fn run(
    arguments: &LatestArguments,
    catalogue: &Catalogue,
    chosen: &[usize],
    globals: &Globals,
) -> CommandResult {
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let data = data(&arguments.end_of_life, today, globals).await?;
    let definitions: Vec<_> = chosen.iter().map(|place| &catalogue.definitions[*place]).collect();
    let ages = ages(&definitions, &catalogue.definitions, &data, today, arguments.max_age);
    if globals.json() {
        // Plain data: our own types serialise.
        output::json(globals, &serde_json::to_value(&ages).unwrap_or_default())?;
    } else {
        output::data(globals, &text(&ages))?;
    }
    Ok(if ages.failed() { ExitCode::VerdictsFailed } else { ExitCode::Success })
}

/// The dates that were asked for: files first, then what refreshes single products.
async fn data(
    given: &[String],
    today: jiff::civil::Date,
    globals: &Globals,
) -> Result<EndOfLife, Failure> {
    let is_product = |text: &str| {
        text.split_once('=').is_some_and(|(name, _)| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
    };
    let mut data = EndOfLife::built_in()?;
    for file in given.iter().filter(|text| !is_product(text)) {
        data = EndOfLife::load(Path::new(file))?;
    }
    let wrong = |reason: String| Error::Setting { key: "--end-of-life", reason };
    for text in given.iter().filter(|text| is_product(text)) {
        let Some((product, place)) = text.split_once('=') else { continue };
        let json = if place.starts_with("https://") || place.starts_with("http://") {
            let client = super::client(globals)?;
            let answer = client.ask(&Request::Text(place.to_owned()), place).await;
            match answer.map_err(|error| wrong(error.to_string()))? {
                Answer::Text(text) => text,
                Answer::File(_) | Answer::Hash(_) => String::new(),
            }
        } else {
            let unreadable =
                |source| Error::File { action: "read", path: place.to_owned(), source };
            std::fs::read_to_string(place).map_err(unreadable)?
        };
        let refreshed = data.refresh(product, &json, today);
        refreshed.map_err(|error| wrong(format!("{place}: {error}")))?;
    }
    Ok(data)
}

fn text(ages: &Ages) -> String {
    let width = ages.ages.iter().map(|age| age.definition.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for age in &ages.ages {
        let built = match age.days {
            None => format!("{}: when it was built is not known", age.version),
            Some(days) if age.too_old => format!("{}: {days} days old, too old", age.version),
            Some(days) => format!("{}: {days} days old", age.version),
        };
        // Writing to a string cannot fail.
        writeln!(text, "{:width$}  {built}{}", age.definition, end(age)).ok();
    }
    for missing in &ages.missing {
        let (product, release) = (&missing.product, &missing.release);
        writeln!(text, "{product} {release} is out and has no definition").ok();
    }
    writeln!(text, "ends of life as of {}", ages.state).ok();
    text
}

fn end(age: &Age) -> String {
    let Some(end) = &age.end else { return String::new() };
    let (release, days) = (format!("{} {}", end.product, end.release), end.days);
    match end.phase {
        Phase::Supported => String::new(),
        Phase::EndsSoon => format!("; {release} ends in {days} days, on {}", end.eol),
        Phase::Extended => {
            let until = end.extended.map(|date| date.to_string()).unwrap_or_default();
            format!("; {release} ended on {}, extended support until {until}", end.eol)
        }
        Phase::Ended => format!("; {release} ended on {}", end.eol),
    }
}
