//! Bundles on a machine that is reached by SFTP: the folder of a web server, mostly.
//!
//! The connection is that of OpenSSH's own client, `ssh … -s sftp`: keys, agents, known hosts and
//! jump hosts are those of the operator's `~/.ssh/config`, and no key passes through this program. It
//! never asks (`BatchMode`): what would need an answer fails with what `ssh` said. `LOTSE_SSH` names
//! another program that takes the same arguments.
//!
//! SFTP has version 3 of draft-ietf-secsh-filexfer-02 in mind, with OpenSSH's `posix-rename` where the
//! server has it. What must change in one step (`current.json`, the link `current`) is written beside
//! and renamed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::{Error as SftpError, Sftp, SftpOptions};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use url::Url;

use crate::error::Error;

/// So much of what `ssh` says is kept for the error.
const SAID: u64 = 4096;

/// A folder on another machine: `sftp://[USER@]HOST[:PORT]/PATH`; `/~/PATH` begins at the user's home.
#[derive(Clone, Debug)]
pub struct Remote {
    program: String,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    root: PathBuf,
}

impl Remote {
    /// The folder of this address. `LOTSE_SSH` is taken from `variable`.
    ///
    /// # Errors
    /// It is no address of a folder, or it holds a password.
    pub fn at(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::invalid("place", format!("{text}: {reason}"));
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if url.password().is_some() {
            let reason = "a password may not be in an address; use a key, or an agent".to_owned();
            return Err(Error::Invalid { field: "place".to_owned(), reason });
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let decoded = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.map(std::borrow::Cow::into_owned).map_err(|_| wrong("it is not UTF-8"))
        };
        let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
        // What begins like an option would be one to ssh.
        if host.is_empty() || host.starts_with('-') || user.as_deref().is_some_and(odd) {
            return Err(wrong("sftp://[USER@]HOST[:PORT]/PATH is needed"));
        }
        let path = decoded(url.path())?;
        let root = match path.strip_prefix("/~/") {
            Some(rest) => PathBuf::from(rest),
            None => PathBuf::from(&path),
        };
        if path.trim_matches('/').is_empty() {
            return Err(wrong("it names no folder"));
        }
        let program = variable("LOTSE_SSH").unwrap_or_else(|| "ssh".to_owned());
        Ok(Self { program, user, host, port: url.port(), root })
    }

    /// Connects.
    ///
    /// # Errors
    /// The program cannot be started, or the machine does not let us in.
    pub(super) async fn connect(&self) -> Result<Session, Error> {
        let mut command = Command::new(&self.program);
        command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]);
        command.args(["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"]);
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        command.args(["-s", "--", &self.host, "sftp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn();
        let mut child = child.map_err(Error::file("start", Path::new(&self.program)))?;
        let (Some(input), Some(output), Some(said)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.failed("connect to", "the pipes of ssh are missing"));
        };
        let said = tokio::spawn(async move {
            let mut text = String::new();
            // What is not text is of no use to anybody.
            said.take(SAID).read_to_string(&mut text).await.ok();
            text
        });
        match Sftp::new(input, output, SftpOptions::default()).await {
            Ok(sftp) => {
                let (root, host) = (self.root.clone(), self.host.clone());
                Ok(Session { sftp, root, host, made: Mutex::default(), child, said })
            }
            Err(error) => {
                child.kill().await.ok();
                let said = said.await.unwrap_or_default();
                let said = lotse_web::text::shown(said.trim(), 400);
                let reason = if said.is_empty() { error.to_string() } else { said };
                Err(self.failed("connect to", reason))
            }
        }
    }

    fn failed(&self, action: &'static str, reason: impl Into<String>) -> Error {
        Error::Remote { action, path: self.host.clone(), reason: reason.into() }
    }
}

fn odd(user: &str) -> bool {
    user.starts_with('-') || user.contains(char::is_whitespace)
}

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    sftp: Sftp,
    root: PathBuf,
    host: String,
    /// Directories that are known to be there.
    made: Mutex<BTreeSet<PathBuf>>,
    child: Child,
    said: JoinHandle<String>,
}

