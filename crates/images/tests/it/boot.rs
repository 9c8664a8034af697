//! Images that are tried out before anybody sees them.

use std::collections::BTreeSet;
use std::time::Duration;

use lotse_images::Catalog;
use lotse_images::model::{BootNetwork, BootState, BootTest};
use lotse_sim::{DownloadMode, Effect, SimCloud, SimOptions};
use serde_json::{Value, json};

use crate::kills::dies_at;
use crate::stage::Stage;

/// A test with a flavor that the cloud has; guests of the testbed say only what its driver says.
async fn usual(stage: &Stage) -> BootTest {
    let flavors = stage.cloud.pages::<Value>("compute", "/flavors/detail", &[], "flavors");
    let mut flavors = flavors.all().await.unwrap();
    let number = |flavor: &Value, key: &str| flavor[key].as_u64().unwrap();
    flavors.retain(|flavor| number(flavor, "ram") >= 512 && number(flavor, "disk") >= 1);
    let flavor = flavors.first().expect("a flavor with a disk");
    BootTest {
        network: BootNetwork::None,
        console: r"login:\s*$|LAST LINE".parse().unwrap(),
        timeout: Duration::from_mins(1),
        ..BootTest::with_flavor(flavor["name"].as_str().unwrap())
    }
}

/// A simulated cloud whose guests write this, and on which images are tried out.
async fn stage(console: Option<&str>) -> Stage {
    let options = SimOptions {
        download: DownloadMode::Fetch,
        console: console.map(str::to_owned),
        ..SimOptions::default()
    };
    let mut stage = Stage::on_this(SimCloud::start(options).await.unwrap()).await;
    stage.options.boot_test = Some(usual(&stage).await);
    stage
}

fn debian(stage: &Stage, versions: &[&str]) -> Catalog {
    Stage::catalog(&[stage.definition("Debian 13", versions, "")])
}

/// The names of all servers of the cloud.
async fn servers(stage: &Stage) -> Vec<String> {
    let query = [("all_tenants", "true")];
    let all = stage.cloud.pages::<Value>("compute", "/servers", &query, "servers");
    let all = all.all().await.unwrap();
    all.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
}

/// Which versions say that they passed.
async fn passed(stage: &Stage) -> BTreeSet<String> {
    let mut images = stage.images().await;
    images.retain(|image| BootState::of(image) == BootState::Passed);
    images.iter().map(|image| image.internal_version().unwrap().to_owned()).collect()
}

/// The notes of a plan that has no steps.
async fn notes(stage: &Stage, catalog: &Catalog) -> Vec<String> {
    let plan = stage.plan(catalog).await;
    assert!(plan.is_empty(), "{:#?}", plan.steps());
    plan.notes().iter().map(|note| note.text.clone()).collect()
}

pub(crate) async fn an_image_becomes_visible_when_a_server_of_it_came_up(stage: &Stage) {
    stage.try_out(usual(stage).await);
    for (version, shown) in [
        ("1", vec!["Debian 13: public active"]),
        ("2", vec!["Debian 13: public active", "Debian 13 (1): public active"]),
    ] {
        let mut text = stage.definition("Debian 13", &[version], "");
        if stage.sim.is_none() {
            // The testbed has a host with real guests beside those with simulated ones.
            text = text.replace("hw_qemu_guest_agent: yes", "img_hv_type: fake");
        }
        let catalog = Stage::catalog(&[text]);
        stage.converge(&catalog).await;
        assert_eq!(stage.shown().await, shown);
        assert!(notes(stage, &catalog).await.is_empty());
    }
    assert_eq!(passed(stage).await, ["1".to_owned(), "2".to_owned()].into());
    let ours = servers(stage).await;
    assert!(!ours.iter().any(|name| name.starts_with("lotse-boot-")), "{ours:?}");
}

