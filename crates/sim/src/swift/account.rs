//! Accounts: their containers and their metadata.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::json;

use super::asked::{Answer, Asked};
use super::headers::{self, listed, set, stamp};
use super::listing::{self, Entry, Format, Wanted};
use super::model::{Account, Container};
use super::refusal::{Refused, empty};
use crate::world::World;

/// Methods that accounts have.
pub(crate) const METHODS: &str = "POST, HEAD, OPTIONS, GET";

pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    match asked.method {
        Method::GET | Method::HEAD => show(world, asked),
        Method::POST => change(world, asked),
        _ => Err(Refused::method(METHODS).into()),
    }
}

fn show(world: &World, asked: &Asked) -> Answer {
    asked.allowed(world)?;
    let format = Format::of(&asked.query, &asked.headers)?;
    let wanted = Wanted::of(&asked.query)?;
    let project = &asked.place.project;
    let domain = world.identity().projects.get(project).map(|found| found.domain_id.clone());
    let objects = world.object_store();
    let Some(account) = objects.accounts.get(project) else {
        return Ok(unmade(world, asked, format));
    };
    let all = account.containers.iter().map(|(name, one)| (name.as_str(), one));
    let entries = wanted.select(all);
    let body = match format {
        Format::Plain => listing::lines(&entries, |one| &one.name),
        Format::Json => listing::json(&entries, |one| {
            json!({
                "name": one.name,
                "count": one.objects.len(),
                "bytes": one.bytes(),
                "last_modified": listed(one.created_at),
            })
        }),
        Format::Xml => xml(&asked.place.account(), &entries),
    };
    let nothing = asked.is_head() || body.is_empty();
    let mut answer = format.answer(&asked.query, body, nothing);
    describe(&mut answer, account);
    if let Some(domain) = domain {
        set(answer.headers_mut(), "x-account-project-domain-id", &domain);
    }
    Ok(answer)
}

/// The answer as long as nothing was changed in the account.
fn unmade(world: &World, asked: &Asked, format: Format) -> Response {
    let body = match format {
        Format::Plain => String::new(),
        Format::Json => "[]".to_owned(),
        Format::Xml => xml(&asked.place.account(), &[]),
    };
    let nothing = body.is_empty() && !asked.is_head();
    let mut answer = format.answer(&asked.query, body, nothing);
    let headers = answer.headers_mut();
    for name in ["container-count", "object-count", "bytes-used"] {
        set(headers, &format!("x-account-{name}"), "0");
    }
    let now = stamp(world.now());
    set(headers, "x-timestamp", &now);
    set(headers, "x-put-timestamp", &now);
    answer
}

fn describe(answer: &mut Response, account: &Account) {
    let containers = account.containers.len();
    let objects: usize = account.containers.values().map(|one| one.objects.len()).sum();
    let bytes: u64 = account.containers.values().map(Container::bytes).sum();
    let headers = answer.headers_mut();
    set(headers, "accept-ranges", "bytes");
    set(headers, "x-timestamp", &stamp(account.created_at));
    let counts = [
        ("container-count", containers.to_string()),
        ("object-count", objects.to_string()),
        ("bytes-used", bytes.to_string()),
    ];
    for (name, value) in counts {
        set(headers, &format!("x-account-{name}"), &value);
        if containers > 0 {
            set(headers, &format!("x-account-storage-policy-policy-0-{name}"), &value);
        }
    }
    headers::show(headers, "account", &account.metadata);
}

fn xml(account: &str, entries: &[Entry<&Container>]) -> String {
    let rows: String = entries.iter().map(xml_row).collect();
    let account = listing::quoted(account);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<account name=\"{account}\">\n{rows}</account>"
    )
}

fn xml_row(entry: &Entry<&Container>) -> String {
    match entry {
        Entry::One(one) => format!(
            "<container><name>{}</name><count>{}</count><bytes>{}</bytes>\
             <last_modified>{}</last_modified></container>\n",
            listing::escaped(&one.name),
            one.objects.len(),
            one.bytes(),
            listed(one.created_at),
        ),
        Entry::Common(common) => format!("<subdir name=\"{}\" />\n", listing::quoted(common)),
    }
}

fn change(world: &World, asked: &Asked) -> Answer {
    asked.allowed(world)?;
    let given = headers::metadata(&asked.headers, "account")?;
    let now = world.now();
    let mut objects = world.object_store();
    let account = objects.account(&asked.place.project, now);
    headers::change(&mut account.metadata, given, &asked.headers, "account");
    Ok(empty(StatusCode::NO_CONTENT))
}
