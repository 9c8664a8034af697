//! Keystone's part of the contract.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session, http};

fn root(bed: &Bed) -> &str {
    bed.admin.identity.trim_end_matches("/v3")
}

pub(crate) async fn versions(bed: &Bed, script: &mut Script) {
    script.part("identity");
    script.ask("GET", "/", None, http().get(format!("{}/", root(bed)))).await;
    script.ask("GET", "/v3", None, http().get(&bed.admin.identity)).await;
    script.ask("GET", "/v3/", None, http().get(format!("{}/", bed.admin.identity))).await;
    script.part("image");
    let image = &bed.admin.image;
    let accept = |path: &str| http().get(format!("{image}{path}")).header("Accept", "*/*");
    script.ask("GET", "/", None, accept("/")).await;
    script.ask("GET", "/versions", None, accept("/versions")).await;
    for path in ["/v2", "/v2/", "/v2/nowhere", "/nowhere", "/v2/info/import", "/v2/info/stores"] {
        script.get(&bed.member, path).await;
    }
    script.get(&bed.member, "/v2/info/stores/detail").await;
    script.ask("GET", "/v2/info/import", None, accept("/v2/info/import")).await;
    for name in ["image", "images", "member", "members", "task", "tasks", "nonsense"] {
        let schema = bed.member.get(&format!("/v2/schemas/{name}")).await;
        script.note(&format!("schema {name}: {}", schema.status));
        if schema.status == 200 {
            let properties = schema.json()["properties"].clone();
            let mut names: Vec<String> =
                properties.as_object().expect("properties").keys().cloned().collect();
            names.sort();
            script.note(&names.join(" "));
        }
    }
}

/// Asks for a token and writes down what is in it, without roles and catalogue, which differ.
async fn ask_for_token(bed: &Bed, script: &mut Script, title: &str, body: &Value) -> Answer {
    let request = http().post(format!("{}/auth/tokens", bed.admin.identity)).json(body);
    let answer = Answer::of(request).await;
    let mut shown = answer.json();
    if let Some(token) = shown.get_mut("token").and_then(Value::as_object_mut) {
        if let Some(roles) = token.get_mut("roles") {
            *roles = json!("…");
        }
        if let Some(catalog) = token.get_mut("catalog") {
            *catalog = one_entry(catalog);
        }
        // Keystone keeps the methods in a set: their order differs from start to start.
        if let Some(methods) = token.get_mut("methods").and_then(Value::as_array_mut) {
            methods.sort_by_key(Value::to_string);
        }
    }
    let summary = Answer { text: shown.to_string(), ..answer.clone() };
    script.note(title);
    script.answer(&summary);
    answer
}

/// The identity service in a catalogue, endpoints in order of their interface.
fn one_entry(catalog: &Value) -> Value {
    let all = catalog.as_array().expect("a catalogue");
    let mut entry = all.iter().find(|it| it["type"] == "identity").expect("identity").clone();
    let endpoints = entry["endpoints"].as_array_mut().expect("endpoints");
    endpoints.sort_by_key(|it| text(it, "interface").to_owned());
    entry
}

fn password(user: &Value, scope: &Value) -> Value {
    let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    if !scope.is_null() {
        auth["scope"] = scope.clone();
    }
    json!({"auth": auth})
}

