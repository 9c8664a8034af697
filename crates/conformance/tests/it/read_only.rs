//! What is found out by reading.

use lotse_conformance::observe::Reach;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Reason, Snapshot, Verdict};
use lotse_sim::{Fault, SimOptions};
use serde_json::json;

use crate::stage::{READING, Stage, of, outcome};

#[tokio::test]
async fn the_read_only_set_takes_at_most_eight_requests_and_writes_nothing() {
    let stage = Stage::new().await;
    let mark = stage.sim.requests().mark();
    let snapshot = stage.look(&READING, Reach::ReadOnly).await;
    let requests = stage.sim.requests().since(mark);
    // The simulation has nothing at the root of its host, so that it does not log the one of S3.
    assert_eq!(usize::try_from(snapshot.requests).unwrap(), requests.len() + 1, "{requests:#?}");
    assert!(snapshot.requests <= 8, "{requests:#?}");
    assert!(stage.sim.requests().writes_since(mark).is_empty());
}

#[tokio::test]
async fn what_the_cloud_gets_shows_in_the_verdict() {
    let stage = Stage::new().await;
    let id = "scs-0103-flavor-16v-128";
    let before = stage.look(&READING, Reach::ReadOnly).await;
    let explained = lotse_conformance::judge::explain(
        &lotse_conformance::profile::named("scs-iaas", Mode::Standard).unwrap(),
        &before,
        &[id.to_owned()],
        &lotse_conformance::judge::Choice::everything(
            lotse_conformance::judge::utc(before.taken_at),
            Mode::Standard,
        ),
    );
    assert_eq!(explained[id].judgement.reason, Reason::Absent);

    let flavor =
        json!({ "flavor": { "name": "SCS-16V-128", "vcpus": 16, "ram": 131_072, "disk": 0 } });
    let made = stage.admin.post("compute", "/v2.1/flavors").json(&flavor).send().await.unwrap();
    let made: serde_json::Value = made.json().unwrap();
    let path = format!("/v2.1/flavors/{}/os-extra_specs", made["flavor"]["id"].as_str().unwrap());
    let specs = json!({ "extra_specs": {
        "scs:name-v1": "SCS-16V:128", "scs:name-v2": "SCS-16V-128", "scs:cpu-type": "shared-core",
    }});
    stage.admin.post("compute", &path).json(&specs).send().await.unwrap();
    let after = stage.look(&READING, Reach::ReadOnly).await;
    let result = outcome(&after, Mode::Standard);
    assert_eq!(of(&result, "scs-0100-syntax-check").verdict, Verdict::Pass, "{result:#?}");
    let recommended = result.versions.iter().find(|version| version.version == "recommended");
    assert!(recommended.is_some());
    assert_eq!(of(&result, id).verdict, Verdict::Pass, "{:#?}", of(&result, id));
}

#[tokio::test]
async fn a_service_that_fails_aborts_what_depends_on_it_and_nothing_else() {
    let stage = Stage::new().await;
    stage.sim.faults().add(Fault::status(500).on("image", "GET", "/v2/images"));
    let snapshot = stage.look(&READING, Reach::ReadOnly).await;
    for mode in [Mode::Upstream, Mode::Standard] {
        let result = outcome(&snapshot, mode);
        let images = of(&result, "scs-0102-prop-architecture");
        assert_eq!((images.verdict, images.reason), (Verdict::Abort, Reason::ApiFailed));
        assert_eq!(of(&result, "scs-0123-service-compute").verdict, Verdict::Pass);
        assert_ne!(of(&result, "scs-0103-flavor-1v-4").verdict, Verdict::Abort);
    }
}

#[tokio::test]
async fn an_administrator_is_refused_by_upstream_only() {
    let stage = Stage::new().await;
    let mut snapshot = stage.look(&READING, Reach::ReadOnly).await;
    snapshot.roles = vec!["admin".to_owned()];
    let upstream = outcome(&snapshot, Mode::Upstream);
    assert!(upstream.testcases.values().all(|one| one.judgement.verdict == Verdict::Abort));
    let standard = outcome(&snapshot, Mode::Standard);
    assert_eq!(of(&standard, "scs-0123-service-compute").verdict, Verdict::Pass);
}

#[tokio::test]
async fn a_snapshot_is_read_back_and_judged_the_same() {
    let stage = Stage::new().await;
    let snapshot = stage.look(&READING, Reach::ReadOnly).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("snapshot.json");
    snapshot.write(&path).unwrap();
    let again = Snapshot::read(&path).unwrap();
    assert_eq!(again, snapshot);
    let (one, other) = (outcome(&snapshot, Mode::Standard), outcome(&again, Mode::Standard));
    assert_eq!(json!(one), json!(other));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("127.0.0.1") && !text.contains("owner"), "{text}");
}

#[tokio::test]
async fn an_old_neutron_is_not_asked_twice_when_only_reading_is_allowed() {
    let options = SimOptions { default_security_group_rules: false, ..SimOptions::default() };
    let stage = Stage::with(options).await;
    let snapshot = stage.look(&READING, Reach::ReadOnly).await;
    let result = outcome(&snapshot, Mode::Standard);
    let rules = of(&result, "scs-0115-default-rules");
    assert_eq!((rules.verdict, rules.reason), (Verdict::Abort, Reason::NotObserved));
}

#[tokio::test]
async fn what_drafts_ask_for_is_observed_when_their_version_is_named() {
    let stage = Stage::new().await;
    let snapshot =
        stage.look(&[Need::Flavors, Need::Images, Need::Networks], Reach::ReadOnly).await;
    let spec = lotse_conformance::profile::named("scs-iaas", Mode::Standard).unwrap();
    let at = lotse_conformance::judge::utc(snapshot.taken_at);
    let mut choice = lotse_conformance::judge::Choice::everything(at, Mode::Standard);
    choice.versions = vec!["drafts".to_owned(), "v5.1".to_owned()];
    let result = lotse_conformance::judge::judge(&spec, &snapshot, &choice).unwrap();
    let versions: Vec<_> = result.versions.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(versions, ["v5.1", "drafts"]);
    assert_eq!(of(&result, "scs-0126-standard-network").examined, 1, "{result:#?}");
    assert_ne!(of(&result, "scs-0127-dns-integration").verdict, Verdict::Abort);
    assert_eq!(of(&result, "scs-0103-required-1v-4").verdict, Verdict::Fail);
    // Without their names, drafts are not judged.
    assert!(!outcome(&snapshot, Mode::Standard).testcases.contains_key("scs-0127-dns-integration"));
}
