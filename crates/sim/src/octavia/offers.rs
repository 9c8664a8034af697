//! Flavors and availability zones, and the profiles behind them: what administrators offer.
//!
//! All four are kept alike; [`Shelf`] says how they differ.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::{Deed, Request};
use super::body::{self, Says};
use super::list::{self, Of, Row};
use super::model::{Balancers, Kind, Offer};
use super::provider::Provider;
use super::refusal::Refusal;
use super::{locked, parts};
use crate::http::query::Query;
use crate::world::SharedWorld;

/// A kind of offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    Flavors,
    FlavorProfiles,
    Zones,
    ZoneProfiles,
}

/// Shelves as parameters of handlers.
const FLAVORS: u8 = 0;
const FLAVOR_PROFILES: u8 = 1;
const ZONES: u8 = 2;
const ZONE_PROFILES: u8 = 3;

const fn shelf(number: u8) -> Shelf {
    match number {
        FLAVORS => Shelf::Flavors,
        FLAVOR_PROFILES => Shelf::FlavorProfiles,
        ZONES => Shelf::Zones,
        _ => Shelf::ZoneProfiles,
    }
}

impl Shelf {
    /// Names of one in bodies, of several, of the links, and in messages.
    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::Flavors => ["flavor", "flavors", "flavors_links", "Flavor"],
            Self::FlavorProfiles => {
                ["flavorprofile", "flavorprofiles", "flavorprofile_links", "Flavor Profile"]
            }
            Self::Zones => [
                "availability_zone",
                "availability_zones",
                "availability_zones_links",
                "Availability Zone",
            ],
            Self::ZoneProfiles => [
                "availability_zone_profile",
                "availability_zone_profiles",
                "availability_zone_profile_links",
                "Availability Zone Profile",
            ],
        }
    }

    /// The name that messages have when something is gone or in use.
    const fn plain(self) -> &'static str {
        match self {
            Self::FlavorProfiles => "Flavor profile",
            other => other.names()[3],
        }
    }

    const fn argument(self) -> &'static str {
        match self {
            Self::Flavors => "flavor_",
            Self::FlavorProfiles => "flavor_profile_",
            Self::Zones => "availability_zone_",
            Self::ZoneProfiles => "availability_zone_profile_",
        }
    }

    /// Fields: name, longest text (0: a truth value), whether it must be there and may be changed.
    const fn fields(self) -> &'static [(&'static str, usize, bool, bool)] {
        match self {
            Self::Flavors => &[
                ("name", 255, true, true),
                ("description", 255, false, true),
                ("enabled", 0, false, true),
                ("flavor_profile_id", 36, true, false),
            ],
            Self::Zones => &[
                ("name", 255, true, false),
                ("description", 255, false, true),
                ("enabled", 0, false, true),
                ("availability_zone_profile_id", 36, true, false),
            ],
            Self::FlavorProfiles => &[
                ("name", 255, true, true),
                ("provider_name", 255, true, true),
                ("flavor_data", 4096, true, true),
            ],
            Self::ZoneProfiles => &[
                ("name", 255, true, true),
                ("provider_name", 255, true, true),
                ("availability_zone_data", 4096, true, true),
            ],
        }
    }

    /// The field of a profile that holds its data.
    const fn data(self) -> Option<&'static str> {
        match self {
            Self::FlavorProfiles => Some("flavor_data"),
            Self::ZoneProfiles => Some("availability_zone_data"),
            _ => None,
        }
    }

    const fn all(self, state: &Balancers) -> &BTreeMap<String, Offer> {
        match self {
            Self::Flavors => &state.flavors,
            Self::FlavorProfiles => &state.flavor_profiles,
            Self::Zones => &state.zones,
            Self::ZoneProfiles => &state.zone_profiles,
        }
    }

    const fn all_mut(self, state: &mut Balancers) -> &mut BTreeMap<String, Offer> {
        match self {
            Self::Flavors => &mut state.flavors,
            Self::FlavorProfiles => &mut state.flavor_profiles,
            Self::Zones => &mut state.zones,
            Self::ZoneProfiles => &mut state.zone_profiles,
        }
    }

    /// Whether something still needs an offer.
    fn is_used(self, state: &Balancers, id: &str) -> bool {
        let by = |offers: &BTreeMap<String, Offer>, field: &str| {
            offers.values().any(|offer| offer.says.get(field) == Some(&json!(id)))
        };
        let balancer =
            |field: &str| state.of_kind(Kind::LoadBalancer).any(|it| it.text(field) == Some(id));
        match self {
            Self::Flavors => balancer("flavor_id"),
            Self::Zones => balancer("availability_zone"),
            Self::FlavorProfiles => by(&state.flavors, "flavor_profile_id"),
            Self::ZoneProfiles => by(&state.zones, "availability_zone_profile_id"),
        }
    }

    fn show(self, offer: &Offer) -> Value {
        let mut shown = offer.says.clone();
        if let Some(description @ Value::Null) = shown.get_mut("description") {
            *description = json!("");
        }
        if self != Self::Zones {
            shown.insert("id".to_owned(), json!(offer.id));
        }
        Value::Object(shown)
    }

    fn find(self, state: &Balancers, id: &str) -> Result<Offer, Refusal> {
        let found = self.all(state).get(id).cloned();
        found.ok_or_else(|| Refusal::missing(self.names()[3], id))
    }
}

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .merge(of::<FLAVORS>("/flavors"))
        .merge(of::<FLAVOR_PROFILES>("/flavorprofiles"))
        .merge(of::<ZONES>("/availabilityzones"))
        .merge(of::<ZONE_PROFILES>("/availabilityzoneprofiles"))
}

