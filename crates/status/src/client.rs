//! The SCS web client, served beside the API on one origin: the files of its build, unchanged but for
//! its configuration, which learns that the API is here and where people sign in.
//!
//! The client keeps its access token for the first write only. So a write with a token that counts
//! begins a session ([`crate::session`]), whose cookie the browser sends with all that follow.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::answer::Answer;
use crate::api::refusal;
use crate::error::Error;
use crate::site::Site;

/// A build has no more files, and no larger ones, in bytes.
const MOST_FILES: usize = 2000;
const LARGEST: u64 = 16 << 20;
/// Where the client reads its configuration.
const CONFIGURATION: &str = "assets/config.json";
/// What every other path of the client is answered with.
const INDEX: &str = "index.html";
/// The only script in an attribute that builds of Angular write: style sheets that do not block.
const ONLOAD: &str = "this.media='all'";

/// The files of a client, in memory.
#[derive(Debug)]
pub struct Client {
    files: BTreeMap<String, Answer>,
    policy: HeaderValue,
}

impl Client {
    /// Reads a build. With an issuer and the client's name there, its configuration says so.
    ///
    /// # Errors
    /// The directory cannot be read, is no build of a client, or its configuration is no JSON object.
    pub fn read(directory: &Path, sign_in: Option<(&str, &str)>) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for (name, path) in list(directory)? {
            let read = || {
                if std::fs::metadata(&path)?.len() > LARGEST {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
                }
                std::fs::read(&path)
            };
            let mut bytes = read().map_err(Error::file("read", &path))?;
            if name == CONFIGURATION {
                bytes = configured(&bytes, sign_in)?;
            }
            files.insert(name.clone(), Answer::new(kind(&name), bytes));
        }
        if !files.contains_key(INDEX) {
            let reason = format!("{} has no {INDEX}", directory.display());
            return Err(Error::invalid("status.client.directory", reason));
        }
        let policy = policy(sign_in.map(|(issuer, _)| issuer));
        Ok(Self { files, policy })
    }

    /// The file at this path, or the client itself: it has pages of its own.
    fn find(&self, path: &str) -> Option<&Answer> {
        let name = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
        let found = self.files.get(&*name);
        // What looks like a file and is none is missing, not a page.
        let is_page = name.rsplit('/').next().is_none_or(|last| !last.contains('.'));
        found.or_else(|| self.files.get(INDEX).filter(|_| is_page))
    }
}

/// The names of all files below a directory, with `/` between the parts, and where they are.
fn list(directory: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let (mut found, mut open) = (Vec::new(), vec![(String::new(), directory.to_owned())]);
    while let Some((prefix, directory)) = open.pop() {
        let unreadable = || Error::file("read", &directory);
        for entry in std::fs::read_dir(&directory).map_err(unreadable())? {
            let entry = entry.map_err(unreadable())?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{prefix}{name}");
            // Links are not followed: a build has none, and what they lead to is not part of it.
            match entry.file_type().map_err(unreadable())? {
                kind if kind.is_dir() => open.push((format!("{name}/"), entry.path())),
                kind if kind.is_file() => found.push((name, entry.path())),
                _ => {}
            }
            if found.len() + open.len() > MOST_FILES {
                let reason = format!("there are more than {MOST_FILES} files; this is no build");
                return Err(Error::invalid("status.client.directory", reason));
            }
        }
    }
    Ok(found)
}

/// The client's configuration with what is known here.
fn configured(bytes: &[u8], sign_in: Option<(&str, &str)>) -> Result<Vec<u8>, Error> {
    let wrong = |reason: String| Error::invalid(CONFIGURATION, reason);
    let mut all: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    // An empty address means the origin that the client came from.
    all.insert("apiServerUrl".to_owned(), "".into());
    if let Some((issuer, client_id)) = sign_in {
        all.insert("dexUrl".to_owned(), issuer.into());
        all.insert("dexId".to_owned(), client_id.into());
    }
    Ok(Value::Object(all).to_string().into_bytes())
}

/// What pages of the client may load: their own files, and the identity provider.
fn policy(issuer: Option<&str>) -> HeaderValue {
    let issuer = issuer.and_then(|issuer| url::Url::parse(issuer).ok());
    let issuer = issuer.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let onload = STANDARD.encode(Sha256::digest(ONLOAD));
    let text = format!(
        "default-src 'self'; script-src 'self' 'unsafe-hashes' 'sha256-{onload}'; style-src 'self' \
         'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' {issuer}; \
         frame-src {issuer}; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
    );
    let fallback = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
    HeaderValue::from_str(&text).unwrap_or(fallback)
}

/// The content type by the end of a name.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Answers what is no operation of the API.
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let is_reading = matches!(method, Method::GET | Method::HEAD);
    let found = site.options().client.as_ref().filter(|_| is_reading);
    let Some((client, answer)) = found.and_then(|client| Some((client, client.find(uri.path())?)))
    else {
        return refusal::not_found().await.into_response();
    };
    let mut response = answer.respond(&headers);
    let head = response.headers_mut();
    head.insert(header::CONTENT_SECURITY_POLICY, client.policy.clone());
    let referrer = HeaderName::from_static("referrer-policy");
    head.insert(referrer, HeaderValue::from_static("strict-origin-when-cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_learns_where_it_is_and_keeps_the_rest() {
        let given = br#"{"apiServerUrl":"https://elsewhere","dexId":"x","noOfDays":90}"#;
        let read = |sign_in| -> Value {
            serde_json::from_slice(&configured(given, sign_in).unwrap()).unwrap()
        };
        let alone = serde_json::json!({ "apiServerUrl": "", "dexId": "x", "noOfDays": 90 });
        assert_eq!(read(None), alone);
        let both = read(Some(("https://id.example.org/dex", "status")));
        assert_eq!((&both["dexId"], &both["noOfDays"]), (&"status".into(), &90.into()));
        assert_eq!(both["dexUrl"], "https://id.example.org/dex");
        assert!(configured(b"[]", None).is_err() && configured(b"{", None).is_err());
    }

    #[test]
    fn a_page_of_the_client_may_speak_with_the_provider_and_with_nobody_else() {
        let text = policy(Some("https://id.example.org:5556/dex"));
        let text = text.to_str().unwrap();
        assert!(text.contains("connect-src 'self' https://id.example.org:5556;"), "{text}");
        assert!(!text.contains("script-src 'self' 'unsafe-inline'"), "{text}");
    }
}
