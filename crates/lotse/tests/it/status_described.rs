//! Our own API of the page as schemathesis tries it by its document: every operation, with what is
//! allowed, with what is not, and one after the other as their answers suggest.

use crate::console::Person;
use crate::process::Place;
use crate::schemathesis;

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
    for seed in ["1", "2"] {
        let document = format!("{base}/api/v1/openapi.json");
        let rules = schemathesis::rules(RULES);
        schemathesis::finds_nothing(&place, &document, &["--header", &header], &rules, seed);
    }
    assert!(daemon.terminate().success());
}
