//! The daemon's task: told, not written.

use std::time::Duration;

use lotse_core::task::Task as _;
use lotse_upstream::Limits;
use lotse_upstream::task::{Config, LookTask};
use tokio_util::sync::CancellationToken;

use crate::follow::estate;
use crate::server::Upstream;

fn task(place: &tempfile::TempDir, upstream: &Upstream, file: &str) -> LookTask {
    let sources = place.path().join("sources.txt");
    std::fs::write(&sources, upstream.mirrors()).unwrap();
    let mut config: Config =
        serde_json::from_value(serde_json::json!({ "definitions": file, "sources": sources }))
            .unwrap();
    config.rebase(place.path());
    let limits =
        Limits { pause: Duration::from_millis(1), system_proxy: false, ..Limits::default() };
    LookTask::new(config, limits)
}

#[tokio::test]
async fn what_is_newer_is_told_and_the_files_stay() {
    let (place, upstream) = (estate(), Upstream::start().await);
    let before = std::fs::read(place.path().join("debian.yml")).unwrap();
    let task = task(&place, &upstream, "debian.yml");
    assert_eq!(task.period(), Duration::from_hours(24));
    let report = task.activate(&CancellationToken::new()).await.unwrap();
    assert_eq!(
        report.summary,
        "1 of 2 definitions have newer builds: Debian 13 20261001 → 20261113"
    );
    assert_eq!(report.detail["findings"][1]["build"]["version"], "20261113");
    assert_eq!(std::fs::read(place.path().join("debian.yml")).unwrap(), before);
}

#[tokio::test]
async fn a_broken_file_fails_the_task_with_its_place() {
    let (place, upstream) = (estate(), Upstream::start().await);
    std::fs::write(place.path().join("bad.yml"), "images: 3\n").unwrap();
    let bad = task(&place, &upstream, "bad.yml");
    let error = bad.activate(&CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("bad.yml:1:"), "{error}");
}
