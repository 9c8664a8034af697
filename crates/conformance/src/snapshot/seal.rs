//! Signed snapshots: a signature of OpenSSH in a file beside the snapshot.
//!
//! `FILE.sig` is what `ssh-keygen -Y sign -n lotse-snapshot` would write, so that those who do not have
//! Lotse can check it, too. Which keys may sign is pinned by a file with lines of `authorized_keys`.
//! Without such a file a signature shows only that snapshot and signature belong together.

use std::path::{Path, PathBuf};

use lotse_core::signature::ssh::{PublicKey, SigningKey};

use super::Snapshot;
use crate::error::Error;

/// The namespace of signatures on snapshots.
pub const NAMESPACE: &str = "lotse-snapshot";

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Broken {
    /// Keys are pinned, and there is no signature.
    #[error("it is not signed, and only signed snapshots count")]
    Unsigned,
    /// It was changed after it was signed, or the signature is of something else.
    #[error("its signature does not fit: it was changed, or signed for something else")]
    Changed,
    /// It is signed by somebody else.
    #[error("none of the keys that count has signed it")]
    Stranger,
}

/// Whose signature a snapshot carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Seal {
    /// Nobody's.
    None,
    /// Somebody's, who is not known: snapshot and signature belong together.
    Unknown,
    /// That of a key that is pinned, with the comment behind it.
    Pinned(String),
}

impl Snapshot {
    /// Writes it to a file, and its signature beside it.
    pub fn write_sealed(&self, path: &Path, key: &SigningKey) -> Result<(), Error> {
        let text = self.to_text();
        let written = |path: &Path, text: &str| {
            let failed = |source| Error::File { action: "written", path: path.to_owned(), source };
            std::fs::write(path, text).map_err(failed)
        };
        // A snapshot beside the signature of another one is refused, one without is not.
        written(&beside(path), &key.sign(NAMESPACE, text.as_bytes()))?;
        written(path, &text)
    }

    /// Reads a snapshot and looks at its signature, which has to be there and of one of these keys, if
    /// there are any.
    pub fn read_sealed(path: &Path, pinned: Option<&[PublicKey]>) -> Result<(Self, Seal), Error> {
        let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        let sealed = beside(path);
        let signature = match std::fs::read_to_string(&sealed) {
            Ok(signature) => Some(signature),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::File { action: "read", path: sealed, source }),
        };
        let seal = seal(&bytes, signature.as_deref(), pinned)
            .map_err(|source| Error::Seal { path: path.to_owned(), source })?;
        let snapshot = serde_json::from_slice(&bytes)
            .map_err(|source| Error::Snapshot { path: path.to_owned(), source })?;
        Ok((snapshot, seal))
    }
}

/// Looks at a signature.
pub fn seal(
    bytes: &[u8],
    signature: Option<&str>,
    pinned: Option<&[PublicKey]>,
) -> Result<Seal, Broken> {
    let Some(signature) = signature else {
        return if pinned.is_some() { Err(Broken::Unsigned) } else { Ok(Seal::None) };
    };
    // Whoever signed: first it has to be a signature of this.
    let signer = PublicKey::of_signature(signature).ok_or(Broken::Changed)?;
    if !signer.verifies(NAMESPACE, bytes, signature) {
        return Err(Broken::Changed);
    }
    let Some(pinned) = pinned else { return Ok(Seal::Unknown) };
    let known = pinned.iter().find(|key| key.verifies(NAMESPACE, bytes, signature));
    known.map(|key| Seal::Pinned(key.comment().to_owned())).ok_or(Broken::Stranger)
}

/// Reads the keys that count: one a line, as in `authorized_keys`, with comments after `#`.
pub fn read_keys(path: &Path) -> Result<Vec<PublicKey>, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<PublicKey>, _> = lines.map(str::parse).collect();
    match keys {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        Ok(_) => Err(Error::PinnedKey { path: path.to_owned(), reason: "it holds no key" }),
        Err(reason) => Err(Error::PinnedKey { path: path.to_owned(), reason }),
    }
}

/// Where the signature of a file is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

#[cfg(test)]
mod tests {
    use ring::signature::Ed25519KeyPair;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn public(seed: u8) -> PublicKey {
        format!("{} auditor", key(seed).public_line()).parse().unwrap()
    }

    #[test]
    fn a_snapshot_counts_only_with_the_signature_of_a_key_that_is_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.json");
        let snapshot = Snapshot::empty("test", "2026-11-01T12:00:00Z".parse().unwrap());
        snapshot.write_sealed(&path, &key(1)).unwrap();
        let read = |pinned: Option<&[PublicKey]>| Snapshot::read_sealed(&path, pinned);
        assert_eq!(
            read(Some(&[public(2), public(1)])).unwrap(),
            (snapshot, Seal::Pinned("auditor".into()))
        );
        assert_eq!(read(None).unwrap().1, Seal::Unknown);
        let refused = |pinned: Option<&[PublicKey]>| match read(pinned) {
            Err(Error::Seal { source, .. }) => source,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(Some(&[public(2)])), Broken::Stranger);
        // One letter is enough, with or without a pinned key.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"test\"", "\"best\"")).unwrap();
        assert_eq!(refused(Some(&[public(1)])), Broken::Changed);
        assert_eq!(refused(None), Broken::Changed);
        std::fs::remove_file(beside(&path)).unwrap();
        assert_eq!(refused(Some(&[public(1)])), Broken::Unsigned);
        assert_eq!(read(None).unwrap().1, Seal::None);
    }

    #[test]
    fn a_signature_for_something_else_or_none_at_all_is_refused() {
        let bytes = b"{}";
        let other = key(1).sign("report", bytes);
        for text in [
            other.as_str(),
            "",
            "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
        ] {
            assert_eq!(seal(bytes, Some(text), None), Err(Broken::Changed), "{text}");
        }
        let good = key(1).sign(NAMESPACE, bytes);
        assert_eq!(seal(bytes, Some(&good), Some(&[])), Err(Broken::Stranger));
        assert_eq!(seal(bytes, Some(&good), None), Ok(Seal::Unknown));
    }

    #[test]
    fn keys_are_read_line_by_line_and_a_file_without_any_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(
            &path,
            format!("# auditors\n\n{} a\n{} b\n", key(1).public_line(), key(2).public_line()),
        )
        .unwrap();
        let comments: Vec<_> =
            read_keys(&path).unwrap().iter().map(|key| key.comment().to_owned()).collect();
        assert_eq!(comments, ["a", "b"]);
        for text in ["# nobody\n", "ssh-rsa AAAA me\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read_keys(&path), Err(Error::PinnedKey { .. })), "{text}");
        }
    }
}
