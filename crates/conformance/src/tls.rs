//! How the addresses of a cloud are encrypted (scs-0125): what is looked at, and the words for it.
//!
//! The standard follows the configuration that Mozilla calls intermediate (version 5.7): TLS 1.2 and
//! 1.3, the suites of [`SUITES_12`] and [`SUITES_13`], the groups of [`GROUPS`], and certificates that
//! are good for a year at most. What a server takes beyond that no usual client can find out, because it
//! does not offer it; so the greeting is written by hand ([`hello`]) and the first answer is read, which
//! says what the server has chosen. No connection is ever completed that way. Only the certificate is
//! taken from a complete handshake.

pub(crate) mod certificate;
pub(crate) mod hello;
mod words;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::snapshot::Answer;

pub(crate) use words::{
    FOREIGN_GROUPS, FOREIGN_SUITES_12, FOREIGN_SUITES_13, GROUPS, SUITES_12, SUITES_13, group_name,
    suite_name, version_name,
};

/// TLS 1.2, as it is written in greetings.
pub(crate) const TLS_12: u16 = 0x0303;
/// TLS 1.3, as it is written in greetings.
pub(crate) const TLS_13: u16 = 0x0304;
/// All versions, oldest first: SSL 3.0, then TLS 1.0 and so on.
pub(crate) const VERSIONS: [u16; 5] = [0x0300, 0x0301, 0x0302, TLS_12, TLS_13];

/// The longest time for which a certificate may be good, in days.
pub(crate) const LONGEST: i64 = 366;

/// An address of the catalogue, or the one of the identity service in the configuration.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Address {
    /// `https://HOST:PORT` or `http://HOST:PORT`.
    pub origin: String,
    /// The types of the services that are there, sorted.
    pub services: Vec<String>,
    /// What it says to greetings; not asked where nothing is encrypted.
    pub greeted: Answer<Greeted>,
}

impl Address {
    /// Whether what is sent there is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.origin.starts_with("https:")
    }
}

/// What a server says to greetings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Greeted {
    /// The versions that it takes, by their numbers in greetings (`0x0303` is TLS 1.2).
    pub versions: Vec<u16>,
    /// Suites that it takes and that are not of the standard, by their numbers.
    pub foreign_suites: Vec<u16>,
    /// Whether it takes more of them than were looked for.
    pub more_suites: bool,
    /// Groups that it takes and that are not of the standard, by their numbers.
    pub foreign_groups: Vec<u16>,
    /// From when to when its certificate is good (UTC).
    pub certificate: Answer<Lifespan>,
}

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lifespan {
    /// The first instant.
    pub from: DateTime,
    /// The last instant.
    pub until: DateTime,
}

impl Lifespan {
    /// How many whole days lie between.
    pub fn days(&self) -> i64 {
        self.until.duration_since(self.from).as_hours() / 24
    }
}
