//! A small S3 service in memory that checks every signature for itself, from the public description of
//! AWS Signature Version 4, and not with the code that it is here to check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ring::{digest, hmac};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY_ID: &str = "AKTEST";
pub(crate) const SECRET: &str = "very/secret+key";
pub(crate) const REGION: &str = "eu-test-1";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As it was sent: encoded.
    pub(crate) path: String,
    /// Encoded names and values.
    pub(crate) query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

/// Decides, before a request is carried out, whether it is answered with a status instead.
type Fault = dyn Fn(&Request) -> Option<(u16, &'static str)> + Send + Sync;

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    pub(crate) log: Vec<Request>,
    count: u32,
}

/// The service, as long as its runtime runs.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) port: u16,
    pub(crate) contents: Arc<Mutex<Contents>>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into() }
}

fn complaint(status: u16, code: &str, message: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(status, text)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &sha256(bytes)[..32])
}

impl Bucket {
    pub(crate) async fn start(
        fault: impl Fn(&Request) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let bucket = Self { port, contents: Arc::default() };
        let (own, fault): (_, Arc<Fault>) = (bucket.clone(), Arc::new(fault));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().serve(stream, fault.clone()));
            }
        });
        bucket
    }

    /// The environment of one who may.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        Some(match name {
            "AWS_ACCESS_KEY_ID" => KEY_ID.to_owned(),
            "AWS_SECRET_ACCESS_KEY" => SECRET.to_owned(),
            "AWS_SESSION_TOKEN" => "session=token/".to_owned(),
            "AWS_REGION" => REGION.to_owned(),
            "AWS_ENDPOINT_URL" => format!("http://127.0.0.1:{}", self.port),
            _ => return None,
        })
    }

    async fn serve(self, stream: TcpStream, fault: Arc<Fault>) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let request = read(&mut stream).await?;
            let method = request.method.clone();
            let reply = match (check(&request), fault(&request)) {
                (Err(reason), _) => complaint(403, "SignatureDoesNotMatch", &reason),
                (Ok(()), Some((status, body))) => answer(status, body),
                (Ok(()), None) => self.carry_out(&request),
            };
            self.contents.lock().unwrap().log.push(request);
            let mut text = format!("HTTP/1.1 {} Bucket\r\n", reply.status);
            for (name, value) in &reply.headers {
                text = format!("{text}{name}: {value}\r\n");
            }
            let length = reply.body.len();
            text = format!("{text}Content-Length: {length}\r\n\r\n");
            stream.get_mut().write_all(text.as_bytes()).await.ok()?;
            if method != "HEAD" {
                stream.get_mut().write_all(&reply.body).await.ok()?;
            }
        }
    }

    fn carry_out(&self, request: &Request) -> Answer {
        let mut contents = self.contents.lock().unwrap();
        let contents = &mut *contents;
        let path = request.path.clone();
        let found = contents.objects.get(&path).cloned();
        match (&*request.method, request.value("uploadId"), found) {
            ("POST", None, _) => {
                contents.count += 1;
                // An id that has to be escaped in XML and encoded in queries.
                let id = format!("up&load/{}", contents.count);
                contents.uploads.insert(id.clone(), BTreeMap::new());
                let id = id.replace('&', "&amp;");
                answer(200, format!("<R><UploadId>{id}</UploadId></R>"))
            }
            ("PUT", Some(id), _) => {
                let number = request.value("partNumber").unwrap().parse().unwrap();
                let parts = contents.uploads.get_mut(&decoded(id)).unwrap();
                parts.insert(number, request.body.clone());
                Answer { headers: vec![("ETag", tag(&request.body))], ..answer(200, "") }
            }
            ("POST", Some(id), _) => {
                let parts = contents.uploads.remove(&decoded(id)).unwrap();
                let list = String::from_utf8(request.body.clone()).unwrap();
                for (number, part) in &parts {
                    let tag = tag(part).replace('"', "&quot;");
                    let line = format!("<PartNumber>{number}</PartNumber><ETag>{tag}</ETag>");
                    assert!(list.contains(&line), "{list}");
                }
                let whole = parts.into_values().collect::<Vec<_>>().concat();
                contents.objects.insert(path, whole);
                answer(200, "<CompleteMultipartUploadResult/>")
            }
            ("DELETE", Some(id), _) => {
                contents.uploads.remove(&decoded(id));
                answer(204, "")
            }
            ("DELETE", None, _) => {
                contents.objects.remove(&path);
                answer(204, "")
            }
            ("PUT", None, found) => {
                let right = match (request.header("if-none-match"), request.header("if-match")) {
                    ("*", _) => found.is_none(),
                    (_, "") => true,
                    (_, expected) => found.is_some_and(|old| tag(&old) == expected),
                };
                if !right {
                    return complaint(412, "PreconditionFailed", "changed");
                }
                contents.objects.insert(path, request.body.clone());
                answer(200, "")
            }
            (_, None, Some(object)) => part_of(request, &object),
            _ => complaint(404, "NoSuchKey", "not here"),
        }
    }
}

