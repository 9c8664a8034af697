//! Nova's part of the contract: making servers, showing them, lists of them, metadata and tags.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::nova::{ask, becomes, flavor, image, names, quietly, server};
use super::script::Script;

scenarios! {
    servers_are_created_or_refused = create;
    servers_are_listed_in_pages = lists;
    servers_are_shown_as_the_version_says = shown;
    servers_have_metadata_and_tags = metadata;
    quotas_keep_servers_out = quotas;
}

/// A body that makes a server, with more fields or other ones.
fn wanted(bed: &Bed, name: &str, (flavor, image): (&str, &str), more: Value) -> Value {
    let mut server = json!({
        "name": bed.name(name), "flavorRef": flavor, "imageRef": image, "networks": "none",
    });
    if let Value::Object(more) = more {
        for (name, value) in more {
            server[name] = value;
        }
    }
    json!({ "server": server })
}

async fn create(bed: &Bed, script: &mut Script) {
    names(script);
    let member = &bed.member;
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let of = (small.as_str(), image.as_str());
    script.part("created");
    for (version, name, more) in [
        ("2.37", "old", json!({"metadata": {"a": "b"}, "adminPass": "secret"})),
        ("2.90", "new", json!({"description": "text", "tags": ["x"], "hostname": "host-x"})),
        ("2.90", "many", json!({"min_count": 2})),
    ] {
        let body = wanted(bed, name, of, more);
        let made = ask(script, member, version, ("POST", "/servers"), Some(&body)).await;
        if made.status == 202 {
            let id = text(&made.json()["server"], "id").to_owned();
            script.name(&id, &format!("<{name}>"));
            becomes(bed, &id, "ACTIVE").await;
        }
    }
    script.part("refused for what is missing");
    let gone = "11111111-2222-4333-8444-555555555555";
    for more in [
        json!({"flavorRef": "nonsense"}),
        json!({"imageRef": gone}),
        json!({"imageRef": ""}),
        json!({"key_name": "nonsense"}),
        json!({"availability_zone": "nonsense"}),
        json!({"networks": [{"uuid": gone}]}),
        json!({"networks": [{"port": gone}]}),
        json!({"block_device_mapping_v2": [{
            "uuid": gone, "source_type": "volume", "destination_type": "volume", "boot_index": 0,
        }]}),
    ] {
        ask(script, member, "2.90", ("POST", "/servers"), Some(&wanted(bed, "x", of, more))).await;
    }
    let hints = json!({"group": gone});
    let mut body = wanted(bed, "x", of, json!({}));
    body["os:scheduler_hints"] = hints;
    ask(script, member, "2.90", ("POST", "/servers"), Some(&body)).await;
    refused_shapes(bed, script, of).await;
    script.part("refused to members");
    for more in [
        json!({"availability_zone": "nova:nonsense"}),
        json!({"host": "nonsense"}),
        json!({"hypervisor_hostname": "nonsense"}),
    ] {
        ask(script, member, "2.90", ("POST", "/servers"), Some(&wanted(bed, "x", of, more))).await;
    }
    let more = json!({"host": "nonsense"});
    ask(script, &bed.admin, "2.90", ("POST", "/servers"), Some(&wanted(bed, "x", of, more))).await;
    sizes(bed, script, of).await;
}

/// Bodies that no schema lets through.
async fn refused_shapes(bed: &Bed, script: &mut Script, of: (&str, &str)) {
    script.part("refused for their shape");
    for (version, more) in [
        ("2.90", json!({"name": ""})),
        ("2.90", json!({"name": " x"})),
        ("2.90", json!({"name": "x".repeat(256)})),
        ("2.90", json!({"flavorRef": {}})),
        ("2.90", json!({"imageRef": "nonsense"})),
        ("2.90", json!({"networks": "perhaps"})),
        ("2.90", json!({"networks": [{"uuid": "nonsense"}]})),
        ("2.36", json!({"networks": "none"})),
        ("2.90", json!({"min_count": 0})),
        ("2.90", json!({"min_count": 3, "max_count": 2})),
        ("2.90", json!({"metadata": {"a": 1}})),
        ("2.90", json!({"metadata": {"": "x"}})),
        ("2.90", json!({"tags": ["a,b"]})),
        ("2.90", json!({"tags": ["a", "a"]})),
        ("2.51", json!({"tags": ["a"]})),
        ("2.90", json!({"user_data": "%"})),
        ("2.90", json!({"colour": "red"})),
        ("2.90", json!({"OS-DCF:diskConfig": "perhaps"})),
        ("2.90", json!({"config_drive": "perhaps"})),
        ("2.90", json!({"accessIPv4": "nonsense"})),
        ("2.90", json!({"hostname": "a_b"})),
        ("2.89", json!({"hostname": "a"})),
        ("2.90", json!({"description": "x".repeat(256)})),
        ("2.18", json!({"description": "x"})),
        ("2.90", json!({"security_groups": [{"nonsense": "x"}]})),
        ("2.90", json!({"block_device_mapping_v2": [{"boot_index": "x"}]})),
    ] {
        let body = wanted(bed, "x", of, more);
        ask(script, &bed.member, version, ("POST", "/servers"), Some(&body)).await;
    }
    for body in [json!({}), json!({"server": {}}), json!({"server": {"name": "x"}}), json!([])] {
        ask(script, &bed.member, "2.90", ("POST", "/servers"), Some(&body)).await;
    }
}

