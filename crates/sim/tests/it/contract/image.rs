//! Glance's part of the contract: images without their bytes.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session, http};

/// Creates an image of this run without writing it down; its path.
pub(crate) async fn made(
    bed: &Bed,
    script: &mut Script,
    who: &Session,
    name: &str,
    extra: Value,
) -> String {
    let mut body = json!({"name": bed.name(name), "tags": [bed.run]});
    if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
        body.extend(extra);
    }
    let created = who.post("/v2/images", &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let id = text(&created.json(), "id").to_owned();
    script.name(&id, &format!("<{name}>"));
    format!("/v2/images/{id}")
}

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    script.part("created");
    let full = json!({
        "name": bed.name("full"), "disk_format": "qcow2", "container_format": "bare",
        "min_disk": 5, "min_ram": 512, "protected": false, "os_hidden": false,
        "visibility": "private", "tags": [bed.run, "b", "a"], "os_distro": "debian", "free": "text",
    });
    let created = script.post(member, "/v2/images", &full).await;
    let id = text(&created.json(), "id").to_owned();
    script.post(member, "/v2/images", &json!({"tags": [bed.run]})).await;
    let chosen = uuid::Uuid::new_v4().to_string();
    script.name(&chosen, "<chosen>");
    script.post(member, "/v2/images", &json!({"id": chosen, "tags": [bed.run]})).await;
    let odd = json!({"name": "ümläut ☃", "tags": [bed.run], "a/b": "c"});
    script.post(member, "/v2/images", &odd).await;
    let other_type = member.image(Method::POST, "/v2/images").header("Content-Type", "text/plain");
    let body = json!({"name": "x", "tags": [bed.run]}).to_string();
    script.ask("POST", "/v2/images as text/plain", None, other_type.body(body)).await;
    let mine = json!({"owner": member.project, "tags": [bed.run]});
    script.post(member, "/v2/images", &mine).await;
    let given = json!({"owner": member.project, "visibility": "public", "tags": [bed.run]});
    script.post(&bed.admin, "/v2/images", &given).await;

    script.part("refused");
    script.post(member, "/v2/images", &json!({"id": id})).await;
    for body in [
        json!({"size": 5}),
        json!({"checksum": "x"}),
        json!({"status": "active"}),
        json!({"self": "x"}),
        json!({"stores": "x"}),
        json!({"os_glance_mine": "x"}),
        json!({"location": "x"}),
        json!({"locations": []}),
        json!({"deleted": "x"}),
        json!({"disk_format": "floppy"}),
        json!({"container_format": "box"}),
        json!({"visibility": "secret"}),
        json!({"visibility": "public"}),
        json!({"owner": bed.other.project}),
        json!({"min_disk": -1}),
        json!({"min_ram": "much"}),
        json!({"protected": "yes"}),
        json!({"id": "nonsense"}),
        json!({"free": 5}),
        json!({"free": null}),
        json!({"name": "n".repeat(256)}),
        json!({"tags": "one"}),
        json!({"tags": ["t".repeat(256)]}),
        json!({"k".repeat(256): "v"}),
    ] {
        script.post(member, "/v2/images", &body).await;
    }
    for body in ["{bad", "", "[]"] {
        let request = member.image(Method::POST, "/v2/images");
        let request = request.header("Content-Type", "application/json").body(body);
        script.ask("POST", "/v2/images", Some(body), request).await;
    }
    let anonymous = http().post(format!("{}/v2/images", member.image)).header("Accept", "*/*");
    script.ask("POST", "/v2/images without token", None, anonymous.body("{}")).await;
    let put = member.image(Method::PUT, "/v2/images");
    script.ask("PUT", "/v2/images", None, put).await;
}

pub(crate) async fn show(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", json!({"disk_format": "raw", "one": "1"})).await;
    script.part("shown");
    script.get(member, &path).await;
    script.get(&bed.admin, &path).await;
    script.part("not found");
    let nowhere = "/v2/images/00000000-0000-4000-8000-000000000000";
    script.get(member, nowhere).await;
    script.get(member, "/v2/images/nonsense").await;
    for accept in
        ["application/json", "text/html", "text/plain", "application/json, text/plain, */*"]
    {
        let request = http().get(format!("{}{nowhere}", member.image));
        let request = request.header("X-Auth-Token", &member.token).header("Accept", accept);
        script.ask("GET", &format!("{nowhere} as {accept}"), None, request).await;
    }
    script.part("without a valid token");
    for accept in ["*/*", "application/json"] {
        let request = http().get(format!("{}{path}", member.image)).header("Accept", accept);
        script.ask("GET", &format!("none, as {accept}"), None, request).await;
    }
    let request = http().get(format!("{}{path}", member.image)).header("X-Auth-Token", "nonsense");
    script.ask("GET", "nonsense", None, request.header("Accept", "*/*")).await;
    script.part("wrong method");
    for accept in ["*/*", "application/json"] {
        let request = http().post(format!("{}{path}", member.image)).header("Accept", accept);
        let request = request.header("X-Auth-Token", &member.token);
        script.ask("POST", &format!("{path} as {accept}"), None, request).await;
    }
}

