//! Barbican's part of the contract: who may read, metadata, consumers, containers.

use serde_json::{Value, json};

use super::barbican::{delete, get, keepers, named, post, put, say, stored};
use super::bed::Bed;
use super::script::Script;
use super::tenant::Tenant;
use crate::client::Session;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

const JSON: (&str, &str) = ("Content-Type", "application/json");
const TEXT: (&str, &str) = ("Accept", "text/plain");

fn plain(name: &str) -> Value {
    json!({"name": name, "payload": name, "payload_content_type": "text/plain"})
}

async fn patch(script: &mut Script, who: &Session, path: &str, body: &Value) {
    script.call(who, "key-manager", ("PATCH", path), Some(body)).await;
}

/// The id of a user, as the user's own token says it.
async fn user_of(who: &Session) -> String {
    let request = who.identity(reqwest::Method::GET, "/auth/tokens");
    let request = request.header("X-Subject-Token", &who.token);
    let token = crate::client::Answer::of(request).await.json();
    super::bed::text(&token["token"]["user"], "id").to_owned()
}

pub(crate) async fn acl(bed: &Bed, script: &mut Script) {
    let Tenant { admin, people } = keepers(bed, script).await;
    let (keeper, second) = (&people[0], &people[1]);
    let other = user_of(&bed.other).await;
    script.name(&other, "<other user>");
    let secret = stored(script, keeper, "secret", plain("secret")).await;
    let path = format!("{secret}/acl");
    script.part("by default");
    for who in [keeper, second, &admin, &bed.other, &bed.member] {
        get(script, who, &path).await;
    }
    script.part("private");
    put(script, keeper, &path, &json!({"read": {"project-access": false}})).await;
    get(script, keeper, &path).await;
    for who in [keeper, second, &admin, &bed.other] {
        get(script, who, &secret).await;
        say(script, who, ("GET", &format!("{secret}/payload")), &[TEXT], "").await;
    }
    get(script, second, &path).await;
    delete(script, second, &secret).await;
    put(script, second, &path, &json!({"read": {"project-access": true}})).await;
    get(script, second, "/v1/secrets").await;
    script.part("with another project's user");
    patch(script, keeper, &path, &json!({"read": {"users": [other]}})).await;
    get(script, keeper, &path).await;
    get(script, &bed.other, &secret).await;
    say(script, &bed.other, ("GET", &format!("{secret}/payload")), &[TEXT], "").await;
    get(script, &bed.other, &path).await;
    get(script, &bed.other, "/v1/secrets?acl_only=true").await;
    delete(script, &bed.other, &secret).await;
    patch(script, keeper, &path, &json!({"read": {"project-access": true}})).await;
    get(script, keeper, &path).await;
    put(script, keeper, &path, &json!({"read": {"users": [other]}})).await;
    get(script, keeper, &path).await;
    patch(script, keeper, &path, &json!({"read": {"users": []}})).await;
    get(script, keeper, &path).await;
    script.part("refused");
    for body in [
        json!({"write": {"users": []}}),
        json!({"read": {"users": "x"}}),
        json!({"read": {"users": [5]}}),
        json!({"read": {"project-access": "maybe"}}),
        json!({"read": {"unknown": 1}}),
        json!({"read": 5}),
    ] {
        put(script, keeper, &path, &body).await;
    }
    put(script, keeper, &path, &json!({})).await;
    get(script, keeper, &path).await;
    say(script, keeper, ("PUT", &path), &[], "{}").await;
    say(script, keeper, ("PUT", &path), &[JSON], "{").await;
    post(script, keeper, &path, &json!({})).await;
    get(script, keeper, &format!("/v1/secrets/{NOBODY}/acl")).await;
    script.part("taken away");
    put(script, keeper, &path, &json!({"read": {"project-access": false}})).await;
    delete(script, &bed.member, &path).await;
    delete(script, keeper, &path).await;
    delete(script, keeper, &path).await;
    get(script, keeper, &path).await;
}

