//! A process that dies at any request: the next one goes on, and nothing is there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use lotse_images::{Catalog, ImportPreference};
use lotse_sim::{Effect, Fault};
use serde_json::json;

use crate::stage::Stage;

/// What is declared before and after; the process dies on the way from the one to the other.
struct Way {
    before: &'static [&'static str],
    after: &'static [&'static str],
}

const FIRST: Way = Way { before: &[], after: &["1", "2"] };
const ROTATION: Way = Way { before: &["1"], after: &["2"] };

impl Way {
    fn catalog(stage: &Stage, versions: &[&str]) -> Catalog {
        let mut definitions = Vec::new();
        if !versions.is_empty() {
            definitions.push(stage.definition("Debian 13", versions, ""));
        }
        Stage::catalog_of(&definitions)
    }

    /// Lets a process die at its first request, another at its second, and so on, until one lives.
    async fn survives(&self, effect: Effect) {
        self.survives_by(effect, ImportPreference::Verified).await;
    }

    /// The same, with content that comes on another way.
    async fn survives_by(&self, effect: Effect, import: ImportPreference) {
        let mut deaths = 0;
        for request in 1.. {
            let mut stage = Stage::simulated().await;
            stage.options.import = import;
            stage.converge(&Self::catalog(&stage, self.before)).await;
            if !self.dies(&stage, request, effect.clone()).await {
                break;
            }
            deaths += 1;
        }
        assert!(deaths >= 8, "only {deaths} requests were hit");
    }

    /// One process that dies at this request; false when it lived. Another one comes after it.
    async fn dies(&self, stage: &Stage, request: u64, effect: Effect) -> bool {
        let body = json!({"name": stage.name("Debian 12"), "tags": [stage.foreign_tag()]});
        let foreign = stage.create(body).await;
        let untouched = stage.show(&foreign).await;
        let catalog = Self::catalog(stage, self.after);
        let died = dies_at(stage, request, &effect, &catalog).await;
        let which = format!("request {request}, {effect:?}");
        stage.converge(&catalog).await;
        let plan = stage.plan(&catalog).await;
        assert!(plan.is_empty(), "{which}: {:#?}", plan.steps());
        let mut copies: BTreeMap<String, usize> = BTreeMap::new();
        for image in stage.images().await {
            let version = image.property("internal_version").unwrap_or_default().to_owned();
            *copies.entry(version).or_default() += 1;
        }
        let expected = [self.before, self.after].concat();
        let expected = expected.iter().map(|version| ((*version).to_owned(), 1)).collect();
        assert_eq!(copies, expected, "{which}: {:#?}", stage.images().await);
        assert_eq!(stage.show(&foreign).await, untouched, "{which}");
        died
    }
}

/// Runs a process on this cloud that dies at this request; false when it lived to its end.
pub(crate) async fn dies_at(
    stage: &Stage,
    request: u64,
    effect: &Effect,
    catalog: &Catalog,
) -> bool {
    let sim = stage.sim.as_ref().unwrap();
    sim.faults().add(Fault::new(effect.clone()).nth(request));
    let hit = || sim.faults().list().iter().any(|fault| fault.hit > 0);
    let (cloud, retries) = stage.frail();
    tokio::select! {
        biased;
        () = until(hit) => {}
        _ended = stage.run_as(&cloud, retries, catalog) => {}
    }
    let died = hit();
    sim.faults().clear();
    died
}

/// Looks until it is so.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The process dies before the request has an effect, and whatever else is under way with it.
const DROPPED: Effect = Effect::Delay { milliseconds: 3_600_000 };

#[tokio::test]
async fn first_imports_survive_death_before_any_request() {
    FIRST.survives(DROPPED).await;
}

#[tokio::test]
async fn first_imports_survive_death_after_any_request() {
    FIRST.survives(Effect::ResetAfter).await;
}

#[tokio::test]
async fn first_imports_survive_the_loss_of_any_request() {
    FIRST.survives(Effect::ResetBefore).await;
}

#[tokio::test]
async fn streamed_imports_survive_death_before_any_request() {
    FIRST.survives_by(DROPPED, ImportPreference::Stream).await;
}

#[tokio::test]
async fn streamed_imports_survive_death_after_any_request() {
    FIRST.survives_by(Effect::ResetAfter, ImportPreference::Stream).await;
}

#[tokio::test]
async fn streamed_imports_survive_the_loss_of_any_request() {
    FIRST.survives_by(Effect::ResetBefore, ImportPreference::Stream).await;
}

#[tokio::test]
async fn rotations_survive_death_before_any_request() {
    ROTATION.survives(DROPPED).await;
}

#[tokio::test]
async fn rotations_survive_death_after_any_request() {
    ROTATION.survives(Effect::ResetAfter).await;
}

#[tokio::test]
async fn rotations_survive_the_loss_of_any_request() {
    ROTATION.survives(Effect::ResetBefore).await;
}

/// With the usual retries, a single lost answer is not even a failure.
#[tokio::test]
async fn a_lost_answer_to_the_creating_request_is_found_again_by_its_marker() {
    let stage = Stage::simulated().await;
    let faults = stage.sim.as_ref().unwrap().faults();
    faults.add(Fault::new(Effect::ResetAfter).on("image", "POST", "/v2/images").nth(1));
    let catalog = Way::catalog(&stage, &["1"]);
    let report = stage.converge(&catalog).await;
    assert_eq!(report.tally().adopted, 1);
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}

/// The image is hidden when its answer is lost again and again; it is found nevertheless.
#[tokio::test]
async fn a_hidden_image_is_found_again_by_its_marker() {
    let stage = Stage::simulated().await;
    let faults = stage.sim.as_ref().unwrap().faults();
    // As often as the client tries, so that the engine has to look for the image.
    faults.add(Fault::new(Effect::ResetAfter).on("image", "PATCH", "/v2/images/*").times(5));
    let text = stage.definition("Debian 13", &["1"], "");
    let catalog =
        Stage::catalog(&[text.replace("    build_date", "    hidden: true\n    build_date")]);
    let report = stage.converge(&catalog).await;
    assert_eq!(report.tally().adopted, 1);
    assert_eq!(stage.images().await.len(), 1);
    assert!(stage.plan(&catalog).await.is_empty());
}