/// Images that do not fit into flavors.
async fn sizes(bed: &Bed, script: &mut Script, (small, _): (&str, &str)) {
    script.part("refused for the size");
    for (name, field, value) in [("wide", "min_disk", 5), ("deep", "min_ram", 5000)] {
        let body = json!({
            "name": bed.name(name), "disk_format": "raw", "container_format": "bare",
            "tags": [bed.run], field: value,
        });
        let made = bed.member.post("/v2/images", &body).await.json();
        let id = text(&made, "id").to_owned();
        script.name(&id, &format!("<{name}>"));
        let of = (small, id.as_str());
        let body = wanted(bed, "x", of, json!({}));
        ask(script, &bed.member, "2.90", ("POST", "/servers"), Some(&body)).await;
        let data = bed.member.image(reqwest::Method::PUT, &format!("/v2/images/{id}/file"));
        let data = data.header("Content-Type", "application/octet-stream").body("disk");
        assert_eq!(data.send().await.expect("an answer").status(), 204);
        ask(script, &bed.member, "2.90", ("POST", "/servers"), Some(&body)).await;
    }
}

/// Names of the run's own servers in an answer.
fn own(bed: &Bed, body: &Value) -> String {
    let all = body["servers"].as_array().cloned().unwrap_or_default();
    let own = all.iter().filter_map(|one| one["name"].as_str()?.strip_prefix(&bed.run));
    own.map(|name| name.trim_start_matches('-')).collect::<Vec<_>>().join(" ")
}

async fn lists(bed: &Bed, script: &mut Script) {
    names(script);
    let member = &bed.member;
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let of = (small.as_str(), image.as_str());
    let a = server(bed, script, "a", of, json!({"tags": ["red", "blue"]})).await;
    bed.next_second().await;
    server(bed, script, "b", of, json!({"tags": ["red"], "hostname": "somewhere"})).await;
    bed.next_second().await;
    let c = server(bed, script, "c", of, json!({})).await;
    let stop = json!({"os-stop": null});
    quietly(member, "2.90", ("POST", &format!("/servers/{c}/action")), Some(&stop)).await;
    becomes(bed, &c, "SHUTOFF").await;
    script.part("in pages");
    let name = format!("name={}", bed.run);
    for query in [
        "limit=2&sort_key=display_name&sort_dir=asc",
        "limit=3&sort_key=display_name&sort_dir=asc",
        "limit=1&sort_key=display_name&sort_dir=desc",
        "limit=0",
        "limit=1&marker=<a>&sort_key=display_name&sort_dir=asc",
        "limit=x",
        "limit=-1",
        "marker=nonsense",
        "marker=11111111-2222-4333-8444-555555555555",
    ] {
        let path = format!("/servers?{name}&{}", query.replace("<a>", &a));
        ask(script, member, "2.90", ("GET", &path), None).await;
    }
    script.part("sorted and filtered");
    for query in [
        "sort_key=created_at&sort_dir=asc",
        "sort_key=uuid&sort_key=display_name&sort_dir=desc",
        "status=ACTIVE&sort_key=display_name&sort_dir=asc",
        "status=active&sort_key=display_name&sort_dir=asc",
        "status=SHUTOFF",
        "status=ACTIVE&status=SHUTOFF&sort_key=display_name&sort_dir=asc",
        "vm_state=stopped",
        "tags=red&sort_key=display_name&sort_dir=asc",
        "tags=red,blue",
        "tags-any=blue,green",
        "not-tags=blue&sort_key=display_name&sort_dir=asc",
        "not-tags-any=red,green",
        "hostname=somewhere",
        "locked=true",
        "locked=false&sort_key=display_name&sort_dir=asc",
        "changes-since=2100-01-01T00:00:00Z",
        "changes-before=2000-01-01T00:00:00Z",
        "deleted=true",
        "config_drive=true",
        "power_state=99",
        "host=nonsense",
    ] {
        if query.contains("uuid") {
            // An order that nobody can tell beforehand: only that it is accepted.
            let path = format!("/servers?{name}&{query}");
            let status = quietly(member, "2.90", ("GET", &path), None).await.status;
            script.note(&format!("{query} → {status}"));
            continue;
        }
        let path = format!("/servers?{name}&{query}");
        let answer = quietly(member, "2.90", ("GET", &path), None).await;
        script.note(&format!("{query} → {} {}", answer.status, own(bed, &answer.json())));
    }
    let path = format!("/servers?{name}&all_tenants=1&sort_key=display_name&sort_dir=asc");
    let all = quietly(&bed.admin, "2.90", ("GET", &path), None).await;
    script.note(&format!("all of all, for the administrator → {}", own(bed, &all.json())));
    let none = quietly(&bed.other, "2.90", ("GET", &format!("/servers?{name}")), None).await;
    script.note(&format!("of another project → {}", own(bed, &none.json())));
    refused_lists(bed, script).await;
}

