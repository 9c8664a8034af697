//! Cinder's part of the contract: versions, volumes and their lists.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::cinder::{NEW, delete, get, made, post, put, say, states, tenant, volume};
use super::script::Script;
use crate::client::http;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

pub(crate) async fn versions(bed: &Bed, script: &mut Script) {
    let (member, _) = tenant(bed, script).await;
    let base = member.catalog["volumev3"].clone();
    let root = base.split("/v3").next().expect("a root").to_owned();
    // The testbed has a second entry in its catalogue for the same address.
    script.name(&root, "<block-storage root>");
    script.part("documents");
    for path in ["", "/", "/v3", "/v3/", "/v2/", "/v4/"] {
        let asked = http().get(format!("{root}{path}")).header("Accept", "application/json");
        script.ask("GET", &format!("{path} without token"), None, asked).await;
    }
    script.part("negotiation");
    for version in ["", "3.0", "3.70", "latest", "3.71", "2.0", "4.0", "x", "3", "3.x"] {
        say(script, &member, version, ("GET", "/os-availability-zone"), None).await;
    }
    for header in ["compute 2.1", "compute 2.1, volume 3.50", "volume", "volume 3.50 x"] {
        let asked = member.to("volumev3", Method::GET, "/os-availability-zone");
        let asked = asked.header("OpenStack-API-Version", header);
        script.ask("GET", &format!("with {header}"), None, asked).await;
    }
    script.part("elsewhere");
    get(script, &member, "/nowhere").await;
    say(script, &member, NEW, ("PATCH", "/volumes"), None).await;
    let theirs = base.replace(member.project.as_deref().expect("a project"), "nonsense");
    let asked = member.http.get(format!("{theirs}/volumes")).header("X-Auth-Token", &member.token);
    script.ask("GET", "volumes of another project", None, asked).await;
    let without = base.rsplit_once('/').expect("a project").0;
    let asked = member.http.get(format!("{without}/volumes")).header("X-Auth-Token", &member.token);
    script.ask("GET", "volumes without a project", None, asked).await;
    let asked = http().get(format!("{base}/volumes"));
    script.ask("GET", "volumes without a token", None, asked).await;
    let asked = http().get(format!("{base}/volumes")).header("X-Auth-Token", "nonsense");
    script.ask("GET", "volumes with a wrong token", None, asked).await;
}

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    script.part("created");
    let plain = json!({"volume": {"size": 1}});
    let created = say(script, &member, "3.0", ("POST", "/volumes"), Some(&plain)).await;
    let first = text(&created.json()["volume"], "id").to_owned();
    script.name(&first, "<first>");
    states(script, &member, &format!("/volumes/{first}"), &["creating", "available"]).await;
    let full = json!({"volume": {
        "size": "1", "name": bed.name("full"), "description": "all of it", "volume_type": "files",
        "availability_zone": "nova", "metadata": {"a": "b"}, "multiattach": false,
        "consistencygroup_id": null, "snapshot_id": null, "source_volid": null, "imageRef": null,
    }});
    let created = post(script, &admin, "/volumes", full).await;
    let second = text(&created.json()["volume"], "id").to_owned();
    script.name(&second, "<second>");
    states(script, &admin, &format!("/volumes/{second}"), &["creating", "available"]).await;
    let copy = json!({"volume": {"source_volid": first, "name": bed.name("copy")}});
    let created = post(script, &member, "/volumes", copy).await;
    let third = text(&created.json()["volume"], "id").to_owned();
    script.name(&third, "<third>");
    states(script, &member, &format!("/volumes/{third}"), &["creating", "available"]).await;
    get(script, &member, &format!("/volumes/{third}")).await;

    script.part("refused");
    for volume in [
        json!({}),
        json!({"size": 0}),
        json!({"size": -1}),
        json!({"size": "much"}),
        json!({"size": 1.5}),
        json!({"size": null}),
        json!({"size": 1, "name": "n".repeat(256)}),
        json!({"size": 1, "name": 5}),
        json!({"size": 1, "description": "d".repeat(256)}),
        json!({"size": 1, "metadata": "x"}),
        json!({"size": 1, "metadata": {"a": 5}}),
        json!({"size": 1, "metadata": {"": "x"}}),
        json!({"size": 1, "metadata": {"a".repeat(256): "x"}}),
        json!({"size": 1, "volume_type": "nonsense"}),
        json!({"size": 1, "volume_type": NOBODY}),
        json!({"size": 1, "availability_zone": "nowhere"}),
        json!({"size": 1, "snapshot_id": NOBODY}),
        json!({"size": 1, "snapshot_id": "x"}),
        json!({"size": 1, "source_volid": NOBODY}),
        json!({"size": 1, "imageRef": NOBODY}),
        json!({"size": 1, "imageRef": "x"}),
        json!({"size": 1, "backup_id": NOBODY}),
        json!({"size": 1, "group_id": NOBODY}),
        json!({"size": 1, "multiattach": true}),
        json!({"size": 1, "multiattach": "maybe"}),
        json!({"size": 1, "unknown": "x"}),
        json!({"size": 1001}),
    ] {
        post(script, &member, "/volumes", json!({"volume": volume})).await;
    }
    let backup = json!({"volume": {"size": 1, "backup_id": NOBODY}});
    say(script, &member, "3.46", ("POST", "/volumes"), Some(&backup)).await;
    for body in [json!({}), json!({"server": {}}), json!({"volume": null}), json!([])] {
        post(script, &member, "/volumes", body).await;
    }
    for body in ["{bad", "", "[]"] {
        let asked = member.to("volumev3", Method::POST, "/volumes");
        let asked = asked.header("Content-Type", "application/json").body(body);
        script.ask("POST", "/volumes", Some(body), asked).await;
    }
    let asked =
        member.to("volumev3", Method::POST, "/volumes").header("Content-Type", "text/plain");
    script.ask("POST", "/volumes as text", None, asked.body("x")).await;
}

