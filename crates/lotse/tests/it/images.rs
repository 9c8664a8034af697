//! `lotse image`: the main job through the command line.

use serde_json::Value;

use crate::process::{Place, example, get, request, until};

fn images() -> String {
    example("images").display().to_string()
}

#[test]
fn plan_apply_plan() {
    let place = Place::new();
    let _sim = place.simulate(&[]);
    let images = images();
    let plan = ["image", "plan", "--images", &images, "--import", "cloud", "--format", "json"];
    let first = place.run_on_sim(&plan).with_code(0).json();
    let declared = first["summary"]["create"].as_u64().unwrap();
    assert_eq!(declared, 7, "{first:#}");
    assert_eq!(
        first["steps"].as_array().unwrap().iter().filter(|step| step["action"] == "create").count(),
        7
    );
    let detailed = [&plan[..], &["--detailed-exitcode"]].concat();
    place.run_on_sim(&detailed).with_code(3);
    place.run_on_sim(&[&detailed[..], &["--yes"]].concat()).with_code(3);
    assert!(!place.path("state").exists(), "a plan needs no state");

    let apply = ["image", "apply", "--images", &images, "--import", "cloud"];
    let refused = place.run_on_sim(&apply).with_code(1);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    place.run_on_sim(&detailed).with_code(3);

    place.run_on_sim(&[&apply[..], &["--yes"]].concat()).with_code(0);
    let second = place.run_on_sim(&detailed).with_code(0).json();
    assert_eq!(second["steps"], serde_json::json!([]), "{second:#}");
    place.run_on_sim(&[&apply[..], &["--yes"]].concat()).with_code(0);
}

#[test]
fn several_clouds_are_applied_at_once_and_a_failing_one_stops_no_other() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    // Only administrators make images public.
    place.write("images/one.yml", &one("1").replace("public", "private"));
    let clouds = "sim,nowhere,sim-alt";
    let apply = ["image", "apply", "--images", "images", "--os-cloud", clouds, "--format", "json"];
    let ended = place.run_on_sim(&[&apply[..], &["--yes"]].concat()).with_code(2);
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
    for line in ["sim: image/", "sim-alt: image/"] {
        assert!(ended.stderr.contains(line), "{line}: {}", ended.stderr);
    }
    let shown = ended.json();
    let clouds: Vec<_> =
        shown["clouds"].as_array().unwrap().iter().map(|one| one["cloud"].clone()).collect();
    assert_eq!(clouds, ["sim", "nowhere", "sim-alt"]);
    let names = image_names(sim.hello["url"].as_str().unwrap());
    assert_eq!(names, ["Harbour Linux", "Harbour Linux"], "each has its own");
}

/// A definition of one image with this version, which promises nothing about older ones.
fn one(version: &str) -> String {
    format!(
        "images:\n  - name: Harbour Linux\n    enable: true\n    format: qcow2\n    login: pilot\n    status: active\n    \
         visibility: public\n    multi: true\n    meta: {{uuid_validity: none}}\n    versions:\n      \
         - {{version: '{version}', url: 'https://images.example.org/{version}.qcow2'}}\n"
    )
}

#[test]
fn deleting_is_shown_first_and_needs_its_option() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    place.write("images/one.yml", &one("1"));
    let apply = ["image", "apply", "--images", "images", "--yes"];
    place.run_on_sim(&apply).with_code(0);
    place.write("images/one.yml", &one("2"));
    // Without the option nothing is deleted, and the plan says so.
    place.run_on_sim(&apply).with_code(0);
    assert_eq!(image_names(&url), ["Harbour Linux", "Harbour Linux (1)"]);
    let plan = ["image", "plan", "--images", "images", "--detailed-exitcode"];
    let said = place.run_on_sim(&plan).with_code(0).stdout;
    assert!(said.contains("--delete"), "{said}");
    let json = [&plan[..], &["--delete", "--format", "json"]].concat();
    let shown = place.run_on_sim(&json).with_code(3).json();
    assert_eq!(shown["summary"]["destroy"], 1, "{shown:#}");
    let dry = [&apply[..], &["--delete", "--dry-run"]].concat();
    place.run_on_sim(&dry).with_code(0);
    // The fuse stops what is more than was allowed.
    let fused = [&apply[..], &["--delete", "--max-delete", "0"]].concat();
    place.run_on_sim(&fused).with_code(1);
    assert_eq!(image_names(&url).len(), 2);
    place.run_on_sim(&[&apply[..], &["--delete"]].concat()).with_code(0);
    assert_eq!(image_names(&url), ["Harbour Linux"]);
    place.run_on_sim(&[&plan[..], &["--delete"]].concat()).with_code(0);
}