#[tokio::test]
async fn images_that_keep_their_names_are_tried_out_too_and_only_once() {
    let stage = stage(None).await;
    let text = stage.definition("Debian 13", &["1", "2"], "  multi: false\n");
    let catalog = Stage::catalog(&[text]);
    let lines: Vec<String> = stage
        .plan(&catalog)
        .await
        .steps()
        .iter()
        .map(|step| format!("{} {}", step.action.as_str(), step.id.as_str()))
        .collect();
    assert_eq!(lines.iter().filter(|line| line.ends_with("/boot")).count(), 2, "{lines:#?}");
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13 1: public active", "Debian 13 2: public active"]);
    let made = || {
        let requests = stage.sim.as_ref().unwrap().requests().all();
        requests.iter().filter(|one| one.method == "POST" && one.path.ends_with("/servers")).count()
    };
    assert_eq!(made(), 2);
    stage.converge(&catalog).await;
    assert_eq!(made(), 2);
}

#[tokio::test]
async fn an_image_whose_console_shows_nothing_stays_invisible_and_the_old_one_serves() {
    let mut stage = stage(Some("GRUB loading.\nerror: no such device: root.\ngrub rescue> ")).await;
    let wanted = stage.options.boot_test.take().unwrap();
    stage.converge(&debian(&stage, &["1"])).await;
    let served = stage.images().await.remove(0);
    stage.options.boot_test = Some(BootTest { timeout: Duration::ZERO, ..wanted.clone() });
    stage.options.retirement.hide = true;
    stage.options.retirement.delete = true;
    let catalog = debian(&stage, &["2"]);
    let failures = stage.failures(&catalog).await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert!(
        failures[0].contains("failed its boot test: its console did not show"),
        "{failures:#?}"
    );
    assert!(failures[0].contains(" within 0 s; its console ends with\n  | GRUB"), "{failures:#?}");
    assert!(failures[0].ends_with("\n  | grub rescue> "), "{failures:#?}");
    let shown = ["Debian 13: public active", "Debian 13 (2): private active"];
    assert_eq!(stage.shown().await, shown);
    assert_eq!(stage.images().await[0], served);
    assert!(servers(&stage).await.is_empty());
    let said = notes(&stage, &catalog).await;
    assert!(said[0].contains("--boot-retry"), "{said:#?}");
    // Not by accident either: without a boot test it stays where it is.
    stage.options.boot_test = None;
    assert_eq!(notes(&stage, &catalog).await.len(), 1);
    // Asked for, it is tested again.
    let mut again = BootTest { retry: true, timeout: Duration::ZERO, ..wanted };
    stage.options.boot_test = Some(again.clone());
    assert_eq!(stage.failures(&catalog).await, failures);
    assert_eq!(stage.shown().await, shown);
    again.console = "grub rescue>".parse().unwrap();
    again.timeout = Duration::from_mins(1);
    stage.options.boot_test = Some(again);
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await[0], "Debian 13: public active");
    assert_eq!(passed(&stage).await, ["2".to_owned()].into());
}

#[tokio::test]
async fn a_newer_version_is_not_held_up_by_one_that_failed() {
    let mut stage = stage(Some("Kernel panic - not syncing")).await;
    let wanted = stage.options.boot_test.take().unwrap();
    stage.converge(&debian(&stage, &["1"])).await;
    stage.options.boot_test = Some(BootTest { timeout: Duration::ZERO, ..wanted.clone() });
    assert_eq!(stage.failures(&debian(&stage, &["2"])).await.len(), 1);
    stage.options.boot_test = Some(BootTest { console: "panic".parse().unwrap(), ..wanted });
    let catalog = debian(&stage, &["3"]);
    stage.converge(&catalog).await;
    let shown = [
        "Debian 13: public active",
        "Debian 13 (1): public active",
        "Debian 13 (2): private active",
    ];
    assert_eq!(stage.shown().await, shown);
    assert_eq!(notes(&stage, &catalog).await.len(), 1);
    stage.options.retirement.delete = true;
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, shown[..2]);
}

#[tokio::test]
async fn a_server_that_fails_is_told_in_novas_words() {
    let stage = stage(None).await;
    let services = stage.cloud.pages::<Value>("compute", "/os-services", &[], "services");
    for service in services.all().await.unwrap() {
        if service["binary"] == "nova-compute" {
            let body = json!({"host": service["host"], "binary": "nova-compute"});
            let request = stage.cloud.put("compute", "/os-services/disable").json(&body);
            request.send().await.unwrap();
        }
    }
    let catalog = debian(&stage, &["1"]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("went to ERROR: No valid host was found."), "{failures:#?}");
    assert_eq!(stage.shown().await, ["Debian 13 (1): private active"]);
    assert!(servers(&stage).await.is_empty());
    assert!(notes(&stage, &catalog).await[0].contains("No valid host"));
}

