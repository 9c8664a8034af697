//! A mirror in a bucket: the few requests it takes. Large objects go in parts, read from the spool and
//! signed one by one.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lotse_core::jitter::Jitter;
use lotse_core::retry::RetryClass;
use lotse_core::time::SharedClock;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Client, Method, Response, StatusCode};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;

use super::signing::{Unsigned, encoded, query, sha256};
use super::{Access, Version};
use crate::client::{HttpOptions, client};
use crate::error::Error;
use crate::limits::Limits;

/// Bytes of a part, unless that made more than [`MOST_PARTS`].
const PART: u64 = 8 << 20;
/// Parts that S3 takes.
const MOST_PARTS: u64 = 10_000;
/// Parts under way at once.
const AT_ONCE: usize = 2;
/// Bytes of an answer that are read.
const MOST_READ: usize = 8 << 20;
/// Seconds for which an address is signed: the longest that S3 allows, for slow downloads.
const SIGNED_FOR: u32 = 7 * 24 * 3600;

/// A bucket, and a place in it.
#[derive(Debug)]
pub(super) struct S3 {
    client: Client,
    endpoint: Url,
    bucket: String,
    prefix: String,
    access: Access,
    limits: Limits,
    jitter: Jitter,
    clock: SharedClock,
}

/// A request.
struct Ask<'a> {
    method: Method,
    object: &'a str,
    query: Vec<(String, String)>,
    content: Bytes,
    /// A header that is not signed: a condition, or a content type.
    condition: Option<(reqwest::header::HeaderName, String)>,
}

impl<'a> Ask<'a> {
    const fn new(method: Method, object: &'a str) -> Self {
        Self { method, object, query: Vec::new(), content: Bytes::new(), condition: None }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    fn content(mut self, content: impl Into<Bytes>) -> Self {
        self.content = content.into();
        self
    }
}

impl S3 {
    pub(super) fn new(
        bucket: &str,
        prefix: &str,
        access: Access,
        options: &HttpOptions,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let endpoint = match &access.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://s3.{}.amazonaws.com", access.region),
        };
        let wrong = |reason| Error::Source { text: endpoint.clone(), reason };
        let url = Url::parse(&endpoint).map_err(|_| wrong("the endpoint is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("the endpoint must be an address of http or https"));
        }
        if bucket.is_empty() {
            let reason = "write s3://bucket/prefix";
            return Err(Error::Source { text: format!("s3:///{prefix}"), reason });
        }
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let client = client(options, &limits)?;
        let jitter = Jitter::new(options.seed);
        let bucket = bucket.to_owned();
        Ok(Self { client, endpoint: url, bucket, prefix, access, limits, jitter, clock })
    }

    /// Stores a file, unless it is there.
    pub(super) async fn put(&self, object: &str, from: &Path, size: u64) -> Result<(), Error> {
        if self.has(object, size).await? {
            return Ok(());
        }
        let file = File::open(from).map_err(Error::file("opened", from))?;
        let file = Arc::new(file);
        if size <= PART {
            let content = read(file, from, 0, size).await?;
            return self.ok(Ask::new(Method::PUT, object).content(content)).await.map(drop);
        }
        let begun = self.ok(Ask::new(Method::POST, object).with("uploads", "")).await?;
        let begun = self.text(begun).await?;
        let upload = element(&begun, "UploadId").ok_or_else(|| self.odd("it names no upload"))?;
        let stored = self.put_parts(object, from, &file, size, &upload).await;
        if stored.is_err() {
            // Parts of an upload that nobody completes are paid for until somebody finds them.
            let abort = Ask::new(Method::DELETE, object).with("uploadId", upload);
            if let Err(error) = self.ok(abort).await {
                tracing::warn!(%error, object, "an upload that failed could not be cleared away");
            }
        }
        stored
    }

