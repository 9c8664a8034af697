//! Nova's part of the contract: what its scenarios have in common.
//!
//! Known and meant differences between the simulation and Nova 26 on the testbed:
//!
//! - Hosts and zones have other names, and what they have in all differs: written as `<host>`,
//!   `<zone>`.
//! - Readers may not write; Nova 26 lets everybody with a role write unless told otherwise.
//! - Numbers of hypervisors, services and migrations follow from the history of a deployment.
//! - Power states of suspended and shelved servers are those of libvirt; the testbed's fake driver
//!   keeps no account of them, so power states are not compared.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session};

/// Names of everything that differs between the clouds.
pub(crate) fn names(script: &mut Script) {
    for host in ["fake-1", "fake-2", "fake-3", "compute-1", "compute-2", "compute-3"] {
        script.name(host, "<host>");
    }
    for zone in ["\"fake\"", "\"real\"", "\"nova\""] {
        script.name(zone, "\"<zone>\"");
    }
}

/// Gives names to what an answer shows and no other run will show again.
fn learn(script: &mut Script, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let kind = match name.as_str() {
                    "hostId" => "<host id>",
                    "OS-EXT-SRV-ATTR:instance_name" => "<instance name>",
                    "OS-EXT-SRV-ATTR:reservation_id" => "<reservation>",
                    "adminPass" => "<password>",
                    "OS-EXT-IPS-MAC:mac_addr" | "mac_addr" => "<mac>",
                    "fingerprint" => "<fingerprint>",
                    "private_key" => "<private key>",
                    _ => "",
                };
                match inner.as_str() {
                    Some(found) if !kind.is_empty() && !found.is_empty() => {
                        // Line ends are escaped where they are looked for.
                        let quoted = Value::from(found).to_string();
                        script.name(quoted.trim_matches('"'), kind);
                    }
                    _ => learn(script, inner),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| learn(script, item)),
        _ => {}
    }
}

/// What is left out of what is written: it differs for a reason told in the module's story.
fn drop_varying(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.shift_remove("OS-EXT-STS:power_state");
            fields.values_mut().for_each(drop_varying);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_varying),
        _ => {}
    }
}

/// Rows of Nova's database have numbers, which some of its messages name.
fn without_numbers(text: &str) -> String {
    static NUMBERS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"for flavor \S+ and project", "for flavor <number> and project"),
            (r"not found for \S+ / ", "not found for <number> / "),
            // What others of the project have at that time.
            (r"but already used [0-9, ]+ of", "but already used <number> of"),
            // Numbers of requests that made servers.
            (r"r-[a-z0-9]{8}\b", "<reservation>"),
        ]
        .map(|(pattern, name)| (Regex::new(pattern).expect("a pattern"), name))
    });
    let mut text = text.to_owned();
    for (pattern, name) in NUMBERS.iter() {
        text = pattern.replace_all(&text, regex::NoExpand(name)).into_owned();
    }
    text
}

/// Asks Nova in a version, and writes down both sides.
pub(crate) async fn ask(
    script: &mut Script,
    who: &Session,
    version: &str,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let mut answer = quietly(who, version, (method, path), body).await;
    if let Ok(mut shown) = serde_json::from_str::<Value>(&answer.text) {
        learn(script, &shown);
        drop_varying(&mut shown);
        let kept = answer.text.clone();
        answer.text = without_numbers(&shown.to_string());
        script.part_of(&format!("{version} {method} {path}"), body, &answer);
        answer.text = kept;
    } else {
        script.part_of(&format!("{version} {method} {path}"), body, &answer);
    }
    answer
}

/// Asks Nova in a version, and writes nothing down.
pub(crate) async fn quietly(
    who: &Session,
    version: &str,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let verb: Method = method.parse().expect("a method");
    let request = who.to("compute", verb, path);
    let request = request.header("OpenStack-API-Version", format!("compute {version}"));
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    Answer::of(request).await
}

/// An image that servers of the simulation and of the testbed's fake hosts can boot from.
pub(crate) async fn image(bed: &Bed, script: &mut Script) -> String {
    let body = json!({
        "name": bed.name("image"), "disk_format": "raw", "container_format": "bare",
        "tags": [bed.run], "img_hv_type": "fake",
    });
    let made = bed.member.post("/v2/images", &body).await.json();
    let id = text(&made, "id").to_owned();
    let data = bed.member.image(Method::PUT, &format!("/v2/images/{id}/file"));
    let data = data.header("Content-Type", "application/octet-stream").body("disk");
    assert_eq!(data.send().await.expect("an answer").status(), 204);
    script.name(&id, "<image>");
    id
}

