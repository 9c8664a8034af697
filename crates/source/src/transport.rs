//! Connections to a repository, over which the protocol of [`crate::wire`] is spoken.

mod http;
mod program;

use std::path::{Path, PathBuf};

use tokio::io::AsyncRead;

use crate::config::Remote;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::limits::Limits;
use crate::model::CommitId;
use crate::source::Programs;
use crate::wire::{self, Capabilities, Packets, WireFault};

use http::Http;
use program::{Conversation, Program};

/// Bytes that an answer may have beside a pack.
const TALK: u64 = 1 << 20;

/// The bytes of an answer.
type Answer<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;

/// How a repository is reached.
#[derive(Debug)]
pub(crate) struct Transport {
    url: String,
    limits: Limits,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Http(Http),
    Program(Program),
}

enum Session<'a> {
    Http { http: &'a Http, base: String },
    Program(Box<Conversation>),
}

impl Transport {
    /// Prepares connections; none is made.
    pub(crate) fn new(
        remote: &Remote,
        credentials: Credentials,
        ca_file: Option<&PathBuf>,
        programs: &Programs,
        limits: Limits,
    ) -> Result<Self, Error> {
        let way = match remote {
            Remote::Http(remote) => Way::Http(Http::new(remote, credentials, ca_file, &limits)?),
            Remote::Ssh(remote) => Way::Program(Program::ssh(programs, remote, &credentials)),
            Remote::File(path) => Way::Program(Program::file(programs, path)),
        };
        Ok(Self { url: remote.to_string(), limits, way })
    }

    /// What a reference shows.
    pub(crate) async fn head(&self, reference: &str) -> Result<CommitId, Error> {
        let (mut session, _) = self.open().await?;
        let answer = self.command(&mut session, wire::ls_refs(reference)).await?;
        let mut packets = Packets::new(answer, TALK, self.limits.idle);
        let found = wire::read_reference(&mut packets, reference).await;
        drop(packets);
        let found = match found {
            Ok(found) => found,
            Err(fault) => return Err(self.explain(fault, session).await),
        };
        session.end().await;
        found.ok_or_else(|| Error::NoReference {
            url: self.url.clone(),
            reference: reference.to_owned(),
        })
    }

    /// Writes the pack of a commit to a new file.
    pub(crate) async fn fetch(&self, commit: &CommitId, into: &Path) -> Result<(), Error> {
        let (mut session, capabilities) = self.open().await?;
        let file = tokio::fs::File::create_new(into).await.map_err(Error::state("made", into))?;
        let mut file = tokio::io::BufWriter::new(file);
        let answer = self.command(&mut session, wire::fetch(commit, capabilities)).await?;
        let most = self.limits.pack_bytes + TALK;
        let mut packets = Packets::new(answer, most, self.limits.idle);
        let done = wire::read_pack(&mut packets, &mut file).await;
        drop(packets);
        match done {
            Ok(()) => session.end().await,
            Err(WireFault::TooLong(_)) => {
                return Err(Error::Limit { what: "bytes to send", limit: self.limits.pack_bytes });
            }
            Err(fault) => return Err(self.explain(fault, session).await),
        }
        Ok(())
    }

    async fn open(&self) -> Result<(Session<'_>, Capabilities), Error> {
        match &self.way {
            Way::Http(http) => {
                let (base, answer) = http.advertisement().await?;
                let mut packets = Packets::new(answer, TALK, self.limits.idle);
                let capabilities = wire::read_capabilities(&mut packets).await;
                let session = Session::Http { http, base };
                match capabilities {
                    Ok(capabilities) => Ok((session, capabilities)),
                    Err(fault) => Err(self.explain(fault, session).await),
                }
            }
            Way::Program(program) => {
                let mut conversation = Box::new(program.start()?);
                let mut packets = Packets::new(conversation.answer(), TALK, self.limits.idle);
                let capabilities = wire::read_capabilities(&mut packets).await;
                drop(packets);
                let session = Session::Program(conversation);
                match capabilities {
                    Ok(capabilities) => Ok((session, capabilities)),
                    Err(fault) => Err(self.explain(fault, session).await),
                }
            }
        }
    }

    async fn command<'a>(
        &self,
        session: &'a mut Session<'_>,
        body: Vec<u8>,
    ) -> Result<Answer<'a>, Error> {
        match session {
            Session::Http { http, base } => http.command(base, body).await,
            Session::Program(conversation) => {
                let sent = conversation.send(&body).await;
                // A broken pipe explains nothing; what the program said before it ended does.
                if let Err(source) = sent {
                    let said_text = conversation.last_words().await;
                    return Err(Error::Broke {
                        url: self.url.clone(),
                        said_text,
                        source: Some(source),
                    });
                }
                Ok(Box::new(conversation.answer()))
            }
        }
    }

    /// What a fault means for this repository, with the last words of the program if there is one.
    async fn explain(&self, fault: WireFault, session: Session<'_>) -> Error {
        let url = self.url.clone();
        let source = match fault {
            WireFault::Said(message) => return Error::Server { url, message },
            WireFault::Idle(limit) => return Error::TooSlow { url, limit },
            WireFault::Malformed(what) => return Error::Protocol { url, what },
            WireFault::TooLong(_) => {
                return Error::Protocol { url, what: "the answer does not end" };
            }
            WireFault::Ended => None,
            WireFault::Io(source) => Some(source),
        };
        let said_text = match session {
            Session::Program(mut conversation) => conversation.last_words().await,
            Session::Http { .. } => String::new(),
        };
        Error::Broke { url, said_text, source }
    }
}

impl Session<'_> {
    async fn end(self) {
        if let Self::Program(mut conversation) = self {
            conversation.end().await;
        }
    }
}
