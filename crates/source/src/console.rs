//! What the console and the JSON API show of the source.

mod answer;
mod view;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use lotse_web::access::{Access, Permission, Role};
use lotse_web::console::Console;
use lotse_web::extension::{NavItem, OpenApi, Route};

use crate::source::Source;
use view::{EstatePage, EstateView};

/// To see where the estate comes from, and what was wrong with it.
pub static ESTATE_READ: Permission = Permission {
    name: "estate.read",
    about: "see where the estate comes from",
    roles: &[Role::Viewer, Role::Operator, Role::Reporter, Role::Billing],
};

const ACCESS: Access = Access::Needs(&ESTATE_READ);

/// The page, in the navigation.
pub const PAGE: NavItem = NavItem { href: "/estate", label: "Estate", access: ACCESS };

/// The page and the operation of the API.
pub fn routes(source: &Arc<Source>) -> Vec<Route> {
    vec![
        Route::get(PAGE.href, ACCESS, source.clone(), page),
        Route::get("/api/v1/estate", ACCESS, source.clone(), answer::show),
    ]
}

/// The description of the operation.
pub fn document() -> OpenApi {
    answer::document()
}

async fn page(console: Console, State(source): State<Arc<Source>>) -> Response {
    let estate = EstateView::of(&source.status(), &source.history());
    lotse_web::page(&EstatePage { layout: console.layout(PAGE.label), estate })
}