#[test]
fn a_rollback_is_shown_made_told_and_undone() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    for version in ["1", "2"] {
        place.write("images/one.yml", &one(version));
        place.run_on_sim(&["image", "apply", "--images", "images", "--yes"]).with_code(0);
    }
    let rollback = ["image", "rollback", "Harbour Linux", "--images", "images"];
    let shown = place.run_on_sim(&[&rollback[..], &["--dry-run"]].concat()).with_code(0).stdout;
    assert!(shown.contains("2 to update"), "{shown}");
    assert!(place.run_on_sim(&rollback).with_code(1).stderr.contains("--yes"));
    assert_eq!(image_names(&url), ["Harbour Linux", "Harbour Linux (1)"]);
    let yes = [&rollback[..], &["--yes"]].concat();
    place.run_on_sim(&yes).with_code(0);
    assert_eq!(image_names(&url), ["Harbour Linux", "Harbour Linux (2)"]);
    // The next ordinary plan has nothing to do and says why.
    let plan = ["image", "plan", "--images", "images", "--detailed-exitcode"];
    let said = place.run_on_sim(&plan).with_code(0).stdout;
    assert!(said.contains("rollback"), "{said}");
    let history = ["image", "history", "Harbour Linux", "--images", "images"];
    let told =
        place.run_on_sim(&[&history[..], &["--format", "json"]].concat()).with_code(0).json();
    let life = &told["definitions"][0];
    assert_eq!(life["images"][0]["role"], "restored", "{told:#}");
    assert!(life["deeds"].as_array().unwrap().len() >= 4, "{told:#}");
    let text = place.run_on_sim(&history).with_code(0).stdout;
    assert!(text.contains("superseded") && text.contains("image.update"), "{text}");
    place.run_on_sim(&[&yes[..], &["--undo"]].concat()).with_code(0);
    assert_eq!(image_names(&url), ["Harbour Linux", "Harbour Linux (1)"]);
    place.run_on_sim(&[&yes[..], &["--undo"]].concat()).with_code(1);
}

#[test]
fn list_and_verify_say_what_there_is_and_whether_it_is_right() {
    let place = Place::new();
    let _sim = place.simulate(&[]);
    place.write("images/one.yml", &one("1"));
    let list = ["image", "list", "--images", "images", "--format", "json"];
    let verify = ["image", "verify", "--images", "images", "--format", "json"];
    let missing = place.run_on_sim(&list).with_code(0).json();
    assert_eq!(missing["images"][0]["standing"], "missing", "{missing:#}");
    let failed = place.run_on_sim(&verify).with_code(4).json();
    assert_eq!(failed["images"][0]["problems"][0], "it is not there", "{failed:#}");
    place.run_on_sim(&["image", "apply", "--images", "images", "--yes"]).with_code(0);
    let there = place.run_on_sim(&list).with_code(0).json();
    assert_eq!(there["images"][0]["standing"], "converged", "{there:#}");
    assert!(there["images"][0]["age_days"].is_i64(), "{there:#}");
    let text = place.run_on_sim(&list[..4]).with_code(0).stdout;
    assert!(text.starts_with("NAME") && text.contains("Harbour Linux"), "{text}");
    let passed = place.run_on_sim(&verify).with_code(0).json();
    assert_eq!(passed["images"][0]["content"]["unknown"], "no checksum is declared", "{passed:#}");
    // Another content than the declared one.
    let wrong = format!("checksum: 'sha512:{}', version: '1'", "0".repeat(128));
    place.write("images/one.yml", &one("1").replace("version: '1'", &wrong));
    let failed = place.run_on_sim(&verify).with_code(4).json();
    assert!(failed["images"][0]["content"]["differs"]["found"].is_string(), "{failed:#}");
}

