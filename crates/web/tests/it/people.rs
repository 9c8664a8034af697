//! Sessions, the link, tokens, and attempts to get around them.

use lotse_web::config::AccessConfig;
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN};
use reqwest::{Method, StatusCode};

use crate::world::{Browser, World, base64, rand_bytes, strict};

async fn bearer(world: &World, token: &str, path: &str) -> crate::world::Answer {
    let browser = world.browser();
    let request = browser.request(Method::GET, path);
    browser.send(request.header(AUTHORIZATION, format!("Bearer {token}"))).await
}

/// Makes a token on its page and returns it.
async fn token(browser: &Browser, fields: &[(&str, &str)]) -> String {
    let made = browser.submit("/tokens", "/tokens", fields).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let (_, rest) = made.text.split_once("class=\"secret\">").unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_link_signs_in_once_and_within_its_hour() {
    let world = World::strict().await;
    let link = world.shell.sign_in_link().await.unwrap().unwrap();
    let path = format!("{}?{}", link.path(), link.query().unwrap());
    let browser = world.browser();
    // Looking at the link uses nothing up, so that programs that look at links do no harm.
    for _ in 0..2 {
        let page = browser.get(&path).await;
        assert!(page.text.contains("Sign in here"), "{}", page.text);
    }
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER);
    let key = link.query_pairs().next().unwrap().1.into_owned();
    let (first, second) = (world.browser(), world.browser());
    assert_eq!(first.post("/sign-in/link", &[("key", &key)]).await.location(), "/");
    let me = first.get("/me").await;
    assert!(me.status.is_success() && me.text.contains("admin"), "{}", me.text);
    let refused = second.post("/sign-in/link", &[("key", &key)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("used already") && second.cookies().is_empty());

    let late = world.shell.sign_in_link().await.unwrap().unwrap();
    world.pass(3600);
    let key = late.query_pairs().next().unwrap().1.into_owned();
    let refused = second.post("/sign-in/link", &[("key", &key)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_it_is_ended() {
    let world = World::strict().await;
    let browser = world.admin().await;
    for _ in 0..11 {
        world.pass(3_599);
        assert!(browser.get("/me").await.status.is_success(), "used within the hour");
    }
    world.pass(3_600);
    assert_eq!(browser.get("/me").await.location(), "/sign-in?to=%2Fme", "idle for an hour");
    assert!(browser.get("/sign-in").await.status.is_success());

    let browser = world.admin().await;
    for _ in 0..12 {
        world.pass(3_599);
        browser.get("/me").await;
    }
    world.pass(12);
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER, "twelve hours are over");

    let browser = world.admin().await;
    let cookies = browser.cookies();
    let out = browser.submit("/me", "/sign-out", &[]).await;
    assert_eq!(out.location(), "/sign-in?out=1");
    assert!(browser.cookies().is_empty());
    for (name, value) in cookies {
        browser.set(&name, &value);
    }
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER, "a kept cookie is no good");
}

#[tokio::test]
async fn a_session_counts_at_every_instance_and_after_a_restart() {
    let first = World::strict().await;
    let second = first.beside(strict()).await;
    let here = first.admin().await;
    let there = here.moved_to(&second);
    assert!(there.get("/me").await.status.is_success());
    assert_eq!(there.submit("/me", "/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/me").await.status, StatusCode::SEE_OTHER, "signed out everywhere");
}

#[tokio::test]
async fn forged_cookies_and_tokens_are_worth_nothing() {
    let world = World::strict().await;
    let name = format!("lotse-session-{}", world.port);
    let long = "x".repeat(8000);
    for value in [&base64(&rand_bytes()), "", "admin", "' OR '1'='1", &long] {
        let browser = world.browser();
        browser.set(&name, value);
        assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER, "{value:.20}");
    }
    for value in [&format!("lotse_{}", base64(&rand_bytes())), "lotse_", "x", &long, ""] {
        let answer = bearer(&world, value, "/api/v1/tasks").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{value:.20}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"lotse\"");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let basic = world.browser().request(Method::GET, "/api/v1/tasks").basic_auth("a", Some("b"));
    assert_eq!(world.browser().send(basic).await.status, StatusCode::UNAUTHORIZED);
    // A token of a session is no bearer token, and the other way round.
    let browser = world.admin().await;
    let cookie = browser.cookies().into_values().next().unwrap();
    let answer = bearer(&world, &format!("lotse_{cookie}"), "/api/v1/me").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_does_what_its_permissions_say_until_it_ends_or_is_revoked() {
    let world = World::strict().await;
    let browser = world.admin().await;
    let fields = [("name", "nightly"), ("days", "2"), ("scope", "task.read")];
    let secret = token(&browser, &fields).await;
    assert!(secret.starts_with("lotse_") && secret.len() == 49, "{secret}");
    assert!(bearer(&world, &secret, "/api/v1/tasks").await.status.is_success());
    let refused = bearer(&world, &secret, "/api/v1/audit").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("audit.read"), "{}", refused.text);
    let list = browser.get("/tokens").await;
    assert!(list.text.contains("nightly") && !list.text.contains(&secret), "shown once");
    assert!(!list.text.contains("never"), "its use was noted: {}", list.text);

    let (_, rest) = list.text.split_once("name=\"id\" value=\"").unwrap();
    let id = rest.split_once('"').unwrap().0.to_owned();
    let revoked = browser.submit("/tokens", "/tokens/revoke", &[("id", &id)]).await;
    assert_eq!(revoked.location(), "/tokens");
    let answer = bearer(&world, &secret, "/api/v1/tasks").await;
    assert!(answer.status == 401 && answer.text.contains("revoked"), "{}", answer.text);

    let short = token(&browser, &[("name", "short"), ("days", "1"), ("scope", "task.read")]).await;
    world.pass(24 * 3600);
    let answer = bearer(&world, &short, "/api/v1/tasks").await;
    assert!(answer.status == 401 && answer.text.contains("ended"), "{}", answer.text);
    let deeds = world.deeds().await;
    let actions: Vec<_> = deeds.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(actions, ["session.begin", "token.create", "token.revoke", "token.create"]);
}

#[tokio::test]
async fn nobody_gives_a_token_more_than_they_have_or_sees_those_of_others() {
    let world = World::strict().await;
    let (viewer, other) =
        (world.person("vera", &["viewer"]).await, world.person("otto", &["operator"]).await);
    for (scope, word) in [("task.request", "do not have"), ("token.all", "do not have"), ("x", "x")]
    {
        let fields = [("name", "n"), ("days", "1"), ("scope", scope)];
        let refused = viewer.submit("/tokens", "/tokens", &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    for fields in [
        [("name", ""), ("days", "1"), ("scope", "task.read")],
        [("name", "a\u{7}"), ("days", "1"), ("scope", "task.read")],
        [("name", "a"), ("days", "0"), ("scope", "task.read")],
        [("name", "a"), ("days", "367"), ("scope", "task.read")],
        [("name", "a"), ("days", "1"), ("other", "task.read")],
    ] {
        let refused = viewer.submit("/tokens", "/tokens", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    token(&viewer, &[("name", "of-vera"), ("days", "1"), ("scope", "task.read")]).await;
    let id =
        viewer.api("/api/v1/tokens").await.json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    assert!(!other.get("/tokens").await.text.contains("of-vera"));
    assert_eq!(other.api(&format!("/api/v1/tokens/{id}")).await.status, StatusCode::NOT_FOUND);
    let tried = other.submit("/tokens", "/tokens/revoke", &[("id", &id)]).await;
    assert_eq!(tried.status, StatusCode::NOT_FOUND);
    let admin = world.admin().await;
    assert!(admin.get("/tokens").await.text.contains("of-vera"), "an admin sees all");
    let done = admin.submit("/tokens", "/tokens/revoke", &[("id", &id)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_another_site_has_a_browser_send_is_refused() {
    let world = World::strict().await;
    let (browser, other) = (world.admin().await, world.admin().await);
    let csrf = browser.get("/tasks").await.csrf();
    let foreign = other.get("/tasks").await.csrf();
    let origin = world.base.clone();
    let send = async |headers: &[(&'static str, &str)], fields: &[(&str, &str)]| {
        let mut request = browser.request(Method::POST, "/tasks/request").form(fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        browser.send(request).await.status
    };
    let good = [("csrf", csrf.as_str()), ("task", "images/sim")];
    assert_eq!(send(&[("origin", &origin)], &good).await, StatusCode::SEE_OTHER);
    assert_eq!(send(&[("sec-fetch-site", "same-origin")], &good).await, StatusCode::SEE_OTHER);
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", &*origin.replace("http", "https"))],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "none")],
    ] {
        assert_eq!(send(&headers, &good).await, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let same = [("origin", origin.as_str())];
    for token in ["", "x", foreign.as_str(), &csrf[1..]] {
        let fields = [("csrf", token), ("task", "images/sim")];
        assert_eq!(send(&same, &fields).await, StatusCode::FORBIDDEN, "{token}");
    }
    assert_eq!(send(&same, &[("task", "images/sim")]).await, StatusCode::FORBIDDEN);
    let requested = world.deeds().await.iter().filter(|deed| deed.1 == "task.request").count();
    assert_eq!(requested, 2, "only those that were let in");
}

#[tokio::test]
async fn the_api_takes_a_session_only_with_its_csrf_header() {
    let world = World::strict().await;
    let browser = world.admin().await;
    let csrf = browser.api("/api/v1/me").await.json()["csrf"].as_str().unwrap().to_owned();
    let body = serde_json::json!({ "task": "images/sim" });
    let request = || browser.request(Method::POST, "/api/v1/activations").json(&body);
    assert_eq!(browser.send(request()).await.status, StatusCode::FORBIDDEN);
    let with = request().header("x-csrf-token", &csrf);
    assert_eq!(browser.send(with).await.status, StatusCode::ACCEPTED);
    let foreign = request().header("x-csrf-token", &csrf).header(ORIGIN, "https://evil.example");
    assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn strangers_with_a_role_read_and_change_nothing() {
    let world = World::start().await;
    let stranger = world.browser();
    assert!(stranger.get("/").await.text.contains("images/sim"));
    assert!(stranger.api("/api/v1/tasks").await.status.is_success());
    assert_eq!(stranger.get("/audit").await.location(), "/sign-in?to=%2Faudit");
    assert_eq!(
        stranger.post("/tasks/request", &[("task", "images/sim")]).await.location(),
        "/sign-in"
    );
    let body = serde_json::json!({ "task": "images/sim" });
    let post = stranger.request(Method::POST, "/api/v1/activations").json(&body);
    assert_eq!(stranger.send(post).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn attempts_to_sign_in_are_limited_per_address() {
    let access = AccessConfig { sign_ins_per_minute: 3, ..strict() };
    let world = World::of(crate::world::Plan { access, ..crate::world::Plan::default() }).await;
    let browser = world.browser();
    let key = base64(&rand_bytes());
    for _ in 0..3 {
        let refused = browser.post("/sign-in/link", &[("key", &key)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let refused = browser.post("/sign-in/link", &[("key", &key)]).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "20")
    );
    world.pass(20);
    let again = browser.post("/sign-in/link", &[("key", &key)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn requests_of_the_api_are_limited_per_token_and_say_so() {
    let access = AccessConfig { requests_per_minute: 5, ..strict() };
    let world = World::of(crate::world::Plan { access, ..crate::world::Plan::default() }).await;
    let browser = world.admin().await;
    let secret = token(&browser, &[("name", "n"), ("days", "1"), ("scope", "task.read")]).await;
    for left in (0..5).rev() {
        let answer = bearer(&world, &secret, "/api/v1/tasks").await;
        assert!(answer.status.is_success());
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=5;w=60");
        assert!(answer.header("ratelimit").contains(&format!(";r={left};")), "{answer:?}");
    }
    let refused = bearer(&world, &secret, "/api/v1/tasks").await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "12")
    );
    assert!(refused.header("ratelimit").contains(";r=0;"));
    assert!(browser.api("/api/v1/tasks").await.status.is_success(), "others are not concerned");
    // Bad tokens are counted, too, by the address they come from.
    let bad = format!("lotse_{}", base64(&rand_bytes()));
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(bearer(&world, &bad, "/api/v1/tasks").await.status.as_u16());
    }
    assert_eq!(seen, [401, 401, 401, 401, 401, 429]);
}

#[tokio::test]
async fn behind_tls_the_cookie_goes_over_tls_only() {
    let access =
        AccessConfig { public_url: Some("https://lotse.example.org".parse().unwrap()), ..strict() };
    let world = World::of(crate::world::Plan { access, ..crate::world::Plan::default() }).await;
    let link = world.shell.sign_in_link().await.unwrap().unwrap();
    assert!(link.as_str().starts_with("https://lotse.example.org/sign-in?key="), "{link}");
    let key = link.query_pairs().next().unwrap().1.into_owned();
    let browser = world.browser();
    let request = browser.request(Method::POST, "/sign-in/link").form(&[("key", &key)]);
    let foreign = request.try_clone().unwrap().header(ORIGIN, &world.base);
    assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN, "not our public origin");
    let answer = browser.send(request.header(ORIGIN, "https://lotse.example.org")).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-lotse-session=") && cookie.contains("; Secure"), "{cookie}");
    let value = cookie.split_once('=').unwrap().1.split(';').next().unwrap();
    let plain =
        browser.request(Method::GET, "/me").header(COOKIE, format!("lotse-session={value}"));
    assert_eq!(world.browser().send(plain).await.status, StatusCode::SEE_OTHER, "another name");
}

#[tokio::test]
async fn the_database_holds_no_secret() {
    let world = World::strict().await;
    let browser = world.admin().await;
    let secret = token(&browser, &[("name", "n"), ("days", "1"), ("scope", "task.read")]).await;
    let cookie = browser.cookies().into_values().next().unwrap();
    let link = world.shell.sign_in_link().await.unwrap().unwrap();
    let key = link.query_pairs().next().unwrap().1.into_owned();
    let mut looked_into = 0;
    for file in ["lotse.db", "lotse.db-wal"] {
        let bytes = std::fs::read(world.path(file)).unwrap_or_default();
        looked_into += bytes.len();
        for secret in [&secret["lotse_".len()..], &cookie, &key] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{file} holds a secret");
        }
    }
    assert!(looked_into > 10_000);
}
