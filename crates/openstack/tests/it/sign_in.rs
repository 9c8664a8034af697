//! Signing in, in all ways, and keeping the token.

use std::sync::Arc;

use lotse_core::time::{ManualClock, SignedDuration, Timestamp};
use lotse_openstack::{Cloud, CloudOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{Fake, catalog, connect, options, reply, token};

fn cloud(fake: &Fake, auth_type: &str, auth: &str) -> Cloud {
    let yaml = format!(
        "clouds:\n  fake:\n    auth_type: {auth_type}\n    auth: {{auth_url: \"{}/v3\", {auth}}}\n",
        fake.url
    );
    connect(&yaml, &options()).unwrap()
}

/// What was sent to get a token with this configuration.
async fn asked(auth_type: &str, auth: &str) -> Value {
    let fake = Fake::start(|_| None).await;
    cloud(&fake, auth_type, auth).token().await.unwrap();
    fake.seen()[0].json()
}

#[tokio::test]
async fn each_way_of_signing_in_sends_what_the_identity_service_expects() {
    let user = "username: ada, password: pw, user_domain_name: Users";
    let identity = json!({ "methods": ["password"], "password": { "user": {
        "name": "ada", "domain": { "name": "Users" }, "password": "pw" } } });
    for (scope, expected) in [
        (
            "project_name: demo, project_domain_id: d",
            json!({ "project": { "name": "demo", "domain": { "id": "d" } } }),
        ),
        ("project_id: p1", json!({ "project": { "id": "p1" } })),
        ("domain_name: Users", json!({ "domain": { "name": "Users" } })),
        ("system_scope: all", json!({ "system": { "all": true } })),
        ("trust_id: t1", json!({ "OS-TRUST:trust": { "id": "t1" } })),
    ] {
        let sent = asked("password", &format!("{user}, {scope}")).await;
        assert_eq!(sent, json!({ "auth": { "identity": identity, "scope": expected } }));
    }
    assert_eq!(asked("v3password", user).await, json!({ "auth": { "identity": identity } }));
    assert_eq!(
        asked("v3token", "token: tok, project_id: p1").await,
        json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": "tok" } },
                          "scope": { "project": { "id": "p1" } } } })
    );
    assert_eq!(
        asked(
            "v3applicationcredential",
            "application_credential_id: ac, application_credential_secret: s"
        )
        .await,
        json!({ "auth": { "identity": { "methods": ["application_credential"],
            "application_credential": { "id": "ac", "secret": "s" } } } })
    );
    assert_eq!(
        asked(
            "v3applicationcredential",
            "application_credential_name: n, user_id: u, application_credential_secret: s"
        )
        .await,
        json!({ "auth": { "identity": { "methods": ["application_credential"],
            "application_credential": { "name": "n", "user": { "id": "u" }, "secret": "s" } } } })
    );
}

#[tokio::test]
async fn an_access_token_is_shown_to_the_federation_and_its_token_then_scoped() {
    let fake = Fake::start(|seen| {
        seen.path()
            .ends_with("/auth")
            .then(|| token("unscoped", &json!([]), &json!({ "project": null })))
    })
    .await;
    let auth = "identity_provider: my idp, protocol: openid, access_token: at, project_id: p1";
    cloud(&fake, "v3oidcaccesstoken", auth).token().await.unwrap();
    let seen = fake.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("POST", "/v3/OS-FEDERATION/identity_providers/my%20idp/protocols/openid/auth")
    );
    assert_eq!(seen[0].header("authorization"), "Bearer at");
    assert_eq!(
        seen[1].json(),
        json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": "unscoped" } },
                          "scope": { "project": { "id": "p1" } } } })
    );
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_request_and_one_token_serves_all() {
    let fake = Fake::start(|seen| (!seen.is_sign_in()).then(|| reply(200, &json!({})))).await;
    let cloud = fake.cloud();
    assert_eq!(fake.seen().len(), 0);
    let requests = (0..20).map(|_| cloud.get("image", "/v2/images").send());
    futures::future::try_join_all(requests).await.unwrap();
    assert_eq!((fake.sign_ins(), cloud.project_id().await.unwrap().as_str()), (1, "p1"));
    let token = cloud.token().await.unwrap();
    assert_eq!(token.roles, ["member"]);
    assert!(!format!("{token:?}").contains("token-0"));
}

#[tokio::test]
async fn a_token_is_replaced_shortly_before_its_end() {
    let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::starting_at(start));
    let fake = Fake::start(|seen| {
        let catalog = catalog(&format!("http://{}", seen.header("host")));
        Some(if seen.is_sign_in() {
            let ends = ["2026-11-21T11:00:00.000000Z", "2026-11-21T12:00:00.000000Z"][seen.before];
            token(&format!("token-{}", seen.before), &catalog, &json!({ "expires_at": ends }))
        } else {
            reply(200, &json!({}))
        })
    })
    .await;
    let options = CloudOptions { clock: clock.clone(), ..options() };
    let cloud = connect(&fake.clouds_yaml(""), &options).unwrap();
    for (minutes, expected) in [(0, "token-0"), (59, "token-0"), (1, "token-1"), (30, "token-1")] {
        clock.advance(SignedDuration::from_mins(minutes));
        cloud.get("image", "/v2/images").send().await.unwrap();
        assert_eq!(fake.seen().last().unwrap().header("x-auth-token"), expected);
    }
    assert_eq!(fake.sign_ins(), 2);
}

#[tokio::test]
async fn a_sign_in_goes_on_when_one_of_several_waiters_gives_up() {
    let fake = Fake::start(|_| None).await;
    let cloud = fake.cloud();
    let (mut first, mut second) = (Box::pin(cloud.token()), Box::pin(cloud.token()));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    drop(first);
    second.await.unwrap();
    assert_eq!(fake.sign_ins(), 1);
}

#[tokio::test]
async fn a_sign_in_that_all_gave_up_is_begun_anew() {
    // The first request for a token is never answered.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let yaml = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"{url}/v3\", user_id: u, password: p}}\n"
    );
    let cloud = connect(&yaml, &options()).unwrap();
    let (_open, _) = tokio::select! {
        accepted = listener.accept() => accepted.unwrap(),
        result = cloud.token() => panic!("{result:?}"),
    };
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let answer = "HTTP/1.1 201 Created\r\nx-subject-token: t\r\ncontent-length: 12\r\n\r\n{\"token\":{}}";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    cloud.token().await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn an_unscoped_session_may_ask_the_identity_service() {
    let fake = Fake::start(|seen| {
        Some(if seen.is_sign_in() {
            token("t", &json!([]), &json!({ "project": null, "catalog": [] }))
        } else {
            reply(200, &json!({}))
        })
    })
    .await;
    let cloud = cloud(&fake, "password", "user_id: u, password: p");
    cloud.get("identity", "/v3/auth/projects").send().await.unwrap();
    assert_eq!(fake.targets(), ["GET /v3/auth/projects"]);
}
