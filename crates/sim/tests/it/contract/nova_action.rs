//! Nova's part of the contract: what is done to servers, what their states do not allow, and the
//! order in which states follow each other.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::nova::{ask, becomes, flavor, image, names, quietly, server};
use super::script::Script;

scenarios! {
    servers_are_switched_and_put_to_sleep = switched;
    servers_change_their_size = resized;
    servers_are_built_anew_and_kept_as_images = rebuilt;
    servers_are_shelved_and_moved = moved;
    servers_are_locked_and_reset = locked;
    servers_tell_what_was_done_to_them = history;
    consoles_and_diagnostics_are_shown = consoles;
}

/// What scenarios of one server have.
struct One {
    id: String,
    small: String,
    image: String,
}

async fn one(bed: &Bed, script: &mut Script) -> One {
    names(script);
    let image = image(bed, script).await;
    let small = flavor(bed, script, "small", 64).await;
    let id = server(bed, script, "a", (&small, &image), json!({})).await;
    One { id, small, image }
}

/// Asks for an action and writes down both sides.
async fn act(bed: &Bed, script: &mut Script, id: &str, body: &Value) {
    let path = format!("/servers/{id}/action");
    ask(script, &bed.member, "2.90", ("POST", &path), Some(body)).await;
}

/// The same, and waits for what becomes of it.
async fn acts(bed: &Bed, script: &mut Script, id: &str, (body, status): (Value, &str)) {
    act(bed, script, id, &body).await;
    becomes(bed, id, status).await;
    let shown = quietly(&bed.admin, "2.90", ("GET", &format!("/servers/{id}")), None).await.json();
    let shown = &shown["server"];
    let vm = text(shown, "OS-EXT-STS:vm_state");
    script.note(&format!("→ {} {vm} {}", text(shown, "status"), shown["OS-EXT-STS:task_state"]));
}

/// Every one of these is refused in the state that the server is in.
async fn refused(bed: &Bed, script: &mut Script, id: &str, actions: &[Value]) {
    let path = format!("/servers/{id}/action");
    for body in actions {
        let answer = quietly(&bed.admin, "2.90", ("POST", &path), Some(body)).await;
        script.note(&format!("{body} → {} {}", answer.status, answer.json()));
    }
}

fn soft() -> Value {
    json!({"reboot": {"type": "SOFT"}})
}

fn named(name: &str) -> Value {
    json!({ name: null })
}

async fn switched(bed: &Bed, script: &mut Script) {
    let One { id, small, .. } = one(bed, script).await;
    script.part("malformed");
    for body in [
        json!({}),
        json!([]),
        json!({"nonsense": null}),
        json!({"reboot": null}),
        json!({"reboot": {"type": "perhaps"}}),
        json!({"os-start": null, "os-stop": null}),
    ] {
        act(bed, script, &id, &body).await;
    }
    for who in [&bed.other, &bed.member] {
        let id = if who.token == bed.other.token { id.as_str() } else { "nonsense" };
        let path = format!("/servers/{id}/action");
        ask(script, who, "2.90", ("POST", &path), Some(&named("os-stop"))).await;
    }
    script.part("while it runs");
    let not_running = ["os-start", "unpause", "resume", "unrescue", "confirmResize"];
    let more = ["revertResize", "unshelve", "shelveOffload"];
    let all: Vec<Value> = not_running.iter().chain(&more).map(|name| named(name)).collect();
    refused(bed, script, &id, &all).await;
    acts(bed, script, &id, (soft(), "ACTIVE")).await;
    acts(bed, script, &id, (json!({"reboot": {"type": "HARD"}}), "ACTIVE")).await;
    script.part("stopped");
    acts(bed, script, &id, (named("os-stop"), "SHUTOFF")).await;
    let mut all: Vec<Value> =
        ["os-stop", "pause", "suspend", "unpause", "resume", "unrescue", "confirmResize"]
            .map(named)
            .into();
    all.push(soft());
    all.push(json!({"changePassword": {"adminPass": "x"}}));
    all.push(json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}));
    refused(bed, script, &id, &all).await;
    acts(bed, script, &id, (named("os-start"), "ACTIVE")).await;
    script.part("paused");
    acts(bed, script, &id, (named("pause"), "PAUSED")).await;
    let mut all: Vec<Value> =
        ["os-stop", "os-start", "pause", "suspend", "resume", "unrescue", "rescue"]
            .map(named)
            .into();
    all.push(soft());
    all.push(json!({"resize": {"flavorRef": small}}));
    refused(bed, script, &id, &all).await;
    acts(bed, script, &id, (named("unpause"), "ACTIVE")).await;
    script.part("suspended");
    acts(bed, script, &id, (named("suspend"), "SUSPENDED")).await;
    let mut all: Vec<Value> =
        ["os-stop", "os-start", "pause", "suspend", "unpause", "rescue"].map(named).into();
    all.push(soft());
    refused(bed, script, &id, &all).await;
    acts(bed, script, &id, (named("resume"), "ACTIVE")).await;
    script.part("rescued");
    let path = format!("/servers/{id}/action");
    let rescue = json!({"rescue": {"adminPass": "secret"}});
    ask(script, &bed.member, "2.90", ("POST", &path), Some(&rescue)).await;
    becomes(bed, &id, "RESCUE").await;
    let mut all: Vec<Value> =
        ["os-stop", "os-start", "pause", "suspend", "resume", "rescue"].map(named).into();
    all.push(soft());
    refused(bed, script, &id, &all).await;
    acts(bed, script, &id, (named("unrescue"), "ACTIVE")).await;
    for body in [
        json!({"rescue": {"rescue_image_ref": "11111111-2222-4333-8444-555555555555"}}),
        json!({"rescue": {"colour": "red"}}),
        json!({"rescue": {"rescue_image_ref": "nonsense"}}),
    ] {
        act(bed, script, &id, &body).await;
    }
}

