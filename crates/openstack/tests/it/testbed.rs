//! Against a real cloud. `LOTSE_TESTBED_CLOUDS` names its `clouds.yaml`.

use std::collections::BTreeMap;

use lotse_core::time::system_clock;
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Overrides, Sources};
use serde_json::Value;

fn sources() -> Sources {
    let clouds = std::env::vars()
        .find_map(|(name, value)| (name == "LOTSE_TESTBED_CLOUDS").then_some(value))
        .expect("LOTSE_TESTBED_CLOUDS must name the clouds.yaml of the testbed");
    let environment = BTreeMap::from([("OS_CLIENT_CONFIG_FILE".to_owned(), clouds)]);
    Sources::read(environment, Overrides::default(), "/nowhere".as_ref()).unwrap()
}

fn cloud(name: &str) -> Cloud {
    let config = CloudConfig::resolve(&sources().with_cloud(name)).unwrap();
    Cloud::connect(config, &CloudOptions::new(system_clock(), 1)).unwrap()
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn images_are_listed_with_a_password() {
    let cloud = cloud("osbed-admin");
    let answer = cloud.get("image", "/v2/images").query("limit", 1).send().await.unwrap();
    assert!(answer.json::<Value>().unwrap()["images"].is_array());
    assert!(answer.request_id().unwrap().starts_with("req-"));
    let timing = answer.timing();
    assert!(timing.connect.unwrap() <= timing.first_byte && timing.first_byte <= timing.total);
}