pub(crate) async fn image(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let post_image = |body: Value| {
        let admin = admin.clone();
        async move { admin.post("/v2/images", &body).await.json() }
    };
    let empty = post_image(json!({"name": bed.name("empty"), "tags": [bed.run]})).await;
    let image = post_image(json!({
        "name": bed.name("image"), "tags": [bed.run], "disk_format": "raw", "min_disk": 2,
        "container_format": "bare", "visibility": "public", "os_distro": "debian",
        "hw_disk_bus": "virtio",
    }))
    .await;
    let private = post_image(json!({
        "name": bed.name("private"), "tags": [bed.run], "disk_format": "raw",
        "container_format": "bare", "visibility": "private",
        "owner": bed.admin.project,
    }))
    .await;
    for (image, name) in [(&empty, "empty"), (&image, "image"), (&private, "private")] {
        script.name(text(image, "id"), &format!("<{name}>"));
    }
    let path = format!("/v2/images/{}/file", text(&image, "id"));
    let upload = admin.image(Method::PUT, &path).header("Content-Type", "application/octet-stream");
    let upload = crate::client::Answer::of(upload.body(vec![7_u8; 2048])).await;
    assert_eq!(upload.status, 204, "{}", upload.text);
    script.part("refused");
    let wanted =
        |image: &Value, size: u64| json!({"volume": {"size": size, "imageRef": image["id"]}});
    post(script, &member, "/volumes", wanted(&image, 1)).await;
    post(script, &admin, "/volumes", wanted(&empty, 1)).await;
    post(script, &member, "/volumes", wanted(&private, 1)).await;
    script.part("created");
    let created = post(script, &member, "/volumes", wanted(&image, 2)).await;
    let id = text(&created.json()["volume"], "id").to_owned();
    script.name(&id, "<volume>");
    let path = format!("/volumes/{id}");
    states(script, &member, &path, &["creating", "available"]).await;
    get(script, &member, &path).await;
    script.part("image metadata");
    let action = format!("{path}/action");
    post(script, &member, &action, json!({"os-show_image_metadata": {}})).await;
    let set = json!({"os-set_image_metadata": {"metadata": {"os_distro": "x", "new": "y"}}});
    post(script, &member, &action, set).await;
    post(script, &member, &action, json!({"os-set_image_metadata": {}})).await;
    post(script, &member, &action, json!({"os-set_image_metadata": {"metadata": {"": "y"}}})).await;
    post(script, &member, &action, json!({"os-unset_image_metadata": {"key": "new"}})).await;
    post(script, &member, &action, json!({"os-unset_image_metadata": {"key": "new"}})).await;
    post(script, &member, &action, json!({"os-unset_image_metadata": {}})).await;
    script.part("uploaded as an image");
    let upload = |extra: Value| {
        let mut body = json!({"image_name": bed.name("upload"), "disk_format": "raw"});
        if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
            body.extend(extra);
        }
        json!({"os-volume_upload_image": body})
    };
    for extra in [
        json!({"image_name": ""}),
        json!({"disk_format": "floppy"}),
        json!({"visibility": "secret"}),
        json!({"visibility": "public"}),
        json!({"force": "maybe"}),
        json!({"unknown": 1}),
    ] {
        post(script, &member, &action, upload(extra)).await;
    }
    let uploaded = post(script, &member, &action, upload(json!({"visibility": "private"}))).await;
    let made = uploaded.json();
    let made = text(&made["os-volume_upload_image"], "image_id").to_owned();
    script.name(&made, "<upload>");
    states(script, &member, &path, &["uploading", "available"]).await;
    // Its hashes are of two GiB that the simulation does not have.
    let image = member.get(&format!("/v2/images/{made}")).await.json();
    for field in ["status", "name", "size", "virtual_size", "os_distro", "owner", "stores"] {
        script.note(&format!("{field}: {}", image[field]));
    }
    let gone = member.delete(&format!("/v2/images/{made}")).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
}

