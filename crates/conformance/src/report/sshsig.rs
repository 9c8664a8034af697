//! Signatures as OpenSSH makes them (PROTOCOL.sshsig): what compliance monitors want around a report.
//!
//! A signed report is the signature as PEM, `&`, and the report, byte for byte.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA512, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;

/// The namespace of signatures on reports.
pub const NAMESPACE: &str = "report";

const KIND: &[u8] = b"ssh-ed25519";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// A key that signs: Ed25519, from a file of `ssh-keygen -t ed25519` without passphrase.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl From<Ed25519KeyPair> for SigningKey {
    fn from(pair: Ed25519KeyPair) -> Self {
        Self { pair }
    }
}

impl SigningKey {
    /// Reads the file of a private key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
        let text = SecretString::from(std::fs::read_to_string(path).map_err(failed)?);
        Self::parse(text.expose_secret())
            .map_err(|reason| Error::Key { path: path.to_owned(), reason })
    }

    /// Reads the text of a private key; the failure says why it cannot be used, without its content.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (_, rest) = text.split_once(BEGIN).ok_or("it is no private key of OpenSSH")?;
        let (armour, _) = rest.split_once(END).ok_or("it ends before its last line")?;
        let plain: String = armour.split_whitespace().collect();
        let bytes = STANDARD.decode(plain).map_err(|_| "its content is not Base64")?;
        let bytes = bytes.strip_prefix(b"openssh-key-v1\0").ok_or("it is of an unknown version")?;
        let mut outer = Reader(bytes);
        let cut = "it is cut off";
        if outer.text().ok_or(cut)? != b"none" {
            return Err("it has a passphrase; make a key of its own for reports, without one");
        }
        // The derivation of the key from the passphrase, with its parameters.
        outer.text().and_then(|_| outer.text()).ok_or(cut)?;
        if outer.number().ok_or(cut)? != 1 {
            return Err("it holds several keys");
        }
        outer.text().ok_or(cut)?;
        let mut inner = Reader(outer.text().ok_or(cut)?);
        // Twice the same number, so that a wrong passphrase would be noticed.
        inner.number().and_then(|_| inner.number()).ok_or(cut)?;
        if inner.text().ok_or(cut)? != KIND {
            return Err("it is no Ed25519 key; make one with `ssh-keygen -t ed25519`");
        }
        let public = inner.text().ok_or(cut)?;
        let seed = inner.text().and_then(|both| both.get(..32)).ok_or(cut)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
            .map_err(|_| "its two halves do not belong together")?;
        Ok(Self { pair })
    }

    /// The public key in the form of OpenSSH.
    fn public(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(51);
        put(&mut bytes, KIND);
        put(&mut bytes, self.pair.public_key().as_ref());
        bytes
    }

    /// The public key as a line of `authorized_keys`, without comment.
    pub fn public_line(&self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.public()))
    }

    /// The fingerprint as OpenSSH shows it.
    pub fn fingerprint(&self) -> String {
        let hash = digest(&ring::digest::SHA256, &self.public());
        format!("SHA256:{}", STANDARD.encode(hash).trim_end_matches('='))
    }

    /// The bare signature of a message.
    pub fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// The signature of a message in a namespace, as PEM.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        let hash = digest(&SHA512, message);
        let mut signed = b"SSHSIG".to_vec();
        put(&mut signed, namespace.as_bytes());
        put(&mut signed, b"");
        put(&mut signed, b"sha512");
        put(&mut signed, hash.as_ref());
        let mut signature = Vec::with_capacity(83);
        put(&mut signature, KIND);
        put(&mut signature, &self.sign_raw(&signed));
        let mut bytes = b"SSHSIG\0\0\0\x01".to_vec();
        put(&mut bytes, &self.public());
        put(&mut bytes, namespace.as_bytes());
        put(&mut bytes, b"");
        put(&mut bytes, b"sha512");
        put(&mut bytes, &signature);
        armoured(&bytes)
    }

    /// A report with its signature before it, as monitors take it.
    pub fn sign_report(&self, report: &str) -> String {
        format!("{}&{report}", self.sign(NAMESPACE, report.as_bytes()))
    }
}

fn armoured(bytes: &[u8]) -> String {
    let plain = STANDARD.encode(bytes);
    let mut text = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    let mut rest = plain.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(70));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END SSH SIGNATURE-----\n");
    text
}

