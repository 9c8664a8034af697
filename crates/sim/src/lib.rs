//! A simulated OpenStack cloud over real HTTP, for tests, the demo and rehearsals.
//!
//! [`SimCloud::start`] opens a listener on loopback and serves Keystone v3 under `/identity` and
//! Glance v2 under `/image` of one port. Clients reach it as they reach a real cloud: through
//! `clouds.yaml`, a password, a catalogue. There is no other way in, so what works here works
//! because requests and answers were right.
//!
//! # The way of a request
//!
//! ```text
//! TCP → http::wire (can be reset) → http::front: fault rules, latency, log
//!     → service::Service (keystone, glance): its axum routes → world (plain data, one lock each)
//! ```
//!
//! # Words
//!
//! - **world**: everything the cloud knows, as plain data. [`SimCloud::state`] dumps it as JSON; the
//!   same JSON seeds another simulation.
//! - **fault**: a rule that makes matching requests fail in a chosen way, see [`faults`].
//! - **upstream**: the simulated internet that `web-download` downloads from, see [`upstream`].
//! - **settling**: transitions that take time (imports) carry the instant they are due and are made
//!   by whoever looks next. No timer runs, so a manual clock controls them fully.
//!
//! # Adding a service
//!
//! One module with its data, its refusals in the service's own format and its routes; implement
//! `service::Service` for it and add one line to `service::all`. Its entry in the catalogue, its
//! faults and its request log follow from that.
//!
//! # Where it differs from real services, and why
//!
//! The contract suite (`tests/it/contract.rs`) compares it with Keystone 22 and Glance 25. Known and
//! meant:
//!
//! - Readers may not write. Real services do so from Glance 26 on, or with `enforce_new_defaults`.
//! - The role `manager` exists between `admin` and `member`, as from Keystone 25 on.
//! - Refusals by a JSON schema name what is wrong and leave out the dump of the schema.
//! - Only what is simulated is in the catalogue. Groups, trusts, quotas, metadata
//!   definitions and the image cache answer 404.
//! - `web-download` takes any host and port in [`DownloadMode::Simulated`], and loopback addresses
//!   only in [`DownloadMode::Fetch`]; an import is done when somebody looks after its time.
//! - Bytes of declared URLs and of uploads larger than [`SimOptions::keep_bytes`] do not exist:
//!   downloading them is answered with 503.
//! - The virtual size is known of raw and qcow2 files only.
//! - Tags are listed in alphabetical order; Glance lists them in none.
//!
//! # Admin endpoints
//!
//! `GET /_sim/state`, `GET|POST|DELETE /_sim/faults`, `GET|DELETE /_sim/requests`,
//! `POST /_sim/upstream` on the same port, for programs that run `lotse sim` as a process.

mod admin;
mod barbican;
mod cinder;
mod clock;
mod cloud;
mod error;
#[allow(dead_code, reason = "published to by the services as they are widened")]
pub mod events;
mod fault_body;
pub mod faults;
mod glance;
mod http;
mod ids;
mod keystone;
#[allow(dead_code, reason = "used by the services as they are widened")]
mod microversion;
mod neutron;
mod nova;
mod octavia;
mod options;
mod placement;
pub mod requests;
mod scale;
#[allow(dead_code, reason = "used by services as they are widened")]
mod schema;
mod seed;
mod service;
mod swift;
pub mod upstream;
mod world;

pub use cloud::SimCloud;
pub use error::SimError;
pub use events::{Event, Events};
pub use faults::{Effect, Fault, Faults};
pub use options::{Delays, DownloadMode, SimOptions};
pub use requests::{Mark, RequestLog, RequestRecord};
pub use scale::{Scale, ScaleError};
pub use seed::State;
pub use upstream::{Upstream, UpstreamFile};
