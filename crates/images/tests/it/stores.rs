//! Content in several stores of one cloud. The simulated cloud and the testbed have `fast` (the
//! default) and `slow`.

use std::collections::BTreeSet;

use lotse_images::model::{Image, Stores};
use lotse_sim::{DownloadMode, SimCloud, SimOptions};

use crate::stage::Stage;

fn places(image: &Image) -> BTreeSet<&str> {
    image.stores.iter().map(String::as_str).collect()
}

pub(crate) async fn a_new_image_is_imported_into_the_declared_stores(stage: &Stage) {
    for (name, fields, expected) in [
        ("Anywhere", "", vec!["fast"]),
        ("Slow", "  stores: [slow]\n", vec!["slow"]),
        ("Everywhere", "  all_stores: true\n", vec!["fast", "slow"]),
    ] {
        let catalog = Stage::catalog(&[stage.definition(name, &["1"], fields)]);
        stage.converge(&catalog).await;
        let images = stage.images().await;
        let image = images.iter().find(|image| image.name == stage.name(name)).unwrap();
        assert_eq!(places(image), expected.into_iter().collect(), "{name}");
        let plan = stage.plan(&catalog).await;
        assert!(plan.is_empty() && plan.notes().iter().all(|note| note.subject.ends_with('*')));
    }
}

pub(crate) async fn content_is_copied_to_stores_that_are_declared_later(stage: &Stage) {
    stage.converge(&Stage::catalog(&[stage.definition("Debian 13", &["1"], "")])).await;
    let everywhere =
        Stage::catalog(&[stage.definition("Debian 13", &["1"], "  stores: [fast, slow]\n")]);
    let plan = stage.plan(&everywhere).await;
    let changes: Vec<String> = plan
        .steps()
        .iter()
        .flat_map(|step| &step.changes)
        .map(|change| change.field.clone())
        .collect();
    assert_eq!(changes, ["stores"]);
    stage.converge(&everywhere).await;
    let images = stage.images().await;
    assert_eq!(images.len(), 1);
    assert_eq!(places(&images[0]), ["fast", "slow"].into());
    assert!(stage.plan(&everywhere).await.is_empty());
}

pub(crate) async fn a_store_that_the_cloud_does_not_have_is_told_before_anything_is_made(
    stage: &Stage,
) {
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "  stores: [nvme]\n")]);
    let plan = stage.plan(&catalog).await;
    assert!(plan.is_empty());
    let text = &plan.notes()[0].text;
    assert_eq!(text, "no store of the cloud is called nvme; it has fast, slow");
}

#[tokio::test]
async fn streamed_content_reaches_the_declared_stores_too() {
    for (methods, expected) in [
        (vec!["glance-direct", "copy-image"], vec!["fast", "slow"]),
        // Without the import API only one store can be said; the other is a matter of copying.
        (vec!["copy-image"], vec!["fast", "slow"]),
        (vec![], vec!["fast"]),
    ] {
        let methods: Vec<String> = methods.into_iter().map(str::to_owned).collect();
        let options = SimOptions {
            download: DownloadMode::Fetch,
            import_methods: methods.clone(),
            ..SimOptions::default()
        };
        let mut stage = Stage::on_this(SimCloud::start(options).await.unwrap()).await;
        stage.options.stores = Stores::All;
        let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
        stage.converge(&catalog).await;
        stage.converge(&catalog).await;
        let images = stage.images().await;
        assert_eq!(places(&images[0]), expected.into_iter().collect(), "{methods:?}");
        assert!(stage.plan(&catalog).await.is_empty());
    }
}

#[tokio::test]
async fn a_copy_that_glance_refuses_is_told_and_the_image_serves_on() {
    let stage = Stage::simulated().await;
    stage.converge(&Stage::catalog(&[stage.definition("Debian 13", &["1"], "")])).await;
    let everywhere =
        Stage::catalog(&[stage.definition("Debian 13", &["1"], "  all_stores: true\n")]);
    let faults = stage.sim.as_ref().unwrap().faults();
    let forbidden = lotse_sim::Effect::Status { status: 403, body: None };
    faults.add(lotse_sim::Fault::new(forbidden).on("image", "POST", "/v2/images/*/import"));
    let failures = stage.failures(&everywhere).await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

#[tokio::test]
async fn a_copy_that_an_earlier_run_began_is_waited_for() {
    let stage = Stage::simulated().await;
    stage.converge(&Stage::catalog(&[stage.definition("Debian 13", &["1"], "")])).await;
    let everywhere =
        Stage::catalog(&[stage.definition("Debian 13", &["1"], "  all_stores: true\n")]);
    let plan = stage.plan(&everywhere).await;
    let id = stage.images().await[0].id.clone();
    let body = serde_json::json!({"method": {"name": "copy-image"}, "stores": ["slow"]});
    let path = format!("/v2/images/{id}/import");
    stage.cloud.post("image", &path).json(&body).send().await.unwrap();
    stage.make(&plan).await;
    assert_eq!(places(&stage.images().await[0]), ["fast", "slow"].into());
}