fn of<const SHELF: u8>(path: &str) -> Router<SharedWorld> {
    Router::new().route(path, get(list_all::<SHELF>).post(create::<SHELF>)).route(
        &format!("{path}/{{id}}"),
        get(showing::<SHELF>).put(update::<SHELF>).delete(remove::<SHELF>),
    )
}

/// Everybody may look at flavors and zones, administrators only at profiles.
fn allow_look(shelf: Shelf, request: &Request) -> Result<(), Refusal> {
    let deed = if shelf.data().is_some() { Deed::Administer } else { Deed::Read };
    request.allow(deed, request.caller.project())
}

async fn list_all<const SHELF: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    let shelf = shelf(SHELF);
    allow_look(shelf, &request)?;
    let state = locked(&world);
    let row = |offer: &Offer| Row { shown: shelf.show(offer), hidden: Map::new() };
    let rows = shelf.all(&state).values().map(row).collect();
    let key = if shelf == Shelf::Zones { "name" } else { "id" };
    let [_, many, links, _] = shelf.names();
    let known = |name: &str| name == key || shelf.fields().iter().any(|(known, ..)| *known == name);
    let of = Of {
        url: &parts::url(&world, &many.replace('_', "")),
        names: (many, links),
        columns: &known,
        keys: &[key],
    };
    let body = list::answer(&of, &query, rows, |id| shelf.all(&state).get(id).map(row))?;
    Ok(axum::Json(body).into_response())
}

async fn showing<const SHELF: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let shelf = shelf(SHELF);
    allow_look(shelf, &request)?;
    let offer = shelf.find(&locked(&world), &id)?;
    let shown = list::select(shelf.show(&offer), &query);
    Ok(axum::Json(json!({shelf.names()[0]: shown})).into_response())
}

/// Reads and checks a body.
fn read(shelf: Shelf, body: &[u8], create: bool) -> Result<Says, Refusal> {
    let [one, ..] = shelf.names();
    let argument = shelf.argument();
    let whole = body::json(body, argument)?;
    let missing = if create { "to_dict" } else { "name" };
    let inner = body::unwrap(&whole, argument, one, missing)?;
    let fields = inner.as_object().cloned().unwrap_or_default();
    let allowed = || shelf.fields().iter().filter(|(.., changes)| create || *changes);
    if let Some(name) = fields.keys().find(|name| !allowed().any(|(it, ..)| it == name)) {
        let text = format!("Unknown attribute for argument {argument}.{one}: {name}");
        return Err(Refusal::bad(text));
    }
    let mut says = Says::new();
    for (name, most, required, _) in allowed() {
        match fields.get(*name) {
            None if create && *required => {
                return Err(Refusal::field(name, "None", "Mandatory field missing."));
            }
            None | Some(Value::Null) if !create && !fields.contains_key(*name) => {}
            None | Some(Value::Null) => {
                says.insert((*name).to_owned(), Value::Null);
            }
            Some(value) => {
                check(name, *most, value, argument, &whole)?;
                says.insert((*name).to_owned(), value.clone());
            }
        }
    }
    if create && shelf.data().is_none() && says.get("enabled").is_none_or(Value::is_null) {
        says.insert("enabled".to_owned(), json!(true));
    }
    Ok(says)
}

fn check(
    name: &str,
    most: usize,
    value: &Value,
    argument: &str,
    whole: &Value,
) -> Result<(), Refusal> {
    let wrong = |problem: &str| Err(Refusal::field(name, body::display(value), problem));
    match (most, value) {
        (0, Value::Bool(_)) => Ok(()),
        (0, other) => {
            let shown = body::display(other);
            let problem = format!("Value not an unambiguous boolean: {shown}");
            Err(Refusal::field(argument, body::display(whole), &problem))
        }
        (36, Value::String(text)) if uuid::Uuid::parse_str(text).is_err() => {
            wrong("Value should be UUID format")
        }
        (_, Value::String(text)) if text.chars().count() > most => {
            wrong(&format!("Value should have a maximum character requirement of {most}"))
        }
        (_, Value::String(_)) => Ok(()),
        _ => wrong("Value should be string"),
    }
}

