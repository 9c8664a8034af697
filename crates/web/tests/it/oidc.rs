//! Sign-in at an identity provider that conforms, and at one that does not.

use std::sync::Arc;

use lotse_core::time::ManualClock;
use lotse_web::AccessConfig;
use reqwest::StatusCode;
use serde_json::json;

use crate::provider::{Provider, SECRET};
use crate::world::{Answer, Browser, Plan, World, start, strict};

/// A provider, and a daemon that sends people there.
async fn pair() -> (Arc<Provider>, World) {
    let clock = Arc::new(ManualClock::starting_at(start()));
    let provider = Provider::start(clock.clone()).await;
    let access = AccessConfig { oidc: Some(provider.config()), ..strict() };
    let world = World::of(Plan { access, clock, secret: Some(SECRET), ..Plan::default() }).await;
    (provider, world)
}

/// Goes to the provider and to the address it sends back to, which is not opened yet.
async fn outward(browser: &Browser, to: &str) -> String {
    let sent = browser.get(&format!("/sign-in/start?to={to}")).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let stranger = Browser::at("");
    let back = stranger.get(sent.location()).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    back.location().to_owned()
}

async fn sign_in(browser: &Browser) -> Answer {
    let back = outward(browser, "%2Ftasks").await;
    browser.get(&back).await
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").starts_with("text/html") && answer.text.contains("<h1>")
}

#[tokio::test]
async fn a_person_comes_in_with_the_roles_of_their_claim_and_to_the_page_they_wanted() {
    let (provider, world) = pair().await;
    let browser = world.browser();
    assert_eq!(browser.get("/tasks").await.location(), "/sign-in?to=%2Ftasks");
    let page = browser.get("/sign-in?to=%2Ftasks").await;
    assert!(page.text.contains("/sign-in/start?to=%2Ftasks"), "{}", page.text);
    let answer = sign_in(&browser).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/tasks"));
    let me = browser.api("/api/v1/me").await.json();
    assert_eq!((&me["name"], &me["roles"]), (&json!("ada"), &json!(["operator"])));
    assert_eq!(me["actor"], "user:sub-1");
    assert_eq!(browser.cookies().len(), 1, "the cookie of the sign-in is gone");
    let deed = ("user:sub-1".to_owned(), "session.begin".to_owned(), "done");
    assert_eq!(world.deeds().await, [deed]);
    // A second sign-in asks neither for the configuration nor for the keys.
    sign_in(&world.browser()).await;
    assert_eq!(provider.count("/.well-known/openid-configuration"), 1);
    assert_eq!(provider.count("/keys"), 1);
    assert!(world.shell.sign_in_link().await.unwrap().is_none(), "no link beside a provider");
}

#[tokio::test]
async fn roles_may_come_from_userinfo_if_it_is_about_the_same_person() {
    let (provider, world) = pair().await;
    provider.conduct(|conduct| {
        conduct.claims.insert("realm_access", json!(null));
        conduct.userinfo = json!({ "realm_access": { "roles": ["root"] } });
    });
    let browser = world.browser();
    assert_eq!(sign_in(&browser).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.api("/api/v1/me").await.json()["roles"], json!(["admin"]));
    provider.conduct(|conduct| conduct.userinfo["sub"] = json!("sub-2"));
    let refused = sign_in(&world.browser()).await;
    assert!(refused.text.contains("about somebody else"), "{}", refused.text);
}

#[tokio::test]
async fn who_is_granted_no_role_is_told_why_and_written_down() {
    let (provider, world) = pair().await;
    for claim in [json!({ "roles": ["admin", "<script>"] }), json!({}), json!("ops"), json!(7)] {
        provider.conduct(|conduct| drop(conduct.claims.insert("realm_access", claim.clone())));
        let browser = world.browser();
        let refused = sign_in(&browser).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{claim}");
        assert!(
            is_page(&refused) && refused.text.contains("realm_access.roles"),
            "{}",
            refused.text
        );
        assert!(!refused.text.contains("<script>"), "{}", refused.text);
        assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER);
    }
    assert!(world.deeds().await.iter().all(|deed| deed.2 == "denied"));
}

