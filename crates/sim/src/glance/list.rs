//! Listing images: filters, sorting, paging.

use std::cmp::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::access::{self, Authenticated};
use super::model::{Image, Visibility};
use super::refusal::Refusal;
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// Page size when none is asked for (`limit_param_default`).
const PAGE: usize = 25;
/// No page is larger (`api_limit_max`).
const MOST: usize = 1000;

const SORT_KEYS: &[&str] = &[
    "name",
    "status",
    "container_format",
    "disk_format",
    "size",
    "id",
    "created_at",
    "updated_at",
];

/// Names in the query that are no filters.
const PAGING: &[&str] =
    &["limit", "marker", "sort", "sort_key", "sort_dir", "tag", "member_status"];

/// `GET /v2/images`.
pub(crate) async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let limit = limit(&query)?;
    let order = Order::parse(&query)?;
    let filter = Filter::parse(&query)?;
    let images = world.images();
    let mut found: Vec<&Image> =
        images.by_id.values().filter(|image| filter.accepts(image, &caller)).collect();
    found.sort_by(|a, b| order.compare(a, b));
    let start = match query.get("marker") {
        None => 0,
        Some(marker) => {
            let mark = access::find(&images, marker, &caller)
                .map_err(|_| Refusal::bad(format!("No image found with ID {marker}")))?;
            found.partition_point(|image| order.compare(image, mark) != Ordering::Greater)
        }
    };
    let page = &found[start..found.len().min(start + limit)];
    let own = |name: &&str| *name != "marker";
    let pairs = || query.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let without_marker = || pairs().filter(|(name, _)| own(name));
    let mut body = json!({"images": page.iter().map(|image| image.render()).collect::<Value>()});
    body["first"] = json!(address(&Query::encode(without_marker())));
    if let Some(last) = page.last().filter(|_| page.len() == limit) {
        let next = without_marker().chain([("marker", last.id.as_str())]);
        body["next"] = json!(address(&Query::encode(next)));
    }
    body["schema"] = json!("/v2/schemas/images");
    Ok(axum::Json(body).into_response())
}

fn address(query: &str) -> String {
    if query.is_empty() { "/v2/images".to_owned() } else { format!("/v2/images?{query}") }
}

/// The page size.
pub(crate) fn limit(query: &Query) -> Result<usize, Refusal> {
    let Some(asked) = query.get("limit") else { return Ok(PAGE) };
    let limit: i64 =
        asked.trim().parse().map_err(|_| Refusal::bad("limit param must be an integer"))?;
    let limit = usize::try_from(limit).map_err(|_| Refusal::bad("limit param must be positive"))?;
    Ok(limit.min(MOST))
}

/// The order of a list: keys and whether each is descending.
struct Order(Vec<(String, bool)>);

impl Order {
    fn parse(query: &Query) -> Result<Self, Refusal> {
        let mut keys = if let Some(sort) = query.get("sort") {
            if query.get("sort_key").is_some() || query.get("sort_dir").is_some() {
                return Err(Refusal::bad("Old and new sorting syntax cannot be combined"));
            }
            sort.trim().split(',').map(Self::key).collect::<Result<Vec<_>, _>>()?
        } else {
            Self::classic(query)?
        };
        let default = keys.last().is_none_or(|(_, descending)| *descending);
        for key in ["created_at", "id"] {
            if !keys.iter().any(|(known, _)| known == key) {
                keys.push((key.to_owned(), default));
            }
        }
        Ok(Self(keys))
    }

    /// One `key:direction`.
    fn key(text: &str) -> Result<(String, bool), Refusal> {
        let (key, direction) = text.split_once(':').unwrap_or((text, "desc"));
        Ok((sort_key(key.trim())?, sort_dir(direction.trim())?))
    }

    /// Repeated `sort_key` and `sort_dir`.
    fn classic(query: &Query) -> Result<Vec<(String, bool)>, Refusal> {
        let keys = query.all("sort_key").map(|key| sort_key(key.trim()));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        let directions = query.all("sort_dir").map(|text| sort_dir(text.trim()));
        let directions = directions.collect::<Result<Vec<_>, _>>()?;
        if directions.len() > 1 && directions.len() != keys.len() {
            let text = "Number of sort dirs does not match the number of sort keys";
            return Err(Refusal::bad(text));
        }
        if keys.is_empty() {
            keys.push("created_at".to_owned());
        }
        let first = directions.first().copied().unwrap_or(true);
        let all = keys.into_iter().enumerate();
        Ok(all.map(|(at, key)| (key, directions.get(at).copied().unwrap_or(first))).collect())
    }

