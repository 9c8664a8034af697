//! Sessions on OpenStack clouds: configuration, authentication, catalogue, requests, limits, metrics.
//!
//! ```no_run
//! # async fn example() -> Result<(), lotse_openstack::Error> {
//! use lotse_core::time::system_clock;
//! use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Overrides, Sources};
//!
//! let environment = std::env::vars().collect();
//! let sources = Sources::read(environment, Overrides::default(), ".".as_ref())?;
//! let cloud = Cloud::connect(CloudConfig::resolve(&sources)?, &CloudOptions::new(system_clock(), 0))?;
//! let image: serde_json::Value = cloud.get("image", "/v2/images/5f8e").send().await?.json()?;
//! # Ok(()) }
//! ```
//!
//! The way of a request:
//!
//! ```text
//! RequestBuilder ── address: override or catalogue, region, interface; version if nobody says it
//!       │           token:   kept, or got once for all who wait
//!       ▼
//! Exchange ──────── places and pace per service ─> attempt ─> retry class ─> pause ─> attempt …
//!       │                                            │
//!       ▼                                            └ deadlines per step, timing, metrics, log
//! Response | Error (one sentence, a hint, the request id, a retry class)
//! ```
//!
//! | module | what it says |
//! | --- | --- |
//! | [`config`] | which cloud, with which credentials |
//! | `auth` | signing in, and what a token says |
//! | [`catalog`], `endpoint`, [`discovery`] | where services are, and which versions they have |
//! | `exchange` | sending: retries, limits, deadlines, measurements |
//! | [`paging`] | listings in pages |
//! | [`fault`], [`retry_after`] | reading what services say when they refuse |
//! | [`error`] | what can go wrong, with what to do about it |
//!
//! Invariants: no secret reaches a log, an error or a `Debug` output. No request goes to a host that
//! neither the configuration nor the catalogue names: redirects are errors, and of links to next
//! pages only the query is believed. Nothing limits the whole of a request in time, so that large
//! images can move. A request whose effect is uncertain is repeated only if it is idempotent.

pub mod catalog;
pub mod config;
pub mod discovery;
pub mod error;
pub mod fault;
pub mod paging;
pub mod retry_after;

mod auth;
mod cloud;
mod endpoint;
mod exchange;
mod limit;
mod metrics;
mod negotiate;
mod operation;
mod options;
mod request;
mod response;
mod service;
pub mod tls;

pub use auth::{Named, Token};
pub use cloud::Cloud;
pub use config::{CloudConfig, ConfigError, Overrides, Sources};
pub use endpoint::Endpoint;
pub use error::Error;
pub use exchange::{Timing, UploadError, UploadStream};
pub use metrics::Metrics;
pub use options::{CloudOptions, Deadlines, ServiceLimit, ServiceLimits};
pub use paging::Pages;
pub use request::RequestBuilder;
pub use response::{Response, StreamedResponse};
