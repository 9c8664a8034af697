//! Words every part of Lotse needs.
//!
//! This crate is at the bottom of the dependency arrows: it knows nothing of clouds, plans or
//! databases, only the notions they share.
//!
//! | module | what it says |
//! | --- | --- |
//! | [`error`] | what kinds of failure there are, and what each means for exit codes, HTTP and retries |
//! | [`declared`] | files people write: YAML with positions, checks against a schema, diagnostics |
//! | [`time`] | the clock as a parameter |
//! | [`id`] | typed identifiers |
//! | [`retry`] | which failures may be tried again, and when |
//! | [`journal`] | the write-ahead journal of changes to the outside world |
//! | [`lease`] | one holder at a time |
//! | [`task`] | background work: idempotent, without input, safe to kill |
//! | [`change`] | differences that somebody answers for |
//! | [`event`] | typed facts that one capability tells the others |
//! | [`signature`] | signatures of webhooks and of OpenSSH, made and checked |
//! | [`secret`] | values that never appear in logs, and where they come from |
//!
//! Rules: no wall clock, no randomness and no environment are read in the logic of any crate; they
//! are parameters, so that everything can be replayed. The one place that touches the real clock is
//! [`time::SystemClock`].

pub mod change;
pub mod declared;
pub mod error;
pub mod event;
pub mod id;
pub mod jitter;
pub mod journal;
pub mod lease;
pub mod retry;
pub mod secret;
pub mod signature;
pub mod task;
pub mod time;
