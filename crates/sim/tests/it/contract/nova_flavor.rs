//! Nova's part of the contract: flavors, keypairs, server groups, versions.

use serde_json::{Value, json};

use super::bed::Bed;
use super::nova::{ask, names, quietly};
use super::script::Script;
use crate::client::Answer;

scenarios! {
    compute_versions_are_negotiated = versions;
    flavors_are_kept_by_administrators = flavors;
    flavors_have_extra_specs_and_are_opened = parts;
    keypairs_belong_to_users = keypairs;
    server_groups_have_policies = groups;
}

async fn versions(bed: &Bed, script: &mut Script) {
    let root = bed.member.catalog["compute"].trim_end_matches("/v2.1").to_owned();
    script.part("documents");
    for path in ["/", "/v2/", "/v2.1/", "/v2.1"] {
        let request = bed.member.http.get(format!("{root}{path}"));
        script.ask("GET", path, None, request).await;
    }
    script.part("refused");
    let request = bed.member.http.get(format!("{root}/v2.1/servers"));
    script.ask("GET without a token", "/servers", None, request).await;
    for version in ["2.99", "3.0", "x", "2.01"] {
        ask(script, &bed.member, version, ("GET", "/flavors"), None).await;
    }
    ask(script, &bed.member, "2.90", ("GET", "/nonsense"), None).await;
    ask(script, &bed.member, "2.90", ("PUT", "/flavors"), Some(&json!({}))).await;
    for body in ["{", "[1]", ""] {
        let request = bed.member.to("compute", reqwest::Method::POST, "/servers");
        let request = request.header("Content-Type", "application/json").body(body);
        script.ask("POST", "/servers", Some(body), request).await;
    }
    let request = bed.member.to("compute", reqwest::Method::POST, "/servers");
    let request = request.header("Content-Type", "application/json").body("x".repeat(200_000));
    let answer = Answer::of(request).await;
    script.note("POST /servers with 200000 bytes");
    script.answer(&answer);
    script.part("named");
    for version in ["2.1", "2.90", "latest"] {
        let answer = quietly(&bed.member, version, ("GET", "/servers"), None).await;
        let header = |name| answer.header(name).unwrap_or("-").to_owned();
        script.note(&format!(
            "{version}: {} / {}",
            header("openstack-api-version"),
            header("x-openstack-nova-api-version")
        ));
    }
}

async fn flavors(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let flavor = |name: &str, more: Value| {
        let mut flavor = json!({"name": bed.name(name), "ram": 128, "vcpus": 1, "disk": 1});
        for (name, value) in more.as_object().into_iter().flatten() {
            flavor[name] = value.clone();
        }
        json!({ "flavor": flavor })
    };
    script.part("created");
    let a = flavor("a", json!({"id": bed.name("a"), "swap": 512, "rxtx_factor": 2.0}));
    ask(script, admin, "2.1", ("POST", "/flavors"), Some(&a)).await;
    let more = json!({"id": bed.name("b"), "description": "second", "ram": 256});
    ask(script, admin, "2.55", ("POST", "/flavors"), Some(&flavor("b", more))).await;
    let more = json!({
        "id": bed.name("c"), "OS-FLV-EXT-DATA:ephemeral": 3, "disk": 0,
        "os-flavor-access:is_public": false,
    });
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&flavor("c", more))).await;
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&flavor("d", json!({})))).await;
    script.part("refused");
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&a)).await;
    let same = flavor("other", json!({"id": bed.name("a")}));
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&same)).await;
    ask(script, member, "2.90", ("POST", "/flavors"), Some(&same)).await;
    for more in [
        json!({"ram": 0}),
        json!({"ram": "x"}),
        json!({"vcpus": null}),
        json!({"disk": -1}),
        json!({"name": ""}),
        json!({"name": " x"}),
        json!({"id": " x"}),
        json!({"rxtx_factor": 0}),
        json!({"colour": "red"}),
        json!({"os-flavor-access:is_public": "perhaps"}),
    ] {
        ask(script, admin, "2.90", ("POST", "/flavors"), Some(&flavor("e", more))).await;
    }
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&json!({"flavor": {"name": "x"}}))).await;
    ask(script, admin, "2.90", ("POST", "/flavors"), Some(&json!({}))).await;
    script.part("shown");
    for version in ["2.1", "2.55", "2.61", "2.75"] {
        ask(script, member, version, ("GET", &format!("/flavors/{}", bed.name("a"))), None).await;
    }
    ask(script, member, "2.90", ("GET", &format!("/flavors/{}", bed.name("c"))), None).await;
    ask(script, member, "2.90", ("GET", "/flavors/nonsense"), None).await;
    lists(bed, script).await;
    script.part("changed and deleted");
    let path = format!("/flavors/{}", bed.name("b"));
    let body = json!({"flavor": {"description": "new"}});
    ask(script, admin, "2.54", ("PUT", &path), Some(&body)).await;
    ask(script, admin, "2.55", ("PUT", &path), Some(&body)).await;
    ask(script, member, "2.55", ("PUT", &path), Some(&body)).await;
    ask(script, admin, "2.55", ("PUT", "/flavors/nonsense"), Some(&body)).await;
    ask(script, admin, "2.55", ("PUT", &path), Some(&json!({"flavor": {"ram": 1}}))).await;
    ask(script, member, "2.90", ("DELETE", &path), None).await;
    ask(script, admin, "2.90", ("DELETE", &path), None).await;
    ask(script, admin, "2.90", ("DELETE", &path), None).await;
}