async fn resized(bed: &Bed, script: &mut Script) {
    let One { id, small, .. } = one(bed, script).await;
    let large = flavor(bed, script, "large", 128).await;
    let giant = flavor(bed, script, "giant", 600_000).await;
    script.part("refused");
    for flavor in [small.as_str(), "nonsense", giant.as_str()] {
        act(bed, script, &id, &json!({"resize": {"flavorRef": flavor}})).await;
    }
    for body in [json!({"resize": {}}), json!({"resize": null}), json!({"resize": {"x": "y"}})] {
        act(bed, script, &id, &body).await;
    }
    let resize = |flavor: &str| json!({"resize": {"flavorRef": flavor}});
    script.part("and taken back");
    acts(bed, script, &id, (resize(&large), "VERIFY_RESIZE")).await;
    let mut all: Vec<Value> =
        ["os-stop", "os-start", "pause", "suspend", "resume", "rescue", "shelve"].map(named).into();
    all.extend([soft(), resize(&large), json!({"createImage": {"name": "x"}})]);
    refused(bed, script, &id, &all).await;
    flavor_of(bed, script, &id).await;
    acts(bed, script, &id, (named("revertResize"), "ACTIVE")).await;
    flavor_of(bed, script, &id).await;
    script.part("and kept");
    acts(bed, script, &id, (resize(&large), "VERIFY_RESIZE")).await;
    acts(bed, script, &id, (named("confirmResize"), "ACTIVE")).await;
    flavor_of(bed, script, &id).await;
    script.part("stopped");
    acts(bed, script, &id, (named("os-stop"), "SHUTOFF")).await;
    acts(bed, script, &id, (resize(&small), "VERIFY_RESIZE")).await;
    acts(bed, script, &id, (named("confirmResize"), "SHUTOFF")).await;
    flavor_of(bed, script, &id).await;
    script.part("migrations");
    let path = format!("/os-migrations?instance_uuid={id}");
    ask(script, &bed.member, "2.90", ("GET", &path), None).await;
    let all = quietly(&bed.admin, "2.90", ("GET", &path), None).await.json();
    let all = all["migrations"].as_array().cloned().unwrap_or_default();
    for one in all.iter().rev() {
        script.note(&format!("{} {}", text(one, "migration_type"), text(one, "status")));
    }
}

async fn flavor_of(bed: &Bed, script: &mut Script, id: &str) {
    let path = format!("/servers/{id}");
    let shown = quietly(&bed.member, "2.90", ("GET", &path), None).await.json();
    script.note(&format!("flavor {}", text(&shown["server"]["flavor"], "original_name")));
}