/// The object, or the range that was asked for.
fn part_of(request: &Request, object: &[u8]) -> Answer {
    let headers = vec![("ETag", tag(object))];
    let range = request.header("range").strip_prefix("bytes=").and_then(|r| r.split_once('-'));
    let Some((first, last)) = range else {
        return Answer { headers, ..answer(200, object) };
    };
    let first: usize = first.parse().unwrap();
    let last = last.parse().unwrap_or(usize::MAX).min(object.len() - 1);
    let range = format!("bytes {first}-{last}/{}", object.len());
    let headers = [headers, vec![("Content-Range", range)]].concat();
    Answer { headers, ..answer(206, &object[first..=last]) }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path: path.to_owned(), query, headers, body })
}

/// Checks the signature, wherever it stands.
fn check(request: &Request) -> Result<(), String> {
    let mut query = request.query.clone();
    let authorization = request.header("authorization");
    let (credential, names, given, date, content);
    if authorization.is_empty() {
        let value = |name: &str| request.value(name).map(decoded).unwrap_or_default();
        query.retain(|(name, _)| name != "X-Amz-Signature");
        (credential, names) = (value("X-Amz-Credential"), value("X-Amz-SignedHeaders"));
        (given, date) = (value("X-Amz-Signature"), value("X-Amz-Date"));
        content = "UNSIGNED-PAYLOAD".to_owned();
        if value("X-Amz-Security-Token") != "session=token/" {
            return Err("no session".to_owned());
        }
    } else {
        let field = |name: &str| {
            let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap_or_default();
            rest.split(',').next().unwrap_or_default().to_owned()
        };
        (credential, names) = (field("Credential"), field("SignedHeaders"));
        (given, date) = (field("Signature"), request.header("x-amz-date").to_owned());
        content = sha256(&request.body);
        if request.header("x-amz-content-sha256") != content {
            return Err("the content is another one".to_owned());
        }
        if request.header("x-amz-security-token") != "session=token/" {
            return Err("no session".to_owned());
        }
    }
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    if credential != format!("{KEY_ID}/{scope}") {
        return Err(format!("the credential {credential} is unknown"));
    }
    if !names.split(';').any(|name| name == "host") {
        return Err("the host is not signed".to_owned());
    }
    let lines: Vec<String> =
        names.split(';').map(|name| format!("{name}:{}\n", request.header(name))).collect();
    let lines = lines.concat();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (method, path, query) = (&request.method, &request.path, query.join("&"));
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{content}");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let day = sign(format!("AWS4{SECRET}").as_bytes(), &date[..8]);
    let key = sign(&sign(&sign(&day, REGION), "s3"), "aws4_request");
    if hex::encode(sign(&key, &text)) == given { Ok(()) } else { Err(canonical) }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            bytes.extend(hex::decode(&behind[..2]).unwrap());
            rest = &behind[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
