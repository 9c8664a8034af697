//! Addresses, versions and microversions: what is asked, and how often.

use lotse_core::error::{ErrorKind, Explain as _, chain};
use serde_json::json;

use crate::fake::{Fake, reply};

/// A cloud whose services describe themselves, and answer everything else with `{}`.
async fn describing() -> Fake {
    Fake::start(|seen| {
        if seen.is_sign_in() {
            return None;
        }
        Some(match seen.path() {
            // The links name a host that nobody can reach, as those behind a proxy do.
            "/image/" => reply(300, &json!({ "versions": [
                { "id": "v2.15", "status": "CURRENT", "links": [{ "rel": "self", "href": "http://10.0.0.1:9292/v2/" }] },
                { "id": "v2.0", "status": "SUPPORTED", "links": [{ "rel": "self", "href": "http://10.0.0.1:9292/v2/" }] },
                { "id": "v1.1", "status": "DEPRECATED", "links": [{ "rel": "self", "href": "http://10.0.0.1:9292/v1/" }] },
            ] })),
            "/compute/" => reply(200, &json!({ "versions": [
                { "id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "",
                  "links": [{ "rel": "self", "href": "http://10.0.0.1/v2/" }] },
                { "id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1",
                  "links": [{ "rel": "self", "href": "http://10.0.0.1/v2.1/" }] },
            ] })),
            "/volume/" => reply(300, &json!({ "versions": [
                { "id": "v3.0", "status": "CURRENT", "version": "3.70", "min_version": "3.0",
                  "links": [{ "rel": "self", "href": "http://10.0.0.1/v3/" }] },
            ] })),
            _ => reply(200, &json!({})),
        })
    })
    .await
}

#[tokio::test]
async fn a_path_with_a_version_costs_no_question() {
    let fake = describing().await;
    let cloud = fake.cloud();
    cloud.get("image", "/v2/images").send().await.unwrap();
    cloud.get("compute", "/servers").send().await.unwrap();
    cloud.get("block-storage", "/volumes").send().await.unwrap();
    cloud.get("identity", "/v3/users").send().await.unwrap();
    assert_eq!(
        fake.targets(),
        [
            "GET /image/v2/images",
            "GET /compute/v2.1/servers",
            "GET /volume/v3/p1/volumes",
            "GET /v3/users"
        ]
    );
    assert_eq!(fake.sign_ins(), 1);
}

#[tokio::test]
async fn a_path_without_a_version_costs_one_question_per_service_however_many_ask() {
    let fake = describing().await;
    let cloud = fake.cloud();
    let requests = (0..10).map(|_| cloud.get("image", "/images").query("limit", 3).send());
    futures::future::try_join_all(requests).await.unwrap();
    let targets = fake.targets();
    assert_eq!(targets.iter().filter(|target| *target == "GET /image/").count(), 1);
    assert_eq!(
        targets.iter().filter(|target| *target == "GET /image/v2/images?limit=3").count(),
        10
    );
}

#[tokio::test]
async fn a_configured_address_is_used_without_the_catalogue() {
    let fake = describing().await;
    let more = format!("    image_endpoint_override: {}/elsewhere\n", fake.url);
    let cloud = fake.cloud_with(&more, |_| {});
    cloud.get("image", "/v2/images").send().await.unwrap();
    assert_eq!(fake.targets(), ["GET /elsewhere/v2/images"]);
}

#[tokio::test]
async fn a_configured_address_may_hold_the_project() {
    let fake = describing().await;
    let more = format!("    volumev3_endpoint_override: {}/cinder/v3/%(project_id)s\n", fake.url);
    let cloud = fake.cloud_with(&more, |_| {});
    cloud.get("block-storage", "/volumes").send().await.unwrap();
    assert_eq!(fake.targets(), ["GET /cinder/v3/p1/volumes"]);
}