async fn rebuilt(bed: &Bed, script: &mut Script) {
    let One { id, image, .. } = one(bed, script).await;
    script.part("built anew");
    let path = format!("/servers/{id}/action");
    for (version, more) in [
        ("2.1", json!({"imageRef": image, "name": bed.name("b"), "adminPass": "secret"})),
        ("2.90", json!({"imageRef": image, "metadata": {"a": "b"}, "description": "text"})),
    ] {
        let body = json!({ "rebuild": more });
        ask(script, &bed.member, version, ("POST", &path), Some(&body)).await;
        becomes(bed, &id, "ACTIVE").await;
    }
    for more in [
        json!({}),
        json!({"imageRef": "nonsense"}),
        json!({"imageRef": "11111111-2222-4333-8444-555555555555"}),
        json!({"imageRef": image, "key_name": "nonsense"}),
        json!({"imageRef": image, "colour": "red"}),
        json!({"imageRef": image, "metadata": {"a": 1}}),
    ] {
        act(bed, script, &id, &json!({ "rebuild": more })).await;
    }
    script.part("kept as an image");
    for (version, name) in [("2.1", "old"), ("2.45", "new")] {
        let body = json!({"createImage": {"name": bed.name(name), "metadata": {"a": "b"}}});
        let answer = quietly(&bed.member, version, ("POST", &path), Some(&body)).await;
        let found = match answer.header("location") {
            Some(address) => address.rsplit('/').next().unwrap_or_default().to_owned(),
            None => text(&answer.json(), "image_id").to_owned(),
        };
        script.name(&found, &format!("<{name}>"));
        script.note(&format!("{version} createImage → {}", answer.status));
        script.answer(&answer);
        becomes(bed, &id, "ACTIVE").await;
        let shown = bed.member.get(&format!("/v2/images/{found}")).await.json();
        script.note(&format!(
            "{} {} {}",
            text(&shown, "image_type"),
            text(&shown, "a"),
            text(&shown, "visibility")
        ));
        let gone = bed.member.delete(&format!("/v2/images/{found}")).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
    }
    for more in [json!({}), json!({"name": ""}), json!({"name": "x", "colour": "red"})] {
        act(bed, script, &id, &json!({ "createImage": more })).await;
    }
    script.part("kept as backups");
    for more in [
        json!({}),
        json!({"name": "x", "backup_type": "daily", "rotation": -1}),
        json!({"name": "x", "backup_type": "daily", "rotation": "x"}),
        json!({"name": "x", "rotation": 1}),
    ] {
        act(bed, script, &id, &json!({ "createBackup": more })).await;
    }
    rotated(bed, script, &id).await;
}

/// Of backups so many are kept, and they are the latest.
async fn rotated(bed: &Bed, script: &mut Script, id: &str) {
    let path = format!("/servers/{id}/action");
    let backup = json!({"createBackup": {
        "name": bed.name("backup"), "backup_type": "daily", "rotation": 1,
    }});
    for round in ["first", "second"] {
        let answer = quietly(&bed.member, "2.90", ("POST", &path), Some(&backup)).await;
        let found = text(&answer.json(), "image_id").to_owned();
        script.name(&found, &format!("<{round}>"));
        script.answer(&answer);
        becomes(bed, id, "ACTIVE").await;
        ends(bed, id, "createBackup").await;
        grows_older(bed, &found).await;
    }
    let mine = format!("/v2/images?name={}", bed.name("backup"));
    let kept = bed.member.get(&mine).await.json();
    for one in kept["images"].as_array().expect("images") {
        script.note(&format!("kept {} {}", text(one, "id"), text(one, "backup_type")));
        bed.member.delete(&format!("/v2/images/{}", text(one, "id"))).await;
    }
}