pub(crate) async fn change(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    let id = volume(bed, script, &member, "volume").await;
    let path = format!("/volumes/{id}");
    script.part("shown");
    for version in ["3.0", "3.13", "3.21", "3.48", "3.61", "3.63", "3.64", "3.65", "3.69"] {
        say(script, &member, version, ("GET", &path), None).await;
    }
    get(script, &admin, &path).await;
    get(script, &member, &format!("/volumes/{NOBODY}")).await;
    get(script, &member, "/volumes/nonsense").await;
    script.part("foreign");
    let theirs = path.clone();
    say(script, &bed.other, NEW, ("GET", &theirs), None).await;
    put(script, &bed.other, &theirs, json!({"volume": {"name": "x"}})).await;
    delete(script, &bed.other, &theirs).await;
    post(script, &bed.other, &format!("{path}/action"), json!({"os-extend": {"new_size": 2}}))
        .await;
    script.part("changed");
    for volume in [
        json!({"name": "new", "description": "text"}),
        json!({"name": null}),
        json!({"display_name": "old way", "display_description": "too"}),
        json!({"metadata": {"a": "b", "c": "d"}}),
        json!({}),
        json!({"name": "n".repeat(256)}),
        json!({"size": 5}),
        json!({"metadata": {"a": 5}}),
    ] {
        put(script, &member, &path, json!({"volume": volume})).await;
    }
    put(script, &member, &path, json!({})).await;
    put(script, &member, &format!("/volumes/{NOBODY}"), json!({"volume": {"name": "x"}})).await;
    script.part("metadata");
    let meta = format!("{path}/metadata");
    get(script, &member, &meta).await;
    post(script, &member, &meta, json!({"metadata": {"e": "f"}})).await;
    put(script, &member, &meta, json!({"metadata": {"g": "h"}})).await;
    put(script, &member, &format!("{meta}/i"), json!({"meta": {"i": "j"}})).await;
    put(script, &member, &format!("{meta}/i"), json!({"meta": {"k": "j"}})).await;
    put(script, &member, &format!("{meta}/i"), json!({"meta": {"i": "j", "k": "l"}})).await;
    put(script, &member, &format!("{meta}/i"), json!({"metadata": {"i": "j"}})).await;
    get(script, &member, &format!("{meta}/i")).await;
    get(script, &member, &format!("{meta}/none")).await;
    delete(script, &member, &format!("{meta}/i")).await;
    delete(script, &member, &format!("{meta}/i")).await;
    post(script, &member, &meta, json!({"metadata": {"a": 1}})).await;
    post(script, &member, &meta, json!({"metadata": {"a": "v".repeat(256)}})).await;
    post(script, &member, &meta, json!({"meta": {}})).await;
    get(script, &bed.other, &meta).await;
    script.part("deleted");
    delete(script, &member, &format!("/volumes/{NOBODY}")).await;
    delete(script, &member, &format!("{path}?force=true")).await;
    delete(script, &member, &path).await;
    states(script, &member, &path, &["deleting", "gone"]).await;
    delete(script, &member, &path).await;
    let second = volume(bed, script, &member, "second").await;
    delete(script, &admin, &format!("/volumes/{second}?force=true&cascade=true")).await;
    states(script, &member, &format!("/volumes/{second}"), &["deleting", "gone"]).await;
}