pub(crate) async fn sign_in(bed: &Bed, script: &mut Script) {
    let person = &bed.people.member;
    let domain = json!({"name": "Default"});
    let user = json!({"name": person.user, "domain": domain, "password": person.password});
    let project = json!({"project": {"name": person.project, "domain": domain}});
    script.part("granted");
    let granted =
        ask_for_token(bed, script, "by name, project by name", &password(&user, &project))
            .await
            .json();
    let id = text(&granted["token"]["user"], "id").to_owned();
    let by_id = json!({"id": id, "password": person.password});
    let scope = json!({"project": {"id": bed.member.project}});
    ask_for_token(bed, script, "by id, project by id", &password(&by_id, &scope)).await;
    ask_for_token(bed, script, "without scope", &password(&user, &Value::Null)).await;
    ask_for_token(bed, script, "explicitly unscoped", &password(&user, &json!("unscoped"))).await;
    let admin = &bed.people.admin;
    let administrator =
        json!({"name": admin.user, "domain": {"id": "default"}, "password": admin.password});
    let system = json!({"system": {"all": true}});
    ask_for_token(bed, script, "on the system", &password(&administrator, &system)).await;
    let exchange = json!({"auth": {
        "identity": {"methods": ["token"], "token": {"id": bed.member.token}},
        "scope": project,
    }});
    ask_for_token(bed, script, "by token", &exchange).await;

    script.part("refused");
    let mut wrong = user.clone();
    wrong["password"] = json!("wrong");
    let mut unknown = user.clone();
    unknown["name"] = json!(bed.name("nobody"));
    let mut without_domain = user.clone();
    without_domain.as_object_mut().expect("a user").remove("domain");
    let elsewhere = json!({"project": {"name": bed.name("nowhere"), "domain": domain}});
    let foreign = json!({"project": {"id": bed.other.project}});
    let none = Value::Null;
    for (title, body) in [
        ("wrong password", password(&wrong, &none)),
        ("unknown user", password(&unknown, &none)),
        ("user name without domain", password(&without_domain, &none)),
        ("unknown project", password(&user, &elsewhere)),
        ("somebody else's project", password(&user, &foreign)),
        ("a member on the system", password(&user, &system)),
        ("nothing", json!({"auth": {}})),
        ("no methods", json!({"auth": {"identity": {}}})),
        ("unknown method", json!({"auth": {"identity": {"methods": ["magic"]}}})),
        (
            "unknown token",
            json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "nonsense"}}}}),
        ),
    ] {
        ask_for_token(bed, script, title, &body).await;
    }
    let tokens = format!("{}/auth/tokens", bed.admin.identity);
    for (title, media_type, body) in [
        ("no JSON", "application/json", "{bad"),
        ("a list", "application/json", "[]"),
        ("no body", "application/json", ""),
        ("another media type", "text/plain", "{}"),
    ] {
        let request = http().post(&tokens).header("Content-Type", media_type).body(body);
        script.ask("POST", title, Some(body), request).await;
    }
}

pub(crate) async fn tokens(bed: &Bed, script: &mut Script) {
    let session = Session::sign_in(&bed.people.member).await;
    let request = |method: Method, token: &str, subject: &str| {
        let request = http().request(method, format!("{}/auth/tokens", bed.admin.identity));
        request.header("X-Auth-Token", token).header("X-Subject-Token", subject)
    };
    script.part("shown");
    let own = Answer::of(request(Method::GET, &session.token, &session.token)).await;
    let mut keys: Vec<String> =
        own.json()["token"].as_object().expect("a token").keys().cloned().collect();
    keys.sort();
    script.note(&format!("{} {}", own.status, keys.join(" ")));
    let admin = &bed.admin.token;
    script.ask("HEAD", "own", None, request(Method::HEAD, &session.token, &session.token)).await;
    script.ask("HEAD", "by admin", None, request(Method::HEAD, admin, &session.token)).await;
    script.ask("GET", "unknown", None, request(Method::GET, admin, "nonsense")).await;
    script.ask("GET", "with unknown", None, request(Method::GET, "nonsense", admin)).await;
    script.ask("GET", "of admin", None, request(Method::GET, &session.token, admin)).await;
    script.part("what it is good for");
    let projects = script.identity(&session, Method::GET, "/auth/projects", None).await;
    assert_eq!(projects.json()["projects"].as_array().map(Vec::len), Some(1));
    script.identity(&session, Method::GET, "/auth/system", None).await;
    let catalog = Answer::of(session.identity(Method::GET, "/auth/catalog")).await;
    script.note(&format!("{} {}", catalog.status, one_entry(&catalog.json()["catalog"])));
    script.part("revoked");
    script
        .ask("DELETE", "own", None, request(Method::DELETE, &session.token, &session.token))
        .await;
    script.ask("GET", "revoked", None, request(Method::GET, admin, &session.token)).await;
    script.identity(&session, Method::GET, "/auth/projects", None).await;
    script.get(&session, "/v2/images").await;
}

