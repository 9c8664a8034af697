//! Signatures on uploads, verified (OpenSSH's PROTOCOL.sshsig): whoever holds one of the registered
//! keys has signed exactly these bytes, for the namespace of reports. Keys of all kinds that checkers
//! have in the field are taken, not only Ed25519 as for signatures of our own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lotse_core::signature::ssh::{Reader, put};
use ring::digest::{SHA256, SHA512, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::report::sshsig::NAMESPACE;

/// What ends a signature; what follows is the report.
const SEPARATOR: &str = "-----END SSH SIGNATURE-----\n&";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
/// No signature is longer, in bytes of its text: RSA with 8192 bits needs 3 KiB.
const LONGEST: usize = 16 << 10;

/// A key with which reports are signed, as `ssh-keygen` writes it into `*.pub`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    /// Its bytes in the form of OpenSSH.
    blob: Vec<u8>,
    /// What its owner calls it.
    comment: String,
}

impl PublicKey {
    /// Reads a line `TYPE BASE64 [COMMENT]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let mut words = line.trim().splitn(3, char::is_whitespace);
        let (kind, plain) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let comment = words.next().unwrap_or_default().trim().to_owned();
        let blob = STANDARD.decode(plain).map_err(|_| "a key is a type, Base64 and a comment")?;
        if Reader(&blob).text() != Some(kind.as_bytes()) {
            return Err("the type of the key is not the one that stands in it");
        }
        let known = matches!(
            kind,
            "ssh-ed25519" | "ssh-rsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384"
        );
        if !known {
            return Err("keys are of the types ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256 and -384");
        }
        Ok(Self { blob, comment })
    }

    /// As a line of `authorized_keys`.
    pub fn line(&self) -> String {
        let kind = Reader(&self.blob).text().unwrap_or_default();
        let kind = String::from_utf8_lossy(kind);
        format!("{kind} {} {}", STANDARD.encode(&self.blob), self.comment).trim_end().to_owned()
    }

    /// The fingerprint as OpenSSH shows it.
    pub fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, &self.blob);
        format!("SHA256:{}", STANDARD.encode(hash).trim_end_matches('='))
    }

    /// Whether this key made the signature (`string kind, string bytes`) of the message.
    fn made(&self, signature: &[u8], message: &[u8]) -> Option<()> {
        let (mut key, mut signature) = (Reader(&self.blob), Reader(signature));
        let (kind, algorithm) = (key.text()?, signature.text()?);
        let signed = signature.text()?;
        let plain = |way: &'static dyn VerificationAlgorithm, key: &[u8], signed: &[u8]| {
            UnparsedPublicKey::new(way, key).verify(message, signed).ok()
        };
        match (kind, algorithm) {
            (b"ssh-ed25519", b"ssh-ed25519") => plain(&ED25519, key.text()?, signed),
            (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256") => {
                key.text()?;
                plain(&ECDSA_P256_SHA256_FIXED, key.text()?, &pair(signed, 32)?)
            }
            (b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp384") => {
                key.text()?;
                plain(&ECDSA_P384_SHA384_FIXED, key.text()?, &pair(signed, 48)?)
            }
            (b"ssh-rsa", b"rsa-sha2-256" | b"rsa-sha2-512") => {
                let (e, n) = (unsigned(key.text()?), unsigned(key.text()?));
                let way = if algorithm == b"rsa-sha2-256" {
                    &RSA_PKCS1_2048_8192_SHA256
                } else {
                    &RSA_PKCS1_2048_8192_SHA512
                };
                RsaPublicKeyComponents { n, e }.verify(way, message, signed).ok()
            }
            _ => None,
        }
    }
}

/// A whole number without the zero that says that it is not negative.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(b"\0").unwrap_or(number)
}

/// The two numbers of an ECDSA signature, each filled up to this length.
fn pair(signed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut reader = Reader(signed);
    let mut bytes = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = unsigned(reader.text()?);
        bytes.extend(std::iter::repeat_n(0, length.checked_sub(number.len())?));
        bytes.extend_from_slice(number);
    }
    Some(bytes)
}

