//! `lotse status`: the page as a process.

use lotse_core::time::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::daemon::Database;
use crate::process::{Place, Server, browse, get, request, until, variable};
use crate::schemathesis;

const PROVISION: &str = "\
components:\n  - displayname: Compute\n    labels: { region: west }\n  - displayname: Storage\n\
impactTypes:\n  - displayname: Slow\nphases:\n  - name: Investigating\n  - name: Done\n\
severities:\n  - { name: operational, value: 33 }\n  - { name: broken, value: 100 }\n";

/// The page in this place, with an API of its own.
fn serve(place: &Place) -> Server {
    serve_with(place, &[])
}

fn serve_with(place: &Place, arguments: &[&str]) -> Server {
    place.write("provisioning.yaml", PROVISION);
    let more = ["--provision", "provisioning.yaml", "--api-listen", "127.0.0.1:0"];
    let mut command = place.lotse(&["status", "serve", "--listen", "127.0.0.1:0"]);
    command.args(more).args(["--metrics-listen", "127.0.0.1:0", "--format", "json"]);
    command.args(arguments);
    Server::start(command)
}

fn at<'a>(server: &'a Server, what: &str) -> &'a str {
    server.hello[what].as_str().unwrap()
}

fn data(base: &str, path: &str) -> Value {
    let (status, body) = get(base, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str::<Value>(&body).unwrap()["data"].take()
}

#[test]
fn a_provisioned_page_is_served_measured_and_ends_when_told() {
    let place = Place::new();
    let server = serve(&place);
    for base in [at(&server, "page"), at(&server, "api")] {
        assert_eq!(data(base, "/phases")["phases"], json!(["Investigating", "Done"]));
        assert_eq!(data(base, "/components")[0]["displayName"], "Compute");
    }
    let (_, metrics) = get(at(&server, "metrics"), "/metrics");
    let counted = "status_page_api_requests_total{code=\"200\",method=\"GET\",url=\"/phases\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(server.terminate().success());
    // Started again, the file changes nothing.
    let again = serve(&place);
    assert_eq!(data(at(&again, "page"), "/components").as_array().unwrap().len(), 2);
    assert!(again.terminate().success());
}

#[test]
fn the_daemon_serves_the_page_of_its_configuration_beside_its_own() {
    let place = Place::new();
    place.write("provisioning.yaml", PROVISION);
    let config = "\
listen: 127.0.0.1:0\nstate_directory: state\nstatus:\n  listen: 127.0.0.1:0\n  \
api_listen: 127.0.0.1:0\n  provision: provisioning.yaml\n  theme: { title: Harbour, \
light: { accent: \"#7a1fa2\" } }\n";
    place.write("lotse.yaml", config);
    let checked = place.run(&["config", "check"]).with_code(0);
    assert!(checked.stdout.contains("status: its page listens"), "{}", checked.stdout);
    let daemon = place.serve();
    let (page, api) = (at(&daemon, "status"), at(&daemon, "status_api"));
    assert_ne!(page, api);
    assert!(get(page, "/en/").1.contains("Harbour"), "the theme is used");
    assert!(get(page, "/assets/status.css").1.contains("--link:#7a1fa2"));
    assert_eq!(data(api, "/components")[0]["displayName"], "Compute");
    assert_eq!(get(api, "/en/").0, 404, "the API alone has no pages");
    // What the command line writes into the same state is shown.
    place.run(&["status", "component", "add", "Registry"]).with_code(0);
    until(page, "/components", |_, body| body.contains("Registry"));
    let metrics = get(&daemon.page(), "/metrics").1;
    assert!(metrics.contains("status_page_api_requests_total{"), "{metrics}");
    assert_eq!(get(&daemon.page(), "/components").0, 404, "the console is not the page");
    assert!(daemon.terminate().success());
}

#[test]
fn a_provisioning_file_with_a_mistake_is_shown_and_nothing_is_started() {
    let place = Place::new();
    place.write("p.yaml", "phases:\n  - nam: x\n");
    let ended = place.run(&["status", "serve", "--listen", "127.0.0.1:0", "--provision", "p.yaml"]);
    let ended = ended.with_code(2);
    assert!(ended.stderr.contains("p.yaml:2:5"), "{}", ended.stderr);
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_afterwards() {
    lose_nothing(&[]);
}

#[test]
#[ignore = "real: postgresql"]
fn what_was_acknowledged_before_a_kill_is_there_afterwards_on_postgresql() {
    let database = Database::create("status_kill");
    lose_nothing(&["--database", &database.url]);
}

/// Four writers, a kill while they are at work, and a second life on the same state.
fn lose_nothing(more: &[&str]) {
    let place = Place::new();
    let server = serve_with(&place, more);
    let (status, made) =
        request(at(&server, "api"), "POST", "/incidents", "{\"displayName\":\"x\"}");
    assert_eq!(status, 201, "{made}");
    let id = serde_json::from_str::<Value>(&made).unwrap()["id"].as_str().unwrap().to_owned();
    let updates = format!("/incidents/{id}/updates");
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (base, updates) = (at(&server, "api").to_owned(), updates.clone());
            std::thread::spawn(move || write_until_it_ends(&base, &updates))
        })
        .collect();
    // All writers are at work when the power goes.
    while data(at(&server, "api"), &updates).as_array().unwrap().len() < 40 {
        std::thread::yield_now();
    }
    server.kill();
    let acknowledged: Vec<u64> =
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    let again = serve_with(&place, more);
    let kept = data(at(&again, "api"), &updates);
    let kept: Vec<_> =
        kept.as_array().unwrap().iter().map(|u| u["order"].as_u64().unwrap()).collect();
    assert!(acknowledged.len() >= 36, "{acknowledged:?}");
    assert!(acknowledged.iter().all(|order| kept.contains(order)), "{acknowledged:?} {kept:?}");
    assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
    assert!(again.terminate().success());
}

