//! What Nova once had and other services have now: 404 in the API's own form.
//!
//! Images, networks, security groups and floating IPs were passed on to Glance and Neutron until
//! 2.36, which nobody needs who finds those services in the catalogue. Here they are gone in every
//! version.

use axum::Router;
use axum::routing::any;

use super::asked::Asked;
use crate::fault_body::Fault;
use crate::world::SharedWorld;

/// What is gone, with everything below it.
const GONE: &[&str] = &[
    "images",
    "os-networks",
    "os-tenant-networks",
    "os-floating-ips",
    "os-floating-ip-pools",
    "os-floating-ip-dns",
    "os-fixed-ips",
    "os-security-groups",
    "os-security-group-rules",
    "os-security-group-default-rules",
    "os-hosts",
    "os-cells",
    "os-certificates",
    "os-agents",
    "os-fping",
    "os-virtual-interfaces",
    "os-volumes",
    "os-snapshots",
    "os-baremetal-nodes",
    "extensions",
];

pub(crate) fn routes() -> Router<SharedWorld> {
    GONE.iter().fold(Router::new(), |routes, name| {
        routes
            .route(&format!("/v2.1/{name}"), any(gone))
            .route(&format!("/v2.1/{name}/{{*rest}}"), any(gone))
    })
}

async fn gone(_: Asked) -> Fault {
    Fault::missing("The resource could not be found.")
}
