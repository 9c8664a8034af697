//! Listing servers: filters, sorting, paging.

use std::cmp::Ordering;

use axum::extract::State;
use http::StatusCode;
use lotse_core::time::Timestamp;
use regex::Regex;
use serde_json::{Value, json};

use super::asked::{Asked, Paging};
use super::flavors::no_marker;
use super::list_schema;
use super::model::Compute;
use super::server::{Power, Server, Task, VmState, states_of};
use super::view::{self, Detail};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::format::instant;
use crate::schema::oslo::flag;
use crate::schema::refused::query_fits;
use crate::world::SharedWorld;

pub(crate) async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    list(&world, &asked, &query, false)
}

pub(crate) async fn detail(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    list(&world, &asked, &query, true)
}

fn list(
    world: &SharedWorld,
    asked: &Asked,
    query: &Query,
    in_full: bool,
) -> Result<axum::Json<Value>, Fault> {
    query_fits(list_schema::of(asked), query)?;
    let kind = if in_full { "detail" } else { "index" };
    asked.reader(&format!("servers:{kind}"))?;
    let compute = world.compute();
    let Some(filter) = Filter::parse(asked, query, kind)? else {
        return Ok(axum::Json(json!({"servers": []})));
    };
    let paging = Paging::parse(query)?;
    let order = Order::parse(asked, query)?;
    let found = select(&compute, &filter, &order, &paging)?;
    let shown = found.iter().map(|server| {
        if in_full {
            view::view(&compute, server, (asked, &world.base), Detail::List)
        } else {
            view::brief(server, &world.base)
        }
    });
    let mut body = json!({"servers": shown.collect::<Value>()});
    let kind = if in_full { "servers/detail" } else { "servers" };
    let last = found.last().map(|server| server.id.as_str());
    if let Some(next) = Paging::next(&world.base, kind, query, (found.len(), last)) {
        body["servers_links"] = next;
    }
    Ok(axum::Json(body))
}

/// The page. In the default order only what is shown is looked at.
fn select<'a>(
    compute: &'a Compute,
    filter: &Filter,
    order: &Order,
    paging: &Paging,
) -> Result<Vec<&'a Server>, Fault> {
    let servers = &compute.servers;
    let marked = |marker: &str| {
        let found = servers.get(marker);
        found.filter(|server| filter.may_mark(server)).ok_or_else(|| no_marker(marker))
    };
    let deleted = filter.deleted != Some(false);
    if order.is_default() && !deleted {
        let wanted = |server: &&Server| filter.accepts(compute, server);
        return Ok(match &paging.marker {
            None => servers.iter().filter(wanted).take(paging.limit).collect(),
            Some(marker) => {
                let key = marked(marker)?.key();
                servers.after(key).filter(wanted).take(paging.limit).collect()
            }
        });
    }
    let gone = servers.gone().filter(|_| deleted);
    let mut found: Vec<&Server> =
        servers.iter().chain(gone).filter(|server| filter.accepts(compute, server)).collect();
    found.sort_by(|a, b| order.compare(a, b));
    if let Some(marker) = &paging.marker {
        let place = found.iter().position(|server| server.id == *marker);
        let place = if let Some(place) = place {
            place + 1
        } else {
            let mark = marked(marker)?;
            found.partition_point(|server| order.compare(server, mark) != Ordering::Greater)
        };
        found.drain(..place);
    }
    found.truncate(paging.limit);
    Ok(found)
}

/// Filters that people who are no administrators may use, with the version they came with.
const OPEN: &[(&str, u16)] = &[
    ("reservation_id", 1),
    ("name", 1),
    ("status", 1),
    ("image", 1),
    ("flavor", 1),
    ("ip", 1),
    ("changes-since", 1),
    ("all_tenants", 1),
    ("ip6", 5),
    ("tags", 26),
    ("tags-any", 26),
    ("not-tags", 26),
    ("not-tags-any", 26),
    ("changes-before", 66),
    ("locked", 73),
    ("availability_zone", 83),
    ("config_drive", 83),
    ("key_name", 83),
    ("created_at", 83),
    ("launched_at", 83),
    ("terminated_at", 83),
    ("power_state", 83),
    ("task_state", 83),
    ("vm_state", 83),
    ("progress", 83),
    ("user_id", 83),
    ("hostname", 90),
];

