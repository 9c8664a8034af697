//! Cinder's part of the contract: types, `QoS` specs, quotas and what administrators see.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::cinder::{NEW, delete, get, post, put, say, tenant, volume};
use super::script::{Script, sorted};
use crate::client::Session;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

pub(crate) async fn types(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    script.part("built in");
    get(script, &member, "/types?sort=name:asc").await;
    get(script, &admin, "/types/default").await;
    get(script, &member, "/types?limit=1&sort=name:asc").await;
    get(script, &member, "/types?limit=-1").await;
    script.part("refused");
    post(script, &member, "/types", json!({"volume_type": {"name": "x"}})).await;
    for kind in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "n".repeat(256)}),
        json!({"name": "files"}),
        json!({"name": "x", "extra_specs": {"a": 5}}),
        json!({"name": "x", "os-volume-type-access:is_public": "maybe"}),
        json!({"name": "x", "unknown": 1}),
    ] {
        post(script, &admin, "/types", json!({"volume_type": kind})).await;
    }
    post(script, &admin, "/types", json!({})).await;
    script.part("created");
    let name = bed.name("type");
    let body = json!({"volume_type": {
        "name": name, "description": "[scs:encrypted] text",
        "os-volume-type-access:is_public": false, "extra_specs": {"a": "b"},
    }});
    let id = text(&post(script, &admin, "/types", body.clone()).await.json()["volume_type"], "id")
        .to_owned();
    script.name(&id, "<type>");
    post(script, &admin, "/types", body).await;
    let path = format!("/types/{id}");
    get(script, &admin, &path).await;
    get(script, &member, &path).await;
    get(script, &member, &format!("/types/{NOBODY}")).await;
    script.part("changed");
    for kind in [
        json!({"description": "other"}),
        json!({"name": name, "is_public": false}),
        json!({"name": ""}),
        json!({"name": "files"}),
        json!({"is_public": "maybe"}),
        json!({}),
    ] {
        put(script, &admin, &path, json!({"volume_type": kind})).await;
    }
    put(script, &member, &path, json!({"volume_type": {"name": "x"}})).await;
    put(script, &admin, &format!("/types/{NOBODY}"), json!({"volume_type": {"name": "x"}})).await;
    script.part("extra specs");
    let specs = format!("{path}/extra_specs");
    get(script, &admin, &specs).await;
    get(script, &member, &specs).await;
    post(script, &admin, &specs, json!({"extra_specs": {"c": "d"}})).await;
    post(script, &member, &specs, json!({"extra_specs": {"c": "d"}})).await;
    post(script, &admin, &specs, json!({"extra_specs": {"bad key!": "d"}})).await;
    post(script, &admin, &specs, json!({"extra_specs": {}})).await;
    post(script, &admin, &specs, json!({})).await;
    put(script, &admin, &format!("{specs}/c"), json!({"c": "e"})).await;
    put(script, &admin, &format!("{specs}/c"), json!({"f": "e"})).await;
    get(script, &admin, &format!("{specs}/c")).await;
    delete(script, &admin, &format!("{specs}/c")).await;
    delete(script, &admin, &format!("{specs}/c")).await;
    get(script, &admin, &format!("{specs}/c")).await;
    script.part("access");
    let access = format!("{path}/os-volume-type-access");
    let action = format!("{path}/action");
    let project = member.project.clone().expect("a project");
    get(script, &admin, &access).await;
    get(script, &member, &access).await;
    post(script, &admin, &action, json!({"addProjectAccess": {"project": project}})).await;
    post(script, &admin, &action, json!({"addProjectAccess": {"project": project}})).await;
    post(script, &admin, &action, json!({"addProjectAccess": {}})).await;
    post(script, &member, &action, json!({"addProjectAccess": {"project": project}})).await;
    get(script, &admin, &access).await;
    get(script, &member, &path).await;
    post(script, &admin, &action, json!({"removeProjectAccess": {"project": project}})).await;
    post(script, &admin, &action, json!({"removeProjectAccess": {"project": project}})).await;
    encryption(script, &member, &admin, &path).await;
    script.part("deleted");
    delete(script, &member, &path).await;
    delete(script, &admin, &path).await;
    delete(script, &admin, &path).await;
    get(script, &admin, "/types?is_public=nonsense").await;
}

