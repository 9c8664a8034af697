//! Ids and other random-looking values, from a seed.
//!
//! A simulation with the same seed and the same requests makes the same ids, so that a failing run
//! can be replayed.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Step of the `SplitMix64` sequence.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: the value of the sequence at `state`.
pub(crate) const fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hands out ids.
#[derive(Debug)]
pub(crate) struct IdSource(AtomicU64);

impl IdSource {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(mix(seed.wrapping_add(GAMMA))))
    }

    fn next(&self) -> u64 {
        mix(self.0.fetch_add(GAMMA, Ordering::Relaxed))
    }

    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        bytes
    }

    /// A UUID with dashes, as most services use.
    pub(crate) fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// A UUID without dashes, as Keystone uses.
    pub(crate) fn hex(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().simple().to_string()
    }

    /// A token: as long and opaque as a Fernet token of Keystone.
    pub(crate) fn token(&self) -> String {
        let mut token = String::from("gAAAAAB");
        for _ in 0..5 {
            token.push_str(&self.hex());
        }
        token
    }
}

/// A stable id for something named in the built-in seed.
pub(crate) fn named(kind: &str, name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("lotse-sim:{kind}:{name}").as_bytes())
        .simple()
        .to_string()
}
