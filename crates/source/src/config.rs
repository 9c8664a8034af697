//! The section `estate:` of `lotse.yaml`.

mod remote;

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use lotse_core::secret::SecretSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::CommitId;

pub use remote::{HttpRemote, Remote, SshRemote};

/// Where the estate comes from: exactly one of the keys is given.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "Estate")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Config {
    /// This directory, as somebody else puts it there; relative to `lotse.yaml`.
    Folder(PathBuf),
    /// A Git repository that is followed.
    Git(Box<Git>),
}

/// A Git repository that is followed. One of `branch`, `tag` and `commit` may be given; without any
/// it is the branch `main`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "EstateGit")]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// Its address: `https://…`, `http://…`, `ssh://user@host/path`, `user@host:path` (the program
    /// `ssh` is used), `file:///…` or a path on this machine (the program `git-upload-pack` is
    /// used). No password in it: see `credentials`.
    pub url: Remote,
    /// The branch that is followed.
    #[serde(default)]
    pub branch: Option<RefName>,
    /// The tag that is followed, should it ever move.
    #[serde(default)]
    pub tag: Option<RefName>,
    /// Exactly this commit, by its 40 digits.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub commit: Option<CommitId>,
    /// The directory within the repository; all of it by default.
    #[serde(default)]
    pub path: Inside,
    /// How often it is looked at, for example `1m`; a minute by default, at least 10 s. A webhook
    /// makes it quicker.
    #[serde(default)]
    pub poll: Poll,
    /// How we show who we are.
    #[serde(default)]
    pub credentials: CredentialSources,
    /// PEM file with the authorities that may vouch for the server, instead of those the machine
    /// trusts; relative to `lotse.yaml`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// File of those who may sign commits, in the format `ALLOWED SIGNERS` of ssh-keygen(1), as
    /// Git's `gpg.ssh.allowedSignersFile`; relative to `lotse.yaml`. When it is given, a commit
    /// without a good signature is broken. Signatures of OpenPGP are not read.
    #[serde(default)]
    pub allowed_signers: Option<PathBuf>,
    /// Lets the server say that there is something new.
    #[serde(default)]
    pub webhook: Option<Webhook>,
}

/// How we show who we are.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "EstateCredentials")]
#[serde(deny_unknown_fields, default)]
pub struct CredentialSources {
    /// The name that goes with the token; most servers take any.
    pub user: Option<String>,
    /// Where the token or password for HTTPS is kept.
    pub token: Option<SecretSource>,
    /// File with the private key for SSH, without a passphrase; relative to `lotse.yaml`.
    pub ssh_key: Option<PathBuf>,
    /// File with the keys of SSH servers, instead of the user's; relative to `lotse.yaml`. An
    /// unknown server is refused.
    pub known_hosts: Option<PathBuf>,
}

/// Lets the server say that there is something new, at `/hooks/estate`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "EstateWebhook")]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where the secret is kept that the server and we share; at least 16 characters.
    pub secret: SecretSource,
}

impl Config {
    /// Makes the paths in it absolute: what is relative is so to `base`, where `lotse.yaml` lies.
    pub fn rebase(&mut self, base: &Path) {
        match self {
            Self::Folder(path) => *path = base.join(&*path),
            Self::Git(git) => git.rebase(base),
        }
    }
}

impl Git {
    fn rebase(&mut self, base: &Path) {
        if let Remote::File(path) = &mut self.url {
            *path = base.join(&*path);
        }
        let CredentialSources { user: _, token, ssh_key, known_hosts } = &mut self.credentials;
        let secrets = [token.as_mut(), self.webhook.as_mut().map(|webhook| &mut webhook.secret)];
        let secrets = secrets.into_iter().flatten().filter_map(|source| match source {
            SecretSource::File(path) => Some(path),
            SecretSource::Env(_) | SecretSource::Credential(_) => None,
        });
        let files = [
            ssh_key.as_mut(),
            known_hosts.as_mut(),
            self.ca_file.as_mut(),
            self.allowed_signers.as_mut(),
        ];
        for path in files.into_iter().flatten().chain(secrets) {
            *path = base.join(&*path);
        }
    }

