//! Back to the image before, and forth again.

use lotse_images::model::Image;
use lotse_images::{Catalog, PINNED, Retirement, Rollback, RollbackError, history, roll_back};

use crate::stage::Stage;

fn back(stage: &Stage) -> Rollback {
    Rollback { name: stage.name("Debian 13"), ..Rollback::default() }
}

/// Plans a rollback and makes it.
async fn roll(stage: &Stage, catalog: &Catalog, wanted: &Rollback) -> Result<(), RollbackError> {
    let observed = stage.observed(catalog).await;
    let plan = roll_back(catalog, &observed, &stage.options, wanted)?;
    assert!(!plan.is_empty());
    stage.make(&plan).await;
    Ok(())
}

/// Our images as `name: version purpose visibility`.
async fn named(stage: &Stage) -> Vec<String> {
    let line = |image: &Image| {
        let name = image.name.strip_prefix(&stage.name("")).unwrap_or(&image.name);
        let of = |key| image.property(key).unwrap_or_default();
        format!(
            "{name}: {} {} {}",
            of("internal_version"),
            of("os_purpose"),
            image.visibility.as_str()
        )
    };
    stage.images().await.iter().map(line).collect()
}

fn one(stage: &Stage, version: &str) -> String {
    stage.definition("Debian 13", &[version], "")
}

#[tokio::test]
async fn the_image_before_gets_the_name_and_keeps_it_until_a_newer_version_is_declared() {
    let mut stage = Stage::simulated().await;
    stage.options.retirement = Retirement { hide: true, ..Retirement::default() };
    stage.settle(one(&stage, "1")).await;
    stage.settle(one(&stage, "2")).await;
    let catalog = Stage::catalog(&[one(&stage, "2")]);
    roll(&stage, &catalog, &back(&stage)).await.unwrap();
    let rolled_back = ["Debian 13: 1 generic public", "Debian 13 (2): 2 oldgeneric community"];
    assert_eq!(named(&stage).await, rolled_back);
    // Ordinary plans respect it, and say so.
    let plan = stage.plan(&catalog).await;
    assert!(plan.is_empty(), "{:#?}", plan.steps());
    assert!(plan.notes()[0].text.contains("since the rollback from 2"), "{:#?}", plan.notes());
    stage.settle(one(&stage, "2")).await;
    assert_eq!(named(&stage).await, rolled_back);
    let observed = stage.observed(&catalog).await;
    let roles: Vec<_> = history(&catalog, &observed)[0].1.iter().map(|one| one.role).collect();
    assert_eq!(roles, ["restored", "superseded"]);
    // A repaired build ends it.
    stage.settle(one(&stage, "3")).await;
    assert_eq!(
        named(&stage).await,
        [
            "Debian 13: 3 generic public",
            "Debian 13 (1): 1 oldgeneric community",
            "Debian 13 (2): 2 oldgeneric community"
        ]
    );
    assert!(
        stage.images().await.iter().all(|image| image.property(PINNED).is_none_or(str::is_empty))
    );
}

#[tokio::test]
async fn a_rollback_is_undone_by_one_command() {
    let stage = Stage::simulated().await;
    stage.settle(stage.definition("Debian 13", &["1", "2", "3"], "")).await;
    let before = named(&stage).await;
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1", "2", "3"], "")]);
    let undo = Rollback { undo: true, ..back(&stage) };
    let refused = roll(&stage, &catalog, &undo).await.unwrap_err();
    assert!(matches!(refused, RollbackError::NotRolledBack { .. }), "{refused}");
    let to = Rollback { to: Some("1".to_owned()), ..back(&stage) };
    roll(&stage, &catalog, &to).await.unwrap();
    assert_eq!(named(&stage).await[0], "Debian 13: 1 generic public");
    assert!(stage.plan(&catalog).await.is_empty());
    roll(&stage, &catalog, &undo).await.unwrap();
    assert_eq!(named(&stage).await, before);
    assert!(stage.plan(&catalog).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_rolled_back_is_said() {
    let stage = Stage::simulated().await;
    let catalog = Stage::catalog(&[
        one(&stage, "1"),
        stage.definition("Appliance", &["9"], "  multi: false\n"),
    ]);
    let refused = async |wanted: Rollback| roll(&stage, &catalog, &wanted).await.unwrap_err();
    assert!(matches!(refused(back(&stage)).await, RollbackError::NoImage { .. }));
    stage.converge(&catalog).await;
    assert!(matches!(refused(back(&stage)).await, RollbackError::NothingBefore { .. }));
    let to = Rollback { to: Some("7".to_owned()), ..back(&stage) };
    assert!(refused(to).await.to_string().ends_with("holds the version 7; there are 1"));
    let name = stage.name("Appliance");
    let single = Rollback { name, ..Rollback::default() };
    assert!(matches!(refused(single).await, RollbackError::NotMulti { .. }));
    let unknown = Rollback { name: "No such".to_owned(), ..Rollback::default() };
    assert!(matches!(refused(unknown).await, RollbackError::Unknown { .. }));
}

#[tokio::test]
async fn a_rollback_that_is_killed_in_the_middle_is_finished_by_doing_it_again() {
    let stage = Stage::simulated().await;
    stage.settle(one(&stage, "1")).await;
    stage.settle(one(&stage, "2")).await;
    let catalog = Stage::catalog(&[one(&stage, "2")]);
    let observed = stage.observed(&catalog).await;
    let plan = roll_back(&catalog, &observed, &stage.options, &back(&stage)).unwrap();
    assert_eq!(plan.steps().len(), 2);
    // The second step fails, as if nobody were there any more to make it.
    let faults = stage.sim.as_ref().unwrap().faults();
    faults.add(lotse_sim::Fault::status(403).on("image", "PATCH", "/v2/images/*").nth(2));
    assert_eq!(stage.apply(&plan).await.tally().failed, 1);
    faults.clear();
    // Nothing says yet that somebody rolled back, so the next plan has the newest version in its
    // place again.
    stage.settle(one(&stage, "2")).await;
    assert_eq!(named(&stage).await[0], "Debian 13: 2 generic public");
    roll(&stage, &catalog, &back(&stage)).await.unwrap();
    assert_eq!(named(&stage).await[0], "Debian 13: 1 generic public");
    assert!(stage.plan(&catalog).await.is_empty());
}
