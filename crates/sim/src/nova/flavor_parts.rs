//! What hangs on flavors: extra specs, and the projects that see a flavor that is not public.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Json};
use super::flavors::missing;
use super::model::{Compute, Flavor};
use super::shapes;
use crate::fault_body::Fault;
use crate::schema::refused::fits;
use crate::world::SharedWorld;

fn find<'a>(compute: &'a Compute, id: &str, asked: &Asked) -> Result<&'a Arc<Flavor>, Fault> {
    let flavor = compute.flavor(id, asked.project(), asked.is_admin());
    flavor.ok_or_else(|| missing(id))
}

/// Replaces a flavor by a changed copy: servers keep the one they were made with.
fn change(compute: &mut Compute, id: &str, change: impl FnOnce(&mut Flavor)) -> Result<(), Fault> {
    let flavor = compute.flavors.get_mut(id).ok_or_else(|| missing(id))?;
    change(Arc::make_mut(flavor));
    Ok(())
}

pub(crate) async fn specs(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.reader("os-flavor-extra-specs:index")?;
    let compute = world.compute();
    Ok(axum::Json(json!({"extra_specs": find(&compute, &id, &asked)?.extra_specs})))
}

fn specs_schema() -> Value {
    json!({
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "number"], "maxLength": 255},
        },
        "additionalProperties": false,
    })
}

fn add(flavor: &mut Flavor, specs: &Map<String, Value>) {
    for (key, value) in specs {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        flavor.extra_specs.insert(key.clone(), text);
    }
}

pub(crate) async fn add_specs(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let schema = json!({
        "type": "object",
        "properties": {"extra_specs": specs_schema()},
        "required": ["extra_specs"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    asked.admin_only("os-flavor-extra-specs:create")?;
    let specs = body["extra_specs"].as_object().cloned().unwrap_or_default();
    check(&asked, &specs)?;
    change(&mut world.compute(), &id, |flavor| add(flavor, &specs))?;
    Ok(axum::Json(body))
}

pub(crate) async fn spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    asked.reader("os-flavor-extra-specs:show")?;
    let compute = world.compute();
    let value = find(&compute, &id, &asked)?.extra_specs.get(&key);
    let value = value.ok_or_else(|| no_spec(&id, &key))?;
    Ok(axum::Json(json!({ key: value })))
}

fn no_spec(id: &str, key: &str) -> Fault {
    Fault::missing(format!("Flavor {id} has no extra specs with key {key}."))
}

pub(crate) async fn set_spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let mut schema = specs_schema();
    schema["minProperties"] = json!(1);
    schema["maxProperties"] = json!(1);
    fits(&schema, &body)?;
    asked.admin_only("os-flavor-extra-specs:update")?;
    let specs = body.as_object().cloned().unwrap_or_default();
    check(&asked, &specs)?;
    if !specs.contains_key(&key) {
        return Err(Fault::bad("Request body and URI mismatch"));
    }
    change(&mut world.compute(), &id, |flavor| add(flavor, &specs))?;
    Ok(axum::Json(body))
}

pub(crate) async fn delete_spec(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    asked.admin_only("os-flavor-extra-specs:delete")?;
    let mut removed = None;
    change(&mut world.compute(), &id, |flavor| removed = flavor.extra_specs.remove(&key))?;
    removed.map(|_| StatusCode::OK).ok_or_else(|| no_spec(&id, &key))
}

/// Names of well-known extra specs without a namespace, and namespaces that are checked.
const CHECKED: &[&str] =
    &["hw", "hw_rng", "hw_video", "os", "pci_passthrough", "quota", "powervm", "vmware"];

/// Some well-known extra specs and the values they take; the rest of a checked namespace is unknown.
const KNOWN: &[(&str, &[&str])] = &[
    ("hw:cpu_policy", &["dedicated", "shared", "mixed"]),
    ("hw:cpu_thread_policy", &["isolate", "prefer", "require"]),
    ("hw:watchdog_action", &["disabled", "none", "pause", "poweroff", "reset"]),
    ("hw:mem_encryption", &[]),
    ("hw:mem_page_size", &[]),
    ("hw:numa_nodes", &[]),
    ("hw:cpu_cores", &[]),
    ("hw:cpu_sockets", &[]),
    ("hw:cpu_threads", &[]),
    ("hw:cpu_max_cores", &[]),
    ("hw:cpu_max_sockets", &[]),
    ("hw:cpu_max_threads", &[]),
    ("hw:cpu_dedicated_mask", &[]),
    ("hw:cpu_realtime", &[]),
    ("hw:cpu_realtime_mask", &[]),
    ("hw:emulator_threads_policy", &["isolate", "share"]),
    ("hw:boot_menu", &[]),
    ("hw:hide_hypervisor_id", &[]),
    ("hw:pci_numa_affinity_policy", &["legacy", "preferred", "required", "socket"]),
    ("hw:pmem", &[]),
    ("hw:pmu", &[]),
    ("hw:serial_port_count", &[]),
    ("hw:tpm_model", &["tpm-crb", "tpm-tis"]),
    ("hw:tpm_version", &["1.2", "2.0"]),
    ("hw:vif_multiqueue_enabled", &[]),
    ("hw:locked_memory", &[]),
    ("hw_rng:allowed", &[]),
    ("hw_rng:rate_bytes", &[]),
    ("hw_rng:rate_period", &[]),
    ("hw_video:ram_max_mb", &[]),
    ("os:secure_boot", &["disabled", "required"]),
    ("pci_passthrough:alias", &[]),
];

/// From 2.86 on extra specs of known namespaces must be known themselves.
fn check(asked: &Asked, specs: &Map<String, Value>) -> Result<(), Fault> {
    if !asked.at_least(86) {
        return Ok(());
    }
    for (name, value) in specs {
        let Some((space, _)) = name.split_once(':') else { continue };
        if !CHECKED.contains(&space) {
            continue;
        }
        let numbered =
            name.starts_with("hw:numa_") || matches!(space, "quota" | "vmware" | "powervm");
        let known = KNOWN.iter().find(|(known, _)| known == name);
        match known {
            None if numbered => {}
            None => {
                let text = format!(
                    "Validation failed; extra spec '{name}' does not appear to be a valid extra spec."
                );
                return Err(Fault::bad(text));
            }
            Some((_, [])) => {}
            Some((_, allowed)) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !allowed.contains(&text.as_str()) {
                    let text = format!(
                        "Validation failed; '{text}' is not one of: {}.",
                        allowed.join(", ")
                    );
                    return Err(Fault::bad(text));
                }
            }
        }
    }
    Ok(())
}

