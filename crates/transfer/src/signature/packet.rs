//! Packets, and those of signatures (RFC 9580, chapters 4 and 5).

use std::fmt;

use ring::digest;

/// Packets in a row that are looked at.
const MOST_PACKETS: usize = 20_000;

/// What a packet is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tag {
    Signature,
    PublicKey,
    Subkey,
    UserId,
    UserAttribute,
    Other,
}

/// Reads bytes from the front.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Option<usize> {
        self.take(2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A number of any size, without leading zeros.
    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let bits = self.u16()?;
        let bytes = self.take(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(&bytes[zeros..])
    }
}

/// The packets in some bytes.
pub(super) struct Packets<'a> {
    rest: Reader<'a>,
    count: usize,
}

impl<'a> Packets<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Reader(bytes), count: 0 }
    }

    fn packet(&mut self) -> Option<(Tag, &'a [u8])> {
        let first = self.rest.byte()?;
        if first & 0x80 == 0 {
            return None;
        }
        let (tag, length) = if first & 0x40 == 0 {
            let length = match first & 3 {
                0 => usize::from(self.rest.byte()?),
                1 => self.rest.u16()?,
                2 => usize::try_from(self.rest.u32()?).ok()?,
                _ => self.rest.0.len(),
            };
            ((first >> 2) & 15, length)
        } else {
            (first & 0x3f, new_length(&mut self.rest, true)?)
        };
        let tag = match tag {
            2 => Tag::Signature,
            6 => Tag::PublicKey,
            13 => Tag::UserId,
            14 => Tag::Subkey,
            17 => Tag::UserAttribute,
            _ => Tag::Other,
        };
        Some((tag, self.rest.take(length)?))
    }
}

/// A length in the newer form. Of packets, it may be one that says it is only the first of several: those
/// are for streams, and neither keys nor signatures have them.
fn new_length(reader: &mut Reader<'_>, packet: bool) -> Option<usize> {
    match reader.byte()? {
        first @ 0..192 => Some(usize::from(first)),
        255 => usize::try_from(reader.u32()?).ok(),
        224..255 if packet => None,
        first => Some(((usize::from(first) - 192) << 8) + usize::from(reader.byte()?) + 192),
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<(Tag, &'a [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.0.is_empty() {
            return None;
        }
        self.count += 1;
        let packet = if self.count > MOST_PACKETS { None } else { self.packet() };
        if packet.is_none() {
            self.rest = Reader(&[]);
        }
        Some(packet.ok_or("its packets are damaged"))
    }
}

/// A hash function of signatures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Other,
}

impl Hash {
    /// Whether it must not be trusted with documents.
    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Sha1 | Self::Other)
    }

    pub(super) const fn ring(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
            Self::Other => None,
        }
    }
}

/// Who says to have signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Issuer<'a> {
    Fingerprint(&'a [u8]),
    Id(&'a [u8]),
    Nobody,
}

impl Issuer<'_> {
    pub(super) fn is(self, fingerprint: &[u8; 20]) -> bool {
        match self {
            Self::Fingerprint(issuer) => issuer == fingerprint,
            Self::Id(id) => fingerprint.ends_with(id),
            Self::Nobody => false,
        }
    }
}

impl fmt::Display for Issuer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(bytes) | Self::Id(bytes) => f.write_str(&hex::encode(bytes)),
            Self::Nobody => f.write_str("(not named)"),
        }
    }
}

/// A signature of version 4.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) kind: u8,
    pub(super) algorithm: u8,
    pub(super) hash: Hash,
    /// When, in seconds since 1970.
    pub(super) made: u32,
    /// Seconds until it ends.
    pub(super) expires: Option<u32>,
    /// Seconds until the key ends that it speaks of.
    pub(super) key_expires: Option<u32>,
    /// What the key is for.
    pub(super) key_flags: Option<u8>,
    /// The signature within, by which a subkey agrees to be one.
    pub(super) embedded: Option<&'a [u8]>,
    fingerprint: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    fault: Option<&'static str>,
    /// What is hashed of itself.
    trailer: &'a [u8],
    /// The first two bytes of the digest.
    pub(super) left: &'a [u8],
    /// The numbers of the algorithm.
    pub(super) numbers: &'a [u8],
}

