//! Barbican's part of the contract: versions, secrets, their payloads, lists and quotas.
//!
//! The rules that are in force want the role `creator` of those who store secrets; `member` has no
//! say, so every scenario has a project of its own with people in the roles it needs.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use super::tenant::{self, Tenant};
use crate::client::{Answer, Session};

const SERVICE: &str = "key-manager";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A project with two creators.
pub(crate) async fn keepers(bed: &Bed, script: &mut Script) -> Tenant {
    tenant::of(bed, script, &[("keeper", "creator"), ("second", "creator")]).await
}

/// A request with these headers and body, without any others.
pub(crate) fn plain(
    who: &Session,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> reqwest::RequestBuilder {
    let method: Method = method.parse().expect("a method");
    let url = format!("{}{path}", who.catalog[SERVICE]);
    let request = who.http.request(method, url).header("X-Auth-Token", &who.token);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    if body.is_empty() { request } else { request.body(body.to_owned()) }
}

/// Asks with these headers and this body, and writes down.
pub(crate) async fn say(
    script: &mut Script,
    who: &Session,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let shown: Vec<String> =
        headers.iter().map(|(name, value)| format!("[{name}: {value}]")).collect();
    let shown = format!("{} {method}", shown.join(" "));
    let request = plain(who, (method, path), headers, body);
    script.ask(shown.trim_start(), path, Some(body).filter(|it| it.len() < 300), request).await
}

pub(crate) async fn get(script: &mut Script, who: &Session, path: &str) -> Answer {
    script.call(who, SERVICE, ("GET", path), None).await
}

pub(crate) async fn post(script: &mut Script, who: &Session, path: &str, body: &Value) -> Answer {
    script.call(who, SERVICE, ("POST", path), Some(body)).await
}

pub(crate) async fn put(script: &mut Script, who: &Session, path: &str, body: &Value) -> Answer {
    script.call(who, SERVICE, ("PUT", path), Some(body)).await
}

pub(crate) async fn delete(script: &mut Script, who: &Session, path: &str) -> Answer {
    script.call(who, SERVICE, ("DELETE", path), None).await
}

/// Stores a secret without writing down; its path.
pub(crate) async fn stored(script: &mut Script, who: &Session, name: &str, body: Value) -> String {
    let answer = Answer::of(who.to(SERVICE, Method::POST, "/v1/secrets").json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    named(script, &answer, "secret_ref", name)
}

/// The path of what was made, whose id is called by this name from now on.
pub(crate) fn named(script: &mut Script, made: &Answer, key: &str, name: &str) -> String {
    let made = made.json();
    let id = text(&made, key).rsplit('/').next().expect("an id").to_owned();
    script.name(&id, &format!("<{name}>"));
    let kind = if key == "secret_ref" { "secrets" } else { "containers" };
    format!("/v1/{kind}/{id}")
}

/// Removes the containers and secrets of this run's project.
pub(crate) async fn clean_up(tenant: &Session) {
    if !tenant.catalog.contains_key(SERVICE) {
        return;
    }
    for (kind, key) in [("containers", "container_ref"), ("secrets", "secret_ref")] {
        let path = format!("/v1/{kind}?limit=100");
        let all = Answer::of(tenant.to(SERVICE, Method::GET, &path)).await.json();
        for one in all[kind].as_array().into_iter().flatten() {
            let id = text(one, key).rsplit('/').next().expect("an id").to_owned();
            let path = format!("/v1/{kind}/{id}");
            let gone = Answer::of(tenant.to(SERVICE, Method::DELETE, &path)).await;
            assert!(matches!(gone.status, 204 | 404), "{path} stays: {}", gone.text);
        }
    }
}

pub(crate) async fn versions(bed: &Bed, script: &mut Script) {
    let new = ("OpenStack-API-Version", "key-manager 1.1");
    script.part("discovered");
    for path in ["/", "/v1", "/v1/"] {
        say(script, &bed.admin, ("GET", path), &[], "").await;
        say(script, &bed.admin, ("GET", path), &[new], "").await;
    }
    script.part("without a token");
    let stranger = Session { token: "nobody".to_owned(), ..bed.admin.clone() };
    for path in ["/", "/v1/", "/v1/secrets"] {
        say(script, &stranger, ("GET", path), &[], "").await;
    }
    script.part("asked for");
    for version in ["key-manager 1.0", "key-manager latest", "volume 3.5", "key-manager 1.2"] {
        let header = ("OpenStack-API-Version", version);
        say(script, &bed.admin, ("GET", "/v1/quotas"), &[header], "").await;
    }
    for version in ["key-manager x", "key-manager 2.0", "key-manager 1"] {
        let header = ("OpenStack-API-Version", version);
        say(script, &bed.admin, ("GET", "/v1/quotas"), &[header], "").await;
    }
    script.part("not there");
    for path in ["/nope", "/v1/nope", "/v2/", "/v1/cas", "/v1/secret-stores"] {
        say(script, &bed.admin, ("GET", path), &[], "").await;
    }
    for (method, path) in [("POST", "/v1/"), ("DELETE", "/v1/secrets"), ("PUT", "/v1/containers")] {
        say(script, &bed.admin, (method, path), &[], "").await;
    }
    script.part("quotas");
    get(script, &bed.admin, "/v1/quotas").await;
    get(script, &bed.member, "/v1/quotas").await;
    get(script, &bed.admin, "/v1/project-quotas").await;
    get(script, &bed.admin, "/v1/project-quotas/some").await;
    let quotas = json!({"project_quotas": {"secrets": 5}});
    put(script, &bed.admin, "/v1/project-quotas/some", &quotas).await;
    delete(script, &bed.admin, "/v1/project-quotas/some").await;
}

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let Tenant { admin, people } = keepers(bed, script).await;
    let keeper = &people[0];
    let json = ("Content-Type", "application/json");
    script.part("stored");
    let made = post(script, keeper, "/v1/secrets", &json!({})).await;
    let empty = named(script, &made, "secret_ref", "empty");
    get(script, keeper, &empty).await;
    let whole = json!({
        "name": " key ", "algorithm": "aes", "bit_length": 256, "mode": "cbc",
        "secret_type": "symmetric", "expiration": "2120-01-01T02:00:00+02:00",
        "payload": "aGVsbG8=", "payload_content_type": "application/octet-stream",
        "payload_content_encoding": "base64", "unknown": 1,
    });
    let made = post(script, keeper, "/v1/secrets", &whole).await;
    let whole = named(script, &made, "secret_ref", "whole");
    get(script, keeper, &whole).await;
    say(script, keeper, ("GET", &whole), &[("OpenStack-API-Version", "key-manager 1.1")], "").await;
    say(script, keeper, ("GET", &whole), &[("Accept", "*/*")], "").await;
    let body = json!({"payload": "text", "payload_content_type": "text/plain; charset=utf-8"});
    let made = post(script, keeper, "/v1/secrets/", &body).await;
    named(script, &made, "secret_ref", "text");
    script.part("refused");
    say(script, keeper, ("POST", "/v1/secrets"), &[], "{}").await;
    say(script, keeper, ("POST", "/v1/secrets"), &[json], "{").await;
    say(script, keeper, ("POST", "/v1/secrets"), &[json], "[]").await;
    let plain = |payload: &str, rest: Value| {
        let mut body = json!({"payload": payload, "payload_content_type": "text/plain"});
        for (key, value) in rest.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    };
    for body in [
        json!({"payload": "x"}),
        plain("", json!({})),
        plain("  ", json!({})),
        plain("x", json!({"payload_content_type": "image/png"})),
        plain("x", json!({"payload_content_type": "text/plain; charset=latin1"})),
        plain("x", json!({"payload_content_encoding": "base64"})),
        plain("x", json!({"payload_content_encoding": "gzip"})),
        plain("x", json!({"payload_content_type": "application/octet-stream"})),
        plain(
            "&",
            json!({
                "payload_content_type": "application/octet-stream", "payload_content_encoding": "base64",
            }),
        ),
        plain("x", json!({"name": 5})),
        plain("x", json!({"secret_type": "something"})),
        plain("x", json!({"bit_length": "256"})),
        plain("x", json!({"bit_length": 0})),
        plain("x", json!({"bit_length": 32768})),
        plain("x", json!({"expiration": "tomorrow"})),
        plain("x", json!({"expiration": "2020-01-01T00:00:00"})),
        json!({"payload": 5, "payload_content_type": "text/plain"}),
        json!({"payload_content_type": "text/plain"}),
        json!({"payload_content_encoding": "base64"}),
        json!({"name": null, "payload_content_type": null, "payload": "x"}),
    ] {
        post(script, keeper, "/v1/secrets", &body).await;
    }
    script.part("too long");
    let long = plain("x", json!({"name": "n".repeat(256)}));
    say(script, keeper, ("POST", "/v1/secrets"), &[json], &long.to_string()).await;
    for length in [20_000, 20_001] {
        let body = plain(&"p".repeat(length), json!({"name": "long"})).to_string();
        say(script, keeper, ("POST", "/v1/secrets"), &[json], &body).await;
    }
    script.part("who may");
    post(script, &bed.member, "/v1/secrets", &json!({})).await;
    get(script, &bed.member, "/v1/secrets").await;
    for who in [&people[1], &admin, &bed.admin, &bed.member] {
        get(script, who, &empty).await;
    }
    for who in [&bed.other, &bed.member, &bed.admin] {
        delete(script, who, &empty).await;
    }
    script.part("gone");
    delete(script, &people[1], &empty).await;
    get(script, keeper, &empty).await;
    delete(script, keeper, &empty).await;
    for id in ["x", NOBODY, "00000000000040008000000000000000"] {
        get(script, keeper, &format!("/v1/secrets/{id}")).await;
    }
    get(script, keeper, &format!("{whole}/nope")).await;
    say(script, keeper, ("POST", &whole), &[json], "{}").await;
}

pub(crate) async fn payload(bed: &Bed, script: &mut Script) {
    let people = keepers(bed, script).await.people;
    let keeper = &people[0];
    script.part("without one");
    let bare = stored(script, keeper, "bare", json!({"name": "bare"})).await;
    let inside = format!("{bare}/payload");
    say(script, keeper, ("GET", &inside), &[("Accept", "text/plain")], "").await;
    say(script, keeper, ("GET", &bare), &[("Accept", "text/plain")], "").await;
    script.part("given later");
    let plain = ("Content-Type", "text/plain");
    let binary = ("Content-Type", "application/octet-stream");
    for (headers, body) in [
        (vec![], ""),
        (vec![], "x"),
        (vec![plain], ""),
        (vec![("Content-Type", "application/json")], "{}"),
        (vec![("Content-Type", "image/png")], "x"),
        (vec![("Content-Type", "text/plain; charset=utf-8")], "hello"),
        (vec![plain], "hello"),
    ] {
        say(script, keeper, ("PUT", &bare), &headers, body).await;
    }
    let big = "p".repeat(20_001);
    let second = stored(script, keeper, "second", json!({"name": "second"})).await;
    say(script, keeper, ("PUT", &second), &[plain], &big).await;
    say(script, keeper, ("PUT", &second), &[binary, ("Content-Encoding", "gzip")], "x").await;
    say(script, keeper, ("PUT", &second), &[binary, ("Content-Encoding", "base64")], "aGVsbG8=")
        .await;
    get(script, keeper, &second).await;
    let third = stored(script, keeper, "third", json!({"name": "third"})).await;
    say(script, keeper, ("PUT", &third), &[binary], "aGVsbG8=").await;
    script.part("read");
    let accepted =
        ["text/plain", "application/octet-stream", "*/*", "application/json", "image/png", ""];
    for one in [&bare, &second, &third] {
        let inside = format!("{one}/payload");
        for accept in accepted {
            say(script, keeper, ("GET", &inside), &[("Accept", accept)], "").await;
        }
    }
    for accept in ["text/plain", "application/octet-stream", "image/png"] {
        say(script, keeper, ("GET", &bare), &[("Accept", accept)], "").await;
    }
    script.part("refused");
    say(script, keeper, ("POST", &inside), &[plain], "x").await;
    say(script, &bed.member, ("GET", &inside), &[("Accept", "text/plain")], "").await;
    say(script, &bed.other, ("GET", &inside), &[("Accept", "text/plain")], "").await;
    say(script, &bed.member, ("PUT", &bare), &[plain], "x").await;
    say(script, &people[1], ("PUT", &bare), &[plain], "x").await;
    say(script, &people[1], ("GET", &inside), &[("Accept", "text/plain")], "").await;
}

pub(crate) async fn list(bed: &Bed, script: &mut Script) {
    let people = keepers(bed, script).await.people;
    let keeper = &people[0];
    script.part("empty");
    get(script, keeper, "/v1/secrets").await;
    for (name, kind, bits, mode) in [
        ("alpha", "opaque", 128, "cbc"),
        ("beta", "passphrase", 256, "cbc"),
        ("gamma", "symmetric", 256, "ctr"),
    ] {
        let body = json!({
            "name": name, "secret_type": kind, "bit_length": bits, "mode": mode,
            "algorithm": "aes", "payload": name, "payload_content_type": "text/plain",
            "expiration": format!("21{bits}-01-01T00:00:00").replace("21128", "2112").replace("21256", "2125"),
        });
        stored(script, keeper, name, body).await;
    }
    script.part("pages");
    for query in [
        "sort=name",
        "sort=name&limit=2",
        "sort=name&limit=2&offset=1",
        "sort=name&limit=0",
        "sort=name&limit=x&offset=y",
        "sort=name:desc&limit=1&offset=-3",
        "offset=7",
    ] {
        get(script, keeper, &format!("/v1/secrets?{query}")).await;
    }
    script.part("filters");
    for query in [
        "name=beta",
        "name=bet",
        "name=b%25",
        "alg=aes&sort=name&limit=1",
        "alg=des",
        "mode=ctr",
        "bits=128",
        "bits=x&sort=name&limit=1",
        "secret_type=passphrase",
        "secret_type=unknown",
        "unknown=1&sort=name&limit=1",
        "created=gt:2120-01-01T00:00:00",
        "created=lt:2120-01-01T00:00:00&sort=name&limit=1",
        "expiration=gt:2120-01-01T00:00:00&sort=name",
        "expiration=gte:2112-01-01T00:00:00,lt:2113-01-01T00:00:00",
        "expiration=2112-01-01T00:00:00",
        "acl_only=true",
    ] {
        get(script, keeper, &format!("/v1/secrets?{query}")).await;
    }
    script.part("bad filters");
    for query in [
        "sort=size",
        "sort=name:up",
        "sort=name,name:desc",
        "created=yesterday",
        "created=gt:2020-01-01T00:00:00,gt:2020-01-01T00:00:00",
        "updated=gt:",
    ] {
        get(script, keeper, &format!("/v1/secrets?{query}")).await;
    }
    script.part("of others");
    get(script, &people[1], "/v1/secrets?sort=name&limit=1").await;
    get(script, &bed.admin, "/v1/secrets?name=alpha").await;
}

scenarios! {
    key_manager_versions_are_negotiated = versions;
    secrets_are_stored_or_refused = create;
    payloads_are_given_and_read = payload;
    secrets_are_listed_in_pages = list;
}
