//! Signed reports, as compliance monitors take them: the signature of OpenSSH as PEM, `&`, and the
//! report, byte for byte.

use std::path::Path;

pub use lotse_core::signature::ssh::SigningKey;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;

/// The namespace of signatures on reports.
pub const NAMESPACE: &str = "report";

/// Reads the file of a private key.
///
/// # Errors
/// [`Error::File`], and [`Error::Key`] with the reason why it cannot be used.
pub fn read(path: &Path) -> Result<SigningKey, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let text = SecretString::from(std::fs::read_to_string(path).map_err(failed)?);
    SigningKey::parse(text.expose_secret())
        .map_err(|reason| Error::Key { path: path.to_owned(), reason })
}

/// A report with its signature before it.
pub fn sign_report(key: &SigningKey, report: &str) -> String {
    format!("{}&{report}", key.sign(NAMESPACE, report.as_bytes()))
}

#[cfg(test)]
mod tests {
    use ring::signature::Ed25519KeyPair;

    use super::*;

    #[test]
    fn a_signed_report_is_the_signature_an_ampersand_and_the_report() {
        let key = SigningKey::from(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let signed = sign_report(&key, "subject: x\n");
        let signature = key.sign(NAMESPACE, b"subject: x\n");
        assert_eq!(signed, format!("{signature}&subject: x\n"));
        assert!(signed.contains("-----END SSH SIGNATURE-----\n&subject"));
    }
}
