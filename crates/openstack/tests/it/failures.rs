//! What people are told when something is wrong: one sentence and what to do.

use std::time::Duration;

use http::StatusCode;
use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_openstack::{Cloud, Error};
use serde_json::{Value, json};

use crate::fake::{Fake, connect, options, page, reply, token, with_header};

/// The sentence with its causes, and the hints.
fn told(error: &Error) -> (String, String) {
    (chain(error), error.hints().join(" / "))
}

async fn sign_in_error(fake: &Fake) -> Error {
    fake.cloud().token().await.unwrap_err()
}

fn refusal(
    message: &'static str,
) -> impl Fn(&crate::fake::Seen) -> Option<axum::response::Response> {
    move |seen| {
        seen.is_sign_in().then(|| {
            reply(
                401,
                &json!({ "error": { "code": 401, "title": "Unauthorized", "message": message } }),
            )
        })
    }
}

#[tokio::test]
async fn a_wrong_password_names_the_user_and_where_to_look() {
    let fake = Fake::start(refusal("The request you have made requires authentication.")).await;
    let error = sign_in_error(&fake).await;
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        "the identity service of cloud \"fake\" refused the user \"ada\" of domain \"default\" for \
         project \"demo\" of domain \"default\": The request you have made requires authentication."
    );
    assert!(hint.contains("password") && hint.contains("secure.yaml"), "{hint}");
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.request_id(), Some("req-from-the-service"));
    assert!(!format!("{error:?} {sentence}").contains("s3cret"));
}

#[tokio::test]
async fn an_expired_password_is_told_from_a_wrong_one() {
    let fake =
        Fake::start(refusal("The password is expired and needs to be changed for user: u1.")).await;
    let (_, hint) = told(&sign_in_error(&fake).await);
    assert!(hint.contains("password set"), "{hint}");
}

#[tokio::test]
async fn a_user_who_needs_several_factors_is_told_so() {
    let fake = Fake::start(|seen| {
        seen.is_sign_in().then(|| {
            let body =
                json!({ "receipt": { "methods": ["password"] }, "required_auth_methods": [] });
            with_header(reply(401, &body), "openstack-auth-receipt", "abc")
        })
    })
    .await;
    let (_, hint) = told(&sign_in_error(&fake).await);
    assert!(hint.contains("several factors"), "{hint}");
}

#[tokio::test]
async fn an_expired_application_credential_is_told_so() {
    // A deleted one is "not found", an expired one "requires authentication".
    for (status, message) in [
        (401, "The request you have made requires authentication."),
        (404, "Could not find Application Credential: ac1."),
    ] {
        let fake = Fake::start(move |seen| {
            seen.is_sign_in().then(|| reply(status, &json!({ "error": { "message": message } })))
        })
        .await;
        application_credential_is_refused(&fake).await;
    }
}

async fn application_credential_is_refused(fake: &Fake) {
    let yaml = format!(
        "clouds:\n  fake:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {}\n      \
         application_credential_id: ac1\n      application_credential_secret: acs\n",
        fake.url.clone() + "/v3"
    );
    let error = connect(&yaml, &options()).unwrap().token().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert!(sentence.contains("refused the application credential ac1:"), "{sentence}");
    assert!(hint.contains("expired") && hint.contains("application credential list"), "{hint}");
}

fn somewhere(auth_url: &str) -> Cloud {
    let yaml = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"{auth_url}\", username: ada, password: s3cret, \
         user_domain_id: default, project_id: p1}}\n"
    );
    connect(&yaml, &options()).unwrap()
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_told_so() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = somewhere(&format!("http://127.0.0.1:{port}/v3")).token().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        format!(
            "cannot reach the identity service of cloud \"fake\" at http://127.0.0.1:{port}: nothing \
             listens there (connection refused)"
        )
    );
    assert!(hint.contains("auth_url (or OS_AUTH_URL)"), "{hint}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_told_so() {
    // RFC 2606 keeps this name from ever existing.
    let error = somewhere("http://keystone.invalid:5000/v3").token().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert!(
        sentence.starts_with(
            "cannot reach the identity service of cloud \"fake\" at http://keystone.invalid:5000: the \
             name of the host is not known"
        ),
        "{sentence}"
    );
    assert!(hint.contains("name servers"), "{hint}");
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v3", listener.local_addr().unwrap());
    let yaml = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"{url}\", user_id: u, password: p, project_id: p1}}\n"
    );
    let mut options = options();
    options.deadlines.answer = Duration::from_millis(20);
    let error = connect(&yaml, &options).unwrap().token().await.unwrap_err();
    let (sentence, _) = told(&error);
    assert!(sentence.starts_with("no answer came from the identity service"), "{sentence}");
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_given_up() {
    // A listener whose queue is full drops what else arrives, as a firewall would.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let queued: Vec<_> = (0..2).map(|_| tokio::net::TcpStream::connect(address)).collect();
    let _queued = futures::future::try_join_all(queued).await.unwrap();
    let yaml = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"http://{address}/v3\", user_id: u, password: p}}\n"
    );
    let mut options = options();
    options.deadlines.connect = Duration::from_millis(20);
    let error = connect(&yaml, &options).unwrap().token().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert!(sentence.ends_with("no connection came about in time"), "{sentence}");
    assert!(hint.contains("firewall"), "{hint}");
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_web_page_at_auth_url_is_recognised_with_and_without_a_version() {
    let html = "<!DOCTYPE html><html><head><title>Horizon Login</title></head></html>";
    for status in [200, 404, 405] {
        let fake = Fake::start(move |_| Some(page(status, html))).await;
        for path in ["/v3", "/dashboard"] {
            let error = somewhere(&(fake.url.clone() + path)).token().await.unwrap_err();
            let (sentence, hint) = told(&error);
            assert!(matches!(error, Error::NotIdentity { .. }), "{error:?}");
            assert!(sentence.contains("a web page (\"Horizon Login\")"), "{sentence}");
            assert!(hint.contains("/v3"), "{hint}");
        }
    }
}

