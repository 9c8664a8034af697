//! The two first messages of TLS, written and read by hand (RFC 8446, section 4.1; RFC 5246, 7.4.1).
//!
//! A greeting for TLS 1.3 shows no key. A server that takes one of its suites and groups answers with a
//! request to greet again, which names its choice, and nothing is computed on either side.

use super::TLS_13;

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// No honest answer is longer.
const LARGEST: usize = 1 << 14;

mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const GROUPS: u16 = 10;
    pub(super) const POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURES: u16 = 13;
    pub(super) const VERSIONS: u16 = 43;
    pub(super) const KEY_SHARE: u16 = 51;
}

/// Ways to sign, from the newest to those that only old servers know.
const SIGNATURES: [u16; 14] = [
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0401, 0x0501, 0x0601, 0x0203,
    0x0201, 0x0202,
];

/// What a client says first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello<'a> {
    /// The only version that it takes.
    pub(crate) version: u16,
    /// The suites that it takes.
    pub(crate) suites: &'a [u16],
    /// The groups that it takes.
    pub(crate) groups: &'a [u16],
    /// The name of the server, unless it is a number.
    pub(crate) name: Option<&'a str>,
    /// Unlike that of other greetings.
    pub(crate) random: [u8; 32],
}

/// What a server has chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    /// The version.
    pub(crate) version: u16,
    /// The suite.
    pub(crate) suite: u16,
    /// The group; only TLS 1.3 says it here.
    pub(crate) group: Option<u16>,
}

/// What a server says first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    /// It has chosen.
    Chosen(Choice),
    /// It takes nothing of what was offered.
    Refused,
    /// It speaks something else.
    Foreign,
    /// More has to be read.
    NotYet,
}

impl Hello<'_> {
    /// The greeting as it is sent.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut body = Vec::new();
        // Since TLS 1.3 the version stands in an extension, and here the one before it.
        put(&mut body, self.version.min(TLS_13 - 1));
        body.extend_from_slice(&self.random);
        body.push(0);
        list(&mut body, self.suites);
        body.extend_from_slice(&[1, 0]);
        // SSL 3.0 has no extensions.
        if self.version > 0x0300 {
            let extensions = self.extensions();
            sized(&mut body, &extensions);
        }
        let mut message = vec![CLIENT_HELLO, 0];
        sized(&mut message, &body);
        let mut record = vec![HANDSHAKE];
        put(&mut record, self.version.min(0x0301));
        sized(&mut record, &message);
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut add = |kind: u16, content: &[u8]| {
            put(&mut all, kind);
            sized(&mut all, content);
        };
        if let Some(name) = self.name {
            let mut entry = vec![0];
            sized(&mut entry, name.as_bytes());
            let mut names = Vec::new();
            sized(&mut names, &entry);
            add(extension::SERVER_NAME, &names);
        }
        let mut groups = Vec::new();
        list(&mut groups, self.groups);
        add(extension::GROUPS, &groups);
        add(extension::POINT_FORMATS, &[1, 0]);
        let mut signatures = Vec::new();
        list(&mut signatures, &SIGNATURES);
        add(extension::SIGNATURES, &signatures);
        if self.version >= TLS_13 {
            let [high, low] = self.version.to_be_bytes();
            add(extension::VERSIONS, &[2, high, low]);
            add(extension::KEY_SHARE, &[0, 0]);
        }
        all
    }
}

fn put(bytes: &mut Vec<u8>, number: u16) {
    bytes.extend_from_slice(&number.to_be_bytes());
}

/// Appends bytes with their number before them.
fn sized(bytes: &mut Vec<u8>, content: &[u8]) {
    // Everything here is made of constants and a name, which the caller's address limits.
    put(bytes, u16::try_from(content.len()).unwrap_or(u16::MAX));
    bytes.extend_from_slice(content);
}

fn list(bytes: &mut Vec<u8>, numbers: &[u16]) {
    let content: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    sized(bytes, &content);
}

/// Reads what a server has said so far. `ended` means that it says no more.
pub(crate) fn said(bytes: &[u8], ended: bool) -> Said {
    let Some(message) = message(bytes) else {
        // Who hangs up instead of answering takes nothing of what was offered.
        return match (ended, bytes.len() > LARGEST) {
            (true, _) if bytes.is_empty() => Said::Refused,
            (true, _) | (_, true) => Said::Foreign,
            (false, false) => Said::NotYet,
        };
    };
    match message {
        Message::Alert => Said::Refused,
        Message::Foreign => Said::Foreign,
        Message::ServerHello(body) => choice(&body).map_or(Said::Foreign, Said::Chosen),
    }
}

enum Message {
    Alert,
    Foreign,
    ServerHello(Vec<u8>),
}

