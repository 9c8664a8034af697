//! Whether a commit is signed by one who may.
//!
//! Git signs a commit without its signature and puts the signature into the header `gpgsig`. Three
//! kinds exist; signatures of SSH are verified here, against a file of allowed signers as Git's own
//! `gpg.ssh.allowedSignersFile`. Those of OpenPGP and X.509 are recognised and refused: reading them
//! takes an implementation of OpenPGP, which is larger than all the rest of Lotse's cryptography.

mod signers;
mod sshsig;

use jiff::Timestamp;

pub use signers::Signers;
pub use sshsig::SshSignature;

use crate::model::SignatureState;

/// What Git signs for.
const NAMESPACE: &str = "git";

/// Why a commit is not signed by one who may.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureFault {
    /// There is no signature.
    #[error("there is no signature")]
    Missing,
    /// There are several.
    #[error("it has more than one signature")]
    Several,
    /// It is a signature of OpenPGP or X.509.
    #[error("its signature is of a kind that is not read, {0}")]
    Kind(&'static str),
    /// It cannot be read.
    #[error("its signature is damaged: {0}")]
    Malformed(&'static str),
    /// It was made for something else than Git.
    #[error("its signature was made for another purpose")]
    Purpose,
    /// The kind of key is not supported.
    #[error("its signature is of a kind of key that is not supported, {0}")]
    Algorithm(String),
    /// Nobody in the file of signers has this key.
    #[error("the key {key} is nobody's in the file of allowed signers")]
    Unknown {
        /// SHA-256 of the key, as `ssh-keygen -l` shows it.
        key: String,
    },
    /// Somebody has this key, but could not sign at that time.
    #[error("the key {key} was not valid when the commit was made")]
    NotThen {
        /// SHA-256 of the key.
        key: String,
    },
    /// The signature is not that of this commit by this key.
    #[error("its signature is forged or the commit was changed")]
    Wrong,
}

impl SignatureFault {
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Missing => {
                "sign with an SSH key: git config gpg.format ssh; git config user.signingKey \
                 ~/.ssh/id_ed25519.pub; git commit -S"
            }
            Self::Kind(_) => "sign with an SSH key: git config gpg.format ssh",
            Self::Unknown { .. } | Self::NotThen { .. } => {
                "if this person may sign, add the key to the file of estate.git.allowed_signers"
            }
            Self::Algorithm(_) => "use a key of type ed25519, ecdsa (nistp256, nistp384) or rsa",
            _ => "look at it with: git log --show-signature",
        }
    }
}

/// Who signed the commit with these bytes, if they may. Validity is judged at `committed`, as Git
/// does.
///
/// # Errors
/// [`SignatureFault`].
pub fn verify(
    raw_commit: &[u8],
    signers: &Signers,
    committed: Option<Timestamp>,
) -> Result<SignatureState, SignatureFault> {
    let (signed, signature) = split(raw_commit)?;
    let armour = signature.ok_or(SignatureFault::Missing)?;
    if armour.starts_with("-----BEGIN PGP ") {
        return Err(SignatureFault::Kind("OpenPGP"));
    }
    if armour.starts_with("-----BEGIN SIGNED MESSAGE") {
        return Err(SignatureFault::Kind("X.509"));
    }
    let signature = SshSignature::read(&armour)?;
    if signature.namespace() != NAMESPACE.as_bytes() {
        return Err(SignatureFault::Purpose);
    }
    let key = signature.fingerprint();
    let signer = signers.find(signature.key(), NAMESPACE, committed, &key)?;
    signature.verify(&signed)?;
    Ok(SignatureState::Good { signer, key })
}

/// What was signed, and the signature.
fn split(raw: &[u8]) -> Result<(Vec<u8>, Option<String>), SignatureFault> {
    let mut signed = Vec::with_capacity(raw.len());
    let mut signature: Option<Vec<u8>> = None;
    let mut within: Option<Header> = None;
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        if line == b"\n" {
            break;
        }
        within = match line.strip_prefix(b" ") {
            Some(_) => within,
            None => Header::of(line),
        };
        match within {
            None => signed.extend_from_slice(line),
            Some(Header::OtherHash) => {}
            Some(Header::Signature) => {
                let continued = line.strip_prefix(b" ");
                if continued.is_none() && signature.is_some() {
                    return Err(SignatureFault::Several);
                }
                let text = continued.or_else(|| line.strip_prefix(Header::SIGNATURE));
                signature.get_or_insert_default().extend_from_slice(text.unwrap_or_default());
            }
        }
        rest = after;
    }
    signed.extend_from_slice(rest);
    let signature = signature
        .map(|bytes| String::from_utf8(bytes).map_err(|_| SignatureFault::Malformed("not text")))
        .transpose()?;
    Ok((signed, signature))
}

/// A header that is not signed.
#[derive(Clone, Copy)]
enum Header {
    Signature,
    /// The signature of the same commit in a repository that names objects by SHA-256.
    OtherHash,
}

impl Header {
    const SIGNATURE: &[u8] = b"gpgsig ";

    fn of(line: &[u8]) -> Option<Self> {
        if line.starts_with(Self::SIGNATURE) {
            Some(Self::Signature)
        } else if line.starts_with(b"gpgsig-sha256 ") {
            Some(Self::OtherHash)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_split_into_what_is_signed_and_the_signature() {
        let raw = b"tree 1\nauthor a\ngpgsig -----BEGIN X\n abc\n \n -----END X\nencoding utf-8\n\ngpgsig in the message\n";
        let (signed, signature) = split(raw).unwrap();
        assert_eq!(signed, b"tree 1\nauthor a\nencoding utf-8\n\ngpgsig in the message\n");
        assert_eq!(signature.unwrap(), "-----BEGIN X\nabc\n\n-----END X\n");
        let (signed, signature) = split(b"tree 1\n\nmessage\n").unwrap();
        assert_eq!((&*signed, signature), (&b"tree 1\n\nmessage\n"[..], None));
        let twice = b"tree 1\ngpgsig a\ngpgsig b\n\nmessage\n";
        assert_eq!(split(twice).unwrap_err(), SignatureFault::Several);
    }

    #[test]
    fn other_kinds_of_signatures_are_named() {
        let signers = Signers::default();
        let fault = |armour: &str| {
            let raw = format!("tree 1\ngpgsig {armour}\n\nmessage\n");
            verify(raw.as_bytes(), &signers, None).unwrap_err()
        };
        assert_eq!(fault("-----BEGIN PGP SIGNATURE-----"), SignatureFault::Kind("OpenPGP"));
        assert_eq!(fault("-----BEGIN SIGNED MESSAGE-----"), SignatureFault::Kind("X.509"));
        assert!(matches!(fault("hello"), SignatureFault::Malformed(_)));
    }
}