#[tokio::test]
async fn an_identity_service_without_version_3_is_told_so() {
    let fake = Fake::start(|seen| {
        (seen.path() == "/").then(|| {
            reply(300, &json!({ "versions": { "values": [{ "id": "v2.0", "status": "stable" }] } }))
        })
    })
    .await;
    let error = somewhere(&fake.url).token().await.unwrap_err();
    assert!(told(&error).0.contains("has no API version v3; it has 2.0"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_but_named() {
    let fake = Fake::start(|seen| {
        seen.is_sign_in().then(|| {
            with_header(reply(301, &json!({})), "location", "https://ks.example/v3/auth/tokens")
        })
    })
    .await;
    let (sentence, hint) = told(&sign_in_error(&fake).await);
    assert!(
        sentence.contains("redirects POST") && sentence.contains("https://ks.example"),
        "{sentence}"
    );
    assert!(hint.contains("https://"), "{hint}");
}

async fn with_catalog(catalog: Value, more: Value) -> Fake {
    Fake::start(move |seen| seen.is_sign_in().then(|| token("t", &catalog, &more))).await
}

fn catalog() -> Value {
    let endpoint = |interface: &str, region: &str| json!({ "interface": interface, "region": region, "url": "http://127.0.0.1:1/" });
    json!([
        { "type": "image", "endpoints": [endpoint("public", "north"), endpoint("internal", "south")] },
        { "type": "compute", "endpoints": [endpoint("public", "north")] },
    ])
}

#[tokio::test]
async fn a_service_that_the_cloud_lacks_is_named_with_those_it_has() {
    let fake = with_catalog(catalog(), json!({})).await;
    let error = fake.cloud().get("load-balancer", "/v2/lbaas").send().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        "the cloud \"fake\" has no load-balancer service for project \"demo\"; it has compute, image"
    );
    assert!(hint.contains("load_balancer_endpoint_override"), "{hint}");
}

#[tokio::test]
async fn a_wrong_region_is_named_with_the_regions_there_are() {
    let fake = with_catalog(catalog(), json!({})).await;
    let cloud = fake.cloud_with("    region_name: North\n", |_| {});
    let error = cloud.get("image", "/v2/images").send().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        "the image service of cloud \"fake\" has no endpoint in region \"North\"; it has north, south"
    );
    assert!(hint.contains("OS_REGION_NAME"), "{hint}");
}

#[tokio::test]
async fn a_wrong_interface_is_named_with_the_interfaces_there_are() {
    let fake = with_catalog(catalog(), json!({})).await;
    let cloud = fake.cloud_with("    interface: internal\n    region_name: north\n", |_| {});
    let error = cloud.get("image", "/v2/images").send().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        "the image service of cloud \"fake\" has no internal endpoint; it has public"
    );
    assert!(hint.contains("OS_INTERFACE"), "{hint}");
}

#[tokio::test]
async fn a_token_without_project_is_told_from_a_cloud_without_services() {
    let fake = with_catalog(json!([]), json!({ "project": null })).await;
    let cloud = fake.cloud();
    let error = cloud.get("image", "/v2/images").send().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert_eq!(
        sentence,
        "the cloud \"fake\" is used with no scope, but the image service needs a project"
    );
    assert!(hint.contains("OS_PROJECT_NAME"), "{hint}");
    assert!(matches!(cloud.project_id().await, Err(Error::NoProject { .. })));
}

#[tokio::test]
async fn an_unusable_address_in_the_catalogue_is_named() {
    let catalog = json!([{ "type": "image", "endpoints":
        [{ "interface": "public", "region": "r", "url": "glance:9292" }] }]);
    let fake = with_catalog(catalog, json!({})).await;
    let error = fake.cloud().get("image", "/v2/images").send().await.unwrap_err();
    assert!(told(&error).0.contains("the address \"glance:9292\" of the image service"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_carries_the_message_the_request_id_and_a_hint() {
    let fake = Fake::start(|seen| {
        seen.path().starts_with("/image").then(|| {
            page(403, "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>\
                       You are not authorized to complete publicize_image action.<br /><br /></body></html>")
        })
    })
    .await;
    let error =
        fake.cloud().patch("image", "/v2/images/1").json(&json!([])).send().await.unwrap_err();
    let (sentence, hint) = told(&error);
    assert!(
        sentence.starts_with(
            "the image service of cloud \"fake\" answered 403 Forbidden to PATCH http://127.0.0.1:"
        ) && sentence.ends_with(
            "/image/v2/images/1: You are not authorized to complete publicize_image action."
        ),
        "{sentence}"
    );
    assert!(hint.contains("role"), "{hint}");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Forbidden, Some(StatusCode::FORBIDDEN)));
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_told_so() {
    let fake = Fake::start(|seen| {
        seen.path()
            .starts_with("/image")
            .then(|| page(200, "<html><title>Maintenance</title></html>"))
    })
    .await;
    let answer = fake.cloud().get("image", "/v2/images").send().await.unwrap();
    let error = answer.json::<Value>().unwrap_err();
    assert!(told(&error).0.contains("a web page (\"Maintenance\")"), "{error}");
}

#[tokio::test]
async fn what_no_header_can_carry_is_the_callers_mistake() {
    let fake = Fake::start(|_| None).await;
    let request = fake.cloud().get("image", "/v2/images").header("x-note", "two\nlines");
    let error = request.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(fake.targets().is_empty());
}
