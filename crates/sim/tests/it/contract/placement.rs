//! Placement's part of the contract: providers, inventories, allocations, traits, classes.
//!
//! Known and meant differences between the simulation and Placement 8 on the testbed:
//!
//! - What the hosts of a cloud have, and how much of it, differs from cloud to cloud: lists are
//!   written with the run's own entries only.
//! - `last-modified` and generations of hosts follow from the history of a deployment.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::Bed;
use super::script::Script;
use crate::client::{Answer, Session};

scenarios! {
    placement_versions_are_negotiated = versions;
    providers_are_kept_by_administrators = providers;
    inventories_say_what_providers_have = inventories;
    allocations_take_what_is_there = allocations;
    traits_and_classes_are_named = traits;
    candidates_are_those_with_room = candidates;
}

/// Asks Placement in a version, and writes nothing down.
async fn quietly(
    who: &Session,
    version: &str,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let verb: Method = method.parse().expect("a method");
    let request = who.to("placement", verb, path);
    let request = request.header("OpenStack-API-Version", format!("placement {version}"));
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    Answer::of(request).await
}

/// Asks Placement in a version, and writes down both sides.
async fn ask(
    script: &mut Script,
    who: &Session,
    version: &str,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let answer = quietly(who, version, (method, path), body).await;
    script.part_of(&format!("{version} {method} {path}"), body, &plain(&answer));
    answer
}

/// An answer without what is no contract: the dump of a schema that a body does not fit, where in
/// a body the parser stopped, and the order of traits, which are a set.
fn plain(answer: &Answer) -> Answer {
    let Ok(mut shown) = serde_json::from_str::<Value>(&answer.text) else { return answer.clone() };
    let errors = shown.get_mut("errors").and_then(Value::as_array_mut);
    for error in errors.into_iter().flatten() {
        let detail = error["detail"].as_str().unwrap_or_default();
        let ends = ["Failed validating", "Malformed JSON: "];
        let end = ends.iter().find_map(|end| detail.find(end)).unwrap_or(detail.len());
        let detail = detail[..end].trim_end().to_owned();
        error["detail"] = Value::String(detail);
    }
    if let Some(traits) = shown.get_mut("traits").and_then(Value::as_array_mut) {
        traits.sort_by_key(Value::to_string);
    }
    Answer { text: shown.to_string(), ..answer.clone() }
}

