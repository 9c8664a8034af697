//! Subscribing without a mouse and without scripts, on a phone and on a desk, in light and in dark.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::page::Everything;
use crate::process::variable;

/// A browser that subscribes with the keyboard alone; the test brings the link of the mail.
fn subscribe(all: &Everything, pictures: &Path, (width, is_dark): (u32, bool)) {
    let mail = format!("grace-{width}-{is_dark}@example.org");
    let asked = json!({ "base": all.page.base, "mail": mail, "width": width, "dark": is_dark,
        "pictures": pictures, "browser": variable("LOTSE_CHROMIUM") });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keyboard.cjs");
    let mut command = Command::new("node");
    command.args([script, &asked.to_string()]).env("NODE_PATH", variable("LOTSE_NODE_MODULES"));
    command.env("HOME", pictures).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut browser = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(browser.stdout.take().unwrap()).read_line(&mut said).unwrap();
    if said == "asked\n" {
        let link = format!("{}{}\n", all.page.base, all.link_of_mail());
        browser.stdin.take().unwrap().write_all(link.as_bytes()).unwrap();
    }
    let ended = browser.wait_with_output().unwrap();
    let trouble = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{width} {is_dark}: {said}{trouble}");
}

#[test]
#[ignore = "real: playwright in a browser"]
fn somebody_without_mouse_and_scripts_subscribes_confirms_changes_and_leaves() {
    let all = Everything::new();
    let pictures = tempfile::tempdir().unwrap();
    for way in [(320, false), (1280, true)] {
        subscribe(&all, pictures.path(), way);
    }
    let left = all.page.place.run(&["status", "subscriber", "list"]).with_code(0).stdout;
    assert!(!left.contains("grace"), "{left}");
    all.page.end();
}