/// Waits until what was asked of a server last has ended on its host. That is later than it can be seen
/// on the server: it has no task any more, and Nova only then removes the backups that are too many.
async fn ends(bed: &Bed, id: &str, action: &str) {
    let path = format!("/servers/{id}/os-instance-actions");
    let all = quietly(&bed.admin, "2.90", ("GET", &path), None).await.json();
    let last = all["instanceActions"][0].clone();
    assert_eq!(last["action"], action, "{all}");
    let path = format!("{path}/{}", text(&last, "request_id"));
    let mut shown = Value::Null;
    for _ in 0..2400 {
        shown = quietly(&bed.admin, "2.90", ("GET", &path), None).await.json();
        let events = shown["instanceAction"]["events"].as_array().cloned().unwrap_or_default();
        if !events.is_empty() && events.iter().all(|event| !event["result"].is_null()) {
            return;
        }
        bed.pass_time().await;
    }
    panic!("{action} does not end: {shown}");
}

/// Waits until images made from now on are later than this one: Glance knows seconds only, and puts
/// those of the same second in no order.
async fn grows_older(bed: &Bed, image: &str) {
    let path = format!("/v2/images/{image}");
    for round in 0..100_000 {
        let change = json!([{"op": "add", "path": "/round", "value": round.to_string()}]);
        let shown = bed.member.patch(&path, &change).await.json();
        if text(&shown, "updated_at") > text(&shown, "created_at") {
            return;
        }
        bed.pass_time().await;
    }
    panic!("{image} grows no older");
}

async fn moved(bed: &Bed, script: &mut Script) {
    let One { id, .. } = one(bed, script).await;
    script.part("shelved");
    acts(bed, script, &id, (named("shelve"), "SHELVED_OFFLOADED")).await;
    let mut all: Vec<Value> =
        ["os-stop", "os-start", "pause", "suspend", "rescue", "shelve", "shelveOffload"]
            .map(named)
            .into();
    all.push(soft());
    refused(bed, script, &id, &all).await;
    for body in [
        json!({"unshelve": {"availability_zone": "nonsense"}}),
        json!({"unshelve": {"colour": "red"}}),
        json!({"unshelve": {"host": "nonsense"}}),
    ] {
        act(bed, script, &id, &body).await;
    }
    acts(bed, script, &id, (named("unshelve"), "ACTIVE")).await;
    script.part("to another host, refused");
    let path = format!("/servers/{id}/action");
    let live = json!({"os-migrateLive": {"host": null, "block_migration": "auto"}});
    for body in [&named("migrate"), &live, &json!({"evacuate": {}})] {
        ask(script, &bed.member, "2.90", ("POST", &path), Some(body)).await;
    }
    for body in [
        json!({"migrate": {"host": "nonsense"}}),
        json!({"os-migrateLive": {"host": "nonsense", "block_migration": "auto"}}),
        json!({"os-migrateLive": {"host": null}}),
        json!({"os-migrateLive": {"host": null, "block_migration": "perhaps"}}),
        json!({"evacuate": {"host": "nonsense"}}),
        json!({"evacuate": {}}),
    ] {
        ask(script, &bed.admin, "2.90", ("POST", &path), Some(&body)).await;
    }
    script.part("to another host");
    ask(script, &bed.admin, "2.90", ("POST", &path), Some(&named("migrate"))).await;
    becomes(bed, &id, "VERIFY_RESIZE").await;
    acts(bed, script, &id, (named("confirmResize"), "ACTIVE")).await;
    ask(script, &bed.admin, "2.90", ("POST", &path), Some(&live)).await;
    becomes(bed, &id, "ACTIVE").await;
    let all = format!("/os-migrations?instance_uuid={id}");
    let all = quietly(&bed.admin, "2.90", ("GET", &all), None).await.json();
    // A server has arrived before its migration is noted as completed.
    for one in all["migrations"].as_array().into_iter().flatten().rev() {
        script.note(text(one, "migration_type"));
    }
}

