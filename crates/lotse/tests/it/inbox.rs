//! Where a daemon's notifications arrive: a mail server and a receiver of webhooks, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;

/// A server that hands over what arrives.
pub(crate) struct Inbox {
    pub(crate) port: u16,
    arrived: Receiver<String>,
}

impl Inbox {
    /// A mail server without encryption; hands over mails, with line feeds.
    pub(crate) fn mail() -> Self {
        Self::strict_mail("nobody refused")
    }

    /// The same, and it refuses for good what is sent to this address.
    pub(crate) fn strict_mail(refused: &'static str) -> Self {
        Self::start(move |stream, arrived| take_mail(&stream, refused, arrived))
    }

    /// A receiver of webhooks; hands over bodies, and answers with this status.
    pub(crate) fn webhook(status: &'static str) -> Self {
        Self::start(move |stream, arrived| take_request(&stream, status, arrived))
    }

    fn start(
        take: impl Fn(TcpStream, &Sender<String>) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, arrived) = channel();
        std::thread::spawn(move || {
            // One after the other; a daemon that was killed ends its conversation.
            for stream in listener.incoming().map_while(Result::ok) {
                take(stream, &sender).ok();
            }
        });
        Self { port, arrived }
    }

    /// The next one; the tests' runner has the deadline.
    pub(crate) fn next(&self) -> String {
        self.arrived.recv().unwrap()
    }

    /// The next one as JSON.
    pub(crate) fn next_json(&self) -> Value {
        serde_json::from_str(&self.next()).unwrap()
    }
}

fn take_mail(
    mut stream: &TcpStream,
    refused: &str,
    arrived: &Sender<String>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    stream.write_all(b"220 inbox\r\n")?;
    let mut mail: Option<String> = None;
    while let Some(line) = lines.next().transpose()? {
        if let Some(mut text) = mail.take() {
            if line == "." {
                arrived.send(text).ok();
                stream.write_all(b"250 taken\r\n")?;
            } else {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push('\n');
                mail = Some(text);
            }
            continue;
        }
        let answer: &[u8] = match line.split(' ').next() {
            Some("EHLO") => b"250 inbox\r\n",
            Some("DATA") => {
                mail = Some(String::new());
                b"354 go ahead\r\n"
            }
            Some("RCPT") if line.contains(refused) => b"550 5.1.1 nobody is here\r\n",
            Some("QUIT") => return stream.write_all(b"221 fare well\r\n"),
            _ => b"250 yes\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}

fn take_request(
    mut stream: &TcpStream,
    status: &str,
    arrived: &Sender<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    arrived.send(String::from_utf8_lossy(&body).into_owned()).ok();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