/// Says how volumes of a type are encrypted.
async fn encryption(script: &mut Script, member: &Session, admin: &Session, path: &str) {
    script.part("encryption");
    let encryption = format!("{path}/encryption");
    get(script, admin, &encryption).await;
    for body in [
        json!({"provider": "luks", "control_location": "nowhere"}),
        json!({"provider": "luks", "control_location": "front-end", "key_size": "x"}),
        json!({"control_location": "front-end"}),
        json!({"provider": "luks", "control_location": "front-end", "key_size": 256, "cipher": "aes-xts-plain64"}),
        json!({"provider": "luks", "control_location": "front-end"}),
    ] {
        post(script, admin, &encryption, json!({"encryption": body})).await;
    }
    post(
        script,
        member,
        &encryption,
        json!({"encryption": {"provider": "luks", "control_location": "front-end"}}),
    )
    .await;
    let shown = get(script, admin, &encryption).await.json();
    script.name(text(&shown, "encryption_id"), "<encryption>");
    get(script, member, &encryption).await;
    get(script, admin, &format!("{encryption}/cipher")).await;
    let path_of_one = format!("{encryption}/{}", text(&shown, "encryption_id"));
    put(script, admin, &path_of_one, json!({"encryption": {"key_size": 512}})).await;
    put(script, admin, &path_of_one, json!({"encryption": {"key_size": "x"}})).await;
    delete(script, admin, &path_of_one).await;
    delete(script, admin, &path_of_one).await;
}

pub(crate) async fn qos(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let body = |consumer: &str| json!({"qos_specs": {"name": bed.name("qos"), "consumer": consumer, "read_iops_sec": "10"}});
    script.part("created");
    post(script, &member, "/qos-specs", body("front-end")).await;
    post(script, &admin, "/qos-specs", body("nowhere")).await;
    post(script, &admin, "/qos-specs", json!({"qos_specs": {}})).await;
    let made = post(script, &admin, "/qos-specs", body("front-end")).await.json();
    let id = text(&made["qos_specs"], "id").to_owned();
    script.name(&id, "<qos>");
    post(script, &admin, "/qos-specs", body("front-end")).await;
    let path = format!("/qos-specs/{id}");
    script.part("shown and changed");
    get(script, &admin, &path).await;
    get(script, &member, &path).await;
    get(script, &admin, &format!("/qos-specs/{NOBODY}")).await;
    put(script, &admin, &path, json!({"qos_specs": {"write_iops_sec": "5"}})).await;
    put(script, &admin, &format!("{path}/delete_keys"), json!({"keys": ["write_iops_sec"]})).await;
    put(script, &admin, &format!("{path}/delete_keys"), json!({"keys": ["write_iops_sec"]})).await;
    script.part("associated");
    let kind = json!({"volume_type": {"name": bed.name("type"), "os-volume-type-access:is_public": false}});
    let kind = post(script, &admin, "/types", kind).await.json();
    let kind = text(&kind["volume_type"], "id").to_owned();
    script.name(&kind, "<type>");
    get(script, &admin, &format!("{path}/associate?vol_type_id={kind}")).await;
    get(script, &admin, &format!("{path}/associations")).await;
    get(script, &admin, &format!("{path}/associate?vol_type_id={NOBODY}")).await;
    get(script, &admin, &format!("/types/{kind}")).await;
    delete(script, &admin, &path).await;
    get(script, &admin, &format!("{path}/disassociate?vol_type_id={kind}")).await;
    get(script, &admin, &format!("{path}/disassociate_all")).await;
    script.part("deleted");
    delete(script, &admin, &path).await;
    delete(script, &admin, &path).await;
    delete(script, &admin, &format!("/types/{kind}")).await;
}

/// Only the limits that do not depend on which types there are.
fn general(value: &Value) -> Value {
    let mut shown = value.clone();
    if let Some(limits) = shown.as_object_mut() {
        limits.retain(|name, _| {
            !["volumes_", "gigabytes_", "snapshots_"].iter().any(|of| name.starts_with(of))
        });
    }
    sorted(shown)
}

