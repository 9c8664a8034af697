//! What a request for servers asks for, checked against what the cloud has.

use http::StatusCode;
use serde_json::Value;

use super::Order;
use crate::fault_body::Fault;
use crate::glance::lookup;
use crate::nova::asked::Asked;
use crate::nova::disks::{self, Drive};
use crate::nova::model::{Compute, Flavor};
use crate::nova::network;
use crate::nova::quota;
use crate::nova::schedule::Needs;
use crate::schema::format::is_base64;
use crate::schema::oslo::count;
use crate::world::World;

pub(super) fn read(world: &World, asked: &Asked, body: &Value) -> Result<Order, Fault> {
    let wanted = &body["server"];
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    let least = wanted.get("min_count").and_then(count).unwrap_or(1);
    let most = wanted.get("max_count").and_then(count).unwrap_or(least);
    if least > most {
        return Err(Fault::bad("min_count must be <= max_count"));
    }
    let mut needs = read_zone(asked, wanted)?;
    read_destination(world, asked, wanted, &mut needs)?;
    let drives = disks::read(wanted)?;
    let image = text("imageRef").filter(|image| !image.is_empty());
    if image.is_none() && drives.is_empty() {
        return Err(Fault::bad("Missing imageRef attribute"));
    }
    let (networks, must_plug) = network::read(wanted)?;
    let flavor_ref = match &wanted["flavorRef"] {
        Value::String(text) => text.rsplit('/').next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    let (flavor, key_name) = {
        let compute = world.compute();
        let flavor = compute.flavor(&flavor_ref, asked.project(), asked.is_admin()).cloned();
        let flavor =
            flavor.ok_or_else(|| Fault::bad(format!("Flavor {flavor_ref} could not be found.")))?;
        check_zone(&compute, &needs)?;
        let key = text("key_name");
        let known = |name: &String| {
            compute.keypairs.iter().any(|key| key.user_id == asked.user() && key.name == *name)
        };
        let key = match key {
            Some(name) if !known(&name) => return Err(Fault::bad("Invalid key_name provided.")),
            other => other,
        };
        read_hints(&compute, asked, body, &mut needs)?;
        (flavor, key)
    };
    if wanted["user_data"].as_str().is_some_and(|data| !is_base64(data)) {
        return Err(Fault::bad("User data needs to be valid base 64."));
    }
    if let Some(image) = &image {
        needs.hypervisor = check_image(world, asked, image, &flavor, &drives)?;
    }
    let named = wanted["security_groups"].as_array().into_iter().flatten();
    let named = named.filter_map(|group| group["name"].as_str()).filter(|name| *name != "default");
    Ok(Order {
        name: text("name").unwrap_or_default().trim().to_owned(),
        description: if asked.at_least(19) { text("description") } else { text("name") },
        hostname: text("hostname").filter(|_| asked.at_least(90)),
        flavor,
        image,
        drives,
        networks,
        must_plug,
        security_groups: named.map(str::to_owned).collect(),
        needs,
        key_name,
        count: u64::try_from(most).unwrap_or(1),
        least: u64::try_from(least).unwrap_or(1),
    })
}

/// `zone`, or `zone:host` of an administrator.
fn read_zone(asked: &Asked, wanted: &Value) -> Result<Needs, Fault> {
    let Some(zone) = wanted["availability_zone"].as_str() else { return Ok(Needs::default()) };
    let parts: Vec<&str> = zone.split(':').collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (zone, host) = match parts[..] {
        [zone] => (zone, None),
        [zone, host] => (zone, some(host)),
        [zone, host, node] => (zone, some(host).or_else(|| some(node))),
        _ => return Err(Fault::bad("Unable to parse availability_zone")),
    };
    if host.is_some() {
        asked.admin_only("servers:create:forced_host")?;
    }
    // A forced host is where it is, whatever zone was named.
    let zone = if host.is_some() { None } else { some(zone) };
    Ok(Needs { zone, forced: host.is_some(), host, ..Needs::default() })
}

/// `host` and `hypervisor_hostname` of an administrator (2.74).
fn read_destination(
    world: &World,
    asked: &Asked,
    wanted: &Value,
    needs: &mut Needs,
) -> Result<(), Fault> {
    let named = wanted["host"].as_str().or_else(|| wanted["hypervisor_hostname"].as_str());
    let Some(host) = named.filter(|_| asked.at_least(74)) else { return Ok(()) };
    if !asked.is_admin() {
        return Err(Fault::policy("compute:servers:create:requested_destination"));
    }
    if needs.host.is_some() {
        let text = "One mechanism with host and/or hypervisor_hostname and another mechanism with \
                    zone:host:node are mutually exclusive.";
        return Err(Fault::bad(text));
    }
    if world.compute().host(host).is_none() {
        return Err(Fault::bad(format!("Compute host {host} could not be found.")));
    }
    needs.host = Some(host.to_owned());
    Ok(())
}

fn check_zone(compute: &Compute, needs: &Needs) -> Result<(), Fault> {
    let Some(zone) = &needs.zone else { return Ok(()) };
    let known = compute.hosts.iter().any(|host| {
        compute.zone(&host.name) == zone
            && compute.daemon_on(&host.name).is_some_and(|daemon| !daemon.disabled)
    });
    if known { Ok(()) } else { Err(Fault::bad("The requested availability zone is not available")) }
}

fn read_hints(
    compute: &Compute,
    asked: &Asked,
    body: &Value,
    needs: &mut Needs,
) -> Result<(), Fault> {
    let hints = body.get("os:scheduler_hints").or_else(|| body.get("OS-SCH-HNT:scheduler_hints"));
    let Some(hints) = hints else { return Ok(()) };
    let ids = |name: &str| -> Vec<String> {
        match &hints[name] {
            Value::String(id) => vec![id.clone()],
            Value::Array(ids) => ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    needs.same = ids("same_host");
    needs.different = ids("different_host");
    if let Some(id) = hints["group"].as_str() {
        let group = compute.groups.iter().find(|group| {
            group.id == id && (asked.is_admin() || group.project_id == asked.project())
        });
        let missing = || Fault::bad(format!("Instance group {id} could not be found."));
        let group = group.ok_or_else(missing)?;
        let most = quota::limit(compute, asked.project(), "server_group_members");
        let members = group.members.iter().filter(|id| compute.servers.get(id).is_some()).count();
        if most >= 0 && i64::try_from(members).is_ok_and(|members| members >= most) {
            let text = "Quota exceeded, too many servers in group";
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
        needs.group = Some(id.to_owned());
    }
    Ok(())
}

const GIB: u64 = 1 << 30;

/// Refuses an image that the flavor is too small for; the hypervisor it needs.
pub(crate) fn check_image(
    world: &World,
    asked: &Asked,
    id: &str,
    flavor: &Flavor,
    drives: &[Drive],
) -> Result<Option<String>, Fault> {
    let facts = lookup::lookup(world, id, &asked.caller)
        .ok_or_else(|| Fault::bad("Can not find requested image"))?;
    if !facts.active {
        return Err(Fault::bad(format!("Image {id} is not active.")));
    }
    if facts.min_ram > flavor.ram {
        return Err(Fault::bad("Flavor's memory is too small for requested image."));
    }
    let root = drives.iter().find(|drive| drive.is_root());
    if let Some(root) = root {
        if let Some(size) = root.size
            && facts.min_disk > size
        {
            return Err(Fault::bad(format!(
                "Volume is smaller than the minimum size specified in image metadata. Volume size \
                 is {} bytes, minimum size is {} bytes.",
                size * GIB,
                facts.min_disk * GIB
            )));
        }
    } else if flavor.disk == 0 {
        if !asked.is_admin() {
            let text = "Only volume-backed servers are allowed for flavors with zero disk.";
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
    } else {
        let size = flavor.disk * GIB;
        if facts.size > size {
            return Err(Fault::bad(format!(
                "Flavor's disk is too small for requested image. Flavor disk is {size} bytes, \
                 image is {} bytes.",
                facts.size
            )));
        }
        if facts.min_disk > flavor.disk {
            return Err(Fault::bad(format!(
                "Flavor's disk is smaller than the minimum size specified in image metadata. \
                 Flavor disk is {size} bytes, minimum size is {} bytes.",
                facts.min_disk * GIB
            )));
        }
    }
    Ok(facts.properties.get("img_hv_type").and_then(Value::as_str).map(str::to_owned))
}
