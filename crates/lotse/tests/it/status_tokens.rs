//! Writing on the status page with the opaque access tokens of a real identity provider.

use reqwest::Url;
use serde_json::{Value, json};

use crate::identity::{Provider, Setup, Visitor};
use crate::process::{Place, exchange};

/// Where the web client has people sent back to. Nobody listens there: the test is the browser.
const BACK: &str = "http://127.0.0.1:9/login";

/// A verifier and what proves it (the example of RFC 7636, appendix B).
const PROOF: [&str; 2] =
    ["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"];

/// The access token that the web client gets for somebody.
async fn token(provider: &Provider, login: &str) -> String {
    let [verifier, challenge] = PROOF;
    let mut asks = Url::parse(&format!("{}/auth", provider.issuer)).unwrap();
    asks.query_pairs_mut()
        .append_pair("client_id", "web")
        .append_pair("response_type", "code")
        .append_pair("scope", "openid profile")
        .append_pair("redirect_uri", BACK)
        .append_pair("code_challenge", challenge)
        .append_pair("code_challenge_method", "S256");
    let browser = Visitor::at(&provider.issuer);
    let back = Url::parse(&browser.led(asks.as_str(), BACK, login).await).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
    ];
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.post(format!("{}/token", provider.issuer)).form(&form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(!token.contains('.'), "it is opaque: {token}");
    token.to_owned()
}

#[tokio::test]
#[ignore = "real: oidc-provider"]
async fn an_incident_is_reported_with_an_opaque_token_and_a_session_begins() {
    let (mut provider, place) = (Provider::start(), Place::new());
    place.write("client/index.html", "<app-root></app-root>");
    place.write("client/assets/config.json", "{}");
    let more = "    timeout_seconds: 60\n    client_id: lotse\nstatus:\n  listen: 127.0.0.1:0\n  \
                api_listen: 127.0.0.1:0\n  local_writes: false\n  \
                client: { directory: client, client_id: web }\n";
    let daemon = provider.daemon(&place, Setup::USUAL, more);
    provider.set_up_for("http://127.0.0.1:9/unused", Some(BACK), Setup::USUAL);
    let api = daemon.hello["status_api"].as_str().unwrap();
    let report = |token: &str| {
        let header = format!("authorization: Bearer {token}");
        let body = json!({ "displayName": "Disks", "description": "We look." }).to_string();
        exchange(api, "POST /incidents", &header, &body)
    };
    let (status, head, body) = report(&token(&provider, "ada").await);
    assert_eq!(status, 201, "{body}");
    assert!(head.contains("set-cookie: lotse-status="), "{head}");
    let (status, _, body) = report(&token(&provider, "vera").await);
    assert_eq!(status, 403, "she only looks: {body}");
    let (status, _, body) = report("nobody-gave-this-one-dBjftJeZ4CVP");
    assert_eq!(status, 401, "{body}");
    let log = std::fs::read_to_string(place.path("daemon.log")).unwrap();
    assert!(log.contains("an access token was refused"), "{log}");
    assert!(!log.contains("nobody-gave-this-one"), "{log}");
    assert!(daemon.terminate().success());
}
