//! What only the simulated cloud can show: roles that the testbed does not enforce.

use lotse_sim::{SimCloud, SimOptions};
use reqwest::Method;
use serde_json::json;

use crate::client::{Answer, Session, http, person};

#[tokio::test]
async fn a_reader_looks_and_changes_nothing() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let member = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let reader = Session::sign_in(&person(&cloud, "reader", Some("demo"))).await;
    assert_eq!(member.project, reader.project);
    let image = member.post("/v2/images", &json!({"name": "ours"})).await.json();
    let path = format!("/v2/images/{}", image["id"].as_str().expect("an id"));
    assert_eq!(reader.get(&path).await.status, 200);
    let rename = json!([{"op": "replace", "path": "/name", "value": "mine"}]);
    assert_eq!(reader.patch(&path, &rename).await.status, 403);
    assert_eq!(reader.delete(&path).await.status, 403);
    assert_eq!(reader.post("/v2/images", &json!({"name": "new"})).await.status, 403);
    assert_eq!(member.get(&path).await.json()["name"], "ours");
    assert_eq!(member.delete(&path).await.status, 204);
}

/// A token for this scope, or the status of the refusal.
async fn token_for(cloud: &SimCloud, user: &str, scope: serde_json::Value) -> Result<Session, u16> {
    let mut session = Session::sign_in(&person(cloud, "admin", Some("admin"))).await;
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": "sim",
        }}},
        "scope": scope,
    }});
    let answer = Answer::of(http().post(format!("{}/auth/tokens", cloud.auth_url())).json(&body));
    let answer = answer.await;
    if answer.status != 201 {
        return Err(answer.status);
    }
    answer.header("x-subject-token").expect("a token").clone_into(&mut session.token);
    Ok(session)
}

/// The id of something in a list of Keystone.
async fn id_of(session: &Session, kind: &str, name: &str) -> String {
    let list = Answer::of(session.identity(Method::GET, &format!("/{kind}?name={name}"))).await;
    list.json()[kind][0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_role_on_a_domain_or_the_system_counts_there_and_nowhere_else() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    let (user, role) =
        (id_of(&admin, "users", "demo").await, id_of(&admin, "roles", "reader").await);
    let (domain, system) = (json!({"domain": {"id": "default"}}), json!({"system": {"all": true}}));
    assert_eq!(token_for(&cloud, "demo", domain.clone()).await.err(), Some(401));
    assert_eq!(token_for(&cloud, "demo", system.clone()).await.err(), Some(401));
    for place in ["/domains/default", "/system"] {
        let grant = format!("{place}/users/{user}/roles/{role}");
        assert_eq!(Answer::of(admin.identity(Method::PUT, &grant)).await.status, 204, "{place}");
    }
    let on_domain = token_for(&cloud, "demo", domain).await.expect("a token for the domain");
    assert_eq!(Answer::of(on_domain.identity(Method::GET, "/users")).await.status, 200);
    assert_eq!(Answer::of(on_domain.identity(Method::GET, "/services")).await.status, 403);
    let on_system =
        token_for(&cloud, "demo", system.clone()).await.expect("a token for the system");
    assert_eq!(Answer::of(on_system.identity(Method::GET, "/users")).await.status, 200);
    let project = json!({"project": {"name": "made by a reader"}});
    let refused = Answer::of(on_system.identity(Method::POST, "/projects").json(&project)).await;
    assert_eq!(refused.status, 403);
    let grant = format!("/system/users/{user}/roles/{role}");
    assert_eq!(Answer::of(admin.identity(Method::DELETE, &grant)).await.status, 204);
    assert_eq!(Answer::of(on_system.identity(Method::GET, "/users")).await.status, 401);
    assert_eq!(token_for(&cloud, "demo", system).await.err(), Some(401));
}

#[tokio::test]
async fn a_disabled_domain_goes_with_all_that_is_in_it() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    let post = |path: &str, body: serde_json::Value| admin.identity(Method::POST, path).json(&body);
    let made = Answer::of(post("/domains", json!({"domain": {"name": "leaving"}}))).await.json();
    let domain = made["domain"]["id"].as_str().expect("an id").to_owned();
    let user = json!({"user": {"name": "theirs", "domain_id": domain}});
    assert_eq!(Answer::of(post("/users", user)).await.status, 201);
    let path = format!("/domains/{domain}");
    assert_eq!(Answer::of(admin.identity(Method::DELETE, &path)).await.status, 403);
    let off = json!({"domain": {"enabled": false}});
    assert_eq!(Answer::of(admin.identity(Method::PATCH, &path).json(&off)).await.status, 200);
    assert_eq!(Answer::of(admin.identity(Method::DELETE, &path)).await.status, 204);
    let users = Answer::of(admin.identity(Method::GET, "/users?name=theirs")).await.json();
    assert_eq!(users["users"], json!([]));
}

#[tokio::test]
async fn a_disabled_or_deleted_project_ends_its_tokens() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    let project = format!("/projects/{}", id_of(&admin, "projects", "demo").await);
    let member = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let enabled = |enabled: bool| {
        let body = json!({"project": {"enabled": enabled}});
        Answer::of(admin.identity(Method::PATCH, &project).json(&body))
    };
    assert_eq!(enabled(false).await.status, 200);
    assert_eq!(member.get("/v2/images").await.status, 401);
    let scope = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    assert_eq!(token_for(&cloud, "demo", scope.clone()).await.err(), Some(401));
    assert_eq!(enabled(true).await.status, 200);
    let again = token_for(&cloud, "demo", scope).await.expect("a token");
    assert_eq!(Answer::of(admin.identity(Method::DELETE, &project)).await.status, 204);
    assert_eq!(again.get("/v2/images").await.status, 401);
}

#[tokio::test]
async fn an_access_token_of_an_identity_provider_is_exchanged_for_a_token() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let exchange = |provider: &str, access_token: &str| {
        let path = format!("OS-FEDERATION/identity_providers/{provider}/protocols/openid/auth");
        let request = http().post(format!("{}/{path}", cloud.auth_url()));
        Answer::of(request.header("Authorization", format!("Bearer {access_token}")))
    };
    assert_eq!(exchange("sim", "wrong").await.status, 401);
    assert_eq!(exchange("nobody", "sim-access-token").await.status, 404);
    let granted = exchange("sim", "sim-access-token").await;
    assert_eq!(granted.status, 201, "{}", granted.text);
    let user = &granted.json()["token"]["user"];
    assert_eq!(user["name"], "demo");
    assert_eq!(user["OS-FEDERATION"]["identity_provider"]["id"], "sim");
    let rescope = json!({"auth": {
        "identity": {"methods": ["token"], "token": {"id": granted.header("x-subject-token")}},
        "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
    }});
    let scoped = http().post(format!("{}/auth/tokens", cloud.auth_url())).json(&rescope);
    let scoped = Answer::of(scoped).await;
    assert_eq!(scoped.status, 201, "{}", scoped.text);
    assert_eq!(scoped.json()["token"]["methods"], json!(["openid", "token"]));
}
