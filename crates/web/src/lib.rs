//! The HTTP shell of the daemon: one listener that carries health, metrics, the JSON API and pages.
//!
//! The shell knows the words of the core (tasks, errors, clocks) and nothing of any capability. A
//! capability hands over an [`axum::Router`] and a metrics collector; [`Shell::router`] puts them
//! together with what every daemon has:
//!
//! | path | what it answers |
//! | --- | --- |
//! | `/` | a page for people: what runs here and where to look |
//! | `/healthz` | 200 as long as the process answers |
//! | `/readyz` | 200 when every [`health::Check`] passes and no drain has begun, else 503 |
//! | `/metrics` | Prometheus text (`OpenMetrics`) |
//! | `/api/v1` | the JSON API; errors are problem+json (RFC 9457) |
//!
//! Invariants: the listener is on loopback unless the configuration says otherwise; every answer
//! carries a request id and the security headers of [`guard`]; requests under a foreign host name
//! are refused on loopback (DNS rebinding); nothing is loaded from other hosts, pages work without
//! `JavaScript`. Until sign-in exists, everything here is read-only.
//!
//! Start reading at [`shell`].

pub mod guard;
pub mod health;
pub mod listen;
pub mod metrics;
mod pages;
pub mod problem;
pub mod shell;
mod tasks;

pub use listen::{ListenError, bind, serve};
pub use shell::{About, Shell};
