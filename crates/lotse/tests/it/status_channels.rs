//! How subscribers of a real daemon's page read it in each of their programs, and that a kill right
//! after a change makes nobody miss it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::inbox::Inbox;
use crate::process::{Place, get, request};

/// A page whose operator has a Matrix room at this port.
fn place(matrix: u16) -> Place {
    let place = Place::new();
    place.write("p.yaml", "components:\n  - displayname: Compute\n    labels: { region: west }\n");
    place.write("matrix-token", "secret");
    let config = format!(
        "listen: 127.0.0.1:0\nstate_directory: state\nstatus:\n  listen: 127.0.0.1:0\n  \
         provision: p.yaml\n  subscribers: {{ internal_webhooks: true }}\nnotify:\n  channels:\n    \
         room:\n      matrix:\n        server: http://127.0.0.1:{matrix}\n        \
         room: \"!x:example.org\"\n        token: {{ file: matrix-token }}\n"
    );
    place.write("lotse.yaml", &config);
    place
}

#[test]
fn every_program_of_a_subscriber_gets_the_news_in_its_own_form() {
    let inbox = || Inbox::webhook("200 OK");
    let (matrix, program) = (inbox(), inbox());
    let (mattermost, slack, teams) = (inbox(), inbox(), inbox());
    let place = place(matrix.port);
    let daemon = place.serve();
    let add = |more: &[&str]| {
        place.run(&[&["status", "subscriber", "add"][..], more].concat()).with_code(0);
    };
    for (inbox, shape) in
        [(&program, "standard"), (&mattermost, "mattermost"), (&slack, "slack"), (&teams, "teams")]
    {
        let url = format!("http://127.0.0.1:{}/hooks/x", inbox.port);
        add(&["--webhook", &url, "--shape", shape]);
    }
    add(&["--channel", "room", "--component", "Compute"]);
    let open = ["status", "incident", "open", "Disks *fail* <b>", "--affects", "Compute=90"];
    place.run(&open).with_code(0);

    let said = program.next_json();
    assert_eq!(said["type"], "status.incident.opened");
    assert_eq!(said["data"]["body"]["name"], "Disks *fail* <b>");
    assert!(said["data"]["link"].as_str().unwrap().contains("/incident/"), "{said}");
    let text = |inbox: &Inbox| inbox.next_json()["text"].as_str().unwrap().to_owned();
    let said = text(&mattermost);
    assert!(said.starts_with("**") && said.contains("\\*fail\\* \\<b\\>"), "{said}");
    assert!(said.contains("\n- Compute (west): Broken"), "{said}");
    let said = text(&slack);
    assert!(said.starts_with('*') && said.contains("&lt;b&gt;"), "{said}");
    assert!(said.contains("\n• Compute (west): Broken") && said.contains("<http"), "{said}");
    let card = teams.next_json();
    let content = &card["attachments"][0];
    assert_eq!(content["contentType"], "application/vnd.microsoft.card.adaptive", "{card}");
    assert!(content["content"].to_string().contains("Compute (west): Broken"), "{card}");
    let said = matrix.next_json();
    assert_eq!(
        (&said["msgtype"], &said["format"]),
        (&"m.notice".into(), &"org.matrix.custom.html".into())
    );
    let html = said["formatted_body"].as_str().unwrap();
    assert!(
        html.contains("Disks *fail* &lt;b&gt;") && !html.contains("<b>Disks *fail* <b>"),
        "{html}"
    );
    assert!(said["body"].as_str().unwrap().contains("Compute (west): Broken"), "{said}");
    assert!(daemon.terminate().success());
}

#[test]
fn who_is_killed_right_after_a_change_has_told_everybody_once_in_the_end() {
    let (matrix, hook) = (Inbox::webhook("200 OK"), Inbox::webhook("200 OK"));
    let place = place(matrix.port);
    let url = format!("http://127.0.0.1:{}/hooks/x", hook.port);
    let mut daemon = place.serve();
    place.run(&["status", "subscriber", "add", "--webhook", &url]).with_code(0);
    let names: BTreeSet<String> = (0..4).map(|number| format!("Trouble {number}")).collect();
    for name in &names {
        let page = daemon.hello["status"].as_str().unwrap().to_owned();
        let components: Value = serde_json::from_str(&get(&page, "/components").1).unwrap();
        let component = &components["data"][0]["id"];
        let body = json!({ "displayName": name, "beganAt": "2026-01-01T00:00:00Z",
            "affects": [{ "reference": component, "severity": 90 }] });
        let (status, made) = request(&page, "POST", "/incidents", &body.to_string());
        assert_eq!(status, 201, "{made}");
        // It is acknowledged; whether anything of it was routed or sent is left to chance.
        daemon.kill();
        daemon = place.serve();
    }
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    while told.len() < names.len() {
        let said = hook.next_json();
        let name = word(&said["data"]["body"]["name"]);
        told.entry(name).or_default().insert(word(&said["data"]["event"]));
    }
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), names);
    // What was under way when the power went may come again, as the same event, never as another.
    assert!(told.values().all(|events| events.len() == 1), "{told:?}");
    assert!(daemon.terminate().success());
}
