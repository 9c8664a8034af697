//! An HTTP server that answers what the test tells it to, and keeps what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    /// Writes this and hangs up.
    Say(String),
    /// Writes this, and then the same line without end.
    GoOn(String),
    /// Says nothing and keeps the connection.
    Hang,
}

/// A server on loopback.
pub(crate) struct Web {
    pub(crate) port: u16,
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<Answer>>>::default();
        let next = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(exchange(stream, sender.clone(), next.clone()));
            }
        });
        Self { port, requests, answers }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/password-of-a-chat", self.port)
    }

    /// The next request not yet planned for gets this answer; those beyond the plan get 204.
    pub(crate) fn will(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    /// The same, with a status, header lines and a body.
    pub(crate) fn will_say(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.will(Answer::Say(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        )));
    }

    pub(crate) async fn request(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }

    pub(crate) fn was_not_asked(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

async fn exchange(
    stream: TcpStream,
    sender: mpsc::UnboundedSender<Request>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else { return };
    let answer = answers.lock().unwrap().pop_front();
    // A test that is over has dropped its end.
    sender.send(request).ok();
    match answer {
        None => write(&mut stream, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await,
        Some(Answer::Say(text)) => write(&mut stream, &text).await,
        Some(Answer::GoOn(text)) => {
            let line = "x".repeat(1024);
            let mut goes_on = stream.write_all(text.as_bytes()).await.is_ok();
            while goes_on {
                goes_on = stream.write_all(line.as_bytes()).await.is_ok();
            }
        }
        // Until the other side hangs up.
        Some(Answer::Hang) => drop(stream.read_u8().await),
    }
}

async fn write(stream: &mut BufReader<TcpStream>, text: &str) {
    // Whoever was killed hears no answer.
    if stream.write_all(text.as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

/// A request with a `content-length`; none when the connection ends before it.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut field = String::new();
        stream.read_line(&mut field).await.ok()?;
        let Some((name, value)) = field.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line: line.trim_end().to_owned(), headers, body })
}
