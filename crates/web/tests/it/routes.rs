//! Every route, asked by those who may not.

use lotse_core::task::Board;
use lotse_web::access::{Access, Role};
use lotse_web::extension::{Extension, Route};
use reqwest::StatusCode;
use std::sync::Arc;

use crate::world::{Browser, World};

/// All routes with what they demand; the ones of a daemon without capabilities.
fn all(world: &World) -> Vec<Route> {
    let parts = world.parts(Arc::<Board>::default());
    lotse_web::Shell::surface(parts, Extension::default()).unwrap().1
}

fn example(path: &str) -> String {
    path.replace("{*name}", "images/sim").replace("{id}", "019a0000-0000-7000-8000-000000000000")
}

async fn ask(browser: &Browser, route: &Route) -> crate::world::Answer {
    let path = example(route.path);
    let method = match route.path {
        // Its stream has no end.
        "/live" => "HEAD",
        _ => route.method.as_str(),
    };
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    browser.send(browser.request(method, &path).header("accept", "text/html")).await
}

#[tokio::test]
async fn strangers_are_refused_by_every_route_that_is_not_open() {
    let world = World::strict().await;
    let routes = all(&world);
    assert!(routes.len() > 25, "{}", routes.len());
    let mut open = Vec::new();
    for route in &routes {
        let answer = ask(&world.browser(), route).await;
        if route.access == Access::Open {
            open.push(route.path);
            continue;
        }
        if route.is_api() {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        } else {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{route:?}");
            assert!(answer.location().starts_with("/sign-in"), "{route:?}");
        }
    }
    open.sort_unstable();
    // A new open route is a decision: it is written here by hand.
    let expected = [
        "/api/v1/openapi.json",
        "/api/v1/sign-in",
        "/assets/live.js",
        "/assets/lotse.css",
        "/healthz",
        "/metrics",
        "/readyz",
        "/sign-in",
        "/sign-in/callback",
        "/sign-in/link",
        "/sign-in/start",
    ];
    assert_eq!(open, expected);
}

#[tokio::test]
async fn a_role_without_the_permission_is_refused_by_every_route_that_names_it() {
    let world = World::strict().await;
    let mut refusals = 0;
    for role in Role::ALL {
        let browser = world.person(role.word(), &[role.word()]).await;
        for route in all(&world) {
            let (Access::Needs(permission) | Access::Personal(permission)) = route.access else {
                continue;
            };
            let answer = ask(&browser, &route).await;
            if permission.allows(role) {
                let reading = route.method == "GET";
                assert!(!reading || answer.status != StatusCode::FORBIDDEN, "{role:?}: {route:?}");
            } else {
                refusals += 1;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?}: {route:?}");
                assert!(answer.text.contains(permission.name), "{role:?}: {route:?}");
            }
        }
    }
    assert!(refusals >= 3 * 4, "{refusals}");
}

#[tokio::test]
async fn a_session_whose_roles_mean_nothing_any_more_may_nothing() {
    let world = World::strict().await;
    let browser = world.person("eve", &["root", "Admin"]).await;
    assert_eq!(browser.get("/").await.status, StatusCode::FORBIDDEN);
    assert!(browser.get("/me").await.status.is_success(), "who she is she may see");
}

#[tokio::test]
async fn two_capabilities_cannot_bring_the_same_route() {
    let world = World::strict().await;
    let twice = || Route::get("/twice", Access::Open, (), || async { "" });
    let extension = Extension { routes: vec![twice(), twice()], ..Extension::default() };
    let parts = world.parts(Arc::<Board>::default());
    let error = lotse_web::Shell::surface(parts, extension).unwrap_err();
    assert!(error.to_string().contains("GET /twice"), "{error}");
}