    async fn put_parts(
        &self,
        object: &str,
        from: &Path,
        file: &Arc<File>,
        size: u64,
        upload: &str,
    ) -> Result<(), Error> {
        let part = size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20).max(PART);
        let tags = stream::iter(0..size.div_ceil(part))
            .map(|index| async move {
                let start = index * part;
                let content = read(file.clone(), from, start, part.min(size - start)).await?;
                let ask = Ask::new(Method::PUT, object)
                    .with("partNumber", (index + 1).to_string())
                    .with("uploadId", upload)
                    .content(content);
                let answer = self.ok(ask).await?;
                tag(&answer).ok_or_else(|| self.odd("a part has no entity tag"))
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let parts: Vec<String> = tags
            .iter()
            .enumerate()
            .map(|(index, tag)| {
                let number = index + 1;
                format!(
                    "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
                    escaped(tag)
                )
            })
            .collect();
        let list = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
        let ask = Ask::new(Method::POST, object).with("uploadId", upload).content(list);
        let answer = self.ok(ask).await?;
        // This one may fail after it has said that it succeeds.
        let text = self.text(answer).await?;
        match element(&text, "Code") {
            None => Ok(()),
            Some(code) => Err(Error::Store {
                url: self.shown(object),
                status: 200,
                code,
                message: element(&text, "Message").unwrap_or_default(),
            }),
        }
    }

    /// Whether an object of this size is there.
    async fn has(&self, object: &str, size: u64) -> Result<bool, Error> {
        let answer = self.send(Ask::new(Method::HEAD, object)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => {
                let length = answer.headers().get(reqwest::header::CONTENT_LENGTH);
                let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
                Ok(length == Some(size))
            }
            _ => Err(self.refused(object, answer).await),
        }
    }

    /// Reads a small object; `None` if it is not there.
    pub(super) async fn read(&self, object: &str) -> Result<Option<(Vec<u8>, Version)>, Error> {
        let answer = self.send(Ask::new(Method::GET, object)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            // A bucket that is missing is said so; an object that is missing is no error.
            let text = self.text(answer).await?;
            return match element(&text, "Code") {
                Some(code) if code == "NoSuchBucket" => Err(Error::Store {
                    url: self.shown(object),
                    status: 404,
                    code,
                    message: element(&text, "Message").unwrap_or_default(),
                }),
                _ => Ok(None),
            };
        }
        if !answer.status().is_success() {
            return Err(self.refused(object, answer).await);
        }
        let version = tag(&answer).map_or(Version::Any, Version::Tag);
        Ok(Some((self.bytes(answer).await?, version)))
    }

    /// Writes a small object if it still has this version; whether it had.
    pub(super) async fn write(
        &self,
        object: &str,
        content: Vec<u8>,
        version: &Version,
    ) -> Result<bool, Error> {
        let condition = match version {
            Version::None => Some((IF_NONE_MATCH, "*".to_owned())),
            Version::Tag(tag) => Some((IF_MATCH, tag.clone())),
            Version::Any => None,
        };
        let content = Bytes::from(content);
        let ask =
            |condition| Ask { condition, ..Ask::new(Method::PUT, object).content(content.clone()) };
        let mut answer = self.send(ask(condition)).await?;
        if answer.status() == StatusCode::NOT_IMPLEMENTED {
            // A store without conditions: the last writer wins.
            answer = self.send(ask(None)).await?;
        }
        match answer.status() {
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(self.refused(object, answer).await),
        }
    }

    /// Writes a small object with a content type.
    pub(super) async fn store(
        &self,
        object: &str,
        content: Vec<u8>,
        kind: &str,
    ) -> Result<(), Error> {
        let kind = Some((CONTENT_TYPE, kind.to_owned()));
        let ask = Ask { condition: kind, ..Ask::new(Method::PUT, object).content(content) };
        self.ok(ask).await.map(drop)
    }

    pub(super) async fn delete(&self, object: &str) -> Result<(), Error> {
        self.ok(Ask::new(Method::DELETE, object)).await.map(drop)
    }

    /// An address that anybody may read for some days.
    pub(super) fn presigned(&self, object: &str) -> Result<Url, Error> {
        let (path, host) = (self.path(object), self.host());
        let unsigned = Unsigned { method: "GET", host: &host, path: &path, query: Vec::new() };
        let query = unsigned.presigned(&self.access, self.clock.now(), SIGNED_FOR);
        self.url(&path, &query)
    }

    /// Sends a request that must succeed.
    async fn ok(&self, ask: Ask<'_>) -> Result<Response, Error> {
        let object = ask.object.to_owned();
        let answer = self.send(ask).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refused(&object, answer).await)
    }