impl<'a> Signature<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, &'static str> {
        if body.first() != Some(&4) {
            return Err("it is a signature of another version than 4");
        }
        let mut signature = Self::fixed(body).ok_or("it is cut off")?;
        if signature.made == 0 && signature.fault.is_none() {
            signature.fault = Some("it does not say when it was made");
        }
        Ok(signature)
    }

    fn fixed(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        reader.byte()?;
        let (kind, algorithm, hash) = (reader.byte()?, reader.byte()?, reader.byte()?);
        let length = reader.u16()?;
        let hashed = reader.take(length)?;
        let trailer = &body[..6 + length];
        let length = reader.u16()?;
        let unhashed = reader.take(length)?;
        let left = reader.take(2)?;
        let mut signature = Self {
            kind,
            algorithm,
            hash: match hash {
                2 => Hash::Sha1,
                8 => Hash::Sha256,
                9 => Hash::Sha384,
                10 => Hash::Sha512,
                _ => Hash::Other,
            },
            made: 0,
            expires: None,
            key_expires: None,
            key_flags: None,
            embedded: None,
            fingerprint: None,
            id: None,
            fault: None,
            trailer,
            left,
            numbers: reader.0,
        };
        signature.subpackets(hashed, true)?;
        signature.subpackets(unhashed, false)?;
        Some(signature)
    }

    /// Reads what is said about the signature. What is not hashed is only a help to find the key.
    fn subpackets(&mut self, bytes: &'a [u8], hashed: bool) -> Option<()> {
        let mut reader = Reader(bytes);
        while !reader.0.is_empty() {
            let length = new_length(&mut reader, false)?;
            let mut body = Reader(reader.take(length)?);
            let kind = body.byte()?;
            match kind & 0x7f {
                16 => self.id = self.id.or(Some(body.0)),
                // The first byte is the version of the key.
                33 => self.fingerprint = self.fingerprint.or(body.0.get(1..)),
                32 => self.embedded = self.embedded.or(Some(body.0)),
                2 if hashed => self.made = body.u32()?,
                3 if hashed => self.expires = Some(body.u32()?).filter(|seconds| *seconds > 0),
                9 if hashed => self.key_expires = Some(body.u32()?).filter(|seconds| *seconds > 0),
                27 if hashed => self.key_flags = Some(body.0.first().copied().unwrap_or(0)),
                // Understood, and of no consequence here.
                4..=7 | 11 | 21..=26 | 28..=31 | 34 | 35 | 39 => {}
                _ if hashed && kind & 0x80 != 0 => {
                    self.fault = Some("it demands what is not understood");
                }
                _ => {}
            }
        }
        Some(())
    }

    pub(super) fn issuer(&self) -> Issuer<'a> {
        match (self.fingerprint, self.id) {
            (Some(fingerprint), _) => Issuer::Fingerprint(fingerprint),
            (None, Some(id)) if id.len() == 8 => Issuer::Id(id),
            _ => Issuer::Nobody,
        }
    }

    /// What is wrong with what it says about itself.
    pub(super) const fn check(&self) -> Result<(), &'static str> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// What its algorithm signs, made of the content.
    pub(super) fn message(&self, content: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(content.len() + self.trailer.len() + 6);
        message.extend_from_slice(content);
        message.extend_from_slice(self.trailer);
        message.extend_from_slice(&[4, 0xff]);
        let length = u32::try_from(self.trailer.len()).unwrap_or(u32::MAX);
        message.extend_from_slice(&length.to_be_bytes());
        message
    }
}
