//! A load of HTTP requests: many connections that are kept, each with one request at a time.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long an answer may take before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Threads do next to nothing: a small stack lets a thousand of them be.
const STACK: usize = 128 << 10;

/// An answer, as much of it as a load needs.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The values of `x-subject-token`, if there is one.
    pub(super) token: Option<String>,
    pub(super) body: Vec<u8>,
}

/// A connection to a server on loopback, opened anew when it has broken.
#[derive(Debug)]
pub(super) struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client of `http://HOST:PORT`.
    pub(super) fn new(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap_or(url).to_owned();
        Self { address, stream: None }
    }

    /// Sends one request, made by [`request`], and reads the answer to its end.
    pub(super) fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(self.connect()?),
        };
        stream.get_mut().write_all(request)?;
        let (answer, keep) = read(&mut stream)?;
        self.stream = keep.then_some(stream);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// A request as it goes over the wire.
pub(super) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let kind = match method {
        "PATCH" => "application/openstack-images-v2.1-json-patch",
        _ => "application/json",
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: sim\r\nX-Auth-Token: {token}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads an answer; the second part says whether the connection goes on.
fn read(stream: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(broken)?;
    let (mut length, mut token, mut keep) = (0, None, true);
    loop {
        line.clear();
        if stream.read_line(&mut line)? <= 2 {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { return Err(broken()) };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| broken())?,
            "x-subject-token" => token = Some(value.to_owned()),
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            "transfer-encoding" => return Err(broken()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((Answer { status, token, body }, keep))
}

/// What came of a load.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers of 2xx.
    pub(super) good: AtomicU64,
    /// Answers of 4xx and 5xx.
    pub(super) refused: AtomicU64,
    /// Connections that broke before the end of the answer.
    pub(super) broken: AtomicU64,
}

impl Tally {
    fn count(&self, answer: &io::Result<Answer>) {
        let place = match answer {
            Ok(answer) if answer.status < 400 => &self.good,
            Ok(_) => &self.refused,
            Err(_) => &self.broken,
        };
        place.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that were refused or whose connection broke.
    pub(super) fn failed(&self) -> u64 {
        [&self.refused, &self.broken].map(|it| it.load(Ordering::Relaxed)).iter().sum()
    }

    /// All requests there were.
    pub(super) fn all(&self) -> u64 {
        self.good.load(Ordering::Relaxed) + self.failed()
    }
}

/// Sends requests over so many connections at once until the time is over; the nth request of a
/// connection is the one that `choose` gives for the connection and n.
pub(super) fn run<'a>(
    url: &str,
    connections: usize,
    time: Duration,
    choose: impl Fn(usize, u64) -> &'a [u8] + Sync,
) -> io::Result<Tally> {
    let tally = Tally::default();
    let end = Instant::now() + time;
    let work = |connection: usize| {
        let mut client = Client::new(url);
        for number in 0.. {
            if Instant::now() >= end {
                break;
            }
            tally.count(&client.ask(choose(connection, number)));
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        for connection in 0..connections {
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, move || work(connection))?;
        }
        Ok(())
    })
    .map(|()| tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let mut wire =
            &b"HTTP/1.1 201 Created\r\nX-Subject-Token: abc\r\nContent-Length: 2\r\n\r\n{}HTTP"[..];
        let (answer, keep) = read(&mut wire).unwrap();
        assert_eq!((answer.status, answer.token.as_deref(), keep), (201, Some("abc"), true));
        assert_eq!((&answer.body[..], wire), (&b"{}"[..], &b"HTTP"[..]));
    }

    #[test]
    fn half_an_answer_is_none() {
        for wire in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "garbage\r\n\r\n"] {
            assert!(read(&mut wire.as_bytes()).is_err(), "{wire}");
        }
    }
}