async fn locked(bed: &Bed, script: &mut Script) {
    let One { id, .. } = one(bed, script).await;
    let path = format!("/servers/{id}/action");
    script.part("locked");
    for body in [
        json!({"lock": {"locked_reason": "because"}}),
        json!({"lock": {"locked_reason": ""}}),
        json!({"lock": {"colour": "red"}}),
    ] {
        act(bed, script, &id, &body).await;
    }
    let shown = quietly(&bed.member, "2.90", ("GET", &format!("/servers/{id}")), None).await;
    let shown = shown.json();
    script.note(&format!("{} {}", shown["server"]["locked"], shown["server"]["locked_reason"]));
    for name in ["os-stop", "pause", "suspend", "shelve", "rescue"] {
        act(bed, script, &id, &named(name)).await;
    }
    act(bed, script, &id, &soft()).await;
    act(bed, script, &id, &json!({"createImage": {"name": bed.name("x")}})).await;
    becomes(bed, &id, "ACTIVE").await;
    ask(script, &bed.member, "2.90", ("DELETE", &format!("/servers/{id}")), None).await;
    let body = json!({"metadata": {"a": "b"}});
    let metadata = format!("/servers/{id}/metadata");
    ask(script, &bed.member, "2.90", ("POST", &metadata), Some(&body)).await;
    script.part("locked by an administrator");
    ask(script, &bed.admin, "2.90", ("POST", &path), Some(&named("lock"))).await;
    act(bed, script, &id, &named("unlock")).await;
    ask(script, &bed.admin, "2.90", ("POST", &path), Some(&named("unlock"))).await;
    act(bed, script, &id, &named("unlock")).await;
    script.part("reset");
    act(bed, script, &id, &json!({"os-resetState": {"state": "error"}})).await;
    for state in ["nonsense", "error", "active"] {
        let body = json!({"os-resetState": {"state": state}});
        ask(script, &bed.admin, "2.90", ("POST", &path), Some(&body)).await;
        let shown = quietly(&bed.member, "2.90", ("GET", &format!("/servers/{id}")), None).await;
        script.note(text(&shown.json()["server"], "status"));
    }
    script.part("other actions");
    for body in [
        json!({"changePassword": {"adminPass": "x"}}),
        json!({"changePassword": {}}),
        json!({"restore": null}),
        json!({"addSecurityGroup": {"name": "nonsense"}}),
        json!({"removeSecurityGroup": {"name": "nonsense"}}),
        json!({"addSecurityGroup": {}}),
        json!({"trigger_crash_dump": null}),
        json!({"resetNetwork": null}),
        json!({"injectNetworkInfo": null}),
    ] {
        act(bed, script, &id, &body).await;
        becomes(bed, &id, "ACTIVE").await;
    }
    script.part("deleted by force");
    act(bed, script, &id, &named("forceDelete")).await;
    becomes(bed, &id, "gone").await;
}

async fn history(bed: &Bed, script: &mut Script) {
    let One { id, .. } = one(bed, script).await;
    for (body, status) in [
        (named("os-stop"), "SHUTOFF"),
        (named("os-start"), "ACTIVE"),
        (soft(), "ACTIVE"),
        (named("pause"), "PAUSED"),
        (named("unpause"), "ACTIVE"),
        (named("suspend"), "SUSPENDED"),
        (named("resume"), "ACTIVE"),
        (named("lock"), "ACTIVE"),
        (named("unlock"), "ACTIVE"),
        (named("shelve"), "SHELVED_OFFLOADED"),
        (named("unshelve"), "ACTIVE"),
    ] {
        let path = format!("/servers/{id}/action");
        quietly(&bed.member, "2.90", ("POST", &path), Some(&body)).await;
        becomes(bed, &id, status).await;
    }
    let path = format!("/servers/{id}/os-instance-actions");
    let all = quietly(&bed.member, "2.90", ("GET", &path), None).await.json();
    let all = all["instanceActions"].as_array().cloned().unwrap_or_default();
    script.part("in order");
    for action in all.iter().rev() {
        let path = format!("{path}/{}", text(action, "request_id"));
        let action = quietly(&bed.admin, "2.90", ("GET", &path), None).await.json();
        let action = &action["instanceAction"];
        let events = action["events"].as_array().cloned().unwrap_or_default();
        let events = events.iter().rev().map(|event| {
            format!("{} {}", text(event, "event"), event["result"].as_str().unwrap_or("-"))
        });
        let events: Vec<String> = events.collect();
        script.note(&format!("{}: {}", text(action, "action"), events.join(", ")));
    }
    script.part("one of them");
    let first = all.last().map(|action| text(action, "request_id").to_owned()).unwrap_or_default();
    for (who, version) in
        [(&bed.member, "2.1"), (&bed.member, "2.51"), (&bed.member, "2.90"), (&bed.admin, "2.90")]
    {
        ask(script, who, version, ("GET", &format!("{path}/{first}")), None).await;
    }
    ask(script, &bed.member, "2.90", ("GET", &format!("{path}/nonsense")), None).await;
    ask(script, &bed.other, "2.90", ("GET", &path), None).await;
    script.part("in pages");
    for query in ["limit=1", "limit=x", "marker=nonsense", "colour=red", "changes-since=x"] {
        ask(script, &bed.member, "2.90", ("GET", &format!("{path}?{query}")), None).await;
    }
    let count = |answer: &Value| answer["instanceActions"].as_array().map(Vec::len);
    let since = format!("{path}?changes-since=2100-01-01T00:00:00Z");
    let answer = quietly(&bed.member, "2.90", ("GET", &since), None).await.json();
    script.note(&format!("later than now: {:?}", count(&answer)));
}