pub(crate) async fn member(bed: &Bed, script: &mut Script) {
    script.part("refused");
    for kind in
        ["projects", "users", "roles", "domains", "services", "endpoints", "role_assignments"]
    {
        script.identity(&bed.member, Method::GET, &format!("/{kind}"), None).await;
    }
    for (path, body) in [
        ("/projects", json!({"project": {"name": "x"}})),
        ("/users", json!({"user": {"name": "x"}})),
        ("/roles", json!({"role": {"name": "x"}})),
    ] {
        script.identity(&bed.member, Method::POST, path, Some(&body)).await;
    }
    let foreign = format!("/projects/{}", bed.other.project.as_deref().expect("a project"));
    script.identity(&bed.member, Method::GET, &foreign, None).await;
    script.identity(&bed.member, Method::DELETE, &foreign, None).await;
    script.part("allowed");
    let own = format!("/projects/{}", bed.member.project.as_deref().expect("a project"));
    script.identity(&bed.member, Method::GET, &own, None).await;
    script.identity(&bed.member, Method::GET, "/regions", None).await;
    script.part("nowhere");
    script.identity(&bed.member, Method::GET, "/nowhere", None).await;
    script.identity(&bed.member, Method::PUT, "/projects", None).await;
}

/// Creates, shows, refuses, changes and deletes one kind of thing; leaves one behind.
async fn keep(bed: &Bed, script: &mut Script, one: &str, extra: &Value) -> String {
    let many = format!("/{one}s");
    script.part(one);
    let admin = &bed.admin;
    let mut thing = extra.clone();
    thing["name"] = json!(bed.name(one));
    let body = json!({one: thing});
    let created = script.identity(admin, Method::POST, &many, Some(&body)).await;
    let id = text(&created.json()[one], "id").to_owned();
    script.name(&id, &format!("<{one}>"));
    let path = format!("{many}/{id}");
    let again = Answer::of(admin.identity(Method::POST, &many).json(&body)).await;
    script.note(&format!("the same again: {} {}", again.status, again.json()["error"]["title"]));
    script.identity(admin, Method::POST, &many, Some(&json!({one: {}}))).await;
    script.identity(admin, Method::POST, &many, Some(&json!({}))).await;
    script.identity(admin, Method::GET, &path, None).await;
    script.identity(admin, Method::GET, &format!("{many}?name={}", bed.name(one)), None).await;
    let change = json!({one: {"description": "changed"}});
    script.identity(admin, Method::PATCH, &path, Some(&change)).await;
    let missing = format!("{many}/0123456789abcdef0123456789abcdef");
    script.identity(admin, Method::GET, &missing, None).await;
    script.identity(admin, Method::PATCH, &missing, Some(&change)).await;
    script.identity(admin, Method::DELETE, &missing, None).await;
    id
}