/// Names of tables that cannot be filtered by.
const TABLES: &[&str] = &[
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
];

/// Which servers are wanted.
struct Filter {
    /// Only those of this project.
    project: Option<String>,
    /// Deleted ones, those that are not, or both.
    deleted: Option<bool>,
    states: Option<Vec<(VmState, Option<Task>)>>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    tests: Vec<Test>,
}

/// One condition.
enum Test {
    /// The text of an attribute matches.
    Like(String, Regex),
    /// The text of an attribute is one of these.
    Is(String, Vec<String>),
    Ip(Regex),
    Tags {
        names: Vec<String>,
        any: bool,
        not: bool,
    },
    Locked(bool),
    Power(u8),
}

impl Filter {
    /// The filters of a query; `None` when nothing can pass.
    fn parse(asked: &Asked, query: &Query, kind: &str) -> Result<Option<Self>, Fault> {
        let admin = asked.is_admin();
        let open =
            |name: &str| OPEN.iter().any(|(known, since)| *known == name && asked.at_least(*since));
        let mut filter = Self {
            project: asked.caller.project().map(str::to_owned),
            deleted: None,
            states: None,
            since: None,
            before: None,
            tests: Vec::new(),
        };
        for (name, _) in query.0.iter().filter(|(name, _)| admin || open(name)) {
            if TABLES.contains(&name.as_str()) || name.starts_with('_') {
                return Err(Fault::bad(format!("Invalid filter field: {name}.")));
            }
        }
        if query.get("status").is_some() {
            let states: Vec<_> = query.all("status").flat_map(states_of).collect();
            if states.is_empty() {
                if asked.at_least(38) {
                    return Err(Fault::bad("Invalid status value"));
                }
                return Ok(None);
            }
            if !admin && states.iter().any(|(vm, _)| *vm == VmState::Deleted) {
                let text = "Only administrators may list deleted instances";
                return Err(Fault::new(StatusCode::FORBIDDEN, text));
            }
            filter.states = Some(states);
        }
        filter.times(asked, query)?;
        filter.scope(asked, query, kind)?;
        let pairs = query.0.iter().filter(|(name, _)| admin || open(name));
        for (name, value) in pairs {
            filter.add(asked, query, name, value)?;
        }
        Ok(Some(filter))
    }

    fn times(&mut self, asked: &Asked, query: &Query) -> Result<(), Fault> {
        self.since = query.get("changes-since").and_then(instant);
        self.before = query.get("changes-before").filter(|_| asked.at_least(66)).and_then(instant);
        if let (Some(since), Some(before)) = (self.since, self.before)
            && before < since
        {
            let text = "The value of changes-since must be less than or equal to changes-before.";
            return Err(Fault::bad(text));
        }
        let wanted = query.get("deleted").filter(|_| asked.is_admin());
        let of_state = self
            .states
            .as_ref()
            .is_some_and(|states| states.iter().all(|(vm, _)| *vm == VmState::Deleted));
        self.deleted = match wanted {
            _ if of_state => Some(true),
            Some(text) => Some(flag(text).unwrap_or(false)),
            None if self.since.is_some() || self.before.is_some() => None,
            None => Some(false),
        };
        Ok(())
    }

    /// Whose servers are wanted.
    fn scope(&mut self, asked: &Asked, query: &Query, kind: &str) -> Result<(), Fault> {
        let all = match query.get("all_tenants") {
            None => false,
            Some("") => true,
            Some(text) => flag(text).ok_or_else(|| {
                let known =
                    "'0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'";
                Fault::bad(format!("Unrecognized value '{text}', acceptable values are: {known}"))
            })?,
        };
        if all {
            asked.admin_only(&format!("servers:{kind}:get_all_tenants"))?;
            let named = query.get("project_id").or_else(|| query.get("tenant_id"));
            self.project = named.map(str::to_owned);
        }
        Ok(())
    }

