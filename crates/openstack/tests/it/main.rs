//! Behaviour of sessions: against small servers of our own, and against a real cloud.

mod testbed;
