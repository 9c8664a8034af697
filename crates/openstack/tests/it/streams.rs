//! Large bodies, limits on sizes, times and numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use lotse_core::error::{ErrorKind, Explain as _, chain};
use lotse_openstack::{Error, ServiceLimit, UploadStream};
use serde_json::json;

use crate::fake::{Fake, reply};

fn pieces(count: usize) -> UploadStream {
    futures::stream::iter((0..count).map(|_| Ok(Bytes::from_static(&[7; 1000])))).boxed()
}

const FILE: &str = "/v2/images/1/file";

#[tokio::test]
async fn a_stream_goes_out_with_its_length() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(204, &json!({})))).await;
    let cloud = fake.cloud();
    let upload = cloud.put("image", FILE).stream_body(Some(100_000), pieces(100));
    upload.header("content-type", "application/octet-stream").send().await.unwrap();
    let seen = fake.seen().pop().unwrap();
    assert_eq!((seen.header("content-length"), seen.body.len()), ("100000", 100_000));
    assert_eq!(seen.header("transfer-encoding"), "");
}

#[tokio::test]
async fn a_stream_of_unknown_length_goes_out_in_chunks() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(204, &json!({})))).await;
    fake.cloud().put("image", FILE).stream_body(None, pieces(3)).send().await.unwrap();
    let seen = fake.seen().pop().unwrap();
    assert_eq!((seen.header("transfer-encoding"), seen.body.len()), ("chunked", 3000));
}

#[tokio::test]
async fn a_stream_shorter_or_longer_than_announced_is_an_error_of_the_data() {
    for announced in [2500, 3500] {
        let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(204, &json!({})))).await;
        let upload = fake.cloud().put("image", FILE).stream_body(Some(announced), pieces(3));
        let error = upload.send().await.unwrap_err();
        assert!(matches!(error, Error::Upload { .. }), "{error:?}");
        assert!(
            chain(&error).contains(&format!("{announced} were announced")),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_stream_whose_source_fails_says_why() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(204, &json!({})))).await;
    let failing = pieces(1)
        .chain(futures::stream::iter([Err(std::io::Error::other("the disk is gone"))]))
        .boxed();
    let error =
        fake.cloud().put("image", FILE).stream_body(Some(2000), failing).send().await.unwrap_err();
    assert!(chain(&error).contains("the disk is gone"), "{}", chain(&error));
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn a_stream_that_exists_once_is_attempted_once_and_another_again() {
    let busy_first = || {
        Fake::start(|seen| {
            (!seen.is_sign_in())
                .then(|| reply(if seen.before == 0 { 503 } else { 204 }, &json!({})))
        })
    };
    let fake = busy_first().await;
    let once = fake.cloud().put("image", FILE).stream_body(Some(3000), pieces(3));
    assert_eq!(once.send().await.unwrap_err().status().unwrap(), 503);

    let fake = busy_first().await;
    let again = fake.cloud().put("image", FILE).repeatable_stream_body(Some(3000), || pieces(3));
    again.send().await.unwrap();
    assert!(fake.seen()[1..].iter().all(|seen| seen.body.len() == 3000));
}

#[tokio::test]
async fn an_upload_that_moves_is_not_given_up_however_long_it_takes() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(204, &json!({})))).await;
    let cloud =
        fake.cloud_with("", |options| options.deadlines.answer = Duration::from_millis(200));
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let slow = futures::stream::unfold((0, beat), |(sent, mut beat)| async move {
        beat.tick().await;
        (sent < 10).then(|| (Ok(Bytes::from_static(&[7; 1000])), (sent + 1, beat)))
    });
    cloud.put("image", FILE).stream_body(Some(10_000), slow.boxed()).send().await.unwrap();
    assert_eq!(fake.seen().pop().unwrap().body.len(), 10_000);
}

/// An answer of this many pieces of 1000 bytes, then nothing more without an end.
fn unending(count: usize) -> Response {
    let pieces = pieces(count).chain(futures::stream::pending());
    Response::new(Body::from_stream(pieces))
}

#[tokio::test]
async fn an_answer_comes_in_pieces_and_its_silence_is_noticed() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| unending(3))).await;
    let cloud = fake.cloud_with("", |options| options.deadlines.idle = Duration::from_millis(50));
    let response = cloud.get("image", FILE).stream().await.unwrap();
    let mut body = Box::pin(response.into_stream());
    let mut received = 0;
    let error = loop {
        match body.try_next().await {
            Ok(Some(piece)) => received += piece.len(),
            Ok(None) => panic!("the answer has no end"),
            Err(error) => break error,
        }
    };
    assert_eq!((received, error.kind()), (3000, ErrorKind::Timeout));
}

#[tokio::test]
async fn a_refusal_of_a_stream_is_an_error_like_any_other() {
    let fake = Fake::start(|_| None).await;
    let error = fake.cloud().get("image", FILE).stream().await.unwrap_err();
    assert!(error.is_not_found() && chain(&error).ends_with("nothing here"), "{error}");
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_not_taken() {
    for announced in [true, false] {
        let fake = Fake::start(move |seen| {
            (!seen.is_sign_in()).then(|| {
                if announced { Response::new(Body::from(vec![7; 3000])) } else { unending(3) }
            })
        })
        .await;
        let error = fake.cloud().get("image", FILE).limit(2999).send().await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 2999, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let (now, most): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let (now_there, most_there) = (Arc::clone(&now), Arc::clone(&most));
    let fake = Fake::start(move |seen| {
        (!seen.is_sign_in()).then(|| {
            let (now, most) = (Arc::clone(&now_there), Arc::clone(&most_there));
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // The request is under way until its body has been given.
            Response::new(Body::from_stream(futures::stream::once(async move {
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, std::io::Error>(Bytes::from_static(b"{}"))
            })))
        })
    })
    .await;
    let cloud = fake.cloud_with("", |options| {
        options
            .limits
            .services
            .insert("image".to_owned(), ServiceLimit { at_once: 3, per_second: None });
    });
    let requests = (0..30).map(|_| cloud.get("image", "/v2/images").send());
    futures::future::try_join_all(requests).await.unwrap();
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}
