//! What is found out by doing it, on a cloud that must look the same afterwards.

use std::sync::Arc;
use std::time::Duration;

use lotse_conformance::observe::{Lab, Options, Reach, observe_alone};
use lotse_conformance::snapshot::Answer;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Reason, Verdict};
use lotse_core::journal::Conclusion;
use lotse_core::time::{Clock as _, SystemClock, system_clock};
use lotse_plan::Engine;
use lotse_plan::random::SystemRandomness;
use lotse_plan::testing::{MemoryJournal, MemoryLeases, ScriptedExecutor};
use lotse_sim::{Effect, Fault, SimOptions};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::stage::{Stage, of, outcome};

/// What a server says whose random numbers are good.
const GOOD: &str = "[ 6.3] boot\nlotse-entropy: 256\nlotse-fips: 1 of 1000\nlotse-end\n";

/// Gives the cloud an image of which servers can be made.
async fn with_image(stage: &Stage) {
    let body = json!({
        "name": "Debian 13", "os_distro": "debian", "os_version": "13", "visibility": "public",
        "disk_format": "raw", "container_format": "bare", "min_disk": 1,
    });
    let made = stage.admin.post("image", "/v2/images").json(&body).send().await.unwrap();
    let id = made.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned();
    let upload = stage.admin.put("image", &format!("/v2/images/{id}/file"));
    let upload = upload.header("content-type", "application/octet-stream");
    upload.body(vec![0_u8; 512]).send().await.unwrap();
}

/// Lets the member keep secrets: Barbican knows the role `creator`, and not `member`.
async fn with_creator(stage: &Stage) {
    let mut ids = Vec::new();
    for (kind, name) in [("projects", "demo"), ("users", "demo"), ("roles", "creator")] {
        let request = stage.admin.get("identity", &format!("/v3/{kind}")).query("name", name);
        let page: Value = request.send().await.unwrap().json().unwrap();
        ids.push(page[kind][0]["id"].as_str().unwrap().to_owned());
    }
    let path = format!("/v3/projects/{}/users/{}/roles/{}", ids[0], ids[1], ids[2]);
    stage.admin.put("identity", &path).send().await.unwrap();
}

async fn count(stage: &Stage, service: &str, path: &str, key: &str) -> usize {
    let page: Value = stage.member.get(service, path).send().await.unwrap().json().unwrap();
    page[key].as_array().unwrap().len()
}

#[tokio::test]
async fn an_old_neutron_shows_its_rules_in_a_group_that_is_gone_afterwards() {
    let options = SimOptions { default_security_group_rules: false, ..SimOptions::default() };
    let stage = Stage::with(options).await;
    let path = "/v2.0/security-groups";
    let before = count(&stage, "network", path, "security_groups").await;
    let snapshot = stage.look(&[Need::DefaultRules], Reach::Active).await;
    for mode in [Mode::Upstream, Mode::Standard] {
        let result = outcome(&snapshot, mode);
        let rules = of(&result, "scs-0115-default-rules");
        assert_eq!(rules.verdict, Verdict::Pass, "{rules:#?}");
    }
    assert_eq!(count(&stage, "network", path, "security_groups").await, before);
}

#[tokio::test]
async fn a_backup_is_made_restored_and_cleaned_up() {
    let stage = Stage::new().await;
    let snapshot = stage.look(&[Need::Backup], Reach::Active).await;
    let result = outcome(&snapshot, Mode::Upstream);
    let backup = of(&result, "scs-0117-test-backup");
    assert_eq!(backup.verdict, Verdict::Pass, "{backup:#?}");
    assert_eq!(count(&stage, "block-storage", "/volumes", "volumes").await, 0);
    assert_eq!(count(&stage, "block-storage", "/backups", "backups").await, 0);
}

#[tokio::test]
async fn a_secret_of_a_member_tells_whether_members_may_keep_any() {
    let stage = Stage::new().await;
    let snapshot = stage.look(&[Need::Secret], Reach::Active).await;
    let result = outcome(&snapshot, Mode::Upstream);
    let secret = of(&result, "scs-0116-permissions");
    // As with a stock Barbican: the role member is none of those it knows.
    assert_eq!(secret.verdict, Verdict::Fail, "{secret:#?}");
}

#[tokio::test]
async fn a_member_who_may_create_secrets_passes_and_leaves_none() {
    let stage = Stage::new().await;
    with_creator(&stage).await;
    let snapshot = stage.look(&[Need::Secret], Reach::Active).await;
    for mode in [Mode::Upstream, Mode::Standard] {
        let result = outcome(&snapshot, mode);
        let secret = of(&result, "scs-0116-permissions");
        assert_eq!(secret.verdict, Verdict::Pass, "{secret:#?}");
    }
    assert_eq!(count(&stage, "key-manager", "/v1/secrets", "secrets").await, 0);
}