/// Writes updates until the server is gone; the numbers that were acknowledged.
fn write_until_it_ends(base: &str, updates: &str) -> Vec<u64> {
    use std::io::{Read, Write};
    let address = base.strip_prefix("http://").unwrap();
    let body = "{\"displayName\":\"x\"}";
    let mut acknowledged = Vec::new();
    loop {
        let Ok(mut stream) = std::net::TcpStream::connect(address) else { return acknowledged };
        let mut answer = String::new();
        let asked = write!(
            stream,
            "POST {updates} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if asked.is_err() || stream.read_to_string(&mut answer).is_err() {
            return acknowledged;
        }
        // An answer that was cut off acknowledges nothing.
        let Some((_, body)) = answer.split_once("\r\n\r\n") else { return acknowledged };
        let Ok(made) = serde_json::from_str::<Value>(body) else { return acknowledged };
        acknowledged.push(made["order"].as_u64().unwrap());
    }
}

#[test]
fn a_published_page_is_shown_elsewhere_after_its_server_and_its_database_are_gone() {
    let place = Place::new();
    let server = serve(&place);
    let made = request(at(&server, "api"), "POST", "/incidents", "{\"displayName\":\"Storm\"}");
    assert_eq!(made.0, 201);
    let publish = ["status", "publish", "--to", "out", "--format", "json"];
    let published = place.run(&publish).with_code(0).json();
    server.kill();
    for file in place.names_in("state").iter().filter(|name| name.starts_with("lotse.db")) {
        std::fs::remove_file(place.path("state").join(file)).unwrap();
    }
    let show = ["status", "edge", "--from", "out", "--listen", "127.0.0.1:0", "--format", "json"];
    let edge = Server::start(place.lotse(&show));
    assert_eq!(edge.hello["key"], published["key"]);
    let (status, atom) = get(at(&edge, "page"), "/feed.atom");
    assert!(status == 200 && atom.contains("Storm"), "{atom}");
    assert_eq!(request(at(&edge, "page"), "POST", "/incidents", "{}").0, 405);
    assert!(edge.terminate().success());
    // What somebody changed is not shown.
    let index = place.path("out/current/en/index.html");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace("Status", "Hoax")).unwrap();
    let refused = place.run(&show).with_code(1);
    assert!(refused.stderr.contains("en/index.html was changed"), "{}", refused.stderr);
}

