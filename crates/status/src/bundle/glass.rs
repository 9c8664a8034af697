//! Break-glass posts: what operators say on an edge while cloud, database and sign-in are gone.
//!
//! A post is a JSON document signed with an SSH key of an operator (`ssh-keygen -Y sign -n
//! lotse-status`). It travels as the signature, `&`, and the document, byte for byte. The edge keeps
//! it, shows it, and hands it out with its signature; the main page checks the same signature again
//! when it merges, so that nobody has to believe the edge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lotse_core::id::IncidentId;
use lotse_core::signature::ssh::PublicKey;
use lotse_core::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

/// The namespace of the signatures.
pub const NAMESPACE: &str = "lotse-status";

/// What ends a signature; the document follows.
const END: &str = "-----END SSH SIGNATURE-----\n&";
/// How far the clock of an operator may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// How old a post may be when it arrives: whoever heard an older one says nothing new with it.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
/// How long an edge remembers posts: longer than it would take them again.
const KEPT: SignedDuration = SignedDuration::from_hours(48);
/// So many posts are kept.
const MOST: usize = 1000;
/// The longest headline and the longest text, in bytes.
const LONGEST: (usize, usize) = (300, 10_000);

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Identity: a post counts once.
    pub id: Uuid,
    /// What it is about; the first post about it opens it.
    pub incident: IncidentId,
    /// When it was written.
    pub at: Timestamp,
    /// A headline; the first post about an incident needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is said.
    pub text: String,
    /// Components, by id or name, and how badly they are touched; of the first post.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub affects: BTreeMap<String, u8>,
    /// Whether it is over.
    #[serde(default)]
    pub ends: bool,
}

/// A post with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The signature as PEM.
    pub signature: String,
    /// The document, byte for byte.
    pub document: String,
}

impl Signed {
    /// Reads the signature, `&`, and the document.
    ///
    /// # Errors
    /// It is of another form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((signature, document)) = text.split_once(END) else {
            let reason = "a signature of OpenSSH, `&` and the document are needed";
            return Err(Error::invalid("post", reason));
        };
        let signature = format!("{signature}{}", END.trim_end_matches('&'));
        Ok(Self { signature, document: document.to_owned() })
    }

    /// As it travels.
    pub fn to_text(&self) -> String {
        format!("{}&{}", self.signature, self.document)
    }
}

/// Who may post: the keys of operators, as in `authorized_keys`.
#[derive(Clone, Debug, Default)]
pub struct Operators(Vec<PublicKey>);

impl Operators {
    /// Reads a file with a key on each line; empty lines and those with `#` say nothing.
    ///
    /// # Errors
    /// It cannot be read, or a line is no key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text)
    }

    /// The same of a text.
    ///
    /// # Errors
    /// A line is no key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let key = |(number, line): (u32, &str)| {
            let wrong = |reason| Error::invalid(format!("operators, line {number}"), reason);
            line.parse::<PublicKey>().map_err(wrong)
        };
        lines.map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The post, once one of them has signed it, and who that was.
    ///
    /// # Errors
    /// None of them has, or it is no post.
    pub fn check(&self, signed: &Signed) -> Result<(Post, String), Error> {
        let document = signed.document.as_bytes();
        let mut keys = self.0.iter();
        let by = keys.find(|key| key.verifies(NAMESPACE, document, &signed.signature));
        let by = by.ok_or(Error::Unauthorized { reason: "no known operator has signed this" })?;
        let post: Post = serde_json::from_slice(document)
            .map_err(|error| Error::invalid("post", error.to_string()))?;
        let (name, text) = LONGEST;
        if post.name.as_ref().is_some_and(|one| one.len() > name) || post.text.len() > text {
            return Err(Error::invalid("post", "it is too long"));
        }
        if post.affects.values().any(|severity| !(1..=100).contains(severity)) {
            return Err(Error::invalid("affects", "a severity from 1 to 100 is needed"));
        }
        let by = if by.comment().is_empty() { "an operator" } else { by.comment() };
        Ok((post, by.to_owned()))
    }
}