#[tokio::test]
async fn a_configured_api_version_is_the_one_used() {
    let fake = describing().await;
    let cloud = fake.cloud_with("    image_api_version: 1\n", |_| {});
    cloud.get("image", "/images").send().await.unwrap();
    assert_eq!(fake.targets()[1], "GET /image/v1/images");

    let cloud = fake.cloud_with("    image_api_version: 7\n", |_| {});
    let error = cloud.get("image", "/images").send().await.unwrap_err();
    assert!(chain(&error).contains("has no API version 7; it has 2.15, 2.0, 1.1"), "{error}");
}

#[tokio::test]
async fn a_microversion_is_negotiated_once_and_sent_under_the_services_name() {
    let fake = describing().await;
    let cloud = fake.cloud();
    for _ in 0..2 {
        let request = cloud.get("compute", "/servers").microversion_within("2.50", "2.200");
        request.send().await.unwrap();
    }
    cloud.get("volumev3", "/volumes").microversion("3.59").send().await.unwrap();
    let versions: Vec<_> = fake
        .seen()
        .iter()
        .filter(|seen| !seen.is_sign_in())
        .map(|seen| (seen.path().to_owned(), seen.header("openstack-api-version").to_owned()))
        .collect();
    let expected = [
        ("/compute/", ""),
        ("/compute/v2.1/servers", "compute 2.93"),
        ("/compute/v2.1/servers", "compute 2.93"),
        ("/volume/", ""),
        ("/volume/v3/p1/volumes", "volume 3.59"),
    ];
    assert_eq!(versions, expected.map(|(path, version)| (path.to_owned(), version.to_owned())));
}

#[tokio::test]
async fn a_microversion_that_the_service_lacks_is_named_with_its_range() {
    let fake = describing().await;
    let cloud = fake.cloud();
    let error = cloud.get("compute", "/servers").microversion("2.94").send().await.unwrap_err();
    assert_eq!(
        chain(&error),
        "the compute service of cloud \"fake\" has no microversion 2.94; it has 2.1 to 2.93"
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = cloud.get("image", "/images").microversion("2.1").send().await.unwrap_err();
    assert!(chain(&error).ends_with("it has none at all"), "{error}");
}

#[tokio::test]
async fn an_unversioned_auth_url_is_asked_for_its_version_once() {
    let fake = Fake::start(|seen| {
        (seen.path() == "/keystone").then(|| {
            reply(300, &json!({ "versions": { "values": [
                { "id": "v3.14", "status": "stable", "links": [{ "rel": "self", "href": "http://10.0.0.1/v3/" }] },
            ] } }))
        })
    })
    .await;
    let yaml = fake.clouds_yaml("").replace("/v3\n", "/keystone\n");
    let cloud = crate::fake::connect(&yaml, &crate::fake::options()).unwrap();
    cloud.token().await.unwrap();
    let paths: Vec<_> = fake.seen().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(paths, ["/keystone", "/keystone/v3/auth/tokens"]);
}

#[tokio::test]
async fn the_region_and_interface_of_the_configuration_choose_the_address() {
    let fake = Fake::start(|seen| {
        let base = format!("http://{}", seen.header("host"));
        let endpoint = |interface: &str, region: &str| {
            json!({ "interface": interface, "region_id": region, "region": region,
                    "url": format!("{base}/{region}/{interface}") })
        };
        if seen.is_sign_in() {
            let catalog = json!([{ "type": "image", "endpoints": [
                endpoint("public", "north"), endpoint("internal", "north"),
                endpoint("public", "south"), endpoint("internal", "south"),
            ] }]);
            return Some(crate::fake::token("t", &catalog, &json!({})));
        }
        Some(reply(200, &json!({})))
    })
    .await;
    for (more, expected) in [
        ("", "GET /north/public/v2/images"),
        ("    region_name: south\n", "GET /south/public/v2/images"),
        ("    region_name: south\n    interface: internal\n", "GET /south/internal/v2/images"),
        ("    image_interface: internal\n", "GET /north/internal/v2/images"),
    ] {
        fake.cloud_with(more, |_| {}).get("image", "/v2/images").send().await.unwrap();
        assert_eq!(fake.targets().last().unwrap(), expected);
    }
}
