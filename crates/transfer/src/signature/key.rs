//! Keys and what they say about themselves (RFC 9580, chapters 5 and 10).

use ring::digest;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::Fault;
use super::packet::{Hash, Packets, Reader, Signature, Tag};

/// Purpose of a key: it may sign.
const MAY_SIGN: u8 = 2;

const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519_LEGACY: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];

/// The numbers of a public key.
#[derive(Clone, Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ecdsa { point: Vec<u8>, hash: Hash, width: usize },
    Ed25519 { point: Vec<u8> },
}

/// A key that may verify, or says why not.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) fingerprint: [u8; 20],
    /// The fingerprint of the key it belongs to.
    pub(super) primary: [u8; 20],
    made: u32,
    expires: Option<u32>,
    useless: Option<&'static str>,
    material: Option<Material>,
}

/// A public key with what follows it.
struct Block<'a> {
    body: &'a [u8],
    parts: Vec<(Tag, &'a [u8], Vec<Signature<'a>>)>,
}

/// All keys in some packets: the primary ones, each followed by its subkeys.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Key>, Fault> {
    let malformed = |reason| Fault::Malformed { what: "the key", reason };
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for packet in Packets::new(bytes) {
        let (tag, body) = packet.map_err(malformed)?;
        match (tag, blocks.last_mut()) {
            (Tag::PublicKey, _) => {
                blocks.push(Block { body, parts: vec![(tag, body, Vec::new())] });
            }
            (Tag::Signature, Some(block)) => {
                // Certifications by others may be of any kind.
                if let (Ok(signature), Some(part)) =
                    (Signature::parse(body), block.parts.last_mut())
                {
                    part.2.push(signature);
                }
            }
            (Tag::Subkey | Tag::UserId | Tag::UserAttribute, Some(block)) => {
                block.parts.push((tag, body, Vec::new()));
            }
            (_, None) => return Err(malformed("it does not begin with a public key")),
            (Tag::Other, Some(_)) => {}
        }
    }
    let mut keys = Vec::new();
    for block in &blocks {
        keys.extend(block.keys()?);
    }
    Ok(keys)
}

impl Block<'_> {
    fn keys(&self) -> Result<Vec<Key>, Fault> {
        let malformed = |reason| Fault::Malformed { what: "the key", reason };
        let mut primary = Key::parse(self.body).map_err(malformed)?;
        self.describe(&mut primary);
        let mut keys = vec![];
        for (tag, body, signatures) in &self.parts {
            if *tag != Tag::Subkey {
                continue;
            }
            if let Ok(mut key) = Key::parse(body) {
                key.primary = primary.fingerprint;
                bind(&primary, self.body, &mut key, body, signatures);
                key.useless = key.useless.or(primary.revoked_or_unknown());
                keys.push(key);
            }
        }
        // Primary keys often only certify; then a subkey has to sign.
        let usable = primary.useless.is_none() || keys.iter().any(|key| key.useless.is_none());
        if !usable {
            let fingerprint = hex::encode(primary.fingerprint);
            let reason = primary.useless.unwrap_or("it may not sign");
            return Err(Fault::UselessKey { fingerprint, reason });
        }
        keys.insert(0, primary);
        Ok(keys)
    }

    /// What the primary key says about itself: in signatures on itself and on its names.
    fn describe(&self, primary: &mut Key) {
        let mut newest = 0;
        for (tag, body, signatures) in &self.parts {
            let mut content = framed(self.body);
            match tag {
                Tag::PublicKey => {}
                Tag::UserId => content.extend(with_length(0xb4, body)),
                Tag::UserAttribute => content.extend(with_length(0xd1, body)),
                _ => continue,
            }
            for signature in signatures {
                let right = match tag {
                    Tag::PublicKey => matches!(signature.kind, 0x1f | 0x20),
                    _ => matches!(signature.kind, 0x10..=0x13),
                };
                let own = right
                    && signature.issuer().is(&primary.fingerprint)
                    && primary.verify(signature, &content) == Some(true);
                if !own {
                    continue;
                }
                if signature.kind == 0x20 {
                    primary.useless = Some(REVOKED);
                } else if signature.made >= newest {
                    newest = signature.made;
                    primary.expires = signature.key_expires;
                    if primary.useless.is_none_or(|reason| reason == NOT_FOR_SIGNING) {
                        let may = signature.key_flags.is_none_or(|flags| flags & MAY_SIGN != 0);
                        primary.useless = (!may).then_some(NOT_FOR_SIGNING);
                    }
                }
            }
        }
    }
}

const REVOKED: &str = "the key is revoked";
const NOT_FOR_SIGNING: &str = "the key is not for signing";
const UNKNOWN: &str = "the algorithm of the key is not understood";