#[test]
fn what_people_report_from_a_terminal_is_on_the_page() {
    let place = Place::new();
    let server = serve(&place);
    let base = at(&server, "page");
    let run = |words: &[&str]| {
        let words: Vec<_> =
            ["status"].iter().chain(words).chain(&["--format", "json"]).copied().collect();
        place.run(&words).with_code(0).json()
    };
    run(&["component", "add", "Registry", "--label", "region=west"]);
    let opened =
        run(&["incident", "open", "Slow pulls", "--affects", "Registry=66", "--phase", "Done"]);
    let id = opened["id"].as_str().unwrap();
    let said = run(&["incident", "update", id, "--text", "A disk.", "--phase", "Investigating"]);
    assert_eq!(said, json!({ "order": 0 }));
    let planned = ["--from", "2099-01-01T00:00:00Z", "--until", "2099-01-01T01:00:00Z"];
    run(&[&["maintenance", "plan", "New disks", "--affects", "Registry"][..], &planned].concat());
    // The server looks for what others write a few times a second.
    until(base, "/en/", |_, page| ["Slow pulls", "A disk."].iter().all(|text| page.contains(text)));
    let listed = run(&["incident", "list"]);
    assert_eq!(listed[0]["components"], json!(["Registry"]));
    assert_eq!(listed[0]["phase"], "Investigating");
    run(&["incident", "close", id]);
    assert_eq!(run(&["incident", "list"]), json!([]));
    run(&["incident", "reopen", id]);
    assert_eq!(run(&["incident", "list", "--all"]).as_array().unwrap().len(), 1);
    assert_eq!(run(&["maintenance", "list"])[0]["name"], "New disks");
    let used = place.run(&["status", "component", "remove", "Registry"]).with_code(1);
    assert!(used.stderr.contains("is touched by incident"), "{}", used.stderr);
    run(&["incident", "remove", id]);
    for wrong in [
        &["incident", "open", "x", "--affects", "Nothing"][..],
        &["incident", "open", "x", "--affects", "Registry=0"],
        &["incident", "close", "x"],
        &["component", "add", "x", "--label", "y"],
        &["sla", "--month", "2099-01"],
    ] {
        let words: Vec<_> = ["status"].iter().chain(wrong).copied().collect();
        place.run(&words).with_code(1);
    }
    assert!(server.terminate().success());
}