pub(crate) async fn metadata(bed: &Bed, script: &mut Script) {
    let people = keepers(bed, script).await.people;
    let keeper = &people[0];
    let secret = stored(script, keeper, "secret", plain("secret")).await;
    let path = format!("{secret}/metadata");
    script.part("all");
    get(script, keeper, &path).await;
    put(script, keeper, &path, &json!({"metadata": {"Color": "red", "size": "big"}})).await;
    get(script, keeper, &path).await;
    put(script, keeper, &path, &json!({"metadata": {"shape": "round"}})).await;
    get(script, keeper, &path).await;
    for body in [
        json!({}),
        json!({"metadata": "x"}),
        json!({"metadata": {"a": 5}}),
        json!({"metadata": {"bad key": "x"}}),
    ] {
        put(script, keeper, &path, &body).await;
    }
    say(script, keeper, ("PUT", &path), &[JSON], "{").await;
    script.part("one");
    post(script, keeper, &path, &json!({"key": "Weight", "value": "5"})).await;
    post(script, keeper, &path, &json!({"key": "weight", "value": "6"})).await;
    for body in [
        json!({"key": "a"}),
        json!({"key": 5, "value": "x"}),
        json!({"key": "bad key", "value": "x"}),
        json!({"key": "a", "value": "x", "more": 1}),
    ] {
        post(script, keeper, &path, &body).await;
    }
    get(script, keeper, &format!("{path}/weight")).await;
    get(script, keeper, &format!("{path}/nope")).await;
    put(script, keeper, &format!("{path}/weight"), &json!({"key": "weight", "value": "7"})).await;
    put(script, keeper, &format!("{path}/nope"), &json!({"key": "nope", "value": "7"})).await;
    get(script, keeper, &path).await;
    delete(script, keeper, &format!("{path}/weight")).await;
    delete(script, keeper, &format!("{path}/weight")).await;
    get(script, keeper, &path).await;
    script.part("who may");
    get(script, &bed.member, &path).await;
    get(script, &bed.other, &path).await;
    put(script, &bed.member, &path, &json!({"metadata": {}})).await;
    get(script, &people[1], &path).await;
}

pub(crate) async fn consumers(bed: &Bed, script: &mut Script) {
    let people = keepers(bed, script).await.people;
    let keeper = &people[0];
    let secret = stored(script, keeper, "secret", plain("secret")).await;
    let path = format!("{secret}/consumers");
    let consumer =
        |id: &str| json!({"service": "image", "resource_type": "image", "resource_id": id});
    script.part("registered");
    get(script, keeper, &path).await;
    post(script, keeper, &path, &consumer("one")).await;
    post(script, keeper, &path, &consumer("one")).await;
    get(script, keeper, &path).await;
    get(script, keeper, &format!("{path}?limit=1&offset=1")).await;
    say(script, keeper, ("GET", &secret), &[("OpenStack-API-Version", "key-manager 1.1")], "")
        .await;
    script.part("refused");
    for body in [json!({}), json!({"service": "", "resource_type": "x", "resource_id": "y"})] {
        post(script, keeper, &path, &body).await;
    }
    say(script, keeper, ("POST", &path), &[], "{}").await;
    post(script, &bed.member, &path, &consumer("one")).await;
    get(script, &bed.member, &path).await;
    script.part("taken away");
    let delete_one = consumer("one");
    script.call(keeper, "key-manager", ("DELETE", &path), Some(&delete_one)).await;
    script.call(keeper, "key-manager", ("DELETE", &path), Some(&delete_one)).await;
    get(script, keeper, &path).await;
}

