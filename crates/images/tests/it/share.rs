//! Images for chosen projects.

use lotse_images::share::{ShareError, Sharing, observe_shares, plan_shares};
use lotse_openstack::Cloud;
use serde_json::{Value, json};

use crate::stage::Stage;

async fn project(cloud: &Cloud, name: &str, domain: &str) -> String {
    let body = json!({"project": {"name": name, "domain_id": domain}});
    let made = cloud.post("identity", "/v3/projects").json(&body).send().await.unwrap();
    made.json::<Value>().unwrap()["project"]["id"].as_str().unwrap().to_owned()
}

async fn members(stage: &Stage, image: &str) -> Vec<(String, String)> {
    let path = format!("/v2/images/{image}/members");
    let answer = stage.cloud.get("image", &path).send().await.unwrap().json::<Value>().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |member: &Value| (text(&member["member_id"]), text(&member["status"]));
    let mut members: Vec<_> = answer["members"].as_array().unwrap().iter().map(one).collect();
    members.sort();
    members
}

/// Plans, makes it, and sees that nothing is left; returns how many steps there were.
async fn share(stage: &Stage, sharing: &Sharing) -> Result<usize, ShareError> {
    let observed = stage.observed(&Stage::catalog_of(&[])).await;
    let shares = observe_shares(&stage.cloud, &observed, sharing).await?;
    let plan = plan_shares(stage.cloud.name(), &shares, sharing, &stage.options)?;
    if !plan.is_empty() {
        stage.make(&plan).await;
    }
    let shares = observe_shares(&stage.cloud, &observed, sharing).await?;
    assert!(plan_shares(stage.cloud.name(), &shares, sharing, &stage.options)?.is_empty());
    Ok(plan.steps().len())
}

#[tokio::test]
async fn projects_and_domains_become_members_that_have_accepted() {
    let stage = Stage::simulated().await;
    let shared = stage
        .definition("Debian 13", &["1"], "")
        .replace("visibility: public", "visibility: shared");
    stage.settle(shared).await;
    let image = stage.images().await.remove(0).id;
    let body = json!({"domain": {"name": "harbour"}});
    let made = stage.cloud.post("identity", "/v3/domains").json(&body).send().await.unwrap();
    let domain = made.json::<Value>().unwrap()["domain"]["id"].as_str().unwrap().to_owned();
    let alone = project(&stage.cloud, "alone", "default").await;
    let one = project(&stage.cloud, "one", &domain).await;
    let two = project(&stage.cloud, "two", &domain).await;
    let accepted = |ids: &[&String]| {
        let mut all: Vec<_> = ids.iter().map(|id| ((*id).clone(), "accepted".to_owned())).collect();
        all.sort();
        all
    };
    let mut sharing = Sharing {
        image: stage.name("Debian 13"),
        projects: vec!["alone".to_owned()],
        ..Sharing::default()
    };
    assert_eq!(share(&stage, &sharing).await.unwrap(), 1);
    assert_eq!(members(&stage, &image).await, accepted(&[&alone]));
    sharing.domains = vec!["harbour".to_owned()];
    assert_eq!(share(&stage, &sharing).await.unwrap(), 2);
    assert_eq!(members(&stage, &image).await, accepted(&[&alone, &one, &two]));
    let end =
        Sharing { remove: true, projects: vec![one.clone()], domains: vec![], ..sharing.clone() };
    assert_eq!(share(&stage, &end).await.unwrap(), 1);
    assert_eq!(members(&stage, &image).await, accepted(&[&alone, &two]));
    let nobody = Sharing { projects: vec!["nobody".to_owned()], ..sharing.clone() };
    assert_eq!(
        share(&stage, &nobody).await.unwrap_err().to_string(),
        "0 projects are called \"nobody\""
    );
}

#[tokio::test]
async fn only_shared_images_have_members() {
    let stage = Stage::simulated().await;
    stage.settle(stage.definition("Debian 13", &["1"], "")).await;
    let sharing = Sharing { image: stage.name("Debian 13"), ..Sharing::default() };
    let refused = share(&stage, &sharing).await.unwrap_err();
    assert!(matches!(refused, ShareError::NotShared { .. }), "{refused}");
    let nothing = Sharing { image: "No such".to_owned(), ..Sharing::default() };
    assert!(matches!(share(&stage, &nothing).await.unwrap_err(), ShareError::NoImage { .. }));
}
