//! What is true on every cloud.

use lotse_images::model::ImageStatus;
use serde_json::json;

use crate::mirror::{VIRTUAL_SIZE, md5, sha512};
use crate::stage::Stage;

pub(crate) async fn the_first_apply_imports_and_the_second_plan_is_empty(stage: &Stage) {
    let catalog = Stage::catalog(&[
        stage.definition("Debian 13", &["20260101"], "  tags: [lts]\n"),
        stage.definition("Appliance", &["9", "10"], "  multi: false\n"),
    ]);
    let report = stage.converge(&catalog).await;
    assert_eq!(report.tally().done, 3);
    assert_eq!(
        stage.shown().await,
        ["Appliance 10: public active", "Appliance 9: public active", "Debian 13: public active"]
    );
    let images = stage.images().await;
    let debian = &images[2];
    assert_eq!(debian.property("internal_version"), Some("20260101"));
    assert_eq!(debian.property("image_source"), Some(&*stage.mirror.url("Debian-13-20260101")));
    assert_eq!(debian.property("image_build_date"), Some("2026-01-01"));
    assert_eq!(debian.property("hw_qemu_guest_agent"), Some("True"));
    assert_eq!(debian.os_hash_value, Some(sha512("Debian-13-20260101")));
    assert!(["lts", "os:debian", &stage.options.tag].iter().all(|tag| debian.tags.contains(*tag)));
    // The disk holds a little more than two GiB, whatever the definition says.
    assert_eq!((debian.virtual_size, debian.min_disk), (Some(VIRTUAL_SIZE), 3));
    let plan = stage.plan(&catalog).await;
    assert!(plan.is_empty(), "{:#?}", plan.steps());
    assert!(plan.notes().is_empty(), "{:#?}", plan.notes());
    stage.converge(&catalog).await;
    assert_eq!(stage.images().await, images);
}

pub(crate) async fn drift_is_one_update_and_then_gone(stage: &Stage) {
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    stage.converge(&catalog).await;
    let before = stage.images().await;
    stage
        .patch(
            &before[0].id,
            json!([
                {"op": "replace", "path": "/name", "value": "renamed"},
                {"op": "replace", "path": "/min_ram", "value": 1},
                {"op": "replace", "path": "/tags", "value": [stage.options.tag, "stray"]},
                {"op": "replace", "path": "/os_hidden", "value": true},
                {"op": "replace", "path": "/visibility", "value": "community"},
                {"op": "add", "path": "/architecture", "value": "aarch64"},
                {"op": "add", "path": "/foreign", "value": "stays"},
                {"op": "remove", "path": "/os_version"},
            ]),
        )
        .await;
    let plan = stage.plan(&catalog).await;
    let fields: Vec<_> = plan.steps()[0].changes.iter().map(|change| &*change.field).collect();
    let expected = [
        "name",
        "min_ram",
        "tags",
        "properties.architecture",
        "properties.os_version",
        "visibility",
    ];
    assert_eq!((plan.steps().len(), fields.as_slice()), (1, expected.as_slice()));
    stage.converge(&catalog).await;
    let mut after = stage.images().await;
    assert_eq!(after[0].properties.remove("foreign").as_deref(), Some("stays"));
    // Nothing is declared about being hidden, so nothing is changed about it.
    after[0].os_hidden = false;
    assert_eq!(after, before);
}

pub(crate) async fn a_new_version_takes_the_name_and_the_old_image_stays_as_it_is(stage: &Stage) {
    stage.converge(&Stage::catalog(&[stage.definition("Debian 13", &["1"], "")])).await;
    let old = stage.images().await.remove(0);
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["2"], "  # bumped\n")]);
    let report = stage.converge(&catalog).await;
    assert_eq!(report.tally().done, 3);
    assert_eq!(stage.shown().await, ["Debian 13: public active", "Debian 13 (1): public active"]);
    let images = stage.images().await;
    let (retired, fresh) =
        if images[0].id == old.id { (&images[0], &images[1]) } else { (&images[1], &images[0]) };
    assert_eq!(fresh.name, old.name);
    assert_eq!(fresh.os_hash_value, Some(sha512("Debian-13-2")));
    // Only the name and the purpose of the old one have changed.
    let mut expected = old.clone();
    expected.name = format!("{} (1)", old.name);
    expected.properties.insert("os_purpose".into(), "oldgeneric".into());
    assert_eq!(*retired, expected);
    assert!(stage.plan(&catalog).await.is_empty());
}

pub(crate) async fn an_image_that_is_not_ours_is_never_touched(stage: &Stage) {
    let body = json!({
        "name": stage.name("Debian 13"), "visibility": "private", "tags": [stage.foreign_tag()],
        "internal_version": "1", "image_description": stage.name("Debian 13"),
    });
    let id = stage.create(body).await;
    let before = stage.show(&id).await;
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let plan = stage.plan(&catalog).await;
    assert!(plan.is_empty() && plan.notes()[0].text.contains("is not ours"), "{:?}", plan.notes());
    stage.converge(&catalog).await;
    assert_eq!(stage.show(&id).await, before);
    assert!(stage.images().await.is_empty());
}

