//! The images in the console and in the API: desired and actual side by side, drift, history.
//!
//! Everything shown was remembered by the task at its last look ([`Shelf`]); a page asks no cloud, so
//! it is as fast as the state and works while a cloud does not.

mod api;
mod pages;
mod timeline;

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::StatusCode;
use lotse_core::change::Policy;
use lotse_web::access::{Access, Permission, Role, TASK_REQUEST};
use lotse_web::extension::{Extension, NavItem, Route};
use lotse_web::problem::Problem;
use lotse_web::text::shown;

use crate::config::Config;
use crate::store::{Look, Shelf};

/// To see the images.
pub static IMAGE_READ: Permission = Permission {
    name: "image.read",
    about: "see images, desired and actual, and their history",
    roles: &[Role::Viewer, Role::Operator],
};

/// Deeds shown of an image.
const DEEDS: u32 = 100;

/// What handlers work with.
#[derive(Clone, Debug)]
struct Gallery {
    shelf: Shelf,
    clouds: Arc<[String]>,
    policy: Policy,
}

/// What the images bring to the console.
pub fn extension(config: &Config, shelf: Shelf) -> Extension {
    let reads = Access::Needs(&IMAGE_READ);
    let clouds = config.clouds.iter().cloned().collect();
    let gallery = Gallery { shelf, clouds, policy: config.policy };
    let mut routes = pages::routes(&gallery);
    routes.extend(api::routes(&gallery));
    Extension {
        routes,
        navigation: vec![NavItem { href: "/images", label: "Images", access: reads }],
        permissions: vec![&IMAGE_READ],
        documents: vec![api::document()],
        ..Extension::default()
    }
}

fn get<H, T>(path: &'static str, gallery: &Gallery, handler: H) -> Route
where
    H: Handler<T, Gallery>,
    T: 'static,
{
    Route::get(path, Access::Needs(&IMAGE_READ), gallery.clone(), handler)
}

fn post<H, T>(path: &'static str, gallery: &Gallery, handler: H) -> Route
where
    H: Handler<T, Gallery>,
    T: 'static,
{
    Route::post(path, Access::Needs(&TASK_REQUEST), gallery.clone(), handler)
}

impl Gallery {
    /// Refuses clouds that the configuration does not name.
    fn known(&self, cloud: &str) -> Result<(), Problem> {
        if self.clouds.iter().any(|known| known == cloud) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::NOT_FOUND, "no such cloud").detail(format!(
            "the section images of the configuration names no cloud {:?}",
            shown(cloud, 120)
        )))
    }

    /// The last looks at the clouds of the configuration; clouds that were removed from it are not
    /// shown any more.
    async fn looks(&self) -> Result<Vec<Look>, Problem> {
        let mut looks = self.shelf.looks().await.map_err(|error| Problem::of_store(&error))?;
        looks.retain(|look| self.clouds.contains(&look.cloud));
        Ok(looks)
    }
}

/// The refusal of a name that no image of the cloud bears.
fn no_such_image(cloud: &str, name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such image").detail(format!(
        "neither is an image {:?} declared for {}, nor is one of ours there",
        shown(name, 200),
        shown(cloud, 120)
    ))
}