/// Refuses data of a profile that its provider does not understand.
fn check_data(shelf: Shelf, says: &Says, provider: Option<&str>) -> Result<(), Refusal> {
    let Some(field) = shelf.data() else { return Ok(()) };
    let data = says.get(field).and_then(Value::as_str).unwrap_or_default();
    let parsed: Value = serde_json::from_str(data).map_err(|_| Refusal::option(data, field))?;
    let provider = Provider::named(provider.unwrap_or_default())?;
    let flavors = shelf == Shelf::FlavorProfiles;
    if provider == Provider::Ovn {
        let what = if flavors { "flavors" } else { "validating availability zones" };
        let text = if flavors {
            "This provider does not support validating flavors.".to_owned()
        } else {
            format!("This provider does not support {what}.")
        };
        return Err(Refusal::action(provider.name(), &text));
    }
    let known = if flavors { provider.flavor_capabilities() } else { provider.zone_capabilities() };
    let unknown: Vec<String> = parsed
        .as_object()
        .map(|fields| {
            let names = fields.keys();
            let unknown = names.filter(|name| !known.iter().any(|(known, _)| known == name));
            unknown.map(|name| format!("'{name}'")).collect()
        })
        .unwrap_or_default();
    if provider == Provider::Amphora && !unknown.is_empty() {
        let verb = if unknown.len() > 1 { "were" } else { "was" };
        let text = format!(
            "Additional properties are not allowed ({} {verb} unexpected)",
            unknown.join(", ")
        );
        return Err(Refusal::unsupported(provider.name(), &text));
    }
    let topology = parsed.get("loadbalancer_topology").and_then(Value::as_str);
    match topology {
        Some("SINGLE" | "ACTIVE_STANDBY") | None => Ok(()),
        Some(other) => {
            let text = format!(
                "loadbalancer_topology '{other}' is not one of ['ACTIVE_STANDBY', 'SINGLE']"
            );
            Err(Refusal::unsupported(provider.name(), &text))
        }
    }
}

async fn create<const SHELF: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let shelf = shelf(SHELF);
    let says = read(shelf, &body, true)?;
    request.allow(Deed::Administer, request.caller.project())?;
    check_data(shelf, &says, says.get("provider_name").and_then(Value::as_str))?;
    let mut state = locked(&world);
    let name = says.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = |offer: &Offer| offer.says.get("name") == says.get("name");
    if shelf.data().is_none() && shelf.all(&state).values().any(named) {
        let field = if shelf == Shelf::Flavors { "flavor" } else { "availability zone" };
        return Err(Refusal::conflict(format!("A {field} of {name} already exists.")));
    }
    check_profile(shelf, &state, &says)?;
    let id = if shelf == Shelf::Zones { name } else { world.ids.uuid() };
    let offer = Offer { id: id.clone(), says };
    let shown = shelf.show(&offer);
    shelf.all_mut(&mut state).insert(id, offer);
    let body = json!({shelf.names()[0]: shown});
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// Refuses an offer whose profile there is not; Octavia leaves that to its database.
fn check_profile(shelf: Shelf, state: &Balancers, says: &Says) -> Result<(), Refusal> {
    let (field, profiles) = match shelf {
        Shelf::Flavors => ("flavor_profile_id", &state.flavor_profiles),
        Shelf::Zones => ("availability_zone_profile_id", &state.zone_profiles),
        _ => return Ok(()),
    };
    let id = says.get(field).and_then(Value::as_str).unwrap_or_default();
    if profiles.contains_key(id) {
        return Ok(());
    }
    Err(Refusal::server("Cannot add or update a child row: a foreign key constraint fails"))
}

async fn update<const SHELF: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let shelf = shelf(SHELF);
    let says = read(shelf, &body, false)?;
    request.allow(Deed::Administer, request.caller.project())?;
    let mut state = locked(&world);
    if let Some(data) = shelf.data() {
        for field in ["name", "provider_name", data] {
            if says.get(field).is_some_and(Value::is_null) {
                return Err(Refusal::option("None", field));
            }
        }
        let deep = says.contains_key(data) || says.contains_key("provider_name");
        if deep && shelf.is_used(&state, &id) {
            return Err(Refusal::in_use(shelf.plain(), &id));
        }
        let mut both = shelf.find(&state, &id)?.says;
        both.extend(says.clone());
        if says.contains_key(data) {
            check_data(shelf, &both, both.get("provider_name").and_then(Value::as_str))?;
        }
    }
    let mut offer = shelf.find(&state, &id)?;
    offer.says.extend(says);
    let shown = shelf.show(&offer);
    shelf.all_mut(&mut state).insert(id, offer);
    Ok(axum::Json(json!({shelf.names()[0]: shown})).into_response())
}

async fn remove<const SHELF: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let shelf = shelf(SHELF);
    request.allow(Deed::Administer, request.caller.project())?;
    let mut state = locked(&world);
    if shelf.is_used(&state, &id) {
        return Err(Refusal::in_use(shelf.plain(), &id));
    }
    let gone = shelf.all_mut(&mut state).remove(&id);
    gone.ok_or_else(|| Refusal::missing(shelf.plain(), &id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