#[tokio::test]
async fn a_server_says_how_good_its_random_numbers_are_and_is_gone_afterwards() {
    let options = SimOptions { console: Some(GOOD.to_owned()), ..SimOptions::default() };
    let stage = Stage::with(options).await;
    with_image(&stage).await;
    let snapshot = stage.look(&[Need::Randomness], Reach::Active).await;
    for mode in [Mode::Upstream, Mode::Standard] {
        let result = outcome(&snapshot, mode);
        for id in ["scs-0101-entropy-avail", "scs-0101-fips-test"] {
            let judged = of(&result, id);
            assert_eq!(judged.verdict, Verdict::Pass, "{judged:#?}");
        }
    }
    assert_eq!(servers(&stage).await, Vec::<String>::new());
    assert_eq!(count(&stage, "block-storage", "/volumes", "volumes").await, 0);
    let made = stage.sim.requests().all();
    let made = made.iter().filter(|one| one.method == "POST" && one.path.contains("network"));
    assert_eq!(made.count(), 0, "no network is made");
}

#[tokio::test]
async fn a_server_with_bad_random_numbers_fails_and_a_silent_one_is_aborted() {
    let bad = "lotse-entropy: 190\nlotse-fips: 31 of 1000\nlotse-end\n";
    let silent = "Cloud-init v. 25.1.4 finished at Thu, 01 Jan 2026\nlogin: ";
    for (console, verdict) in [(bad, Verdict::Fail), (silent, Verdict::Abort)] {
        let options = SimOptions { console: Some(console.to_owned()), ..SimOptions::default() };
        let stage = Stage::with(options).await;
        with_image(&stage).await;
        let snapshot = stage.look(&[Need::Randomness], Reach::Active).await;
        let result = outcome(&snapshot, Mode::Standard);
        for id in ["scs-0101-entropy-avail", "scs-0101-fips-test"] {
            assert_eq!(of(&result, id).verdict, verdict, "{:#?}", of(&result, id));
        }
        assert!(servers(&stage).await.is_empty());
    }
}

#[tokio::test]
async fn without_an_image_or_a_host_no_random_numbers_are_judged_and_nothing_is_left() {
    let stage = Stage::new().await;
    let reason = async || {
        let snapshot = stage.look(&[Need::Randomness], Reach::Active).await;
        let result = outcome(&snapshot, Mode::Standard);
        let judged = of(&result, "scs-0101-fips-test");
        assert_eq!(judged.verdict, Verdict::Abort, "{judged:#?}");
        (judged.reason, judged.summary.clone())
    };
    assert_eq!(reason().await.0, Reason::Absent);
    with_image(&stage).await;
    let services = stage.admin.pages::<Value>("compute", "/os-services", &[], "services");
    for service in services.all().await.unwrap() {
        if service["binary"] == "nova-compute" {
            let body = json!({ "host": service["host"], "binary": "nova-compute" });
            let request = stage.admin.put("compute", "/os-services/disable").json(&body);
            request.send().await.unwrap();
        }
    }
    let (reason, summary) = reason().await;
    assert_eq!(reason, Reason::ApiFailed);
    assert!(summary.contains("the server is ERROR: No valid host"), "{summary}");
    assert!(servers(&stage).await.is_empty());
}

#[tokio::test]
async fn a_check_that_is_told_to_end_clears_up_and_gives_no_verdict() {
    // This console never says anything, so that the trial would last.
    let options = SimOptions { console: Some(String::new()), ..SimOptions::default() };
    let stage = Stage::with(options).await;
    with_image(&stage).await;
    let there = || stage.sim.requests().all().iter().any(|one| one.path.ends_with("/action"));
    let looking = stage.look(&[Need::Randomness], Reach::Active);
    let ending = async {
        until(there).await;
        stage.cancelled.cancel();
    };
    let (snapshot, ()) = tokio::join!(looking, ending);
    let result = outcome(&snapshot, Mode::Standard);
    let judged = of(&result, "scs-0101-entropy-avail");
    assert_eq!((judged.verdict, judged.reason), (Verdict::Abort, Reason::NotObserved));
    assert!(servers(&stage).await.is_empty());
    assert!(stage.journal.entries().iter().all(|entry| entry.conclusion.is_some()));
}