/// Parts what was sent into the signature and the reports.
pub fn split(sent: &str) -> Option<(&str, &str)> {
    let at = sent.find(SEPARATOR)?;
    if at > LONGEST {
        return None;
    }
    // The ampersand belongs to neither.
    let end = at + SEPARATOR.len();
    Some((sent.get(..end - 1)?, sent.get(end..)?))
}

/// The key that made this signature of the message, if it is one of those given.
pub fn signer<'a>(keys: &'a [PublicKey], armour: &str, message: &[u8]) -> Option<&'a PublicKey> {
    let inner = armour.trim_start().strip_prefix(BEGIN)?;
    let inner = inner.split_once("-----END").map_or(inner, |(inner, _)| inner);
    let plain: String = inner.split_whitespace().collect();
    let bytes = STANDARD.decode(plain).ok()?;
    let mut reader = Reader(bytes.strip_prefix(b"SSHSIG")?);
    if reader.number()? != 1 {
        return None;
    }
    let blob = reader.text()?;
    let namespace = reader.text()?;
    if namespace != NAMESPACE.as_bytes() {
        return None;
    }
    reader.text()?;
    let algorithm = reader.text()?;
    let signature = reader.text()?;
    let hash = match algorithm {
        b"sha256" => digest(&SHA256, message),
        b"sha512" => digest(&SHA512, message),
        _ => return None,
    };
    let mut signed = b"SSHSIG".to_vec();
    for part in [namespace, b"", algorithm, hash.as_ref()] {
        put(&mut signed, part);
    }
    let key = keys.iter().find(|key| key.blob == blob)?;
    key.made(signature, &signed).map(|()| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for these tests with `ssh-keygen`, all of the text "subject: x\n"; the keys open nothing.
    const SIGNED: [(&str, &str); 4] = [
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINxIWY6FZChCxBQFwtGIwvvdJ2wpN/F5lJ57gRtOVumr example",
            "-----BEGIN SSH SIGNATURE-----\n\
        U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg3EhZjoVkKELEFAXC0YjC+90nbC\n\
        k38XmUnnuBG05W6asAAAAGcmVwb3J0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1\n\
        NTE5AAAAQEBh/YYkmKZTgpj+BrEottu3hGb6PvGSds1jqyYJQiGzUG++sg/3QVx3fMNU5B\n\
        IXjDlV6SBASn29sxdmSBNqeQo=\n\
        -----END SSH SIGNATURE-----\n",
        ),
        (include_str!("testdata/rsa2048.pub"), include_str!("testdata/rsa2048.sig")),
        (include_str!("testdata/ecdsa256.pub"), include_str!("testdata/ecdsa256.sig")),
        (include_str!("testdata/ecdsa384.pub"), include_str!("testdata/ecdsa384.sig")),
    ];

    #[test]
    fn signatures_of_openssh_are_those_of_their_keys_and_of_no_other_text() {
        for (line, armour) in SIGNED {
            let key = PublicKey::parse(line).unwrap();
            assert_eq!(key.line(), line.trim_end());
            let keys = [key];
            assert!(signer(&keys, armour, b"subject: x\n").is_some(), "{line}");
            assert!(signer(&keys, armour, b"subject: y\n").is_none(), "{line}");
            assert!(signer(&[], armour, b"subject: x\n").is_none(), "{line}");
        }
    }

    #[test]
    fn an_upload_is_parted_at_the_first_separator_and_keeps_every_byte() {
        let (_, armour) = SIGNED[0];
        let sent = format!("{armour}&a: 1\n{SEPARATOR}b");
        let (signature, report) = split(&sent).unwrap();
        assert_eq!(signature, armour);
        assert_eq!(report, format!("a: 1\n{SEPARATOR}b"));
        for wrong in ["", "a: 1\n", &armour.replace('\n', "\r\n"), &"x".repeat(1 << 20)] {
            assert!(split(wrong).is_none());
        }
    }

    #[test]
    fn cut_off_and_changed_signatures_are_of_nobody() {
        let (line, armour) = SIGNED[0];
        let keys = [PublicKey::parse(line).unwrap()];
        for end in 0..armour.len() - "-----END SSH SIGNATURE-----\n".len() - 1 {
            assert!(signer(&keys, &armour[..end], b"subject: x\n").is_none(), "{end}");
        }
        assert!(signer(&keys, &armour.replacen("GcmVw", "GcmVx", 1), b"subject: x\n").is_none());
    }
}
