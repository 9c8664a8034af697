//! What becomes of superseded images, on the simulated cloud.

use jiff::civil::date;
use lotse_images::{Options, RETAINED, Retirement};
use lotse_plan::PlanError;
use lotse_sim::Fault;
use serde_json::{Value, json};

use crate::stage::Stage;

async fn stage(retirement: Retirement) -> Stage {
    let mut stage = Stage::simulated().await;
    stage.options = Options { today: date(2026, 3, 1), retirement, ..stage.options };
    stage
}

const DELETE: Retirement = Retirement {
    delete: true,
    hide: false,
    deactivate: false,
    use_os_hidden: false,
    hidden_visibility: None,
    retire_expired: false,
};

/// A definition with this promise.
fn definition(stage: &Stage, versions: &[&str], promise: &str) -> String {
    stage
        .definition("Debian 13", versions, "")
        .replace("os_purpose: generic", &format!("os_purpose: generic, uuid_validity: '{promise}'"))
}

#[tokio::test]
async fn the_last_n_images_stay_and_older_ones_are_deleted() {
    let stage = stage(DELETE).await;
    for version in ["1", "2", "3", "4"] {
        stage.settle(definition(&stage, &[version], "last-2")).await;
    }
    assert_eq!(stage.shown().await, ["Debian 13: public active", "Debian 13 (3): public active"]);
    // With nothing promised, the old image goes with the rotation that supersedes it.
    stage.settle(definition(&stage, &["5"], "none")).await;
    let images = stage.images().await;
    let left: Vec<_> = images.iter().map(|image| image.internal_version().unwrap()).collect();
    // The image of version 4 was promised to be among the last two.
    assert_eq!(left, ["5", "4"]);
    stage.settle(definition(&stage, &["6"], "none")).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

#[tokio::test]
async fn declared_versions_beyond_the_promise_are_deleted_and_not_imported_again() {
    let stage = stage(DELETE).await;
    stage.settle(definition(&stage, &["1", "2"], "last-2")).await;
    stage.settle(definition(&stage, &["1", "2", "3"], "last-2")).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active", "Debian 13 (2): public active"]);
}

#[tokio::test]
async fn nothing_is_deleted_without_consent() {
    let mut stage = stage(DELETE).await;
    let (one, two) = (definition(&stage, &["1"], "none"), definition(&stage, &["2"], "none"));
    stage.settle(one).await;
    stage.consent = false;
    let catalog = Stage::catalog(&[two]);
    let refused = stage.run(&catalog).await.unwrap_err();
    assert!(matches!(refused, PlanError::DestroyNotAllowed { .. }), "{refused}");
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    stage.options.retirement.delete = false;
    stage.converge(&catalog).await;
    assert_eq!(stage.images().await.len(), 2);
    let plan = stage.plan(&catalog).await;
    assert!(plan.is_empty() && plan.notes()[0].text.contains("--delete"), "{:#?}", plan.notes());
}

#[tokio::test]
async fn what_is_kept_is_hidden_at_most() {
    let retirement = Retirement { hide: true, deactivate: true, ..DELETE };
    let stage = stage(retirement).await;
    let keep = |text: String| text.replace("  multi: true", "  multi: true\n  keep: true");
    stage.settle(keep(definition(&stage, &["1"], "none"))).await;
    stage.settle(keep(definition(&stage, &["2"], "none"))).await;
    assert_eq!(
        stage.shown().await,
        ["Debian 13: public active", "Debian 13 (1): community deactivated"]
    );
}

#[tokio::test]
async fn hiding_is_decided_once_and_never_flaps() {
    let stage = stage(Retirement { hide: true, ..Retirement::default() }).await;
    stage.settle(definition(&stage, &["1", "2"], "last-3")).await;
    let hidden = ["Debian 13: public active", "Debian 13 (1): community active"];
    assert_eq!(stage.shown().await, hidden);
    stage.settle(definition(&stage, &["1", "2", "3"], "last-3")).await;
    assert_eq!(stage.shown().await.len(), 3);
    let listed = |image: &&lotse_images::model::Image| image.visibility.as_str() == "public";
    assert_eq!(stage.images().await.iter().filter(listed).count(), 1);
}

#[tokio::test]
async fn with_os_hidden_only_superseded_images_leave_the_listing() {
    let retirement = Retirement { hide: true, use_os_hidden: true, ..Retirement::default() };
    let stage = stage(retirement).await;
    stage.settle(definition(&stage, &["1"], "last-3")).await;
    stage.settle(definition(&stage, &["2"], "last-3")).await;
    let hidden: Vec<_> = stage
        .images()
        .await
        .iter()
        .map(|image| (image.internal_version().unwrap().to_owned(), image.os_hidden))
        .collect();
    assert_eq!(hidden, [("2".to_owned(), false), ("1".to_owned(), true)]);
}

/// Makes a server from an image, and returns its id.
async fn server(stage: &Stage, image: &str) -> String {
    let flavors = stage.cloud.pages::<Value>("compute", "/flavors", &[], "flavors");
    let flavors = flavors.all().await.unwrap();
    let body = json!({"server": {
        "name": "user", "imageRef": image, "flavorRef": flavors[0]["id"], "networks": "none",
    }});
    let made = stage.cloud.post("compute", "/servers").microversion("2.37").json(&body);
    let made = made.send().await.unwrap().json::<Value>().unwrap();
    made["server"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_image_that_servers_were_made_from_is_retained_and_hidden() {
    let stage = stage(DELETE).await;
    stage.settle(definition(&stage, &["1"], "none")).await;
    let old = stage.images().await.remove(0);
    let server = server(&stage, &old.id).await;
    stage.settle(definition(&stage, &["2"], "none")).await;
    let kept = ["Debian 13: public active", "Debian 13 (1): community active"];
    assert_eq!(stage.shown().await, kept);
    let catalog = Stage::catalog(&[definition(&stage, &["2"], "none")]);
    let notes = stage.plan(&catalog).await.notes().to_vec();
    assert!(notes[0].text.contains("a server was made from it"), "{notes:#?}");
    // When the last server is gone, the image goes.
    stage.cloud.delete("compute", &format!("/servers/{server}")).send().await.unwrap();
    stage.sim.as_ref().unwrap().settle();
    stage.sim.as_ref().unwrap().advance(std::time::Duration::from_mins(1));
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

#[tokio::test]
async fn a_server_that_comes_between_plan_and_apply_saves_its_image() {
    let stage = stage(DELETE).await;
    stage.settle(definition(&stage, &["1"], "none")).await;
    let catalog = Stage::catalog(&[definition(&stage, &["2"], "none")]);
    let plan = stage.plan(&catalog).await;
    let old = stage.images().await.remove(0);
    server(&stage, &old.id).await;
    let report = stage.apply(&plan).await;
    assert!(report.succeeded());
    let kept = ["Debian 13: public active", "Debian 13 (1): community active"];
    assert_eq!(stage.shown().await, kept);
    assert!(stage.plan(&catalog).await.is_empty());
}

#[tokio::test]
async fn an_image_that_glance_refuses_to_delete_is_hidden_and_tried_again_another_day() {
    let mut stage = stage(DELETE).await;
    stage.settle(definition(&stage, &["1"], "none")).await;
    let faults = stage.sim.as_ref().unwrap().faults();
    faults.add(Fault::status(409).on("image", "DELETE", "/v2/images/*"));
    stage.settle(definition(&stage, &["2"], "none")).await;
    let images = stage.images().await;
    let old = images.iter().find(|image| image.internal_version() == Some("1")).unwrap();
    assert_eq!(
        (old.visibility.as_str(), old.property(RETAINED)),
        ("community", Some("2026-03-01"))
    );
    stage.sim.as_ref().unwrap().faults().clear();
    stage.options.today = date(2026, 3, 3);
    stage.settle(definition(&stage, &["2"], "none")).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

#[tokio::test]
async fn images_that_are_no_longer_provided_retire_without_a_successor() {
    let mut stage = stage(DELETE).await;
    let until = |text: String| {
        text.replace("os_purpose: generic", "os_purpose: generic, provided_until: 2026-02-28")
    };
    stage.settle(until(definition(&stage, &["1"], "last-2"))).await;
    stage.settle(until(definition(&stage, &["2"], "last-2"))).await;
    assert_eq!(stage.shown().await.len(), 2);
    stage.options.retirement = Retirement { retire_expired: true, hide: true, ..DELETE };
    // The last two are promised, and the one in the lead is one of them.
    stage.settle(until(definition(&stage, &["2"], "last-2"))).await;
    assert_eq!(
        stage.shown().await,
        ["Debian 13: community active", "Debian 13 (1): community active"]
    );
    // Nothing is imported any more, and with nothing promised nothing stays.
    stage.settle(until(definition(&stage, &["3"], "none"))).await;
    assert_eq!(stage.shown().await.len(), 2);
}

#[tokio::test]
async fn a_failed_import_deletes_nothing() {
    let stage = stage(DELETE).await;
    stage.settle(definition(&stage, &["1"], "none")).await;
    let text = definition(&stage, &["2"], "none");
    let broken = text.replace(&stage.mirror.url("Debian-13-2"), &stage.mirror.missing());
    assert_eq!(stage.failures(&Stage::catalog(&[broken])).await.len(), 1);
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert_eq!(stage.images().await[0].internal_version(), Some("1"));
}

#[tokio::test]
async fn with_latest_only_the_newest_version_is_imported() {
    let mut stage = stage(Retirement::default()).await;
    stage.options.latest = true;
    stage.settle(definition(&stage, &["1", "2", "3"], "last-3")).await;
    let images = stage.images().await;
    assert_eq!((images.len(), images[0].internal_version()), (1, Some("3")));
}