/// Appends a string with its length before it.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    // Nothing here is longer than some hundred bytes.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for these tests with `ssh-keygen -t ed25519`; it opens nothing.
    const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
        b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
        QyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqwAAAJD5bhgM+W4Y\n\
        DAAAAAtzc2gtZWQyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqw\n\
        AAAECrbcSBXKzedrTOqd9UUTuxl98WA/9dhggV2xT3vZpz+9xIWY6FZChCxBQFwtGIwvvd\n\
        J2wpN/F5lJ57gRtOVumrAAAAB2V4YW1wbGUBAgMEBQY=\n\
        -----END OPENSSH PRIVATE KEY-----\n";
    const SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----\n\
        U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg3EhZjoVkKELEFAXC0YjC+90nbC\n\
        k38XmUnnuBG05W6asAAAAGcmVwb3J0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1\n\
        NTE5AAAAQEBh/YYkmKZTgpj+BrEottu3hGb6PvGSds1jqyYJQiGzUG++sg/3QVx3fMNU5B\n\
        IXjDlV6SBASn29sxdmSBNqeQo=\n\
        -----END SSH SIGNATURE-----\n";

    #[test]
    fn a_signature_is_the_one_that_openssh_makes() {
        let key = SigningKey::parse(KEY).unwrap();
        assert_eq!(key.sign(NAMESPACE, b"subject: x\n"), SIGNATURE);
        assert_eq!(key.fingerprint(), "SHA256:FK42VnEECgOXXFc1ShHtCdVM6G4W7iBsDbmc8Q0vwRw");
        assert_eq!(
            key.public_line(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINxIWY6FZChCxBQFwtGIwvvdJ2wpN/F5lJ57gRtOVumr"
        );
    }

    #[test]
    fn a_signed_report_is_the_signature_an_ampersand_and_the_report() {
        let key = SigningKey::parse(KEY).unwrap();
        let signed = key.sign_report("subject: x\n");
        assert_eq!(signed, format!("{SIGNATURE}&subject: x\n"));
        assert!(signed.contains("-----END SSH SIGNATURE-----\n&subject"));
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "no private key"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "ends before"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n?\n-----END OPENSSH PRIVATE KEY-----", "Base64"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
                "version",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\n\
        b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABCiqTUqZ+\n\
        gKNG+RgyARYeXAAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIG3zi8P91PO0WlXw\n\
        chmZD9ubGkyyK9Dyd+fYKq02IvEFAAAAkP2DGgpYcpSOTOe+sPPebwNgxO9Rhw3F+fcBU6\n\
        uaINfUDrTmPzDLhNp+2ys+ETVwcJdTxHWkQAxL3KHykWqQMw9QRDDh0Bu/FB63UNV04CJL\n\
        7pzH8bXnHBdCJ3FTMqy+pi4Dh7E1sNXE0+Y8Ce4GRU2p6H4I4OvNt34Pe6ddzGcIuG3S/Z\n\
        iFwgJasdYvhfsXwg==\n\
        -----END OPENSSH PRIVATE KEY-----\n",
                "passphrase",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\n\
        b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
        1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQcfSQuf50DRRYS0gJ6ZZe2+BhYPG9J\n\
        gqa/83PJii3WaFYKx0RXU/PUpjh8dwhvbLRnmucr4MwZlNEJ0zIdIrbnAAAAoNAlYQzQJW\n\
        EMAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBx9JC5/nQNFFhLS\n\
        Anpll7b4GFg8b0mCpr/zc8mKLdZoVgrHRFdT89SmOHx3CG9stGea5yvgzBmU0QnTMh0itu\n\
        cAAAAhAPhefjTEdpe4WmUhdUP5smbGHs5rFx8S2wzKtfSxIbAYAAAAB2V4YW1wbGU=\n\
        -----END OPENSSH PRIVATE KEY-----\n",
                "Ed25519",
            ),
        ] {
            let refused = SigningKey::parse(text).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        // Cut off anywhere, it is refused and nothing panics.
        let cut: String = KEY
            .lines()
            .take(3)
            .chain(["-----END OPENSSH PRIVATE KEY-----"])
            .collect::<Vec<_>>()
            .join("\n");
        assert!(SigningKey::parse(&cut).is_err());
        assert!(!format!("{:?}", SigningKey::parse(KEY)).contains("b3Bl"));
    }
}
