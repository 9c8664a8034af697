//! The page as clients of others read it: `statuspage.io` for the API of Statuspage, lynx for the HTML.

use std::process::Command;

use serde_json::{Value, json};

use crate::page::{Page, hours, told};
use crate::process::variable;

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

/// What a reader of lynx sees of this page, each line without what indents it.
fn lynx(page: &Page, path: &str) -> String {
    let mut command = Command::new(variable("LOTSE_LYNX"));
    command.args(["-dump", "-nolist", "-width=200", "-display_charset=UTF-8"]);
    command.arg(format!("{}{path}", page.base)).env_clear().env("LANG", "C.UTF-8");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

/// That all of this is there, in this order.
#[track_caller]
fn assert_reads(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for want in wanted {
        let found = rest.split_once(want);
        rest = found.unwrap_or_else(|| panic!("{want:?} is not there, or not there: {text}")).1;
    }
}

#[test]
#[ignore = "real: lynx"]
fn lynx_shows_every_state_every_incident_and_ninety_days_in_words() {
    let page = Page::new();
    let names = ["Broken", "Limited", "Slight", "Worked on", "Fine"];
    let [broken, limited, slight, worked, _] = names.map(|name| page.component(name, "west"));
    let add = |name: &str, (began, ended): (i64, Option<i64>), component: &str, severity: u8| {
        let body = json!({ "displayName": name, "description": "We look.", "beganAt": hours(began),
            "endedAt": ended.map(hours),
            "affects": [{ "reference": component, "severity": severity }] });
        page.make("/incidents", &body)
    };
    let open = add("Disks fail", (-3, None), &broken, 90);
    add("Net is slow", (-2, None), &limited, 50);
    add("Mail is late", (-1, None), &slight, 20);
    add("New roof", (-1, Some(1)), &worked, 0);
    add("New racks", (20, Some(22)), &worked, 0);
    add("Old trouble", (-100, Some(-90)), &limited, 50);
    let said = json!({ "displayName": "Cause found", "description": "A cable." });
    page.send("POST", &format!("/incidents/{open}/updates"), &said);
    let now = hours(0);
    let today = &now[..10];

    let english = lynx(&page, "/en/");
    assert_reads(&english, &["✕ Some components are broken", "What is going on"]);
    for wanted in [
        "✕ Broken Disks fail\n",
        "▲ Limited Net is slow\n",
        "▽ Slightly affected Mail is late\n",
        "Cause found\n\nA cable.\n",
        "* Broken ✕ Broken\n99.861 % available in 90 days\nDays with trouble: ",
        "* Limited ▲ Limited\n99.444 % available in 90 days\nDays with trouble: ",
        "* Slight ▽ Slightly affected\n100.000 % available in 90 days\n",
        "* Worked on ⚒ Maintenance\n100.000 % available in 90 days\n",
        "* Fine ✓ Operational\n100.000 % available in 90 days\n",
        &format!("+ {today}: Broken, "),
        "Maintenance that goes on\n\n⚒ Maintenance New roof\n",
        "Planned maintenance\n\n⚒ Maintenance New racks\n",
        "The last 14 days\n\n▲ Limited Old trouble\n",
    ] {
        assert!(english.contains(wanted), "{wanted:?}: {english}");
    }
    let german = lynx(&page, "/de/");
    for wanted in [
        "✕ Einige Komponenten sind ausgefallen",
        "✕ Ausgefallen Disks fail\n",
        "* Broken ✕ Ausgefallen\n99.861 % verfügbar in 90 Tagen\n",
        "* Fine ✓ In Betrieb\n100.000 % verfügbar in 90 Tagen\n",
        "⚒ Wartung New racks\n",
    ] {
        assert!(german.contains(wanted), "{wanted:?}: {german}");
    }
    let incident = [&format!("/en/incident/{open}"), &format!("/de/incident/{open}")];
    let [english, german] = incident.map(|path| lynx(&page, path));
    assert_reads(&english, &["Disks fail", "✕ Broken", "Began\n", " UTC\n", "+ Broken: Broken"]);
    assert_reads(&english, &["We look.", "1. Cause found\n", " UTC\n", "A cable.\n"]);
    assert_reads(&german, &["✕ Ausgefallen", "Begann\n", "+ Broken: Ausgefallen", "Cause found"]);
    page.end();
}
