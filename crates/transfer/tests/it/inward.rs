//! Publishers that lead downloads to internal addresses. For these tests the publisher's own address on
//! loopback counts as one of the public internet, and all others as what they are.

use std::net::{IpAddr, Ipv4Addr};

use lotse_core::error::{ErrorKind, Explain as _};
use lotse_core::retry::RetryClass;
use lotse_transfer::guard::{Class, class};
use lotse_transfer::{Error, Fetcher, HttpOptions, Publisher, Source, Spooled, Wanted, Watch};
use reqwest::Method;

use crate::server::{Answer, File, Server, limits};

fn classify(address: IpAddr) -> Class {
    if address == Ipv4Addr::LOCALHOST { Class::Public } else { class(address) }
}

async fn fetched(from: Source, internal_redirects: bool) -> Result<Spooled, Error> {
    let dir = tempfile::tempdir().unwrap();
    let options =
        HttpOptions { internal_redirects, classify: Some(classify), ..HttpOptions::default() };
    let fetcher = Fetcher::new(&options, limits()).unwrap();
    fetcher.spool(&Wanted::new(from), &dir.path().join("spool"), &Watch::nobody()).await
}

/// A publisher who leads there, over another server of his if `twice`.
async fn leading(to: &str, twice: bool) -> Server {
    let to = to.to_owned();
    let last = Server::start(move |_| Answer::status(302).header("Location", to.clone())).await;
    if !twice {
        return last;
    }
    let to = last.url();
    Server::start(move |_| Answer::status(307).header("Location", to.clone())).await
}

#[tokio::test]
async fn a_public_publisher_does_not_lead_inside() {
    let file = File::of(1000);
    let inside = Server::of_at("127.0.0.2", &file).await;
    let metadata = "http://169.254.169.254/latest/meta-data".to_owned();
    for to in [inside.url(), metadata, "http://[::1]/".to_owned(), "http://2130706434/".to_owned()]
    {
        for twice in [false, true] {
            let server = leading(&to, twice).await;
            let error = fetched(server.source(), false).await.unwrap_err();
            assert!(matches!(error, Error::Inward { .. }), "{to}: {error}");
            assert!(error.to_string().ends_with(", which is not followed"), "{error}");
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Refused, RetryClass::Never));
            assert_eq!(server.asked().len(), 1, "it is not tried again");
        }
    }
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn whoever_allows_it_is_led_inside() {
    let inside = Server::of_at("127.0.0.2", &File::of(1000)).await;
    let server = leading(&inside.url(), false).await;
    assert_eq!(fetched(server.source(), true).await.unwrap().size(), 1000);
}

#[tokio::test]
async fn an_internal_publisher_may_lead_inside_and_a_public_one_outside() {
    let file = File::of(1 << 20);
    let inside = Server::of_at("127.0.0.2", &file).await;
    let to = inside.url();
    let mirror = move |_: &crate::server::Asked| Answer::status(302).header("Location", to.clone());
    let internal = Server::start_at("127.0.0.3", mirror).await;
    assert_eq!(fetched(internal.source(), false).await.unwrap().size(), 1 << 20);
    // The ranges that follow go where the first one was led.
    let outside = Server::of(&file).await;
    let public = leading(&outside.url(), true).await;
    assert_eq!(fetched(public.source(), false).await.unwrap().size(), 1 << 20);
    assert_eq!(public.asked().len(), 1);
}

#[tokio::test]
async fn what_publishers_say_in_few_words_is_not_read_inside_either() {
    let inside = Server::of_at("127.0.0.2", &File::of(1000)).await;
    let server = leading(&inside.url(), true).await;
    let asked = async |internal_redirects| {
        let options =
            HttpOptions { internal_redirects, classify: Some(classify), ..HttpOptions::default() };
        let publisher = Publisher::new(&options, limits()).unwrap();
        publisher.ask(&Method::GET, server.url().parse().unwrap()).await
    };
    let error = asked(false).await.unwrap_err();
    assert!(matches!(error, Error::Inward { .. }), "{error}");
    assert!(inside.asked().is_empty());
    let answer = asked(true).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(1000)));
    // Round and round is nowhere.
    let round =
        Server::start(|_| Answer::status(302).header("Location", "/again".to_owned())).await;
    let publisher = Publisher::new(&HttpOptions::default(), limits()).unwrap();
    let error = publisher.ask(&Method::GET, round.url().parse().unwrap()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("status 302, a redirect to /again that is not followed"), "{text}");
}
