//! Cinder's part of the contract: actions, attachments, snapshots and backups.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::cinder::{NEW, ask, delete, get, made, post, put, say, states, tenant, volume};
use super::script::Script;
use crate::client::Session;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
const SERVER: &str = "11111111-1111-4111-8111-111111111111";

async fn act(script: &mut Script, who: &Session, id: &str, action: Value) {
    post(script, who, &format!("/volumes/{id}/action"), action).await;
}

/// Notes the state of a volume.
async fn state(script: &mut Script, who: &Session, id: &str) {
    let shown = ask(who, NEW, "GET", &format!("/volumes/{id}"), None).await.json();
    let shown = &shown["volume"];
    let (status, bootable, metadata) = (&shown["status"], &shown["bootable"], &shown["metadata"]);
    script.note(&format!("status {status}, bootable {bootable}, metadata {metadata}"));
}

pub(crate) async fn actions(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let id = volume(bed, script, &member, "volume").await;
    let path = format!("/volumes/{id}");
    script.part("extended");
    for size in [json!(1), json!(0), json!("x"), json!(null), json!(2000), json!(2)] {
        act(script, &member, &id, json!({"os-extend": {"new_size": size}})).await;
    }
    states(script, &member, &path, &["extending", "available"]).await;
    act(script, &member, &id, json!({"os-extend": {}})).await;
    script.part("bootable and read-only");
    for flag in [json!(true), json!("False"), json!("maybe")] {
        act(script, &member, &id, json!({"os-set_bootable": {"bootable": flag}})).await;
        state(script, &member, &id).await;
    }
    for flag in [json!(true), json!(false), json!("maybe")] {
        act(script, &member, &id, json!({"os-update_readonly_flag": {"readonly": flag}})).await;
        state(script, &member, &id).await;
    }
    script.part("reserved and released");
    act(script, &member, &id, json!({"os-reserve": null})).await;
    state(script, &member, &id).await;
    act(script, &member, &id, json!({"os-reserve": {}})).await;
    act(script, &member, &id, json!({"os-extend": {"new_size": 3}})).await;
    delete(script, &member, &path).await;
    act(script, &member, &id, json!({"os-unreserve": {}})).await;
    state(script, &member, &id).await;
    act(script, &member, &id, json!({"os-unreserve": {}})).await;
    act(script, &member, &id, json!({"os-begin_detaching": {}})).await;
    act(script, &member, &id, json!({"os-roll_detaching": {}})).await;
    script.part("state by an administrator");
    for status in [json!("error"), json!("nonsense"), json!("in-use")] {
        act(script, &admin, &id, json!({"os-reset_status": {"status": status}})).await;
        state(script, &member, &id).await;
    }
    act(script, &member, &id, json!({"os-reset_status": {"status": "available"}})).await;
    act(script, &admin, &id, json!({"os-reset_status": {}})).await;
    let detached =
        json!({"status": "available", "attach_status": "detached", "migration_status": "none"});
    act(script, &admin, &id, json!({"os-reset_status": detached})).await;
    script.part("retyped");
    act(
        script,
        &member,
        &id,
        json!({"os-retype": {"new_type": "nonsense", "migration_policy": "never"}}),
    )
    .await;
    act(
        script,
        &member,
        &id,
        json!({"os-retype": {"new_type": "files", "migration_policy": "never"}}),
    )
    .await;
    act(
        script,
        &member,
        &id,
        json!({"os-retype": {"new_type": "files-replicated", "migration_policy": "perhaps"}}),
    )
    .await;
    act(script, &member, &id, json!({"os-retype": {}})).await;
    act(
        script,
        &member,
        &id,
        json!({"os-retype": {"new_type": "files-replicated", "migration_policy": "never"}}),
    )
    .await;
    states(script, &member, &path, &["retyping", "available"]).await;
    let shown = ask(&member, NEW, "GET", &path, None).await.json();
    script.note(&format!("type {}", shown["volume"]["volume_type"]));
    script.part("unknown");
    act(script, &member, &id, json!({"os-nonsense": {}})).await;
    act(script, &member, &id, json!({})).await;
    act(script, &member, NOBODY, json!({"os-extend": {"new_size": 3}})).await;
    script.part("deleted by force");
    act(script, &member, &id, json!({"os-force_delete": {}})).await;
    act(script, &admin, &id, json!({"os-force_delete": {}})).await;
    states(script, &member, &path, &["deleting", "gone"]).await;
}

