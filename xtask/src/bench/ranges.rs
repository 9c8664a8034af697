//! A server on loopback for one large file, with ranges and a count of what it has sent.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::SockRef;

use crate::error::Error;

/// Bytes handed to the socket at once; the count is as exact as this.
const STEP: u64 = 64 << 10;

/// Bytes that may wait in a server that counts exactly: until they are on their way they count as sent,
/// and by itself the kernel lets megabytes wait.
const SMALL_BUFFER: usize = 128 << 10;

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be as fast as the kernel can.
    Speed,
    /// To count what went over the network.
    Count,
}

/// A server for one file, for as long as the program runs.
#[derive(Debug)]
pub(super) struct Ranges {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
}

impl Ranges {
    /// Serves `file` on a free port, each connection by a thread of its own.
    pub(super) fn start(file: &Path, purpose: Purpose) -> Result<Self, Error> {
        let start = |source| Error::Start { program: "the server of ranges".to_owned(), source };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(start)?;
        let address = listener.local_addr().map_err(start)?;
        let (file, sent) = (file.to_owned(), Arc::new(AtomicU64::new(0)));
        let counter = sent.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (file, sent) = (file.clone(), counter.clone());
                // A client that goes away, or is killed, is its own problem.
                std::thread::spawn(move || {
                    serve(&file, &stream, &sent, purpose).unwrap_or_default();
                });
            }
        });
        Ok(Self { address, sent })
    }

    /// The address of the file.
    pub(super) fn url(&self) -> String {
        format!("http://{}/file.img", self.address)
    }

    /// Bytes of the file that were sent until now.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Answers requests until the client closes.
fn serve(
    path: &Path,
    stream: &TcpStream,
    sent: &AtomicU64,
    purpose: Purpose,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if purpose == Purpose::Count {
        SockRef::from(stream).set_send_buffer_size(SMALL_BUFFER)?;
    }
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let (status, range) = match asked(&mut reader, size)? {
            Asked::Nothing => return Ok(()),
            Asked::Whole => ("200 OK", 0..size),
            Asked::Part(range) => ("206 Partial Content", range),
        };
        let length = range.end - range.start;
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"bench\"\r\n\
             Content-Range: bytes {}-{}/{size}\r\n\r\n",
            range.start,
            range.end.saturating_sub(1)
        )?;
        file.seek(SeekFrom::Start(range.start))?;
        let mut left = length;
        while left > 0 {
            // Between a file and a socket the kernel copies by itself.
            let moved = std::io::copy(&mut (&mut file).take(left.min(STEP)), &mut writer)?;
            sent.fetch_add(moved, Ordering::Relaxed);
            left -= moved;
        }
    }
}

/// What the next request is for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// There is none.
    Nothing,
    /// All of the file.
    Whole,
    /// A part of it.
    Part(Range<u64>),
}

fn asked(reader: &mut impl BufRead, size: u64) -> std::io::Result<Asked> {
    let (mut asked, mut lines) = (Asked::Whole, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(Asked::Nothing);
        }
        lines += 1;
        let line = line.trim();
        if line.is_empty() && lines > 1 {
            return Ok(asked);
        }
        let lower = line.to_ascii_lowercase();
        let bytes = lower.strip_prefix("range: bytes=").and_then(|bytes| bytes.split_once('-'));
        if let Some((first, last)) = bytes {
            let first = first.parse().unwrap_or(0).min(size);
            let end = last.parse::<u64>().map_or(size, |last| last.saturating_add(1)).min(size);
            asked = Asked::Part(first..end.max(first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str) -> Asked {
        asked(&mut BufReader::new(request.as_bytes()), 100).unwrap()
    }

    #[test]
    fn ranges_are_read_and_kept_within_the_file() {
        let line = "GET / HTTP/1.1\r\n";
        assert_eq!(read(&format!("{line}range: bytes=5-9\r\n\r\n")), Asked::Part(5..10));
        assert_eq!(read(&format!("{line}Range: bytes=90-900\r\n\r\n")), Asked::Part(90..100));
        assert_eq!(read(&format!("{line}Range: bytes=7-\r\n\r\n")), Asked::Part(7..100));
        assert_eq!(read(&format!("{line}\r\n")), Asked::Whole);
        assert_eq!(read(""), Asked::Nothing);
    }
}
