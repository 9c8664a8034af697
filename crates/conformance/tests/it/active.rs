//! What is found out by doing it, on a cloud that must look the same afterwards.

use lotse_conformance::observe::Reach;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Verdict};
use lotse_sim::SimOptions;
use serde_json::Value;

use crate::stage::{Stage, of, outcome};

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