async fn consoles(bed: &Bed, script: &mut Script) {
    let One { id, .. } = one(bed, script).await;
    script.part("output");
    for body in [
        json!({"os-getConsoleOutput": {}}),
        json!({"os-getConsoleOutput": {"length": 1}}),
        json!({"os-getConsoleOutput": {"length": "x"}}),
        json!({"os-getConsoleOutput": {"colour": "red"}}),
    ] {
        act(bed, script, &id, &body).await;
    }
    let path = format!("/servers/{id}/action");
    let body = json!({"os-getConsoleOutput": {}});
    ask(script, &bed.other, "2.90", ("POST", &path), Some(&body)).await;
    script.part("remote");
    let path = format!("/servers/{id}/remote-consoles");
    for body in [
        json!({"remote_console": {"protocol": "nonsense", "type": "novnc"}}),
        json!({"remote_console": {"protocol": "vnc"}}),
        json!({}),
    ] {
        ask(script, &bed.member, "2.90", ("POST", &path), Some(&body)).await;
    }
    let body = json!({"remote_console": {"protocol": "vnc", "type": "novnc"}});
    ask(script, &bed.other, "2.90", ("POST", &path), Some(&body)).await;
    ask(script, &bed.member, "2.5", ("POST", &path), Some(&body)).await;
    script.part("diagnostics");
    let path = format!("/servers/{id}/diagnostics");
    ask(script, &bed.member, "2.90", ("GET", &path), None).await;
    for version in ["2.1", "2.90"] {
        let shown = quietly(&bed.admin, version, ("GET", &path), None).await.json();
        let mut fields: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        fields.sort();
        script.note(&format!("{version}: {fields:?}"));
    }
    script.part("password and addresses");
    for path in ["os-server-password", "ips", "ips/nonsense", "os-interface", "migrations"] {
        ask(script, &bed.member, "2.90", ("GET", &format!("/servers/{id}/{path}")), None).await;
    }
    for path in ["os-volume_attachments", "os-security-groups"] {
        ask(script, &bed.member, "2.90", ("GET", &format!("/servers/{id}/{path}")), None).await;
    }
    let path = format!("/servers/{id}/os-server-password");
    ask(script, &bed.member, "2.90", ("DELETE", &path), None).await;
    script.part("attachments that fail");
    let gone = "11111111-2222-4333-8444-555555555555";
    for (path, body) in [
        ("os-volume_attachments", json!({"volumeAttachment": {"volumeId": gone}})),
        ("os-volume_attachments", json!({"volumeAttachment": {"volumeId": "nonsense"}})),
        ("os-volume_attachments", json!({"volumeAttachment": {}})),
        ("os-interface", json!({"interfaceAttachment": {"port_id": gone}})),
        ("os-interface", json!({"interfaceAttachment": {"net_id": gone, "port_id": gone}})),
        (
            "os-interface",
            json!({"interfaceAttachment": {"fixed_ips": [{"ip_address": "10.0.0.9"}]}}),
        ),
        ("os-interface", json!({"interfaceAttachment": {"colour": "red"}})),
    ] {
        let path = format!("/servers/{id}/{path}");
        ask(script, &bed.member, "2.90", ("POST", &path), Some(&body)).await;
    }
    for path in ["os-volume_attachments", "os-interface"] {
        let path = format!("/servers/{id}/{path}/{gone}");
        ask(script, &bed.member, "2.90", ("GET", &path), None).await;
        ask(script, &bed.member, "2.90", ("DELETE", &path), None).await;
    }
}
