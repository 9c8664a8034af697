//! What is tried again, how often, and what is not.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain as _};
use lotse_core::retry::RetryClass;
use lotse_openstack::Error;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{Fake, connect, options, reply, token, with_header};

const IMAGES: &str = "/image/v2/images";

/// Answers the first request to the images with this, later ones with an empty list.
async fn first_then_fine(
    first: impl Fn() -> axum::response::Response + Send + Sync + 'static,
) -> Fake {
    Fake::start(move |seen| {
        (seen.path() == IMAGES)
            .then(|| if seen.before == 0 { first() } else { reply(200, &json!({ "images": [] })) })
    })
    .await
}

#[tokio::test]
async fn a_read_is_repeated_when_the_service_or_its_proxy_is_down_for_a_moment() {
    for status in [502, 503, 504] {
        let fake = first_then_fine(move || reply(status, &json!({}))).await;
        let answer = fake.cloud().get("image", "/v2/images").send().await.unwrap();
        assert_eq!(answer.timing().attempts, 2, "{status}");
    }
}

#[tokio::test]
async fn a_creation_is_not_repeated_when_its_effect_is_uncertain() {
    for status in [500, 502, 503, 504] {
        let fake = first_then_fine(move || reply(status, &json!({}))).await;
        let error =
            fake.cloud().post("image", "/v2/images").json(&json!({})).send().await.unwrap_err();
        assert_eq!(error.status().unwrap(), status);
        assert_eq!(fake.targets(), ["POST /image/v2/images"]);
    }
}

#[tokio::test]
async fn a_creation_that_the_caller_calls_idempotent_is_repeated() {
    let fake = first_then_fine(|| reply(503, &json!({}))).await;
    let request = fake.cloud().post("image", "/v2/images").json(&json!({})).idempotent(true);
    request.send().await.unwrap();
    assert_eq!(fake.targets().len(), 2);
}

#[tokio::test]
async fn throttling_is_waited_for_as_the_service_says_even_for_creations() {
    for pause in ["0", "Sat, 21 Nov 2020 10:00:30 GMT"] {
        let fake =
            first_then_fine(move || with_header(reply(429, &json!({})), "retry-after", pause))
                .await;
        fake.cloud().post("image", "/v2/images").json(&json!({})).send().await.unwrap();
        assert_eq!(fake.targets().len(), 2, "{pause}");
    }
}

#[tokio::test]
async fn a_service_that_asks_for_too_long_a_pause_is_not_waited_for() {
    let fake = first_then_fine(|| with_header(reply(503, &json!({})), "retry-after", "3600")).await;
    let error = fake.cloud().get("image", "/v2/images").send().await.unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::After(Duration::from_hours(1)));
    assert_eq!(fake.targets().len(), 1);
}

#[tokio::test]
async fn a_conflict_is_repeated_only_where_the_caller_knows_it_to_pass() {
    let fake = first_then_fine(|| reply(409, &json!({}))).await;
    let error = fake.cloud().delete("image", "/v2/images").send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_class()), (ErrorKind::Conflict, RetryClass::Never));

    let fake = first_then_fine(|| reply(409, &json!({}))).await;
    fake.cloud().delete("image", "/v2/images").conflict_passes().send().await.unwrap();
    assert_eq!(fake.targets().len(), 2);
}

#[tokio::test]
async fn a_caller_that_repeats_by_itself_sees_every_failure() {
    let fake = first_then_fine(|| reply(503, &json!({}))).await;
    let error = fake.cloud().get("image", "/v2/images").once().send().await.unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::Ambiguous);
    assert_eq!(fake.targets().len(), 1);
}

#[tokio::test]
async fn attempts_end() {
    let fake = Fake::start(|seen| (seen.path() == IMAGES).then(|| reply(503, &json!({})))).await;
    let error = fake.cloud().get("image", "/v2/images").send().await.unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::Ambiguous);
    assert_eq!(fake.targets().len(), 3);
}

#[tokio::test]
async fn a_token_that_a_service_refuses_is_replaced_once_for_all_who_use_it() {
    // Only the second token is good.
    let fake = Fake::start(|seen| {
        (seen.path() == IMAGES).then(|| match seen.header("x-auth-token") {
            "token-1" => reply(200, &json!({ "images": [] })),
            _ => reply(401, &json!({})),
        })
    })
    .await;
    let cloud = fake.cloud();
    let requests = (0..20).map(|_| cloud.get("image", "/v2/images").send());
    for result in futures::future::join_all(requests).await {
        result.unwrap();
    }
    assert_eq!(fake.sign_ins(), 2);
}