async fn refused_lists(bed: &Bed, script: &mut Script) {
    script.part("refused");
    // The message counts all keys that there are, in no order.
    let path = "/servers?sort_key=colour";
    let answer = quietly(&bed.member, "2.90", ("GET", path), None).await;
    script.note(&format!("{path} → {}", answer.status));
    for (version, query) in [
        ("2.90", "all_tenants=1"),
        ("2.90", "all_tenants=perhaps"),
        ("2.90", "status=nonsense"),
        ("2.37", "status=nonsense"),
        ("2.90", "status=DELETED"),
        ("2.90", "sort_key=host"),
        ("2.90", "sort_dir=up"),
        ("2.90", "changes-since=nonsense"),
        ("2.90", "changes-since=2100-01-01T00:00:00Z&changes-before=2000-01-01T00:00:00Z"),
        ("2.90", "locked=perhaps"),
        ("2.90", "name=%5B"),
        ("2.90", "colour=red"),
    ] {
        ask(script, &bed.member, version, ("GET", &format!("/servers?{query}")), None).await;
    }
}

async fn shown(bed: &Bed, script: &mut Script) {
    names(script);
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let more = json!({"metadata": {"a": "b"}, "description": "text", "tags": ["x"]});
    let id = server(bed, script, "a", (&small, &image), more).await;
    let path = format!("/servers/{id}");
    script.part("to its members");
    for version in ["2.1", "2.3", "2.9", "2.19", "2.26", "2.47", "2.63", "2.71", "2.73", "2.90"] {
        ask(script, &bed.member, version, ("GET", &path), None).await;
    }
    script.part("to administrators");
    for version in ["2.1", "2.3", "2.16", "2.47", "2.90"] {
        ask(script, &bed.admin, version, ("GET", &path), None).await;
    }
    script.part("to others, and what is not there");
    ask(script, &bed.other, "2.90", ("GET", &path), None).await;
    ask(script, &bed.member, "2.90", ("GET", "/servers/nonsense"), None).await;
    ask(script, &bed.other, "2.90", ("DELETE", &path), None).await;
    script.part("in full lists");
    for (who, version) in [(&bed.member, "2.1"), (&bed.member, "2.90"), (&bed.admin, "2.90")] {
        let path = format!(
            "/servers/detail?all_tenants={}&name={}",
            who.token == bed.admin.token,
            bed.run
        );
        ask(script, who, version, ("GET", &path), None).await;
    }
    script.part("changed");
    for (version, body) in [
        ("2.1", json!({"server": {"name": bed.name("b")}})),
        ("2.90", json!({"server": {"name": bed.name("c"), "description": null}})),
        ("2.90", json!({"server": {"accessIPv4": "192.0.2.1", "accessIPv6": "2001:db8::1"}})),
        ("2.90", json!({"server": {"hostname": "somewhere", "OS-DCF:diskConfig": "AUTO"}})),
        ("2.90", json!({"server": {"name": ""}})),
        ("2.90", json!({"server": {"accessIPv4": "nonsense"}})),
        ("2.90", json!({"server": {"colour": "red"}})),
        ("2.90", json!({})),
    ] {
        ask(script, &bed.member, version, ("PUT", &path), Some(&body)).await;
    }
    let body = json!({"server": {"name": "x"}});
    ask(script, &bed.other, "2.90", ("PUT", &path), Some(&body)).await;
    script.part("deleted");
    ask(script, &bed.member, "2.90", ("DELETE", &path), None).await;
    becomes(bed, &id, "gone").await;
    ask(script, &bed.member, "2.90", ("DELETE", &path), None).await;
    ask(script, &bed.member, "2.90", ("GET", &path), None).await;
}