/// A flavor of the run; with a disk, so that members may boot from images.
pub(crate) async fn flavor(bed: &Bed, script: &mut Script, name: &str, ram: u64) -> String {
    let body = json!({"flavor": {
        "name": bed.name(name), "ram": ram, "vcpus": 1, "disk": 1, "id": bed.name(name),
    }});
    let made = quietly(&bed.admin, "2.90", ("POST", "/flavors"), Some(&body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = bed.name(name);
    script.name(&id, &format!("<{name}>"));
    id
}

/// A server of the run without network, once it is active; its id.
pub(crate) async fn server(
    bed: &Bed,
    script: &mut Script,
    name: &str,
    (flavor, image): (&str, &str),
    more: Value,
) -> String {
    let mut body = json!({"server": {
        "name": bed.name(name), "flavorRef": flavor, "imageRef": image, "networks": "none",
    }});
    for (name, value) in more.as_object().into_iter().flatten() {
        body["server"][name] = value.clone();
    }
    let made = quietly(&bed.member, "2.90", ("POST", "/servers"), Some(&body)).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let id = text(&made.json()["server"], "id").to_owned();
    script.name(&id, &format!("<{name}>"));
    becomes(bed, &id, "ACTIVE").await;
    id
}

/// Waits until a server has a status and no task; its states on the way, each once.
pub(crate) async fn becomes(bed: &Bed, id: &str, status: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..2400 {
        let answer = quietly(&bed.admin, "2.90", ("GET", &format!("/servers/{id}")), None).await;
        if answer.status == 404 {
            seen.push("gone".to_owned());
            assert_eq!(status, "gone", "{seen:?}");
            return seen;
        }
        let server = &answer.json()["server"];
        let task = server["OS-EXT-STS:task_state"].as_str().unwrap_or("-");
        let now =
            format!("{} {} {task}", text(server, "status"), text(server, "OS-EXT-STS:vm_state"));
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        // Nova takes the host away a moment after it says that the server is offloaded, and refuses
        // with other words until then.
        let offloaded = status != "SHELVED_OFFLOADED" || server["OS-EXT-SRV-ATTR:host"].is_null();
        if server["status"] == status && task == "-" && offloaded {
            return seen;
        }
        assert!(server["status"] != "ERROR" || status == "ERROR", "{server}");
        bed.pass_time().await;
    }
    panic!("{id} does not become {status}: {seen:?}");
}

/// Removes what the run has made in Nova.
pub(crate) async fn clean_up(bed: &Bed) {
    let admin = Session::sign_in(&bed.people.admin).await;
    if !admin.catalog.contains_key("compute") {
        return;
    }
    let own = |answer: &Answer, kind: &str, key: &str| -> Vec<String> {
        let body = answer.json();
        let all = body[kind].as_array().cloned().unwrap_or_default();
        let mine = all.iter().map(|one| one.get("keypair").unwrap_or(one));
        let mine = mine.filter(|one| one["name"].as_str().is_some_and(|it| it.contains(&bed.run)));
        mine.filter_map(|one| match &one[key] {
            Value::String(id) => Some(id.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        })
        .collect()
    };
    let path = format!("/servers?all_tenants=1&name={}", bed.run);
    let servers = own(&quietly(&admin, "2.90", ("GET", &path), None).await, "servers", "id");
    for id in &servers {
        quietly(&admin, "2.90", ("DELETE", &format!("/servers/{id}")), None).await;
    }
    for id in &servers {
        becomes(bed, id, "gone").await;
    }
    let flavors = quietly(&admin, "2.90", ("GET", "/flavors?is_public=none"), None).await;
    for id in own(&flavors, "flavors", "id") {
        quietly(&admin, "2.90", ("DELETE", &format!("/flavors/{id}")), None).await;
    }
    for session in [&admin, &bed.member] {
        let keys = quietly(session, "2.90", ("GET", "/os-keypairs"), None).await;
        for name in own(&keys, "keypairs", "name") {
            quietly(session, "2.90", ("DELETE", &format!("/os-keypairs/{name}")), None).await;
        }
    }
    let groups = quietly(&admin, "2.90", ("GET", "/os-server-groups?all_projects=1"), None).await;
    for id in own(&groups, "server_groups", "id") {
        quietly(&admin, "2.90", ("DELETE", &format!("/os-server-groups/{id}")), None).await;
    }
    let aggregates = quietly(&admin, "2.90", ("GET", "/os-aggregates"), None).await;
    for id in own(&aggregates, "aggregates", "id") {
        quietly(&admin, "2.90", ("DELETE", &format!("/os-aggregates/{id}")), None).await;
    }
}
