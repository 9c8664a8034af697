//! The page as clients of others read it: `statuspage.io` for the API of Statuspage, lynx for the HTML.

use serde_json::{Value, json};

use crate::page::{Page, hours, told};

/// The names of all entries under this key.
fn names(document: &Value, key: &str) -> Vec<String> {
    let entries = document[key].as_array().unwrap();
    entries.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "real: the client statuspage.io"]
fn the_client_of_statuspage_finds_everything_that_its_types_promise() {
    let page = Page::new();
    let [compute, storage] = ["Compute", "Storage"].map(|name| page.component(name, "west"));
    let add = |name: &str, began: i64, ended: Option<i64>, component: &str, severity: u8| {
        let body = json!({ "displayName": name, "description": "We look.", "beganAt": hours(began),
            "endedAt": ended.map(hours),
            "affects": [{ "reference": component, "severity": severity }] });
        let id = page.make("/incidents", &body);
        let said = json!({ "displayName": "Cause found", "description": "A cable." });
        page.send("POST", &format!("/incidents/{id}/updates"), &said);
        id
    };
    let open = add("Disks fail", -3, None, &compute, 90);
    add("Slow login", -30, Some(-29), &storage, 50);
    add("New racks", 20, Some(22), &storage, 0);
    add("New roof", -1, Some(1), &storage, 0);
    page.send(
        "PUT",
        &format!("/api/v1/incidents/{open}/postmortem"),
        &json!({ "text": "A cable." }),
    );
    let answer = told("node", "statuspage.cjs", &json!({ "base": page.base }));
    assert_eq!(answer["problems"], json!([]), "{answer:#}");
    let found = &answer["found"];
    assert_eq!(found["status"]["status"]["indicator"], "critical");
    for document in ["components", "summary"] {
        let components = found[document]["components"].as_array().unwrap();
        let states: Vec<_> =
            components.iter().map(|one| (one["name"].as_str(), one["status"].as_str())).collect();
        let wanted =
            [(Some("Compute"), Some("major_outage")), (Some("Storage"), Some("under_maintenance"))];
        assert_eq!(states, wanted, "{document}");
    }
    assert_eq!(names(&found["unresolved"], "incidents"), ["Disks fail"]);
    assert_eq!(names(&found["summary"], "incidents"), ["Disks fail"]);
    assert_eq!(names(&found["incidents"], "incidents"), ["Disks fail", "Slow login"]);
    assert_eq!(names(&found["upcoming"], "scheduled_maintenances"), ["New racks"]);
    let planned = names(&found["summary"], "scheduled_maintenances");
    assert_eq!(planned, ["New racks", "New roof"]);
    let said = &found["unresolved"]["incidents"][0]["incident_updates"][0];
    assert_eq!(said["body"], "Cause found\nA cable.");
    page.end();
}