#[tokio::test]
async fn a_service_that_refuses_the_new_token_too_is_not_asked_a_third_time() {
    let fake = Fake::start(|seen| (seen.path() == IMAGES).then(|| reply(401, &json!({})))).await;
    let error = fake.cloud().get("image", "/v2/images").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.hints().concat().contains("fresh token"), "{:?}", error.hints());
    assert_eq!((fake.sign_ins(), fake.targets().len()), (2, 2));
}

#[tokio::test]
async fn a_failed_sign_in_is_reported_to_all_who_waited_and_tried_once() {
    let fake = Fake::start(|seen| {
        seen.is_sign_in().then(|| reply(401, &json!({ "error": { "message": "no" } })))
    })
    .await;
    let cloud = fake.cloud();
    let requests = (0..20).map(|_| cloud.get("image", "/v2/images").send());
    for result in futures::future::join_all(requests).await {
        assert!(matches!(result, Err(Error::Credentials { .. })));
    }
    assert_eq!(fake.sign_ins(), 1);
}

/// A server whose connections are cut: the n-th one after the bytes that `answer` gives for n.
async fn cutting(answers: Vec<&'static str>) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count: Arc<std::sync::atomic::AtomicUsize> = Arc::default();
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let number = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let answer = answers.get(number).or(answers.last()).copied().unwrap_or_default();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, count)
}

const WHOLE: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"images\":[]}";
const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"ima";

async fn cloud_with_images_at(url: &str) -> (Fake, lotse_openstack::Cloud) {
    let catalog = json!([{ "type": "image", "endpoints":
        [{ "interface": "public", "region": "here", "url": url }] }]);
    let fake =
        Fake::start(move |seen| seen.is_sign_in().then(|| token("t", &catalog, &json!({})))).await;
    let cloud = fake.cloud();
    (fake, cloud)
}

#[tokio::test]
async fn a_read_is_repeated_when_the_connection_is_cut_before_or_within_the_answer() {
    for first in ["", HALF] {
        let (url, count) = cutting(vec![first, WHOLE]).await;
        let (_fake, cloud) = cloud_with_images_at(&url).await;
        let answer = cloud.get("image", "/v2/images").send().await.unwrap();
        assert_eq!(answer.body().len(), 13);
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn a_creation_is_not_repeated_when_the_connection_is_cut() {
    let (url, count) = cutting(vec!["", WHOLE]).await;
    let (_fake, cloud) = cloud_with_images_at(&url).await;
    let error = cloud.post("image", "/v2/images").json(&json!({})).send().await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
    assert_eq!(error.retry_class(), RetryClass::Ambiguous);
    assert!(error.request_id().unwrap().starts_with("req-"), "the id we sent can be looked for");
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_attempt_and_every_request_carries_its_global_request_id() {
    let fake = first_then_fine(|| reply(503, &json!({}))).await;
    let cloud = fake.cloud();
    cloud.get("image", "/v2/images").send().await.unwrap();
    let answer = cloud.get("image", "/v2/images").send().await.unwrap();
    let ids: Vec<_> = fake
        .seen()
        .iter()
        .filter(|seen| !seen.is_sign_in())
        .map(|seen| seen.header("x-openstack-request-id").to_owned())
        .collect();
    assert_eq!(ids[0], ids[1], "a repeated request keeps its id");
    assert_ne!(ids[1], ids[2]);
    assert_eq!(ids[2], answer.global_request_id());
    let uuid = ids[2].strip_prefix("req-").unwrap();
    assert!(uuid.len() == 36 && uuid.chars().filter(|sign| *sign == '-').count() == 4);
}

#[tokio::test]
async fn a_run_can_give_all_its_requests_one_global_request_id() {
    let id = "req-6c8e0c4e-8a1c-4c39-9a55-0d9f1f1b2a3c";
    let fake = first_then_fine(|| reply(200, &json!({}))).await;
    let mut options = options();
    options.global_request_id = Some(id.to_owned());
    let cloud = connect(&fake.clouds_yaml(""), &options).unwrap();
    cloud.get("image", "/v2/images").send().await.unwrap();
    assert!(fake.seen().iter().all(|seen| seen.header("x-openstack-request-id") == id));
}
