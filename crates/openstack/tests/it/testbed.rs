//! Against a real cloud: `LOTSE_TESTBED_CLOUDS` names its `clouds.yaml`, and of the clouds in it
//! `LOTSE_TESTBED_CLOUD` the one of an administrator's project, `LOTSE_TESTBED_SYSTEM` the same with
//! system scope, `LOTSE_TESTBED_MEMBER` that of a member of another project.

use std::collections::BTreeMap;

use lotse_core::error::{ErrorKind, Explain as _, chain};
use lotse_core::time::system_clock;
use lotse_openstack::config::{Credentials, Scope};
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Error, Overrides, Sources};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn variable(wanted: &str) -> String {
    std::env::vars()
        .find_map(|(name, value)| (name == wanted).then_some(value))
        .unwrap_or_else(|| panic!("{wanted} must be set as `cargo xtask testbed env` says"))
}

/// The configuration of the cloud that this variable names.
fn config(cloud: &str) -> CloudConfig {
    let clouds = variable("LOTSE_TESTBED_CLOUDS");
    let environment = BTreeMap::from([("OS_CLIENT_CONFIG_FILE".to_owned(), clouds)]);
    let overrides = Overrides { cloud: Some(variable(cloud)), ..Overrides::default() };
    let sources = Sources::read(environment, overrides, "/nowhere".as_ref()).unwrap();
    CloudConfig::resolve(&sources).unwrap()
}

const ADMIN: &str = "LOTSE_TESTBED_CLOUD";
const MEMBER: &str = "LOTSE_TESTBED_MEMBER";
const SYSTEM: &str = "LOTSE_TESTBED_SYSTEM";

fn session(config: CloudConfig) -> Cloud {
    Cloud::connect(config, &CloudOptions::new(system_clock(), 1)).unwrap()
}

