//! Secrets of our own making: 256 random bits, shown once, kept as a hash.
//!
//! Whoever reads the database finds SHA-256 sums only. With 256 random bits nothing slower than
//! SHA-256 is needed: there is nothing to guess.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// How many bytes a credential has.
const LENGTH: usize = 32;

/// 256 random bits that somebody proves to know.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Credential([u8; LENGTH]);

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Credential {
    /// A fresh one, from the random numbers of the operating system.
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = [0; LENGTH];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Randomness)?;
        Ok(Self(bytes))
    }

    /// As it is shown and sent: 43 characters of URL-safe Base64 without padding.
    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What [`Self::encode`] wrote, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What is kept of it: SHA-256 as 64 hexadecimal digits.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0))
    }

    /// Another secret that only who knows this one can compute; `purpose` keeps them apart.
    pub(crate) fn derive(&self, purpose: &str) -> Self {
        let mut hasher = Sha256::new_with_prefix(b"lotse derived credential v1\n");
        hasher.update(purpose.as_bytes());
        hasher.update([0]);
        hasher.update(self.0);
        Self(hasher.finalize().into())
    }

    /// Whether the text is this credential, without telling by the time it takes how much of it.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Sums of both are compared: how far they agree says nothing about the values.
        Self::parse(text).is_some_and(|other| other.hash() == self.hash())
    }

    /// The credential under a pad that is new each time, so that the compressed pages that carry it
    /// tell nothing about it (BREACH).
    pub(crate) fn masked(&self) -> Result<String, Error> {
        let pad = Self::generate()?;
        let mut bytes = pad.0.to_vec();
        bytes.extend(self.0.iter().zip(pad.0).map(|(byte, pad)| byte ^ pad));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether the text is what [`Self::masked`] made of this credential.
    pub(crate) fn matches_masked(&self, text: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return false };
        let Some((pad, masked)) = bytes.split_at_checked(LENGTH) else { return false };
        let plain: Vec<u8> = pad.iter().zip(masked).map(|(pad, byte)| pad ^ byte).collect();
        masked.len() == LENGTH && Sha256::digest(plain) == Sha256::digest(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_recognised_and_nothing_else() {
        let (one, other) = (Credential::generate().unwrap(), Credential::generate().unwrap());
        assert!(one.matches(&one.encode()) && !one.matches(&other.encode()));
        for wrong in ["", "a", &one.encode()[1..], &format!("{}=", one.encode()), "ä"] {
            assert!(!one.matches(wrong), "{wrong:?}");
            assert!(Credential::parse(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(Credential::parse(&one.encode()).unwrap().hash(), one.hash());
    }

    #[test]
    fn a_derived_credential_depends_on_purpose_and_origin() {
        let (one, other) = (Credential::generate().unwrap(), Credential::generate().unwrap());
        assert_eq!(one.derive("csrf"), one.derive("csrf"));
        assert_ne!(one.derive("csrf"), one.derive("state"));
        assert_ne!(one.derive("csrf"), other.derive("csrf"));
    }

    #[test]
    fn a_masked_credential_looks_different_each_time_and_is_recognised() {
        let (one, other) = (Credential::generate().unwrap(), Credential::generate().unwrap());
        let (first, second) = (one.masked().unwrap(), one.masked().unwrap());
        assert_ne!(first, second);
        assert!(one.matches_masked(&first) && one.matches_masked(&second));
        for wrong in ["", &one.encode(), &first[2..], &other.masked().unwrap()] {
            assert!(!one.matches_masked(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_credential_is_not_printed() {
        let one = Credential::generate().unwrap();
        assert!(!format!("{one:?}").contains(&one.encode()));
    }
}
