//! An upstream on loopback: recorded pages of all hosts, and faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lotse_core::declared::SourceFile;
use lotse_upstream::{Client, Limits, Sources};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does instead of answering.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status; so many times (0: always).
    Status(u16, usize),
    /// Half of the answer, then silence.
    Stall,
    /// Half of the answer, then the end of the connection.
    CutOff,
    /// More than anybody wants.
    Endless,
    /// Elsewhere.
    Redirect(&'static str),
    /// An API whose requests are used up.
    Rationed,
}

#[derive(Default)]
struct State {
    faults: BTreeMap<String, (Fault, usize)>,
    asked: Vec<String>,
}

/// The upstream; it ends with the runtime of its test.
pub(crate) struct Upstream {
    pub(crate) base: String,
    state: Arc<Mutex<State>>,
}

pub(crate) fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { base, state }
    }

    /// What is asked for with a path that contains this is answered by the fault.
    pub(crate) fn fault(&self, part: &str, fault: Fault) {
        self.state.lock().unwrap().faults.insert(part.to_owned(), (fault, 0));
    }

    /// Method and path of all requests, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.state.lock().unwrap().asked.clone();
        asked.sort();
        asked
    }

    /// The built-in sources, with all hosts reached here.
    pub(crate) fn sources(&self) -> Sources {
        Sources::from_source(&SourceFile::new("sources.yaml", self.mirrors()), true).unwrap()
    }

    /// A file that says so.
    pub(crate) fn mirrors(&self) -> String {
        let hosts = std::fs::read_dir(recorded("upstream")).unwrap();
        let mut text = String::from("mirrors:\n");
        let mut names: Vec<_> =
            hosts.map(|host| host.unwrap().file_name().into_string().unwrap()).collect();
        names.extend(["github.com".to_owned(), "download.fedoraproject.org".to_owned()]);
        for host in names.iter().filter(|name| *name != "files.txt") {
            let line = format!("  - {{from: 'https://{host}/', to: '{}{host}/'}}\n", self.base);
            text.push_str(&line);
        }
        text
    }
}

/// A client for loopback: no proxies, no long waits.
pub(crate) fn client() -> Client {
    client_with(&Limits::default())
}

pub(crate) fn client_with(limits: &Limits) -> Client {
    let limits = limits.clone();
    Client::new(Limits { pause: Duration::from_millis(1), system_proxy: false, ..limits }).unwrap()
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let fault = {
        let mut state = state.lock().unwrap();
        state.asked.push(format!("{method} {path}"));
        let faults = &mut state.faults;
        let hit = faults.iter_mut().find(|(part, _)| path.contains(part.as_str()));
        hit.and_then(|(_, (fault, count))| {
            *count += 1;
            match fault {
                Fault::Status(_, times) if *times > 0 && *count > *times => None,
                fault => Some(*fault),
            }
        })
    };
    let answer = answer(method, path, fault);
    // Whoever asked may be gone; that is part of what is tried.
    if stream.write_all(&answer).await.is_err() {
        return;
    }
    match fault {
        Some(Fault::Stall) => drop(stream.read(&mut buffer).await),
        Some(Fault::Endless) => {
            let zeros = vec![b'0'; 65536];
            while stream.write_all(&zeros).await.is_ok() {}
        }
        _ => {}
    }
}

fn answer(method: &str, path: &str, fault: Option<Fault>) -> Vec<u8> {
    let plain = |status: u16, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}")
            .into_bytes()
    };
    match fault {
        Some(Fault::Status(status, _)) => return plain(status, "", "no"),
        Some(Fault::Redirect(to)) => return plain(302, &format!("location: {to}\r\n"), ""),
        Some(Fault::Rationed) => return plain(403, "x-ratelimit-remaining: 0\r\n", "no"),
        Some(Fault::Endless) => return b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n".to_vec(),
        Some(Fault::Stall | Fault::CutOff) | None => {}
    }
    let path = path.trim_start_matches('/').split('?').next().unwrap();
    let files = std::fs::read_to_string(recorded("upstream/files.txt")).unwrap();
    let made = files.lines().find_map(|line| {
        let (url, made) = line.split_once(' ')?;
        (url == format!("https://{path}")).then(|| made.parse::<jiff::Timestamp>().unwrap())
    });
    let date = made.map(|made| {
        let text = made.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!("last-modified: {text}\r\n")
    });
    let page = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    let body = std::fs::read_to_string(recorded("upstream").join(page));
    if date.is_none() && body.is_err() {
        return plain(404, "", "nothing here");
    }
    let body = body.unwrap_or_default();
    let body = if method == "HEAD" { "" } else { body.as_str() };
    let mut whole = plain(200, &date.unwrap_or_default(), body);
    if fault.is_some() {
        whole.truncate(whole.len() - body.len() / 2);
    }
    whole
}