pub(crate) async fn deactivated_images_are_made_and_not_waited_for(stage: &Stage) {
    let off = Stage::catalog(&[stage.definition("Debian 13", &["1"], "  status: deactivated\n")]);
    stage.converge(&off).await;
    assert_eq!(stage.shown().await, ["Debian 13: public deactivated"]);
    assert!(stage.plan(&off).await.is_empty());
    let on = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    stage.converge(&on).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    stage.converge(&off).await;
    assert_eq!(stage.shown().await, ["Debian 13: public deactivated"]);
}

pub(crate) async fn a_download_that_fails_is_told_in_glances_words_and_leaves_nothing(
    stage: &Stage,
) {
    let good = stage.definition("Debian 13", &["1"], "");
    let wrong = good.replace(&stage.mirror.url("Debian-13-1"), &stage.mirror.missing());
    let failures = stage.failures(&Stage::catalog(&[wrong])).await;
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].starts_with("Glance could not import the image ")
            && failures[0].ends_with("Task failed due to Internal Error"),
        "{failures:?}"
    );
    assert!(stage.images().await.is_empty());
    let catalog = Stage::catalog(&[good]);
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

pub(crate) async fn content_with_another_checksum_never_becomes_visible(stage: &Stage) {
    let good = stage.definition("Debian 13", &["1"], "");
    let declared = "0".repeat(128);
    let found = sha512("Debian-13-1");
    let failures = stage.failures(&Stage::catalog(&[good.replace(&found, &declared)])).await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains(&found) && failures[0].contains(&declared), "{failures:?}");
    assert!(stage.images().await.is_empty());
    let weak = good.replace(&format!("sha512:{found}"), &format!("md5:{}", md5("Debian-13-1")));
    stage.converge(&Stage::catalog(&[weak])).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

pub(crate) async fn an_import_that_was_begun_is_finished_and_not_repeated(stage: &Stage) {
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let body = json!({
        "name": stage.name("Debian 13 (1)"), "visibility": "private", "tags": [stage.options.tag],
        "internal_version": "1", "image_description": stage.name("Debian 13"),
        "lotse_marker": "0190a0c0-0000-7000-8000-000000000000", "lotse_import": "pending",
    });
    let id = stage.create(body).await;
    stage.converge(&catalog).await;
    let images = stage.images().await;
    assert_eq!(images.len(), 1);
    assert_eq!((images[0].id.as_str(), images[0].status), (id.as_str(), ImageStatus::Active));
    assert_eq!(images[0].name, stage.name("Debian 13"));
    assert!(stage.plan(&catalog).await.is_empty());
}

pub(crate) async fn several_versions_come_at_once_and_only_the_newest_is_generic(stage: &Stage) {
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1", "2", "10"], "")]);
    stage.converge(&catalog).await;
    let purposes: Vec<_> = stage
        .images()
        .await
        .iter()
        .map(|image| {
            let version = image.property("internal_version").unwrap_or_default();
            let name = image.name.strip_prefix(&stage.name("Debian 13")).unwrap_or_default();
            format!("{version} \"{name}\" {}", image.property("os_purpose").unwrap_or_default())
        })
        .collect();
    let mut purposes = purposes;
    purposes.sort();
    assert_eq!(purposes, ["1 \" (1)\" oldgeneric", "10 \"\" generic", "2 \" (2)\" oldgeneric"]);
    assert!(stage.plan(&catalog).await.is_empty());
    // And one more rotation, from several versions to several versions.
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["2", "10", "11"], "")]);
    stage.converge(&catalog).await;
    assert!(stage.plan(&catalog).await.is_empty());
    assert_eq!(stage.images().await.len(), 4);
}

pub(crate) async fn hidden_versions_are_hidden_and_not_imported_again(stage: &Stage) {
    let text = stage
        .definition("Debian 13", &["1"], "")
        .replace("    build_date", "    hidden: true\n    build_date");
    let catalog = Stage::catalog(&[text]);
    stage.converge(&catalog).await;
    let images = stage.images().await;
    assert!(images.len() == 1 && images[0].os_hidden);
    assert!(stage.plan(&catalog).await.is_empty());
}

pub(crate) async fn an_image_that_was_made_meanwhile_is_not_made_twice(stage: &Stage) {
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let plan = stage.plan(&catalog).await;
    // Another instance, with a journal of its own, is quicker.
    stage.converge(&catalog).await;
    let before = stage.images().await;
    let report = stage.apply(&plan).await;
    let failed = serde_json::to_string(&report).unwrap();
    assert!(failed.contains("took the name") && report.tally().failed == 1, "{failed}");
    assert_eq!(stage.images().await, before);
    assert!(stage.plan(&catalog).await.is_empty());
}
