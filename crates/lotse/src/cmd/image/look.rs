//! Commands that only look: list, verify, history.

use std::collections::BTreeMap;

use jiff::civil::Date;
use lotse_core::error::ExitCode;
use lotse_images::history::Chapter;
use lotse_images::inventory::{Entry, inventory};
use lotse_images::verify::{Content, Verified};
use lotse_images::{Catalog, history, verify};
use lotse_openstack::Cloud;
use lotse_store::Store;
use lotse_store::audit::AuditFilter;
use serde_json::{Value, json};

use super::clouds::{Clouds, Worst};
use super::columns::columns;
use super::{Work, settings};
use crate::cli::image::{HistoryArguments, SelectArguments};
use crate::failure::{CommandResult, Failure};
use crate::settings::{Environment, Globals, state};
use crate::{daemon, output};

/// Desired and actual side by side.
pub(super) async fn list(
    select: SelectArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let work = Work::prepare(settings(select, globals)?)?;
    let clouds = Clouds::named(globals, environment);
    let looked = clouds.all(async |cloud: Cloud| entries(&work, cloud).await).await;
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    for (name, entries) in looked {
        match entries {
            Err(failure) => shown.push(worst.failed(&name, failure)?),
            Ok(entries) if globals.json() => {
                let images = entries.iter().map(|entry| listed(entry, work.settings.options.today));
                shown.push(json!({ "cloud": name, "images": images.collect::<Vec<_>>() }));
            }
            Ok(entries) => {
                heading(globals, &clouds, &name)?;
                output::data(globals, &listing(&entries, work.settings.options.today))?;
            }
        }
    }
    worst.show(shown)
}

async fn entries(work: &Work, cloud: Cloud) -> Result<Vec<Entry>, Failure> {
    let observed = work.observe(&cloud).await?;
    let plan = lotse_images::plan(&work.catalog, &observed, &work.settings.options)?;
    let mut entries = inventory(&work.catalog, &observed, &plan);
    if work.settings.filter.is_some() {
        // What is filtered out is declared, but not what was asked about.
        let ours = wanted_names(&work.catalog);
        entries.retain(|entry| {
            let description =
                entry.actual.get("properties").and_then(|all| all.get("image_description"));
            let description = description.and_then(Value::as_str).unwrap_or_default();
            entry.declared.is_some() || ours.iter().any(|name| name == description)
        });
    }
    Ok(entries)
}

fn wanted_names(catalog: &Catalog) -> Vec<String> {
    catalog.enabled().map(|definition| definition.description().to_owned()).collect()
}

fn listed(entry: &Entry, today: Date) -> Value {
    let mut value = json!(entry);
    value["age_days"] = json!(entry.age_in_days(today));
    value
}

