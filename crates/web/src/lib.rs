//! The HTTP shell of the daemon: one listener that carries sign-in, pages, the JSON API, health and
//! metrics.
//!
//! The shell knows the words of the core (tasks, errors, clocks) and the state, and nothing of any
//! capability. A capability hands over an [`extension::Extension`]: routes that say what they demand,
//! entries of the navigation, permissions, metrics. [`Shell::router`] puts them together with what
//! every daemon has:
//!
//! | path | what it answers | demands |
//! | --- | --- | --- |
//! | `/` and other pages | the console for people | `task.read` and so on |
//! | `/sign-in` | sessions begin here | nothing |
//! | `/api/v1` | the JSON API; errors are problem+json (RFC 9457) | as each operation says |
//! | `/api/v1/openapi.json` | the API described (OpenAPI 3.1) | nothing |
//! | `/live` | server-sent events: something has changed | `task.read` |
//! | `/healthz` | 200 as long as the process answers | nothing |
//! | `/readyz` | 200 when every [`health::Check`] passes and no drain has begun, else 503 | nothing |
//! | `/metrics` | Prometheus text (`OpenMetrics`) | nothing |
//!
//! The way of a request: [`guard`] (host names, security headers) → metrics → compression → error
//! pages → the gate of [`auth`] before each route (identity, limits, permission, CSRF) → handler.
//!
//! Invariants: the listener is on loopback unless the configuration says otherwise; every answer
//! carries a request id and the security headers of [`guard`]; requests under a foreign host name
//! are refused on loopback (DNS rebinding); nothing is loaded from other hosts, pages work without
//! `JavaScript`; no route is mounted without saying what it demands; no secret is kept, only hashes.
//!
//! Start reading at [`shell`], then [`auth`] and `oidc`.

pub mod access;
pub mod api;
pub mod assets;
pub mod auth;
pub mod bearer;
pub mod config;
pub mod console;
mod credential;
mod error;
pub mod extension;
pub mod guard;
pub mod health;
pub mod listen;
mod live;
pub mod metrics;
mod oidc;
mod pages;
pub mod problem;
pub mod shell;
pub mod text;
pub mod visitor;

pub use auth::guard::Caller;
pub use config::AccessConfig;
pub use console::Console;
pub use error::Error;
pub use listen::{ListenError, bind, serve};
pub use pages::layout::{Layout, NavLink, When};
pub use pages::{page, page_with};
pub use shell::{About, Shell, ShellParts};
