//! Listings in pages, in the manner of every service.

use futures::TryStreamExt as _;
use lotse_core::error::chain;
use lotse_openstack::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fake::{Fake, Seen, reply};

#[derive(Deserialize, Debug, PartialEq)]
struct Item {
    id: u32,
}

/// A listing of the items 0 to 4 in pages of two; `link` says how a page points to the next.
async fn listing(link: impl Fn(&mut Value, &str) + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen| {
        if seen.is_sign_in() {
            return None;
        }
        let start: u32 =
            parameter(seen, "marker").map_or(0, |marker| marker.parse::<u32>().unwrap() + 1);
        let items: Vec<_> = (start..5).take(2).map(|id| json!({ "id": id })).collect();
        let mut body = json!({ "things": items });
        if start + 2 < 5 {
            link(&mut body, &format!("marker={}&limit=2", start + 1));
        }
        Some(reply(200, &body))
    })
    .await
}

fn parameter(seen: &Seen, name: &str) -> Option<String> {
    let query = seen.target.split_once('?')?.1.to_owned();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

async fn all(fake: &Fake) -> Result<Vec<u32>, Error> {
    let pages = fake.cloud().pages::<Item>("image", "/v2/things", &[("limit", "2")], "things");
    Ok(pages.all().await?.into_iter().map(|item| item.id).collect())
}

#[tokio::test]
async fn links_of_every_service_lead_through_all_pages() {
    // Glance, without the path that leads to it; Nova, Cinder and Neutron, with another host;
    // Keystone; Octavia-like lists under `links`.
    let glance = listing(|body, next| body["next"] = format!("/v2/things?{next}").into()).await;
    let nova = listing(|body, next| {
        body["things_links"] = json!([
            { "rel": "previous", "href": "http://10.0.0.1/x?marker=0" },
            { "rel": "next", "href": format!("http://10.0.0.1:8774/v2.1/things?{next}") }
        ]);
    })
    .await;
    let keystone = listing(|body, next| {
        body["links"] =
            json!({ "next": format!("https://10.0.0.1/v3/things?{next}"), "previous": null });
    })
    .await;
    let listed = listing(|body, next| {
        body["links"] = json!([{ "rel": "next", "href": format!("?{next}") }]);
    })
    .await;
    for fake in [glance, nova, keystone, listed] {
        assert_eq!(all(&fake).await.unwrap(), [0, 1, 2, 3, 4]);
        let targets = fake.targets();
        assert_eq!(targets.len(), 3);
        assert_eq!(targets[0], "GET /image/v2/things?limit=2");
        assert_eq!(targets[2], "GET /image/v2/things?marker=3&limit=2");
    }
}

#[tokio::test]
async fn full_pages_without_links_are_followed_by_marker_when_asked_to() {
    let fake = Fake::start(|seen| {
        (!seen.is_sign_in()).then(|| {
            let start =
                parameter(seen, "marker").map_or(0, |marker| marker.parse::<u32>().unwrap() + 1);
            let items: Vec<_> =
                (start..5).take(2).map(|id| json!({ "id": id.to_string() })).collect();
            reply(200, &json!({ "things": items }))
        })
    })
    .await;
    let pages = || fake.cloud().pages::<Value>("image", "/v2/things", &[("limit", "2")], "things");
    assert_eq!(pages().by_marker("id").all().await.unwrap().len(), 5);
    assert_eq!(pages().all().await.unwrap().len(), 2, "nobody asked for more");
}

#[tokio::test]
async fn items_come_one_by_one_and_pages_only_as_they_are_needed() {
    let fake = listing(|body, next| body["next"] = format!("/v2/things?{next}").into()).await;
    let pages = fake.cloud().pages::<Item>("image", "/v2/things", &[("limit", "2")], "things");
    let mut items = Box::pin(pages.into_stream());
    for id in 0..2 {
        assert_eq!(items.try_next().await.unwrap(), Some(Item { id }));
    }
    assert_eq!(fake.targets().len(), 1);
    assert_eq!(items.try_collect::<Vec<_>>().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_link_back_to_a_page_that_was_read_ends_the_listing_with_an_error() {
    let fake = Fake::start(|seen| {
        (!seen.is_sign_in())
            .then(|| reply(200, &json!({ "things": [{ "id": 1 }], "next": "/v2/things?limit=2" })))
    })
    .await;
    let error = all(&fake).await.unwrap_err();
    assert!(matches!(error, Error::Paging { .. }), "{error:?}");
    assert_eq!(fake.targets().len(), 1);
}

#[tokio::test]
async fn a_page_that_is_none_is_told_so() {
    for (body, expected) in [
        (json!({ "other": [] }), "it has no \"things\""),
        (json!({ "things": {} }), "\"things\" is not a list"),
        (json!([]), "it is not a JSON object"),
        (json!({ "things": [{ "id": "x" }] }), "an item of \"things\""),
    ] {
        let fake = Fake::start(move |seen| (!seen.is_sign_in()).then(|| reply(200, &body))).await;
        let error = all(&fake).await.unwrap_err();
        assert!(chain(&error).contains(expected), "{error}");
    }
}
