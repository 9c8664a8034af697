//! The keys with which bundles are signed (Ed25519).

use std::fmt;
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::error::Error;

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// The key in this file (PKCS #8); made, readable by its owner only, when there is no such file.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds no such key.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            other => other.map_err(Error::file("read", path))?,
        };
        let unusable = |_| Error::Key { path: path.to_owned() };
        // Keys of ring and of OpenSSL differ in whether they carry the public key.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).map(Self).map_err(unusable)
    }

    /// The key that checks what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

fn make(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_luck = |_| Error::Key { path: path.to_owned() };
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(no_luck)?;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(key.as_ref())).map_err(Error::file("create", path))?;
    Ok(key.as_ref().to_vec())
}

/// A key that checks, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Whether this is our signature of the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match hex::decode(text.trim()) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(bytes)),
            _ => Err("a public key has 64 hexadecimal digits".to_owned()),
        }
    }
}