#[tokio::test]
async fn tokens_that_are_not_for_this_sign_in_are_refused_with_a_reason() {
    let (provider, world) = pair().await;
    let now = start().as_second();
    for (claim, value, word) in [
        ("aud", json!("other"), "audience"),
        ("iss", json!("https://evil.example"), "issuer"),
        ("nonce", json!("x"), "nonce"),
        ("exp", json!(now - 30), "ended 30 seconds ago"),
        ("iat", json!(now + 3600), "was made 3600 seconds from now"),
        ("sub", json!("a\u{0}b"), "subject"),
    ] {
        provider.conduct(|conduct| drop(conduct.claims.insert(claim, value)));
        let browser = world.browser();
        let refused = sign_in(&browser).await;
        provider.conduct(|conduct| drop(conduct.claims.remove(claim)));
        assert!(refused.status.is_client_error() || refused.status.is_server_error());
        assert!(is_page(&refused) && refused.text.contains(word), "{claim}: {}", refused.text);
        assert!(!refused.text.contains("at-secret"), "{}", refused.text);
        assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER);
    }
    for claim in [("exp", json!(now - 29)), ("iat", json!(now + 30))] {
        provider.conduct(|conduct| drop(conduct.claims.insert(claim.0, claim.1)));
        assert_eq!(
            sign_in(&world.browser()).await.status,
            StatusCode::SEE_OTHER,
            "within the leeway"
        );
    }
    assert!(world.deeds().await.iter().all(|deed| deed.2 == "done"));
}

