//! Who may change the page.
//!
//! Reading is for everybody, so what a reader carries along is not even looked at. Writing takes one
//! of these: an API token of the console (`Authorization: Bearer lotse_…`) with the permission
//! the change demands, or a person whom the identity provider vouches for ([`crate::session`]), with a
//! role that may do it; or, unless the operator switched that off, being on the same machine: the
//! connection arrives on a loopback address, under a loopback name, and no page of another origin
//! sent it. The reference knows nobody and leaves all this to a proxy before it; this is the part of
//! it that is safe without one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use lotse_web::access::{Identity, Permission, Role};
use lotse_web::bearer::Person;
use lotse_web::listen::Peer;

use crate::command::Command;
use crate::error::Error;
use crate::extra::{Extra, ExtraKey};
use crate::session::Known;
use crate::site::Site;

/// To open, change and close incidents and maintenance.
pub static REPORT: Permission = Permission {
    name: "status.report",
    about: "report incidents and maintenance on the status page",
    roles: &[Role::Reporter, Role::Operator],
};

/// To say what the page is made of.
pub static SHAPE: Permission = Permission {
    name: "status.shape",
    about: "declare components, severities and phases of the status page",
    roles: &[Role::Operator],
};

/// What the command demands.
pub fn permission(command: &Command) -> &'static Permission {
    match command {
        Command::AddIncident(..)
        | Command::ChangeIncident(..)
        | Command::RemoveIncident(..)
        | Command::AddUpdate(..)
        | Command::ChangeUpdate(..)
        | Command::RemoveUpdate(..)
        | Command::SetPostmortem(..)
        | Command::RemoveExtra(ExtraKey::Upstream(_)) => &REPORT,
        Command::PutExtra(extra) if matches!(**extra, Extra::Upstream(_)) => &REPORT,
        _ => &SHAPE,
    }
}

/// Whoever sent a request that changes something.
#[derive(Debug)]
pub(crate) struct Writer {
    actor: String,
    rights: Rights,
}

/// What somebody may do.
#[derive(Debug)]
enum Rights {
    /// Everything: they are on this machine.
    All,
    /// What a token carries.
    Scopes(Vec<String>),
    /// What the roles of a person allow.
    Person(Person),
}

impl Writer {
    /// The word for them in the audit log.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// Refuses what they may not do.
    pub(crate) fn require(&self, command: &Command) -> Result<(), Error> {
        self.may(permission(command))
    }

    /// The same for what is not a command.
    pub(crate) fn may(&self, wanted: &Permission) -> Result<(), Error> {
        match &self.rights {
            Rights::Scopes(scopes) if !scopes.iter().any(|scope| scope == wanted.name) => {
                Err(Error::Forbidden { reason: "the token does not carry the permission for this" })
            }
            Rights::Person(person) if !person.may(wanted) => {
                Err(Error::Forbidden { reason: "your roles do not allow this" })
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<Arc<Site>> for Writer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Error> {
        if let Some(token) = own_token(&parts.headers) {
            let identity = identified(site, token).await?;
            let rights = Rights::Scopes(identity.scopes.clone());
            return Ok(Self { actor: identity.actor(), rights });
        }
        if let Some(Known(person)) = parts.extensions.get::<Known>() {
            let rights = Rights::Person(person.clone());
            return Ok(Self { actor: person.subject.clone(), rights });
        }
        if !site.options().local_writes {
            return Err(Error::Unauthorized { reason: "an API token is needed" });
        }
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        if !peer.is_some_and(|ConnectInfo(peer)| is_here(peer)) || !is_local_name(&parts.headers) {
            return Err(Error::Unauthorized {
                reason: "an API token is needed to write from another machine",
            });
        }
        if !site.trusts_origin_of(&parts.headers) {
            return Err(Error::Forbidden { reason: "a page of another origin may not write here" });
        }
        Ok(Self { actor: "local".to_owned(), rights: Rights::All })
    }
}

/// A token of ours. Tokens of others say nothing to us: behind a proxy, they were for the proxy.
pub(crate) fn own_token(headers: &HeaderMap) -> Option<&HeaderValue> {
    let value = headers.get(header::AUTHORIZATION)?;
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    let ours = scheme.eq_ignore_ascii_case("bearer") && secret.trim().starts_with("lotse_");
    ours.then_some(value)
}

/// Whose token it is.
pub(crate) async fn identified(site: &Site, token: &HeaderValue) -> Result<Identity, Error> {
    let (store, clock) = (site.desk().store(), site.desk().clock());
    let known = lotse_web::auth::identify_token(store, clock.now(), token).await;
    known.map_err(|_| Error::Unauthorized {
        reason: "this API token is not known, was revoked or has ended",
    })
}

fn is_here(peer: &Peer) -> bool {
    peer.local.ip().is_loopback() && peer.remote.ip().is_loopback()
}

/// A page on the internet can make a browser send requests to loopback under the page's own name
/// (DNS rebinding), and a proxy says in these headers that the request came from elsewhere.
fn is_local_name(headers: &HeaderMap) -> bool {
    const FORWARDED: [HeaderName; 2] =
        [header::FORWARDED, HeaderName::from_static("x-forwarded-for")];
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(is_loopback_host) && FORWARDED.iter().all(|name| !headers.contains_key(name))
}

/// Whether `HOST[:PORT]` names this machine to itself.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(n, _)| n);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loopback_are_local() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "127.1.2.3", "[::1]:7", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["status.example.org", "10.0.0.1:80", "localhost.example.org", "", "[::2]:80"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn tokens_of_others_are_not_ours() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
        };
        assert!(own_token(&with("Bearer lotse_x")).is_some());
        assert!(own_token(&with("Bearer eyJhbGciOi.J9.x")).is_none());
        assert!(own_token(&with("Basic bG90c2Vf")).is_none());
    }
}
