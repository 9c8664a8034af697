//! Cinder's part of the contract: how its scenarios ask, and what they clean up.
//!
//! Every scenario has a project of its own, so that lists and quotas are not those of others.
//!
//! States that only the volume service's host sets, some milliseconds after the answer, are seen or
//! missed by chance; [`states`] leaves them out and compares the order of all others. Its last change of
//! a new volume comes after the volume is `available`: it writes which service has it. A volume counts
//! as [`settled`] only then.

use std::time::Duration;

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use super::tenant::{self, Tenant};
use crate::client::{Answer, Session};

/// The newest microversion.
pub(crate) const NEW: &str = "3.70";

/// States that are passed so quickly that a look may miss them.
const FLEETING: &[&str] = &["downloading", "attaching"];

/// A member of a new project of this run, and an administrator of the same project.
pub(crate) async fn tenant(bed: &Bed, script: &mut Script) -> (Session, Session) {
    let Tenant { admin, mut people } = tenant::of(bed, script, &[("user", "member")]).await;
    let member = people.remove(0);
    script.name(&member.catalog["volumev3"], "<volume>");
    script.name(&member.catalog["volumev3"].replace("/v3", ""), "<volume bookmark>");
    let services = ask(&admin, NEW, "GET", "/os-services", None).await.json();
    let hosts = services["services"].as_array().expect("services");
    let host = hosts.iter().filter_map(|it| it["host"].as_str()).find(|it| !it.contains('@'));
    let host = host.expect("a host");
    script.name(&format!("{host}@files"), "<host>@files");
    script.name(&format!("\"host\":\"{host}\""), "\"host\":\"<host>\"");
    (member, admin)
}

fn request(who: &Session, version: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
    let request = who.to("volumev3", method.parse().expect("a method"), path);
    if version.is_empty() {
        return request;
    }
    request.header("OpenStack-API-Version", format!("volume {version}"))
}

