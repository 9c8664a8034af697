//! Octavia v2: load balancers down to their members.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | everything as plain data; transitions that are due |
//! | [`attribute`], [`body`] | what bodies may say, and how they are read |
//! | [`access`] | who makes a request, and what the policy lets them do |
//! | [`change`] | who is held back by a change, the work it starts |
//! | [`provider`] | what `ovn`, `amphora` and `noop_driver` can do, and how their work ends |
//! | [`list`](mod@list), [`show`], [`parts`] | lists, answers, what all kinds have in common |
//! | [`balancers`], [`graph`], [`vip`] | load balancers, whole trees of them, their addresses |
//! | [`listeners`], [`pools`], [`members`], [`monitors`], [`l7`] | what is below them |
//! | [`quotas`], [`offers`], [`info`] | limits; flavors and zones; versions, providers, amphorae |
//! | [`notify`] | notifications |
//! | [`refusal`], [`early`] | Octavia's error bodies, and those of its web framework |
//!
//! A change marks the load balancer and what lies around the change `PENDING_…` and notes the work of
//! its provider ([`model::Work`]), which is done after [`crate::Delays::load_balancer`] on the cloud's
//! clock, or when somebody looks next. Until then other changes of the same load balancer are refused
//! with 409.
//!
//! It is the testbed's Octavia 11 (API 2.26) with its three providers. Known and meant differences:
//!
//! - The work on a load balancer is done all at once; in Octavia its parts follow one after the other
//!   within seconds, and OVN's are often done before one can look.
//! - A health monitor of OVN leaves listeners `PENDING_UPDATE`, as OVN's provider 3.0 does; that taking
//!   the default pool from a listener makes the load balancer hang for ever is not imitated.
//! - Nothing flows through load balancers: statistics are zero, members are never found broken.
//! - Certificates cannot be retrieved, as on the testbed, which has no store of them: listeners that
//!   need one are refused with Octavia's words.
//! - Load balancers have one address: additional ones are checked and then ignored, as OVN's provider
//!   does.
//! - The port of an address goes with its load balancer also for `amphora`; the testbed's network
//!   driver, which does nothing, leaves it.
//! - Lists of what is below something are in the order of ids, where Octavia has none.
//! - Bodies are read as JSON whatever their media type says; Octavia reads others as forms.
//! - A method that a path does not have is 405; Octavia's framework takes some for another request.
//! - What is wrong with a regular expression of a rule is not said.
//! - All providers send notifications; in Octavia only `amphora` does.

mod access;
mod attribute;
mod balancers;
mod body;
mod change;
mod early;
mod graph;
mod info;
mod l7;
mod list;
mod listeners;
mod members;
pub(crate) mod model;
mod monitors;
mod notify;
mod offers;
mod parts;
mod pools;
mod provider;
mod quotas;
mod refusal;
mod show;
mod vip;

use std::sync::MutexGuard;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode};

use self::access::Request;
use self::early::Early;
use self::model::Balancers;
use self::refusal::Refusal;
use crate::service::{Exchange, Service};
use crate::world::{SharedWorld, World};

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/load-balancer";

/// The load balancers, with all transitions made that are due, in Neutron too.
fn locked(world: &World) -> MutexGuard<'_, Balancers> {
    sweep(world);
    world.load_balancer()
}

/// Deletes the ports of load balancers that are gone. Called with no lock held.
pub(crate) fn sweep(world: &World) {
    let orphans = std::mem::take(&mut world.load_balancer().orphans);
    for port in orphans {
        crate::neutron::plug::vip::delete(world, &port);
    }
}

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Octavia;

impl Service for Octavia {
    fn kind(&self) -> &'static str {
        "load-balancer"
    }

    fn name(&self) -> &'static str {
        "octavia"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn ignores_last_slash(&self) -> bool {
        true
    }

    fn routes(&self, world: SharedWorld) -> Router {
        let resources = Router::new()
            .merge(balancers::routes())
            .merge(listeners::routes())
            .merge(pools::routes())
            .merge(members::routes())
            .merge(monitors::routes())
            .merge(l7::routes())
            .merge(quotas::routes())
            .merge(offers::routes())
            .merge(info::routes());
        let mut routes = Router::new().route("/", get(info::versions));
        for version in ["/v2", "/v2.0"] {
            routes = routes
                .route(version, get(info::root))
                .route(&format!("{version}/lbaas"), get(info::root))
                .nest(&format!("{version}/octavia"), info::amphora_routes())
                .nest(&format!("{version}/lbaas"), resources.clone())
                .merge(Router::new().nest(version, resources.clone()));
        }
        routes.fallback(elsewhere).method_not_allowed_fallback(wrong_method).with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        if let Some(early) = answer.extensions().get::<Early>() {
            answer = early.clone().answer(exchange);
        }
        if answer.status() != StatusCode::UNAUTHORIZED
            && let Ok(id) = HeaderValue::from_str(&exchange.request_id)
        {
            answer.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
        }
        answer
    }
}

/// Paths that lead nowhere; without a token nobody learns that.
async fn elsewhere(_request: Request) -> Early {
    Early::nowhere()
}

async fn wrong_method(_request: Request) -> Early {
    Early::wrong_method()
}