    fn compare(&self, a: &Image, b: &Image) -> Ordering {
        self.0.iter().fold(Ordering::Equal, |so_far, (key, descending)| {
            so_far.then_with(|| {
                let order = compare_by(key, a, b);
                if *descending { order.reverse() } else { order }
            })
        })
    }
}

fn sort_key(key: &str) -> Result<String, Refusal> {
    if SORT_KEYS.contains(&key) {
        return Ok(key.to_owned());
    }
    Err(Refusal::bad(format!(
        "Invalid sort key: {key}. It must be one of the following: {}.",
        SORT_KEYS.join(", ")
    )))
}

fn sort_dir(direction: &str) -> Result<bool, Refusal> {
    match direction {
        "asc" => Ok(false),
        "desc" => Ok(true),
        other => Err(Refusal::bad(format!("Invalid sort direction: {other}"))),
    }
}

fn compare_by(key: &str, a: &Image, b: &Image) -> Ordering {
    match key {
        "name" => a.name.cmp(&b.name),
        "status" => a.status.text().cmp(b.status.text()),
        "container_format" => a.container_format.cmp(&b.container_format),
        "disk_format" => a.disk_format.cmp(&b.disk_format),
        "size" => a.size.cmp(&b.size),
        "created_at" => a.created_at.as_second().cmp(&b.created_at.as_second()),
        "updated_at" => a.updated_at.as_second().cmp(&b.updated_at.as_second()),
        _ => a.id.cmp(&b.id),
    }
}

/// Which images are wanted.
struct Filter {
    visibility: Wanted,
    member_status: String,
    hidden: bool,
    tags: Vec<String>,
    tests: Vec<Test>,
}

/// Which visibilities are wanted.
enum Wanted {
    /// What one sees without asking: no community images but one's own.
    Usual,
    /// All that one may see.
    All,
    /// Only this one.
    Only(Visibility),
}

/// One condition on one attribute.
enum Test {
    AtLeast(u64),
    AtMost(u64),
    Protected(bool),
    /// `created_at` or `updated_at`, compared.
    Time {
        created: bool,
        accepts: fn(Ordering) -> bool,
        at: Timestamp,
    },
    /// Attribute or free property equal to one of the values.
    Equal {
        name: String,
        values: Vec<String>,
    },
}

impl Filter {
    fn parse(query: &Query) -> Result<Self, Refusal> {
        let member_status = query.get("member_status").unwrap_or("accepted").to_owned();
        if !["pending", "accepted", "rejected", "all"].contains(&member_status.as_str()) {
            return Err(Refusal::bad(format!("Invalid status: {member_status}")));
        }
        let mut filter = Self {
            visibility: Wanted::Usual,
            member_status,
            hidden: false,
            tags: query.all("tag").map(|tag| tag.trim().to_owned()).collect(),
            tests: Vec::new(),
        };
        for (name, value) in &query.0 {
            if !PAGING.contains(&name.as_str()) {
                filter.add(name, value)?;
            }
        }
        Ok(filter)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let range = || {
            value
                .parse::<u64>()
                .map_err(|_| Refusal::bad("Unable to filter on a range with a non-numeric value."))
        };
        let test = match name {
            "visibility" if value == "all" => {
                self.visibility = Wanted::All;
                return Ok(());
            }
            "visibility" => {
                let visibility = Visibility::parse(value)
                    .ok_or_else(|| Refusal::bad(format!("Invalid visibility value: {value}")))?;
                self.visibility = Wanted::Only(visibility);
                return Ok(());
            }
            "changes-since" => {
                let text = "The \"changes-since\" filter is no longer available on v2.";
                return Err(Refusal::bad(text));
            }
            "os_hidden" => {
                self.hidden = flag(name, value)?;
                return Ok(());
            }
            "protected" => Test::Protected(flag(name, value)?),
            "size_min" => Test::AtLeast(range()?),
            "size_max" => Test::AtMost(range()?),
            "created_at" | "updated_at" => time(name == "created_at", value)?,
            _ => {
                let several = ["name", "id", "status", "container_format", "disk_format"];
                let values = value.strip_prefix("in:").filter(|_| several.contains(&name));
                let values = values.map_or_else(|| vec![value.to_owned()], split_quoted);
                Test::Equal { name: name.to_owned(), values }
            }
        };
        self.tests.push(test);
        Ok(())
    }

