//! The text around packets (RFC 9580, chapters 6 and 7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is in a block of armour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Block {
    PublicKey,
    Signature,
}

impl Block {
    const fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "PGP PUBLIC KEY BLOCK",
            Self::Signature => "PGP SIGNATURE",
        }
    }
}

/// The content of all blocks of this kind, in their order.
pub(super) fn blocks(text: &str, block: Block) -> Result<Vec<Vec<u8>>, &'static str> {
    let (begin, end) =
        (format!("-----BEGIN {}-----", block.name()), format!("-----END {}-----", block.name()));
    let mut lines = text.lines().map(str::trim_end);
    let mut found = Vec::new();
    while lines.by_ref().any(|line| line == begin) {
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        // Headers, an empty line, the content. Some writers leave the empty line out with the headers.
        let content = match inside.iter().position(|line| line.is_empty()) {
            Some(empty) => &inside[empty + 1..],
            None => &inside[..],
        };
        found.push(decode(content)?);
    }
    if found.is_empty() { Err("there is no such block in it") } else { Ok(found) }
}

fn decode(lines: &[&str]) -> Result<Vec<u8>, &'static str> {
    let (checksum, content): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|line| line.len() == 5 && line.starts_with('='));
    let damaged = |_| "it is not base64";
    let bytes = STANDARD.decode(content.concat()).map_err(damaged)?;
    if let [checksum] = checksum[..] {
        let expected = STANDARD.decode(&checksum[1..]).map_err(damaged)?;
        if expected != crc24(&bytes).to_be_bytes()[1..] {
            return Err("its check sum is wrong: it is damaged");
        }
    }
    Ok(bytes)
}

/// The check sum of armour (RFC 9580, section 6.1.1).
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}

/// A signed text: its lines without the escapes, and the armoured signature behind it.
///
/// Spaces at the ends of lines are not signed, so they are not returned either; nor is the last end of
/// a line.
pub(super) fn signed_text(text: &str) -> Result<(String, String), &'static str> {
    let mut lines = text.lines();
    if !lines.by_ref().any(|line| line.trim_end() == "-----BEGIN PGP SIGNED MESSAGE-----") {
        return Err("it is not a signed text");
    }
    // Only the names of hash functions may stand here: anything else could look like signed text.
    for line in lines.by_ref().map(str::trim_end).take_while(|line| !line.is_empty()) {
        if !line.starts_with("Hash: ") {
            return Err("there is something between its beginning and its text");
        }
    }
    let mut content = Vec::new();
    for line in lines.by_ref() {
        let line = line.trim_end_matches([' ', '\t', '\r']);
        if line == "-----BEGIN PGP SIGNATURE-----" {
            let rest: Vec<&str> = std::iter::once(line).chain(lines).collect();
            return Ok((content.join("\n"), rest.join("\n")));
        }
        match line.strip_prefix("- ") {
            Some(escaped) => content.push(escaped),
            None if line.starts_with('-') => return Err("a line of its text is not escaped"),
            None => content.push(line),
        }
    }
    Err("its signature is missing")
}

/// A text with the ends of lines that signatures are made of.
pub(super) fn canonical(text: &[u8]) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
    let mut last = 0;
    for &byte in text {
        if byte == b'\n' && last != b'\r' {
            canonical.push(b'\r');
        }
        canonical.push(byte);
        last = byte;
    }
    canonical
}
