//! The images as pages: all clouds, the images of one cloud, one image with its history.

use std::str::FromStr;

use askama::Template;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::change::Policy;
use lotse_web::access::TASK_REQUEST;
use lotse_web::api::paging;
use lotse_web::api::reading::{Fields, PathWord, PathWords, Words};
use lotse_web::console::Console;
use lotse_web::extension::Route;
use lotse_web::problem::Problem;
use lotse_web::text::{encoded, shown};
use lotse_web::{Layout, When, page};
use serde::Deserialize;
use serde_json::Value;

use super::timeline::{self, Build};
use super::{DEEDS, Gallery, get, no_such_image, post};
use crate::inventory::{Entry, Standing};
use crate::store::{ImageDeed, Select};

/// Images on a page.
const PAGE: u32 = 50;
/// The longest value of a field, in characters.
const LONGEST_VALUE: usize = 300;

pub(super) fn routes(gallery: &Gallery) -> Vec<Route> {
    vec![
        get("/images", gallery, clouds),
        post("/images", gallery, look_now),
        get("/images/{cloud}", gallery, list),
        get("/images/{cloud}/{*name}", gallery, show),
    ]
}

#[derive(Template)]
#[template(path = "images.html")]
struct AllClouds {
    layout: Layout,
    policy: &'static str,
    clouds: Vec<CloudView>,
    may_look: bool,
    asked: Option<String>,
}

struct CloudView {
    name: String,
    href: String,
    looked: Option<When>,
    counts: Vec<CountView>,
    drift: i64,
    notes: Vec<String>,
}

/// How many images stand how, with the list of them.
struct CountView {
    standing: &'static str,
    count: i64,
    href: String,
}

/// What is done about differences, as people read it.
const fn in_words(policy: Policy) -> &'static str {
    match policy {
        Policy::Observe => "reported and left as they are",
        Policy::Propose => "proposed, and made good once they are approved",
        Policy::Apply => "made good at once",
    }
}

/// What the page of the clouds is told in its address.
#[derive(Debug, Deserialize)]
struct CloudsQuery {
    asked: Option<String>,
}

async fn clouds(
    Shared(gallery): Shared<Gallery>,
    console: Console,
    Words(query): Words<CloudsQuery>,
) -> Result<Response, Problem> {
    let looks = gallery.looks().await?;
    let clouds = gallery.clouds.iter().map(|cloud| {
        let look = looks.iter().find(|look| look.cloud == *cloud);
        let href = format!("/images/{}", encoded(cloud));
        let count = |standing: Standing| {
            look.and_then(|look| look.counts.get(standing.word())).copied().unwrap_or(0)
        };
        let counts = Standing::ALL.into_iter().filter(|standing| count(*standing) > 0);
        CloudView {
            name: shown(cloud, 120),
            looked: look.map(|look| When::from(look.at)),
            counts: counts
                .map(|standing| CountView {
                    standing: standing.word(),
                    count: count(standing),
                    href: format!("{href}?standing={standing}"),
                })
                .collect(),
            drift: Standing::ALL.into_iter().filter(|one| is_drift(*one)).map(count).sum(),
            notes: look
                .map(|look| look.notes.iter().take(20).map(|note| shown(note, 400)).collect())
                .unwrap_or_default(),
            href,
        }
    });
    let asked = query.asked.filter(|cloud| gallery.known(cloud).is_ok());
    Ok(page(&AllClouds {
        layout: console.layout("Images").live(),
        policy: in_words(gallery.policy),
        clouds: clouds.collect(),
        may_look: console.may_write(&TASK_REQUEST),
        asked: asked.map(|cloud| shown(&cloud, 120)),
    }))
}

/// Whether such an image is not as it is declared.
const fn is_drift(standing: Standing) -> bool {
    matches!(standing, Standing::Missing | Standing::Importing | Standing::Differs)
}

/// The form behind the button of a cloud.
#[derive(Debug, Deserialize)]
struct LookForm {
    cloud: String,
}

async fn look_now(
    Shared(gallery): Shared<Gallery>,
    console: Console,
    Fields(form): Fields<LookForm>,
) -> Result<Response, Problem> {
    gallery.known(&form.cloud)?;
    console.activate(&crate::task::name_of(&form.cloud)).await?;
    Ok(Redirect::to(&format!("/images?asked={}", encoded(&form.cloud))).into_response())
}

#[derive(Template)]
#[template(path = "images_cloud.html")]
struct List {
    layout: Layout,
    cloud: String,
    href: String,
    name: String,
    standings: Vec<(&'static str, bool)>,
    is_filtered: bool,
    is_later_page: bool,
    rows: Vec<Row>,
    first: String,
    next: Option<String>,
}

struct Row {
    href: String,
    name: String,
    id: String,
    standing: &'static str,
    class: &'static str,
    status: String,
    visibility: String,
    version: String,
    differs: String,
}

const fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Converged => "good",
        Standing::Missing | Standing::Differs => "bad",
        Standing::Importing | Standing::Undeclared => "open",
    }
}

