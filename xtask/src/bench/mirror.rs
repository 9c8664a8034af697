//! A file server on loopback: where both image managers download from.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use crate::error::Error;

/// A server for the files of one directory, for as long as the program runs.
#[derive(Debug)]
pub(super) struct Mirror {
    address: SocketAddr,
}

impl Mirror {
    /// Serves `dir` on a free port.
    pub(super) fn start(dir: PathBuf) -> Result<Self, Error> {
        let start = |source| Error::Start { program: "the mirror".to_owned(), source };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(start)?;
        let address = listener.local_addr().map_err(start)?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own problem.
                answer(&dir, stream).unwrap_or_default();
            }
        });
        Ok(Self { address })
    }

    /// The address of a file.
    pub(super) fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }
}

/// Answers one request (`GET` or `HEAD`) and closes.
fn answer(dir: &std::path::Path, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = request.split(' ');
    let head = words.next() == Some("HEAD");
    let name = words.next().unwrap_or_default().trim_start_matches('/');
    let mut stream = reader.into_inner();
    let file = if name.contains(['/', '\\']) || name.contains("..") {
        Err(std::io::ErrorKind::PermissionDenied.into())
    } else {
        std::fs::read(dir.join(name))
    };
    let Ok(body) = file else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n", body.len())?;
    write!(stream, "Content-Type: application/octet-stream\r\n\r\n")?;
    if head { Ok(()) } else { stream.write_all(&body) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn ask(mirror: &Mirror, request: &str) -> String {
        let mut stream = TcpStream::connect(mirror.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_of_the_directory_are_served_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.img"), "bytes").unwrap();
        let mirror = Mirror::start(dir.path().to_path_buf()).unwrap();
        let good = ask(&mirror, "GET /a.img HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(good.starts_with("HTTP/1.1 200") && good.ends_with("\r\n\r\nbytes"), "{good}");
        for path in ["/none", "/../etc/passwd"] {
            let bad = ask(&mirror, &format!("GET {path} HTTP/1.1\r\n\r\n"));
            assert!(bad.starts_with("HTTP/1.1 404"), "{bad}");
        }
    }
}
