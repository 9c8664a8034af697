//! Definitions that follow what upstream publishes.

use jiff::civil::date;
use lotse_images::{Options, Retirement};

use crate::mirror::sha512;
use crate::stage::Stage;

/// A definition that follows the image `rolling` of the mirror; `multi` as given.
fn follower(stage: &Stage, multi: bool, key: &str, checksums: &str) -> String {
    let text = stage.definition("Rolling", &[], &format!("  multi: {multi}\n"));
    let url = stage.mirror.url("rolling");
    format!("{text}  - version: latest\n    url: {url}\n    {key}: {checksums}\n")
}

/// Upstream publishes this build, changed on this day of January 2026.
fn publish(stage: &Stage, build: &str, day: u8) -> String {
    let modified =
        format!("{}, {day:02} Jan 2026 10:00:00 GMT", ["Thu", "Fri", "Sat"][usize::from(day - 1)]);
    stage.mirror.publish_image("rolling", build, Some(&modified));
    let other = "0".repeat(128);
    let text = format!("{other}  other.qcow2\nSHA512 (rolling.qcow2) = {}\n", sha512(build));
    stage.mirror.publish_text("SUMS", &text)
}

async fn versions(stage: &Stage) -> Vec<String> {
    let images = stage.images().await;
    let line = |image: &lotse_images::model::Image| {
        let date = image.property("image_build_date").unwrap_or_default();
        let name = image.name.strip_prefix(&stage.name("")).unwrap_or(&image.name);
        format!("{name}: {} {date}", image.internal_version().unwrap_or_default())
    };
    images.iter().map(line).collect()
}

#[tokio::test]
async fn what_upstream_publishes_is_followed_and_labelled_by_its_day() {
    let stage = Stage::simulated().await;
    let sums = publish(&stage, "build-1", 1);
    let text = follower(&stage, true, "checksums_url", &sums);
    stage.settle(text.clone()).await;
    assert_eq!(versions(&stage).await, ["Rolling: 20260101 2026-01-01"]);
    let image = stage.images().await.remove(0);
    assert_eq!(image.property("upstream_checksum"), Some(&*sha512("build-1")));
    assert_eq!(image.os_hash_value, Some(sha512("build-1")));
    publish(&stage, "build-2", 2);
    stage.settle(text.clone()).await;
    assert_eq!(
        versions(&stage).await,
        ["Rolling: 20260102 2026-01-02", "Rolling (20260101): 20260101 2026-01-01"]
    );
    // A second build on one day is another version.
    publish(&stage, "build-3", 2);
    stage.settle(text).await;
    let short = &sha512("build-3")[..8];
    assert!(versions(&stage).await.contains(&format!("Rolling: 20260102-{short} 2026-01-02")));
    assert_eq!(stage.images().await.len(), 3);
}

#[tokio::test]
async fn without_multi_the_name_stays_and_the_old_image_gives_way() {
    let mut stage = Stage::simulated().await;
    stage.options = Options {
        today: date(2026, 3, 1),
        retirement: Retirement { hide: true, ..Retirement::default() },
        ..stage.options
    };
    let single = stage.mirror.publish_text("rolling.sha512", &sha512("build-1"));
    stage.mirror.publish_image("rolling", "build-1", None);
    let text = follower(&stage, false, "checksum_url", &single);
    stage.settle(text.clone()).await;
    // Upstream does not say when it was built: the day of the import counts.
    assert_eq!(versions(&stage).await, ["Rolling latest: 20260301 "]);
    stage.mirror.publish_text("rolling.sha512", &sha512("build-2"));
    stage.mirror.publish_image("rolling", "build-2", Some("Fri, 02 Jan 2026 10:00:00 GMT"));
    stage.settle(text).await;
    assert_eq!(
        stage.shown().await,
        ["Rolling 20260301: community active", "Rolling latest: public active"]
    );
}

#[tokio::test]
async fn an_upstream_that_fails_leaves_its_definition_alone_and_no_other() {
    let mut stage = Stage::simulated().await;
    let sums = publish(&stage, "build-1", 1);
    let text = follower(&stage, true, "checksums_url", &sums);
    stage.settle(text.clone()).await;
    // Whatever was done to its image meanwhile: nothing of it is touched.
    let id = stage.images().await.remove(0).id;
    let renamed = serde_json::json!([{"op": "replace", "path": "/min_ram", "value": 7}]);
    stage.patch(&id, renamed).await;
    stage.options.retirement = Retirement { delete: true, hide: true, ..Retirement::default() };
    let more = stage.definition("Debian 13", &["1"], "");
    for (published, complaint) in
        [("nothing of ours\n", "does not name \"rolling.qcow2\""), ("", "does not name")]
    {
        stage.mirror.publish_text("SUMS", published);
        let plan = stage.plan(&Stage::catalog(&[text.clone(), more.clone()])).await;
        assert_eq!(plan.steps().len(), 1, "{:#?}", plan.steps());
        assert_eq!(plan.steps()[0].name, stage.name("Debian 13"));
        assert!(plan.notes()[0].text.contains(complaint), "{:#?}", plan.notes());
    }
    let gone = text.replace(&sums, &stage.mirror.missing());
    let plan = stage.plan(&Stage::catalog(&[gone])).await;
    assert!(plan.is_empty() && plan.notes()[0].text.contains("404"), "{:#?}", plan.notes());
    let html = text.replace("checksums_url", "checksum_url");
    let plan = stage.plan(&Stage::catalog(&[html])).await;
    assert!(plan.notes()[0].text.contains("is not a checksum"), "{:#?}", plan.notes());
}

#[tokio::test]
async fn content_that_is_not_what_upstream_says_never_becomes_visible() {
    let stage = Stage::simulated().await;
    let sums = publish(&stage, "build-1", 1);
    stage.mirror.publish_image("rolling", "something else", None);
    let catalog = Stage::catalog(&[follower(&stage, true, "checksums_url", &sums)]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains(&sha512("build-1")), "{failures:?}");
    assert!(stage.images().await.is_empty());
}

#[tokio::test]
async fn an_image_of_the_python_tool_is_recognised_by_its_checksum() {
    let stage = Stage::simulated().await;
    let sums = publish(&stage, "build-1", 1);
    let text = follower(&stage, true, "checksums_url", &sums);
    stage.settle(text.clone()).await;
    // It could not find out the day, and says so.
    let id = stage.images().await.remove(0).id;
    let said =
        serde_json::json!([{"op": "replace", "path": "/internal_version", "value": "latest"}]);
    stage.patch(&id, said).await;
    stage.settle(text.clone()).await;
    assert_eq!(stage.images().await[0].internal_version(), Some("latest"));
    publish(&stage, "build-2", 2);
    stage.settle(text).await;
    let images = stage.images().await;
    assert_eq!(images.len(), 2);
    // What is superseded cannot be the latest one: the day on which it was created is its label.
    let old = images.iter().find(|image| image.id == id).unwrap();
    assert_eq!(old.internal_version(), Some(&*old.created_on()));
}
