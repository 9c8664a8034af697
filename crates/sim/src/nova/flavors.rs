//! Flavors: the sizes of servers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Json, Paging, links};
use super::model::Flavor;
use super::shapes;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::{count, flag, truth};
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/flavors", get(index).post(create))
        .route("/v2.1/flavors/detail", get(detail))
        .route("/v2.1/flavors/{id}", get(show).put(update).delete(delete))
        .route("/v2.1/flavors/{id}/action", post(super::flavor_parts::action))
        .route("/v2.1/flavors/{id}/os-flavor-access", get(super::flavor_parts::access))
        .route(
            "/v2.1/flavors/{id}/os-extra_specs",
            get(super::flavor_parts::specs).post(super::flavor_parts::add_specs),
        )
        .route(
            "/v2.1/flavors/{id}/os-extra_specs/{key}",
            get(super::flavor_parts::spec)
                .put(super::flavor_parts::set_spec)
                .delete(super::flavor_parts::delete_spec),
        )
}

const SORT_KEYS: &[&str] = &[
    "created_at",
    "description",
    "disabled",
    "ephemeral_gb",
    "flavorid",
    "id",
    "is_public",
    "memory_mb",
    "name",
    "root_gb",
    "rxtx_factor",
    "swap",
    "updated_at",
    "vcpu_weight",
    "vcpus",
];

fn list_schema(others: bool) -> Value {
    let text = shapes::text;
    let parameters = [
        ("limit", shapes::not_negative()),
        ("marker", text()),
        ("is_public", text()),
        ("minRam", text()),
        ("minDisk", text()),
        ("sort_key", json!({"type": "string", "enum": SORT_KEYS})),
        ("sort_dir", json!({"type": "string", "enum": ["asc", "desc"]})),
    ];
    shapes::query(&parameters, others)
}

/// The flavor as the version shows it.
pub(crate) fn view(flavor: &Flavor, asked: &Asked, base: &str) -> Value {
    let swap = match (flavor.swap, asked.at_least(75)) {
        (0, false) => json!(""),
        (swap, _) => json!(swap),
    };
    let mut shown = json!({
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "swap": swap,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral,
        "OS-FLV-DISABLED:disabled": flavor.disabled,
        "vcpus": flavor.vcpus,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
        "links": links(base, "flavors", &flavor.id),
    });
    if asked.at_least(55) {
        shown["description"] = json!(flavor.description);
    }
    if asked.at_least(61) {
        shown["extra_specs"] = json!(flavor.extra_specs);
    }
    shown
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    list(&world, &asked, &query, false)
}

async fn detail(
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
    query_fits(&list_schema(!asked.at_least(75)), query)?;
    let paging = Paging::parse(query)?;
    let wanted = Wanted::parse(asked, query)?;
    let compute = world.compute();
    let mut found: Vec<&Arc<Flavor>> =
        compute.flavors.values().filter(|flavor| wanted.accepts(flavor, asked)).collect();
    let key = query.get("sort_key").unwrap_or("flavorid");
    let descending = query.get("sort_dir") == Some("desc");
    found.sort_by(|a, b| {
        let order = compare(key, a, b).then_with(|| a.id.cmp(&b.id));
        if descending { order.reverse() } else { order }
    });
    let start = match &paging.marker {
        None => 0,
        Some(marker) => {
            let place = found.iter().position(|flavor| flavor.id == *marker);
            place.map(|place| place + 1).ok_or_else(|| no_marker(marker))?
        }
    };
    let page: Vec<&&Arc<Flavor>> = found.iter().skip(start).take(paging.limit).collect();
    let shown = page.iter().map(|flavor| {
        if in_full {
            return view(flavor, asked, &world.base);
        }
        let mut brief = json!({
            "id": flavor.id,
            "name": flavor.name,
            "links": links(&world.base, "flavors", &flavor.id),
        });
        if asked.at_least(55) {
            brief["description"] = json!(flavor.description);
        }
        brief
    });
    let mut body = json!({"flavors": shown.collect::<Value>()});
    let kind = if in_full { "flavors/detail" } else { "flavors" };
    let last = page.last().map(|flavor| flavor.id.as_str());
    if let Some(next) = Paging::next(&world.base, kind, query, (page.len(), last)) {
        body["flavors_links"] = next;
    }
    Ok(axum::Json(body))
}

pub(crate) fn no_marker(marker: &str) -> Fault {
    Fault::bad(format!("marker [{marker}] not found"))
}

/// Which flavors are wanted.
struct Wanted {
    public: Option<bool>,
    least_ram: u64,
    least_disk: u64,
}

impl Wanted {
    fn parse(asked: &Asked, query: &Query) -> Result<Self, Fault> {
        let public = match query.get("is_public") {
            _ if !asked.is_admin() => Some(true),
            None => Some(true),
            Some(text) if text.eq_ignore_ascii_case("none") => None,
            Some(text) => Some(
                flag(text)
                    .ok_or_else(|| Fault::bad(format!("Invalid is_public filter [{text}]")))?,
            ),
        };
        let least = |name: &str| match query.get(name) {
            None => Ok(0),
            Some(text) => text
                .parse::<i64>()
                .map(|least| u64::try_from(least).unwrap_or(0))
                .map_err(|_| Fault::bad(format!("Invalid {name} filter [{text}]"))),
        };
        Ok(Self { public, least_ram: least("minRam")?, least_disk: least("minDisk")? })
    }