pub(crate) async fn list(bed: &Bed, script: &mut Script) {
    let (member, admin) = tenant(bed, script).await;
    for (name, size) in [("a", 1), ("b", 2), ("c", 1)] {
        let body = json!({"size": size, "name": bed.name(name), "metadata": {"mine": name}});
        made(script, &member, "volume", name, body).await;
        bed.next_second().await;
    }
    script.part("lists");
    for version in ["3.0", "3.44", "3.45", NEW] {
        say(script, &member, version, ("GET", "/volumes?with_count=true"), None).await;
    }
    get(script, &member, "/volumes/detail").await;
    script.part("filters");
    let name = bed.name("b");
    for query in [
        format!("name={name}"),
        "name~=nothing".to_owned(),
        "status=available".to_owned(),
        "status=error".to_owned(),
        "status=available,error".to_owned(),
        "bootable=true".to_owned(),
        "bootable=nonsense".to_owned(),
        "metadata={'mine':'a'}".to_owned(),
        "metadata=nonsense".to_owned(),
        "availability_zone=nova".to_owned(),
        "size=2".to_owned(),
        "volume_type_id=x".to_owned(),
        "unknown=x".to_owned(),
        "created_at=gt:2020-01-01T00:00:00".to_owned(),
        "created_at=gt:2120-01-01T00:00:00".to_owned(),
        "created_at=xx:2020-01-01T00:00:00".to_owned(),
        "created_at=gt:nonsense".to_owned(),
        "consumes_quota=true".to_owned(),
    ] {
        get(script, &member, &format!("/volumes?{query}")).await;
    }
    get(script, &admin, &format!("/volumes?all_tenants=1&name={name}")).await;
    get(
        script,
        &admin,
        &format!(
            "/volumes?all_tenants=true&project_id={}",
            member.project.as_deref().expect("one")
        ),
    )
    .await;
    get(script, &admin, "/volumes?all_tenants=nonsense").await;
    get(script, &member, "/volumes?all_tenants=1").await;
    script.part("order");
    for sort in ["name:asc", "size:desc,name:desc", "name", "size", "nonsense", "name:up"] {
        get(script, &member, &format!("/volumes?sort={sort}")).await;
    }
    get(script, &member, "/volumes?sort_key=name&sort_dir=asc").await;
    script.part("pages");
    let mut next = Some("/volumes?limit=2&sort=name:asc&with_count=True".to_owned());
    while let Some(path) = next.take() {
        let page = get(script, &member, &path).await.json();
        let link = page["volumes_links"][0]["href"].as_str().map(str::to_owned);
        next = link.map(|link| link.split_once("/volumes").expect("a link").1.to_owned());
        next = next.map(|rest| format!("/volumes{rest}"));
    }
    for query in [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=1",
        "marker=x",
        "offset=1",
        "offset=-1",
        "offset=x",
    ] {
        get(script, &member, &format!("/volumes?{query}")).await;
    }
    get(script, &member, &format!("/volumes?marker={NOBODY}")).await;
    get(script, &member, "/volumes/detail?limit=1").await;
    script.part("summary");
    for version in ["3.11", "3.12", "3.36"] {
        say(script, &member, version, ("GET", "/volumes/summary"), None).await;
    }
}

scenarios! {
    volume_versions_are_negotiated = versions;
    volumes_are_created_or_refused = create;
    volumes_are_made_from_images_and_images_from_volumes = image;
    volumes_are_changed_and_deleted = change;
    volumes_are_listed_in_pages = list;
}
