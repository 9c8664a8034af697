//! Clouds that the daemon checks itself: a simulated one, over HTTP.

use std::sync::Arc;

use lotse_conformance::monitor::schedule::{CheckTask, Tools};
use lotse_core::task::{Report, Task as _};
use lotse_core::time::SignedDuration;
use lotse_plan::Engine;
use lotse_plan::random::SystemRandomness;
use lotse_store::on_both;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::monitor_stage::{PARTS, SCOPE, Stage};
use crate::stage::Stage as Cloud;

fn task(stage: &Stage, cloud: &Cloud) -> CheckTask {
    let config = serde_json::from_value(json!({"cloud": "sim", "subject": "my-cloud"})).unwrap();
    let engine = Engine::new(stage.store.clone(), stage.clock.clone(), Arc::new(SystemRandomness));
    let tools = Tools { store: stage.store.clone(), engine, clock: stage.clock.clone() };
    CheckTask::new(&config, None, stage.monitor.clone(), cloud.member.clone(), tools).unwrap()
}

async fn activated(task: &CheckTask) -> Report {
    let done = task.activate(&CancellationToken::new()).await;
    done.map_err(|error| error.to_string()).unwrap()
}

on_both! {
    PARTS;

    async fn a_cloud_is_checked_once_and_again_when_its_results_expire(store) {
        let (stage, cloud) = (Stage::new(store).await, Cloud::new().await);
        let task = task(&stage, &cloud);
        let first = activated(&task).await;
        assert!(first.summary.contains("testcases checked"), "{}", first.summary);
        let status = stage.json("/status").await;
        let results = status["my-cloud"][SCOPE]["results"].as_object().unwrap().clone();
        assert!(results.contains_key("scs-0103-flavor-1v-2"));
        // What would change the cloud was not allowed, and stays open.
        assert!(!results.contains_key("scs-0117-test-backup"));
        let detail = stage.text("/page/detail/my-cloud/scs-compatible-iaas").await;
        assert!(detail.contains("Evidence"), "{detail}");
        // Right after it nothing but what was aborted is asked again.
        let aborted = results.values().filter(|one| one["result"] == 0).count();
        let second = activated(&task).await;
        let asked = second.detail["testcases"].as_array().map_or(0, Vec::len);
        assert_eq!(asked, aborted, "{}", second.summary);
        stage.clock.advance(SignedDuration::from_hours(24 * 9));
        let third = activated(&task).await;
        assert_eq!(third.detail["testcases"].as_array().unwrap().len(), results.len());
    }
}
