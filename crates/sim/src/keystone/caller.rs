//! Who makes a request.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::model::{Scope, Token};
use super::refusal::Refusal;
use crate::world::{SharedWorld, World};

/// Who makes a request, by its token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Token,
    /// Names of the roles.
    roles: Vec<String>,
}

impl Caller {
    /// The caller whose token is in `X-Auth-Token`, if that is valid now.
    pub(crate) fn of(world: &World, parts: &Parts) -> Option<Self> {
        let token = parts.headers.get("x-auth-token")?.to_str().ok()?;
        let identity = world.identity();
        let token = identity.tokens.get(token)?;
        if token.expires_at <= world.now() {
            return None;
        }
        let roles = token.roles.iter().filter_map(|id| identity.roles.get(id));
        Some(Self { roles: roles.map(|role| role.name.clone()).collect(), token: token.clone() })
    }

    pub(crate) fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role == name)
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

    pub(crate) fn user(&self) -> &str {
        &self.token.user_id
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
