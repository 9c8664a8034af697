//! Servers of the simulated cloud: how long one takes from the request until it runs, as its client
//! sees it, when nothing is configured to take time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::measure::{median, millis};
use super::{Fact, Target, binary};
use crate::environment::Environment;
use crate::error::Error;

/// How many servers are made, one after the other.
const SERVERS: usize = 300;
/// How many of them come before it is measured.
const WARM: usize = 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?.display().to_string();
    let mut cloud = Cloud::start(&binary)?;
    let flavors = cloud.ask("GET", "/compute/v2.1/flavors", &Value::Null)?;
    let flavors = flavors["flavors"].as_array().cloned().unwrap_or_default();
    let nano = flavors.iter().find(|flavor| flavor["name"] == "m1.nano");
    let flavor =
        nano.and_then(|flavor| flavor["id"].as_str()).ok_or_else(|| answer("no flavor"))?;
    let image = cloud.image()?;
    let body = json!({"server": {
        "name": "bench", "flavorRef": flavor, "imageRef": image, "networks": "none",
    }});
    let mut times = Vec::new();
    for number in 0..SERVERS + WARM {
        let begun = Instant::now();
        let made = cloud.ask("POST", "/compute/v2.1/servers", &body)?;
        let id = made["server"]["id"].as_str().ok_or_else(|| answer(&made.to_string()))?;
        let path = format!("/compute/v2.1/servers/{id}");
        while cloud.ask("GET", &path, &Value::Null)?["server"]["status"] != "ACTIVE" {
            if begun.elapsed() > PATIENCE {
                return Err(answer("a server does not become active"));
            }
        }
        if number >= WARM {
            times.push(begun.elapsed());
        }
        cloud.ask("DELETE", &path, &Value::Null)?;
    }
    times.sort_unstable();
    let late = times.get(times.len() * 95 / 100).copied().unwrap_or_default();
    let what = format!("POST of a server until a GET shows it ACTIVE, median of {SERVERS}");
    Ok(vec![
        Fact::new(what, millis(median(times)), "ms").wanted(Target::AtMost(2.0)),
        Fact::new("… of the slowest twentieth, the quickest", millis(late), "ms"),
    ])
}

/// A simulated cloud and a connection to it, ended whatever happens.
struct Cloud {
    child: Child,
    stream: BufReader<TcpStream>,
    token: String,
}

impl Cloud {
    fn start(binary: &str) -> Result<Self, Error> {
        let start = |source| Error::Start { program: binary.to_owned(), source };
        let mut child = Command::new(binary)
            .args(["sim", "--format", "json", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(start)?;
        let mut said = String::new();
        if let Some(stdout) = &mut child.stdout {
            let mut lines = BufReader::new(stdout);
            // A pretty-printed object goes on over several lines.
            while serde_json::from_str::<Value>(&said).is_err() {
                let read = lines.read_line(&mut said);
                if read.map_err(Error::file("read", "the output of lotse sim"))? == 0 {
                    return Err(answer("it ended before it was ready"));
                }
            }
        }
        let hello: Value = serde_json::from_str(&said).unwrap_or_default();
        let url = hello["url"].as_str().unwrap_or_default();
        let stream = TcpStream::connect(url.trim_start_matches("http://")).map_err(start)?;
        stream.set_nodelay(true).map_err(start)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(start)?;
        let mut cloud = Self { child, stream: BufReader::new(stream), token: String::new() };
        cloud.sign_in()?;
        Ok(cloud)
    }

    fn sign_in(&mut self) -> Result<(), Error> {
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "admin", "domain": {"id": "default"}, "password": "sim",
            }}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }});
        self.ask("POST", "/identity/v3/auth/tokens", &body).map(drop)
    }

    /// An image that servers can be made of.
    fn image(&mut self) -> Result<String, Error> {
        let body = json!({"name": "bench", "disk_format": "raw", "container_format": "bare"});
        let made = self.ask("POST", "/image/v2/images", &body)?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        let path = format!("/image/v2/images/{id}/file");
        self.send("PUT", &path, ("application/octet-stream", "disk"))?;
        Ok(id)
    }

    /// Asks for JSON, with a body if there is one.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answered = self.send(method, path, ("application/json", &body))?;
        Ok(serde_json::from_slice(&answered).unwrap_or_default())
    }

    /// Sends a request over the connection that is kept, and reads the answer to its end.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        (kind, body): (&str, &str),
    ) -> Result<Vec<u8>, Error> {
        let broken = || Error::file("read", path);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sim\r\nX-Auth-Token: {}\r\nContent-Type: {kind}\r\n\
             OpenStack-API-Version: compute 2.90\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(broken())?;
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(broken())?;
        let status: u16 = line.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut length = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line).map_err(broken())? <= 2 {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "x-subject-token" => value.trim().clone_into(&mut self.token),
                _ => {}
            }
        }
        let mut found = vec![0; length];
        self.stream.read_exact(&mut found).map_err(broken())?;
        if (200..300).contains(&status) {
            return Ok(found);
        }
        Err(answer(&format!("{method} {path}: {status} {}", String::from_utf8_lossy(&found))))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn answer(detail: &str) -> Error {
    Error::Answer { program: "lotse sim".to_owned(), detail: detail.trim().to_owned() }
}
