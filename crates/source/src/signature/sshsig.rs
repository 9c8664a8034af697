//! Signatures made by `ssh-keygen -Y sign` (OpenSSH's `PROTOCOL.sshsig`), verified with `ring`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::{digest, signature as verification};

use super::SignatureFault;
use crate::model::shown;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";

/// The longest signature in text that is read; that of an RSA key of 16384 bits has half of it.
const LONGEST: usize = 16 << 10;

/// The person must have touched the security key (OpenSSH's `PROTOCOL.u2f`).
const PRESENT: u8 = 1;

/// A signature, read but not verified.
#[derive(Clone, Debug)]
pub struct SshSignature {
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Hash,
    signature: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn of(self, message: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message)
    }
}

impl SshSignature {
    /// Reads the text between `BEGIN SSH SIGNATURE` and `END SSH SIGNATURE`.
    ///
    /// # Errors
    /// [`SignatureFault::Malformed`], [`SignatureFault::Algorithm`] for an unknown hash.
    pub fn read(armour: &str) -> Result<Self, SignatureFault> {
        let text = armour.trim();
        let text = text.strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let text = text.filter(|text| text.len() <= LONGEST);
        let text = text.ok_or(SignatureFault::Malformed("its frame is wrong"))?;
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes =
            STANDARD.decode(text).map_err(|_| SignatureFault::Malformed("it is not Base64"))?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(SHORT)?;
        let mut reader = Reader(rest);
        if reader.number()? != 1 {
            return Err(SignatureFault::Malformed("its version is unknown"));
        }
        let key = reader.string()?.to_vec();
        let namespace = reader.string()?.to_vec();
        let reserved = reader.string()?.to_vec();
        let hash = match reader.string()? {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            other => return Err(algorithm(other)),
        };
        let signature = reader.string()?.to_vec();
        reader.end()?;
        Ok(Self { key, namespace, reserved, hash, signature })
    }

    /// The public key that is said to have made it, in SSH's encoding (RFC 4253, section 6.6).
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What it was made for.
    pub fn namespace(&self) -> &[u8] {
        &self.namespace
    }

    /// SHA-256 of the key, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.key);
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest))
    }

    /// Whether the key signed `message`.
    ///
    /// # Errors
    /// [`SignatureFault::Wrong`] if not, others if that cannot be told.
    pub fn verify(&self, message: &[u8]) -> Result<(), SignatureFault> {
        let mut signed = MAGIC.to_vec();
        put(&mut signed, &self.namespace);
        put(&mut signed, &self.reserved);
        put(&mut signed, self.hash.name().as_bytes());
        put(&mut signed, self.hash.of(message).as_ref());
        let mut key = Reader(&self.key);
        let mut signature = Reader(&self.signature);
        let (kind, by) = (key.string()?, signature.string()?);
        match (kind, by) {
            (b"ssh-ed25519", b"ssh-ed25519") => {
                check(&verification::ED25519, key.last()?, &signed, signature.last()?)
            }
            (b"ssh-rsa", b"rsa-sha2-256" | b"rsa-sha2-512") => {
                let algorithm = if by == b"rsa-sha2-256" {
                    &verification::RSA_PKCS1_2048_8192_SHA256
                } else {
                    &verification::RSA_PKCS1_2048_8192_SHA512
                };
                let (e, n) = (unsigned(key.string()?), unsigned(key.last()?));
                verification::RsaPublicKeyComponents { n, e }
                    .verify(algorithm, &signed, signature.last()?)
                    .map_err(|_| SignatureFault::Wrong)
            }
            (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256") => {
                ecdsa(&verification::ECDSA_P256_SHA256_FIXED, 32, key, &signed, &mut signature)
            }
            (b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp384") => {
                ecdsa(&verification::ECDSA_P384_SHA384_FIXED, 48, key, &signed, &mut signature)
            }
            (b"sk-ssh-ed25519@openssh.com", b"sk-ssh-ed25519@openssh.com") => {
                security_key(key, &signed, signature)
            }
            _ => Err(algorithm(kind)),
        }
    }
}

fn check(
    algorithm: &'static dyn verification::VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    verification::UnparsedPublicKey::new(algorithm, key)
        .verify(signed, signature)
        .map_err(|_| SignatureFault::Wrong)
}

/// RFC 5656, section 3.1: curve and point; the signature is two numbers.
fn ecdsa(
    algorithm: &'static dyn verification::VerificationAlgorithm,
    size: usize,
    mut key: Reader<'_>,
    signed: &[u8],
    signature: &mut Reader<'_>,
) -> Result<(), SignatureFault> {
    let _curve = key.string()?;
    let point = key.last()?;
    let mut numbers = Reader(signature.last()?);
    let (r, s) = (unsigned(numbers.string()?), unsigned(numbers.last()?));
    if r.len() > size || s.len() > size {
        return Err(SignatureFault::Malformed("a number is too long"));
    }
    let mut fixed = vec![0; size - r.len()];
    fixed.extend_from_slice(r);
    fixed.resize(2 * size - s.len(), 0);
    fixed.extend_from_slice(s);
    check(algorithm, point, signed, &fixed)
}

