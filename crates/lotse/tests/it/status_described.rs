//! Our own API of the page as schemathesis tries it by its document: every operation, with what is
//! allowed, with what is not, and one after the other as their answers suggest.

use std::process::Command;

use crate::console::Person;
use crate::process::{Place, variable};

/// What a document cannot say: that an end must not be before its start, which rules of recurrence
/// and which time zones there are, what is an address.
const RULES: [&str; 6] = [
    "POST /api/v1/incidents",
    "PATCH /api/v1/incidents/{incidentId}",
    "PUT /api/v1/schedules/{name}",
    "POST /api/v1/upstream",
    "PUT /api/v1/upstream/{upstreamId}",
    "POST /api/v1/sla/{month}",
];

#[tokio::test]
#[ignore = "real: schemathesis"]
async fn schemathesis_finds_no_failure_of_our_own_api_of_the_page_with_all_its_checks() {
    let place = Place::new();
    let config = "listen: 127.0.0.1:0\nstate_directory: state\nstatus:\n  listen: 127.0.0.1:0\n  \
                  local_writes: false\n";
    place.write("lotse.yaml", config);
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    let mut token = vec![("name", "schemathesis"), ("days", "1")];
    token.extend(["status.report", "status.shape"].map(|scope| ("scope", scope)));
    let (_, _, made) = admin.submit("/tokens", "/tokens", &token).await;
    let (_, secret) = made.split_once("<code class=\"secret\">").unwrap();
    let header = format!("Authorization: Bearer {}", secret.split('<').next().unwrap());
    let base = daemon.hello["status"].as_str().unwrap().trim_end_matches('/').to_owned();
    let rule = |name: &str| {
        format!(
            "[[operations]]\ninclude-name = \"{name}\"\n\
             checks.positive_data_acceptance.enabled = false\n\n"
        )
    };
    place.write("schemathesis.toml", &RULES.map(rule).concat());
    for seed in ["1", "2"] {
        let output = Command::new(variable("LOTSE_SCHEMATHESIS"))
            .args(["run", &format!("{base}/api/v1/openapi.json"), "--header", &header])
            .args(["--phases", "examples,coverage,fuzzing,stateful"])
            .args(["--max-examples", "60", "--workers", "1", "--seed", seed, "--no-color"])
            .current_dir(place.path(""))
            .env("HOME", place.path("home"))
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(daemon.terminate().success());
}