fn listed(flavor: &Flavor) -> Value {
    let access = flavor.access.iter();
    let rows = access.map(|project| json!({"flavor_id": flavor.id, "tenant_id": project}));
    json!({"flavor_access": rows.collect::<Value>()})
}

pub(crate) async fn access(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.admin_only("os-flavor-access")?;
    let compute = world.compute();
    let flavor = find(&compute, &id, &asked)?;
    if flavor.is_public {
        return Err(Fault::missing("Access list not available for public flavors."));
    }
    Ok(axum::Json(listed(flavor)))
}

/// `addTenantAccess` and `removeTenantAccess`.
pub(crate) async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let name = super::actions::name_of(&body)?;
    if !["addTenantAccess", "removeTenantAccess"].contains(&name) {
        return Err(Fault::bad(format!("There is no such action: {name}")));
    }
    let fields = json!({"tenant": {"type": "string", "minLength": 1, "maxLength": 255}});
    fits(&shapes::wrapped(name, fields, &["tenant"]), &body)?;
    let adding = name == "addTenantAccess";
    let rule = if adding { "add_tenant_access" } else { "remove_tenant_access" };
    asked.admin_only(&format!("os-flavor-access:{rule}"))?;
    let project = body[name]["tenant"].as_str().unwrap_or_default().to_owned();
    if adding && !world.identity().projects.contains_key(&project) {
        return Err(Fault::bad(format!("Project ID {project} is not a valid project.")));
    }
    let mut compute = world.compute();
    let flavor = find(&compute, &id, &asked)?;
    if adding && flavor.is_public && asked.at_least(7) {
        return Err(Fault::conflict("Can not add access to a public flavor."));
    }
    if adding && flavor.access.contains(&project) {
        let text = format!(
            "Flavor access already exists for flavor {id} and project {project} combination."
        );
        return Err(Fault::conflict(text));
    }
    if !adding && !flavor.access.contains(&project) {
        let text = format!("Flavor access not found for {id} / {project} combination.");
        return Err(Fault::missing(text));
    }
    change(&mut compute, &id, |flavor| {
        if adding {
            flavor.access.insert(project);
        } else {
            flavor.access.remove(&project);
        }
    })?;
    Ok(axum::Json(listed(find(&compute, &id, &asked)?)))
}