#[test]
fn what_a_page_is_made_of_and_all_that_was_said_is_declared_and_corrected_from_a_terminal() {
    let place = Place::new();
    let run = |words: &[&str]| {
        let words: Vec<_> =
            ["status"].iter().chain(words).chain(&["--format", "json"]).copied().collect();
        place.run(&words).with_code(0).json()
    };
    for name in ["Compute", "Storage"] {
        run(&["component", "add", name, "--label", "region=west", "--label", "group=core"]);
    }
    let words = ["component", "change", "Storage", "--name", "Disks", "--label", "order=1"];
    run(&[&words[..], &["--without", "group"]].concat());
    let components = run(&["component", "list"]);
    assert_eq!(components[0]["name"], "Disks");
    assert_eq!(components[0]["labels"], json!({ "region": "west", "order": "1" }));
    run(&["impact-type", "add", "Slow", "--text", "Answers take long."]);
    run(&["impact-type", "change", "Slow", "--name", "Sluggish"]);
    let kinds = run(&["impact-type", "list"]);
    assert_eq!(kinds[0]["name"], "Sluggish");
    assert_eq!(kinds[0]["description"], "Answers take long.");
    run(&["severity", "add", "limited", "60"]);
    run(&["severity", "change", "limited", "--up-to", "70"]);
    assert_eq!(run(&["severity", "list"]), json!([{ "name": "limited", "value": 70 }]));
    run(&["phase", "set", "Looking", "Done"]);
    let phases = json!({ "generation": 1, "phases": ["Looking", "Done"] });
    assert_eq!(run(&["phase", "list"]), phases);

    let over = ["--began", "2026-01-01T08:00:00Z", "--ended", "2026-01-01T09:00:00Z"];
    let words = ["incident", "open", "Slow disks", "--affects", "Disks=66", "--kind", "Sluggish"];
    let past = run(&[&words[..], &over].concat());
    let id = past["id"].as_str().unwrap();
    assert_eq!(run(&["incident", "list"]), json!([]), "it is over");
    let more = ["--affects", "Compute=80", "--began", "2026-01-01T07:30:00Z", "--phase", "Done"];
    run(&[&["incident", "change", id, "--name", "Slow servers"][..], &more].concat());
    let listed = run(&["incident", "list", "--all"]);
    assert_eq!(listed[0]["name"], "Slow servers");
    assert_eq!(listed[0]["components"], json!(["Compute"]));
    assert_eq!(listed[0]["began"], "2026-01-01T07:30:00Z");
    assert_eq!((&listed[0]["severity"], &listed[0]["phase"]), (&json!(80), &json!("Done")));
    run(&["incident", "update", id, "--text", "A swich."]);
    run(&["incident", "update", id, "--text", "Nonsense."]);
    run(&["incident", "correct", id, "0", "--text", "A switch.", "--silent"]);
    run(&["incident", "correct", id, "1", "--remove"]);
    let whole = run(&["export"]);
    let updates = whole["incidents"][0]["updates"].as_array().unwrap();
    let said: Vec<_> = updates.iter().map(|one| &one["description"]).collect();
    assert_eq!(said, ["A switch."]);

    let from = ["--from", "2099-01-01T00:00:00Z", "--until", "2099-01-01T01:00:00Z"];
    let planned =
        run(&[&["maintenance", "plan", "New disks", "--affects", "Disks"][..], &from].concat());
    let planned = planned["id"].as_str().unwrap();
    let later = ["--until", "2099-01-01T03:00:00Z", "--affects", "Compute"];
    run(&[&["maintenance", "change", planned][..], &later].concat());
    let listed = run(&["maintenance", "list"]);
    assert_eq!(listed[0]["ended"], "2099-01-01T03:00:00Z");
    assert_eq!(
        (&listed[0]["components"], &listed[0]["severity"]),
        (&json!(["Compute"]), &json!(0))
    );
    run(&["maintenance", "remove", planned]);
    assert_eq!(run(&["maintenance", "list"]), json!([]));
    run(&["impact-type", "add", "Unused"]);
    run(&["impact-type", "remove", "Unused"]);
    run(&["severity", "remove", "limited"]);
    for (wrong, code) in [
        (&["component", "change", "Compute"][..], 2),
        (&["component", "change", "Compute", "--without", "nothing"], 1),
        (&["impact-type", "remove", "Nothing"], 1),
        (&["severity", "add", "worse", "101"], 2),
        (&["incident", "change", id], 2),
        (&["incident", "change", id, "--kind", "Nothing"], 1),
        (&["incident", "correct", id, "9", "--text", "x"], 1),
        (&["incident", "correct", id, "0", "--remove", "--text", "x"], 2),
        (&["incident", "change", id, "--ended", "2025-01-01T00:00:00Z"], 1),
    ] {
        let words: Vec<_> = ["status"].iter().chain(wrong).copied().collect();
        place.run(&words).with_code(code);
    }
}