    fn accepts(&self, flavor: &Flavor, asked: &Asked) -> bool {
        // Whoever is no administrator sees public flavors and those that were opened to the project.
        let opened = !asked.is_admin() && flavor.access.contains(asked.project());
        let public = self.public.is_none_or(|public| flavor.is_public == public || opened);
        public && flavor.ram >= self.least_ram && flavor.disk >= self.least_disk
    }
}

fn compare(key: &str, a: &Flavor, b: &Flavor) -> Ordering {
    match key {
        "name" => a.name.cmp(&b.name),
        "memory_mb" => a.ram.cmp(&b.ram),
        "vcpus" => a.vcpus.cmp(&b.vcpus),
        "root_gb" => a.disk.cmp(&b.disk),
        "ephemeral_gb" => a.ephemeral.cmp(&b.ephemeral),
        "swap" => a.swap.cmp(&b.swap),
        "is_public" => a.is_public.cmp(&b.is_public),
        "description" => a.description.cmp(&b.description),
        "rxtx_factor" => a.rxtx_factor.total_cmp(&b.rxtx_factor),
        _ => Ordering::Equal,
    }
}

/// 404 of a flavor.
pub(crate) fn missing(id: &str) -> Fault {
    Fault::missing(format!("Flavor {id} could not be found."))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let flavor = compute.flavor(&id, asked.project(), asked.is_admin());
    let flavor = flavor.ok_or_else(|| missing(&id))?;
    Ok(axum::Json(json!({"flavor": view(flavor, &asked, &world.base)})))
}

static CREATE: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let plain = json!({
        "name": shapes::name(),
        "id": {
            "type": ["string", "number", "null"], "minLength": 1, "maxLength": 255,
            "pattern": crate::schema::FLAVOR_ID,
        },
        "ram": shapes::size(1),
        "vcpus": shapes::size(1),
        "disk": shapes::size(0),
        "OS-FLV-EXT-DATA:ephemeral": shapes::size(0),
        "swap": shapes::size(0),
        "rxtx_factor": {
            "type": ["number", "string"], "pattern": "^[0-9]+(\\.[0-9]+)?$",
            "minimum": 0, "exclusiveMinimum": true, "maximum": 3.402_82e38,
        },
        "os-flavor-access:is_public": shapes::boolean(),
    });
    let mut described = plain.clone();
    described["description"] = shapes::description(65_535);
    let required = ["name", "ram", "vcpus", "disk"];
    [plain, described].map(|fields| shapes::wrapped("flavor", fields, &required))
});

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let [plain, described] = &*CREATE;
    fits(if asked.at_least(55) { described } else { plain }, &body)?;
    asked.admin_only("os-flavor-manage:create")?;
    let wanted = &body["flavor"];
    let number = |name: &str| {
        wanted.get(name).and_then(count).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    };
    let name = wanted["name"].as_str().unwrap_or_default().trim().to_owned();
    let id = match &wanted["id"] {
        Value::Null => world.ids.uuid(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let factor = match &wanted["rxtx_factor"] {
        Value::String(text) => text.parse().unwrap_or(1.0),
        other => other.as_f64().unwrap_or(1.0),
    };
    let flavor = Flavor {
        id: id.clone(),
        name: name.clone(),
        vcpus: number("vcpus"),
        ram: number("ram"),
        disk: number("disk"),
        ephemeral: number("OS-FLV-EXT-DATA:ephemeral"),
        swap: number("swap"),
        rxtx_factor: factor,
        is_public: wanted.get("os-flavor-access:is_public").is_none_or(truth),
        disabled: false,
        description: wanted["description"].as_str().map(str::to_owned),
        extra_specs: BTreeMap::new(),
        access: BTreeSet::new(),
    };
    let mut compute = world.compute();
    if compute.flavors.contains_key(&id) {
        return Err(Fault::conflict(format!("Flavor with ID {id} already exists.")));
    }
    if compute.flavors.values().any(|known| known.name == name) {
        return Err(Fault::conflict(format!("Flavor with name {name} already exists.")));
    }
    let shown = view(&flavor, &asked, &world.base);
    compute.flavors.insert(id, Arc::new(flavor));
    Ok(axum::Json(json!({"flavor": shown})))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    asked.needs(55)?;
    let fields = json!({"description": shapes::description(65_535)});
    fits(&shapes::wrapped("flavor", fields, &["description"]), &body)?;
    asked.admin_only("os-flavor-manage:update")?;
    let mut compute = world.compute();
    let flavor = compute.flavors.get_mut(&id).ok_or_else(|| missing(&id))?;
    let description = body["flavor"]["description"].as_str().map(str::to_owned);
    *flavor = Arc::new(Flavor { description, ..Flavor::clone(flavor) });
    Ok(axum::Json(json!({"flavor": view(flavor, &asked, &world.base)})))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    asked.admin_only("os-flavor-manage:delete")?;
    let removed = world.compute().flavors.remove(&id);
    removed.map(|_| StatusCode::ACCEPTED).ok_or_else(|| missing(&id))
}
