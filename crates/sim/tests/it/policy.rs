//! What only the simulated cloud can show: roles that the testbed does not enforce.

use lotse_sim::{SimCloud, SimOptions};
use serde_json::json;

use crate::client::{Session, person};

#[tokio::test]
async fn a_reader_looks_and_changes_nothing() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let member = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let reader = Session::sign_in(&person(&cloud, "reader", Some("demo"))).await;
    assert_eq!(member.project, reader.project);
    let image = member.post("/v2/images", &json!({"name": "ours"})).await.json();
    let path = format!("/v2/images/{}", image["id"].as_str().expect("an id"));
    assert_eq!(reader.get(&path).await.status, 200);
    let rename = json!([{"op": "replace", "path": "/name", "value": "mine"}]);
    assert_eq!(reader.patch(&path, &rename).await.status, 403);
    assert_eq!(reader.delete(&path).await.status, 403);
    assert_eq!(reader.post("/v2/images", &json!({"name": "new"})).await.status, 403);
    assert_eq!(member.get(&path).await.json()["name"], "ours");
    assert_eq!(member.delete(&path).await.status, 204);
}