pub(crate) async fn patch(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", json!({"disk_format": "raw", "free": "1"})).await;
    let foreign = made(bed, script, &bed.admin, "foreign", json!({"visibility": "public"})).await;
    let change =
        |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
    script.part("changed");
    let several = json!([
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/more", "value": "2"},
        {"op": "add", "path": "/free", "value": "over"},
        {"op": "replace", "path": "/min_disk", "value": 7},
    ]);
    script.patch(member, &path, &several).await;
    for body in [
        json!([]),
        change("replace", "/visibility", json!("community")),
        change("replace", "/visibility", json!("shared")),
        change("replace", "/disk_format", json!("qcow2")),
        change("replace", "/tags", json!([bed.run, "z", "y"])),
        change("replace", "/os_hidden", json!(true)),
        change("replace", "/os_hidden", json!(false)),
        change("add", "/a~1b", json!("slash")),
        change("replace", "/name", Value::Null),
        json!([{"op": "remove", "path": "/more"}]),
    ] {
        script.patch(member, &path, &body).await;
    }
    script.patch(&bed.admin, &path, &change("replace", "/visibility", json!("public"))).await;
    script.patch(&bed.admin, &path, &change("replace", "/owner", json!(bed.member.project))).await;
    script.part("refused");
    for body in [
        change("replace", "/nothing", json!("x")),
        json!([{"op": "remove", "path": "/nothing"}]),
        json!([{"op": "remove", "path": "/name"}]),
        change("replace", "/size", json!(5)),
        change("replace", "/status", json!("active")),
        change("replace", "/id", json!("x")),
        change("add", "/file", json!("x")),
        change("add", "/os_glance_mine", json!("x")),
        change("add", "/deleted", json!("x")),
        change("replace", "/visibility", json!("secret")),
        change("replace", "/min_disk", json!("x")),
        change("replace", "/min_disk", json!(-1)),
        change("replace", "/protected", json!("yes")),
        change("replace", "/owner", json!("x")),
        change("replace", "/locations", json!([])),
        change("add", "/tags/-", json!("x")),
        change("add", "/a/b", json!("x")),
        change("add", "/number", json!(5)),
        change("replace", "name", json!("x")),
        change("replace", "/name/", json!("x")),
        change("replace", "/na~2me", json!("x")),
        change("test", "/name", json!("x")),
        json!([{"op": "replace", "path": "/name"}]),
        json!([{"path": "/name", "value": "x"}]),
        json!([{"op": "replace", "value": "x"}]),
        json!(["x"]),
        json!({"op": "replace"}),
    ] {
        script.patch(member, &path, &body).await;
    }
    script.part("all or nothing");
    let half = json!([
        {"op": "replace", "path": "/name", "value": "half"},
        {"op": "remove", "path": "/nothing"},
    ]);
    script.patch(member, &path, &half).await;
    let shown = member.get(&path).await.json();
    script.note(&format!("name: {}", shown["name"]));
    script.part("other dialects");
    for (media_type, body) in [
        ("application/json", "[]"),
        ("application/openstack-images-v2.1-json-patch", "{bad"),
        ("application/openstack-images-v2.1-json-patch", ""),
        ("application/openstack-images-v2.0-json-patch", r#"[{"replace":"/name","value":"old"}]"#),
        ("application/openstack-images-v2.0-json-patch", r#"[{"value":"old"}]"#),
    ] {
        let request = member.image(Method::PATCH, &path).header("Content-Type", media_type);
        script.ask("PATCH", media_type, Some(body), request.body(body)).await;
    }
    script.part("not one's own");
    let rename = change("replace", "/name", json!("mine"));
    script.patch(member, &foreign, &rename).await;
    script.patch(member, "/v2/images/nonsense", &rename).await;
    script.part("tags");
    for (method, tag) in [
        (Method::PUT, "one"),
        (Method::PUT, "one"),
        (Method::DELETE, "one"),
        (Method::DELETE, "one"),
    ] {
        let tag = format!("{path}/tags/{tag}");
        let request = member.image(method.clone(), &tag);
        script.ask(method.as_str(), &tag, None, request).await;
    }
    let long = format!("{path}/tags/{}", "t".repeat(256));
    script.ask("PUT", "a long tag", None, member.image(Method::PUT, &long)).await;
}

pub(crate) async fn visibility(bed: &Bed, script: &mut Script) {
    let mut images = Vec::new();
    for visibility in ["private", "shared", "community"] {
        let extra = json!({"visibility": visibility});
        images.push((visibility, made(bed, script, &bed.member, visibility, extra).await));
    }
    let public = json!({"visibility": "public", "owner": bed.member.project});
    images.push(("public", made(bed, script, &bed.admin, "public", public).await));
    for (who, session) in [("owner", &bed.member), ("other", &bed.other), ("admin", &bed.admin)] {
        script.part(who);
        for (visibility, path) in &images {
            let shown = session.get(path).await;
            script.note(&format!("{visibility}: {}", shown.status));
        }
        for query in ["", "&visibility=all", "&visibility=community", "&visibility=shared"] {
            let path = format!("/v2/images?tag={}{query}&sort=name:asc", bed.run);
            let listed = session.get(&path).await.json();
            let names = listed["images"].as_array().expect("images").iter();
            let names: Vec<&str> = names.map(|image| text(image, "visibility")).collect();
            script.note(&format!("list{query}: {}", names.join(" ")));
        }
    }
    script.part("others change nothing");
    for (_, path) in &images {
        let rename = json!([{"op": "replace", "path": "/name", "value": "theirs"}]);
        script.patch(&bed.other, path, &rename).await;
        script.delete(&bed.other, path).await;
    }
}

pub(crate) async fn delete(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let path = made(bed, script, member, "image", json!({"protected": true})).await;
    script.part("protected");
    script.delete(member, &path).await;
    script.delete(&bed.admin, &path).await;
    let free = json!([{"op": "replace", "path": "/protected", "value": false}]);
    assert_eq!(member.patch(&path, &free).await.status, 200);
    script.part("deleted");
    script.delete(member, &path).await;
    script.delete(member, &path).await;
    script.get(member, &path).await;
    script.delete(member, "/v2/images/nonsense").await;
    let rename = json!([{"op": "replace", "path": "/name", "value": "x"}]);
    script.patch(member, &path, &rename).await;
    script.part("its id is used up or not");
    let id = path.rsplit('/').next().expect("an id");
    let again = member.post("/v2/images", &json!({"id": id, "tags": [bed.run]})).await;
    script.note(&again.status.to_string());
}

pub(crate) async fn members(bed: &Bed, script: &mut Script) {
    let (owner, guest) = (&bed.member, &bed.other);
    let shared = made(bed, script, owner, "shared", json!({})).await;
    let private = made(bed, script, owner, "private", json!({"visibility": "private"})).await;
    let list = format!("{shared}/members");
    let name = guest.project.as_deref().expect("a project");
    let entry = format!("{list}/{name}");
    script.part("invited");
    script.get(owner, &list).await;
    script.get(guest, &shared).await;
    script.post(owner, &list, &json!({"member": name})).await;
    script.post(owner, &list, &json!({"member": name})).await;
    script.post(owner, &list, &json!({})).await;
    script.post(owner, &list, &json!({"member": ""})).await;
    script.post(owner, &format!("{private}/members"), &json!({"member": name})).await;
    script.get(owner, &format!("{private}/members")).await;
    script.get(owner, &list).await;
    script.get(owner, &entry).await;
    script.get(owner, &format!("{list}/nobody")).await;
    script.part("accepted");
    let names = |answer: &Answer| answer.json()["images"].as_array().map_or(0, Vec::len);
    let mine = format!("/v2/images?tag={}", bed.run);
    script.note(&format!("listed before: {}", names(&guest.get(&mine).await)));
    let pending = guest.get(&format!("{mine}&member_status=pending&visibility=shared")).await;
    script.note(&format!("listed as pending: {}", names(&pending)));
    let put = |who: &Session, path: &str, body: Value| who.image(Method::PUT, path).json(&body);
    for (title, who, path, body) in [
        ("by the owner", owner, &entry, json!({"status": "accepted"})),
        ("nonsense", guest, &entry, json!({"status": "nonsense"})),
        ("nothing", guest, &entry, json!({})),
        ("by the guest", guest, &entry, json!({"status": "accepted"})),
    ] {
        script.ask("PUT", title, Some(&body.to_string()), put(who, path, body.clone())).await;
    }
    script.note(&format!("listed after: {}", names(&guest.get(&mine).await)));
    script.get(guest, &list).await;
    script.get(guest, &shared).await;
    script.patch(guest, &shared, &json!([{"op": "replace", "path": "/name", "value": "x"}])).await;
    script.part("uninvited");
    script.delete(guest, &entry).await;
    script.delete(owner, &entry).await;
    script.delete(owner, &entry).await;
    script.get(guest, &shared).await;
}