impl Row {
    fn new(cloud: &str, entry: &Entry) -> Self {
        let fact = |name: &str| entry.actual.get(name).map(text).unwrap_or_default();
        let fields = entry.changes.iter().filter_map(|change| change["field"].as_str());
        let fields: Vec<_> = fields.take(6).map(|field| shown(field, 60)).collect();
        let rest = entry.changes.len() - fields.len();
        let differs = match (entry.standing, rest) {
            // All fields of what is missing would be in the list.
            (Standing::Missing, _) => String::new(),
            (_, 0) => fields.join(", "),
            (_, rest) => format!("{} and {rest} more", fields.join(", ")),
        };
        Self {
            href: format!("/images/{}/{}", encoded(cloud), encoded(&entry.name)),
            name: shown(&entry.name, 200),
            id: shown(entry.image.as_deref().unwrap_or_default(), 40),
            standing: entry.standing.word(),
            class: class(entry.standing),
            status: fact("status"),
            visibility: fact("visibility"),
            version: fact("version"),
            differs,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown(text, LONGEST_VALUE),
        other => shown(&other.to_string(), LONGEST_VALUE),
    }
}

/// Images of one definition that are looked through for its builds.
const BUILDS: u32 = 1000;

/// What the list is told in its address.
#[derive(Debug, Deserialize)]
struct ListQuery {
    standing: Option<String>,
    name: Option<String>,
    after: Option<i64>,
}

async fn list(
    Shared(gallery): Shared<Gallery>,
    console: Console,
    PathWord(cloud): PathWord,
    Words(query): Words<ListQuery>,
) -> Result<Response, Problem> {
    gallery.known(&cloud)?;
    let standing = query.standing.as_deref().and_then(|word| Standing::from_str(word).ok());
    let name = shown(query.name.as_deref().unwrap_or_default().trim(), 200);
    let after = query.after.unwrap_or(0).max(0);
    let select = Select { standing, name: name.clone(), after, limit: PAGE + 1 };
    let found = gallery.shelf.entries(&cloud, select).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (found, last) = paging::split(found, PAGE, |(place, _)| *place);
    let href = format!("/images/{}", encoded(&cloud));
    let word = standing.map_or("", Standing::word);
    let first = format!("{href}?standing={word}&name={}", encoded(&name));
    Ok(page(&List {
        layout: console.layout(&format!("Images on {}", shown(&cloud, 120))),
        cloud: shown(&cloud, 120),
        href,
        standings: Standing::ALL.map(|each| (each.word(), standing == Some(each))).to_vec(),
        is_filtered: standing.is_some() || !name.is_empty(),
        name,
        is_later_page: after > 0,
        rows: found.iter().map(|(_, entry)| Row::new(&cloud, entry)).collect(),
        next: last.map(|place| format!("{first}&after={place}")),
        first,
    }))
}

#[derive(Template)]
#[template(path = "image.html")]
struct One {
    layout: Layout,
    cloud: String,
    href: String,
    json: String,
    entries: Vec<EntryView>,
    builds: Vec<Build>,
    deeds: Vec<DeedView>,
}

struct EntryView {
    id: String,
    standing: &'static str,
    class: &'static str,
    declared: String,
    reason: String,
    fields: Vec<(String, String, String)>,
    facts: Vec<(String, String)>,
    properties: Vec<(String, String)>,
}

struct DeedView {
    when: When,
    action: String,
    outcome: String,
    change: Option<String>,
    by: String,
    request_id: String,
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        let fields = entry.changes.iter().map(|change| {
            let field = change["field"].as_str().unwrap_or_default();
            (shown(field, 120), text(&change["before"]), text(&change["after"]))
        });
        let pair = |(name, value): (&String, &Value)| (shown(name, 120), text(value));
        let (properties, facts): (Vec<_>, Vec<_>) =
            entry.actual.iter().partition(|(name, _)| *name == "properties");
        let properties = properties.iter().filter_map(|(_, all)| all.as_object()).flatten();
        Self {
            id: shown(entry.image.as_deref().unwrap_or_default(), 40),
            standing: entry.standing.word(),
            class: class(entry.standing),
            declared: shown(entry.declared.as_deref().unwrap_or_default(), 300),
            reason: shown(&entry.reason, 400),
            fields: fields.collect(),
            facts: facts.into_iter().map(pair).filter(|(_, text)| !text.is_empty()).collect(),
            properties: properties.map(pair).collect(),
        }
    }
}

impl From<&ImageDeed> for DeedView {
    fn from(deed: &ImageDeed) -> Self {
        Self {
            when: deed.at.into(),
            action: shown(&deed.action, 40),
            outcome: shown(&deed.outcome, 80),
            change: deed.change.map(|change| change.to_string()),
            by: shown(deed.by.as_deref().unwrap_or_default(), 120),
            request_id: shown(deed.request_id.as_deref().unwrap_or_default(), 80),
        }
    }
}

async fn show(
    Shared(gallery): Shared<Gallery>,
    console: Console,
    PathWords((cloud, name)): PathWords<(String, String)>,
) -> Result<Response, Problem> {
    gallery.known(&cloud)?;
    let entries = gallery.shelf.named(&cloud, &name).await;
    let entries = entries.map_err(|error| Problem::of_store(&error))?;
    let deeds = gallery.shelf.deeds(&cloud, &name, DEEDS).await;
    let deeds = deeds.map_err(|error| Problem::of_store(&error))?;
    if entries.is_empty() && deeds.is_empty() {
        return Err(no_such_image(&cloud, &name));
    }
    let builds = match entries.iter().find_map(timeline::definition) {
        Some(definition) => {
            let select = Select { name: definition.to_owned(), limit: BUILDS, ..Select::default() };
            let family = gallery.shelf.entries(&cloud, select).await;
            let family = family.map_err(|error| Problem::of_store(&error))?;
            let family: Vec<Entry> = family.into_iter().map(|(_, entry)| entry).collect();
            timeline::builds(&family, definition, &cloud, &name)
        }
        None => Vec::new(),
    };
    let href = format!("/images/{}", encoded(&cloud));
    Ok(page(&One {
        layout: console.layout(&shown(&name, 200)),
        cloud: shown(&cloud, 120),
        json: format!("/api/v1{href}/{}", encoded(&name)),
        href,
        entries: entries.iter().map(EntryView::from).collect(),
        builds,
        deeds: deeds.iter().map(DeedView::from).collect(),
    }))
}