#[tokio::test]
async fn a_staging_project_sees_the_image_as_long_as_it_is_tried_out() {
    let mut stage = stage(None).await;
    stage.staging = Some("sim-alt");
    let test = stage.options.boot_test.as_mut().unwrap();
    // Whoever is no administrator boots flavors without a disk from volumes.
    test.flavor = "SCS-1V-2".to_owned();
    let catalog = debian(&stage, &["1"]);
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert!(notes(&stage, &catalog).await.is_empty());
    let requests = stage.sim.as_ref().unwrap().requests().all();
    let members: Vec<&str> = requests
        .iter()
        .filter(|one| one.path.contains("/members"))
        .map(|one| one.method.as_str())
        .collect();
    assert_eq!(members, ["POST", "PUT", "DELETE"]);
    assert!(servers(&stage).await.is_empty());
    let volumes = [("all_tenants", "true")];
    let volumes = stage.cloud.pages::<Value>("block-storage", "/volumes", &volumes, "volumes");
    assert!(volumes.all().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_told_before_anything_is_made() {
    let mut stage = stage(None).await;
    let usual = stage.options.boot_test.take().unwrap();
    let catalog = debian(&stage, &["1"]);
    let elsewhere = BootNetwork::Named("nowhere".to_owned());
    for (test, reason) in [
        (BootTest::with_flavor("m9.huge"), "has no flavor \"m9.huge\"; it has SCS-1L-1, "),
        (BootTest::with_flavor("m1.nano"), "has 128 MiB of memory, the image needs 512 MiB"),
        (BootTest { network: elsewhere, ..usual }, "has no network \"nowhere\""),
    ] {
        stage.options.boot_test = Some(test);
        let said = notes(&stage, &catalog).await;
        assert!(said[0].contains(reason), "{said:#?}");
    }
    assert!(stage.images().await.is_empty());
}

/// Lets a process die at its first request, another at its second, and so on, until one lives.
async fn survives(effect: Effect, staging: Option<&'static str>) {
    let mut deaths = 0;
    for request in 1.. {
        let mut stage = stage(None).await;
        stage.staging = staging;
        let test = stage.options.boot_test.take();
        stage.converge(&debian(&stage, &["1"])).await;
        stage.options.boot_test = test;
        let catalog = debian(&stage, &["2"]);
        let died = dies_at(&stage, request, &effect, &catalog).await;
        let which = format!("request {request}, {effect:?}");
        let images = stage.images().await;
        let untested = |image: &&lotse_images::model::Image| {
            image.internal_version() == Some("2") && image.visibility.as_str() == "public"
        };
        for image in images.iter().filter(untested) {
            assert_eq!(BootState::of(image), BootState::Passed, "{which}: {image:#?}");
        }
        stage.converge(&catalog).await;
        assert!(stage.plan(&catalog).await.is_empty(), "{which}");
        let shown = ["Debian 13: public active", "Debian 13 (1): public active"];
        assert_eq!(stage.shown().await, shown, "{which}");
        assert_eq!(passed(&stage).await, ["2".to_owned()].into(), "{which}");
        assert!(servers(&stage).await.is_empty(), "{which}");
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 20, "only {deaths} requests were hit");
}

/// The process dies before the request has an effect, and whatever else is under way with it.
const DROPPED: Effect = Effect::Delay { milliseconds: 3_600_000 };

#[tokio::test]
async fn a_boot_test_survives_death_after_any_request() {
    survives(Effect::ResetAfter, None).await;
}

#[tokio::test]
async fn a_boot_test_in_another_project_survives_death_before_any_request() {
    survives(DROPPED, Some("sim-alt")).await;
}

#[tokio::test]
async fn a_boot_test_in_another_project_survives_death_after_any_request() {
    survives(Effect::ResetAfter, Some("sim-alt")).await;
}
