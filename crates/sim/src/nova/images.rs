//! Servers and images: snapshots, rebuilding, rescuing.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Map, Value, json};

use super::actions::{self, Doing, Of, Who};
use super::asked::Asked;
use super::find::{self, Allowed};
use super::model::Compute;
use super::server::{Power, Server, VmState};
use super::transition::{Effect, Plan};
use super::view::{self, Detail};
use super::{create, create_schema, quota, shapes};
use crate::fault_body::Fault;
use crate::glance::lookup;
use crate::schema::oslo::count;
use crate::schema::refused::fits;
use crate::world::World;

/// States in which a server can be kept as an image.
const KEPT: Allowed =
    Allowed::in_state(&[VmState::Active, VmState::Stopped, VmState::Paused, VmState::Suspended]);

fn uploading(first: Plan) -> Plan {
    first.task("image_uploading").end(None, None, Effect::Nothing, "snapshot.end")
}

/// What the image of a server is told of it.
fn own_properties(server: &Server, asked: &Asked, kind: &str) -> Map<String, Value> {
    let own = [
        ("instance_uuid", json!(server.id)),
        ("user_id", json!(asked.user())),
        ("image_type", json!(kind)),
        ("base_image_ref", json!(server.image.as_deref().unwrap_or_default())),
    ];
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Refuses more metadata than the project may have; from 2.39 on that is Glance's business.
fn check_metadata(
    compute: &Compute,
    server: &Server,
    asked: &Asked,
    wanted: &Value,
) -> Result<(), Fault> {
    let items = wanted["metadata"].as_object().map_or(0, Map::len);
    let most = quota::limit(compute, &server.project_id, "metadata_items");
    if !asked.at_least(39) && most >= 0 && i64::try_from(items).is_ok_and(|items| items > most) {
        return Err(Fault::new(StatusCode::FORBIDDEN, "Image metadata limit exceeded"));
    }
    Ok(())
}

/// Tells which image was made, in the words of the version.
fn made(world: &World, asked: &Asked, image: &str) -> Response {
    if asked.at_least(45) {
        let body = json!({"image_id": image});
        return (StatusCode::ACCEPTED, axum::Json(body)).into_response();
    }
    let address = format!("{}/image/images/{image}", world.base);
    // What Nova answers without a body of its own is announced as a page.
    let page = "text/html; charset=UTF-8".to_owned();
    (StatusCode::ACCEPTED, [(LOCATION, address), (CONTENT_TYPE, page)]).into_response()
}

/// `createImage`.
pub(crate) fn create((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    let fields = json!({"name": shapes::name(), "metadata": shapes::metadata()});
    fits(&shapes::wrapped("createImage", fields, &["name"]), body)?;
    let wanted = &body["createImage"];
    let doing = Doing {
        rule: "servers:create_image",
        who: Who::Member,
        word: "createImage",
        allowed: KEPT,
        record: ("createImage", &["compute_snapshot_instance"]),
        task: Some("image_snapshot_pending"),
        event: "snapshot.start",
        plan: uploading(Plan::default().task("image_snapshot")),
    };
    let (owner, disk, from_volume, mut properties) = {
        let compute = world.compute();
        let server = find::find(&compute, id, asked)?;
        asked.member(doing.rule)?;
        check_metadata(&compute, server, asked, wanted)?;
        find::check(server, doing.word, doing.allowed)?;
        let own = own_properties(server, asked, "snapshot");
        (server.project_id.to_string(), server.flavor.disk, server.boots_from_volume(), own)
    };
    properties.extend(wanted["metadata"].as_object().cloned().unwrap_or_default());
    // A server that boots from a volume is not busy while its volumes are.
    if from_volume {
        properties.insert("bdm_v2".to_owned(), json!("True"));
    } else {
        actions::begin(world, asked, id, doing)?;
    }
    let image = lookup::snapshot(
        world,
        &lookup::Snapshot {
            name: wanted["name"].as_str().unwrap_or_default().trim(),
            owner: &owner,
            min_disk: disk,
            properties,
            with_data: !from_volume,
            now: world.now(),
        },
    );
    Ok(made(world, asked, &image))
}

/// `createBackup`: an image of which only so many are kept.
pub(crate) fn backup((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    let fields = json!({
        "name": shapes::name(),
        "backup_type": {"type": "string", "minLength": 0, "maxLength": 255},
        "rotation": shapes::not_negative(),
        "metadata": shapes::metadata(),
    });
    let required = &["name", "backup_type", "rotation"];
    fits(&shapes::wrapped("createBackup", fields, required), body)?;
    let wanted = &body["createBackup"];
    let kind = wanted["backup_type"].as_str().unwrap_or_default();
    let keep = count(&wanted["rotation"]).and_then(|keep| usize::try_from(keep).ok()).unwrap_or(0);
    let doing = Doing {
        rule: "os-create-backup",
        who: Who::Member,
        word: "createBackup",
        allowed: KEPT,
        record: ("createBackup", &["compute_backup_instance"]),
        task: Some("image_backup"),
        event: "snapshot.start",
        plan: uploading(Plan::default()),
    };
    let (owner, disk, mut properties) = {
        let compute = world.compute();
        let server = find::find(&compute, id, asked)?;
        asked.member(doing.rule)?;
        check_metadata(&compute, server, asked, wanted)?;
        find::check(server, doing.word, doing.allowed)?;
        if server.boots_from_volume() {
            return Err(Fault::bad("Backup is not supported for volume-backed instances."));
        }
        let own = own_properties(server, asked, "backup");
        (server.project_id.to_string(), server.flavor.disk, own)
    };
    properties.insert("backup_type".to_owned(), json!(kind));
    properties.extend(wanted["metadata"].as_object().cloned().unwrap_or_default());
    actions::begin(world, asked, id, doing)?;
    let image = lookup::snapshot(
        world,
        &lookup::Snapshot {
            name: wanted["name"].as_str().unwrap_or_default().trim(),
            owner: &owner,
            min_disk: disk,
            properties,
            with_data: true,
            now: world.now(),
        },
    );
    lookup::rotate(world, (id, kind), &image, keep);
    // What is not kept at all is not told of either.
    if keep == 0 && !asked.at_least(45) {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Ok(made(world, asked, &image))
}

fn rebuild_schema(asked: &Asked) -> Value {
    let mut fields = json!({
        "name": shapes::name(),
        "imageRef": shapes::uuid(),
        "adminPass": shapes::text(),
        "metadata": shapes::metadata(),
        "preserve_ephemeral": shapes::boolean(),
        "OS-DCF:diskConfig": shapes::disk_config(),
        "accessIPv4": {"type": "string", "format": "ipv4"},
        "accessIPv6": {"type": "string", "format": "ipv6"},
    });
    if asked.at_least(19) {
        fields["description"] = shapes::description(255);
    }
    if asked.at_least(54) {
        fields["key_name"] = json!({"oneOf": [
            {"type": "string", "minLength": 1, "maxLength": 255},
            {"type": "null"},
        ]});
    }
    if asked.at_least(57) {
        fields["user_data"] = json!({"oneOf": [create_schema::user_data(), {"type": "null"}]});
    } else {
        fields["personality"] = json!({"type": "array"});
    }
    if asked.at_least(63) {
        fields["trusted_image_certificates"] = create_schema::trusted_certs();
    }
    if asked.at_least(90) {
        fields["hostname"] = shapes::hostname();
    }
    shapes::wrapped("rebuild", fields, &["imageRef"])
}

/// `rebuild`: the same server anew from an image.
pub(crate) fn rebuild((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    fits(&rebuild_schema(asked), body)?;
    let wanted = &body["rebuild"];
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    let image = text("imageRef").unwrap_or_default();
    let mut doing = Doing {
        rule: "servers:rebuild",
        who: Who::Member,
        word: "rebuild",
        allowed: Allowed::in_state(&[VmState::Active, VmState::Stopped, VmState::Error]),
        record: ("rebuild", &["rebuild_server", "compute_rebuild_instance"]),
        task: Some("rebuilding"),
        event: "rebuild.start",
        plan: Plan::default(),
    };
    let (flavor, stopped, from_volume) = {
        let compute = world.compute();
        let server = actions::check(&compute, id, asked, &doing)?;
        if let Some(name) = text("key_name") {
            let known = compute.keypairs.iter();
            let owner = server.user_id.as_ref();
            if !known.into_iter().any(|key| key.user_id == owner && key.name == name) {
                return Err(Fault::bad("Invalid key_name provided."));
            }
        }
        let stopped = server.vm == VmState::Stopped;
        (server.flavor.clone(), stopped, server.boots_from_volume())
    };
    let root = super::disks::Drive {
        to_volume: true,
        boot_index: Some(0),
        ..super::disks::Drive::default()
    };
    let drives = if from_volume { vec![root] } else { Vec::new() };
    create::check_image(world, asked, &image, &flavor, &drives).map_err(|fault| {
        let unknown = fault.message == "Can not find requested image";
        if unknown { Fault::bad("Cannot find image for rebuild") } else { fault }
    })?;
    let (vm, power) = if stopped {
        (VmState::Stopped, Power::Shutdown)
    } else {
        (VmState::Active, Power::Running)
    };
    doing.plan = Plan::default().task("rebuild_block_device_mapping").task("rebuild_spawning").end(
        Some(vm),
        Some(power),
        Effect::Launched,
        "rebuild.end",
    );
    actions::begin(world, asked, id, doing)?;
    let password = text("adminPass").unwrap_or_else(|| create::password(world));
    // The answer shows the server while it is rebuilt, even if that takes no time.
    let shown = {
        let mut compute = world.compute_as_it_is();
        compute.servers.change(id, |server| change(server, asked, wanted, &image));
        let server = find::find(&compute, id, asked)?;
        view::view(&compute, server, (asked, &world.base), Detail::Rebuilt)
    };
    let mut shown = json!({"server": shown});
    shown["server"]["adminPass"] = json!(password);
    if asked.at_least(57) {
        let compute = world.compute_as_it_is();
        shown["server"]["user_data"] = json!(find::find(&compute, id, asked)?.user_data);
    }
    let address = format!("{}{}/v2.1/servers/{id}", world.base, super::MOUNT);
    Ok((StatusCode::ACCEPTED, [(LOCATION, address)], axum::Json(shown)).into_response())
}

fn change(server: &mut Server, asked: &Asked, wanted: &Value, image: &str) {
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    if server.image.is_some() || !server.boots_from_volume() {
        server.image = Some(image.into());
    }
    if let Some(name) = text("name") {
        name.trim().clone_into(&mut server.name);
    }
    if let Some(metadata) = wanted["metadata"].as_object() {
        let pairs = metadata.iter();
        server.metadata = pairs
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
    }
    if let Some(address) = text("accessIPv4") {
        server.access_ipv4 = address;
    }
    if let Some(address) = text("accessIPv6") {
        server.access_ipv6 = address;
    }
    if let Some(config) = text("OS-DCF:diskConfig") {
        server.manual_disk = config == "MANUAL";
    }
    if asked.at_least(19)
        && let Some(description) = wanted.get("description")
    {
        server.description = description.as_str().map(str::to_owned);
    }
    if asked.at_least(54)
        && let Some(key) = wanted.get("key_name")
    {
        server.key_name = key.as_str().map(str::to_owned);
    }
    if asked.at_least(57)
        && let Some(data) = wanted.get("user_data")
    {
        server.user_data = data.as_str().map(str::to_owned);
    }
    if asked.at_least(90)
        && let Some(hostname) = text("hostname")
    {
        server.hostname = hostname;
    }
}

/// `rescue`: the server boots from another image, to be repaired.
pub(crate) fn rescue((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    let schema = json!({
        "type": "object",
        "properties": {"rescue": {
            "type": ["object", "null"],
            "properties": {"adminPass": shapes::text(), "rescue_image_ref": shapes::uuid()},
            "additionalProperties": false,
        }},
        "required": ["rescue"],
        "additionalProperties": false,
    });
    fits(&schema, body)?;
    let doing = Doing {
        rule: "os-rescue",
        who: Who::Member,
        word: "rescue",
        allowed: Allowed::in_state(&[VmState::Active, VmState::Stopped, VmState::Error]),
        record: ("rescue", &["compute_rescue_instance"]),
        task: Some("rescuing"),
        event: "rescue.start",
        plan: Plan::default().end(
            Some(VmState::Rescued),
            Some(Power::Running),
            Effect::Nothing,
            "rescue.end",
        ),
    };
    {
        let compute = world.compute();
        let server = actions::check(&compute, id, asked, &doing)?;
        if server.boots_from_volume() && !asked.at_least(87) {
            let text =
                format!("Instance {id} cannot be rescued: Cannot rescue a volume-backed instance");
            return Err(Fault::bad(text));
        }
    }
    if let Some(image) = body["rescue"]["rescue_image_ref"].as_str()
        && lookup::lookup(world, image, &asked.caller).is_none()
    {
        return Err(Fault::bad(format!("Requested rescue image '{image}' is not supported")));
    }
    actions::begin(world, asked, id, doing)?;
    let given = body["rescue"]["adminPass"].as_str().map(str::to_owned);
    let password = given.unwrap_or_else(|| create::password(world));
    Ok(axum::Json(json!({"adminPass": password})).into_response())
}
