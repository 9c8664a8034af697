//! Sign-in at a real identity provider: who comes in, and what happens when something is wrong.

use serde_json::json;

use crate::identity::{Answer, Provider, Setup, Visitor};
use crate::process::{Place, browse, get};

/// One answer may take so long that only a provider that stands still is slow.
const PATIENT: &str = "    timeout_seconds: 60\n    client_id: lotse\n";

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.text.contains("<h1>") && answer.text.contains(word), "{word}: {answer:?}");
}

/// The word of this name in an address.
fn word(url: &str, name: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn people_get_the_roles_of_their_groups_whatever_the_provider_signs_with() {
    let mut provider = Provider::start();
    for setup in [
        Setup::USUAL,
        Setup { algorithm: "ES256", confidential: false, in_token: true },
        Setup { algorithm: "EdDSA", confidential: true, in_token: true },
    ] {
        let place = Place::new();
        let daemon = provider.daemon(&place, setup, PATIENT);
        provider.set_up(&daemon, setup);
        for (login, name, role) in [("ada", "Ada", "admin"), ("vera", "Vera", "viewer")] {
            let visitor = Visitor::of(&daemon);
            assert_eq!(visitor.open("/tokens").await.status, 303, "nobody is let in unknown");
            let answer = visitor.sign_in(login).await;
            assert_eq!(answer.status, 303, "{}: {answer:?}", setup.algorithm);
            assert!(answer.location.ends_with("/me"), "{answer:?}");
            let me = visitor.me().await;
            assert_eq!(
                (&me["name"], &me["actor"]),
                (&json!(name), &json!(format!("user:{login}")))
            );
            assert!(me["roles"].as_array().unwrap().contains(&json!(role)), "{me}");
            let may = if role == "admin" { 200 } else { 403 };
            assert_eq!(visitor.open("/audit").await.status, may, "{login}");
        }
        let answer = Visitor::of(&daemon).sign_in("eve").await;
        assert_refused(&answer, 403, "visitors");
        assert!(daemon.terminate().success());
    }
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn keys_that_turn_between_sign_ins_are_fetched_and_nobody_notices() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let daemon = provider.daemon(&place, Setup::USUAL, PATIENT);
    for round in 0..2 {
        provider.set_up(&daemon, Setup::USUAL);
        let answer = Visitor::of(&daemon).sign_in("ada").await;
        assert_eq!(answer.status, 303, "{round}: {answer:?}");
    }
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn a_code_counts_once_and_only_in_the_browser_and_for_the_client_that_asked() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let daemon = provider.daemon(&place, Setup::USUAL, PATIENT);
    provider.set_up(&daemon, Setup::USUAL);
    let (ada, eve) = (Visitor::of(&daemon), Visitor::of(&daemon));
    let used = ada.outward("ada").await;
    assert_eq!(ada.open(&used).await.status, 303);
    assert_refused(&ada.open(&used).await, 400, "cannot be finished");

    // Eve puts a code into the sign-in that she began: one that was used, then one that is fresh.
    for code in [word(&used, "code"), word(&ada.outward("ada").await, "code")] {
        let own = eve.outward("eve").await;
        let mixed = own.replace(&word(&own, "code"), &code);
        assert_refused(&eve.open(&mixed).await, 403, "invalid_grant");
    }
    // The code of another client, for the right browser.
    let sent = ada.open("/sign-in/start").await.location;
    let for_another = sent.replace("client_id=lotse", "client_id=another");
    let back = ada.open(&for_another).await.location;
    assert!(back.contains("/sign-in/callback?code="), "the provider knows her: {back}");
    assert_refused(&ada.open(&back).await, 403, "invalid_grant");
    assert_eq!(eve.open("/me").await.status, 303, "she never came in");
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn a_client_that_the_provider_does_not_know_or_trust_is_told_so() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let unknown = provider.daemon(&place, Setup::USUAL, "    client_id: nobody\n");
    provider.set_up(&unknown, Setup::USUAL);
    let visitor = Visitor::of(&unknown);
    let sent = visitor.open("/sign-in/start").await;
    let refused = visitor.open(&sent.location).await;
    assert!(refused.status == 400 && refused.text.contains("invalid_client"), "{refused:?}");
    assert!(unknown.terminate().success());

    let place = Place::new();
    let wrong = Setup { confidential: false, ..Setup::USUAL };
    let daemon = provider.daemon(&place, wrong, PATIENT);
    provider.set_up(&daemon, Setup::USUAL);
    let answer = Visitor::of(&daemon).sign_in("ada").await;
    assert_refused(&answer, 403, "invalid_client");
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn without_the_provider_the_rest_stays_up_and_it_is_found_again() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let daemon = provider.daemon(&place, Setup::USUAL, PATIENT);
    provider.set_up(&daemon, Setup::USUAL);
    let (ada, vera) = (Visitor::of(&daemon), Visitor::of(&daemon));
    assert_eq!(ada.sign_in("ada").await.status, 303);
    let back = vera.outward("vera").await;
    let start_again = provider.stop();
    assert_refused(&vera.open(&back).await, 503, "cannot be reached");
    assert_eq!(get(&daemon.page(), "/readyz").0, 200);
    assert_eq!(ada.open("/audit").await.status, 200, "who is in stays in");

    // A daemon that starts meanwhile, too.
    let second = Place::new();
    let config = std::fs::read_to_string(place.path("lotse.yaml")).unwrap();
    second.write("lotse.yaml", &config);
    let other = second.serve();
    assert_eq!(get(&other.page(), "/readyz").0, 200);
    let stranger = Visitor::of(&other);
    assert_refused(&stranger.open("/sign-in/start").await, 503, "cannot be reached");
    assert_eq!(stranger.open("/sign-in").await.status, 200);

    // It comes back with other keys, and knows nothing of what it said before.
    let mut provider = start_again();
    provider.set_up(&daemon, Setup::USUAL);
    assert_eq!(vera.sign_in("vera").await.status, 303);
    provider.set_up(&other, Setup::USUAL);
    assert_eq!(stranger.sign_in("ada").await.status, 303);
    assert!(daemon.terminate().success() && other.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn a_provider_that_stands_still_is_given_up_and_asked_again_later() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let hasty = "    timeout_seconds: 1\n    client_id: lotse\n";
    let daemon = provider.daemon(&place, Setup::USUAL, hasty);
    provider.set_up(&daemon, Setup::USUAL);
    let visitor = Visitor::of(&daemon);
    provider.freeze();
    assert_refused(&visitor.open("/sign-in/start").await, 504, "did not answer in time");
    assert_eq!(get(&daemon.page(), "/readyz").0, 200);
    provider.thaw();
    // The machine may be so busy that it is slow once more.
    while visitor.open("/sign-in/start").await.status != 303 {}
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: oidc-provider in a browser, driven by playwright"]
async fn a_browser_comes_in_by_way_of_another_site_and_out_again() {
    let (mut provider, place) = (Provider::start(), Place::new());
    let daemon = provider.daemon(&place, Setup::USUAL, PATIENT);
    provider.set_up(&daemon, Setup::USUAL);
    browse(&place, "oidc.cjs", &json!({ "base": daemon.page() }));
    assert!(daemon.terminate().success());
}