#[tokio::test]
async fn nothing_is_made_when_the_journal_cannot_be_written() {
    let stage = Stage::new().await;
    stage.journal.full_after(Some(0));
    let mark = stage.sim.requests().mark();
    let snapshot = stage.look(&[Need::Backup, Need::Secret], Reach::Active).await;
    let result = outcome(&snapshot, Mode::Upstream);
    for id in ["scs-0117-test-backup", "scs-0116-permissions"] {
        let judged = of(&result, id);
        assert_eq!((judged.verdict, judged.reason), (Verdict::Abort, Reason::NotObserved));
    }
    let writes = stage.sim.requests().writes_since(mark);
    assert!(writes.is_empty(), "{writes:#?}");
}

/// Names of the servers of the member's project.
async fn servers(stage: &Stage) -> Vec<String> {
    let all = stage.member.pages::<Value>("compute", "/servers", &[], "servers");
    let all = all.all().await.unwrap();
    all.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
}

/// Looks until it is so.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Everything in the member's project that carries the mark of checks, by name.
async fn marked(stage: &Stage) -> Vec<String> {
    let mut found = Vec::new();
    for (service, path, key) in [
        ("compute", "/servers", "servers"),
        ("block-storage", "/volumes", "volumes"),
        ("block-storage", "/backups", "backups"),
        ("network", "/v2.0/security-groups", "security_groups"),
        ("key-manager", "/v1/secrets", "secrets"),
    ] {
        let page: Value = stage.member.get(service, path).send().await.unwrap().json().unwrap();
        let names = page[key].as_array().unwrap().iter();
        let names = names.map(|one| one["name"].as_str().unwrap_or_default().to_owned());
        found.extend(names.filter(|name| name.starts_with("lotse-conformance-")));
    }
    found
}

/// A process dies at its first request, another at its second, and so on, until one lives. After each
/// of them another one comes, and what is left is what others made.
async fn survives(need: Need, options: &SimOptions, effect: &Effect) {
    let mut deaths = 0;
    for request in 1.. {
        let stage = Stage::with(options.clone()).await;
        with_creator(&stage).await;
        with_image(&stage).await;
        // Another run of somebody else, which is at work on the same project.
        let other = "lotse-conformance-00000000-0000-4000-8000-000000000000";
        let body = json!({ "volume": { "name": other, "size": 1 } });
        stage.member.post("block-storage", "/volumes").json(&body).send().await.unwrap();
        let group = json!({ "security_group": { "name": other } });
        let path = "/v2.0/security-groups";
        stage.member.post("network", path).json(&group).send().await.unwrap();
        let secret = json!({ "name": other, "payload": "x", "payload_content_type": "text/plain" });
        stage.member.post("key-manager", "/v1/secrets").json(&secret).send().await.unwrap();
        let others = marked(&stage).await;
        assert_eq!(others.len(), 3);
        stage.sim.faults().add(Fault::new(effect.clone()).nth(request));
        let hit = || stage.sim.faults().list().iter().any(|fault| fault.hit > 0);
        let (frail, needs) = (stage.frail(), [need]);
        tokio::select! {
            biased;
            () = until(hit) => {}
            _ended = stage.look_as(&frail, &needs, Reach::Active) => {}
        }
        let died = hit();
        stage.sim.faults().clear();
        let which = format!("request {request}, {effect:?}");
        let snapshot = stage.look(&[need], Reach::Active).await;
        assert_eq!(marked(&stage).await, others, "{which}");
        let entries = stage.journal.entries();
        assert!(entries.iter().all(|entry| entry.conclusion.is_some()), "{which}: {entries:#?}");
        let answered = match need {
            Need::Backup => snapshot.backup.given().is_some_and(|proof| proof.worked),
            Need::Secret => snapshot.secret.given().is_some_and(|proof| proof.worked),
            Need::Randomness => snapshot.randomness.given().is_some(),
            _ => snapshot.default_rules.given().is_some(),
        };
        assert!(answered, "{which}: {snapshot:#?}");
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 5, "only {deaths} requests were hit");
}

/// The process dies before the request has an effect.
const DROPPED: Effect = Effect::Delay { milliseconds: 3_600_000 };

#[tokio::test]
async fn a_trial_with_a_group_survives_death_at_any_request() {
    let options = SimOptions { default_security_group_rules: false, ..SimOptions::default() };
    survives(Need::DefaultRules, &options, &DROPPED).await;
    survives(Need::DefaultRules, &options, &Effect::ResetAfter).await;
}

#[tokio::test]
async fn a_trial_with_a_secret_survives_death_at_any_request() {
    survives(Need::Secret, &SimOptions::default(), &DROPPED).await;
    survives(Need::Secret, &SimOptions::default(), &Effect::ResetAfter).await;
}