/// Sends a body that is none, and writes down both sides.
async fn ask_with(script: &mut Script, who: &Session, (kind, body): (&str, &'static str)) {
    let request = who.to("placement", Method::POST, "/resource_providers");
    let answer = Answer::of(request.header("Content-Type", kind).body(body)).await;
    script.part_of(&format!("POST /resource_providers {kind} {body}"), None, &plain(&answer));
}

const NOBODY: &str = "11111111-2222-4333-8444-555555555555";

/// A provider of the run; its id.
async fn provider(bed: &Bed, script: &mut Script, name: &str) -> String {
    let id = uuid::Uuid::new_v4().to_string();
    let body = json!({"name": bed.name(name), "uuid": id});
    let made = quietly(&bed.admin, "1.39", ("POST", "/resource_providers"), Some(&body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    script.name(&id, &format!("<{name}>"));
    id
}

/// Removes the run's own providers, traits and classes.
pub(crate) async fn clean_up(bed: &Bed) {
    let admin = Session::sign_in(&bed.people.admin).await;
    if !admin.catalog.contains_key("placement") {
        return;
    }
    let all = quietly(&admin, "1.39", ("GET", "/resource_providers"), None).await.json();
    let mut mine: Vec<&Value> = all["resource_providers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["name"].as_str().is_some_and(|name| name.contains(&bed.run)))
        .collect();
    // Children go before their parents.
    mine.sort_by_key(|one| one["parent_provider_uuid"].is_null());
    for one in mine {
        let id = one["uuid"].as_str().unwrap_or_default();
        let path = format!("/resource_providers/{id}/allocations");
        let held = quietly(&admin, "1.39", ("GET", &path), None).await.json();
        for consumer in held["allocations"].as_object().into_iter().flat_map(|all| all.keys()) {
            quietly(&admin, "1.39", ("DELETE", &format!("/allocations/{consumer}")), None).await;
        }
        let gone =
            quietly(&admin, "1.39", ("DELETE", &format!("/resource_providers/{id}")), None).await;
        assert!(matches!(gone.status, 204 | 404), "{id} stays: {}", gone.text);
    }
    let own = own_word(bed);
    for (list, key) in [("traits", "traits"), ("resource_classes", "resource_classes")] {
        let all = quietly(&admin, "1.39", ("GET", &format!("/{list}")), None).await.json();
        for one in all[key].as_array().into_iter().flatten() {
            let name = one.as_str().or_else(|| one["name"].as_str()).unwrap_or_default();
            if name.contains(&own) {
                quietly(&admin, "1.39", ("DELETE", &format!("/{list}/{name}")), None).await;
            }
        }
    }
}

/// The run's name as a trait or a class can have it.
fn own_word(bed: &Bed) -> String {
    bed.run.replace('-', "_").to_uppercase()
}

async fn versions(bed: &Bed, script: &mut Script) {
    let root = bed.admin.catalog["placement"].clone();
    script.part("documents");
    let request = bed.admin.http.get(format!("{root}/"));
    script.ask("GET", "/", None, request).await;
    script.part("refused");
    let request = bed.admin.http.get(format!("{root}/resource_providers"));
    script.ask("GET without a token", "/resource_providers", None, request).await;
    for version in ["1.99", "2.0", "x"] {
        ask(script, &bed.admin, version, ("GET", "/resource_providers"), None).await;
    }
    ask(script, &bed.admin, "1.39", ("GET", "/nonsense"), None).await;
    ask(script, &bed.admin, "1.39", ("PATCH", "/resource_providers"), Some(&json!({}))).await;
    for body in ["{", "[1]", ""] {
        ask_with(script, &bed.admin, ("application/json", body)).await;
    }
    ask_with(script, &bed.admin, ("text/plain", "{}")).await;
    script.part("named");
    for version in ["1.0", "1.39", "latest"] {
        let answer = quietly(&bed.admin, version, ("GET", "/resource_providers"), None).await;
        let named = answer.header("openstack-api-version").unwrap_or("-");
        script.note(&format!("{version}: {named}"));
    }
    script.part("what came later");
    for (version, path) in [
        ("1.0", "/traits"),
        ("1.1", "/resource_classes"),
        ("1.9", "/allocation_candidates"),
        ("1.8", "/usages"),
    ] {
        ask(script, &bed.admin, version, ("GET", path), None).await;
    }
}

async fn providers(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let root = provider(bed, script, "root").await;
    script.part("created");
    let child = uuid::Uuid::new_v4().to_string();
    script.name(&child, "<child>");
    for (version, body) in [
        ("1.0", json!({"name": bed.name("old")})),
        ("1.20", json!({"name": bed.name("child"), "uuid": child, "parent_provider_uuid": root})),
    ] {
        ask(script, admin, version, ("POST", "/resource_providers"), Some(&body)).await;
    }
    script.part("refused");
    for body in [
        json!({"name": bed.name("root")}),
        json!({"name": bed.name("x"), "uuid": root}),
        json!({"name": bed.name("x"), "uuid": "nonsense"}),
        json!({"name": "x".repeat(201)}),
        json!({"name": 1}),
        json!({"name": bed.name("x"), "colour": "red"}),
        json!({"name": bed.name("x"), "parent_provider_uuid": NOBODY}),
        json!({}),
    ] {
        ask(script, admin, "1.39", ("POST", "/resource_providers"), Some(&body)).await;
    }
    let body = json!({"name": bed.name("x")});
    ask(script, member, "1.39", ("POST", "/resource_providers"), Some(&body)).await;
    script.part("shown");
    for version in ["1.0", "1.14", "1.39"] {
        let path = format!("/resource_providers/{child}");
        ask(script, admin, version, ("GET", &path), None).await;
    }
    let path = format!("/resource_providers/{NOBODY}");
    ask(script, admin, "1.39", ("GET", &path), None).await;
    ask(script, member, "1.39", ("GET", &format!("/resource_providers/{child}")), None).await;
    ask(script, member, "1.39", ("GET", "/resource_providers"), None).await;
    script.part("listed");
    for query in [
        format!("name={}", bed.name("child")),
        format!("uuid={child}"),
        format!("uuid={NOBODY}"),
        "name=nonsense".to_owned(),
        "colour=red".to_owned(),
        "uuid=nonsense".to_owned(),
        "member_of=nonsense".to_owned(),
        "resources=nonsense".to_owned(),
        "resources=VCPU:x".to_owned(),
        "resources=CUSTOM_NONSENSE:1".to_owned(),
        "required=nonsense".to_owned(),
        "in_tree=nonsense".to_owned(),
    ] {
        let path = format!("/resource_providers?{query}");
        ask(script, admin, "1.39", ("GET", &path), None).await;
    }
    let path = format!("/resource_providers?in_tree={root}");
    let tree = quietly(admin, "1.39", ("GET", &path), None).await.json();
    script.note(&format!("in the tree: {:?}", tree["resource_providers"].as_array().map(Vec::len)));
    script.part("changed and deleted");
    let path = format!("/resource_providers/{child}");
    for body in [
        json!({"name": bed.name("renamed")}),
        json!({"name": bed.name("root")}),
        json!({"name": bed.name("renamed"), "parent_provider_uuid": NOBODY}),
        json!({"uuid": NOBODY}),
    ] {
        ask(script, admin, "1.39", ("PUT", &path), Some(&body)).await;
    }
    let body = json!({"name": "x"});
    let none = format!("/resource_providers/{NOBODY}");
    ask(script, admin, "1.39", ("PUT", &none), Some(&body)).await;
    ask(script, member, "1.39", ("DELETE", &path), None).await;
    ask(script, admin, "1.39", ("DELETE", &format!("/resource_providers/{root}")), None).await;
    ask(script, admin, "1.39", ("DELETE", &path), None).await;
    ask(script, admin, "1.39", ("DELETE", &path), None).await;
    script.part("aggregates");
    let path = format!("/resource_providers/{root}/aggregates");
    ask(script, admin, "1.39", ("GET", &path), None).await;
    for (version, body) in [
        ("1.39", json!({"aggregates": [NOBODY], "resource_provider_generation": 0})),
        ("1.39", json!({"aggregates": [NOBODY], "resource_provider_generation": 0})),
        ("1.39", json!({"aggregates": ["nonsense"], "resource_provider_generation": 1})),
        ("1.39", json!([NOBODY])),
        ("1.18", json!([NOBODY])),
    ] {
        ask(script, admin, version, ("PUT", &path), Some(&body)).await;
    }
}

async fn inventories(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let id = provider(bed, script, "a").await;
    let all = format!("/resource_providers/{id}/inventories");
    script.part("set");
    ask(script, admin, "1.39", ("GET", &all), None).await;
    for body in [
        json!({"resource_provider_generation": 0, "inventories": {
            "VCPU": {"total": 8, "allocation_ratio": 4.0},
            "MEMORY_MB": {"total": 1000, "reserved": 100, "min_unit": 10, "step_size": 10},
        }}),
        json!({"resource_provider_generation": 0, "inventories": {"VCPU": {"total": 8}}}),
        json!({"resource_provider_generation": 1, "inventories": {"NONSENSE": {"total": 8}}}),
        json!({"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 0}}}),
        json!({"resource_provider_generation": 1, "inventories": {"VCPU": {}}}),
        json!({"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 1, "reserved": 2}}}),
        json!({"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 1, "colour": 2}}}),
        json!({"inventories": {}}),
    ] {
        ask(script, admin, "1.39", ("PUT", &all), Some(&body)).await;
    }
    let body = json!({"resource_provider_generation": 1, "inventories": {}});
    ask(script, member, "1.39", ("PUT", &all), Some(&body)).await;
    let none = format!("/resource_providers/{NOBODY}/inventories");
    ask(script, admin, "1.39", ("PUT", &none), Some(&body)).await;
    ask(script, admin, "1.39", ("GET", &none), None).await;
    script.part("one class");
    for (method, path, body) in [
        ("GET", "/VCPU", None),
        ("GET", "/DISK_GB", None),
        ("PUT", "/VCPU", Some(json!({"resource_provider_generation": 1, "total": 16}))),
        ("PUT", "/VCPU", Some(json!({"resource_provider_generation": 1, "total": 16}))),
        ("PUT", "/DISK_GB", Some(json!({"resource_provider_generation": 2, "total": 16}))),
        ("POST", "", Some(json!({"resource_class": "DISK_GB", "total": 9}))),
        ("DELETE", "/DISK_GB", None),
        ("DELETE", "/DISK_GB", None),
    ] {
        let path = format!("{all}{path}");
        ask(script, admin, "1.39", (method, &path), body.as_ref()).await;
    }
    // What the database of a real one complains of is not its contract; that it does is.
    let body = json!({"resource_provider_generation": 2, "resource_class": "VCPU", "total": 9});
    let twice = quietly(admin, "1.39", ("POST", &all), Some(&body)).await;
    script.note(&format!("a second inventory of a class: {}", twice.status));
    script.part("used");
    for path in ["usages", "allocations", "traits"] {
        let path = format!("/resource_providers/{id}/{path}");
        ask(script, admin, "1.39", ("GET", &path), None).await;
        ask(script, member, "1.39", ("GET", &path), None).await;
    }
    script.part("deleted");
    ask(script, admin, "1.4", ("DELETE", &all), None).await;
    ask(script, admin, "1.39", ("DELETE", &all), None).await;
    ask(script, admin, "1.39", ("GET", &all), None).await;
}

/// What a provider of the run has.
async fn stock(bed: &Bed, id: &str) {
    let body = json!({"resource_provider_generation": 0, "inventories": {
        "VCPU": {"total": 8, "max_unit": 8},
        "MEMORY_MB": {"total": 1000, "min_unit": 10, "step_size": 10},
    }});
    let path = format!("/resource_providers/{id}/inventories");
    let set = quietly(&bed.admin, "1.39", ("PUT", &path), Some(&body)).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

async fn allocations(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let id = provider(bed, script, "a").await;
    stock(bed, &id).await;
    let consumer = uuid::Uuid::new_v4().to_string();
    script.name(&consumer, "<consumer>");
    let path = format!("/allocations/{consumer}");
    let take = |resources: Value, generation: Value| {
        json!({
            "allocations": {&id: {"resources": resources}},
            "project_id": bed.run, "user_id": bed.run, "consumer_generation": generation,
            "consumer_type": "INSTANCE",
        })
    };
    script.part("taken");
    ask(script, admin, "1.39", ("GET", &path), None).await;
    for body in [
        take(json!({"VCPU": 2, "MEMORY_MB": 100}), Value::Null),
        take(json!({"VCPU": 2}), Value::Null),
        take(json!({"VCPU": 4}), json!(1)),
        take(json!({"VCPU": 9}), json!(2)),
        take(json!({"MEMORY_MB": 15}), json!(2)),
        take(json!({"MEMORY_MB": 2000}), json!(2)),
        take(json!({"DISK_GB": 1}), json!(2)),
        take(json!({"NONSENSE": 1}), json!(2)),
        take(json!({"VCPU": 0}), json!(2)),
        take(json!({}), json!(2)),
        json!({"allocations": {}}),
    ] {
        ask(script, admin, "1.39", ("PUT", &path), Some(&body)).await;
    }
    let mut body = take(json!({"VCPU": 1}), json!(2));
    body["allocations"] = json!({NOBODY: {"resources": {"VCPU": 1}}});
    ask(script, admin, "1.39", ("PUT", &path), Some(&body)).await;
    ask(script, member, "1.39", ("PUT", &path), Some(&body)).await;
    script.part("shown");
    for version in ["1.0", "1.12", "1.28", "1.39"] {
        ask(script, admin, version, ("GET", &path), None).await;
    }
    ask(script, member, "1.39", ("GET", &path), None).await;
    for path in ["usages", "allocations"] {
        let path = format!("/resource_providers/{id}/{path}");
        ask(script, admin, "1.39", ("GET", &path), None).await;
    }
    for (version, query) in [
        ("1.9", format!("project_id={}", bed.run)),
        ("1.39", format!("project_id={}", bed.run)),
        ("1.39", format!("project_id={}&consumer_type=INSTANCE", bed.run)),
        ("1.39", format!("project_id={}&consumer_type=all", bed.run)),
        ("1.39", "project_id=nonsense".to_owned()),
        ("1.39", "colour=red".to_owned()),
    ] {
        ask(script, admin, version, ("GET", &format!("/usages?{query}")), None).await;
    }
    script.part("what is used stays");
    let inventories = format!("/resource_providers/{id}/inventories");
    for (method, path, body) in [
        ("DELETE", format!("{inventories}/VCPU"), None),
        ("DELETE", format!("/resource_providers/{id}"), None),
        (
            "PUT",
            inventories.clone(),
            Some(json!({"resource_provider_generation": 3, "inventories": {}})),
        ),
    ] {
        ask(script, admin, "1.39", (method, &path), body.as_ref()).await;
    }
    script.part("many at once");
    let second = uuid::Uuid::new_v4().to_string();
    script.name(&second, "<second>");
    let body = json!({
        &consumer: take(json!({"VCPU": 1}), json!(2)),
        &second: take(json!({"VCPU": 1}), Value::Null),
    });
    ask(script, admin, "1.39", ("POST", "/allocations"), Some(&body)).await;
    ask(script, admin, "1.39", ("POST", "/allocations"), Some(&body)).await;
    ask(script, admin, "1.39", ("POST", "/allocations"), Some(&json!({}))).await;
    script.part("given back");
    for id in [&consumer, &consumer, &second] {
        ask(script, admin, "1.39", ("DELETE", &format!("/allocations/{id}")), None).await;
    }
}

async fn traits(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let id = provider(bed, script, "a").await;
    let own = format!("CUSTOM_{}", own_word(bed));
    script.name(&own_word(bed), "<RUN>");
    script.part("made");
    for name in [own.as_str(), &own, "CUSTOM_x", "NONSENSE", "HW_CPU_X86_AVX2"] {
        ask(script, admin, "1.39", ("PUT", &format!("/traits/{name}")), None).await;
    }
    ask(script, member, "1.39", ("PUT", &format!("/traits/{own}")), None).await;
    script.part("shown");
    for name in [own.as_str(), "HW_CPU_X86_AVX2", "HW_CPU_NONSENSE", "CUSTOM_NONSENSE"] {
        ask(script, admin, "1.39", ("GET", &format!("/traits/{name}")), None).await;
    }
    for query in [
        format!("name=in:{own},NONSENSE"),
        format!("name=startswith:{own}"),
        format!("name=startswith:{own}&associated=true"),
        "name=startswith:HW_CPU_X86_AVX".to_owned(),
        "name=nonsense".to_owned(),
        "associated=perhaps".to_owned(),
        "colour=red".to_owned(),
    ] {
        ask(script, admin, "1.39", ("GET", &format!("/traits?{query}")), None).await;
    }
    let all = quietly(admin, "1.39", ("GET", "/traits"), None).await.json();
    let all = all["traits"].as_array().cloned().unwrap_or_default();
    let standard = all.iter().filter_map(Value::as_str).filter(|name| !name.starts_with("CUSTOM_"));
    script.note(&format!("standard ones: {}", standard.count()));
    script.part("of a provider");
    let of = format!("/resource_providers/{id}/traits");
    for body in [
        json!({"traits": [own, "HW_CPU_X86_AVX2"], "resource_provider_generation": 0}),
        json!({"traits": [], "resource_provider_generation": 0}),
        json!({"traits": ["CUSTOM_NONSENSE"], "resource_provider_generation": 1}),
        json!({"traits": ["x"], "resource_provider_generation": 1}),
        json!({"traits": []}),
    ] {
        ask(script, admin, "1.39", ("PUT", &of), Some(&body)).await;
    }
    ask(script, member, "1.39", ("PUT", &of), Some(&json!({}))).await;
    ask(script, admin, "1.39", ("GET", &of), None).await;
    let none = format!("/resource_providers/{NOBODY}/traits");
    ask(script, admin, "1.39", ("GET", &none), None).await;
    for query in [format!("required={own}"), format!("required=!{own}&name={}", bed.name("a"))] {
        let path = format!("/resource_providers?{query}");
        ask(script, admin, "1.39", ("GET", &path), None).await;
    }
    script.part("deleted");
    ask(script, admin, "1.39", ("DELETE", &format!("/traits/{own}")), None).await;
    ask(script, admin, "1.39", ("DELETE", &of), None).await;
    for name in [own.as_str(), &own, "HW_CPU_X86_AVX2"] {
        ask(script, admin, "1.39", ("DELETE", &format!("/traits/{name}")), None).await;
    }
    classes(bed, script, &own).await;
}

async fn classes(bed: &Bed, script: &mut Script, own: &str) {
    let (admin, member) = (&bed.admin, &bed.member);
    script.part("classes");
    for (version, method, path, body) in [
        ("1.39", "PUT", format!("/resource_classes/{own}"), None),
        ("1.39", "PUT", format!("/resource_classes/{own}"), None),
        ("1.39", "PUT", "/resource_classes/NONSENSE".to_owned(), None),
        ("1.2", "POST", "/resource_classes".to_owned(), Some(json!({"name": own}))),
        ("1.39", "POST", "/resource_classes".to_owned(), Some(json!({"name": "NONSENSE"}))),
        ("1.39", "POST", "/resource_classes".to_owned(), Some(json!({"name": format!("{own}_B")}))),
        ("1.39", "GET", format!("/resource_classes/{own}"), None),
        ("1.39", "GET", "/resource_classes/VCPU".to_owned(), None),
        ("1.39", "GET", "/resource_classes/CUSTOM_NONSENSE".to_owned(), None),
        ("1.39", "DELETE", "/resource_classes/VCPU".to_owned(), None),
        ("1.39", "DELETE", format!("/resource_classes/{own}"), None),
        ("1.39", "DELETE", format!("/resource_classes/{own}"), None),
    ] {
        ask(script, admin, version, (method, &path), body.as_ref()).await;
    }
    ask(script, member, "1.39", ("GET", "/resource_classes"), None).await;
    ask(script, member, "1.39", ("PUT", &format!("/resource_classes/{own}")), None).await;
    let all = quietly(admin, "1.39", ("GET", "/resource_classes"), None).await.json();
    let all = all["resource_classes"].as_array().cloned().unwrap_or_default();
    let standard = all.iter().filter_map(|one| one["name"].as_str());
    let standard: Vec<&str> = standard.filter(|name| !name.starts_with("CUSTOM_")).collect();
    script.note(&format!("standard ones: {standard:?}"));
}

async fn candidates(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let (a, b) = (provider(bed, script, "a").await, provider(bed, script, "b").await);
    stock(bed, &a).await;
    stock(bed, &b).await;
    let own = format!("CUSTOM_{}", own_word(bed));
    script.name(&own_word(bed), "<RUN>");
    quietly(admin, "1.39", ("PUT", &format!("/traits/{own}")), None).await;
    let body = json!({"traits": [own], "resource_provider_generation": 1});
    let path = format!("/resource_providers/{a}/traits");
    let set = quietly(admin, "1.39", ("PUT", &path), Some(&body)).await;
    assert_eq!(set.status, 200, "{}", set.text);
    script.part("found");
    for version in ["1.17", "1.29", "1.34", "1.39"] {
        let path = format!("/allocation_candidates?resources=VCPU:8,MEMORY_MB:1000&required={own}");
        ask(script, admin, version, ("GET", &path), None).await;
    }
    script.part("not found or refused");
    for query in [
        format!("resources=VCPU:9&required={own}"),
        format!("resources=MEMORY_MB:15&required={own}"),
        format!("resources=DISK_GB:1&required={own}"),
        format!("resources=VCPU:1&required={own}&limit=1"),
        format!("resources=VCPU:1&required={own}&limit=0"),
        format!("resources=VCPU:1&required={own},!{own}"),
        format!("resources=VCPU:1&in_tree={b}&required={own}"),
        "resources=NONSENSE:1".to_owned(),
        "resources=VCPU:0".to_owned(),
        "resources=VCPU".to_owned(),
        "required=HW_CPU_X86_AVX2".to_owned(),
        "resources=VCPU:1&required=CUSTOM_NONSENSE".to_owned(),
        "resources=VCPU:1&colour=red".to_owned(),
        String::new(),
    ] {
        let path = format!("/allocation_candidates?{query}");
        ask(script, admin, "1.39", ("GET", &path), None).await;
    }
    let path = "/allocation_candidates?resources=VCPU:1";
    ask(script, member, "1.39", ("GET", path), None).await;
}
