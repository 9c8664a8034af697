//! Signed checksum files: OpenPGP signatures, detached or around the text, against pinned keys.
//!
//! Whoever controls a mirror controls its checksums, too; a signature by a key that the operator has
//! pinned is what says that the publisher made them. Only verification is here, of what publishers use
//! (RFC 9580, RFC 4880): keys of version 4 with RSA, `ECDSA` or `EdDSA`, signatures by SHA-2. The
//! arithmetic is that of `ring`; what is ours is reading packets and deciding. The crates that do
//! everything of OpenPGP bring more than a hundred others, most of them for secrets and old ciphers.
//!
//! A pinned key is trusted because it is pinned; names, webs of trust and key servers play no part.
//! What the key itself says counts: subkeys that it has bound, expiry, revocation, purpose. A key must
//! have been valid when the signature was made; that it has expired since does not make old files
//! wrong.

mod armour;
mod key;
mod packet;

use lotse_core::time::{SignedDuration, Timestamp};

use self::armour::Block;
use self::key::Key;
use self::packet::{Packets, Signature, Tag};

/// Bytes of a key file, a signature or a signed text.
const MOST_BYTES: usize = 4 << 20;
/// How far the publisher's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// Why something is not taken as signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text of a key, a signature or a signed text is not understood.
    #[error("{what} cannot be read: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A pinned key that no signature can be verified with.
    #[error("the key {fingerprint} cannot be used: {reason}")]
    UselessKey {
        /// Which.
        fingerprint: String,
        /// Why not.
        reason: &'static str,
    },
    /// Signed by somebody else.
    #[error("it is signed by key {signer}, which is not pinned")]
    UnknownSigner {
        /// The id or fingerprint that the signature gives.
        signer: String,
    },
    /// A signature that is not one of this content.
    #[error("the signature by key {signer} is wrong: the content is not what was signed")]
    Wrong {
        /// The fingerprint.
        signer: String,
    },
    /// A signature that is not accepted, whatever it is of.
    #[error("the signature by key {signer} is not accepted: {reason}")]
    Refused {
        /// The fingerprint, or the id that the signature gives.
        signer: String,
        /// Why not.
        reason: &'static str,
    },
}

/// Whose signature it is, and when it was made.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Signed {
    /// The fingerprint of the key that signed, in lower-case hexadecimal digits.
    pub signer: String,
    /// The fingerprint of the pinned key it belongs to; the same, if it is no subkey.
    pub pinned: String,
    /// When.
    pub made: Timestamp,
}

/// Keys that are trusted.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<Key>,
}

impl Keyring {
    /// Reads armoured keys; several may follow each other.
    ///
    /// # Errors
    /// [`Fault::Malformed`], and [`Fault::UselessKey`] when one of them can verify nothing.
    pub fn parse(armoured: &str) -> Result<Self, Fault> {
        const WHAT: &str = "the key";
        check_size(WHAT, armoured.len())?;
        let blocks = armour::blocks(armoured, Block::PublicKey)
            .map_err(|reason| Fault::Malformed { what: WHAT, reason })?;
        let mut keys = Vec::new();
        for bytes in blocks {
            keys.extend(key::read(&bytes)?);
        }
        if keys.is_empty() {
            let reason = "there is no public key in it; export it with `gpg --armor --export`";
            return Err(Fault::Malformed { what: WHAT, reason });
        }
        Ok(Self { keys })
    }

    /// Of these keys the one with this fingerprint (hexadecimal digits, in any case), with its subkeys;
    /// none when it is not among them.
    pub fn only(mut self, fingerprint: &str) -> Option<Self> {
        self.keys.retain(|key| hex::encode(key.primary).eq_ignore_ascii_case(fingerprint));
        (!self.keys.is_empty()).then_some(self)
    }

    /// The fingerprints of the pinned keys.
    pub fn fingerprints(&self) -> Vec<String> {
        let primary = self.keys.iter().filter(|key| key.fingerprint == key.primary);
        primary.map(|key| hex::encode(key.fingerprint)).collect()
    }