    fn add(&mut self, asked: &Asked, query: &Query, name: &str, value: &str) -> Result<(), Fault> {
        let like = || Regex::new(value).map_err(|_| Fault::bad("Invalid regular expression"));
        let test = match name {
            "name" | "display_name" => Test::Like("name".to_owned(), like()?),
            "ip" | "ip6" => Test::Ip(like()?),
            "tags" | "tags-any" | "not-tags" | "not-tags-any" if asked.at_least(26) => Test::Tags {
                names: value.split(',').map(str::to_owned).collect(),
                any: name.ends_with("-any"),
                not: name.starts_with("not-"),
            },
            "locked" if asked.at_least(73) => {
                let Some(locked) = flag(value) else {
                    let text = format!(
                        "Unrecognized value '{value}', acceptable values are: '0', '1', 'f', \
                         'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
                    );
                    return Err(Fault::bad(text));
                };
                Test::Locked(locked)
            }
            "power_state" => Test::Power(value.parse().unwrap_or(u8::MAX)),
            "description"
            | "display_description"
            | "hostname"
            | "key_name"
            | "reservation_id"
            | "availability_zone"
            | "node"
            | "locked_by" => Test::Like(name.to_owned(), like()?),
            "image" | "image_ref" | "flavor" | "host" | "vm_state" | "task_state" | "uuid"
            | "user_id" | "config_drive" => {
                Test::Is(name.to_owned(), query.all(name).map(str::to_owned).collect())
            }
            _ => return Ok(()),
        };
        self.tests.push(test);
        Ok(())
    }

    /// Whether a page may begin behind a server, whatever else is filtered by.
    fn may_mark(&self, server: &Server) -> bool {
        self.project.as_deref().is_none_or(|project| server.project_id.as_ref() == project)
    }

    fn accepts(&self, compute: &Compute, server: &Server) -> bool {
        self.may_mark(server)
            && self.deleted.is_none_or(|wanted| (server.vm == VmState::Deleted) == wanted)
            && self.states.as_ref().is_none_or(|states| {
                // With a task that is not told apart every task will do.
                let any = states.iter().any(|(_, task)| task.is_none());
                states.iter().any(|(vm, task)| *vm == server.vm && (any || *task == server.task))
            })
            && self.since.is_none_or(|since| server.updated_at >= since)
            && self.before.is_none_or(|before| server.updated_at <= before)
            && self.tests.iter().all(|test| test.accepts(compute, server))
    }
}

impl Test {
    fn accepts(&self, compute: &Compute, server: &Server) -> bool {
        match self {
            Self::Like(name, pattern) => {
                pattern.is_match(&attribute(compute, server, name).unwrap_or_default())
            }
            Self::Is(name, values) => {
                attribute(compute, server, name).is_some_and(|found| values.contains(&found))
            }
            Self::Ip(pattern) => {
                let mut all = server.nics.iter().flat_map(|nic| &nic.addresses);
                all.any(|address| {
                    pattern.is_match(&address.ip)
                        || address.floating.iter().any(|ip| pattern.is_match(ip))
                })
            }
            Self::Tags { names, any, not } => {
                let has = |name: &String| server.tags.contains(name);
                let fits = if *any { names.iter().any(has) } else { names.iter().all(has) };
                fits != *not
            }
            Self::Locked(wanted) => server.locked == *wanted,
            Self::Power(wanted) => server.power as u8 == *wanted,
        }
    }
}

/// An attribute as text.
fn attribute(compute: &Compute, server: &Server, name: &str) -> Option<String> {
    match name {
        "name" => Some(server.name.clone()),
        "description" | "display_description" => server.description.clone(),
        "hostname" => Some(server.hostname.clone()),
        "key_name" => server.key_name.clone(),
        "reservation_id" => Some(server.reservation.clone()),
        "availability_zone" => server.host.as_deref().map(|host| compute.zone(host).to_owned()),
        "host" | "node" => server.host.as_deref().map(str::to_owned),
        "locked_by" => {
            server.locked.then(|| if server.locked_by_admin { "admin" } else { "owner" }.to_owned())
        }
        "image" | "image_ref" => server.image.as_deref().map(str::to_owned),
        "flavor" => Some(server.flavor.id.clone()),
        "vm_state" => Some(server.vm.text().to_owned()),
        "task_state" => server.task.map(str::to_owned),
        "uuid" => Some(server.id.clone()),
        "user_id" => Some(server.user_id.to_string()),
        "config_drive" => Some(if server.config_drive { "True" } else { "" }.to_owned()),
        _ => None,
    }
}