pub(crate) async fn attachments(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let id = volume(bed, script, &member, "volume").await;
    script.part("reserved");
    let body =
        |volume: &str| json!({"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}});
    say(script, &member, "3.26", ("POST", "/attachments"), Some(&body(&id))).await;
    say(script, &member, "3.27", ("POST", "/attachments"), Some(&body(NOBODY))).await;
    for attachment in [
        json!({}),
        json!({"volume_uuid": "x"}),
        json!({"volume_uuid": id, "instance_uuid": "x"}),
        json!({"volume_uuid": id, "instance_uuid": SERVER, "mode": "wo"}),
        json!({"volume_uuid": id, "instance_uuid": SERVER, "connector": "x"}),
    ] {
        post(script, &member, "/attachments", json!({"attachment": attachment})).await;
    }
    let made = post(script, &member, "/attachments", body(&id)).await.json();
    let first = text(&made["attachment"], "id").to_owned();
    script.name(&first, "<attachment>");
    state(script, &member, &id).await;
    let path = format!("/attachments/{first}");
    get(script, &member, &path).await;
    let again = json!({"attachment": {"volume_uuid": id, "instance_uuid": NOBODY}});
    post(script, &member, "/attachments", again).await;
    let foreign = post(script, &bed.other, "/attachments", body(&id)).await;
    assert_eq!(foreign.status, 404);
    script.part("lists");
    for query in ["", "/detail", "?limit=1", "?status=reserved", "?nonsense=x"] {
        get(script, &member, &format!("/attachments{query}")).await;
    }
    get(script, &member, &format!("/attachments?volume_id={id}")).await;
    get(script, &member, &format!("/attachments?instance_id={NOBODY}")).await;
    script.part("completed");
    let complete = json!({"os-complete": {}});
    say(script, &member, "3.43", ("POST", &format!("{path}/action")), Some(&complete)).await;
    post(script, &member, &format!("{path}/action"), complete.clone()).await;
    state(script, &member, &id).await;
    let shown = get(script, &member, &format!("/volumes/{id}")).await.json();
    assert_eq!(shown["volume"]["attachments"][0]["attachment_id"], json!(first));
    delete(script, &member, &format!("/volumes/{id}")).await;
    let volume = format!("/volumes/{id}/action");
    post(script, &member, &volume, json!({"os-begin_detaching": {}})).await;
    state(script, &member, &id).await;
    post(script, &member, &volume, json!({"os-roll_detaching": {}})).await;
    state(script, &member, &id).await;
    say(script, &member, "3.41", ("POST", &volume), Some(&json!({"os-extend": {"new_size": 2}})))
        .await;
    script.part("updated");
    for body in [
        json!({}),
        json!({"attachment": {}}),
        json!({"attachment": {"connector": {}}}),
        json!({"attachment": {"connector": "x"}}),
    ] {
        put(script, &member, &path, body).await;
    }
    let connector = json!({"attachment": {"connector": {"host": "x"}}});
    put(script, &member, &format!("/attachments/{NOBODY}"), connector).await;
    script.part("released");
    get(script, &bed.other, &path).await;
    delete(script, &bed.other, &path).await;
    delete(script, &admin, &path).await;
    state(script, &member, &id).await;
    get(script, &member, &path).await;
    delete(script, &member, &path).await;
    post(script, &member, &format!("{path}/action"), complete).await;
}

pub(crate) async fn snapshots(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let id = volume(bed, script, &member, "volume").await;
    script.part("refused");
    for snapshot in [
        json!({}),
        json!({"volume_id": NOBODY}),
        json!({"volume_id": "x"}),
        json!({"volume_id": id, "name": "n".repeat(256)}),
        json!({"volume_id": id, "metadata": {"a": 5}}),
        json!({"volume_id": id, "force": "maybe"}),
        json!({"volume_id": id, "unknown": 1}),
        json!({"volume_id": id, "force": false}),
    ] {
        post(script, &member, "/snapshots", json!({"snapshot": snapshot})).await;
    }
    post(script, &member, "/snapshots", json!({})).await;
    post(script, &bed.other, "/snapshots", json!({"snapshot": {"volume_id": id}})).await;
    script.part("created");
    let body = json!({"snapshot": {
        "volume_id": id, "name": bed.name("one"), "description": "text", "metadata": {"a": "b"},
    }});
    let one = post(script, &member, "/snapshots", body.clone()).await.json();
    let one = text(&one["snapshot"], "id").to_owned();
    script.name(&one, "<one>");
    let path = format!("/snapshots/{one}");
    states(script, &member, &path, &["creating", "available"]).await;
    say(
        script,
        &member,
        "3.0",
        ("POST", "/snapshots"),
        Some(&json!({"snapshot": {"volume_id": id, "force": true}})),
    )
    .await;
    bed.next_second().await;
    script.part("shown");
    for version in ["3.0", "3.14", "3.41", NEW] {
        say(script, &member, version, ("GET", &path), None).await;
    }
    get(script, &admin, &path).await;
    get(script, &bed.other, &path).await;
    get(script, &member, &format!("/snapshots/{NOBODY}")).await;
    script.part("listed");
    for query in [
        format!("?name={}", bed.name("one")),
        format!("/detail?name={}", bed.name("one")),
        format!("?limit=1&sort=name:desc&name={}", bed.name("one")),
        format!("?volume_id={NOBODY}"),
        "?status=error&with_count=true".to_owned(),
        "?unknown=x".to_owned(),
        "?limit=-1".to_owned(),
        "?sort=nonsense".to_owned(),
        format!("?marker={NOBODY}"),
    ] {
        get(script, &member, &format!("/snapshots{query}")).await;
    }
    script.part("changed");
    put(script, &member, &path, json!({"snapshot": {"name": "new", "description": "other"}})).await;
    put(script, &member, &path, json!({"snapshot": {}})).await;
    put(script, &member, &path, json!({"snapshot": {"size": 1}})).await;
    let meta = format!("{path}/metadata");
    get(script, &member, &meta).await;
    post(script, &member, &meta, json!({"metadata": {"c": "d"}})).await;
    put(script, &member, &meta, json!({"metadata": {"e": "f"}})).await;
    put(script, &member, &format!("{meta}/g"), json!({"meta": {"g": "h"}})).await;
    get(script, &member, &format!("{meta}/g")).await;
    delete(script, &member, &format!("{meta}/g")).await;
    get(script, &member, &format!("{meta}/g")).await;
    use_snapshot(bed, script, &member, (&id, &one)).await;
    script.part("deleted");
    delete(script, &member, &format!("/volumes/{id}")).await;
    let action = format!("{path}/action");
    let reset = |status: &str| json!({"os-reset_status": {"status": status}});
    post(script, &admin, &action, reset("creating")).await;
    delete(script, &member, &path).await;
    post(script, &member, &action, reset("error")).await;
    post(script, &admin, &action, reset("nonsense")).await;
    post(script, &admin, &action, reset("available")).await;
    delete(script, &bed.other, &path).await;
    delete(script, &member, &path).await;
    states(script, &member, &path, &["deleting", "gone"]).await;
    delete(script, &member, &path).await;
    delete(script, &member, &format!("/volumes/{id}?cascade=true")).await;
    states(script, &member, &format!("/volumes/{id}"), &["deleting", "gone"]).await;
    get(script, &member, "/snapshots").await;
}

/// Makes a volume of the snapshot and takes its volume back to it.
async fn use_snapshot(bed: &Bed, script: &mut Script, member: &Session, (id, one): (&str, &str)) {
    script.part("used");
    let bigger = json!({"volume": {"snapshot_id": one, "size": 2, "name": bed.name("bigger")}});
    let made_of = post(script, member, "/volumes", bigger).await.json();
    let made_of = text(&made_of["volume"], "id").to_owned();
    script.name(&made_of, "<bigger>");
    states(script, member, &format!("/volumes/{made_of}"), &["creating", "available"]).await;
    act(script, member, id, json!({"os-extend": {"new_size": 2}})).await;
    states(script, member, &format!("/volumes/{id}"), &["extending", "available"]).await;
    let smaller = json!({"volume": {"snapshot_id": one, "size": 0}});
    post(script, member, "/volumes", smaller).await;
    act(script, member, id, json!({"revert": {"snapshot_id": one}})).await;
    act(script, member, id, json!({"revert": {"snapshot_id": NOBODY}})).await;
    act(script, member, &made_of, json!({"revert": {"snapshot_id": one}})).await;
}

pub(crate) async fn backups(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let id = volume(bed, script, &member, "volume").await;
    script.part("refused");
    for backup in [
        json!({}),
        json!({"volume_id": NOBODY}),
        json!({"volume_id": "x"}),
        json!({"volume_id": id, "name": "n".repeat(256)}),
        json!({"volume_id": id, "incremental": "maybe"}),
        json!({"volume_id": id, "incremental": true}),
        json!({"volume_id": id, "snapshot_id": NOBODY}),
        json!({"volume_id": id, "unknown": 1}),
    ] {
        post(script, &member, "/backups", json!({"backup": backup})).await;
    }
    post(script, &member, "/backups", json!({})).await;
    post(script, &bed.other, "/backups", json!({"backup": {"volume_id": id}})).await;
    script.part("created");
    let body = json!({"backup": {
        "volume_id": id, "name": bed.name("full"), "description": "text", "metadata": {"a": "b"},
        "container": "mine",
    }});
    let full = post(script, &member, "/backups", body).await.json();
    let full = text(&full["backup"], "id").to_owned();
    script.name(&full, "<full>");
    state(script, &member, &id).await;
    let path = format!("/backups/{full}");
    states(script, &member, &path, &["creating", "available"]).await;
    state(script, &member, &id).await;
    bed.next_second().await;
    let body = json!({"volume_id": id, "name": bed.name("part"), "incremental": true, "container": "mine"});
    let part = made(script, &member, "backup", "part", body).await;
    script.part("shown");
    for version in ["3.0", "3.18", "3.43", "3.45", "3.56", NEW] {
        say(script, &member, version, ("GET", &path), None).await;
    }
    get(script, &admin, &path).await;
    get(script, &member, &format!("/backups/{part}")).await;
    get(script, &bed.other, &path).await;
    get(script, &member, &format!("/backups/{NOBODY}")).await;
    script.part("listed");
    for query in [
        "",
        "/detail?limit=1",
        "?limit=1&with_count=true",
        "?sort=name:asc",
        "?status=error",
        "?unknown=x",
        "?limit=x",
        "?sort=nonsense",
    ] {
        get(script, &member, &format!("/backups{query}")).await;
    }
    get(script, &member, &format!("/backups?name={}", bed.name("full"))).await;
    get(script, &member, &format!("/backups?volume_id={id}")).await;
    script.part("changed");
    put(script, &member, &path, json!({"backup": {"name": "new", "metadata": {"c": "d"}}})).await;
    put(script, &member, &path, json!({"backup": {}})).await;
    say(script, &member, "3.8", ("PUT", &path), Some(&json!({"backup": {"name": "x"}}))).await;
    script.part("restored");
    let restore = format!("{path}/restore");
    post(script, &member, &restore, json!({"restore": {"volume_id": NOBODY}})).await;
    post(script, &member, &restore, json!({"restore": {"volume_id": "x"}})).await;
    post(script, &member, &restore, json!({})).await;
    let restored = post(script, &member, &restore, json!({"restore": {"volume_id": id}})).await;
    assert_eq!(restored.status, 202, "{}", restored.text);
    states(script, &member, &format!("/volumes/{id}"), &["restoring-backup", "available"]).await;
    states(script, &member, &path, &["restoring", "available"]).await;
    let restored =
        post(script, &member, &restore, json!({"restore": {"name": bed.name("again")}})).await;
    let again = text(&restored.json()["restore"], "volume_id").to_owned();
    script.name(&again, "<again>");
    states(script, &member, &format!("/volumes/{again}"), &["restoring-backup", "available"]).await;
    let of_backup = json!({"volume": {"backup_id": full, "name": bed.name("third")}});
    let third = post(script, &member, "/volumes", of_backup).await.json();
    let third = text(&third["volume"], "id").to_owned();
    script.name(&third, "<third>");
    states(script, &member, &format!("/volumes/{third}"), &["creating", "available"]).await;
    script.part("deleted");
    delete(script, &member, &path).await;
    post(script, &member, &format!("{path}/action"), json!({"os-force_delete": {}})).await;
    post(
        script,
        &member,
        &format!("{path}/action"),
        json!({"os-reset_status": {"status": "error"}}),
    )
    .await;
    delete(script, &bed.other, &format!("/backups/{part}")).await;
    delete(script, &member, &format!("/backups/{part}")).await;
    states(script, &member, &format!("/backups/{part}"), &["deleting", "gone"]).await;
    delete(script, &member, &path).await;
    states(script, &member, &path, &["deleting", "gone"]).await;
    delete(script, &member, &path).await;
}

scenarios! {
    volumes_obey_actions = actions;
    volumes_are_attached_and_detached = attachments;
    snapshots_are_taken_and_used = snapshots;
    backups_are_written_and_restored = backups;
}