fn cloud(variable: &str) -> Cloud {
    session(config(variable))
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn a_password_gives_a_token_for_the_project_with_a_catalogue() {
    let token = cloud(MEMBER).token().await.unwrap();
    assert!(token.project.is_some());
    assert!(!token.system && !token.roles.is_empty());
    let services = token.catalog.service_types();
    assert!(services.contains(&"image".to_owned()), "{services:?}");
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn every_scope_gives_the_token_it_names() {
    let admin = config(ADMIN);
    let unscoped = session(CloudConfig { scope: Scope::Unscoped, ..admin.clone() });
    let unscoped = unscoped.token().await.unwrap();
    assert!(unscoped.domain.is_none() && !unscoped.system);

    let system = cloud(SYSTEM).token().await.unwrap();
    assert!(system.system && system.project.is_none());

    let project = cloud(ADMIN).project_id().await.unwrap();
    let by_id = session(CloudConfig { scope: Scope::ProjectId(project.clone()), ..admin });
    assert_eq!(by_id.project_id().await.unwrap(), project);
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn a_token_and_an_application_credential_sign_in_and_a_deleted_one_does_not() {
    let member = cloud(MEMBER);
    let user = member.token().await.unwrap().user.clone().unwrap().id;
    let list = format!("/v3/users/{user}/application_credentials");
    let name = format!("lotse-test-{}", uuid::Uuid::new_v4());
    let made: Value = member
        .post("identity", &list)
        // Named, for other tests give and take roles meanwhile.
        .json(
            &json!({ "application_credential": { "name": name, "roles": [{ "name": "member" }] } }),
        )
        .send()
        .await
        .unwrap()
        .json()
        .unwrap();
    let id = made["application_credential"]["id"].as_str().unwrap().to_owned();
    let yaml = format!(
        "clouds:\n  x:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {}\n      \
         application_credential_id: {id}\n      application_credential_secret: {}\n",
        member.config().auth_url,
        made["application_credential"]["secret"],
    );
    let by_credential =
        || session(CloudConfig::resolve(&Sources::from_text("clouds.yaml", &yaml)).unwrap());
    let project = member.project_id().await.unwrap();
    assert_eq!(by_credential().project_id().await.unwrap(), project);

    let answer = member
        .post("identity", "/v3/auth/tokens")
        .json(&json!({ "auth": { "identity": { "methods": ["application_credential"],
            "application_credential": { "id": id,
                "secret": made["application_credential"]["secret"] } } } }))
        .send()
        .await
        .unwrap();
    let token = answer.header("x-subject-token").unwrap().to_owned();
    let credentials = Credentials::Token { token: token.into() };
    let by_token = CloudConfig { credentials, scope: Scope::Unscoped, ..config(MEMBER) };
    // The identity service does not let a token of an application credential make another one.
    assert!(session(by_token).token().await.is_err());

    member.delete("identity", &format!("{list}/{id}")).send().await.unwrap();
    let error = by_credential().token().await.unwrap_err();
    assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
    assert!(error.hints().concat().contains("application credential list"));
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn a_token_signs_in_for_another_scope() {
    let user = cloud(MEMBER);
    let Credentials::Password { user: who, password } = &user.config().credentials else {
        panic!("the testbed's clouds have passwords");
    };
    let lotse_openstack::config::User::Name { name, .. } = who else {
        panic!("the testbed's users have names");
    };
    let answer = user
        .post("identity", "/v3/auth/tokens")
        .json(&json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
            "name": name, "domain": { "name": "Default" }, "password": password.expose_secret() } } } } }))
        .send()
        .await
        .unwrap();
    let token = answer.header("x-subject-token").unwrap().to_owned();
    let by_token =
        CloudConfig { credentials: Credentials::Token { token: token.into() }, ..config(MEMBER) };
    assert_eq!(session(by_token).project_id().await.unwrap(), user.project_id().await.unwrap());
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn a_wrong_password_is_told_so_and_an_unknown_project_likewise() {
    let wrong = CloudConfig {
        credentials: Credentials::Password {
            user: lotse_openstack::config::User::Name {
                name: format!("nobody-{}", uuid::Uuid::new_v4()),
                domain: lotse_openstack::config::Domain::Id("default".to_owned()),
            },
            password: "wrong".to_owned().into(),
        },
        ..config(MEMBER)
    };
    let unknown = CloudConfig { scope: Scope::ProjectId("none".to_owned()), ..config(MEMBER) };
    for config in [wrong, unknown] {
        let error = session(config).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{}", chain(&error));
        assert!(error.request_id().is_some_and(|id| id.starts_with("req-")));
    }
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn the_first_image_costs_one_request_after_signing_in() {
    let cloud = cloud(ADMIN);
    let answer = cloud.get("image", "/v2/images").query("limit", 1).send().await.unwrap();
    assert!(answer.json::<Value>().unwrap()["images"].is_array());
    assert!(answer.request_id().unwrap().starts_with("req-"));
    let timing = answer.timing();
    assert!(timing.connect.unwrap() <= timing.first_byte && timing.first_byte <= timing.total);
    let mut registry = prometheus_client::registry::Registry::default();
    cloud.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let requests = text.lines().filter(|line| line.starts_with("lotse_openstack_requests_total{"));
    assert!(requests.clone().all(|line| line.ends_with(" 1")), "{text}");
    assert_eq!(requests.count(), 2, "signing in and the listing:\n{text}");
}

/// A listing of every service that the testbed may have, with and without a version in the path.
const LISTINGS: [(&str, &str, &str); 12] = [
    ("identity", "/v3/projects", "projects"),
    ("identity", "/users", "users"),
    ("image", "/v2/images", "images"),
    ("image", "/images", "images"),
    ("compute", "/servers/detail", "servers"),
    ("compute", "/v2.1/flavors", "flavors"),
    ("network", "/v2.0/networks", "networks"),
    ("network", "/subnets", "subnets"),
    ("block-storage", "/volumes", "volumes"),
    ("volumev3", "/v3/volumes/detail", "volumes"),
    ("placement", "/resource_providers", "resource_providers"),
    ("load-balancer", "/v2.0/lbaas/loadbalancers", "loadbalancers"),
];

#[tokio::test]
#[ignore = "real: testbed"]
async fn every_service_of_the_catalogue_is_listed() {
    let cloud = cloud(ADMIN);
    let services = cloud.token().await.unwrap().catalog.service_types();
    let mut listed = 0;
    for (service, path, key) in LISTINGS {
        let offered = services.iter().any(|known| known == service);
        // Placement has no pages and says so.
        let query: &[_] = if service == "placement" { &[] } else { &[("limit", "2")] };
        let pages = cloud.pages::<Value>(service, path, query, key);
        match pages.all().await {
            Ok(_) => listed += 1,
            Err(Error::NoService { .. }) if !offered => {}
            Err(error) => panic!("{service} {path}: {}", chain(&error)),
        }
    }
    assert!(listed >= 4, "identity and image at least: {services:?}");
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn what_every_service_says_of_a_missing_thing_is_one_line() {
    let cloud = cloud(ADMIN);
    let services = cloud.token().await.unwrap().catalog.service_types();
    let id = uuid::Uuid::new_v4();
    let mut asked = 0;
    for (service, path) in [
        ("identity", "/v3/projects/"),
        ("image", "/v2/images/"),
        ("compute", "/servers/"),
        ("network", "/v2.0/networks/"),
        ("block-storage", "/volumes/"),
        ("placement", "/resource_providers/"),
        ("load-balancer", "/v2.0/lbaas/loadbalancers/"),
    ] {
        if !services.iter().any(|known| known == service) {
            continue;
        }
        let error = cloud.get(service, &format!("{path}{id}")).send().await.unwrap_err();
        let Error::Api(refusal) = &error else { panic!("{service}: {error:?}") };
        assert!(error.is_not_found(), "{service}: {error}");
        assert!(refusal.message.contains(&id.to_string()), "{service}: {}", refusal.message);
        assert!(!refusal.message.contains(['{', '<', '\n']), "{service}: {}", refusal.message);
        assert!(error.request_id().is_some(), "{service}");
        asked += 1;
    }
    assert!(asked >= 2, "{services:?}");
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn microversions_are_negotiated_where_the_service_has_them() {
    let cloud = cloud(ADMIN);
    let services = cloud.token().await.unwrap().catalog.service_types();
    for (service, path, least, most, beyond) in [
        ("compute", "/servers", "2.1", "2.53", "2.999"),
        ("placement", "/resource_providers", "1.0", "1.14", "1.999"),
        ("block-storage", "/volumes", "3.0", "3.40", "3.999"),
    ] {
        if !services.iter().any(|known| known == service) {
            continue;
        }
        let request = cloud.get(service, path).microversion_within(least, most);
        let answer = request.send().await.unwrap();
        let spoken = answer.header("openstack-api-version").unwrap();
        assert!(spoken.ends_with(most), "{service}: {spoken}");
        let error = cloud.get(service, path).microversion(beyond).send().await.unwrap_err();
        assert!(matches!(error, Error::Microversion { .. }), "{service}: {error:?}");
    }
    let error = cloud.get("image", "/v2/images").microversion("2.1").send().await.unwrap_err();
    assert!(matches!(error, Error::Microversion { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn an_image_is_uploaded_and_downloaded_as_a_stream() {
    use futures::StreamExt as _;
    let cloud = cloud(ADMIN);
    let body =
        json!({ "name": "lotse-test-stream", "disk_format": "raw", "container_format": "bare" });
    let made = cloud.post("image", "/v2/images").json(&body).send().await.unwrap();
    let id = made.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/images/{id}");
    let data = || {
        futures::stream::iter((0..64_u8).map(|n| Ok(bytes::Bytes::from(vec![n; 16384])))).boxed()
    };
    let result = async {
        cloud
            .put("image", &format!("{path}/file"))
            .header("content-type", "application/octet-stream")
            .repeatable_stream_body(Some(64 * 16384), data)
            .send()
            .await?;
        let mut download = cloud.get("image", &format!("{path}/file")).stream().await?;
        let mut received = Vec::new();
        while let Some(piece) = download.chunk().await? {
            received.extend_from_slice(&piece);
        }
        Ok::<_, Error>(received)
    }
    .await;
    cloud.delete("image", &path).send().await.unwrap();
    let received = result.unwrap();
    assert!(
        received
            .chunks(16384)
            .enumerate()
            .all(|(n, chunk)| chunk.iter().all(|b| usize::from(*b) == n))
    );
    assert_eq!(received.len(), 64 * 16384);
}

#[tokio::test]
#[ignore = "real: testbed"]
async fn a_member_is_forbidden_what_only_an_administrator_may() {
    let body = json!({ "name": "lotse-test-forbidden", "visibility": "public",
                       "disk_format": "raw", "container_format": "bare" });
    let error = cloud(MEMBER).post("image", "/v2/images").json(&body).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{}", chain(&error));
    assert!(error.hints().concat().contains("role"));
}