/// OpenSSH's `PROTOCOL.u2f`: the security key signs the application, its flags and counter, too.
fn security_key(
    mut key: Reader<'_>,
    signed: &[u8],
    mut signature: Reader<'_>,
) -> Result<(), SignatureFault> {
    let public = key.string()?;
    let application = digest::digest(&digest::SHA256, key.last()?);
    let made = signature.string()?;
    let Some((&flags, counter)) = signature.0.split_first().filter(|(_, rest)| rest.len() == 4)
    else {
        return Err(SHORT);
    };
    if flags & PRESENT == 0 {
        return Err(SignatureFault::Wrong);
    }
    let mut whole = application.as_ref().to_vec();
    whole.push(flags);
    whole.extend_from_slice(counter);
    whole.extend_from_slice(digest::digest(&digest::SHA256, signed).as_ref());
    check(&verification::ED25519, public, &whole, made)
}

/// A number of SSH (RFC 4251, section 5, `mpint`) without the zeroes before it.
fn unsigned(bytes: &[u8]) -> &[u8] {
    let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeroes..).unwrap_or_default()
}

fn algorithm(name: &[u8]) -> SignatureFault {
    SignatureFault::Algorithm(shown(&String::from_utf8_lossy(name), 60))
}

const SHORT: SignatureFault = SignatureFault::Malformed("its parts do not fit");

fn put(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(bytes);
}

/// Reads SSH's encoding (RFC 4251, section 5).
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32, SignatureFault> {
        let (number, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Result<&'a [u8], SignatureFault> {
        let length = usize::try_from(self.number()?).map_err(|_| SHORT)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(string)
    }

    /// The string that ends everything.
    fn last(&mut self) -> Result<&'a [u8], SignatureFault> {
        let string = self.string()?;
        self.end()?;
        Ok(string)
    }

    const fn end(&self) -> Result<(), SignatureFault> {
        if self.0.is_empty() { Ok(()) } else { Err(SHORT) }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::KeyPair as _;

    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        put(&mut encoded, bytes);
        encoded
    }

    fn armour(key: &[u8], hash: &str, signature: &[u8]) -> String {
        let mut blob = MAGIC.to_vec();
        blob.extend_from_slice(&1_u32.to_be_bytes());
        for part in [key, b"git", b"", hash.as_bytes(), signature] {
            put(&mut blob, part);
        }
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(blob))
    }

    fn signed(message: &[u8]) -> Vec<u8> {
        let mut signed = MAGIC.to_vec();
        for part in [&b"git"[..], b"", b"sha512", Hash::Sha512.of(message).as_ref()] {
            put(&mut signed, part);
        }
        signed
    }

    #[test]
    fn a_security_key_must_have_been_touched() {
        let pair = verification::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let name = b"sk-ssh-ed25519@openssh.com";
        let key = [string(name), string(pair.public_key().as_ref()), string(b"ssh:")].concat();
        let make = |flags: u8| {
            let mut whole = digest::digest(&digest::SHA256, b"ssh:").as_ref().to_vec();
            whole.extend_from_slice(&[flags, 0, 0, 0, 9]);
            whole.extend_from_slice(digest::digest(&digest::SHA256, &signed(b"m")).as_ref());
            let made = pair.sign(&whole);
            let tail = [&[flags][..], &[0, 0, 0, 9]].concat();
            let signature = [string(name), string(made.as_ref()), tail].concat();
            SshSignature::read(&armour(&key, "sha512", &signature)).unwrap()
        };
        assert_eq!(make(1).verify(b"m"), Ok(()));
        assert_eq!(make(1).verify(b"n"), Err(SignatureFault::Wrong));
        assert_eq!(make(0).verify(b"m"), Err(SignatureFault::Wrong));
    }

    #[test]
    fn old_and_unknown_kinds_are_named() {
        let key = [string(b"ssh-rsa"), string(&[1, 0, 1]), string(&[3; 256])].concat();
        let signature = [string(b"ssh-rsa"), string(&[1; 256])].concat();
        let sha1 = SshSignature::read(&armour(&key, "sha512", &signature)).unwrap();
        assert_eq!(sha1.verify(b"m"), Err(SignatureFault::Algorithm("ssh-rsa".to_owned())));
        let md5 = SshSignature::read(&armour(&key, "md5", &signature)).unwrap_err();
        assert_eq!(md5, SignatureFault::Algorithm("md5".to_owned()));
    }

    #[test]
    fn a_damaged_signature_is_refused_wherever_it_is_cut() {
        let pair = verification::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = [string(b"ssh-ed25519"), string(pair.public_key().as_ref())].concat();
        let made = pair.sign(&signed(b"m"));
        let signature = [string(b"ssh-ed25519"), string(made.as_ref())].concat();
        let whole = armour(&key, "sha512", &signature);
        assert_eq!(SshSignature::read(&whole).unwrap().verify(b"m"), Ok(()));
        let inner = whole.trim().trim_start_matches(BEGIN).trim_end_matches(END).trim().to_owned();
        let bytes = STANDARD.decode(inner).unwrap();
        for cut in 0..bytes.len() {
            let text = format!("{BEGIN}\n{}\n{END}", STANDARD.encode(&bytes[..cut]));
            assert!(SshSignature::read(&text).is_err(), "{cut}");
        }
        for flipped in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[flipped] ^= 0x20;
            let text = format!("{BEGIN}\n{}\n{END}", STANDARD.encode(&changed));
            let verified = SshSignature::read(&text).and_then(|signature| signature.verify(b"m"));
            assert!(verified.is_err(), "{flipped}");
        }
    }
}