    /// What is followed.
    ///
    /// # Errors
    /// [`Error::Setting`] when more than one of `branch`, `tag` and `commit` is given, or when a
    /// token would cross a network in clear text.
    pub fn target(&self) -> Result<Target, Error> {
        if self.credentials.token.is_some() && self.url.is_clear_text() {
            return Err(Error::Setting {
                key: "estate.git.credentials.token",
                reason: "it would be sent in clear text; use https",
            });
        }
        match (&self.branch, &self.tag, &self.commit) {
            (None, None, None) => Ok(Target::branch("main")),
            (Some(branch), None, None) => Ok(Target::branch(&branch.0)),
            (None, Some(tag), None) => Ok(Target::Reference(format!("refs/tags/{}", tag.0))),
            (None, None, Some(commit)) => Ok(Target::Commit(commit.clone())),
            _ => Err(Error::Setting {
                key: "estate.git",
                reason: "give one of branch, tag and commit, not more",
            }),
        }
    }
}

/// What is followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// A branch or tag, by its full name, for example `refs/heads/main`.
    Reference(String),
    /// Always this one.
    Commit(CommitId),
}

impl Target {
    /// A branch by its short name.
    pub fn branch(name: &str) -> Self {
        Self::Reference(format!("refs/heads/{name}"))
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reference(name) => f.write_str(name),
            Self::Commit(commit) => commit.fmt(f),
        }
    }
}

macro_rules! checked_text {
    ($type:ty, $name:literal, $description:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

/// The short name of a branch or tag, checked as git-check-ref-format(1) says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RefName(String);

checked_text!(RefName, "RefName", "The name of a branch or tag, for example main.");

impl TryFrom<String> for RefName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
        let bad_part = |part: &str| {
            part.is_empty()
                || part.starts_with('.')
                || Path::new(part).extension().is_some_and(|end| end == "lock")
        };
        if text.is_empty() || text.len() > 255 || text.starts_with("refs/") {
            return Err(format!("\"{text}\" is not a name; write for example main"));
        }
        let wrong = text.contains(forbidden)
            || text.contains("..")
            || text.contains("@{")
            || text.ends_with('.')
            || text.starts_with('-')
            || text == "@"
            || text.split('/').any(bad_part);
        if wrong {
            Err(format!("\"{text}\" is not a name that Git allows"))
        } else {
            Ok(Self(text))
        }
    }
}

impl From<RefName> for String {
    fn from(name: RefName) -> Self {
        name.0
    }
}

/// A directory within the repository.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Inside(Vec<String>);

checked_text!(Inside, "Inside", "A directory within the repository, for example clouds/north.");

impl Inside {
    /// Its parts, from the top; none for all of the repository.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<String> for Inside {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = Vec::new();
        for component in Path::new(&text).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                _ => return Err(format!("\"{text}\" leads out of the repository")),
            }
        }
        Ok(Self(parts))
    }
}

impl From<Inside> for String {
    fn from(inside: Inside) -> Self {
        inside.0.join("/")
    }
}

/// How often the repository is looked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Poll(Duration);

checked_text!(Poll, "Poll", "A length of time, for example 30s, 5m or 1h.");

impl Poll {
    /// The shortest one that can be written: servers are shared.
    pub const LEAST: Duration = Duration::from_secs(10);

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl Default for Poll {
    fn default() -> Self {
        Self(Duration::from_mins(1))
    }
}

impl TryFrom<String> for Poll {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length = text.parse::<SignedDuration>().ok().and_then(|length| length.try_into().ok());
        let length: Duration = length.ok_or_else(|| {
            format!("\"{text}\" is not a length of time; write for example 30s, 5m or 1h")
        })?;
        if length < Self::LEAST {
            return Err(format!("\"{text}\" is too short; write at least 10s"));
        }
        Ok(Self(length))
    }
}

impl From<Poll> for String {
    fn from(poll: Poll) -> Self {
        format!("{:#}", SignedDuration::try_from(poll.0).unwrap_or(SignedDuration::MAX))
    }
}

checked_text!(
    Remote,
    "Repository",
    "The address of a repository, for example https://git.example.org/estate.git."
);

#[cfg(test)]
mod tests;
