//! Tokens, the catalogue, projects, users, roles.

use lotse_sim::{SimCloud, SimOptions};

use super::{Client, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn identity_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Client::new(&sim, "sim");
    let projects = admin.json(&["project", "list"]).await;
    assert!(names(&projects).contains(&"demo"), "{projects}");
    admin.run(&["project", "create", "--description", "made by a test", "made"]).await;
    let shown = admin.json(&["project", "show", "made"]).await;
    assert_eq!(shown["description"], "made by a test");
    admin.run(&["user", "create", "--password", "secret", "--project", "made", "maker"]).await;
    admin.run(&["role", "add", "--project", "made", "--user", "maker", "member"]).await;
    let given = admin.json(&["role", "assignment", "list", "--names", "--project", "made"]).await;
    assert_eq!(given[0]["User"], "maker@Default");
    admin.run(&["user", "delete", "maker"]).await;
    admin.run(&["project", "delete", "made"]).await;
    assert!(!names(&admin.json(&["project", "list"]).await).contains(&"made"));
    assert!(
        names(&Client::new(&sim, "sim-system").json(&["domain", "list"]).await)
            .contains(&"Default")
    );
    let member = Client::new(&sim, "sim-member");
    let refused = member.try_run(&["user", "list"]).await.expect_err("a member may not");
    assert!(refused.contains("403"), "{refused}");
    assert!(member.json(&["application", "credential", "list"]).await[0]["Name"] == "sim-app");
    assert!(Client::new(&sim, "sim-oidc").json(&["image", "list"]).await.is_array());
    assert!(Client::new(&sim, "sim-app").json(&["image", "list"]).await.is_array());
    let endpoints = admin.json(&["endpoint", "list"]).await;
    assert_eq!(endpoints.as_array().map(Vec::len), Some(27), "three of each of nine services");
}
