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
    /// The value of `x-subject-token`, if there is one.
    pub(super) token: Option<String>,
    /// The cookie that is to be kept, without its attributes.
    pub(super) cookie: Option<String>,
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
        "PUT" => "application/octet-stream",
        _ => "application/json",
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: sim\r\nX-Auth-Token: {token}\r\nContent-Type: {kind}\r\n\
         OpenStack-API-Version: compute 2.90\r\nContent-Length: {}\r\n\r\n{body}",
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
    let (mut length, mut token, mut cookie) = (0, None, None);
    let (mut keep, mut chunked) = (true, false);
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
            "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    if chunked {
        read_chunks(stream, &mut body)?;
    } else {
        stream.read_exact(&mut body)?;
    }
    Ok((Answer { status, token, cookie, body }, keep))
}

/// Reads a body that comes in pieces, each with its length before it (RFC 9112, section 7.1).
fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let from = body.len();
        // The piece and the line end behind it.
        body.resize(from + length + 2, 0);
        stream.read_exact(body.get_mut(from..).unwrap_or_default())?;
        body.truncate(from + length);
        if length == 0 {
            return Ok(());
        }
    }
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

/// Sends `rate` requests a second for so long, evenly, over so many connections; how long each took
/// from the moment it was due, so that one slow answer counts for all that wait behind it.
pub(super) fn pace<'a>(
    url: &str,
    connections: u32,
    rate: u32,
    time: Duration,
    choose: impl Fn(u64) -> &'a [u8] + Sync,
) -> (Tally, Vec<Duration>) {
    let tally = Tally::default();
    let begin = Instant::now();
    let work = |connection: u32| {
        let mut client = Client::new(url);
        let mut times = Vec::new();
        for number in (u64::from(connection)..).step_by(connections as usize) {
            let due = begin + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate));
            if due >= begin + time {
                break;
            }
            std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
            tally.count(&client.ask(choose(number)));
            times.push(due.elapsed());
        }
        times
    };
    let times = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..connections).map(|connection| scope.spawn(move || work(connection))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
    });
    (tally, times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_pieces_is_put_together() {
        let wire =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\nX";
        let mut rest = wire.as_bytes();
        let (answer, _) = read(&mut rest).unwrap();
        assert_eq!((&answer.body[..], rest), (&b"abcd"[..], &b"X"[..]));
    }

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
