//! What managers of domains may do, tried out on two domains that must look the same afterwards.

use std::time::Duration;

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::observe::{Lab, Options, Reach, manage};
use lotse_conformance::snapshot::{Answer, Deed};
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Reason, Snapshot, Verdict, profile};
use lotse_core::time::{Clock as _, SystemClock, system_clock};
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Sources};
use lotse_sim::{Effect, Fault};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{FEW, NONE, Stage};

const PASSWORD: &str = "never-used-elsewhere";

/// Two domains with a manager each; gives the `clouds.yaml` with both.
async fn domains(stage: &Stage) -> String {
    let roles: Value = get(&stage.admin, "/v3/roles", "roles").await;
    let manager = roles.as_array().unwrap().iter().find(|role| role["name"] == "manager").unwrap();
    let auth_url = stage.admin.config().auth_url.clone();
    let mut text = "clouds:\n".to_owned();
    for name in ["one", "two"] {
        let domain = made(stage, "domain", &json!({ "name": name })).await;
        let user =
            json!({ "name": format!("{name}-manager"), "password": PASSWORD, "domain_id": domain });
        let user = made(stage, "user", &user).await;
        let role = manager["id"].as_str().unwrap();
        let path = format!("/v3/domains/{domain}/users/{user}/roles/{role}");
        stage.admin.put("identity", &path).send().await.unwrap();
        let entry = format!(
            "  {name}:\n    auth:\n      auth_url: {auth_url}\n      username: {name}-manager\n      \
             password: {PASSWORD}\n      user_domain_name: {name}\n      domain_name: {name}\n    \
             identity_api_version: 3\n"
        );
        text.push_str(&entry);
    }
    text
}

async fn made(stage: &Stage, kind: &str, body: &Value) -> String {
    let request = stage.admin.post("identity", &format!("/v3/{kind}s"));
    let answer = request.json(&json!({ kind: body })).send().await.unwrap();
    answer.json::<Value>().unwrap()[kind]["id"].as_str().unwrap().to_owned()
}

async fn get(cloud: &Cloud, path: &str, key: &str) -> Value {
    let page: Value = cloud.get("identity", path).send().await.unwrap().json().unwrap();
    page[key].clone()
}

fn connect(text: &str, name: &str, backoff: lotse_core::retry::Backoff) -> Cloud {
    let sources = Sources::from_text("clouds.yaml", text).with_cloud(name);
    let options = CloudOptions { backoff, ..CloudOptions::new(system_clock(), 1) };
    Cloud::connect(CloudConfig::resolve(&sources).unwrap(), &options).unwrap()
}

async fn tried(stage: &Stage, managers: [&Cloud; 2]) -> Answer<Vec<Deed>> {
    let options = Options {
        reach: Reach::Active,
        needs: [Need::DomainManager].into(),
        now: SystemClock.now(),
        run: Uuid::new_v4(),
    };
    let lab = Lab {
        first_poll: Duration::from_millis(1),
        settling: Duration::ZERO,
        ..Lab::new(stage.journal.clone(), system_clock(), stage.cancelled.clone())
    };
    Box::pin(manage(managers, &options, Ok(&lab))).await
}

/// Everything that carries the mark of checks, in all domains.
async fn marked(stage: &Stage) -> Vec<String> {
    let mut found = Vec::new();
    for kind in ["users", "projects", "groups"] {
        let all = get(&stage.admin, &format!("/v3/{kind}"), kind).await;
        let names =
            all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
        found.extend(names.filter(|name| name.starts_with("lotse-conformance-")));
    }
    found
}

const TESTCASES: [&str; 4] = [
    "scs-0302-domain-manager-users",
    "scs-0302-domain-manager-projects",
    "scs-0302-domain-manager-groups",
    "scs-0302-domain-manager-roles",
];

fn verdicts(deeds: Answer<Vec<Deed>>) -> Vec<(Verdict, Reason, String)> {
    let now = SystemClock.now();
    let snapshot = Snapshot { managers: deeds, ..Snapshot::empty("two domains", now) };
    let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
    let mut choice = Choice::everything(utc(now), Mode::Standard);
    choice.versions = vec!["domain-manager".to_owned()];
    let outcome = judge(&spec, &snapshot, &choice).unwrap();
    let judged = TESTCASES.iter().map(|id| &outcome.testcases[*id].judgement);
    judged.map(|one| (one.verdict, one.reason, format!("{one:#?}"))).collect()
}