pub(crate) async fn quotas(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let project = member.project.clone().expect("a project");
    let path = format!("/os-quota-sets/{project}");
    volume(bed, script, &member, "volume").await;
    script.part("looked at");
    for path in [path.clone(), format!("{path}?usage=true"), format!("{path}/defaults")] {
        // Other runs make and delete types; each type has quotas of its own.
        let shown = super::cinder::ask(&member, NEW, "GET", &path, None).await;
        script.note(&format!(
            "GET {path}: {} {}",
            shown.status,
            general(&shown.json()["quota_set"])
        ));
        let all = shown.json();
        script.note(&format!("files: {}", sorted(all["quota_set"]["volumes_files"].clone())));
    }
    let foreign = bed.other.project.clone().expect("a project");
    get(script, &member, &format!("/os-quota-sets/{foreign}")).await;
    get(script, &member, "/limits").await;
    script.part("set");
    put(script, &member, &path, json!({"quota_set": {"volumes": 1}})).await;
    for quota in
        [json!({"volumes": -2}), json!({"volumes": "x"}), json!({"nonsense": 1}), json!({})]
    {
        put(script, &admin, &path, json!({"quota_set": quota})).await;
    }
    put(script, &admin, &path, json!({})).await;
    let few = json!({"quota_set": {"volumes": 1, "gigabytes": 5, "snapshots": 0, "backups": 0}});
    let set = super::cinder::ask(&admin, NEW, "PUT", &path, Some(&few)).await;
    script.note(&format!("PUT: {} {}", set.status, general(&set.json()["quota_set"])));
    get(script, &member, "/limits").await;
    script.part("enforced");
    let wanted = |size: u64| json!({"volume": {"size": size}});
    post(script, &member, "/volumes", wanted(1)).await;
    post(script, &member, "/volumes", wanted(10)).await;
    let list = super::cinder::ask(&member, NEW, "GET", "/volumes", None).await.json();
    let id = text(&list["volumes"][0], "id").to_owned();
    let bigger = json!({"os-extend": {"new_size": 10}});
    post(script, &member, &format!("/volumes/{id}/action"), bigger).await;
    post(script, &member, "/snapshots", json!({"snapshot": {"volume_id": id}})).await;
    post(script, &member, "/backups", json!({"backup": {"volume_id": id}})).await;
    script.part("forgotten");
    delete(script, &member, &path).await;
    delete(script, &admin, &path).await;
    get(script, &member, "/limits").await;
}

pub(crate) async fn operations(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    script.part("zones and services");
    get(script, &member, "/os-availability-zone").await;
    get(script, &member, "/os-services").await;
    for version in ["3.0", "3.7", NEW] {
        let path = "/os-services?binary=cinder-volume";
        say(script, &admin, version, ("GET", path), None).await;
    }
    get(script, &admin, "/os-services?binary=nonsense").await;
    get(script, &member, "/scheduler-stats/get_pools").await;
    get(script, &admin, "/scheduler-stats/get_pools").await;
    script.part("filters");
    for path in ["/resource_filters?resource=volume", "/resource_filters?resource=nonsense"] {
        get(script, &member, path).await;
    }
    say(script, &member, "3.32", ("GET", "/resource_filters"), None).await;
    script.part("messages");
    get(script, &member, &format!("/messages/{NOBODY}")).await;
    delete(script, &member, &format!("/messages/{NOBODY}")).await;
    script.part("groups");
    get(script, &member, "/group_types").await;
    get(script, &member, "/groups").await;
    get(script, &member, "/groups/detail").await;
    get(script, &member, &format!("/groups/{NOBODY}")).await;
    say(script, &member, "3.12", ("GET", "/groups"), None).await;
    get(script, &member, "/group_snapshots").await;
    script.part("transfers");
    let id = volume(bed, script, &member, "volume").await;
    for transfer in [json!({}), json!({"volume_id": NOBODY}), json!({"volume_id": "x"})] {
        post(script, &member, "/volume-transfers", json!({"transfer": transfer})).await;
    }
    let body = json!({"transfer": {"volume_id": id, "name": bed.name("transfer")}});
    let made = super::cinder::ask(&member, NEW, "POST", "/volume-transfers", Some(&body)).await;
    let made = made.json();
    let (key, transfer) = (text(&made["transfer"], "auth_key"), text(&made["transfer"], "id"));
    script.name(key, "<key>");
    script.name(transfer, "<transfer>");
    script.note(&sorted(made.clone()).to_string());
    let shown = super::cinder::ask(&member, NEW, "GET", &format!("/volumes/{id}"), None).await;
    script.note(&format!("status {}", shown.json()["volume"]["status"]));
    let path = format!("/volume-transfers/{transfer}");
    get(script, &member, &path).await;
    get(script, &member, "/volume-transfers").await;
    get(script, &member, "/volume-transfers/detail").await;
    get(script, &bed.other, &path).await;
    let accept = |key: &str| json!({"accept": {"auth_key": key}});
    post(script, &admin, &format!("{path}/accept"), accept("wrong")).await;
    post(script, &admin, &format!("{path}/accept"), json!({})).await;
    delete(script, &member, &path).await;
    delete(script, &member, &path).await;
    let shown = super::cinder::ask(&member, NEW, "GET", &format!("/volumes/{id}"), None).await;
    script.note(&format!("status {}", shown.json()["volume"]["status"]));
}

scenarios! {
    volume_types_are_kept_by_administrators = types;
    qos_specs_are_kept_by_administrators = qos;
    volume_quotas_are_set_and_enforced = quotas;
    volume_services_are_looked_at = operations;
}
