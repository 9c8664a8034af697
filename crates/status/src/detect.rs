//! Detection: what machines measure becomes proposals, and people confirm them.
//!
//! # Words
//!
//! - **signal**: what a monitor says at one moment: this is bad, or well again.
//! - **measure**: what one monitor thinks of one thing, kept from signal to signal.
//! - **proposal**: a draft of an incident with private evidence. It waits for a person, who confirms,
//!   edits or dismisses it; or a rule publishes it after its veto time.
//! - **spell**: a time in which a component was measured to be bad; reports count them.
//! - **live**: a proposal whose trouble is not over. A component is in one live proposal at most.
//!
//! # The way of a signal
//!
//! ```text
//! health event ─┐
//! Alertmanager ─┼─► Signal ─► Measure ─┐
//! webhook ──────┤                      ├─► heart (pure: measures × rules × book × now) ─► proposals
//! heartbeat ────┘            tick ─────┘                                                    │
//!                         a person's word, or a veto time that has passed ─► incident ◄─────┘
//! ```
//!
//! # What is promised
//!
//! - Nothing a monitor says reaches the public: drafts are made of names of components and words of
//!   the operator. Evidence is shown to operators only.
//! - The same trouble is proposed once. What flaps is one trouble. What many components of a region or
//!   group have is one proposal for all of them. What is under maintenance, or declared already, is
//!   not proposed.
//! - A message that is sent twice has the effect of one; one that is too old, or not signed by its
//!   sender, has none.
//! - A confirmation becomes exactly one incident, whatever is killed meanwhile: the incident has the
//!   id of the proposal.

pub mod config;
mod desk;
mod heart;
mod ingress;
mod measure;
pub(crate) mod memory;
mod proposal;
mod sources;
mod spells;
mod store;
mod task;
mod view;
mod web;

pub use desk::{Change, Detector, Secrets, Taken, remembered};
pub use heart::{Situation, decide};
pub use ingress::router;
pub use measure::{Measure, Selector, Signal};
pub use proposal::{Decision, Draft, Evidence, Proposal, ProposalId, State};
pub use spells::History;
pub use store::PART;
pub(crate) use store::{recall, restore};
pub use task::Watching;
pub use view::{Side, sides};
pub use web::{DECIDE, READ, SIGNAL, extension};
