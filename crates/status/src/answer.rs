//! Answers that are rendered once and sent many times: plain, gzip or brotli, each with a strong
//! entity tag (RFC 9110, sections 8.8.3 and 12.5.3).

use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Compressing less than this saves no packet.
const WORTHWHILE: usize = 1000;
/// A fifth of the time of the highest quality, and 3 % more bytes.
const BROTLI_QUALITY: u32 = 6;
/// The window of brotli, as a power of two. To compress 850 kB takes 9 MB of memory with it, and 20 MB
/// with the largest one; the first page with 1 000 components has 26 kB with it, and 21 kB with the
/// largest one; pages that fit into it lose nothing. Windows up to 2^16 take another way through the
/// compressor, which needs 38 MB for texts of any size.
const BROTLI_WINDOW: u32 = 18;

/// A rendered answer. Compressed forms are made when the first one asks, and kept.
#[derive(Debug)]
pub struct Answer {
    kind: &'static str,
    tag: String,
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
}

/// A form in which an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
    Brotli,
}

impl Coding {
    /// What the entity tag of this form ends with: strong tags name bytes.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => "-g",
            Self::Brotli => "-b",
        }
    }
}

impl Answer {
    /// An answer of this content type; its tag comes from its bytes.
    pub fn new(kind: &'static str, plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let tag = tag_of(&plain);
        Self::tagged(kind, plain, tag)
    }

    /// An answer whose tag is known from what it was put together of.
    pub(crate) fn tagged(kind: &'static str, plain: Bytes, tag: String) -> Self {
        Self { kind, tag, plain, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// The bytes, not compressed.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The content type.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The answer to a request with these headers: 200, or 304 when they name what would be sent.
    pub fn respond(&self, headers: &HeaderMap) -> Response {
        let coding = self.coding(headers);
        let tag = format!("\"{}{}\"", self.tag, coding.suffix());
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| names(value, &tag));
        let mut response = Response::new(Body::empty());
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.bytes(coding));
        }
        let head = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            head.insert(header::ETAG, tag);
        }
        head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if !known {
            head.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            let coding = match coding {
                Coding::Plain => return response,
                Coding::Gzip => "gzip",
                Coding::Brotli => "br",
            };
            head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }

    fn coding(&self, headers: &HeaderMap) -> Coding {
        if self.plain.len() < WORTHWHILE {
            return Coding::Plain;
        }
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        accepted.map_or(Coding::Plain, best_of)
    }

    fn bytes(&self, coding: Coding) -> Bytes {
        match coding {
            Coding::Plain => self.plain.clone(),
            Coding::Gzip => self.gzip.get_or_init(|| gzipped(&self.plain)).clone(),
            Coding::Brotli => self.brotli.get_or_init(|| brotlied(&self.plain)).clone(),
        }
    }
}

/// The tag of these bytes.
pub(crate) fn tag_of(bytes: &[u8]) -> String {
    let mut tag = hex::encode(Sha256::digest(bytes));
    tag.truncate(32);
    tag
}

/// The smallest form that an `Accept-Encoding` allows: what has weight 0 is refused.
fn best_of(accepted: &str) -> Coding {
    let (mut gzip, mut brotli) = (None, None);
    let mut any = None;
    for one in accepted.split(',') {
        let (name, parameters) = one.split_once(';').unwrap_or((one, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        let allowed = weight.is_ok_and(|weight| weight > 0.0);
        match name.trim() {
            "br" => brotli = Some(allowed),
            "gzip" | "x-gzip" => gzip = Some(allowed),
            "*" => any = Some(allowed),
            _ => {}
        }
    }
    let allows = |one: Option<bool>| one.or(any).unwrap_or(false);
    if allows(brotli) {
        Coding::Brotli
    } else if allows(gzip) {
        Coding::Gzip
    } else {
        Coding::Plain
    }
}

/// Whether this `If-None-Match` names the tag; the comparison is weak (RFC 9110, section 13.1.2).
fn names(value: &str, tag: &str) -> bool {
    value.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn gzipped(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    // Writing into memory cannot fail; plain bytes would be wrong under this coding.
    match encoder.write_all(plain).and_then(|()| encoder.finish()) {
        Ok(bytes) => bytes.into(),
        Err(_) => Bytes::new(),
    }
}

fn brotlied(plain: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(plain.len() / 8);
    let mut encoder =
        brotli::CompressorWriter::new(&mut bytes, 1 << 14, BROTLI_QUALITY, BROTLI_WINDOW);
    // Writing into memory cannot fail.
    encoder.write_all(plain).and_then(|()| encoder.flush()).ok();
    drop(encoder);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_smallest_form_that_is_allowed_is_sent() {
        assert_eq!(best_of("gzip, deflate, br"), Coding::Brotli);
        assert_eq!(best_of("gzip;q=0.5, br;q=0"), Coding::Gzip);
        assert_eq!(best_of("identity"), Coding::Plain);
        assert_eq!(best_of("*;q=0.1, br;q=0"), Coding::Gzip);
        assert_eq!(best_of("gzip;q=0, *;q=0"), Coding::Plain);
    }

    #[test]
    fn every_form_has_a_tag_of_its_own_and_is_not_sent_to_who_has_it() {
        let answer = Answer::new("application/json", "x".repeat(5000));
        for (coding, wanted) in [("br", "br"), ("gzip", "gzip"), ("identity", "")] {
            let mut asked = headers(header::ACCEPT_ENCODING, coding);
            let first = answer.respond(&asked);
            assert_eq!(first.status(), 200);
            let sent = first.headers().get(header::CONTENT_ENCODING);
            assert_eq!(sent.map_or("", |value| value.to_str().unwrap()), wanted);
            asked.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
            assert_eq!(answer.respond(&asked).status(), 304);
            asked.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("other"));
            let again = answer.respond(&asked).status();
            assert_eq!(again, if wanted.is_empty() { 304 } else { 200 });
        }
    }

    #[test]
    fn compressed_forms_say_the_same() {
        let text = "the quick brown fox ".repeat(200);
        let answer = Answer::new("text/plain", text.clone());
        let mut back = Vec::new();
        std::io::copy(
            &mut brotli::Decompressor::new(&answer.bytes(Coding::Brotli)[..], 4096),
            &mut back,
        )
        .unwrap();
        assert_eq!(back, text.as_bytes());
        back.clear();
        let zipped = answer.bytes(Coding::Gzip);
        std::io::copy(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
        assert!(zipped.len() < text.len());
    }
}
