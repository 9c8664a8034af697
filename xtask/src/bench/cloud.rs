//! A simulated cloud in a process of its own, and what a benchmark asks of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Answer, Client, request};
use super::measure::open_files;
use super::served::Served;
use crate::error::Error;

/// How often a request is repeated that a fault rule has hit.
const TRIES: usize = 20;
/// Tenths of a second until closed connections are gone.
const CLOSING: u32 = 20;

/// A simulated cloud, ended whatever happens.
pub(super) struct Cloud {
    served: Served,
    pub(super) url: String,
}

impl Cloud {
    /// Starts it, on these processors only if they are named.
    pub(super) fn start(
        binary: &str,
        processors: Option<&str>,
        extra: &[&str],
    ) -> Result<Self, Error> {
        let usual = ["sim", "--format", "json", "--listen", "127.0.0.1:0"];
        let served = Served::start(binary, processors, &[&usual[..], extra].concat())?;
        let url = text(&served.hello["url"]);
        Ok(Self { served, url })
    }

    pub(super) fn pid(&self) -> u32 {
        self.served.pid()
    }

    /// Asks until it is answered well: fault rules may be in force.
    pub(super) fn ask(&self, asked: &[u8]) -> Result<Answer, Error> {
        let mut client = Client::new(&self.url);
        let mut last = String::new();
        for _ in 0..TRIES {
            match client.ask(asked) {
                Ok(answer) if answer.status < 300 => return Ok(answer),
                Ok(answer) => {
                    last = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(answer(&last))
    }

    pub(super) fn json(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> Result<Value, Error> {
        let answered = self.ask(&request(method, path, token, body))?;
        serde_json::from_slice(&answered.body).map_err(|error| answer(&error.to_string()))
    }

    /// A token of the administrator.
    pub(super) fn sign_in(&self) -> Result<String, Error> {
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "admin", "domain": {"id": "default"}, "password": "sim",
            }}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }});
        let asked = request("POST", "/identity/v3/auth/tokens", "", &body.to_string());
        self.ask(&asked)?.token.ok_or_else(|| answer("no token"))
    }

    /// The path of a new image.
    pub(super) fn image(&self, token: &str) -> Result<String, Error> {
        let body = json!({
            "name": "bench", "disk_format": "qcow2", "container_format": "bare",
            "os_distro": "debian", "tags": ["bench"],
        });
        let made = self.json("POST", "/image/v2/images", token, &body.to_string())?;
        Ok(format!("/image/v2/images/{}", text(&made["id"])))
    }

    /// The path of the administrator's project.
    pub(super) fn project(&self, token: &str) -> Result<String, Error> {
        let own = self.json("GET", "/identity/v3/auth/projects", token, "")?;
        Ok(format!("/identity/v3/projects/{}", text(&own["projects"][0]["id"])))
    }

    /// How many files it has open when the connections that were closed are gone.
    pub(super) fn idle_files(&self) -> Result<u64, Error> {
        let mut least = open_files(self.pid())?;
        for _ in 0..CLOSING {
            std::thread::park_timeout(Duration::from_millis(100));
            least = least.min(open_files(self.pid())?);
        }
        Ok(least)
    }
}

/// A text in JSON; empty when it is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An answer that is not as it should be.
pub(super) fn answer(detail: &str) -> Error {
    Error::Answer { program: "lotse sim".to_owned(), detail: detail.trim().to_owned() }
}
