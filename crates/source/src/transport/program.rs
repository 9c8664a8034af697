//! Through a program: `git-upload-pack` for a repository on this machine, `ssh` for one elsewhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::config::SshRemote;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::model::shown;
use crate::source::Programs;
use crate::wire::GOODBYE;

/// Variables that would make Git look somewhere else than it is told.
const MISLEADING: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CONFIG_PARAMETERS",
];

/// Bytes of what a program says that are kept.
const MOST_WORDS: u64 = 4096;

/// How long a program that was told that we are done may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A program that speaks for a repository.
#[derive(Debug)]
pub(super) struct Program {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// `git-upload-pack` on a repository here. Only the directory that was named counts, not what is
    /// above it.
    pub(super) fn file(programs: &Programs, path: &Path) -> Self {
        let mut arguments: Vec<OsString> = vec!["upload-pack".into(), "--timeout=60".into()];
        arguments.push(path.into());
        Self { program: programs.git.clone(), arguments }
    }

    /// `ssh` to a host; never asks anything, and refuses hosts it does not know.
    pub(super) fn ssh(programs: &Programs, remote: &SshRemote, credentials: &Credentials) -> Self {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut option = |text: String| arguments.extend(["-o".into(), OsString::from(text)]);
        for text in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "ClearAllForwardings=yes",
            "ConnectTimeout=15",
            "SendEnv=GIT_PROTOCOL",
        ] {
            option(text.to_owned());
        }
        if let Some(path) = &credentials.known_hosts {
            option(format!("UserKnownHostsFile={}", path.display()));
        }
        if let Some(path) = &credentials.ssh_key {
            option("IdentitiesOnly=yes".to_owned());
            arguments.extend(["-i".into(), path.into()]);
        }
        if let Some(port) = remote.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &remote.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        arguments.extend(["--".into(), OsString::from(&remote.host)]);
        arguments.push(format!("git-upload-pack {}", quoted(&remote.path)).into());
        Self { program: programs.ssh.clone(), arguments }
    }

    pub(super) fn start(&self) -> Result<Conversation, Error> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("GIT_PROTOCOL", "version=2")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for variable in MISLEADING {
            command.env_remove(variable);
        }
        let failed =
            |source| Error::Program { program: self.program.display().to_string(), source };
        let mut child = command.spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
        };
        let words = tokio::spawn(async move {
            let mut stderr = stderr;
            let mut words = Vec::new();
            // What cannot be read was not said; the rest is read so that nobody waits for us.
            let _said = (&mut stderr).take(MOST_WORDS).read_to_end(&mut words).await;
            let _rest = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            words
        });
        Ok(Conversation { child, stdin, stdout: BufReader::new(stdout), words })
    }
}

/// A program at work. Dropping it ends the program.
#[derive(Debug)]
pub(super) struct Conversation {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    words: JoinHandle<Vec<u8>>,
}

impl Conversation {
    pub(super) fn answer(&mut self) -> impl AsyncRead + Send + Unpin {
        &mut self.stdout
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stdin.write_all(bytes).await?;
        self.stdin.flush().await
    }

    /// Ends the program and tells what it said on standard error, in one line.
    pub(super) async fn last_words(&mut self) -> String {
        // It may be about to say why it ends; one that does not end by itself is ended.
        if tokio::time::timeout(LAST_WORDS, self.child.wait()).await.is_err()
            && let Err(error) = self.child.kill().await
        {
            tracing::debug!(%error, "a program cannot be ended");
        }
        let words = tokio::time::timeout(LAST_WORDS, &mut self.words).await;
        let words = words.ok().and_then(Result::ok).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).trim().replace(['\n', '\r'], "; ");
        shown(&words, 500)
    }

    /// Says goodbye, so that the program ends by itself.
    pub(super) async fn end(&mut self) {
        let goodbye = async {
            self.send(GOODBYE).await?;
            self.child.wait().await
        };
        if !matches!(tokio::time::timeout(LAST_WORDS, goodbye).await, Ok(Ok(_))) {
            tracing::debug!("a program did not end by itself and is ended");
        }
    }
}

/// As one word for the shell over there.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Remote;

    #[test]
    fn ssh_gets_a_host_and_one_quoted_word() {
        let Ok(Remote::Ssh(remote)) = Remote::try_from("ops@h:it's; id".to_owned()) else {
            panic!()
        };
        let credentials =
            Credentials { ssh_key: Some("/etc/lotse/key".into()), ..Credentials::default() };
        let program = Program::ssh(&Programs::default(), &remote, &credentials);
        let tail: Vec<_> = program.arguments.iter().rev().take(5).collect();
        assert_eq!(tail, ["git-upload-pack 'it'\\''s; id'", "h", "--", "ops", "-l"]);
        assert!(program.arguments.iter().any(|argument| argument == "StrictHostKeyChecking=yes"));
        assert!(program.arguments.iter().any(|argument| argument == "IdentitiesOnly=yes"));
    }
}
