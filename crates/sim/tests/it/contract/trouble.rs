//! Requests that no good client sends, and changes that cannot all be made.

use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session};

/// Bodies that are broken, too large or of another kind; paths and methods that do not exist.
pub(crate) async fn broken(bed: &Bed, script: &mut Script) {
    let admin = &bed.admin;
    script.part("identity");
    let json = |path: &str, body: Vec<u8>| {
        let request = admin.identity(Method::POST, path).body(body);
        request.header("Content-Type", "application/json")
    };
    for (title, body) in [
        ("cut off", b"{\"project\": {\"name\": \"x\"".to_vec()),
        ("a string", b"\"project\"".to_vec()),
        ("null", b"null".to_vec()),
        ("not UTF-8", b"{\"project\": {\"name\": \"\xff\"}}".to_vec()),
        ("a list within", b"{\"project\": []}".to_vec()),
        ("a number for a name", b"{\"project\": {\"name\": 5}}".to_vec()),
        ("an empty name", b"{\"project\": {\"name\": \"\"}}".to_vec()),
        ("a long name", format!("{{\"project\": {{\"name\": \"{}\"}}}}", "n".repeat(65)).into()),
        ("a string for a truth", b"{\"project\": {\"name\": \"x\", \"enabled\": \"?\"}}".to_vec()),
    ] {
        script.ask("POST", title, None, json("/projects", body)).await;
    }
    for (method, path) in [
        ("GET", "/projects/"),
        ("GET", "/projects?limit=x"),
        ("GET", "/projects?enabled=x"),
        ("GET", "/projects?nonsense=x"),
        ("GET", "/users/x/projects"),
    ] {
        let verb: Method = method.parse().expect("a method");
        if path.contains('?') || path.ends_with('/') {
            let answer = Answer::of(admin.identity(verb, path)).await;
            script.note(&format!("{method} {path}: {}", answer.status));
        } else {
            script.identity(admin, verb, path, None).await;
        }
    }
    broken_for_glance(bed, script).await;
}

async fn broken_for_glance(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    script.part("image");
    let json = |body: Vec<u8>| {
        let request = member.image(Method::POST, "/v2/images").body(body);
        request.header("Content-Type", "application/json")
    };
    for (title, body) in [
        ("cut off", b"{\"name\": \"x\"".to_vec()),
        ("a string", b"\"image\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a number for a name", b"{\"name\": 5}".to_vec()),
        ("tags of numbers", b"{\"tags\": [1]}".to_vec()),
    ] {
        script.ask("POST", title, None, json(body)).await;
    }
    for (method, path) in [
        ("PUT", "/v2/images/x"),
        ("POST", "/v2/images/x"),
        ("DELETE", "/v2/images"),
        ("PATCH", "/v2/images"),
        ("GET", "/v2/images/"),
        ("GET", "/v2/images/x/nowhere"),
        ("GET", "/v2/images/x/actions/deactivate"),
        ("PUT", "/v2/images/x/actions/deactivate"),
        ("GET", "/v2/images/x/import"),
        ("POST", "/v2/images/x/file"),
        ("DELETE", "/v2/images/x/file"),
        ("GET", "/v2/images/x/stage"),
        ("POST", "/v2/images/x/tags/y"),
        ("POST", "/v2/images/x/tasks"),
        ("DELETE", "/v2/tasks/x"),
        ("POST", "/v2/info/stores"),
        ("POST", "/v2/schemas/image"),
    ] {
        let verb: Method = method.parse().expect("a method");
        script.ask(method, path, None, member.image(verb, path)).await;
    }
}

/// Sends requests at once and writes down how often each status came.
async fn at_once(script: &mut Script, title: &str, requests: Vec<RequestBuilder>) {
    let answers = join_all(requests.into_iter().map(Answer::of)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    script.note(&format!("{title}: {statuses:?}"));
}

fn project(bed: &Bed, admin: &Session) -> RequestBuilder {
    let body = json!({"project": {"name": bed.name("contested")}});
    admin.identity(Method::POST, "/projects").json(&body)
}

/// Changes of which one can be made, all asked for at once. What breaks a real Glance when it comes at
/// once (the same new member, the same deletion) is not asked of it.
pub(crate) async fn contested(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    script.part("the same new thing");
    at_once(script, "project", (0..4).map(|_| project(bed, admin)).collect()).await;
    let found = format!("/projects?name={}", bed.name("contested"));
    let found = Answer::of(admin.identity(Method::GET, &found)).await.json();
    script.note(&format!("projects: {}", found["projects"].as_array().map_or(0, Vec::len)));
    for (kind, body) in [
        ("projects", json!({"project": {"name": bed.name("contested")}})),
        ("users", json!({"user": {"name": bed.name("user")}})),
        ("users", json!({"user": {"name": bed.name("user")}})),
        ("roles", json!({"role": {"name": bed.name("role")}})),
        ("roles", json!({"role": {"name": bed.name("role")}})),
    ] {
        let request = admin.identity(Method::POST, &format!("/{kind}")).json(&body);
        let answer = Answer::of(request).await;
        if answer.status == 409 {
            script.answer(&answer);
        }
    }
    // Nobody has a role in it, so whoever clears up could not enter it.
    let id = found["projects"][0]["id"].as_str().expect("an id");
    let gone = Answer::of(admin.identity(Method::DELETE, &format!("/projects/{id}"))).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let id = uuid::Uuid::new_v4().to_string();
    let image = json!({"id": id, "name": bed.name("contested"), "tags": [bed.run]});
    let image = || member.image(Method::POST, "/v2/images").json(&image);
    at_once(script, "image", (0..4).map(|_| image()).collect()).await;

    script.part("different names for one");
    let path = format!("/v2/images/{id}");
    let rename = |name: String| {
        let body = json!([{"op": "replace", "path": "/name", "value": name}]).to_string();
        member.image(Method::PATCH, &path).header("Content-Type", crate::client::PATCH).body(body)
    };
    let names: Vec<String> = (0..4).map(|number| bed.name(&format!("n{number}"))).collect();
    let renames = join_all(names.iter().map(|name| Answer::of(rename(name.clone())))).await;
    script.note(&format!("all renamed: {}", renames.iter().all(|answer| answer.status == 200)));
    let shown = member.get(&path).await.json();
    script.note(&format!("one name stays: {}", names.iter().any(|it| *it == text(&shown, "name"))));
}