/// Lists hold flavors of others: only the run's own are written down.
async fn lists(bed: &Bed, script: &mut Script) {
    script.part("listed");
    for (who, name) in [(&bed.admin, "admin"), (&bed.member, "member")] {
        for query in [
            "",
            "?is_public=none",
            "?is_public=false",
            "?is_public=true&sort_key=name&sort_dir=desc",
            "?sort_key=memory_mb&sort_dir=desc",
            "?minRam=200",
            "?minDisk=2",
        ] {
            let path = format!("/flavors{query}");
            let body = quietly(who, "2.90", ("GET", &path), None).await.json();
            let all = body["flavors"].as_array().cloned().unwrap_or_default();
            let own = all.iter().filter_map(|one| one["name"].as_str()?.strip_prefix(&bed.run));
            let mut own: Vec<&str> = own.map(|name| name.trim_start_matches('-')).collect();
            // Without another key they come in the order of their ids, one of which is random.
            if !query.contains("sort_key") {
                own.sort_unstable();
            }
            script.note(&format!("{name} {query} → {}", own.join(" ")));
        }
    }
    for query in [
        "is_public=perhaps",
        "minRam=x",
        "minDisk=x",
        "limit=x",
        "limit=-1",
        "marker=nonsense",
        "sort_key=colour",
        "sort_dir=up",
        "colour=red",
    ] {
        ask(script, &bed.admin, "2.90", ("GET", &format!("/flavors?{query}")), None).await;
    }
    let marker = bed.name("a");
    for path in ["/flavors", "/flavors/detail"] {
        let path = format!("{path}?limit=1&marker={marker}&is_public=none");
        for version in ["2.1", "2.90"] {
            ask(script, &bed.admin, version, ("GET", &path), None).await;
        }
    }
}