    fn accepts(&self, image: &Image, caller: &Caller) -> bool {
        image.os_hidden == self.hidden
            && self.shows(image, caller)
            && self.tags.iter().all(|tag| image.tags.contains(tag))
            && self.tests.iter().all(|test| test.accepts(image))
    }

    fn shows(&self, image: &Image, caller: &Caller) -> bool {
        let own = access::is_own(image, caller);
        let shared = access::member_status(image, caller)
            .is_some_and(|status| self.member_status == "all" || status == self.member_status);
        let open = match image.visibility {
            Visibility::Public => true,
            Visibility::Community => !matches!(self.visibility, Wanted::Usual),
            Visibility::Shared | Visibility::Private => false,
        };
        let allowed = caller.is_admin() || own || shared || open;
        allowed
            && match self.visibility {
                Wanted::Only(wanted) => image.visibility == wanted,
                Wanted::All => true,
                Wanted::Usual => own || image.visibility != Visibility::Community,
            }
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::bad(format!(
            "Invalid value '{value}' for '{name}' filter. Valid values are 'true' or 'false'."
        ))),
    }
}

/// `operator:time`, without operator `eq`.
fn time(created: bool, value: &str) -> Result<Test, Refusal> {
    let (operator, time) = match value.split_once(':') {
        Some((operator, time)) if operator.chars().all(char::is_alphabetic) => (operator, time),
        _ => ("eq", value),
    };
    let accepts: fn(Ordering) -> bool = match operator {
        "gt" => Ordering::is_gt,
        "gte" => Ordering::is_ge,
        "lt" => Ordering::is_lt,
        "lte" => Ordering::is_le,
        "eq" => Ordering::is_eq,
        "neq" => Ordering::is_ne,
        _ => return Err(Refusal::bad("Unable to filter on a unknown operator.")),
    };
    let text = if time.ends_with('Z') { time.to_owned() } else { format!("{time}Z") };
    let at = text.parse().map_err(|_| {
        Refusal::bad(format!(
            "Bad \"{}\" query filter format. Use ISO 8601 DateTime notation.",
            if created { "created_at" } else { "updated_at" },
        ))
    })?;
    Ok(Test::Time { created, accepts, at })
}

/// Values after `in:`, separated by commas; quotes keep commas.
fn split_quoted(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(String::new()),
            other => {
                if let Some(last) = values.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    values
}

impl Test {
    fn accepts(&self, image: &Image) -> bool {
        match self {
            Self::AtLeast(least) => image.size.is_some_and(|size| size >= *least),
            Self::AtMost(most) => image.size.is_some_and(|size| size <= *most),
            Self::Protected(wanted) => image.protected == *wanted,
            Self::Time { created, accepts, at } => {
                let found = if *created { image.created_at } else { image.updated_at };
                accepts(found.as_second().cmp(&at.as_second()))
            }
            Self::Equal { name, values } => {
                attribute(image, name).is_some_and(|found| values.contains(&found))
            }
        }
    }
}

/// An attribute or free property as text.
fn attribute(image: &Image, name: &str) -> Option<String> {
    match name {
        "id" => Some(image.id.clone()),
        "name" => image.name.clone(),
        "status" => Some(image.status.text().to_owned()),
        "owner" => image.owner.clone(),
        "disk_format" => image.disk_format.clone(),
        "container_format" => image.container_format.clone(),
        "checksum" => image.checksum.clone(),
        "os_hash_value" => image.os_hash_value.clone(),
        "os_hash_algo" => image.os_hash_value.as_ref().map(|_| "sha512".to_owned()),
        "size" => image.size.map(|size| size.to_string()),
        "min_ram" => Some(image.min_ram.to_string()),
        "min_disk" => Some(image.min_disk.to_string()),
        _ => image.properties.get(name).and_then(Value::as_str).map(str::to_owned),
    }
}