pub(crate) async fn containers(bed: &Bed, script: &mut Script) {
    let people = keepers(bed, script).await.people;
    let keeper = &people[0];
    let base = keeper.catalog["key-manager"].clone();
    let mut refs = Vec::new();
    for name in ["first", "other"] {
        let path = stored(script, keeper, name, plain(name)).await;
        refs.push(format!("{base}{path}"));
    }
    let held = |name: &str, of: &str| json!({"name": name, "secret_ref": of});
    script.part("made");
    get(script, keeper, "/v1/containers").await;
    let body = json!({"name": "box", "type": "generic", "secret_refs": [held("a", &refs[0])]});
    let made = post(script, keeper, "/v1/containers", &body).await;
    let path = named(script, &made, "container_ref", "box");
    get(script, keeper, &path).await;
    let body = json!({"name": "pair", "type": "rsa", "secret_refs": [
        held("public_key", &refs[0]), held("private_key", &refs[1]),
    ]});
    let made = post(script, keeper, "/v1/containers", &body).await;
    let pair = named(script, &made, "container_ref", "pair");
    let body = json!({"type": "certificate", "secret_refs": [held("certificate", &refs[0])]});
    let made = post(script, keeper, "/v1/containers", &body).await;
    let certificate = named(script, &made, "container_ref", "certificate");
    get(script, keeper, &certificate).await;
    refused_containers(script, keeper, &refs).await;
    script.part("listed");
    for query in ["?name=box", "?type=certificate", "?name=none", "?name=pair&limit=1&offset=1"] {
        get(script, keeper, &format!("/v1/containers{query}")).await;
    }
    script.part("filled");
    let inside = format!("{path}/secrets");
    post(script, keeper, &inside, &held("b", &refs[1])).await;
    post(script, keeper, &inside, &held("b", &refs[1])).await;
    post(script, keeper, &inside, &json!({"name": "c"})).await;
    post(script, keeper, &inside, &held("c", &format!("{base}/v1/secrets/{NOBODY}"))).await;
    post(script, keeper, &format!("{pair}/secrets"), &held("c", &refs[1])).await;
    script.call(keeper, "key-manager", ("DELETE", &inside), Some(&held("b", &refs[1]))).await;
    script.call(keeper, "key-manager", ("DELETE", &inside), Some(&held("b", &refs[1]))).await;
    get(script, keeper, &path).await;
    script.part("consumed");
    let users = format!("{path}/consumers");
    let consumer = json!({"name": "balancer", "URL": "https://example.org/1"});
    get(script, keeper, &users).await;
    post(script, keeper, &users, &consumer).await;
    post(script, keeper, &users, &json!({"name": "balancer"})).await;
    get(script, keeper, &users).await;
    script.call(keeper, "key-manager", ("DELETE", &users), Some(&consumer)).await;
    script.call(keeper, "key-manager", ("DELETE", &users), Some(&consumer)).await;
    script.part("who may");
    for who in [&people[1], &bed.member, &bed.other] {
        get(script, who, &path).await;
        delete(script, who, &path).await;
    }
    get(script, keeper, &format!("{path}/acl")).await;
    put(script, keeper, &format!("{path}/acl"), &json!({"read": {"project-access": false}})).await;
    get(script, &people[1], &path).await;
    get(script, keeper, &format!("{path}/acl")).await;
    script.part("gone");
    delete(script, keeper, &path).await;
    delete(script, keeper, &path).await;
    get(script, keeper, &path).await;
    get(script, keeper, "/v1/containers/x").await;
}

async fn refused_containers(script: &mut Script, keeper: &Session, refs: &[String]) {
    script.part("refused");
    let held = |name: &str, of: &str| json!({"name": name, "secret_ref": of});
    let missing = format!("{}/v1/secrets/{NOBODY}", keeper.catalog["key-manager"]);
    for body in [
        json!({}),
        json!({"type": "box"}),
        json!({"type": "generic", "name": "n".repeat(256)}),
        json!({"type": "generic", "secret_refs": [{"name": "a"}]}),
        json!({"type": "generic", "secret_refs": "x"}),
        json!({"type": "generic", "secret_refs": [held("a", &refs[0]), held("a", &refs[1])]}),
        json!({"type": "generic", "secret_refs": [held("a", &refs[0]), held("b", &refs[0])]}),
        json!({"type": "generic", "secret_refs": [held("a", &missing)]}),
        json!({"type": "generic", "secret_refs": [held("a", "http://127.0.0.2/v1/secrets/x")]}),
        json!({"type": "rsa", "secret_refs": [held("a", &refs[0])]}),
        json!({"type": "rsa", "secret_refs": [held("public_key", &refs[0])]}),
        json!({"type": "certificate", "secret_refs": [held("a", &refs[0])]}),
        json!({"type": "certificate", "secret_refs": [held("private_key", &refs[0])]}),
    ] {
        post(script, keeper, "/v1/containers", &body).await;
    }
    say(script, keeper, ("POST", "/v1/containers"), &[], "{}").await;
}

scenarios! {
    secrets_are_read_by_those_who_may = acl;
    secrets_have_metadata = metadata;
    secrets_have_consumers = consumers;
    secrets_are_held_in_containers = containers;
}