/// The order of a list: keys and whether each is descending.
struct Order(Vec<(String, bool)>);

impl Order {
    fn parse(asked: &Asked, query: &Query) -> Result<Self, Fault> {
        if query.all("sort_dir").any(|text| text != "asc" && text != "desc") {
            let text = "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'";
            return Err(Fault::bad(text));
        }
        let directions: Vec<bool> = query.all("sort_dir").map(|text| text != "asc").collect();
        let ignored = |key: &str| {
            list_schema::IGNORED_SORT_KEYS.contains(&key)
                && (key != "locked" || !asked.at_least(73))
        };
        let mut keys = Vec::new();
        for (place, key) in query.all("sort_key").enumerate() {
            if ["host", "node"].contains(&key) && !asked.is_admin() {
                let text = format!("Only administrators can sort servers by {key}");
                return Err(Fault::new(StatusCode::FORBIDDEN, text));
            }
            if !ignored(key) {
                let descending = directions.get(place).or(directions.first()).unwrap_or(&true);
                keys.push((key.to_owned(), *descending));
            }
        }
        if keys.is_empty() {
            let descending = directions.first().copied().unwrap_or(true);
            keys.push(("created_at".to_owned(), descending));
        }
        let last = keys.last().is_none_or(|(_, descending)| *descending);
        if !keys.iter().any(|(key, _)| key == "created_at") {
            keys.push(("created_at".to_owned(), last));
        }
        keys.push(("id".to_owned(), last));
        Ok(Self(keys))
    }

    /// Whether this is the order in which servers are kept.
    fn is_default(&self) -> bool {
        matches!(&self.0[..], [(key, true), (_, true)] if key == "created_at")
    }

    fn compare(&self, a: &Server, b: &Server) -> Ordering {
        self.0.iter().fold(Ordering::Equal, |so_far, (key, descending)| {
            so_far.then_with(|| {
                let order = compare(key, a, b);
                if *descending { order.reverse() } else { order }
            })
        })
    }
}

fn compare(key: &str, a: &Server, b: &Server) -> Ordering {
    match key {
        "display_name" => a.name.cmp(&b.name),
        "display_description" => a.description.cmp(&b.description),
        "hostname" => a.hostname.cmp(&b.hostname),
        "uuid" => a.id.cmp(&b.id),
        "vm_state" => a.vm.text().cmp(b.vm.text()),
        "task_state" => a.task.cmp(&b.task),
        "power_state" => power(a.power).cmp(&power(b.power)),
        "host" | "node" => a.host.cmp(&b.host),
        "image_ref" => a.image.cmp(&b.image),
        "key_name" => a.key_name.cmp(&b.key_name),
        "launch_index" => a.launch_index.cmp(&b.launch_index),
        "launched_at" => a.launched_at.cmp(&b.launched_at),
        "terminated_at" => a.terminated_at.cmp(&b.terminated_at),
        "updated_at" => a.updated_at.as_second().cmp(&b.updated_at.as_second()),
        "created_at" => a.created_at.as_second().cmp(&b.created_at.as_second()),
        "project_id" => a.project_id.cmp(&b.project_id),
        "user_id" => a.user_id.cmp(&b.user_id),
        "locked" => a.locked.cmp(&b.locked),
        "config_drive" => a.config_drive.cmp(&b.config_drive),
        "instance_type_id" => a.flavor.name.cmp(&b.flavor.name),
        "id" => a.number.cmp(&b.number),
        _ => Ordering::Equal,
    }
}

const fn power(power: Power) -> u8 {
    power as u8
}