async fn metadata(bed: &Bed, script: &mut Script) {
    names(script);
    let member = &bed.member;
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let id = server(bed, script, "a", (&small, &image), json!({"metadata": {"a": "b"}})).await;
    let all = format!("/servers/{id}/metadata");
    script.part("metadata");
    ask(script, member, "2.90", ("GET", &all), None).await;
    for (method, key, body) in [
        ("POST", "", json!({"metadata": {"c": "d"}})),
        ("PUT", "", json!({"metadata": {"e": "f", "g": "h"}})),
        ("PUT", "/e", json!({"meta": {"e": "i"}})),
        ("PUT", "/e", json!({"meta": {"other": "i"}})),
        ("PUT", "/e", json!({"meta": {}})),
        ("POST", "", json!({"metadata": {"c": 1}})),
        ("POST", "", json!({"metadata": {"x".repeat(256): "d"}})),
        ("POST", "", json!({})),
    ] {
        let path = format!("{all}{key}");
        ask(script, member, "2.90", (method, &path), Some(&body)).await;
    }
    let body = json!({"metadata": {"x": "y"}});
    ask(script, &bed.other, "2.90", ("POST", &all), Some(&body)).await;
    for (method, key) in [("GET", "e"), ("DELETE", "e"), ("DELETE", "e"), ("GET", "e")] {
        ask(script, member, "2.90", (method, &format!("{all}/{key}")), None).await;
    }
    script.part("tags");
    let all = format!("/servers/{id}/tags");
    ask(script, member, "2.25", ("GET", &all), None).await;
    ask(script, member, "2.26", ("GET", &all), None).await;
    for body in [
        json!({"tags": ["red", "blue"]}),
        json!({"tags": ["a/b"]}),
        json!({"tags": "red"}),
        json!({}),
    ] {
        ask(script, member, "2.90", ("PUT", &all), Some(&body)).await;
    }
    for (method, tag) in [
        ("PUT", "green"),
        ("PUT", "green"),
        ("PUT", "a,b"),
        ("GET", "green"),
        ("GET", "nonsense"),
        ("DELETE", "green"),
        ("DELETE", "green"),
    ] {
        ask(script, member, "2.90", (method, &format!("{all}/{tag}")), None).await;
    }
    ask(script, &bed.other, "2.90", ("GET", &all), None).await;
    ask(script, member, "2.90", ("DELETE", &all), None).await;
    ask(script, member, "2.90", ("GET", &all), None).await;
}

async fn quotas(bed: &Bed, script: &mut Script) {
    names(script);
    let (admin, member) = (&bed.admin, &bed.member);
    let image = image(bed, script).await;
    let giant = flavor(bed, script, "giant", 600_000).await;
    let small = flavor(bed, script, "small", 64).await;
    script.part("refused");
    for (flavor, more) in [
        (&giant, json!({})),
        (&small, json!({"min_count": 100})),
        (&giant, json!({"min_count": 50})),
    ] {
        let body = wanted(bed, "x", (flavor, &image), more);
        ask(script, member, "2.90", ("POST", "/servers"), Some(&body)).await;
    }
    script.part("shown");
    let project = member.project.clone().expect("a project");
    for (who, path) in [
        (admin, format!("/os-quota-sets/{project}/defaults")),
        (member, format!("/os-quota-sets/{project}/defaults")),
        (member, "/os-quota-sets/nonsense".to_owned()),
        (member, "/os-quota-class-sets/default".to_owned()),
        (admin, "/os-quota-class-sets/default".to_owned()),
    ] {
        ask(script, who, "2.90", ("GET", &path), None).await;
    }
    script.part("changed");
    for (who, body) in [
        (member, json!({"quota_set": {"instances": 1}})),
        (admin, json!({"quota_set": {"instances": -2}})),
        (admin, json!({"quota_set": {"instances": "x"}})),
        (admin, json!({"quota_set": {"colour": 1}})),
        (admin, json!({})),
    ] {
        let path = format!("/os-quota-sets/{project}");
        ask(script, who, "2.90", ("PUT", &path), Some(&body)).await;
    }
}