#[test]
fn a_filter_leaves_other_definitions_alone() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    let images = images();
    let apply = ["image", "apply", "--images", &images, "--yes", "--filter", "^Debian"];
    place.run_on_sim(&apply).with_code(0);
    let names = image_names(&url);
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("Debian")), "{names:?}");
    let plan =
        |filter| ["image", "plan", "--images", &*images, "--filter", filter].map(str::to_owned);
    let run = |filter| place.run_on_sim(&plan(filter).each_ref().map(String::as_str));
    assert!(run("No such").with_code(2).stderr.contains("No such"));
    assert!(run("(").with_code(2).stderr.contains("regular expression"));
}

#[test]
fn one_cloud_that_fails_does_not_stop_the_others() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    place.write("images/one.yml", &one("1"));
    let run = |words: &[&str]| {
        let all = [&["image"], words, &["--images", "images", "--format", "json"]].concat();
        let mut command = place.lotse(&all);
        command.env("OS_CLIENT_CONFIG_FILE", place.path("clouds.yaml"));
        crate::process::Ended::of(command.output().unwrap())
    };
    let planned = run(&["plan", "--os-cloud", "nowhere,sim"]).with_code(2);
    let shown = planned.json();
    assert_eq!(shown["clouds"][0]["cloud"], "nowhere", "{shown:#}");
    assert!(shown["clouds"][0]["error"].as_str().unwrap().contains("nowhere"), "{shown:#}");
    assert_eq!(shown["clouds"][1]["summary"]["create"], 1, "{shown:#}");
    let applied = run(&["apply", "--yes", "--os-cloud", "nowhere", "--os-cloud", "sim"]);
    assert_eq!(applied.with_code(2).json()["clouds"][1]["report"]["tally"]["failed"], 0);
    assert_eq!(image_names(&url), ["Harbour Linux"]);
}

/// The names of the images of the simulated cloud, sorted.
fn image_names(sim: &str) -> Vec<String> {
    let state: Value = serde_json::from_str(&get(sim, "/_sim/state").1).unwrap();
    let images = &state["image"]["images"];
    let all: Vec<_> = match images {
        Value::Object(by_id) => by_id.values().collect(),
        Value::Array(list) => list.iter().collect(),
        _ => panic!("no images in {}", state["image"]),
    };
    let mut names: Vec<_> =
        all.iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The command, with nothing of what it says: it runs beside the test.
fn silent(command: &mut std::process::Command) -> &mut std::process::Command {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null())
}

fn requests(sim: &str) -> Value {
    serde_json::from_str(&get(sim, "/_sim/requests").1).unwrap()
}

#[test]
fn an_apply_that_is_killed_is_taken_up_by_the_next_one_without_a_duplicate() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    // Answers come late, so that the kill hits requests in flight.
    let late = r#"{"service":"image","effect":{"kind":"delay","milliseconds":150}}"#;
    assert_eq!(request(&url, "POST", "/_sim/faults", late).0, 201);
    let images = images();
    let apply =
        ["image", "apply", "--images", &images, "--import", "cloud", "--yes", "--os-cloud", "sim"];
    let mut command = place.lotse(&apply);
    command.env("OS_CLIENT_CONFIG_FILE", place.path("clouds.yaml"));
    let mut killed = silent(&mut command).spawn().unwrap();
    until(&url, "/_sim/requests", |_, body| {
        serde_json::from_str::<Value>(body).unwrap()["writes"].as_u64().unwrap() >= 5
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    request(&url, "DELETE", "/_sim/faults", "");
    let begun = image_names(&url).len();
    assert!(begun > 0, "the kill came in the middle");

    place.run_on_sim(&apply).with_code(0);
    let names = image_names(&url);
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    let writes = requests(&url)["writes"].as_u64();
    let plan = ["image", "plan", "--images", &images, "--detailed-exitcode"];
    place.run_on_sim(&plan).with_code(0);
    place.run_on_sim(&apply).with_code(0);
    assert_eq!(requests(&url)["writes"].as_u64(), writes, "nothing to do, no write");
}

#[test]
fn a_second_apply_at_the_same_time_is_told_who_is_at_work() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    let late = r#"{"service":"image","effect":{"kind":"delay","milliseconds":1500}}"#;
    assert_eq!(request(&url, "POST", "/_sim/faults", late).0, 201);
    let images = images();
    let apply =
        ["image", "apply", "--images", &images, "--import", "cloud", "--yes", "--os-cloud", "sim"];
    let mut command = place.lotse(&apply);
    command.env("OS_CLIENT_CONFIG_FILE", place.path("clouds.yaml"));
    let mut first = silent(&mut command).spawn().unwrap();
    let pid = first.id().to_string();
    until(&url, "/_sim/requests", |_, body| body.contains("/v2/images"));
    let second = place.run_on_sim(&apply);
    // The first may have ended while the second waited for a sign of life.
    if second.code != Some(0) {
        assert_eq!(second.code, Some(1), "{}", second.stderr);
        assert!(second.stderr.contains(&pid), "the holder is named: {}", second.stderr);
    }
    request(&url, "DELETE", "/_sim/faults", "");
    assert!(first.wait().unwrap().success());
    assert_eq!(image_names(&url).len(), 7);
}

