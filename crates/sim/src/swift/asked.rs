//! A request, as the handlers of accounts, containers and objects want it.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};

use super::access::{Access, access};
use super::headers;
use super::place::Place;
use super::refusal::{Refused, unauthorized};
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::World;

/// Who asks for what.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Option<Caller>,
    pub(crate) method: Method,
    pub(crate) place: Place,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
}

/// A refusal, ready to be sent.
pub(crate) type Answer = Result<Response, Box<Response>>;

impl From<Refused> for Box<Response> {
    fn from(refused: Refused) -> Self {
        Self::new(refused.into_response())
    }
}

impl Asked {
    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        headers::text(&self.headers, name)
    }

    /// Whether only the headers of the answer are wanted.
    pub(crate) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether the caller may do this here; whether as owner, if so.
    pub(crate) fn allowed(&self, world: &World) -> Result<bool, Box<Response>> {
        let reading = matches!(self.method, Method::GET | Method::HEAD);
        self.allowed_at(world, &self.place, reading)
    }

    /// Whether the caller may read or write at another place.
    pub(crate) fn allowed_at(
        &self,
        world: &World,
        place: &Place,
        reading: bool,
    ) -> Result<bool, Box<Response>> {
        let list = {
            let objects = world.object_store();
            let name = place.container.as_deref().unwrap_or_default();
            match objects.container(&place.project, name) {
                Some(container) if reading => container.read.clone(),
                Some(container) if place.object.is_some() => container.write.clone(),
                _ => String::new(),
            }
        };
        match access(self.caller.as_ref(), place, &list, self.header("referer")) {
            Access::Owner => Ok(true),
            Access::Granted => Ok(false),
            Access::Denied => Err(Refused::new(StatusCode::FORBIDDEN).into()),
            Access::Unknown => Err(Box::new(unauthorized(&world.base, &place.account()))),
        }
    }
}
