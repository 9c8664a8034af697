//! Against a real cloud. `LOTSE_TESTBED_CLOUDS` names its `clouds.yaml`, `LOTSE_TESTBED_CLOUD` the cloud
//! in it with an administrator's rights.

use std::collections::BTreeMap;

use lotse_core::time::system_clock;
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Overrides, Sources};
use serde_json::Value;

fn variable(wanted: &str) -> String {
    std::env::vars()
        .find_map(|(name, value)| (name == wanted).then_some(value))
        .unwrap_or_else(|| panic!("{wanted} must be set as `testbed/testbed.sh env` says"))
}

fn sources() -> Sources {
    let clouds = variable("LOTSE_TESTBED_CLOUDS");
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
    let cloud = cloud(&variable("LOTSE_TESTBED_CLOUD"));
    let answer = cloud.get("image", "/v2/images").query("limit", 1).send().await.unwrap();
    assert!(answer.json::<Value>().unwrap()["images"].is_array());
    assert!(answer.request_id().unwrap().starts_with("req-"));
    let timing = answer.timing();
    assert!(timing.connect.unwrap() <= timing.first_byte && timing.first_byte <= timing.total);
}
