//! `lotse sim`: a cloud as a process that other processes steer over HTTP.

use serde_json::{Value, json};

use crate::process::{Place, Server, example, get, request};

fn start(place: &Place, extra: &[&str]) -> (Server, String) {
    let always = ["sim", "--listen", "127.0.0.1:0", "--format", "json"];
    let server = Server::start(place.lotse(&[&always[..], extra].concat()));
    let url = server.hello["url"].as_str().unwrap().to_owned();
    (server, url)
}

fn file(place: &Place, name: &str) -> String {
    place.path(name).to_str().unwrap().to_owned()
}

/// Signs in as the administrator, which is nothing but a request: its token is in a header.
fn sign_in(url: &str) -> u16 {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "admin", "domain": {"id": "default"}, "password": "sim",
        }}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
    }});
    request(url, "POST", "/identity/v3/auth/tokens", &body.to_string()).0
}

#[test]
fn a_cloud_is_scaled_dumped_at_its_end_and_started_again_from_the_dump() {
    let place = Place::new();
    let dump = file(&place, "state.json");
    let scaled = ["--scale", "images=25,projects=3", "--dump", &dump];
    let (first, url) = start(&place, &scaled);
    let state: Value = serde_json::from_str(&get(&url, "/_sim/state").1).unwrap();
    assert!(first.terminate().success());
    let written: Value = serde_json::from_slice(&std::fs::read(&dump).unwrap()).unwrap();
    assert_eq!(written, state);
    let (_second, url) = start(&place, &["--seed", &dump]);
    let again: Value = serde_json::from_str(&get(&url, "/_sim/state").1).unwrap();
    assert_eq!(again["image"]["images"].as_array().unwrap().len(), 25);
    for part in ["identity", "image", "compute", "network", "volume"] {
        assert_eq!(again[part], state[part], "{part}");
    }
}

#[test]
fn rules_of_a_file_are_in_force_from_the_first_request() {
    let place = Place::new();
    let rules = "- service: identity\n  method: POST\n  nth: 1\n  \
                 effect: {kind: status, status: 503}\n";
    std::fs::write(place.path("faults.yaml"), rules).unwrap();
    let (_sim, url) = start(&place, &["--faults", &file(&place, "faults.yaml")]);
    assert_eq!(sign_in(&url), 503);
    assert_eq!(sign_in(&url), 201);
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_place() {
    let place = Place::new();
    std::fs::write(place.path("faults.yaml"), "- nth: 1\n  effect: {kind: delay, ms: 5}\n")
        .unwrap();
    std::fs::write(place.path("seed.json"), "{\n \"image\": {\"images\": 5}\n}").unwrap();
    for (option, name, place_in_file) in
        [("--faults", "faults.yaml", "faults.yaml:2:"), ("--seed", "seed.json", "line 2 column 22")]
    {
        let ended = place.run(&["sim", "--listen", "127.0.0.1:0", option, &file(&place, name)]);
        let ended = ended.with_code(2);
        assert!(ended.stderr.contains(place_in_file), "{}", ended.stderr);
    }
}

#[test]
fn time_is_moved_and_events_are_written_down_as_they_come() {
    let place = Place::new();
    let (events, clouds) = (file(&place, "events.jsonl"), file(&place, "clouds.yaml"));
    let (sim, url) = start(&place, &["--freeze", "--events", &events, "--write-clouds", &clouds]);
    let clock = |body: Value| -> Value {
        let (status, text) = request(&url, "POST", "/_sim/clock", &body.to_string());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let before = clock(json!({}));
    assert_eq!(before["frozen"], true);
    assert_ne!(clock(json!({"advance_seconds": 60}))["now"], before["now"]);
    let images = example("images").display().to_string();
    place
        .run_on_sim(&["image", "apply", "--images", &images, "--import", "cloud", "--yes"])
        .with_code(0);
    let (_, listed) = get(&url, "/_sim/events?limit=1000");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert!(sim.terminate().success());
    let written = std::fs::read_to_string(&events).unwrap();
    let types = |lines: &mut dyn Iterator<Item = Value>| -> Vec<String> {
        lines.map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
    };
    let written = types(&mut written.lines().map(|line| serde_json::from_str(line).unwrap()));
    let listed = types(&mut listed["events"].as_array().unwrap().iter().cloned());
    assert!(listed.contains(&"image.create".to_owned()), "{listed:?}");
    assert_eq!(written, listed);
}
