//! A simulated OpenStack cloud over real HTTP, for tests, the demo and rehearsals.
//!
//! [`SimCloud::start`] opens a listener on loopback and serves each service of the catalogue under a
//! path of one port (`/identity`, `/image`, `/compute`, …). Clients reach it as they reach a real
//! cloud: through `clouds.yaml`, a password, a catalogue. There is no other way in, so what works
//! here works because requests and answers were right.
//!
//! # The way of a request
//!
//! ```text
//! TCP → http::wire (can be reset) → http::front: fault rules, latency, log
//!     → service::Service (keystone, glance, …): its axum routes → world (plain data, one lock each)
//! ```
//!
//! # Words
//!
//! - **world**: everything the cloud knows, as plain data. [`SimCloud::state`] dumps it as JSON; the
//!   same JSON seeds another simulation.
//! - **fault**: a rule that makes matching requests fail in a chosen way, see [`faults`].
//! - **upstream**: the simulated internet that `web-download` downloads from, see [`upstream`].
//! - **event**: the notification that a real service would send, see [`events`].
//! - **settling**: transitions that take time (imports, building servers) carry the instant they are due and are made
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
//! The contract suite (`tests/it/contract.rs`) compares it with the testbed. What is known to differ,
//! and is meant to, is listed in one place: `docs/src/reference/simulated-cloud.md`.
//!
//! # Admin endpoints
//!
//! On the same port, for programs that run `lotse sim` as a process; the guide
//! (`docs/src/guides/simulated-cloud.md`) shows each at work:
//!
//! | path | what it does |
//! | --- | --- |
//! | `GET /_sim/state` | everything, in the form of a seed |
//! | `GET, POST, DELETE /_sim/faults` | fault rules: list, add, end all; `DELETE /_sim/faults/1` ends one |
//! | `GET, POST /_sim/clock` | the time; `{"freeze": true, "advance_seconds": 60}` turns it |
//! | `GET /_sim/events` | notifications, in pages (`after`, `limit`) or as server-sent events |
//! | `GET, DELETE /_sim/requests` | what was asked (`since`), or forget it |
//! | `POST /_sim/upstream` | declare a URL of the simulated internet |

mod admin;
mod barbican;
mod cinder;
mod clock;
mod cloud;
mod error;
pub mod events;
mod fault_body;
pub mod faults;
mod glance;
mod http;
mod ids;
mod keystone;
mod microversion;
mod neutron;
mod nova;
mod octavia;
mod options;
mod placement;
pub mod requests;
mod scale;
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