async fn parts(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let id = super::nova::flavor(bed, script, "private", 128).await;
    let made = json!({"flavor": {
        "name": bed.name("closed"), "ram": 128, "vcpus": 1, "disk": 1, "id": bed.name("closed"),
        "os-flavor-access:is_public": false,
    }});
    quietly(admin, "2.90", ("POST", "/flavors"), Some(&made)).await;
    let closed = bed.name("closed");
    script.part("extra specs");
    let specs = format!("/flavors/{id}/os-extra_specs");
    let body = json!({"extra_specs": {"hw:cpu_policy": "shared", "scs:name": "x", "number": 5}});
    ask(script, member, "2.90", ("POST", &specs), Some(&body)).await;
    ask(script, admin, "2.90", ("POST", &specs), Some(&body)).await;
    ask(script, member, "2.90", ("GET", &specs), None).await;
    ask(script, member, "2.90", ("GET", &format!("{specs}/scs:name")), None).await;
    ask(script, member, "2.90", ("GET", &format!("{specs}/nonsense")), None).await;
    let set = json!({"scs:name": "y"});
    ask(script, admin, "2.90", ("PUT", &format!("{specs}/scs:name")), Some(&set)).await;
    ask(script, admin, "2.90", ("PUT", &format!("{specs}/other")), Some(&set)).await;
    ask(script, member, "2.90", ("PUT", &format!("{specs}/scs:name")), Some(&set)).await;
    ask(script, admin, "2.90", ("DELETE", &format!("{specs}/number")), None).await;
    ask(script, admin, "2.90", ("DELETE", &format!("{specs}/number")), None).await;
    ask(script, member, "2.90", ("DELETE", &format!("{specs}/scs:name")), None).await;
    ask(script, admin, "2.90", ("GET", "/flavors/nonsense/os-extra_specs"), None).await;
    for body in [
        json!({}),
        json!({"extra_specs": {"é": "x"}}),
        json!({"extra_specs": {"a": null}}),
        json!({"extra_specs": {"hw:nonsense": "x"}}),
        json!({"extra_specs": {"hw:cpu_policy": "x"}}),
    ] {
        ask(script, admin, "2.90", ("POST", &specs), Some(&body)).await;
    }
    script.part("access");
    let access = format!("/flavors/{closed}/os-flavor-access");
    let action = format!("/flavors/{closed}/action");
    let project = bed.member.project.clone().unwrap_or_default();
    let add = json!({"addTenantAccess": {"tenant": project}});
    let remove = json!({"removeTenantAccess": {"tenant": project}});
    ask(script, admin, "2.90", ("GET", &access), None).await;
    ask(script, admin, "2.90", ("GET", &format!("/flavors/{id}/os-flavor-access")), None).await;
    ask(script, member, "2.90", ("POST", &action), Some(&add)).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&add)).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&add)).await;
    let seen = quietly(member, "2.90", ("GET", &format!("/flavors/{closed}")), None).await;
    script.note(&format!("seen by the member: {}", seen.status));
    ask(script, admin, "2.90", ("POST", &format!("/flavors/{id}/action")), Some(&add)).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&remove)).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&remove)).await;
    let nobody = json!({"addTenantAccess": {"tenant": "nobody"}});
    ask(script, admin, "2.90", ("POST", &action), Some(&nobody)).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&json!({"nonsense": {}}))).await;
    ask(script, admin, "2.90", ("POST", &action), Some(&json!({}))).await;
}

const PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGgqQ3+qmqKjCwAA1lJ3rcz5VdSSY7nHDLU4Yrkm2bdc x";

async fn keypairs(bed: &Bed, script: &mut Script) {
    let (admin, member) = (&bed.admin, &bed.member);
    let key = |name: &str, more: Value| {
        let mut key = json!({"name": bed.name(name)});
        for (name, value) in more.as_object().into_iter().flatten() {
            key[name] = value.clone();
        }
        json!({ "keypair": key })
    };
    let whole = json!({"public_key": PUBLIC});
    script.part("created");
    for (version, name) in [("2.1", "a"), ("2.2", "b"), ("2.92", "c")] {
        let body = key(name, whole.clone());
        ask(script, member, version, ("POST", "/os-keypairs"), Some(&body)).await;
    }
    let generated =
        quietly(member, "2.90", ("POST", "/os-keypairs"), Some(&key("g", json!({})))).await;
    let made = generated.json();
    let mut fields: Vec<&String> = made["keypair"].as_object().expect("a key").keys().collect();
    fields.sort();
    script.note(&format!("generated: {} {fields:?}", generated.status));
    quietly(member, "2.90", ("DELETE", &format!("/os-keypairs/{}", bed.name("g"))), None).await;
    script.part("refused");
    let again = key("a", whole.clone());
    ask(script, member, "2.90", ("POST", "/os-keypairs"), Some(&again)).await;
    for more in [
        json!({"public_key": "nonsense"}),
        json!({"type": "nonsense"}),
        json!({"name": ""}),
        json!({"name": "é"}),
        json!({"colour": "red"}),
        json!({"user_id": "somebody", "public_key": PUBLIC}),
    ] {
        ask(script, member, "2.90", ("POST", "/os-keypairs"), Some(&key("x", more))).await;
    }
    ask(script, member, "2.92", ("POST", "/os-keypairs"), Some(&key("x", json!({})))).await;
    script.part("shown");
    for version in ["2.1", "2.2", "2.90"] {
        let path = format!("/os-keypairs/{}", bed.name("a"));
        let answer = quietly(member, version, ("GET", &path), None).await;
        let mut shown = answer.json();
        // The number of the key counts all keys that ever were.
        shown["keypair"]["id"] = json!(0);
        script.note(&format!("{version} {} {}", answer.status, sorted(&shown)));
    }
    ask(script, member, "2.90", ("GET", "/os-keypairs/nonsense"), None).await;
    script.part("listed");
    for (version, query) in [
        ("2.1", ""),
        ("2.34", "?limit=1"),
        ("2.35", "?limit=2"),
        ("2.90", "?limit=1&marker=<a>"),
        ("2.90", "?marker=nonsense"),
        ("2.90", "?colour=red"),
        ("2.90", "?limit=x"),
        ("2.90", "?user_id=somebody"),
    ] {
        let query = query.replace("<a>", &bed.name("a"));
        ask(script, member, version, ("GET", &format!("/os-keypairs{query}")), None).await;
    }
    script.part("of others");
    let user =
        quietly(member, "2.90", ("GET", &format!("/os-keypairs/{}", bed.name("a"))), None).await;
    let user = user.json()["keypair"]["user_id"].as_str().unwrap_or_default().to_owned();
    script.name(&user, "<user>");
    let path = format!("/os-keypairs/{}?user_id={user}", bed.name("b"));
    let seen = quietly(admin, "2.90", ("GET", &path), None).await;
    script.note(&format!("shown to the administrator: {}", seen.status));
    ask(script, admin, "2.90", ("GET", &format!("/os-keypairs/{}", bed.name("b"))), None).await;
    ask(script, &bed.other, "2.90", ("GET", &path), None).await;
    ask(script, admin, "2.90", ("DELETE", &path), None).await;
    script.part("deleted");
    for (version, name) in [("2.1", "a"), ("2.90", "c"), ("2.90", "c")] {
        let path = format!("/os-keypairs/{}", bed.name(name));
        ask(script, member, version, ("DELETE", &path), None).await;
    }
}

