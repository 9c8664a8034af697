//! A file server whose answers each test scripts: it can refuse, lie, stall and break off.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lotse_core::retry::Backoff;
use lotse_transfer::{Fetcher, HttpOptions, Limits, Source};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes sent at once.
const STEP: usize = 16 << 10;

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which request it is, from 0.
    pub(crate) number: usize,
    pub(crate) path: String,
    pub(crate) range: Option<Range<u64>>,
    pub(crate) if_range: Option<String>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection is closed after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Nothing comes after so many bytes of the body, and the connection stays.
    pub(crate) stall: Option<usize>,
    /// Neither a length nor chunks: the end of the connection ends the body.
    pub(crate) unbounded: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut: None,
            stall: None,
            unbounded: false,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// A file as an orderly server offers it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) content: Arc<Vec<u8>>,
    pub(crate) etag: Option<&'static str>,
}

impl File {
    /// So many bytes that no two places share.
    pub(crate) fn of(size: usize) -> Self {
        Self { content: Arc::new(content(size, 1)), etag: Some("\"one\"") }
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let size = self.content.len() as u64;
        let same = asked.if_range.as_deref().is_none_or(|tag| Some(tag) == self.etag);
        let mut answer = match asked.range.clone().filter(|_| same) {
            Some(range) if range.start >= size => {
                Answer::status(416).header("Content-Range", format!("bytes */{size}"))
            }
            Some(range) => {
                let range = range.start..range.end.min(size);
                let mut answer = Answer::status(206).header(
                    "Content-Range",
                    format!("bytes {}-{}/{size}", range.start, range.end - 1),
                );
                let (start, end) = (to_usize(range.start), to_usize(range.end));
                answer.body = self.content[start..end].to_vec();
                answer
            }
            None => self.whole(),
        };
        if let Some(etag) = self.etag {
            answer = answer.header("ETag", etag);
        }
        answer
    }

    /// As a server answers that does not know ranges.
    pub(crate) fn whole(&self) -> Answer {
        Answer { body: self.content.to_vec(), ..Answer::status(200) }
    }
}

/// Bytes that look random, from a seed.
pub(crate) fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server on loopback, as long as its runtime runs.
#[derive(Clone)]
pub(crate) struct Server {
    host: &'static str,
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Bytes of bodies sent so far.
    pub(crate) sent: Arc<watch::Sender<u64>>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", script).await
    }

    /// The same at another address of loopback.
    pub(crate) async fn start_at(
        host: &'static str,
        script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server =
            Self { host, port, asked: Arc::default(), sent: Arc::new(watch::channel(0).0) };
        let script: Arc<Script> = Arc::new(script);
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().serve(stream, script.clone()));
            }
        });
        server
    }

    /// Offers a file without any trouble.
    pub(crate) async fn of(file: &File) -> Self {
        Self::of_at("127.0.0.1", file).await
    }

    /// The same at another address of loopback.
    pub(crate) async fn of_at(host: &'static str, file: &File) -> Self {
        let file = file.clone();
        Self::start_at(host, move |asked| file.answer(asked)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}:{}/file.img", self.host, self.port)
    }

    pub(crate) fn source(&self) -> Source {
        Source::parse(&self.url()).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(self, stream: TcpStream, script: Arc<Script>) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let asked = self.read(&mut stream).await?;
            let answer = script(&asked);
            self.write(stream.get_mut(), answer).await?;
        }
    }

    async fn read(&self, stream: &mut BufReader<TcpStream>) -> Option<Asked> {
        let mut asked = Asked { number: 0, path: String::new(), range: None, if_range: None };
        let mut line = String::new();
        while stream.read_line(&mut line).await.ok()? > 2 {
            let text = line.trim();
            if asked.path.is_empty() {
                text.split(' ').nth(1)?.clone_into(&mut asked.path);
            } else if let Some((name, value)) = text.split_once(": ") {
                match name.to_ascii_lowercase().as_str() {
                    "range" => {
                        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
                        let last = last.parse().unwrap_or(u64::MAX);
                        asked.range = Some(first.parse().ok()?..last.saturating_add(1));
                    }
                    "if-range" => asked.if_range = Some(value.to_owned()),
                    _ => {}
                }
            }
            line.clear();
        }
        if asked.path.is_empty() {
            return None;
        }
        let mut log = self.asked.lock().unwrap();
        asked.number = log.len();
        log.push(asked.clone());
        Some(asked)
    }

    async fn write(&self, stream: &mut TcpStream, answer: Answer) -> Option<()> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status);
        let has_length = answer.headers.iter().any(|(name, _)| *name == "Content-Length");
        if !has_length && !answer.unbounded {
            write!(head, "Content-Length: {}\r\n", answer.body.len()).ok()?;
        }
        for (name, value) in &answer.headers {
            write!(head, "{name}: {value}\r\n").ok()?;
        }
        stream.write_all((head + "\r\n").as_bytes()).await.ok()?;
        let end = answer.cut.or(answer.stall).unwrap_or(answer.body.len()).min(answer.body.len());
        for step in answer.body[..end].chunks(STEP) {
            stream.write_all(step).await.ok()?;
            self.sent.send_modify(|sent| *sent += step.len() as u64);
        }
        if answer.stall.is_some() {
            std::future::pending::<()>().await;
        }
        if answer.cut.is_some() || answer.unbounded {
            stream.shutdown().await.ok()?;
            return None;
        }
        Some(())
    }
}

/// Limits that make small files behave like large ones, and failures quick.
pub(crate) fn limits() -> Limits {
    Limits {
        keep_free: 0,
        per_connection: 256 << 10,
        // Long enough that only a server that means it ever stalls.
        stall: Duration::from_mins(1),
        backoff: Backoff {
            first: Duration::from_millis(1),
            most: Duration::from_millis(2),
            attempts: 4,
        },
        ..Limits::default()
    }
}

pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(&HttpOptions::default(), limits()).unwrap()
}

pub(crate) fn fetcher_with(limits: Limits) -> Fetcher {
    Fetcher::new(&HttpOptions::default(), limits).unwrap()
}
