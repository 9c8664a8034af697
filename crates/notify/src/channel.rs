//! The ways to recipients.
//!
//! A [`Channel`] sends one message once and says what came of it; when and how often it is asked to
//! is decided elsewhere. A new kind of channel implements the trait, gets a variant in
//! [`crate::config::ChannelConfig`] and an arm in [`crate::channels`].

pub mod http;
pub mod mail;
pub mod matrix;
pub mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::time::Timestamp;

use crate::model::Delivery;
use crate::render::Message;
use crate::settle::Reaction;

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The delivery; its id goes with every attempt.
    pub delivery: &'a Delivery,
    /// The delivery as it is read.
    pub message: &'a Message,
    /// The time of the attempt.
    pub now: Timestamp,
}

/// A way to recipients.
#[async_trait]
pub trait Channel: Send + Sync + std::fmt::Debug {
    /// Who is to be told. Each gets a delivery of their own, so that one who cannot be reached does
    /// not keep the message from the others. One empty text where there is only one.
    fn recipients(&self) -> Vec<String>;

    /// Where it leads, for people; without secrets.
    fn target(&self) -> String;

    /// Tells targets apart without revealing them: a hexadecimal digest of all that says where the
    /// channel leads.
    fn fingerprint(&self) -> String;

    /// Sends once. Returns what the other side said to it, one line.
    ///
    /// May be dropped at any time; the delivery is then sent again.
    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble>;
}

/// An attempt did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The other side will never take this message.
    #[error("{peer} refused it: {answer}")]
    Refused {
        /// The other side.
        peer: String,
        /// Its answer.
        answer: String,
    },
    /// The other side takes nothing any more.
    #[error("{peer} said that it is gone: {answer}")]
    Gone {
        /// The other side.
        peer: String,
        /// Its answer.
        answer: String,
    },
    /// The other side does not take it now.
    #[error("{peer} did not take it: {answer}")]
    NotNow {
        /// The other side.
        peer: String,
        /// Its answer.
        answer: String,
        /// The pause that it asked for.
        after: Option<Duration>,
    },
    /// The other side was not reached, or the connection broke.
    #[error("{peer} was not reached")]
    Unreachable {
        /// The other side.
        peer: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address is not one that requests go to.
    #[error("the address is not called")]
    Address {
        /// Why.
        #[source]
        source: crate::guard::Refused,
    },
    /// The other side did not answer in time.
    #[error("{peer} did not answer within {seconds} s")]
    Late {
        /// The other side.
        peer: String,
        /// How long it was waited.
        seconds: u64,
    },
}

impl Trouble {
    /// What it says about trying again.
    pub const fn reaction(&self) -> Reaction {
        match self {
            Self::Refused { .. } => Reaction::Never,
            Self::Address { source } if source.is_final() => Reaction::Never,
            Self::Gone { .. } => Reaction::Gone,
            Self::NotNow { after: Some(after), .. } => Reaction::After(*after),
            Self::NotNow { .. }
            | Self::Unreachable { .. }
            | Self::Address { .. }
            | Self::Late { .. } => Reaction::Again,
        }
    }
}

/// The digest of what says where a channel leads.
fn fingerprint(parts: &[&str]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