/// Asks without writing down.
pub(crate) async fn ask(
    who: &Session,
    version: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    let request = request(who, version, method, path);
    Answer::of(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

/// Asks in a version (none: without the header) and writes down.
pub(crate) async fn say(
    script: &mut Script,
    who: &Session,
    version: &str,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let request = request(who, version, method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let shown = if version == NEW { method.to_owned() } else { format!("[{version}] {method}") };
    script.ask(&shown, path, body.map(Value::to_string).as_deref(), request).await
}

/// `GET` in the newest version.
pub(crate) async fn get(script: &mut Script, who: &Session, path: &str) -> Answer {
    say(script, who, NEW, ("GET", path), None).await
}

/// `POST` in the newest version.
pub(crate) async fn post(script: &mut Script, who: &Session, path: &str, body: Value) -> Answer {
    say(script, who, NEW, ("POST", path), Some(&body)).await
}

/// `PUT` in the newest version.
pub(crate) async fn put(script: &mut Script, who: &Session, path: &str, body: Value) -> Answer {
    say(script, who, NEW, ("PUT", path), Some(&body)).await
}

/// `DELETE` in the newest version.
pub(crate) async fn delete(script: &mut Script, who: &Session, path: &str) -> Answer {
    say(script, who, NEW, ("DELETE", path), None).await
}

/// Looks at something again and again until it has the last of these states (`gone`: it is not there
/// any more), and writes the states down. It may be too quick for some of them to be seen, but it has
/// no others and none in another order.
pub(crate) async fn states(script: &mut Script, who: &Session, path: &str, order: &[&str]) {
    let kind = kind(path);
    let seen = seen(None, who, path, order).await;
    let mut rest = order.iter();
    let in_order = seen.iter().all(|state| rest.any(|known| known == state));
    assert!(in_order, "{path}: seen {seen:?}, known {order:?}");
    script.note(&format!("{kind} becomes {}", order.join(", ")));
}

fn kind(path: &str) -> String {
    path.split('/').nth(1).expect("a kind").trim_end_matches('s').to_owned()
}

/// The states that something has, one after the other, until the last of these. On a bed with a clock
/// of its own, that clock goes on after each look.
pub(crate) async fn seen(
    bed: Option<&Bed>,
    who: &Session,
    path: &str,
    order: &[&str],
) -> Vec<String> {
    let kind = kind(path);
    let mut seen: Vec<String> = Vec::new();
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..3000 {
        match bed {
            Some(bed) => bed.pass_time().await,
            None => drop(pause.tick().await),
        }
        let answer = ask(who, NEW, "GET", path, None).await;
        let (state, settled) = if answer.status == 404 {
            ("gone".to_owned(), true)
        } else {
            let it = &answer.json()[&kind];
            (text(it, "status").to_owned(), settled(it))
        };
        let end = order.last() == Some(&state.as_str()) && settled;
        if seen.last() != Some(&state) && !FLEETING.contains(&state.as_str()) {
            seen.push(state);
        }
        if end {
            return seen;
        }
    }
    panic!("{path} does not become {order:?}: {seen:?}");
}

/// Whether the volume service has written all it will about something new. A volume is `available`
/// before its host writes `service_uuid` and `shared_targets`; other things have no such fields.
fn settled(it: &Value) -> bool {
    it["status"] != "available" || it.get("service_uuid") != Some(&Value::Null)
}

/// Makes something and waits until it is there, without writing down; its id.
pub(crate) async fn made(
    script: &mut Script,
    who: &Session,
    kind: &str,
    name: &str,
    body: Value,
) -> String {
    let path = format!("/{kind}s");
    let made = ask(who, NEW, "POST", &path, Some(&json!({kind: body}))).await;
    assert!(matches!(made.status, 200..=202), "{}", made.text);
    let id = text(&made.json()[kind], "id").to_owned();
    script.name(&id, &format!("<{name}>"));
    let path = format!("{path}/{id}");
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..1200 {
        pause.tick().await;
        let answer = ask(who, NEW, "GET", &path, None).await.json();
        match answer[kind]["status"].as_str() {
            None => return id,
            Some("available") if settled(&answer[kind]) => return id,
            Some("error") => panic!("{path} failed: {answer}"),
            Some(_) => {}
        }
    }
    panic!("{path} does not become available");
}

/// A volume of one GiB; its id.
pub(crate) async fn volume(bed: &Bed, script: &mut Script, who: &Session, name: &str) -> String {
    made(script, who, "volume", name, json!({"size": 1, "name": bed.name(name)})).await
}

/// Removes what scenarios of this run left in its project, whatever its state.
pub(crate) async fn clean_up(bed: &Bed, admin: &Session) {
    for kind in ["attachments", "backups", "snapshots", "volumes"] {
        for _ in 0..200 {
            let all = ask(admin, NEW, "GET", &format!("/{kind}"), None).await.json();
            let all = all[kind].as_array().cloned().unwrap_or_default();
            if all.is_empty() {
                break;
            }
            for id in all.iter().filter_map(|it| it["id"].as_str()) {
                let path = format!("/{kind}/{id}");
                let force = json!({"os-force_delete": {}});
                if kind == "attachments" {
                    ask(admin, NEW, "DELETE", &path, None).await;
                } else {
                    ask(admin, NEW, "POST", &format!("{path}/action"), Some(&force)).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for (kind, path) in [("volume_types", "/types?is_public=None"), ("qos_specs", "/qos-specs")] {
        let all = ask(admin, NEW, "GET", path, None).await.json();
        for it in all[kind].as_array().into_iter().flatten() {
            if it["name"].as_str().is_some_and(|name| name.contains(&bed.run)) {
                let id = text(it, "id");
                let place = if kind == "volume_types" { "types" } else { "qos-specs" };
                ask(admin, NEW, "DELETE", &format!("/{place}/{id}?force=true"), None).await;
            }
        }
    }
}