#[tokio::test]
async fn a_manager_does_everything_in_the_own_domain_and_nothing_in_another_one() {
    let stage = Stage::new().await;
    let text = domains(&stage).await;
    let managers = ["one", "two"].map(|name| connect(&text, name, FEW));
    let deeds = tried(&stage, [&managers[0], &managers[1]]).await;
    let known = deeds.given().unwrap().clone();
    for (verdict, _, why) in verdicts(deeds) {
        assert_eq!(verdict, Verdict::Pass, "{why}");
    }
    assert!(known.iter().filter(|deed| !deed.allowed).count() > 25, "{known:#?}");
    assert!(known.iter().filter(|deed| deed.allowed).count() > 20, "{known:#?}");
    assert!(marked(&stage).await.is_empty());
    assert!(stage.journal.entries().iter().all(|entry| entry.conclusion.is_some()));
}

#[tokio::test]
async fn a_cloud_that_lets_managers_do_too_much_or_too_little_fails_with_what_happened() {
    let stage = Stage::new().await;
    let text = domains(&stage).await;
    let managers = ["one", "two"].map(|name| connect(&text, name, FEW));
    // An administrator in the place of the first manager may do everything, a manager who may not
    // change anything less than that.
    let users = get(&stage.admin, "/v3/users", "users").await;
    let users = users.as_array().unwrap();
    let first = users.iter().find(|user| user["name"] == "one-manager").unwrap();
    let roles = get(&stage.admin, "/v3/roles", "roles").await;
    let admin = roles.as_array().unwrap().iter().find(|role| role["name"] == "admin").unwrap();
    let path = format!(
        "/v3/domains/{}/users/{}/roles/{}",
        first["domain_id"].as_str().unwrap(),
        first["id"].as_str().unwrap(),
        admin["id"].as_str().unwrap()
    );
    stage.admin.put("identity", &path).send().await.unwrap();
    let judged = verdicts(tried(&stage, [&managers[0], &managers[1]]).await);
    for ((verdict, reason, why), what) in judged.iter().zip([
        "create in another domain: happened, and must not",
        "change one of another domain: happened, and must not",
        "put the own user in a foreign group: happened, and must not",
        "give admin on domain: happened, and must not",
    ]) {
        assert_eq!((*verdict, *reason), (Verdict::Fail, Reason::Broken), "{why}");
        assert!(why.contains(what), "{what}: {why}");
    }
    assert!(marked(&stage).await.is_empty());
}

#[tokio::test]
async fn without_two_managers_of_two_domains_nothing_is_judged_and_nothing_is_made() {
    let stage = Stage::new().await;
    let text = domains(&stage).await;
    let one = connect(&text, "one", FEW);
    let mark = stage.sim.requests().mark();
    for managers in [[&one, &one], [&stage.member, &one]] {
        for (verdict, _, why) in verdicts(tried(&stage, managers).await) {
            assert_eq!(verdict, Verdict::Abort, "{why}");
        }
    }
    for (verdict, reason, why) in verdicts(Answer::NotAsked) {
        assert_eq!((verdict, reason), (Verdict::Abort, Reason::NotObserved), "{why}");
    }
    let writes = stage.sim.requests().writes_since(mark);
    let writes: Vec<_> = writes.iter().filter(|one| !one.path.contains("/auth/tokens")).collect();
    assert!(writes.is_empty(), "{writes:#?}");
}

/// One process dies at its first request, the next one at its second, and so on, until one lives. Names
/// differ from run to run, so that whatever any of them left would still be there at the end.
async fn survives(effect: Effect) {
    let stage = Stage::new().await;
    let text = domains(&stage).await;
    let faults = stage.sim.faults();
    let hit = || faults.list().iter().any(|fault| fault.hit > 0);
    let mut deaths = 0;
    for request in 1.. {
        let managers = ["one", "two"].map(|name| connect(&text, name, NONE));
        faults.add(Fault::new(effect.clone()).nth(request));
        tokio::select! {
            biased;
            () = until(hit) => {}
            _ended = tried(&stage, [&managers[0], &managers[1]]) => {}
        }
        let died = hit();
        faults.clear();
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 50, "only {deaths} requests were hit");
    assert!(marked(&stage).await.is_empty(), "{:#?}", marked(&stage).await);
    let open = stage.journal.entries();
    let open: Vec<_> = open.iter().filter(|entry| entry.conclusion.is_none()).collect();
    assert!(open.is_empty(), "{open:#?}");
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_trial_of_managers_survives_death_before_any_request() {
    survives(Effect::Delay { milliseconds: 3_600_000 }).await;
}

#[tokio::test]
async fn a_trial_of_managers_survives_death_after_any_request() {
    survives(Effect::ResetAfter).await;
}
