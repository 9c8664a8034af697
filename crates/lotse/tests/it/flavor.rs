//! `lotse flavor`: names in, what they promise out.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::process::{Ended, Place};

fn named(mode: &str, names: &str) -> Vec<Value> {
    let place = Place::new();
    let mut command = place.lotse(&["flavor", "name", "--mode", mode, "--format", "json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(names.as_bytes()).unwrap();
    let ended = Ended::of(child.wait_with_output().unwrap()).with_code(0);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_name_becomes_a_line_of_json() {
    let lines = named("upstream", "SCS-4V-16-01x020n\r\nm1.tiny\n\nSCS-4V-16_\"\n");
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0],
        json!({
            "name": "SCS-4V-16-01x020n", "ok": true, "canonical": "SCS-4V-16-20n", "short": "SCS-4V-16-20n",
            "specs": {
                "scs:name-v1": "SCS-4V:16:20n", "scs:name-v2": "SCS-4V-16-20n",
                "scs:cpu-type": "shared-core", "scs:disk0-type": "network",
            },
            "syntax": "v3",
        })
    );
    assert_eq!((&lines[1]["ok"], &lines[1]["canonical"]), (&json!(false), &Value::Null));
    assert_eq!((&lines[2]["name"], &lines[2]["at"]), (&json!("SCS-4V-16_\""), &json!(9)));
}

#[test]
fn the_modes_differ_where_upstream_is_odd() {
    let names = "SCS-4V-16_GNa_ib\nSCS-04V-16\n";
    let ok = |mode| named(mode, names).iter().map(|line| line["ok"] == true).collect::<Vec<_>>();
    assert_eq!(ok("upstream"), [false, true]);
    assert_eq!(ok("standard"), [true, false]);
}

#[test]
fn a_name_is_made_from_a_promise_and_explained() {
    let place = Place::new();
    let made = place.run(&[
        "flavor",
        "make",
        "--cpus",
        "4",
        "--ram",
        "16",
        "--disk",
        "100",
        "--disk-type",
        "ssd",
        "--format",
        "json",
    ]);
    assert_eq!(made.with_code(0).json()["canonical"], "SCS-4V-16-100s");
    let explained = place.run(&["flavor", "explain", "SCS-4V-16-100s"]).with_code(0).stdout;
    assert!(explained.contains("100 GB on local SSDs"), "{explained}");
    let wrong = place.run(&["flavor", "make", "--cpus", "4", "--ram", "1.3"]).with_code(2);
    assert!(wrong.stderr.contains("a multiple of 0.5 GiB"), "{}", wrong.stderr);
    place.run(&["flavor", "explain", "SCS-4V-16-q"]).with_code(4);
}