pub(crate) async fn administration(bed: &Bed, script: &mut Script) {
    let admin = &bed.admin;
    let project = keep(bed, script, "project", &json!({"description": "made"})).await;
    let user =
        keep(bed, script, "user", &json!({"password": "secret", "email": "a@example.org"})).await;
    let role = keep(bed, script, "role", &json!({})).await;
    script.part("grants");
    let grants = format!("/projects/{project}/users/{user}/roles");
    let grant = format!("{grants}/{role}");
    script.identity(admin, Method::DELETE, &grant, None).await;
    script.identity(admin, Method::PUT, &grant, None).await;
    script.identity(admin, Method::PUT, &grant, None).await;
    let listed = Answer::of(admin.identity(Method::GET, &grants)).await;
    script.note(&format!("{} {}", listed.status, listed.json()["roles"]));
    for query in [format!("user.id={user}"), format!("user.id={user}&include_names=true")] {
        let path = format!("/role_assignments?{query}");
        let listed = Answer::of(admin.identity(Method::GET, &path)).await;
        script.note(&format!("{} {}", listed.status, listed.json()["role_assignments"]));
    }
    let nobody = format!("/projects/{project}/users/0123456789abcdef0123456789abcdef/roles/{role}");
    script.identity(admin, Method::PUT, &nobody, None).await;
    script.identity(admin, Method::DELETE, &grant, None).await;
    script.part("deleted");
    for path in [format!("/users/{user}"), format!("/projects/{project}"), format!("/roles/{role}")]
    {
        script.identity(admin, Method::DELETE, &path, None).await;
        script.identity(admin, Method::DELETE, &path, None).await;
    }
    script.part("domains and regions");
    script.identity(admin, Method::GET, "/domains/default", None).await;
    script.identity(admin, Method::GET, "/domains/nowhere", None).await;
    script.identity(admin, Method::GET, "/regions/RegionOne", None).await;
    script.identity(admin, Method::GET, "/regions/nowhere", None).await;
    script.identity(admin, Method::DELETE, "/domains/default", None).await;
}

pub(crate) async fn credentials(bed: &Bed, script: &mut Script) {
    let session = &bed.member;
    let own = Answer::of(
        session.identity(Method::GET, "/auth/tokens").header("X-Subject-Token", &session.token),
    )
    .await;
    let user = text(&own.json()["token"]["user"], "id").to_owned();
    script.name(&user, "<user>");
    let path = format!("/users/{user}/application_credentials");
    let name = bed.name("credential");
    script.part("kept");
    let body = json!({"application_credential": {
        "name": name, "secret": "hidden", "roles": [{"name": "member"}],
    }});
    let created = script.identity(session, Method::POST, &path, Some(&body)).await;
    let id = text(&created.json()["application_credential"], "id").to_owned();
    script.name(&id, "<credential>");
    script.identity(session, Method::POST, &path, Some(&body)).await;
    let nameless = json!({"application_credential": {}});
    script.identity(session, Method::POST, &path, Some(&nameless)).await;
    let greedy = json!({"application_credential": {
        "name": bed.name("greedy"), "roles": [{"name": "admin"}],
    }});
    // Keystone says why in one of two ways, depending on what it has in its cache.
    let refused = Answer::of(session.identity(Method::POST, &path).json(&greedy)).await;
    script.note(&format!(
        "a role one has not: {} {}",
        refused.status,
        refused.json()["error"]["title"]
    ));
    script.identity(session, Method::GET, &format!("{path}/{id}"), None).await;
    script.identity(&bed.other, Method::GET, &format!("{path}/{id}"), None).await;
    script.identity(session, Method::GET, &format!("{path}?name={name}"), None).await;

    script.part("used");
    let ask = |credential: Value, scope: Value| {
        let mut auth = json!({"identity": {
            "methods": ["application_credential"], "application_credential": credential,
        }});
        if !scope.is_null() {
            auth["scope"] = scope;
        }
        json!({"auth": auth})
    };
    let by_id = json!({"id": id, "secret": "hidden"});
    let by_name = json!({"name": name, "secret": "hidden", "user": {"id": user}});
    let scope = json!({"project": {"id": session.project}});
    let none = Value::Null;
    for (title, body) in [
        ("by id", ask(by_id.clone(), none.clone())),
        ("by name", ask(by_name, none.clone())),
        ("with a scope", ask(by_id.clone(), scope)),
        ("wrong secret", ask(json!({"id": id, "secret": "wrong"}), none.clone())),
        ("unknown", ask(json!({"id": "0123456789abcdef", "secret": "x"}), none.clone())),
    ] {
        ask_for_token(bed, script, title, &body).await;
    }
    script.part("deleted");
    script.identity(session, Method::DELETE, &format!("{path}/{id}"), None).await;
    script.identity(session, Method::DELETE, &format!("{path}/{id}"), None).await;
    ask_for_token(bed, script, "afterwards", &ask(by_id, none)).await;
}