#[tokio::test]
async fn tokens_that_the_provider_did_not_sign_are_refused() {
    let (provider, world) = pair().await;
    provider.conduct(|conduct| conduct.foreign_key = true);
    let refused = sign_in(&world.browser()).await;
    assert!(refused.status == 403 && refused.text.contains("not genuine"), "{}", refused.text);
    provider.conduct(|conduct| conduct.foreign_key = false);
    for header in [json!({ "alg": "none" }), json!({ "alg": "HS256" }), json!({ "alg": "RS256" })] {
        provider.conduct(|conduct| conduct.header = Some(header));
        let refused = sign_in(&world.browser()).await;
        assert!(refused.status == 403 && refused.text.contains("not genuine"), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched_when_it_is_first_used() {
    let (provider, world) = pair().await;
    provider.conduct(|conduct| conduct.odd_keys = true);
    for round in 0..3 {
        assert_eq!(sign_in(&world.browser()).await.status, StatusCode::SEE_OTHER, "{round}");
        provider.rotate();
        world.pass(60);
    }
    assert_eq!(provider.count("/keys"), 3, "once per key");
    assert_eq!(provider.count("/.well-known/openid-configuration"), 1);
    // Tokens with made-up keys do not make us ask again and again.
    provider.conduct(|conduct| conduct.header = Some(json!({ "alg": "ES256", "kid": "made-up" })));
    for _ in 0..5 {
        assert_eq!(sign_in(&world.browser()).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(provider.count("/keys"), 4);
}

#[tokio::test]
async fn a_provider_that_is_down_slow_or_wrong_gives_a_page_and_recovers() {
    let (provider, world) = pair().await;
    let browser = world.browser();
    let unavailable = [500, 503, 404, 302];
    for status in unavailable {
        provider.conduct(|conduct| conduct.status = Some(status));
        let page = browser.get("/sign-in/start").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{status}");
        assert!(is_page(&page) && page.text.contains(&status.to_string()), "{}", page.text);
    }
    provider.conduct(|conduct| conduct.status = None);
    provider.conduct(|conduct| conduct.silent = Some("/.well-known"));
    let page = browser.get("/sign-in/start").await;
    assert_eq!(page.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(is_page(&page) && page.text.contains("did not answer in time"), "{}", page.text);
    provider.conduct(|conduct| conduct.silent = None);
    provider.conduct(|conduct| conduct.issuer = Some("https://evil.example".to_owned()));
    let page = browser.get("/sign-in/start").await;
    assert!(page.text.contains("calls itself"), "{}", page.text);
    provider.conduct(|conduct| conduct.issuer = None);

    let back = outward(&browser, "%2F").await;
    provider.conduct(|conduct| conduct.silent = Some("/token"));
    let page = browser.get(&back).await;
    assert_eq!(page.status, StatusCode::GATEWAY_TIMEOUT);
    provider.conduct(|conduct| conduct.silent = None);
    assert_eq!(sign_in(&browser).await.status, StatusCode::SEE_OTHER);

    // What is known of it stays good while it is down, and who is in stays in.
    world.pass(3 * 3600);
    provider.conduct(|conduct| conduct.status = Some(503));
    assert_eq!(browser.get("/sign-in/start").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_began() {
    let (_provider, world) = pair().await;
    let (victim, eve) = (world.browser(), world.browser());
    let back = outward(&eve, "%2F").await;
    let refused = victim.get(&back).await;
    assert!(refused.status == 400 && refused.text.contains("has not begun"), "{}", refused.text);
    let other = outward(&victim, "%2F").await;
    let refused = victim.get(&back).await;
    assert!(refused.status == 400 && refused.text.contains("another sign-in"), "{}", refused.text);
    let cookies = victim.cookies();
    assert_eq!(victim.get(&other).await.status, StatusCode::SEE_OTHER);
    for (name, value) in cookies {
        victim.set(&name, &value);
    }
    let again = victim.get(&other).await;
    assert!(again.status == 400 && again.text.contains("finished already"), "{}", again.text);
    let elsewhere = outward(&victim, "%2F").await;
    let refused = victim.get(&format!("{elsewhere}&iss=https%3A%2F%2Fevil.example")).await;
    assert!(refused.status == 400 && refused.text.contains("another identity"), "{}", refused.text);
    let late = outward(&eve, "%2F").await;
    world.pass(601);
    assert!(eve.get(&late).await.text.contains("took too long"));
}

#[tokio::test]
async fn a_sign_in_may_end_at_another_instance_than_it_began() {
    let (provider, first) = pair().await;
    let mut access = strict();
    access.oidc = Some(provider.config());
    access.public_url = Some(first.base.parse().unwrap());
    let plan = Plan {
        access,
        clock: first.clock.clone(),
        directory: first.directory(),
        secret: Some(SECRET),
        ..Plan::default()
    };
    let second = World::of(plan).await;
    let browser = first.browser();
    let back = outward(&browser, "%2Ftasks").await;
    // The balancer sends the browser to the other one, whose cookies have the same names.
    let elsewhere = Browser::at(&second.base);
    for (name, value) in browser.cookies() {
        elsewhere.set(&name, &value);
    }
    let path = back.trim_start_matches(first.base.as_str());
    let answer = elsewhere.get(path).await;
    assert_eq!(answer.location(), "/tasks", "{}", answer.text);
}

#[tokio::test]
async fn what_the_provider_says_of_an_error_is_shown_and_harmless() {
    let (_provider, world) = pair().await;
    let browser = world.browser();
    let back = outward(&browser, "%2F").await;
    let state = back.split("state=").nth(1).unwrap();
    let long = "x".repeat(4000);
    let answer = browser
        .get(&format!(
            "/sign-in/callback?error=access_denied&error_description=%3Cscript%3E%00{long}&state={state}"
        ))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("access_denied"), "{}", answer.text);
    assert!(!answer.text.contains("<script") && !answer.text.contains('\0'));
    assert!(answer.text.len() < 4000, "cut");
}

#[tokio::test]
async fn a_code_that_the_provider_does_not_know_is_refused() {
    let (_provider, world) = pair().await;
    let browser = world.browser();
    let back = outward(&browser, "%2F").await;
    let state = back.split("state=").nth(1).unwrap();
    let refused = browser.get(&format!("/sign-in/callback?code=made-up&state={state}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("invalid_grant") && !refused.text.contains("<b>"));
}