impl Session {
    /// The content of a file, if there is one.
    pub(super) async fn get(&self, object: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.root.join(object);
        match self.sftp.fs().read(&path).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failed("read", &path, &error)),
        }
    }

    /// Writes a file, and the directories above it.
    pub(super) async fn put(&self, object: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.root.join(object);
        if let Some(directory) = path.parent() {
            self.directory(directory).await?;
        }
        let written = self.sftp.fs().write(&path, bytes).await;
        written.map_err(|error| self.failed("write", &path, &error))
    }

    /// Writes a file so that readers see the old one or the new one.
    pub(super) async fn exchange(&self, object: &str, bytes: &[u8]) -> Result<(), Error> {
        let next = format!(".next-{object}");
        self.put(&next, bytes).await?;
        self.rename(&next, object).await
    }

    /// Lets a link lead to a directory beside it, in one step. A server that knows no links, or has
    /// something else of that name, is left as it is: only web servers without an edge need it.
    pub(super) async fn point(&self, link: &str, to: &str) -> Result<(), Error> {
        let next = self.root.join(format!(".next-{link}"));
        let mut files = self.sftp.fs();
        match files.remove_file(&next).await {
            Err(error) if !is_missing(&error) => return Err(self.failed("replace", &next, &error)),
            _ => {}
        }
        // OpenSSH takes the two paths the other way round than the draft; the crate does, too.
        let made = files.symlink(Path::new(to), &next).await;
        made.map_err(|error| self.failed("make the link", &next, &error))?;
        self.rename(&format!(".next-{link}"), link).await
    }

    /// Removes a file; one that is not there is removed.
    pub(super) async fn delete(&self, object: &str) -> Result<(), Error> {
        let path = self.root.join(object);
        match self.sftp.fs().remove_file(&path).await {
            Err(error) if !is_missing(&error) => Err(self.failed("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// Removes an empty directory; one that is not there is removed.
    pub(super) async fn delete_directory(&self, object: &str) -> Result<(), Error> {
        let path = self.root.join(object);
        match self.sftp.fs().remove_dir(&path).await {
            Err(error) if !is_missing(&error) => Err(self.failed("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// Ends the connection.
    pub(super) async fn close(mut self) {
        if let Err(error) = self.sftp.close().await {
            tracing::debug!(host = self.host, %error, "the SFTP connection did not end well");
        }
        // All is written; how ssh ends is of no importance.
        self.child.kill().await.ok();
        self.said.abort();
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        let mut files = self.sftp.fs();
        if !self.sftp.support_posix_rename() {
            // Version 3 alone does not replace: for a moment there is none.
            match files.remove_file(&to).await {
                Err(error) if !is_missing(&error) => {
                    return Err(self.failed("replace", &to, &error));
                }
                _ => {}
            }
        }
        files.rename(&from, &to).await.map_err(|error| self.failed("replace", &to, &error))
    }

    /// Makes a directory and those above it. Version 3 has no "is there already": it is looked at.
    async fn directory(&self, path: &Path) -> Result<(), Error> {
        let mut missing = Vec::new();
        let mut files = self.sftp.fs();
        for directory in path.ancestors().take_while(|path| !path.as_os_str().is_empty()) {
            if self.is_known(directory) {
                break;
            }
            if files.metadata(directory).await.is_ok() {
                self.know(directory);
                break;
            }
            missing.push(directory);
        }
        for directory in missing.into_iter().rev() {
            if let Err(error) = files.create_dir(directory).await
                // Another file of the same bundle may have made it meanwhile.
                && files.metadata(directory).await.is_err()
            {
                return Err(self.failed("create", directory, &error));
            }
            self.know(directory);
        }
        Ok(())
    }

    fn is_known(&self, directory: &Path) -> bool {
        self.made.lock().is_ok_and(|made| made.contains(directory))
    }

    fn know(&self, directory: &Path) {
        if let Ok(mut made) = self.made.lock() {
            made.insert(directory.to_owned());
        }
    }

    fn failed(&self, action: &'static str, path: &Path, error: &SftpError) -> Error {
        let path = format!("{} on {}", path.display(), self.host);
        Error::Remote { action, path, reason: error.to_string() }
    }
}

fn is_missing(error: &SftpError) -> bool {
    matches!(error, SftpError::SftpError(SftpErrorKind::NoSuchFile, _))
}
