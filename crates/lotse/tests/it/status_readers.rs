//! Readers of the status page who sign in at a real identity provider.

use serde_json::{Value, json};

use crate::identity::{Provider, Setup, Visitor};
use crate::process::{Place, Server, browse, get};

/// A daemon whose page has an audience for administrators, and where its readers are.
fn library(provider: &mut Provider, place: &Place) -> (Server, String) {
    let more = "    timeout_seconds: 60\n    client_id: lotse\nstatus:\n  listen: 127.0.0.1:0\n  \
                readers: {}\n";
    let daemon = provider.daemon(place, Setup::USUAL, more);
    let page = daemon.hello["status"].as_str().unwrap().trim_end_matches('/').to_owned();
    provider.set_up_for(&format!("{page}/reader/callback"), None, Setup::USUAL);
    for command in [
        &["component", "add", "Registry"][..],
        &["audience", "set", "staff", "Staff", "--group", "cloud-admins", "--group", "helpdesk"],
        &["audience", "show", "Registry", "staff"],
    ] {
        place.run(&[&["status"], command].concat()).with_code(0);
    }
    let listed = place.run(&["status", "audience", "list"]).with_code(0).stdout;
    assert!(listed.contains("staff  Staff  cloud-admins, helpdesk"), "{listed}");
    (daemon, page)
}

/// Signs in on the way to the page of the audience.
async fn arrive(visitor: &Visitor, page: &str, login: &str) -> crate::identity::Answer {
    let back = visitor.led("/a/staff/en/", &format!("{page}/reader/callback?"), login).await;
    let arrived = visitor.open(&back).await;
    assert_eq!((arrived.status, arrived.location), (303, format!("{page}/a/staff/en/")));
    visitor.open("/a/staff/en/").await
}

/// Signs Ada in, and looks until what the commands wrote has reached the page.
async fn see_the_registry(ada: &Visitor, page: &str) {
    let mut shown = arrive(ada, page, "ada").await;
    while !shown.text.contains("Registry") {
        shown = ada.open("/a/staff/en/").await;
    }
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn members_of_a_group_read_the_page_of_their_audience_and_others_do_not() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let (daemon, page) = library(&mut provider, &place);
    let ada = Visitor::at(&page);
    see_the_registry(&ada, &page).await;
    assert!(!get(&page, "/en/").1.contains("Registry"));
    assert_eq!(get(&page, "/a/staff/feed.atom").0, 401);
    let vera = Visitor::at(&page);
    let refused = arrive(&vera, &page, "vera").await;
    assert_eq!(refused.status, 404);
    assert!(refused.text.contains("<strong>Vera</strong>"), "{refused:?}");
    // The session of a reader is none of the console, which is on the same host.
    assert_eq!(ada.open(&format!("{}/tokens", daemon.page())).await.status, 303);
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider, axe in a browser"]
async fn axe_finds_nothing_on_the_pages_of_readers() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let (daemon, page) = library(&mut provider, &place);
    let ada = Visitor::at(&page);
    see_the_registry(&ada, &page).await;
    let pages = [
        "/en/",
        "/a/staff/en/",
        "/a/staff/de/index",
        "/en/reader",
        "/de/reader",
        "/a/nothing/en/",
        "/a/nothing/de/",
        "/reader/callback?state=x",
    ];
    let pictures = place.path("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let asked =
        json!({ "base": page, "cookie": ada.session(), "pages": pages, "pictures": pictures });
    let found: Value = serde_json::from_str(&browse(&place, "axe.cjs", &asked)).unwrap();
    assert_eq!(found["problems"], json!([]), "{found:#}");
    assert_eq!(found["looked"], pages.len() * 6);
    assert!(daemon.terminate().success());
}