/// A value with its keys in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            Value::Object(fields.into_iter().map(|(k, v)| (k.clone(), sorted(v))).collect())
        }
        other => other.clone(),
    }
}

async fn groups(bed: &Bed, script: &mut Script) {
    names(script);
    let (admin, member) = (&bed.admin, &bed.member);
    let user = quietly(member, "2.90", ("GET", "/os-server-groups"), None).await;
    assert_eq!(user.status, 200, "{}", user.text);
    let group = |name: &str, more: Value| {
        let mut group = json!({"name": bed.name(name)});
        for (name, value) in more.as_object().into_iter().flatten() {
            group[name] = value.clone();
        }
        json!({ "server_group": group })
    };
    script.part("created");
    let old = group("a", json!({"policies": ["anti-affinity"]}));
    let made = ask(script, member, "2.1", ("POST", "/os-server-groups"), Some(&old)).await;
    let a = made.json()["server_group"]["id"].as_str().expect("an id").to_owned();
    for (version, more) in [
        ("2.15", json!({"policies": ["soft-affinity"]})),
        ("2.64", json!({"policy": "anti-affinity", "rules": {"max_server_per_host": 3}})),
        ("2.90", json!({"policy": "affinity"})),
    ] {
        let body = group(version, more);
        ask(script, member, version, ("POST", "/os-server-groups"), Some(&body)).await;
    }
    script.part("refused");
    for (version, more) in [
        ("2.1", json!({"policies": []})),
        ("2.1", json!({"policies": ["soft-affinity"]})),
        ("2.1", json!({"policies": ["affinity", "anti-affinity"]})),
        ("2.90", json!({"policies": ["affinity"]})),
        ("2.90", json!({"policy": "nonsense"})),
        ("2.90", json!({"policy": "affinity", "rules": {"max_server_per_host": 3}})),
        ("2.90", json!({"policy": "anti-affinity", "rules": {"max_server_per_host": 0}})),
        ("2.90", json!({"policy": "affinity", "name": ""})),
    ] {
        let body = group("x", more);
        ask(script, member, version, ("POST", "/os-server-groups"), Some(&body)).await;
    }
    script.part("shown");
    let path = format!("/os-server-groups/{a}");
    for version in ["2.1", "2.13", "2.64"] {
        ask(script, member, version, ("GET", &path), None).await;
    }
    ask(script, admin, "2.90", ("GET", &path), None).await;
    ask(script, &bed.other, "2.90", ("GET", &path), None).await;
    ask(script, member, "2.90", ("GET", "/os-server-groups/nonsense"), None).await;
    let listed = quietly(member, "2.90", ("GET", "/os-server-groups?limit=2"), None).await;
    let count = listed.json()["server_groups"].as_array().map(Vec::len);
    script.note(&format!("two at most: {count:?}"));
    ask(script, member, "2.90", ("GET", "/os-server-groups?limit=x"), None).await;
    ask(script, member, "2.90", ("GET", "/os-server-groups?colour=red"), None).await;
    script.part("deleted");
    ask(script, &bed.other, "2.90", ("DELETE", &path), None).await;
    ask(script, member, "2.90", ("DELETE", &path), None).await;
    ask(script, member, "2.90", ("DELETE", &path), None).await;
}
