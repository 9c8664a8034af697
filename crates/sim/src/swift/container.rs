//! Containers: made, changed, listed, deleted.

use axum::response::Response;
use http::{Method, StatusCode};
use lotse_core::time::Timestamp;
use serde_json::json;

use super::access;
use super::asked::{Answer, Asked};
use super::headers::{self, http_date, listed, set, stamp};
use super::listing::{self, Entry, Format, Wanted};
use super::model::{Container, Object};
use super::refusal::{Refused, empty, page};
use crate::world::World;

/// Methods that containers and objects have.
pub(crate) const METHODS: &str = "POST, DELETE, HEAD, OPTIONS, GET, PUT";

/// The one storage policy, and its other names on the testbed.
const POLICIES: &[&str] = &["policy-0", "yellow", "orange"];

const LONGEST_NAME: usize = 256;

pub(crate) fn answer(world: &World, asked: &Asked, name: &str) -> Answer {
    match asked.method {
        Method::GET | Method::HEAD => show(world, asked, name),
        Method::PUT => put(world, asked, name),
        Method::POST => post(world, asked, name),
        Method::DELETE => delete(world, asked, name),
        _ => Err(Refused::method(METHODS).into()),
    }
}

fn show(world: &World, asked: &Asked, name: &str) -> Answer {
    let owner = asked.allowed(world)?;
    let format = Format::of(&asked.query, &asked.headers)?;
    let wanted = Wanted::of(&asked.query)?;
    let objects = world.object_store();
    let container = objects.container(&asked.place.project, name).ok_or_else(Refused::not_found)?;
    let all = container.objects.iter().map(|(name, one)| (name.as_str(), one));
    let entries = wanted.select(all);
    let body = match format {
        Format::Plain => listing::lines(&entries, |one| &one.name),
        Format::Json => listing::json(&entries, |one| {
            json!({
                "name": one.name,
                "bytes": one.bytes,
                "hash": one.etag,
                "content_type": one.content_type,
                "last_modified": listed(one.changed_at),
            })
        }),
        Format::Xml => xml(name, &entries),
    };
    let nothing = asked.is_head() || body.is_empty();
    let mut answer = format.answer(&asked.query, body, nothing);
    describe(&mut answer, container, owner);
    Ok(answer)
}

fn describe(answer: &mut Response, container: &Container, owner: bool) {
    let headers = answer.headers_mut();
    set(headers, "x-container-object-count", &container.objects.len().to_string());
    set(headers, "x-container-bytes-used", &container.bytes().to_string());
    set(headers, "x-timestamp", &stamp(container.created_at));
    set(headers, "last-modified", &http_date(container.changed_at));
    set(headers, "accept-ranges", "bytes");
    set(headers, "x-storage-policy", "Policy-0");
    headers::show(headers, "container", &container.metadata);
    for (name, list) in [("read", &container.read), ("write", &container.write)] {
        if owner && !list.is_empty() {
            set(headers, &format!("x-container-{name}"), list);
        }
    }
}

fn xml(name: &str, entries: &[Entry<&Object>]) -> String {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let name = listing::quoted(name);
    if entries.is_empty() {
        return format!("{head}<container name=\"{name}\" />");
    }
    let rows: String = entries.iter().map(xml_row).collect();
    format!("{head}<container name=\"{name}\">{rows}</container>")
}

fn xml_row(entry: &Entry<&Object>) -> String {
    match entry {
        Entry::One(one) => format!(
            "<object><name>{}</name><hash>{}</hash><bytes>{}</bytes>\
             <content_type>{}</content_type><last_modified>{}</last_modified></object>",
            listing::escaped(&one.name),
            one.etag,
            one.bytes,
            listing::escaped(&one.content_type),
            listed(one.changed_at),
        ),
        Entry::Common(common) => format!(
            "<subdir name=\"{}\"><name>{}</name></subdir>",
            listing::quoted(common),
            listing::escaped(common),
        ),
    }
}

/// What the headers of a request want of a container.
#[derive(Debug)]
struct Wish {
    metadata: std::collections::BTreeMap<String, String>,
    read: Option<String>,
    write: Option<String>,
}

impl Wish {
    fn of(asked: &Asked) -> Result<Self, Refused> {
        let metadata = headers::metadata(&asked.headers, "container")?;
        for (key, what) in [("quota-bytes", "bytes"), ("quota-count", "count")] {
            let given = metadata.get(key).filter(|value| !value.is_empty());
            if given.is_some_and(|value| value.parse::<u64>().is_err()) {
                let text = format!("Invalid {what} quota.");
                return Err(Refused::saying(StatusCode::BAD_REQUEST, text));
            }
        }
        let list = |header: &str, writing: bool| match asked.header(header) {
            None => Ok(None),
            Some(list) => access::clean(writing, list)
                .map(Some)
                .map_err(|why| Refused::saying(StatusCode::BAD_REQUEST, why)),
        };
        let read = list("x-container-read", false)?;
        let write = list("x-container-write", true)?;
        let removed = |header: &str| asked.header(header).map(|_| String::new());
        Ok(Self {
            metadata,
            read: removed("x-remove-container-read").or(read),
            write: removed("x-remove-container-write").or(write),
        })
    }

    fn grant(self, container: &mut Container, asked: &Asked, now: Timestamp) {
        headers::change(&mut container.metadata, self.metadata, &asked.headers, "container");
        container.read = self.read.unwrap_or_else(|| std::mem::take(&mut container.read));
        container.write = self.write.unwrap_or_else(|| std::mem::take(&mut container.write));
        container.changed_at = now;
    }
}

fn put(world: &World, asked: &Asked, name: &str) -> Answer {
    asked.allowed(world)?;
    let wish = Wish::of(asked)?;
    if let Some(policy) = asked.header("x-storage-policy")
        && !POLICIES.contains(&policy.to_ascii_lowercase().as_str())
    {
        let text = format!("Invalid X-Storage-Policy '{policy}'");
        return Err(Refused::bad(text).into());
    }
    if name.len() > LONGEST_NAME {
        let text = format!("Container name length of {} longer than {LONGEST_NAME}", name.len());
        return Err(Refused::saying(StatusCode::BAD_REQUEST, text).into());
    }
    let now = world.now();
    let mut objects = world.object_store();
    let account = objects.account(&asked.place.project, now);
    let known = account.containers.contains_key(name);
    let container = account.containers.entry(name.to_owned()).or_insert_with(|| Container {
        name: name.to_owned(),
        created_at: now,
        ..Container::default()
    });
    wish.grant(container, asked, now);
    Ok(if known { page(StatusCode::ACCEPTED) } else { empty(StatusCode::CREATED) })
}

fn post(world: &World, asked: &Asked, name: &str) -> Answer {
    asked.allowed(world)?;
    let wish = Wish::of(asked)?;
    let now = world.now();
    let mut objects = world.object_store();
    let account = objects.accounts.get_mut(&asked.place.project);
    let container = account.and_then(|account| account.containers.get_mut(name));
    wish.grant(container.ok_or_else(Refused::not_found)?, asked, now);
    Ok(empty(StatusCode::NO_CONTENT))
}

fn delete(world: &World, asked: &Asked, name: &str) -> Answer {
    asked.allowed(world)?;
    let mut objects = world.object_store();
    let account = objects.accounts.get_mut(&asked.place.project).ok_or_else(Refused::not_found)?;
    let container = account.containers.get(name).ok_or_else(Refused::not_found)?;
    if !container.objects.is_empty() {
        return Err(Refused::new(StatusCode::CONFLICT).into());
    }
    account.containers.remove(name);
    Ok(empty(StatusCode::NO_CONTENT))
}
