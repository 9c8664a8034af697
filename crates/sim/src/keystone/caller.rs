//! Who makes a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;

use super::model::{Scope, Token};
use super::refusal::Refusal;
use crate::events::Cause;
use crate::fault_body::unauthenticated;
use crate::http::front::RequestId;
use crate::world::{SharedWorld, World};

/// Who makes a request, by its token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Arc<Token>,
}

impl Caller {
    /// The caller whose token is in `X-Auth-Token`, if that is valid now.
    pub(crate) fn of(world: &World, parts: &Parts) -> Option<Self> {
        let name = parts.headers.get("x-auth-token")?.to_str().ok()?;
        let token = Arc::clone(world.identity().tokens.get(name)?);
        (token.expires_at > world.now()).then_some(Self { token })
    }

    pub(crate) fn has_role(&self, name: &str) -> bool {
        self.token.role_names.iter().any(|role| role == name)
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.has_role("admin")
    }

    /// The project the token is for.
    pub(crate) fn project(&self) -> Option<&str> {
        match &self.token.scope {
            Scope::Project(id) => Some(id),
            _ => None,
        }
    }

    /// The domain the token is for.
    pub(crate) fn domain(&self) -> Option<&str> {
        match &self.token.scope {
            Scope::Domain(id) => Some(id),
            _ => None,
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.token.user_id
    }

    /// Who caused what happens now, for events.
    pub(crate) fn cause(&self, request_id: Option<&str>) -> Cause {
        Cause {
            project: self.project().map(str::to_owned),
            user: Some(self.user().to_owned()),
            request: request_id.map(str::to_owned),
        }
    }
}

/// A caller whose token is valid, and the request; others are refused as `keystonemiddleware` does.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) caller: Caller,
    pub(crate) id: Option<String>,
}

impl Request {
    /// Who caused what happens now.
    pub(crate) fn cause(&self) -> Cause {
        self.caller.cause(self.id.as_deref())
    }
}

impl FromRequestParts<SharedWorld> for Request {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        world: &SharedWorld,
    ) -> Result<Self, Self::Rejection> {
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let caller = Caller::of(world, parts).ok_or_else(|| unauthenticated(&world.base))?;
        Ok(Self { caller, id })
    }
}

/// A caller as Keystone's handlers want one; its absence is refused in Keystone's words.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<SharedWorld> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        world: &SharedWorld,
    ) -> Result<Self, Self::Rejection> {
        Caller::of(world, parts).map(Self).ok_or_else(Refusal::unauthorized)
    }
}
