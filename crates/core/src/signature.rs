//! Signatures that others make and check, too: of webhooks, and those of OpenSSH.

pub mod ssh;
pub mod webhook;
