//! The HTML of an edge as html-validate reads it, whether or not the cloud is heard of.

use std::process::Command;

use lotse_core::id::IncidentId;
use lotse_core::time::SignedDuration;
use serde_json::{Value, json};

use crate::drill::{edge, key, post, publish, send, signed};
use crate::stage::{NOON, Stage};

#[expect(clippy::disallowed_methods, reason = "where real tests are told their modules")]
fn modules() -> String {
    std::env::var("LOTSE_NODE_MODULES").expect("LOTSE_NODE_MODULES names the modules of node")
}

/// That nothing is wrong with these pages.
async fn assert_valid(base: &str, pages: &[String]) {
    let asked = json!({ "base": base, "pages": pages });
    // Not on the thread that answers the requests.
    let asking = tokio::task::spawn_blocking(move || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/markup.cjs");
        let mut command = Command::new("node");
        command.args([script, &asked.to_string()]).env("NODE_PATH", modules()).output().unwrap()
    });
    let output = asking.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["problems"], json!([]), "{found:#}");
    assert_eq!(found["looked"], pages.len());
}

#[tokio::test]
#[ignore = "real: html-validate"]
async fn the_html_of_an_edge_is_valid_with_every_notice_that_it_shows() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let body = json!({ "displayName": "Disks <vanish>", "beganAt": NOON,
        "affects": [{ "reference": compute, "severity": 90 }] });
    let id = stage.make("/incidents", body).await;
    publish(&stage, &stage.site).await;
    let base = stage.serve(edge(&stage).router()).await;
    let addresses = ["", "history", &format!("incident/{id}"), &format!("component/{compute}")];
    let pages: Vec<_> = ["en", "de"]
        .iter()
        .flat_map(|language| addresses.map(|address| format!("/{language}/{address}")))
        .collect();
    assert_valid(&base, &pages).await;
    let said = signed(&key(1), &post(&stage, IncidentId::generate(), "Both <feeds> are down."));
    assert_eq!(send(&stage, &base, &said).await, 201);
    assert_valid(&base, &pages).await;
    // First there is no contact any more, then the preset incident.
    for minutes in [6, 30] {
        stage.clock.advance(SignedDuration::from_mins(minutes));
        assert_valid(&base, &pages).await;
    }
}
