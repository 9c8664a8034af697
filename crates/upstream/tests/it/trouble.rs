//! Upstreams that fail: the right message for their definitions, and the others go on.

use std::time::Duration;

use lotse_upstream::{Catalogue, Finding, Limits, Outcome, look};

use crate::server::{Fault, Upstream, client_with, recorded};

async fn debian(upstream: &Upstream, limits: Limits) -> Vec<Finding> {
    let mut catalogue = Catalogue::load(&recorded("definitions/debian.yml")).unwrap();
    let other = Catalogue::load(&recorded("definitions/almalinux.yml")).unwrap();
    catalogue.definitions.extend(other.definitions);
    let all: Vec<_> = catalogue.definitions.iter().collect();
    look(&all, &upstream.sources(), &client_with(&limits)).await
}

/// What is said of Debian 13 under this fault, while the others go on.
async fn said(part: &str, fault: Fault, limits: Limits) -> String {
    let upstream = Upstream::start().await;
    upstream.fault(part, fault);
    let findings = debian(&upstream, limits).await;
    assert!(matches!(findings[2].outcome, Outcome::Newer { .. }), "{findings:#?}");
    match &findings[1].outcome {
        Outcome::Failed { why } | Outcome::Unusable { why } => why.clone(),
        other => panic!("{other:?}"),
    }
}

const LISTING: &str = "/trixie/daily/";
const URL: &str = "https://cdimage.debian.org/cdimage/cloud/trixie/daily/";

#[tokio::test]
async fn what_is_not_there_is_told_with_its_address() {
    let why = said(LISTING, Fault::Status(404, 0), Limits::default()).await;
    assert_eq!(why, format!("{URL}: upstream has nothing there (404)"));
    let why = said(LISTING, Fault::Status(401, 0), Limits::default()).await;
    assert_eq!(why, format!("{URL}: upstream answers 401 Unauthorized"));
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_then_told_about() {
    let why = said(LISTING, Fault::Status(500, 0), Limits::default()).await;
    assert_eq!(why, format!("{URL}: upstream answers 500 Internal Server Error (3 attempts)"));
    let upstream = Upstream::start().await;
    upstream.fault(LISTING, Fault::Status(503, 2));
    let findings = debian(&upstream, Limits::default()).await;
    assert!(matches!(findings[1].outcome, Outcome::Newer { .. }), "{findings:#?}");
}

#[tokio::test]
async fn a_server_that_stalls_is_left() {
    // Long enough for everybody who answers at all, however busy the machine is.
    let limits = Limits { idle: Duration::from_secs(5), attempts: 1, ..Limits::default() };
    let why = said(LISTING, Fault::Stall, limits).await;
    let expected = "upstream stopped sending in the middle of the answer (1 attempt)";
    assert_eq!(why, format!("{URL}: {expected}"));
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_not_believed() {
    let why = said(LISTING, Fault::CutOff, Limits::default()).await;
    assert!(why.starts_with(&format!("{URL}: the answer was cut off")), "{why}");
    let why = said("20261113-2661/SHA512SUMS", Fault::CutOff, Limits::default()).await;
    assert!(why.contains("/20261113-2661/SHA512SUMS: the answer was cut off"), "{why}");
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    let limits = Limits { listing_bytes: 1 << 20, ..Limits::default() };
    let why = said(LISTING, Fault::Endless, limits).await;
    assert_eq!(why, format!("{URL}: the answer has more than 1048576 bytes"));
}

#[tokio::test]
async fn a_build_whose_file_is_missing_is_not_taken_over() {
    let upstream = Upstream::start().await;
    upstream.fault("debian-13-genericcloud-amd64-daily-20261113", Fault::Status(404, 0));
    let findings = debian(&upstream, Limits::default()).await;
    let Outcome::Newer { build, .. } = &findings[1].outcome else { panic!("{findings:#?}") };
    assert_eq!(build.version, "20261112", "the one before is taken");
}

#[tokio::test]
async fn redirects_are_followed_and_loops_are_not() {
    let why = said(LISTING, Fault::Redirect("/trixie/daily/again"), Limits::default()).await;
    assert!(why.contains("a redirect to /trixie/daily/again that is not followed"), "{why}");
}

#[tokio::test]
async fn an_api_whose_requests_are_used_up_says_so() {
    let upstream = Upstream::start().await;
    upstream.fault("/repos/siderolabs/", Fault::Rationed);
    let catalogue = Catalogue::load(&recorded("definitions/talos.yml")).unwrap();
    let all: Vec<_> = catalogue.definitions.iter().collect();
    let findings = look(&all, &upstream.sources(), &client_with(&Limits::default())).await;
    let Outcome::Failed { why } = &findings[0].outcome else { panic!("{findings:#?}") };
    assert!(why.ends_with("the requests it grants are used up; try again later"), "{why}");
    assert_eq!(upstream.asked().len(), 1, "and is not asked again");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_reason() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let text = format!("mirrors:\n  - {{from: 'https://cdimage.debian.org/', to: '{base}'}}\n");
    let file = lotse_core::declared::SourceFile::new("s.yaml", text);
    let sources = lotse_upstream::Sources::from_source(&file, true).unwrap();
    let catalogue = Catalogue::load(&recorded("definitions/debian.yml")).unwrap();
    let all: Vec<_> = catalogue.definitions.iter().collect();
    let findings = look(&all, &sources, &client_with(&Limits::default())).await;
    let Outcome::Failed { why } = &findings[1].outcome else { panic!("{findings:#?}") };
    assert!(why.starts_with(URL) && why.ends_with("(3 attempts)"), "{why}");
}