    /// Verifies a detached signature, armoured or not. One good signature is enough.
    ///
    /// # Errors
    /// [`Fault`]; of several signatures, what is wrong with the one that came closest.
    pub fn verify_detached(
        &self,
        content: &[u8],
        signature: &[u8],
        now: Timestamp,
    ) -> Result<Signed, Fault> {
        const WHAT: &str = "the signature";
        check_size(WHAT, content.len().max(signature.len()))?;
        let malformed = |reason| Fault::Malformed { what: WHAT, reason };
        let blocks = match std::str::from_utf8(signature) {
            Ok(text) if text.contains("-----BEGIN PGP") => {
                armour::blocks(text, Block::Signature).map_err(malformed)?
            }
            _ => vec![signature.to_vec()],
        };
        self.verify_any(&blocks.concat(), content, now)
    }

    /// Verifies a signed text and returns what was signed of it, and nothing else: text around it is
    /// not.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn verify_text(&self, text: &str, now: Timestamp) -> Result<(String, Signed), Fault> {
        const WHAT: &str = "the signed text";
        check_size(WHAT, text.len())?;
        let malformed = |reason| Fault::Malformed { what: WHAT, reason };
        let (content, signature) = armour::signed_text(text).map_err(malformed)?;
        let blocks = armour::blocks(&signature, Block::Signature).map_err(malformed)?;
        let canonical = content.replace('\n', "\r\n");
        let signed = self.verify_any(&blocks.concat(), canonical.as_bytes(), now)?;
        Ok((content, signed))
    }

    fn verify_any(&self, packets: &[u8], content: &[u8], now: Timestamp) -> Result<Signed, Fault> {
        const WHAT: &str = "the signature";
        let malformed = |reason| Fault::Malformed { what: WHAT, reason };
        let mut worst = None;
        for packet in Packets::new(packets) {
            let (tag, body) = packet.map_err(malformed)?;
            if tag != Tag::Signature {
                return Err(malformed("there is something else than signatures in it"));
            }
            match Signature::parse(body)
                .map_err(malformed)
                .and_then(|s| self.verify(&s, content, now))
            {
                Ok(signed) => return Ok(signed),
                // One by a pinned key says more than one by a stranger.
                Err(fault) => match (&worst, &fault) {
                    (Some(_), Fault::UnknownSigner { .. } | Fault::Malformed { .. }) => {}
                    _ => worst = Some(fault),
                },
            }
        }
        Err(worst.unwrap_or_else(|| malformed("there is no signature in it")))
    }

    fn verify(
        &self,
        signature: &Signature<'_>,
        content: &[u8],
        now: Timestamp,
    ) -> Result<Signed, Fault> {
        let issuer = signature.issuer();
        let Some(key) = self.keys.iter().find(|key| issuer.is(&key.fingerprint)) else {
            return Err(Fault::UnknownSigner { signer: issuer.to_string() });
        };
        let signer = hex::encode(key.fingerprint);
        let refused = |reason| Fault::Refused { signer: signer.clone(), reason };
        let content = match signature.kind {
            0x00 => content.to_vec(),
            0x01 => armour::canonical(content),
            _ => return Err(refused("it is not one of a document")),
        };
        signature.check().map_err(refused)?;
        if signature.hash.is_weak() {
            return Err(refused("it is by SHA-1, MD5 or another broken hash function"));
        }
        key.usable_at(signature.made).map_err(refused)?;
        let made = Timestamp::from_second(i64::from(signature.made));
        let made = made.map_err(|_| refused("its time is impossible"))?;
        if made.duration_since(now) > SKEW {
            return Err(refused("it was made in the future"));
        }
        let lifetime = signature.expires.map(|seconds| SignedDuration::from_secs(seconds.into()));
        if lifetime.is_some_and(|lifetime| now.duration_since(made) > lifetime) {
            return Err(refused("it has expired"));
        }
        match key.verify(signature, &content) {
            Some(true) => Ok(Signed { pinned: hex::encode(key.primary), signer, made }),
            Some(false) => Err(Fault::Wrong { signer }),
            None => Err(refused("its algorithm is not understood")),
        }
    }
}

fn check_size(what: &'static str, size: usize) -> Result<(), Fault> {
    if size <= MOST_BYTES {
        return Ok(());
    }
    Err(Fault::Malformed { what, reason: "it is larger than any file of checksums" })
}

#[cfg(test)]
mod tests;
