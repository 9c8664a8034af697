//! The address of a repository.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The address of a repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Remote {
    /// Over HTTP or HTTPS.
    Http(HttpRemote),
    /// Through the program `ssh`.
    Ssh(SshRemote),
    /// On this machine, through the program `git-upload-pack`.
    File(PathBuf),
}

/// A repository over HTTP or HTTPS; its address carries no credentials, query or fragment, and no
/// slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpRemote(Url);

impl HttpRemote {
    /// The address, without a slash at its end.
    pub fn base(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

/// A repository behind SSH.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SshRemote {
    /// The user there; that of the configuration of `ssh` by default.
    pub user: Option<String>,
    /// The host, never beginning with a hyphen.
    pub host: String,
    /// The port; that of the configuration of `ssh` by default.
    pub port: Option<u16>,
    /// The path there, never beginning with a hyphen.
    pub path: String,
    written: String,
}

impl Remote {
    /// Whether what we send can be read on the way.
    pub(super) fn is_clear_text(&self) -> bool {
        let Self::Http(HttpRemote(url)) = self else { return false };
        url.scheme() == "http"
            && match url.host() {
                Some(Host::Ipv4(address)) => !IpAddr::V4(address).is_loopback(),
                Some(Host::Ipv6(address)) => !IpAddr::V6(address).is_loopback(),
                Some(Host::Domain(name)) => name != "localhost",
                None => true,
            }
    }
}

impl TryFrom<String> for Remote {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err("the address is empty or has control characters".to_owned());
        }
        if text.contains("://") {
            return by_url(&text);
        }
        // As Git: `host:path`, unless a slash comes first.
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => {
                let (user, host) = match host.split_once('@') {
                    Some((user, host)) => (Some(user), host),
                    None => (None, host),
                };
                ssh(&text, user, host, None, path)
            }
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

fn by_url(text: &str) -> Result<Remote, String> {
    let url = Url::parse(text.trim_end_matches('/'))
        .map_err(|error| format!("\"{text}\" is not an address: {error}"))?;
    if url.password().is_some() {
        return Err(
            "an address with a password is not taken: use credentials.token, which says where it is"
                .to_owned(),
        );
    }
    match url.scheme() {
        "http" | "https" => {
            if !url.username().is_empty() {
                return Err("write the user into credentials.user, not into the address".to_owned());
            }
            if url.query().is_some() || url.fragment().is_some() {
                return Err(format!("\"{text}\" has a query or fragment"));
            }
            Ok(Remote::Http(HttpRemote(url)))
        }
        "ssh" => {
            let host = url.host_str().unwrap_or_default();
            let user = Some(url.username()).filter(|user| !user.is_empty());
            ssh(text, user, host, url.port(), url.path())
        }
        "file" => url
            .to_file_path()
            .map(Remote::File)
            .map_err(|()| format!("\"{text}\" names no path on this machine")),
        other => Err(format!("\"{other}\" is not supported: use https, http, ssh or file")),
    }
}

fn ssh(
    text: &str,
    user: Option<&str>,
    host: &str,
    port: Option<u16>,
    path: &str,
) -> Result<Remote, String> {
    // What begins with a hyphen would be an option of ssh or of the program over there.
    let wrong =
        |part: &str| part.is_empty() || part.starts_with('-') || part.contains(char::is_whitespace);
    if wrong(host) || user.is_some_and(wrong) || path.is_empty() || path.starts_with('-') {
        return Err(format!("\"{text}\" is not an address of SSH; write git@host:path"));
    }
    Ok(Remote::Ssh(SshRemote {
        user: user.map(str::to_owned),
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port,
        path: path.to_owned(),
        written: text.to_owned(),
    }))
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(remote) => f.write_str(remote.base()),
            Self::Ssh(remote) => f.write_str(&remote.written),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl From<Remote> for String {
    fn from(remote: Remote) -> Self {
        remote.to_string()
    }
}
