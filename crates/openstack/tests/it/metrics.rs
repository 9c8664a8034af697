//! What is counted.

use lotse_openstack::Metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;

use crate::fake::{Fake, reply};

#[tokio::test]
async fn requests_retries_and_new_tokens_are_counted_by_operation_and_outcome() {
    let fake = Fake::start(|seen| {
        (!seen.is_sign_in()).then(|| match seen.before {
            0 => reply(503, &json!({})),
            1 => reply(401, &json!({})),
            _ => reply(200, &json!({})),
        })
    })
    .await;
    let metrics = Metrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let cloud = fake.cloud_with("", |options| options.metrics = metrics.clone());
    let id = "0b7c0c5e-5b6e-4d8f-9a3e-1f2d3c4b5a69";
    cloud.get("image", &format!("/v2/images/{id}")).send().await.unwrap();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let labels = "cloud=\"fake\",service=\"image\",operation=\"GET /v2/images/{id}\"";
    for line in [
        format!("lotse_openstack_requests_total{{{labels},status=\"2xx\"}} 1"),
        format!("lotse_openstack_requests_total{{{labels},status=\"4xx\"}} 1"),
        format!("lotse_openstack_requests_total{{{labels},status=\"5xx\"}} 1"),
        format!("lotse_openstack_request_duration_seconds_count{{{labels}}} 3"),
        "lotse_openstack_requests_total{cloud=\"fake\",service=\"identity\",operation=\"POST \
         /v3/auth/tokens\",status=\"2xx\"} 2"
            .to_owned(),
        "lotse_openstack_retries_total{cloud=\"fake\",service=\"image\"} 1".to_owned(),
        "lotse_openstack_reauthentications_total{cloud=\"fake\"} 1".to_owned(),
        "lotse_openstack_requests_in_flight{cloud=\"fake\",service=\"image\"} 0".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains(id));
}
