//! Signatures as OpenSSH makes them (PROTOCOL.sshsig), with Ed25519 keys: made from a private key
//! without passphrase, and checked. `ssh-keygen -Y sign` and `-Y verify` understand and make the same.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA512, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// What every signature begins with.
const MAGIC: &[u8] = b"SSHSIG";
const KIND: &[u8] = b"ssh-ed25519";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----";
const END_SIGNATURE: &str = "-----END SSH SIGNATURE-----";

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

impl From<Ed25519KeyPair> for SigningKey {
    fn from(pair: Ed25519KeyPair) -> Self {
        Self { pair }
    }
}

impl SigningKey {
    /// Reads the text of a private key.
    ///
    /// # Errors
    /// Why it cannot be used, without its content.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (_, rest) = text.split_once(BEGIN).ok_or("it is no private key of OpenSSH")?;
        let (armour, _) = rest.split_once(END).ok_or("it ends before its last line")?;
        let plain: String = armour.split_whitespace().collect();
        let bytes = STANDARD.decode(plain).map_err(|_| "its content is not Base64")?;
        let bytes = bytes.strip_prefix(b"openssh-key-v1\0").ok_or("it is of an unknown version")?;
        let mut outer = Reader(bytes);
        let cut = "it is cut off";
        if outer.text().ok_or(cut)? != b"none" {
            return Err("it has a passphrase; make a key of its own for this, without one");
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
        public(self.pair.public_key().as_ref())
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
        let signed = signed(namespace.as_bytes(), b"sha512", hash.as_ref());
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
}

/// A key that checks, as OpenSSH writes it into `NAME.pub` and `authorized_keys`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    key: Vec<u8>,
    comment: String,
}

impl PublicKey {
    /// What stands behind the key: who it belongs to.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The key with which this PEM says that it was signed. Whose it is, nothing says.
    pub fn of_signature(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once(BEGIN_SIGNATURE)?;
        let (armour, _) = rest.split_once(END_SIGNATURE)?;
        let plain: String = armour.split_whitespace().collect();
        let bytes = STANDARD.decode(plain).ok()?;
        let mut outer = Reader(bytes.strip_prefix(MAGIC)?);
        outer.number()?;
        let mut reader = Reader(outer.text()?);
        let (kind, key) = (reader.text()?, reader.text()?);
        let whole = kind == KIND && key.len() == 32 && reader.0.is_empty();
        whole.then(|| Self { key: key.to_vec(), comment: String::new() })
    }

    /// Whether this PEM is this key's signature of the message in the namespace.
    pub fn verifies(&self, namespace: &str, message: &[u8], pem: &str) -> bool {
        self.check(namespace, message, pem).is_some()
    }

    fn check(&self, namespace: &str, message: &[u8], pem: &str) -> Option<()> {
        let (_, rest) = pem.split_once(BEGIN_SIGNATURE)?;
        let (armour, _) = rest.split_once(END_SIGNATURE)?;
        let plain: String = armour.split_whitespace().collect();
        let bytes = STANDARD.decode(plain).ok()?;
        let mut outer = Reader(bytes.strip_prefix(MAGIC)?);
        let is_known = outer.number()? == 1
            && outer.text()? == public(&self.key)
            && outer.text()? == namespace.as_bytes()
            && outer.text()?.is_empty();
        let algorithm = outer.text()?;
        let hash = match algorithm {
            b"sha512" => digest(&SHA512, message),
            b"sha256" => digest(&ring::digest::SHA256, message),
            _ => return None,
        };
        let mut inner = Reader(outer.text()?);
        let signature = (inner.text()? == KIND).then(|| inner.text())??;
        let signed = signed(namespace.as_bytes(), algorithm, hash.as_ref());
        let good = UnparsedPublicKey::new(&ED25519, &self.key).verify(&signed, signature).is_ok();
        (is_known && good && outer.0.is_empty() && inner.0.is_empty()).then_some(())
    }
}

impl std::str::FromStr for PublicKey {
    type Err = &'static str;

    /// Reads `ssh-ed25519 AAAA… COMMENT`.
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split_whitespace();
        if words.next() != Some("ssh-ed25519") {
            return Err("it is no Ed25519 key; make one with `ssh-keygen -t ed25519`");
        }
        let encoded = words.next().unwrap_or_default();
        let bytes = STANDARD.decode(encoded).map_err(|_| "its content is not Base64")?;
        let mut reader = Reader(&bytes);
        let kind = reader.text();
        match (kind, reader.text()) {
            (Some(KIND), Some(key)) if key.len() == 32 && reader.0.is_empty() => {
                let comment = words.collect::<Vec<_>>().join(" ");
                Ok(Self { key: key.to_vec(), comment })
            }
            _ => Err("it is cut off"),
        }
    }
}

/// The public key in the form of OpenSSH.
fn public(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(51);
    put(&mut bytes, KIND);
    put(&mut bytes, key);
    bytes
}

/// What is signed instead of the message.
fn signed(namespace: &[u8], algorithm: &[u8], hash: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for part in [namespace, b"", algorithm, hash] {
        put(&mut bytes, part);
    }
    bytes
}

fn armoured(bytes: &[u8]) -> String {
    let plain = STANDARD.encode(bytes);
    let mut text = format!("{BEGIN_SIGNATURE}\n");
    let mut rest = plain.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(70));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(END_SIGNATURE);
    text.push('\n');
    text
}

/// Appends a string with its length before it (RFC 4251, section 5).
pub fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    // Nothing here is longer than some hundred bytes.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text);
}

/// Reads what [`put`] and OpenSSH write; `None` at the end of the bytes.
#[derive(Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// A whole number.
    pub fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    /// A string.
    pub fn text(&mut self) -> Option<&'a [u8]> {
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

    const NAMESPACE: &str = "report";

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
    fn a_signature_is_believed_only_of_its_key_namespace_and_message() {
        let key = SigningKey::parse(KEY).unwrap();
        let public: PublicKey = format!("{} anna", key.public_line()).parse().unwrap();
        assert_eq!(public.comment(), "anna");
        assert!(public.verifies(NAMESPACE, b"subject: x\n", SIGNATURE));
        assert!(!public.verifies("other", b"subject: x\n", SIGNATURE));
        assert!(!public.verifies(NAMESPACE, b"subject: y\n", SIGNATURE));
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let other: PublicKey = SigningKey::from(pair).public_line().parse().unwrap();
        assert!(!other.verifies(NAMESPACE, b"subject: x\n", SIGNATURE));
        // Flipped anywhere, it is refused and nothing panics.
        for place in 0..SIGNATURE.len() {
            let mut bytes = SIGNATURE.as_bytes().to_vec();
            bytes[place] ^= 1;
            let text = String::from_utf8(bytes).unwrap();
            let is_blank = text.split_whitespace().eq(SIGNATURE.split_whitespace());
            assert_eq!(public.verifies(NAMESPACE, b"subject: x\n", &text), is_blank, "{place}");
        }
        for line in ["", "ssh-rsa AAAA", "ssh-ed25519 ?", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"] {
            assert!(line.parse::<PublicKey>().is_err(), "{line}");
        }
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