/// The first message, put together from as many records as it takes; `None` while it is not whole.
fn message(bytes: &[u8]) -> Option<Message> {
    let (mut reader, mut content) = (Reader(bytes), Vec::new());
    loop {
        match (reader.byte()?, reader.number()? >> 8, reader.sized()) {
            (HANDSHAKE, 3, Some(part)) => content.extend_from_slice(part),
            (HANDSHAKE, 3, None) => return None,
            (ALERT, 3, _) => return Some(Message::Alert),
            _ => return Some(Message::Foreign),
        }
        let mut whole = Reader(&content);
        if let (Some(kind), Some(high)) = (whole.byte(), whole.byte()) {
            if kind != SERVER_HELLO || high != 0 {
                return Some(Message::Foreign);
            }
            if let Some(body) = whole.sized() {
                return Some(Message::ServerHello(body.to_vec()));
            }
        }
        if content.len() > LARGEST {
            return Some(Message::Foreign);
        }
    }
}

fn choice(body: &[u8]) -> Option<Choice> {
    let mut reader = Reader(body);
    let mut version = reader.number()?;
    reader.take(32)?;
    let session = reader.byte()?;
    reader.take(usize::from(session))?;
    let suite = reader.number()?;
    reader.byte()?;
    let mut group = None;
    let mut extensions = Reader(reader.sized().unwrap_or_default());
    while let Some(kind) = extensions.number() {
        let mut content = Reader(extensions.sized()?);
        match kind {
            extension::VERSIONS => version = content.number()?,
            extension::KEY_SHARE => group = content.number(),
            _ => {}
        }
    }
    Some(Choice { version, suite, group })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*number))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        let length = usize::from(self.number()?);
        let found = self.take(length);
        if found.is_none() {
            self.0 = before;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::TLS_12;

    /// An answer with this body after the version, in records of this many bytes.
    fn answer(version: u16, suite: u16, extensions: &[u8], most: usize) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend_from_slice(&[7; 32]);
        body.extend_from_slice(&[2, 1, 1]);
        put(&mut body, suite);
        body.push(0);
        if !extensions.is_empty() {
            sized(&mut body, extensions);
        }
        let mut message = vec![SERVER_HELLO, 0];
        sized(&mut message, &body);
        let mut bytes = Vec::new();
        for part in message.chunks(most) {
            bytes.extend_from_slice(&[HANDSHAKE, 3, 3]);
            sized(&mut bytes, part);
        }
        bytes
    }

    #[test]
    fn the_choice_of_a_server_is_read_from_one_record_or_many() {
        let old = Choice { version: TLS_12, suite: 0xc02f, group: None };
        let request = [0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29];
        let new = Choice { version: TLS_13, suite: 0x1301, group: Some(29) };
        for most in [1, 7, 1000] {
            assert_eq!(said(&answer(TLS_12, 0xc02f, &[], most), false), Said::Chosen(old));
            assert_eq!(said(&answer(TLS_12, 0x1301, &request, most), false), Said::Chosen(new));
        }
        let whole = answer(TLS_12, 0xc02f, &[], 1000);
        for cut in 0..whole.len() {
            assert_eq!(said(&whole[..cut], false), Said::NotYet, "{cut}");
        }
    }

    #[test]
    fn who_refuses_hangs_up_or_speaks_something_else_is_told_apart() {
        assert_eq!(said(&[ALERT, 3, 1, 0, 2, 2, 40], false), Said::Refused);
        assert_eq!(said(&[], true), Said::Refused);
        assert_eq!(said(b"HTTP/1.1 400 Bad Request\r\n", false), Said::Foreign);
        assert_eq!(said(&[HANDSHAKE, 3], true), Said::Foreign);
        assert_eq!(said(&[HANDSHAKE, 3, 3, 0, 4, 11, 0, 0, 0], false), Said::Foreign);
    }

    #[test]
    fn a_greeting_says_how_long_each_of_its_parts_is() {
        for version in super::super::VERSIONS {
            let hello = Hello {
                version,
                suites: &[0x1301, 0xc02f],
                groups: &[29],
                name: Some("api.example"),
                random: [1; 32],
            };
            let bytes = hello.to_bytes();
            let length = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            assert_eq!((bytes[0], length(3)), (HANDSHAKE, bytes.len() - 5));
            assert_eq!((bytes[5], length(7)), (CLIENT_HELLO, bytes.len() - 9));
            assert_eq!(u16::from_be_bytes([bytes[9], bytes[10]]), version.min(TLS_12));
            let named = bytes.windows(11).any(|part| part == b"api.example");
            assert_eq!(named, version > 0x0300);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..80), ended: bool) {
            let whole = [&[HANDSHAKE, 3, 3, 0, 40, 2, 0, 0, 36][..], &bytes].concat();
            for bytes in [&bytes, &whole] {
                prop_assert!(!ended || said(bytes, ended) != Said::NotYet);
            }
        }
    }
}