#[test]
#[ignore = "real: testbed"]
fn the_command_line_keeps_a_real_glance() {
    let place = Place::new();
    // An image of a real cloud that Lotse downloads from the simulated one's neighbour: itself.
    let content = b"not a disk, but that is for Nova to find out".repeat(64);
    let mirror = mirror(content);
    let name = format!("Lotse CLI {}", std::process::id());
    let tag = format!("lotse-cli-{}", std::process::id());
    place.write(
        "images/one.yml",
        &format!(
            "images:\n  - name: {name}\n    enable: true\n    format: raw\n    login: root\n    \
             min_disk: 1\n    min_ram: 64\n    status: active\n    visibility: private\n    \
             multi: true\n    meta:\n      architecture: x86_64\n      hw_disk_bus: virtio\n      \
             hypervisor_type: qemu\n      os_distro: debian\n      os_purpose: custom\n      \
             replace_frequency: never\n      uuid_validity: none\n      provided_until: none\n    \
             versions:\n      - version: '1'\n        url: {mirror}/one.raw\n        \
             build_date: 2026-10-01\n"
        ),
    );
    let cloud = crate::process::variable("LOTSE_TESTBED_CLOUD");
    let run = |words: &[&str]| {
        let all = [words, &["--images", "images", "--tag", &tag, "--os-cloud", &cloud]].concat();
        let mut command = place.lotse(&all);
        command.env("OS_CLIENT_CONFIG_FILE", crate::process::variable("LOTSE_TESTBED_CLOUDS"));
        crate::process::Ended::of(command.output().unwrap())
    };
    run(&["image", "plan", "--detailed-exitcode"]).with_code(3);
    let applied = run(&["image", "apply", "--yes", "--format", "json"]).with_code(0).json();
    let id = applied["report"]["steps"][0]["object"].as_str().map(str::to_owned);
    run(&["image", "plan", "--detailed-exitcode"]).with_code(0);
    // What the test made, it takes away, with the client that operators know.
    let removed = std::process::Command::new("openstack")
        .args(["--os-cloud", &cloud, "image", "delete", id.as_deref().unwrap_or(&name)])
        .env("OS_CLIENT_CONFIG_FILE", crate::process::variable("LOTSE_TESTBED_CLOUDS"))
        .status()
        .unwrap();
    assert!(removed.success());
}

/// Serves these bytes at every path, on loopback, as long as the test runs.
fn mirror(content: Vec<u8>) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let asked = stream.read(&mut request).unwrap_or(0);
            let head = request.get(..4) == Some(b"HEAD");
            let length = content.len();
            let answer = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            if answer.is_ok() && asked > 0 && !head && stream.write_all(&content).is_err() {
                return;
            }
        }
    });
    format!("http://{address}")
}