/// Decides whether a subkey belongs to the primary key and may sign: the primary one says so, and the
/// subkey says so, too; otherwise somebody could claim a stranger's signatures.
fn bind(
    primary: &Key,
    primary_body: &[u8],
    key: &mut Key,
    body: &[u8],
    signatures: &[Signature<'_>],
) {
    let mut content = framed(primary_body);
    content.extend(framed(body));
    let by_primary = |signature: &&Signature<'_>| {
        signature.check().is_ok() && primary.verify(signature, &content) == Some(true)
    };
    if signatures.iter().filter(|s| s.kind == 0x28).any(|s| by_primary(&s)) {
        key.useless = Some(REVOKED);
        return;
    }
    let bindings = signatures.iter().filter(|signature| signature.kind == 0x18);
    let Some(binding) = bindings.filter(by_primary).max_by_key(|signature| signature.made) else {
        key.useless = Some("the subkey is not bound to its key");
        return;
    };
    key.expires = binding.key_expires;
    if binding.key_flags.is_none_or(|flags| flags & MAY_SIGN == 0) {
        key.useless = key.useless.or(Some(NOT_FOR_SIGNING));
        return;
    }
    let back = binding.embedded.and_then(|body| Signature::parse(body).ok());
    let agrees =
        back.is_some_and(|back| back.kind == 0x19 && key.verify(&back, &content) == Some(true));
    if !agrees {
        key.useless = Some("the subkey does not agree to belong to its key");
    }
}

impl Key {
    fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader(body);
        match reader.byte() {
            Some(4) => {}
            Some(_) => return Err("keys of other versions than 4 are not understood"),
            None => return Err("it is empty"),
        }
        let short = "it is cut off";
        let made = reader.u32().ok_or(short)?;
        let algorithm = reader.byte().ok_or(short)?;
        let material = material(algorithm, reader);
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &framed(body));
        let mut fingerprint = [0; 20];
        fingerprint.copy_from_slice(hash.as_ref());
        Ok(Self {
            fingerprint,
            primary: fingerprint,
            made,
            expires: None,
            useless: material.is_none().then_some(UNKNOWN),
            material,
        })
    }

    fn revoked_or_unknown(&self) -> Option<&'static str> {
        self.useless.filter(|reason| *reason == REVOKED || *reason == UNKNOWN)
    }

    /// Whether a signature that was made then may be by this key.
    pub(super) fn usable_at(&self, made: u32) -> Result<(), &'static str> {
        if let Some(reason) = self.useless {
            return Err(reason);
        }
        if made < self.made {
            return Err("it was made before the key");
        }
        if self.expires.is_some_and(|seconds| made - self.made > seconds) {
            return Err("the key had expired when it was made");
        }
        Ok(())
    }

    /// Whether this is a signature of this content by this key; `None` when nobody here knows.
    pub(super) fn verify(&self, signature: &Signature<'_>, content: &[u8]) -> Option<bool> {
        let message = signature.message(content);
        let hash = digest::digest(signature.hash.ring()?, &message);
        if hash.as_ref().get(..2) != Some(signature.left) {
            return Some(false);
        }
        let mut numbers = Reader(signature.numbers);
        match (self.material.as_ref()?, signature.algorithm) {
            (Material::Rsa { n, e }, 1 | 3) => {
                let parameters = match signature.hash {
                    Hash::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                    Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                    Hash::Other => return None,
                };
                let value = padded(numbers.number()?, n.len())?;
                let key = RsaPublicKeyComponents { n, e };
                Some(key.verify(parameters, &message, &value).is_ok())
            }
            (Material::Ecdsa { point, hash, width }, 19) if *hash == signature.hash => {
                let algorithm: &'static dyn VerificationAlgorithm = match hash {
                    Hash::Sha384 => &ECDSA_P384_SHA384_FIXED,
                    _ => &ECDSA_P256_SHA256_FIXED,
                };
                let mut value = padded(numbers.number()?, *width)?;
                value.extend(padded(numbers.number()?, *width)?);
                let key = UnparsedPublicKey::new(algorithm, point);
                Some(key.verify(&message, &value).is_ok())
            }
            (Material::Ed25519 { point }, algorithm @ (22 | 27)) => {
                let value = if algorithm == 27 {
                    numbers.take(64)?.to_vec()
                } else {
                    let mut value = padded(numbers.number()?, 32)?;
                    value.extend(padded(numbers.number()?, 32)?);
                    value
                };
                // What is signed is the digest.
                let key = UnparsedPublicKey::new(&ED25519, point);
                Some(key.verify(hash.as_ref(), &value).is_ok())
            }
            _ => None,
        }
    }
}

fn material(algorithm: u8, mut reader: Reader<'_>) -> Option<Material> {
    match algorithm {
        // 2 is for encryption only.
        1 | 3 => {
            let (n, e) = (reader.number()?.to_vec(), reader.number()?.to_vec());
            Some(Material::Rsa { n, e })
        }
        19 | 22 => {
            let length = usize::from(reader.byte()?);
            let curve = reader.take(length)?;
            let point = reader.number()?;
            match (algorithm, curve) {
                (19, P256) => {
                    Some(Material::Ecdsa { point: point.to_vec(), hash: Hash::Sha256, width: 32 })
                }
                (19, P384) => {
                    Some(Material::Ecdsa { point: point.to_vec(), hash: Hash::Sha384, width: 48 })
                }
                (22, ED25519_LEGACY) => {
                    Some(Material::Ed25519 { point: point.strip_prefix(&[0x40])?.to_vec() })
                }
                _ => None,
            }
        }
        27 => Some(Material::Ed25519 { point: reader.take(32)?.to_vec() }),
        _ => None,
    }
}

/// A key as it is hashed.
fn framed(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0x99];
    bytes.extend(length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A name as it is hashed.
fn with_length(mark: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![mark];
    bytes.extend(length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A number with leading zeros; `None` if it is too large.
fn padded(number: &[u8], width: usize) -> Option<Vec<u8>> {
    let zeros = width.checked_sub(number.len())?;
    let mut bytes = vec![0; zeros];
    bytes.extend_from_slice(number);
    Some(bytes)
}
