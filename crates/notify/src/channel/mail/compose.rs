//! A parcel as a mail: header fields (RFC 5322), both texts as `multipart/alternative` (RFC 2046),
//! quoted-printable (RFC 2045). Data to data, in ASCII, with the same bytes for the same parcel.
//!
//! The `Message-ID` is made of the delivery's id, so that a mail that is sent again is recognised.
//! `Auto-Submitted` (RFC 3834) keeps absence notes from answering.

use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;

use crate::channel::Parcel;
use crate::text::clean;

/// The longest line of quoted-printable text, without its end (RFC 2045, section 6.7).
const LINE: usize = 76;
/// How many bytes an encoded word holds, so that it stays below 75 characters (RFC 2047).
const WORD: usize = 42;
/// The longest display name and the longest subject, in characters.
const MOST: usize = 300;

/// Somebody's address, with or without a name: `Lotse <lotse@example.org>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

impl Mailbox {
    /// The address alone.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }

    fn header(&self) -> String {
        match &self.name {
            None => self.address.clone(),
            Some(name) if is_plain(name) => {
                let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{quoted}\" <{}>", self.address)
            }
            Some(name) => format!("{} <{}>", encoded_words(name), self.address),
        }
    }
}

impl FromStr for Mailbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no mail address");
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (clean(name.trim().trim_matches('"'), MOST), address),
            None => (String::new(), text),
        };
        let parsed: lettre::Address = address.parse().map_err(|_| wrong())?;
        // Local parts in quotes may hold anything, and nobody has one.
        let harmless = |c: char| c.is_ascii_graphic() && !"\"<>()[],;:\\".contains(c);
        if !address.chars().all(harmless) {
            return Err(wrong());
        }
        let address = parsed.to_string();
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address })
    }
}

/// The mail, with CR LF at the ends of lines.
pub fn mail(parcel: Parcel<'_>, from: &Mailbox, to: &Mailbox) -> Vec<u8> {
    let id = parcel.delivery.id;
    let boundary = format!("=_{}_=", id.as_uuid().simple());
    let mut date = String::new();
    // Years beyond 9999 have no date in a mail; then there is none.
    if rfc2822::DateTimePrinter::new().print_timestamp(&parcel.now, &mut date).is_err() {
        date.clear();
    }
    let subject = clean(&parcel.message.subject, MOST);
    let subject = if is_plain(&subject) { subject } else { encoded_words(&subject) };
    let mut mail = String::new();
    let fields = [
        ("Date", date),
        ("From", from.header()),
        ("To", to.header()),
        ("Subject", subject),
        ("Message-ID", format!("<{id}@{}>", from.domain())),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", format!("multipart/alternative; boundary=\"{boundary}\"")),
    ];
    let more = parcel.message.fields.iter().cloned();
    // What is no plain text could end the line and begin another field.
    let more = more.filter(|(_, value)| is_plain(value));
    for (name, value) in
        more.chain(fields).filter(|(name, value)| *name != "Date" || !value.is_empty())
    {
        // Writing to a string cannot fail.
        write!(mail, "{name}: {value}\r\n").ok();
    }
    for (kind, text) in [("plain", &parcel.message.text), ("html", &parcel.message.html)] {
        write!(
            mail,
            "\r\n--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
            quoted_printable(text)
        )
        .ok();
    }
    write!(mail, "\r\n--{boundary}--\r\n").ok();
    mail.into_bytes()
}

/// Whether a text can stand in a header field as it is.
fn is_plain(text: &str) -> bool {
    // What looks like an encoded word would be decoded.
    text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) && !text.contains("=?")
}

/// Text as encoded words (RFC 2047), one a line.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

/// Text with line feeds as quoted-printable lines with CR LF.
fn quoted_printable(text: &str) -> String {
    let mut encoded = String::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let mut width = 0;
        let bytes = line.as_bytes();
        for (index, &byte) in bytes.iter().enumerate() {
            let is_last = index + 1 == bytes.len();
            let plain = match byte {
                b' ' => !is_last,
                // A full stop or `From` at the beginning means something to old programs.
                b'.' | b'F' => index > 0,
                b'=' => false,
                byte => byte.is_ascii_graphic(),
            };
            let room = if plain { 1 } else { 3 };
            // One column is kept for the mark of a soft line end.
            if width + room > LINE - 1 {
                encoded.push_str("=\r\n");
                width = 0;
            }
            if plain {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                write!(encoded, "={byte:02X}").ok();
            }
            width += room;
        }
        encoded.push_str("\r\n");
    }
    encoded
}

#[cfg(test)]
mod tests;