    /// Sends a request until there is an answer that says something. All of them may be repeated.
    async fn send(&self, ask: Ask<'_>) -> Result<Response, Error> {
        let hash = sha256(&ask.content);
        let mut failed = 0;
        loop {
            let error = match self.attempt(&ask, &hash).await {
                Ok(answer) if !is_passing(answer.status()) => return Ok(answer),
                Ok(answer) => self.refused(ask.object, answer).await,
                Err(error) if error.retry() == RetryClass::Never => return Err(error),
                Err(error) => error,
            };
            failed += 1;
            let Some(pause) = self.limits.backoff.pause(failed, self.jitter.next()) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, ask: &Ask<'_>, hash: &str) -> Result<Response, Error> {
        let (path, host) = (self.path(ask.object), self.host());
        let unsigned = Unsigned {
            method: ask.method.as_str(),
            host: &host,
            path: &path,
            query: ask.query.clone(),
        };
        let url = self.url(&path, &query(&ask.query))?;
        let mut request = self.client.request(ask.method.clone(), url);
        for (name, value) in unsigned.headers(&self.access, self.clock.now(), hash) {
            request = request.header(name, value);
        }
        if let Some((name, value)) = &ask.condition {
            request = request.header(name, value);
        }
        // The content is in memory: what stalls is the other side.
        let most = self.limits.stall.saturating_add(self.limits.stall);
        let sent = timeout(most, request.body(ask.content.clone()).send()).await;
        let shown = self.shown(ask.object);
        match sent {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(Error::Request { url: shown, source: source.without_url() }),
            Err(_) => Err(Error::Stalled { url: shown, limit: most }),
        }
    }

    async fn refused(&self, object: &str, answer: Response) -> Error {
        let status = answer.status().as_u16();
        let text = self.text(answer).await.unwrap_or_default();
        let said = |name| element(&text, name).unwrap_or_default();
        Error::Store {
            url: self.shown(object),
            status,
            code: said("Code"),
            message: said("Message"),
        }
    }

    fn odd(&self, message: &str) -> Error {
        let (url, code) = (self.shown(""), "unexpected answer".to_owned());
        Error::Store { url, status: 200, code, message: message.to_owned() }
    }

    async fn text(&self, answer: Response) -> Result<String, Error> {
        let bytes = self.bytes(answer).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn bytes(&self, mut answer: Response) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let failed = |source: reqwest::Error| Error::Request {
            url: self.shown(""),
            source: source.without_url(),
        };
        let stalled = || Error::Stalled { url: self.shown(""), limit: self.limits.stall };
        loop {
            let chunk = timeout(self.limits.stall, answer.chunk()).await.map_err(|_| stalled())?;
            let Some(chunk) = chunk.map_err(failed)? else { return Ok(bytes) };
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_READ {
                let limit = MOST_READ as u64;
                return Err(Error::TooLarge { what: self.shown(""), limit });
            }
        }
    }

    /// Encoded: the bucket in the path works with every service and needs no names of hosts.
    fn path(&self, object: &str) -> String {
        let base = self.endpoint.path().trim_end_matches('/');
        format!("{base}/{}", encoded(&format!("{}/{}{object}", self.bucket, self.prefix), true))
    }

    fn host(&self) -> String {
        let host = self.endpoint.host_str().unwrap_or_default();
        self.endpoint.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn url(&self, path: &str, query: &str) -> Result<Url, Error> {
        let mut text = format!("{}://{}{path}", self.endpoint.scheme(), self.host());
        if !query.is_empty() {
            text = format!("{text}?{query}");
        }
        let reason = "the name of the object does not fit into a URL";
        Url::parse(&text).map_err(|_| Error::Source { text: self.shown(""), reason })
    }

    fn shown(&self, object: &str) -> String {
        format!("s3://{}/{}{object}", self.bucket, self.prefix)
    }
}

/// Whether asking again may help.
const fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

fn tag(answer: &Response) -> Option<String> {
    answer.headers().get(ETAG)?.to_str().ok().map(str::to_owned)
}

async fn read(file: Arc<File>, path: &Path, at: u64, length: u64) -> Result<Bytes, Error> {
    let path = path.to_owned();
    let what = path.display().to_string();
    let read = spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at).map_err(Error::file("read", &path))?;
        Ok(Bytes::from(bytes))
    });
    read.await.unwrap_or(Err(Error::Interrupted { what }))
}

/// The text of the first element of this name. The answers of S3 are flat and have no attributes here.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = inside.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    Some(plain.replace("&amp;", "&"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