#[test]
fn a_wrong_definition_is_shown_with_its_place_and_nothing_is_asked_of_the_cloud() {
    let place = Place::new();
    let good = std::fs::read_to_string(example("images/debian.yml")).unwrap();
    place.write("images/good.yml", &good);
    place.write(
        "images/wrong.yml",
        &good.replacen("visibility: public", "visibility: publik", 1).replace("Debian", "Other"),
    );
    // There is no cloud at all: the complaint must come first.
    for verb in ["plan", "apply", "check"] {
        let ended =
            place.run(&["image", verb, "--images", "images", "--os-cloud", "nowhere"]).with_code(2);
        assert!(ended.stderr.contains("wrong.yml:"), "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains("publik"), "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains("public"), "{verb}: {}", ended.stderr);
    }
}

#[test]
fn an_unknown_cloud_is_named_with_those_that_are_known() {
    let place = Place::new();
    let _sim = place.simulate(&[]);
    let ended = place
        .run_on_sim(&["image", "plan", "--images", &images(), "--os-cloud", "smi"])
        .with_code(2);
    assert!(ended.stderr.contains("smi") && ended.stderr.contains("sim"), "{}", ended.stderr);
}

#[test]
fn without_a_cloud_the_ways_to_name_one_are_listed() {
    let ended = Place::new().run(&["image", "plan", "--images", &images()]).with_code(2);
    for word in ["no cloud is configured", "OS_CLIENT_CONFIG_FILE", "openrc"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}

#[test]
fn a_mirror_is_filled_used_and_pruned() {
    let place = Place::new();
    let sim = place.simulate(&[]);
    let url = sim.hello["url"].as_str().unwrap().to_owned();
    // A disk that begins like a disk: a partition table.
    let mut disk = vec![0_u8; 4096];
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    std::fs::write(place.path("disk.raw"), &disk).unwrap();
    let definition = |version: &str, checksum: &str| {
        let file = place.path("disk.raw").display().to_string();
        one(version)
            .replace("format: qcow2", "format: raw")
            .replace(
                &format!("https://images.example.org/{version}.qcow2"),
                &format!("file://{file}"),
            )
            .replace("'}\n", &format!("', checksum: '{checksum}'}}\n"))
    };
    let wrong = format!("sha256:{}", "0".repeat(64));
    place.write("images/one.yml", &definition("1", &wrong));
    let fill = ["image", "mirror", "--images", "images", "--to", "mirror"];
    let refused = place.run(&fill).with_code(1);
    assert!(refused.stdout.contains("0 fetched, 0 were there, 1 failed"), "{}", refused.stdout);
    let right = refused.stdout.split("has checksum ").nth(1).unwrap().split(',').next().unwrap();
    place.write("images/one.yml", &definition("1", right));
    let told = place.run(&[&fill[..], &["--format", "json"]].concat()).with_code(0).json();
    assert_eq!(told["files"][0]["outcome"], "kept", "{told:#}");
    assert_eq!(told["files"][0]["verified"], true);
    let again = place.run(&fill).with_code(0).stdout;
    assert!(again.contains("0 fetched, 1 were there, 0 failed"), "{again}");

    let with = ["--images", "images", "--mirror", "mirror", "--format", "json"];
    let plan = place.run_on_sim(&[&["image", "plan"], &with[..]].concat()).with_code(0).json();
    let changes = plan["steps"][0]["changes"].as_array().unwrap();
    let copy = changes.iter().find(|change| change["field"] == "mirror").unwrap();
    assert_eq!(copy["after"], "Harbour Linux/1/disk.raw");
    // Only the mirror has it now.
    std::fs::remove_file(place.path("disk.raw")).unwrap();
    place.run_on_sim(&[&["image", "apply", "--yes"], &with[..]].concat()).with_code(0);
    assert_eq!(image_names(&url), ["Harbour Linux"]);

    std::fs::write(place.path("disk.raw"), &disk).unwrap();
    place.write("images/one.yml", &definition("2", right));
    let shown = place.run(&[&fill[..], &["--prune"]].concat()).with_code(0).stdout;
    assert!(shown.contains("unused  Harbour Linux/1/disk.raw"), "{shown}");
    let removed = place.run(&[&fill[..], &["--prune", "--yes"]].concat()).with_code(0).stdout;
    assert!(removed.contains("removed Harbour Linux/1/disk.raw"), "{removed}");
    assert!(place.run(&fill).with_code(0).stdout.contains("1 were there"));
}
