//! Who makes a request to Octavia, and what the policy lets them do.
//!
//! The rules are those of the advanced roles, which stand beside the usual ones: who has neither
//! `load-balancer_member`, `load-balancer_observer`, another of them, nor `admin`, may do nothing.

use super::refusal::Refusal;
pub(crate) use crate::keystone::caller::Request;
use crate::keystone::model::Scope;

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
}