#[test]
fn a_page_of_its_own_listens_to_monitors_and_serves_the_web_client() {
    let place = Place::new();
    let rules = "rules:\n  - { mode: confirm, hold: 0s }\nheartbeats:\n  backup:\n    \
                 secret: { env: HEART }\n    every: 1s\n    grace: 0s\n    \
                 components: { component: Compute }\n";
    place.write("detection.yaml", rules);
    place.write("client/index.html", "<app-root></app-root>");
    place.write("client/assets/config.json", "{\"apiServerUrl\":\"x\"}");
    place.write("provisioning.yaml", PROVISION);
    let mut command = place.lotse(&["status", "serve", "--listen", "127.0.0.1:0"]);
    command.args(["--provision", "provisioning.yaml", "--api-listen", "127.0.0.1:0"]);
    command.args(["--detection", "detection.yaml", "--client", "client", "--format", "json"]);
    command.env("HEART", "0123456789abcdef");
    let server = Server::start(command);
    let (page, api) = (at(&server, "page"), at(&server, "api"));
    assert_eq!(request(page, "POST", "/beat/0123456789abcdef", "").0, 204);
    assert_eq!(request(page, "POST", "/beat/0123456789abcdeX", "").0, 404);
    assert_eq!(get(api, "/incident/x").1, "<app-root></app-root>");
    assert_eq!(get(api, "/assets/config.json").1, "{\"apiServerUrl\":\"\"}");
    // The heart does not beat any more: that is noticed, proposed and confirmed.
    let list = ["status", "proposal", "list", "--format", "json"];
    let proposal = loop {
        let found = place.run(&list).with_code(0).json();
        if let Some(one) = found.as_array().unwrap().first() {
            break one["id"].as_str().unwrap().to_owned();
        }
    };
    place.run(&["status", "proposal", "confirm", &proposal]).with_code(0);
    until(page, "/en/", |_, body| body.contains(&proposal));
    let exported = place.run(&["status", "export"]).with_code(0).json();
    assert_eq!(exported["proposals"][0]["id"], proposal, "{exported}");
    assert!(server.terminate().success());
    let alone = ["status", "serve", "--listen", "127.0.0.1:0", "--client", "client"];
    let refused = place.run(&alone).with_code(2);
    assert!(refused.stderr.contains("--api-listen is needed"), "{}", refused.stderr);
}

#[test]
fn an_exported_page_is_imported_elsewhere_and_exported_equally() {
    let place = Place::new();
    let server = serve(&place);
    let made = request(at(&server, "api"), "POST", "/incidents", "{\"displayName\":\"Storm\"}");
    assert_eq!(made.0, 201);
    let exported = place.run(&["status", "export"]).with_code(0).stdout;
    place.write("page.json", &exported);
    let other = ["--database", "sqlite:other.db"];
    let import = [&["status", "import", "page.json"][..], &other].concat();
    let imported = place.run(&import).with_code(0);
    assert_eq!(imported.stdout, "imported 2 components and 1 incidents\n");
    assert_eq!(
        place.run(&[&["status", "export"][..], &other].concat()).with_code(0).stdout,
        exported
    );
    place.run(&import).with_code(1);
    let month = exported.split("\"created\": \"").nth(1).unwrap();
    let sla = ["status", "sla", "--csv", "--month", &month[..7]];
    let csv = place.run(&sla).with_code(0).stdout;
    assert!(csv.contains("\"Compute\",\"west\",100.000"), "{csv}");
    assert!(server.terminate().success());
}

