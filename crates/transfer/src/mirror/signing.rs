//! The signatures of S3 requests: AWS Signature Version 4, from its public description.

use std::fmt::Write as _;

use lotse_core::secret::ExposeSecret as _;
use lotse_core::time::Timestamp;
use ring::{digest, hmac};

use super::Access;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Stands for content that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A request before it is signed.
#[derive(Debug)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// As the client will send it: with the port, unless it is the usual one.
    pub(super) host: &'a str,
    /// Encoded, with the slash in front.
    pub(super) path: &'a str,
    /// Names and values, not encoded.
    pub(super) query: Vec<(String, String)>,
}

/// `%` and digits for everything but letters, digits and `-._~`; slashes stay in paths.
pub(super) fn encoded(text: &str, path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            b'/' if path => encoded.push('/'),
            // Writing into a String cannot fail.
            _ => write!(encoded, "%{byte:02X}").unwrap_or_default(),
        }
    }
    encoded
}

/// The query as it is sent and signed: encoded, in order.
pub(super) fn query(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (encoded(name, false), encoded(value, false))).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The SHA-256 of content in hexadecimal digits.
pub(super) fn sha256(content: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, content))
}

impl Unsigned<'_> {
    /// The headers that sign the request, whose content has this SHA-256. They are `authorization`,
    /// `x-amz-date`, `x-amz-content-sha256` and, with a session, its token.
    pub(super) fn headers(
        &self,
        access: &Access,
        now: Timestamp,
        content: &str,
    ) -> Vec<(&'static str, String)> {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers =
            vec![("x-amz-content-sha256", content.to_owned()), ("x-amz-date", date.clone())];
        if let Some(session) = &access.session {
            headers.push(("x-amz-security-token", session.expose_secret().to_owned()));
        }
        let mut signed = vec![("host", self.host.to_owned())];
        signed.extend(headers.iter().cloned());
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = self.canonical(&query(&self.query), &signed, &names, content);
        let scope = scope(&date, access);
        let signature = signature(access, &date, &scope, &canonical);
        let credential = format!("{}/{scope}", access.key_id);
        headers.push((
            "authorization",
            format!(
                "{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
            ),
        ));
        headers
    }

    /// The query that signs the request for so many seconds, without any header.
    pub(super) fn presigned(mut self, access: &Access, now: Timestamp, seconds: u32) -> String {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = scope(&date, access);
        let mut add = |name: &str, value: String| self.query.push((name.to_owned(), value));
        add("X-Amz-Algorithm", ALGORITHM.to_owned());
        add("X-Amz-Credential", format!("{}/{scope}", access.key_id));
        add("X-Amz-Date", date.clone());
        add("X-Amz-Expires", seconds.to_string());
        add("X-Amz-SignedHeaders", "host".to_owned());
        if let Some(session) = &access.session {
            add("X-Amz-Security-Token", session.expose_secret().to_owned());
        }
        let query = query(&self.query);
        let headers = [("host", self.host.to_owned())];
        let canonical = self.canonical(&query, &headers, "host", UNSIGNED);
        let signature = signature(access, &date, &scope, &canonical);
        format!("{query}&X-Amz-Signature={signature}")
    }

    fn canonical(
        &self,
        query: &str,
        headers: &[(&str, String)],
        names: &str,
        content: &str,
    ) -> String {
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let lines = lines.concat();
        format!("{}\n{}\n{query}\n{lines}\n{names}\n{content}", self.method, self.path)
    }
}

/// What a signature is good for: a day, a region, a service.
fn scope(date: &str, access: &Access) -> String {
    let day = date.get(..8).unwrap_or_default();
    format!("{day}/{}/s3/aws4_request", access.region)
}

fn signature(access: &Access, date: &str, scope: &str, canonical: &str) -> String {
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let first = format!("AWS4{}", access.secret.expose_secret());
    let mut key = first.into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part.as_bytes());
    }
    hex::encode(hmac(&key, text.as_bytes()))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        // The example credentials of the description; they open nothing.
        Access {
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
            session: None,
            region: "us-east-1".to_owned(),
            endpoint: None,
        }
    }

    fn now() -> Timestamp {
        "2013-05-24T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_address_is_signed_as_the_example_of_the_description() {
        let request = Unsigned {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/test.txt",
            query: Vec::new(),
        };
        let query = request.presigned(&access(), now(), 86_400);
        assert!(
            query.ends_with(
                "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            ),
            "{query}"
        );
    }

    #[test]
    fn a_listing_is_signed_as_the_example_of_the_description() {
        let request = Unsigned {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query: [("prefix", "J"), ("max-keys", "2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        };
        let headers = request.headers(&access(), now(), &sha256(b""));
        let (_, authorization) = headers.last().unwrap();
        assert!(
            authorization.ends_with(
                "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            ),
            "{authorization}"
        );
    }

    #[test]
    fn paths_keep_their_slashes_and_queries_do_not() {
        assert_eq!(encoded("a/b c~ü", true), "a/b%20c~%C3%BC");
        assert_eq!(encoded("a/b", false), "a%2Fb");
    }
}
