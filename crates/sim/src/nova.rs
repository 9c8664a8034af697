//! Nova: servers, flavors, keypairs and what else Nova 2.1 keeps.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`model`], [`server`], [`fleet`] | what there is; all servers in the order of their lists |
//! | [`transition`] | what happens to servers in time |
//! | [`asked`] | token, microversion, body and policy of every request |
//! | [`shapes`] | parts of schemas |
//! | [`servers`], [`list`], [`view`], [`find`] | one server, lists of them, how they are shown |
//! | [`create`], [`disks`], [`network`], [`schedule`] | making servers: volumes, ports, a host |
//! | [`actions`], [`moves`], [`images`], [`console`] | what is done to servers |
//! | [`attach`] | ports and volumes that come and go |
//! | [`flavors`], [`flavor_parts`] | flavors, their extra specs, who sees them |
//! | [`keypairs`], [`groups`] | keys of users; servers together or apart |
//! | [`hosts`], [`services`], [`aggregates`] | hypervisors, zones, services, aggregates |
//! | [`quota`], [`usage`] | limits, what was used, migrations |
//! | [`gone`] | what other services have now |
//! | [`notify`] | the notifications of a server's life |
//! | [`builtin`], [`generate`] | what there is without a seed; many servers for rehearsals |
//!
//! # Where it differs from Nova 26, and why
//!
//! The scenarios `tests/it/contract/nova*.rs` compare it with the testbed. Known and meant:
//!
//! - Readers may not write, as from Nova 27 on.
//! - Images, networks, security groups and floating IPs, which Nova passed on to other services until
//!   2.36, and its list of extensions are not there in any version.
//! - There are consoles of every kind, whatever a host is configured for; nobody listens there.
//! - Deleted servers are forgotten when ten thousand more were deleted; none is deleted later or can
//!   be brought back (`restore`, `reclaim_instance_interval`).
//! - What a guest does is not there: passwords and crash dumps are the same for all, and so is the
//!   console, which shows that the guest came up (or what `SimOptions` say).
//! - Attaching a port of a network that does not exist is 404; Nova 26 stumbles over it (500).
//! - Exchanging a volume for another (`PUT os-volume_attachments` with another id) is refused.
//! - Between two writes to its database Nova shows a server that is being deleted as `DELETED`; here
//!   it is gone at once.
//! - Neutron's news of floating IPs and deleted ports are on a server at once; Neutron collects them
//!   for two seconds.
//! - Of the properties of images only `img_hv_type` and the sizes choose hosts.

mod actions;
mod aggregates;
mod asked;
mod attach;
mod builtin;
mod console;
mod create;
mod create_schema;
mod disks;
mod find;
mod flavor_parts;
mod flavors;
pub(crate) mod fleet;
mod generate;
mod gone;
mod groups;
mod hosts;
mod images;
mod keypairs;
mod list;
mod list_schema;
pub(crate) mod model;
mod moves;
mod network;
mod notify;
mod quota;
mod schedule;
pub(crate) mod server;
mod servers;
mod services;
mod shapes;
mod transition;
mod usage;
mod versions;
mod view;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::fault_body::Fault;
use crate::service::{Exchange, Service};
use crate::world::{SharedWorld, World};

/// Makes up the servers that a seed asks for, and has the hosts report to Placement.
pub(crate) fn start(world: &World) {
    let now = world.now();
    let hosts = {
        let mut compute = world.compute();
        generate::expand(&mut compute, &world.ids, now);
        compute.hosts.clone()
    };
    for host in hosts {
        crate::placement::claim::report(world, builtin::provider(&host, now));
    }
}

/// Makes up so many servers more, for rehearsals at scale.
pub(crate) fn populate(world: &World, servers: u64) {
    let mut compute = world.compute();
    compute.generate = (servers > 0).then(|| generate::Generate::of(servers));
    generate::expand(&mut compute, &world.ids, world.now());
}

/// Takes over what has changed in Neutron since the last call: floating IPs of servers, ports that are
/// gone. Neutron tells Nova so. Call with no lock held.
pub(crate) fn readdress(world: &World) {
    let servers = world.network().take_readdressed();
    for server in servers {
        network::refresh_from_neutron(world, &server);
    }
}

/// Where the service is mounted.
pub(crate) const MOUNT: &str = "/compute";

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nova;

impl Service for Nova {
    fn kind(&self) -> &'static str {
        "compute"
    }

    fn name(&self) -> &'static str {
        "nova"
    }

    fn mount(&self) -> &'static str {
        MOUNT
    }

    fn endpoint(&self) -> &'static str {
        "/v2.1"
    }

    fn routes(&self, world: SharedWorld) -> Router {
        let gate = axum::middleware::from_fn_with_state(world.clone(), asked::gate);
        let api = Router::new()
            .merge(servers::routes())
            .merge(attach::routes())
            .merge(console::routes())
            .merge(flavors::routes())
            .merge(keypairs::routes())
            .merge(groups::routes())
            .merge(hosts::routes())
            .merge(services::routes())
            .merge(aggregates::routes())
            .merge(quota::routes())
            .merge(usage::routes())
            .merge(gone::routes())
            .fallback(asked::nowhere)
            .method_not_allowed_fallback(asked::nowhere)
            .layer(gate);
        versions::routes().merge(api).with_state(world)
    }

    fn refuse(&self, status: u16, message: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Fault::new(status, message).into_response()
    }

    fn finish(&self, exchange: &Exchange, mut answer: Response) -> Response {
        if let Some(below) = answer.extensions().get::<asked::Below>() {
            answer = below.answer(exchange.accept.as_deref());
        }
        // The list of versions is answered before a request gets an id.
        if exchange.path == "/" {
            return answer;
        }
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
            headers.insert(HeaderName::from_static("x-openstack-request-id"), id.clone());
            headers.insert(HeaderName::from_static("x-compute-request-id"), id);
        }
        // Answers without a body are announced as JSON all the same.
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        answer
    }
}