#[test]
#[ignore = "real: axe in a browser"]
fn axe_finds_nothing_on_the_page_in_light_dark_and_forced_colours_on_a_phone_and_a_desk() {
    let place = Place::new();
    let server = serve(&place);
    let base = at(&server, "page").to_owned();
    let component = data(&base, "/components")[0]["id"].as_str().unwrap().to_owned();
    let post = |path: &str, body: Value| {
        let (status, made) = request(&base, "POST", path, &body.to_string());
        assert_eq!(status, 201, "{made}");
        serde_json::from_str::<Value>(&made).unwrap()
    };
    let mut pages: Vec<String> =
        ["/en/", "/de/", "/en/history", "/en/search?q=broken", "/en/index", "/de/index"]
            .map(str::to_owned)
            .into();
    pages.push(format!("/en/component/{component}"));
    pages.push(format!("/en/sla/{}", &SystemClock.now().to_string()[..7]));
    let put = |path: &str, body: Value| {
        let (status, made) = request(&base, "PUT", path, &body.to_string());
        assert!(matches!(status, 201 | 204), "{made}");
        serde_json::from_str::<Value>(&made).unwrap_or_default()
    };
    put(
        "/api/v1/schedules/patches",
        json!({ "title": "Patches", "components": [component], "minutes": 90,
            "start": "2026-11-03T20:00:00Z", "rule": "FREQ=MONTHLY;BYDAY=1TU,-1SU" }),
    );
    post(
        "/api/v1/upstream",
        json!({ "provider": "Carrier", "title": "A fibre is cut", "components": [component],
            "began": "2026-11-03T20:00:00Z", "url": "https://status.example.net/1" }),
    );
    let few = put("/api/v1/audiences/few", json!({ "title": "Few", "link": true }));
    pages.push(few["link"].as_str().unwrap().to_owned());
    for severity in [20, 50, 90] {
        let incident = post(
            "/incidents",
            json!({ "displayName": "Something is broken", "description": "We look.",
                "beganAt": "2026-01-01T00:00:00Z",
                "affects": [{ "reference": component, "severity": severity }] }),
        );
        let id = incident["id"].as_str().unwrap();
        post(&format!("/incidents/{id}/updates"), json!({ "displayName": "Cause found" }));
        put(&format!("/api/v1/incidents/{id}/postmortem"), json!({ "text": "A cable." }));
        pages.push(format!("/en/incident/{id}"));
    }
    pages.extend(["/en/nothing", "/en/widget"].map(str::to_owned));
    std::fs::create_dir_all(place.path("pictures")).unwrap();
    let pictures = place.path("pictures");
    let asked = json!({ "base": base, "cookie": "a=b", "pages": pages, "pictures": pictures });
    let found: Value = serde_json::from_str(&browse(&place, "axe.cjs", &asked)).unwrap();
    assert_eq!(found["problems"], json!([]), "{found:#}");
    assert_eq!(found["looked"], pages.len() * 6);
    assert!(server.terminate().success());
}

/// Runs schemathesis on a page of its own, with this document and these checks.
fn gate(document: impl Fn(&Server) -> String, checks: &[&str], rules: &str) {
    let place = Place::new();
    let server = serve(&place);
    let arguments = [&["--url", at(&server, "api")], checks].concat();
    schemathesis::finds_nothing(&place, &document(&server), &arguments, rules, "1");
    assert!(server.terminate().success());
}

#[test]
#[ignore = "real: schemathesis and LOTSE_STATUS_DOCUMENT"]
fn schemathesis_finds_no_server_error_and_no_wrong_answer_with_the_upstream_document() {
    let upstream = variable("LOTSE_STATUS_DOCUMENT");
    let checks = "not_a_server_error,response_schema_conformance,content_type_conformance";
    gate(|_| upstream.clone(), &["--checks", checks], "");
}

#[test]
#[ignore = "real: schemathesis"]
fn schemathesis_finds_no_failure_of_any_kind_with_the_served_document() {
    // That an end must not be before its start cannot be said in a document.
    let operations = ["GET /incidents", "POST /incidents", "PATCH /incidents/{incidentId}"];
    // All checks are the default; naming them would make the rules void.
    gate(
        |server| format!("{}/openapi.json", at(server, "api")),
        &[],
        &schemathesis::rules(operations),
    );
}