fn listing(entries: &[Entry], today: Date) -> String {
    let text = |entry: &Entry, field: &str| {
        entry.actual.get(field).and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    let rows: Vec<[String; 7]> = entries
        .iter()
        .map(|entry| {
            [
                entry.name.clone(),
                text(entry, "version"),
                entry.standing.to_string(),
                text(entry, "status"),
                text(entry, "visibility"),
                entry.age_in_days(today).map_or_else(|| "-".to_owned(), |days| format!("{days} d")),
                entry.declared.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect();
    columns(["NAME", "VERSION", "STANDING", "STATUS", "VISIBILITY", "AGE", "DECLARED"], &rows)
}

/// Whether the images are what was declared; 4 when one is not.
pub(super) async fn verified(
    select: SelectArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let work = Work::prepare(settings(select, globals)?)?;
    let clouds = Clouds::named(globals, environment);
    let looked = clouds
        .all(async |cloud: Cloud| {
            let mut observed = work.observe(&cloud).await?;
            let options = &work.settings.options;
            let plan = lotse_images::plan(&work.catalog, &observed, options)?;
            lotse_images::observe::vouched(&work.catalog, options, &mut observed).await;
            Ok(verify(&work.catalog, &observed, &plan))
        })
        .await;
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    for (name, verdicts) in looked {
        let verdicts: Vec<Verified> = match verdicts {
            Ok(verdicts) => verdicts,
            Err(failure) => {
                shown.push(worst.failed(&name, failure)?);
                continue;
            }
        };
        let failed = verdicts.iter().filter(|one| !one.passed).count();
        worst.ended(if failed > 0 { ExitCode::VerdictsFailed } else { ExitCode::Success });
        if globals.json() {
            shown.push(json!({ "cloud": name, "failed": failed, "images": verdicts }));
        } else {
            heading(globals, &clouds, &name)?;
            output::data(globals, &verdicts_text(&verdicts))?;
        }
    }
    worst.show(shown)
}

fn verdicts_text(verdicts: &[Verified]) -> String {
    let rows: Vec<[String; 3]> = verdicts
        .iter()
        .map(|one| {
            let content = match &one.content {
                Content::Verified => "content verified".to_owned(),
                Content::Differs { .. } => "content differs".to_owned(),
                Content::Unknown(reason) => format!("content not verified: {reason}"),
            };
            let said = if one.passed { content } else { one.problems.join("; ") };
            [one.name.clone(), if one.passed { "pass" } else { "fail" }.to_owned(), said]
        })
        .collect();
    columns(["NAME", "VERDICT", "WHY"], &rows)
}

/// Which builds there were, and what was done to them.
pub(super) async fn told(
    arguments: HistoryArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let HistoryArguments { name: wanted, select } = arguments;
    let work = Work::prepare(settings(select, globals)?)?;
    let clouds = Clouds::named(globals, environment);
    let looked = clouds
        .all(async |cloud: Cloud| Ok(history(&work.catalog, &work.observe(&cloud).await?)))
        .await;
    let mut worst = Worst::new(globals, clouds.are_several());
    let mut shown = Vec::new();
    let mut deeds = deeds(globals, environment).await?;
    for (name, lives) in looked {
        let lives = match lives {
            Ok(lives) => lives,
            Err(failure) => {
                shown.push(worst.failed(&name, failure)?);
                continue;
            }
        };
        let meant = |life: &str| wanted.as_deref().is_none_or(|wanted| wanted == life);
        let lives: Vec<_> = lives.into_iter().filter(|(life, _)| meant(life)).collect();
        let deeds = deeds.remove(&name).unwrap_or_default();
        if globals.json() {
            shown.push(json!({ "cloud": name, "definitions": lives_json(&lives, &deeds) }));
        } else {
            heading(globals, &clouds, &name)?;
            output::data(globals, &lives_text(&lives, &deeds))?;
        }
    }
    worst.show(shown)
}

/// What the audit log of this machine knows, the newest first, by cloud: the object and the rest.
type Deeds = BTreeMap<String, Vec<(String, Value)>>;

/// So many entries of the audit log are looked through.
const MOST_DEEDS: u32 = 1000;

async fn deeds(globals: &Globals, environment: &Environment) -> Result<Deeds, Failure> {
    // Looking makes no state where there is none.
    if globals.config.is_none() && !environment.state_directory().exists() {
        return Ok(Deeds::new());
    }
    let store: Store = daemon::open_state(&state(globals, environment)?).await?;
    let filter = AuditFilter { action: Some("image.".to_owned()), ..AuditFilter::default() };
    let entries = store.audit_search(&filter, None, MOST_DEEDS).await;
    store.close().await;
    let mut deeds = Deeds::new();
    for entry in entries? {
        let deed = entry.deed;
        let Some((cloud, object)) = deed.object.split_once("/image/") else { continue };
        let said = json!({
            "at": deed.at.to_string(), "actor": deed.actor, "action": deed.action,
            "outcome": deed.outcome, "name": object,
        });
        deeds.entry(cloud.to_owned()).or_default().push((object.to_owned(), said));
    }
    Ok(deeds)
}

/// Whether a deed concerns images of this definition: they bear its name, or one that begins so.
fn concerns(life: &str, object: &str) -> bool {
    object
        .strip_prefix(life)
        .is_some_and(|rest| rest.is_empty() || !rest.starts_with(char::is_alphanumeric))
}

fn lives_json(lives: &[(String, Vec<Chapter>)], deeds: &[(String, Value)]) -> Vec<Value> {
    let one = |(name, chapters): &(String, Vec<Chapter>)| {
        let done = deeds.iter().filter(|(object, _)| concerns(name, object));
        let done: Vec<&Value> = done.map(|(_, said)| said).collect();
        json!({ "name": name, "images": chapters, "deeds": done })
    };
    lives.iter().map(one).collect()
}

fn lives_text(lives: &[(String, Vec<Chapter>)], deeds: &[(String, Value)]) -> String {
    let mut text = String::new();
    for (name, chapters) in lives {
        if chapters.is_empty() {
            continue;
        }
        let rows: Vec<[String; 7]> = chapters
            .iter()
            .map(|one| {
                [
                    one.created_at.clone(),
                    one.version.clone(),
                    one.build_date.clone().unwrap_or_else(|| "-".to_owned()),
                    one.role.to_owned(),
                    one.status.to_owned(),
                    if one.hidden { "hidden".to_owned() } else { one.visibility.to_owned() },
                    one.name.clone(),
                ]
            })
            .collect();
        let heading = ["CREATED", "VERSION", "BUILT", "ROLE", "STATUS", "SEEN BY", "NAME"];
        text.push_str(&columns(heading, &rows));
        let word = |said: &Value, key: &str| said[key].as_str().unwrap_or_default().to_owned();
        let done: Vec<[String; 5]> = deeds
            .iter()
            .rev()
            .filter(|(object, _)| concerns(name, object))
            .map(|(_, said)| {
                ["at", "actor", "action", "outcome", "name"].map(|key| word(said, key))
            })
            .collect();
        if !done.is_empty() {
            text.push_str(&columns(["DONE", "BY", "WHAT", "OUTCOME", "NAME"], &done));
        }
        text.push('\n');
    }
    text
}

/// Which cloud comes now, where there are several.
fn heading(globals: &Globals, clouds: &Clouds, name: &str) -> Result<(), Failure> {
    if clouds.are_several() {
        output::data(globals, &format!("cloud {name}\n"))?;
    }
    Ok(())
}
