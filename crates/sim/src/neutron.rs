//! Neutron v2.0: networks, ports, routers and what else Neutron keeps.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | everything as plain data; transitions that are due |
//! | [`index`] | what follows from it and would be slow to find |
//! | [`address`], [`allocate`] | ranges, pools, and which addresses a port gets |
//! | [`access`] | who makes a request, and what a change brings with it |
//! | [`attribute`] | what bodies may say, by Neutron's attribute maps |
//! | [`resource`], [`list`](mod@list), [`tags`] | the uniform collections |
//! | [`networks`], [`subnets`], [`ports`], [`routers`], [`floating_ips`], [`forwardings`], [`security_groups`], [`rules`], [`default_rules`], [`rbac`], [`pools`], [`qos`] | the resources |
//! | [`quotas`], [`info`], [`extensions`] | limits; versions, agents, free addresses |
//! | [`plug`] | what Nova wants of Neutron |
//! | [`seed`] | the network at the beginning, and large ones on request |
//! | [`refusal`] | Neutron's error bodies |
//!
//! A request goes: token ([`access`]) → body by the attribute maps ([`attribute`]) → policy and
//! revision ([`resource`]) → the resource's own rules → state and [`index`] → notifications.
//! Everything happens under the one lock of the state; notifications are published after it.
//!
//! It is Neutron 21 with OVN, as the testbed has it, also where that is odd: filtering by `tags` and
//! `tags-any` at once is answered with 500, answers to changes of bindings have the revision from
//! before. Known and meant differences, with their reasons:
//!
//! - Readers may not write. In Neutron 21 they may, unless `enforce_new_defaults` is set, which is
//!   how clouds are run today.
//! - Addresses are handed out from the lowest; Neutron takes any of the pool. Tests can foresee them.
//! - Default rules of security groups can be changed, as from Neutron 23 on, so that what manages
//!   them can be tried ([`crate::SimOptions::default_security_group_rules`] switches that off).
//! - Trunks, segments, address groups, local IPs and metering labels answer 404 and are not listed
//!   among the extensions; nothing here needs them. The descriptions of extensions are their names.
//! - Agents are three of OVN, always alive, with the present as their last heartbeat; nothing runs
//!   that could die.
//! - Refusals of RBAC policies leave out which of Neutron's own callbacks refused, whose names end in
//!   addresses of its memory.
//! - Types of service of a subnet must begin like the owner of a device; Neutron looks at the first
//!   letter only.
//! - Port forwardings have one port on each side, no ranges, and do not keep a router's gateway;
//!   policies of `QoS` are kept and change nothing.
//! - Notifications are those at the end of a change (`port.create.end`), not those at its start,
//!   which say nothing that meters need. Those of ports that Nova made for a server have the main
//!   attributes only.
//! - What is created together and fails is taken back without a trace; Neutron, which tries deadlocks
//!   again, may leave revisions that are higher.

mod access;
pub(crate) mod address;
mod allocate;
mod attribute;
mod default_rules;
mod extensions;
mod floating_ips;
mod forwardings;
mod index;
mod info;
mod list;
pub(crate) mod model;
mod networks;
pub(crate) mod plug;
mod pools;
mod ports;
mod qos;
mod quotas;
mod rbac;
mod refusal;
mod resource;
mod routers;
mod rules;
mod security_groups;
mod seed;
mod subnets;
mod tags;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use self::access::Request;
use self::model::{
    AddressScope, FloatingIp, Net, Port, QosPolicy, RbacPolicy, SecurityGroup, SecurityGroupRule,
    Subnet, SubnetPool,
};
use self::refusal::Refusal;
use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/network";

/// No body may be longer (`[DEFAULT] max_request_body_size` of oslo.middleware).
const MAX_BODY: usize = 114_688;

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neutron;

impl Service for Neutron {
    fn kind(&self) -> &'static str {
        "network"
    }

    fn name(&self) -> &'static str {
        "neutron"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn routes(&self, world: SharedWorld) -> Router {
        Router::new()
            .merge(info::routes())
            .merge(resource::routes::<Net>())
            .merge(resource::routes::<Subnet>())
            .merge(resource::routes::<Port>())
            .merge(resource::routes::<model::Router>())
            .merge(resource::routes::<FloatingIp>())
            .merge(resource::routes::<SecurityGroup>())
            .merge(resource::routes::<SecurityGroupRule>())
            .merge(resource::routes::<RbacPolicy>())
            .merge(resource::routes::<SubnetPool>())
            .merge(resource::routes::<AddressScope>())
            .merge(resource::routes::<QosPolicy>())
            .merge(routers::routes())
            .merge(forwardings::routes())
            .merge(default_rules::routes())
            .merge(qos::routes())
            .merge(quotas::routes())
            .fallback(elsewhere)
            .method_not_allowed_fallback(wrong_method)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = match status.as_u16() {
            400 => "HTTPBadRequest",
            403 => "HTTPForbidden",
            404 => "HTTPNotFound",
            409 => "HTTPConflict",
            429 => "HTTPTooManyRequests",
            502 => "HTTPBadGateway",
            // This one is an exception of Neutron's own.
            503 => "ServiceUnavailable",
            504 => "HTTPGatewayTimeout",
            _ => "HTTPInternalServerError",
        };
        Refusal::new(status, kind, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        if exchange.path != "/"
            && let Ok(id) = HeaderValue::from_str(&exchange.request_id)
        {
            answer.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

/// Paths that lead nowhere; without a token nobody learns that.
async fn elsewhere(_request: Request) -> Refusal {
    Refusal::nowhere()
}

async fn wrong_method(_request: Request) -> Refusal {
    let text = "The server could not comply with the request since it is either malformed or \
                otherwise incorrect.";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "HTTPMethodNotAllowed", text)
}
