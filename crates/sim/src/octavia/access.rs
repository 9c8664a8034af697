//! Who makes a request to Octavia, and what the policy lets them do.
//!
//! The rules are those of the advanced roles, which stand beside the usual ones: who has neither
//! `load-balancer_member`, `load-balancer_observer`, another of them, nor `admin`, may do nothing.

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;

use super::refusal::Refusal;
use crate::events::Cause;
use crate::fault_body::unauthenticated;
use crate::http::front::RequestId;
use crate::keystone::caller::Caller;
use crate::keystone::model::Scope;
use crate::world::SharedWorld;

/// A caller whose token is valid, and the request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) caller: Caller,
    pub(crate) id: Option<String>,
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

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Deed {
    Read,
    Write,
    Administer,
    ReadQuota,
    WriteQuota,
}

impl Request {
    fn has(&self, role: &str) -> bool {
        self.caller.has_role(role)
    }

    /// Whether the caller is an administrator of load balancers.
    pub(crate) fn is_admin(&self) -> bool {
        self.caller.is_admin() || self.has("load-balancer_admin")
    }

    /// Whether the caller may look at what others have.
    pub(crate) fn sees_all(&self, deed: Deed) -> bool {
        let system = self.caller.token.scope == Scope::System && self.has("reader");
        self.is_admin()
            || self.has("load-balancer_global_observer")
            || system
            || deed == Deed::ReadQuota && self.has("load-balancer_quota_admin")
    }

    /// Whether the caller may do this to what a project has.
    fn may(&self, deed: Deed, project: Option<&str>) -> bool {
        let own = project.is_some() && self.caller.project() == project;
        let member = own && self.has("load-balancer_member");
        let observer = own && self.has("load-balancer_observer");
        match deed {
            Deed::Read | Deed::ReadQuota => self.sees_all(deed) || member || observer,
            Deed::Write => self.is_admin() || member,
            Deed::Administer => self.is_admin(),
            Deed::WriteQuota => self.is_admin() || self.has("load-balancer_quota_admin"),
        }
    }

    /// Allows a deed or refuses it.
    pub(crate) fn allow(&self, deed: Deed, project: Option<&str>) -> Result<(), Refusal> {
        if self.may(deed, project) { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    /// Whose things a list shows: those of this project, or everybody's.
    pub(crate) fn scope(&self, deed: Deed, asked: Option<&str>) -> Result<Option<String>, Refusal> {
        if self.sees_all(deed) {
            return Ok(asked.map(str::to_owned));
        }
        let project = asked.or_else(|| self.caller.project()).ok_or_else(Refusal::forbidden)?;
        self.allow(deed, Some(project))?;
        Ok(Some(project.to_owned()))
    }

    /// Who caused what happens now.
    pub(crate) fn cause(&self) -> Cause {
        self.caller.cause(self.id.as_deref())
    }
}