/// An incident that only the edge knows of, as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) id: IncidentId,
    pub(crate) name: String,
    /// When something was said, and what; the newest first.
    pub(crate) said: Vec<(Timestamp, String)>,
    pub(crate) is_over: bool,
}

/// The posts that an edge keeps in a file.
#[derive(Debug)]
pub(super) struct Posts {
    path: PathBuf,
    kept: Vec<Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    post: Post,
    signed: Signed,
}

impl Posts {
    /// Those of this file; none when there is no such file.
    ///
    /// # Errors
    /// There is one, and it cannot be read.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let kept = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => serde_json::from_slice(&read.map_err(Error::file("read", &path))?)
                .map_err(|error| Error::invalid("posts", error.to_string()))?,
        };
        Ok(Self { path, kept })
    }

    /// Keeps a post; whether it is new. It is on the disk when this returns.
    ///
    /// # Errors
    /// Its time is not now, its incident has no headline, there are too many, or it cannot be kept.
    pub(super) fn add(
        &mut self,
        post: Post,
        signed: Signed,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if self.kept.iter().any(|kept| kept.post.id == post.id) {
            return Ok(false);
        }
        let age = now.duration_since(post.at);
        if age < -AHEAD || age > OLDEST {
            return Err(Error::invalid("at", "it was not written now"));
        }
        let is_first = !self.kept.iter().any(|kept| kept.post.incident == post.incident);
        if is_first && post.name.as_ref().is_none_or(|name| name.trim().is_empty()) {
            return Err(Error::invalid(
                "name",
                "the first post about an incident needs a headline",
            ));
        }
        if self.kept.len() >= MOST {
            return Err(Error::Conflict { reason: "there are too many posts already".to_owned() });
        }
        let mut next = self.kept.clone();
        next.push(Kept { post, signed });
        next.sort_by_key(|kept| (kept.post.at, kept.post.id));
        self.write(&next)?;
        self.kept = next;
        Ok(true)
    }

    /// Forgets what was merged and is so old that it would not be taken again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn forget(&mut self, merged: &BTreeSet<Uuid>, now: Timestamp) -> Result<(), Error> {
        let is_old = |kept: &&Kept| now.duration_since(kept.post.at) > KEPT;
        let stays = |kept: &&Kept| !merged.contains(&kept.post.id) || !is_old(kept);
        let next: Vec<_> = self.kept.iter().filter(stays).cloned().collect();
        if next.len() < self.kept.len() {
            self.write(&next)?;
            self.kept = next;
        }
        Ok(())
    }

    fn write(&self, kept: &[Kept]) -> Result<(), Error> {
        use std::io::Write as _;
        let text = serde_json::to_vec(kept).unwrap_or_default();
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        }
        // Half a file would be none; renaming is one step.
        let next = self.path.with_extension("next-posts");
        let file = std::fs::File::create(&next);
        let written =
            file.and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        written.map_err(Error::file("write", &next))?;
        std::fs::rename(&next, &self.path).map_err(Error::file("replace", &self.path))
    }

    /// What the main page has not merged yet, the oldest first.
    pub(super) fn unmerged(&self, merged: &BTreeSet<Uuid>) -> Vec<Signed> {
        let left = self.kept.iter().filter(|kept| !merged.contains(&kept.post.id));
        left.map(|kept| kept.signed.clone()).collect()
    }

    /// The incidents of which something was not merged yet, the newest first.
    pub(super) fn cases(&self, merged: &BTreeSet<Uuid>) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        for Kept { post, .. } in &self.kept {
            if merged.contains(&post.id) {
                continue;
            }
            let place = cases.iter().position(|case| case.id == post.incident);
            let said = (post.at, post.text.clone());
            if let Some(case) = place.and_then(|place| cases.get_mut(place)) {
                case.said.insert(0, said);
                case.is_over = post.ends;
            } else {
                let mut of = self.kept.iter().filter(|kept| kept.post.incident == post.incident);
                let name = of.find_map(|kept| kept.post.name.clone()).unwrap_or_default();
                let case = Case { id: post.incident, name, said: vec![said], is_over: post.ends };
                cases.push(case);
            }
        }
        cases.reverse();
        cases
    }
}