#[tokio::test]
async fn a_trial_with_a_backup_survives_death_before_any_request() {
    survives(Need::Backup, &SimOptions::default(), &DROPPED).await;
}

#[tokio::test]
async fn a_trial_with_a_backup_survives_death_after_any_request() {
    survives(Need::Backup, &SimOptions::default(), &Effect::ResetAfter).await;
}

#[tokio::test]
async fn a_trial_with_a_server_survives_death_before_any_request() {
    let options = SimOptions { console: Some(GOOD.to_owned()), ..SimOptions::default() };
    survives(Need::Randomness, &options, &DROPPED).await;
}

#[tokio::test]
async fn a_trial_with_a_server_survives_death_after_any_request() {
    let options = SimOptions { console: Some(GOOD.to_owned()), ..SimOptions::default() };
    survives(Need::Randomness, &options, &Effect::ResetAfter).await;
}

#[tokio::test]
async fn a_run_that_clears_may_be_killed_as_well() {
    let stage = Stage::new().await;
    with_creator(&stage).await;
    let faults = stage.sim.faults();
    let hit = || faults.list().iter().any(|fault| fault.hit > 0);
    // The first dies when it looks at its backup (and before that, at those of the dead), the second
    // when it would delete that backup.
    let first = Fault::new(DROPPED).on("volumev3", "GET", "**/backups/*").nth(2);
    let second = Fault::new(DROPPED).on("volumev3", "DELETE", "**/backups/*");
    for fault in [first, second] {
        faults.add(fault.clone());
        let (frail, needs) = (stage.frail(), [Need::Backup]);
        tokio::select! {
            biased;
            () = until(hit) => {}
            _ended = stage.look_as(&frail, &needs, Reach::Active) => {}
        }
        assert!(hit(), "{fault:?}");
        faults.clear();
        assert_eq!(marked(&stage).await.len(), 2, "{fault:?}");
    }
    stage.look(&[Need::Backup], Reach::Active).await;
    assert!(marked(&stage).await.is_empty());
    let dead = stage.journal.entries();
    let dead = dead.iter().filter(|entry| entry.conclusion == Some(Conclusion::Abandoned));
    assert_eq!(dead.count(), 1);
}

/// What the server runs, on this machine: its tests tell good random numbers from bad ones.
#[test]
#[ignore = "real: openstackclient, which brings python3"]
fn the_script_of_the_server_tells_good_blocks_from_bad_ones() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/observe/active/randomness.py");
    let judge = "import os, sys, importlib.util as u\n\
        s = u.spec_from_file_location('r', sys.argv[1]); r = u.module_from_spec(s)\n\
        s.loader.exec_module(r)\n\
        print(sum(bool(r.broken(os.urandom(2500))) for _ in range(200)) < 20)\n\
        print(r.broken(bytes(2500)), r.broken(b'\\xaa' * 2500))";
    let ended = std::process::Command::new("python3").args(["-c", judge, script]).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(
        said,
        "True\n['monobit', 'poker', 'long run of 0', 'runs'] ['poker', 'runs']\n",
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[tokio::test]
async fn two_processes_do_not_try_things_out_on_one_cloud_at_the_same_time() {
    let stage = Stage::new().await;
    let leases = Arc::new(MemoryLeases::default());
    let engine = |note: &str| {
        let journal: Arc<MemoryJournal> = stage.journal.clone();
        Engine::new(journal, system_clock(), Arc::new(SystemRandomness))
            .with_leases(leases.clone(), note)
            .patient(Duration::ZERO)
    };
    let lab = Lab {
        first_poll: Duration::from_millis(1),
        ..Lab::new(stage.journal.clone(), system_clock(), stage.cancelled.clone())
    };
    let options = Options {
        reach: Reach::Active,
        needs: [Need::Backup, Need::Catalogue].into(),
        now: SystemClock.now(),
        run: Uuid::new_v4(),
    };
    let nobody = ScriptedExecutor::default();
    let stop = CancellationToken::new();
    let other = engine("the other process");
    let held =
        Box::pin(other.begin::<()>(stage.member.name(), &["conformance check"], &nobody, &stop))
            .await;
    let ours = engine("this process");
    let refused = observe_alone(&stage.member, &options, &lab, &ours);
    let Answer::Failed(trouble) = Box::pin(refused).await.unwrap().backup else {
        panic!("two at the same time")
    };
    assert!(trouble.message.contains("the other process"), "{trouble:?}");
    held.unwrap().end().await;
    let allowed = observe_alone(&stage.member, &options, &lab, &ours);
    let snapshot = Box::pin(allowed).await.unwrap();
    assert!(snapshot.backup.given().is_some_and(|proof| proof.worked), "{snapshot:#?}");
}
