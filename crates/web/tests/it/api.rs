//! The JSON API as programs see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lotse_core::task::{Board, Report};
use lotse_web::extension::Extension;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, Plan, World, strict};

/// A program with a token of an admin.
struct Program<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Program<'a> {
    async fn of(world: &'a World, scopes: &[&str]) -> Self {
        let browser = world.admin().await;
        let csrf = browser.api("/api/v1/me").await.json()["csrf"].as_str().unwrap().to_owned();
        let body = json!({ "name": "test", "scopes": scopes, "days": 1 });
        let request = browser.request(Method::POST, "/api/v1/tokens").json(&body);
        let made = browser.send(request.header("x-csrf-token", csrf)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        Self { world, token: made.json()["secret"].as_str().unwrap().to_owned() }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let browser = self.world.browser();
        let mut request = browser.request(method, path);
        request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        browser.send(if body.is_null() { request } else { request.json(body) }).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], &Value::Null).await
    }
}

const ALL: &[&str] =
    &["task.read", "task.request", "audit.read", "token.read", "token.write", "token.all"];

#[tokio::test]
async fn lists_come_in_pages_with_a_cursor() {
    let tasks = (0..7).map(|number| (format!("images/{number}"), Report::default()));
    let world =
        World::of(Plan { access: strict(), tasks: tasks.collect(), ..Plan::default() }).await;
    let program = Program::of(&world, ALL).await;
    for _ in 0..6 {
        Program::of(&world, &["task.read"]).await;
    }
    for (path, list, name, count) in [
        ("/api/v1/tasks", "tasks", "name", 8_usize),
        ("/api/v1/audit", "entries", "seq", 14),
        ("/api/v1/tokens", "tokens", "id", 7),
    ] {
        let (mut seen, mut next, mut pages) = (BTreeSet::new(), String::new(), 0);
        loop {
            let page = program.get(&format!("{path}?limit=3{next}")).await.json();
            let entries = page[list].as_array().unwrap();
            assert!((1..=3).contains(&entries.len()), "{path}: {page}");
            seen.extend(entries.iter().map(|entry| entry[name].to_string()));
            pages += 1;
            match page["next"].as_str() {
                Some(cursor) => next = format!("&after={cursor}"),
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (count, count.div_ceil(3)), "{path}");
        let unreadable = ["limit=0", "limit=201", "limit=x", "other=1"]
            .map(|bad| (bad, StatusCode::BAD_REQUEST));
        let foreign = ["after=%00", "after=AAAA", "after="].map(|bad| (bad, StatusCode::NOT_FOUND));
        for (bad, status) in unreadable.into_iter().chain(foreign) {
            let refused = program.get(&format!("{path}?{bad}")).await;
            assert_eq!(refused.status, status, "{path}?{bad}");
            assert_eq!(refused.header("content-type"), "application/problem+json");
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::strict().await;
    let program = Program::of(&world, ALL).await;
    let first = program.get("/api/v1/tasks").await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let wanted = [("if-none-match", tag.as_str())];
    let again = program.ask(Method::GET, "/api/v1/tasks", &wanted, &Value::Null).await;
    assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, &*tag));
    let succeeded =
        |tasks: &[lotse_core::task::TaskStatus]| tasks.iter().any(|task| task.succeeded > 1);
    (program.ask(Method::POST, "/api/v1/activations", &[], &json!({"task": "images/sim"}))).await;
    world.board.wait_until(succeeded).await;
    let changed = program.ask(Method::GET, "/api/v1/tasks", &wanted, &Value::Null).await;
    assert_eq!(changed.status, StatusCode::OK);
}

#[tokio::test]
async fn a_write_with_a_key_is_done_once() {
    let world = World::strict().await;
    let program = Program::of(&world, ALL).await;
    let body = json!({ "name": "once", "scopes": ["task.read"], "days": 1 });
    let key = [("idempotency-key", "my-key-1")];
    let post = async |body: &Value| program.ask(Method::POST, "/api/v1/tokens", &key, body).await;
    let first = post(&body).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert!(first.json()["secret"].is_string());
    let second = post(&body).await;
    assert_eq!(
        (second.status, second.header("idempotency-replayed")),
        (StatusCode::CREATED, "true")
    );
    assert_eq!(second.json()["id"], first.json()["id"]);
    assert!(second.json()["secret"].is_null(), "a secret is shown once");
    let other = post(&json!({ "name": "other", "scopes": ["task.read"], "days": 1 })).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    let made = world.deeds().await.iter().filter(|deed| deed.1 == "token.create").count();
    assert_eq!(made, 2, "the program's own and one more");
    world.pass(24 * 3600 + 60);
    let program = Program::of(&world, ALL).await;
    let later = program.ask(Method::POST, "/api/v1/tokens", &key, &body).await;
    assert_ne!(later.json()["id"], first.json()["id"], "keys are forgotten after a day");
    for bad in ["", "a b", &"x".repeat(256)] {
        let key = [("idempotency-key", bad)];
        let refused = program.ask(Method::POST, "/api/v1/tokens", &key, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad:?}");
    }
}

#[tokio::test]
async fn a_refused_write_may_be_asked_for_again_with_its_key() {
    let world = World::strict().await;
    let program = Program::of(&world, ALL).await;
    let key = [("idempotency-key", "k")];
    let bad = json!({ "name": "n", "scopes": ["nothing"], "days": 1 });
    for _ in 0..2 {
        let refused = program.ask(Method::POST, "/api/v1/tokens", &key, &bad).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.text.contains("do not have"), "{}", refused.text);
    }
    let good = json!({ "name": "n", "scopes": ["task.read"], "days": 1 });
    let made = program.ask(Method::POST, "/api/v1/tokens", &key, &good).await;
    assert_eq!(made.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let world = World::strict().await;
    let program = Program::of(&world, ALL).await;
    let post = async |body: Value| program.ask(Method::POST, "/api/v1/tokens", &[], &body).await;
    for body in [
        json!({}),
        json!([]),
        json!({ "name": 1, "scopes": [], "days": 1 }),
        json!({ "name": "n", "scopes": ["task.read"], "days": -1 }),
        json!({ "name": "n", "scopes": ["task.read"], "days": 1, "extra": true }),
        json!({ "name": "x".repeat(101), "scopes": ["task.read"], "days": 1 }),
    ] {
        let refused = post(body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{body}");
    }
    let huge = post(json!({ "name": "x".repeat(1 << 20), "scopes": [], "days": 1 })).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    let browser = world.browser();
    let plain = browser.request(Method::POST, "/api/v1/tokens").body("{}");
    let plain = plain.header(AUTHORIZATION, format!("Bearer {}", program.token));
    assert_eq!(browser.send(plain).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for path in ["/api/v1/tokens/x", "/api/v1/tokens/%00", "/api/v1/tasks/%FF", "/api/v1/nowhere"] {
        let refused = program.get(path).await;
        assert!(refused.status.is_client_error(), "{path}: {refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{path}");
    }
    let put = program.ask(Method::PUT, "/api/v1/tasks", &[], &json!({})).await;
    assert_eq!((put.status, put.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
}

#[tokio::test]
async fn a_token_can_make_a_smaller_one_and_never_a_larger_one() {
    let world = World::strict().await;
    let program = Program::of(&world, &["token.write", "task.read"]).await;
    let make = async |scope: &str| {
        let body = json!({ "name": "child", "scopes": [scope], "days": 1 });
        program.ask(Method::POST, "/api/v1/tokens", &[], &body).await.status
    };
    assert_eq!(make("task.read").await, StatusCode::CREATED);
    assert_eq!(make("audit.read").await, StatusCode::FORBIDDEN);
    let actor = &world.deeds().await.last().unwrap().0.clone();
    assert!(actor.starts_with("local token:"), "{actor}");
}

#[tokio::test]
async fn every_operation_is_described_with_what_it_demands() {
    let world = World::strict().await;
    let document = world.browser().api("/api/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["responses"]["429"].is_object(), "{method} {path}");
            let open = operation["security"] == json!([{}]);
            assert_eq!(open, operation["responses"]["401"].is_null(), "{method} {path}");
        }
    }
    let parts = world.parts(Arc::<Board>::default());
    let routes = lotse_web::Shell::surface(parts, Extension::default()).unwrap().1;
    let routes = routes.iter().filter(|route| route.is_api());
    let expected: BTreeSet<_> =
        routes.map(|route| format!("{} {}", route.method, route.path.replace("{*", "{"))).collect();
    assert_eq!(described, expected);
    let text = document.to_string();
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        assert!(text.contains(&format!("#/components/schemas/{name}")), "{name} is not used");
    }
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name} is missing");
    }
}
