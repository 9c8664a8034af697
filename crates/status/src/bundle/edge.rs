//! The edge: shows a bundle elsewhere, believes nothing that is not signed, and says when the cloud
//! has not been heard of.
//!
//! ```text
//! heard of                the page as it was published
//! not heard of            the same, with a notice since when
//! silent for long         the same, with the incident that was preset for this, if one was
//! ```
//!
//! To each of these come the break-glass posts ([`super::glass`]) that the main page has not merged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use askama::Template;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use lotse_core::error::chain;
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::glass::{Case, Operators, Posts, Signed};
use super::key::PublicKey;
use super::place::Place;
use super::{CONTACT, Manifest, folder};
use crate::answer::Answer;
use crate::error::Error;
use crate::level::Level;
use crate::pages::{self, Language};

/// How often the edge looks for a newer bundle in a folder.
const LOOK: Duration = Duration::from_secs(1);
/// How often it asks another machine for one.
const FETCH: Duration = Duration::from_secs(5);

/// The largest post, in bytes.
const LARGEST_POST: usize = 64 << 10;

/// When the bundle was made, once it may not be believed to be the present any more.
const NO_CONTACT: HeaderName = HeaderName::from_static("x-status-no-contact-since");

/// What an edge remembers, so that a restart does not make it forget whom it believes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// The key of the publisher: the one that was given, or that of the first bundle.
    key: String,
    /// The largest number that was shown.
    sequence: u64,
}

/// How much has been heard of the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contact {
    /// Enough.
    Fresh,
    /// Nothing since then.
    Lost(Timestamp),
    /// Nothing since then, for so long that the preset incident is shown.
    Silent(Timestamp),
}

/// The pages of one state of contact, by address; made when they are asked for first.
type Pages = OnceLock<BTreeMap<String, Answer>>;

/// A bundle that was verified, in memory, with the posts that belong to it.
#[derive(Debug)]
struct Shown {
    manifest: Manifest,
    files: Arc<BTreeMap<String, Answer>>,
    cases: Vec<Case>,
    fresh: Pages,
    lost: Pages,
    silent: Pages,
}

impl Shown {
    fn new(manifest: Manifest, files: Arc<BTreeMap<String, Answer>>, cases: Vec<Case>) -> Self {
        let (fresh, lost, silent) = (Pages::new(), Pages::new(), Pages::new());
        Self { manifest, files, cases, fresh, lost, silent }
    }

    /// The same with other posts.
    fn with(&self, cases: Vec<Case>) -> Self {
        Self::new(self.manifest.clone(), self.files.clone(), cases)
    }

    /// What is answered at this address.
    fn find(&self, address: &str, contact: Contact) -> Option<&Answer> {
        let pages = match contact {
            Contact::Fresh if self.cases.is_empty() => return self.files.get(address),
            Contact::Fresh => &self.fresh,
            Contact::Lost(_) => &self.lost,
            Contact::Silent(_) => &self.silent,
        };
        let pages = pages.get_or_init(|| {
            let is_page = |answer: &&Answer| answer.kind() == pages::HTML;
            let all = self.files.iter().filter(|(_, answer)| is_page(answer));
            let page = |(address, answer): (&String, &Answer)| {
                let page = self.page(address, answer.plain(), contact);
                (address.clone(), Answer::new(pages::HTML, page))
            };
            all.map(page).collect()
        });
        pages.get(address).or_else(|| self.files.get(address))
    }

    /// The page with its notices, in its language.
    fn page(&self, address: &str, page: &[u8], contact: Contact) -> Bytes {
        let mut notice = String::new();
        let since = match contact {
            Contact::Fresh => None,
            Contact::Lost(since) | Contact::Silent(since) => Some(since),
        };
        if let Some(since) = since {
            notice.push_str(&without_contact(address, since));
        }
        let mut cases: Vec<_> = self.cases.iter().map(CaseView::of).collect();
        if let (Contact::Silent(since), Some(preset)) = (contact, &self.manifest.preset) {
            let said = vec![(pages::exact(since), pages::clock(since), preset.text.clone())];
            cases.insert(0, CaseView { name: preset.name.clone(), said, ..CaseView::open() });
        }
        // What cannot be rendered is not shown; the page is.
        notice.push_str(&Glass { cases }.render().unwrap_or_default());
        String::from_utf8_lossy(page).replacen(CONTACT, &notice, 1).into()
    }
}

/// The posts on a page.
#[derive(Template)]
#[template(path = "glass.html")]
struct Glass {
    cases: Vec<CaseView>,
}

struct CaseView {
    class: &'static str,
    sign: &'static str,
    name: String,
    said: Vec<(String, String, String)>,
}

impl CaseView {
    fn open() -> Self {
        let level = Level::Limited;
        Self { class: level.class(), sign: level.sign(), name: String::new(), said: Vec::new() }
    }

    fn of(case: &Case) -> Self {
        let level = if case.is_over { Level::Operational } else { Level::Limited };
        let said = case.said.iter();
        let said = said.map(|(at, text)| (pages::exact(*at), pages::clock(*at), text.clone()));
        Self {
            class: level.class(),
            sign: level.sign(),
            name: case.name.clone(),
            said: said.collect(),
        }
    }
}

/// An edge of one page.
#[derive(Debug)]
pub struct Edge {
    folder: PathBuf,
    memory: PathBuf,
    key: PublicKey,
    clock: SharedClock,
    operators: Operators,
    posts: Mutex<Posts>,
    shown: ArcSwap<Shown>,
}

impl Edge {
    /// Reads and verifies the newest bundle of a folder. `memory` is the file in which the edge
    /// remembers the key of its publisher (`key`, or that of the first bundle) and how far it came.
    ///
    /// # Errors
    /// There is no bundle, or none that can be believed.
    pub fn open(
        folder: &Path,
        memory: &Path,
        key: Option<PublicKey>,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let known = std::fs::read(memory).ok();
        let known: Option<Memory> = known.and_then(|text| serde_json::from_slice(&text).ok());
        let signed = folder::read(folder)?;
        let claimed = known.as_ref().map_or(&signed.key, |known| &known.key);
        let unusable = |_| Error::Untrusted { reason: "its key is no Ed25519 key".to_owned() };
        let key = key.map_or_else(|| claimed.parse().map_err(unusable), Ok)?;
        let (manifest, files) = verify(&signed, &key, known.map_or(0, |known| known.sequence))?;
        let posts = Posts::open(memory.with_extension("posts"))?;
        let cases = posts.cases(&manifest.merged);
        let edge = Self {
            folder: folder.to_owned(),
            memory: memory.to_owned(),
            key,
            clock,
            operators: Operators::default(),
            posts: Mutex::new(posts),
            shown: ArcSwap::from_pointee(Shown::new(manifest, files, cases)),
        };
        edge.remember()?;
        Ok(edge)
    }

    /// Takes break-glass posts of these operators.
    #[must_use]
    pub fn believing(mut self, operators: Operators) -> Self {
        self.operators = operators;
        self
    }

    /// The number of the bundle that is shown.
    pub fn sequence(&self) -> u64 {
        self.shown.load().manifest.sequence
    }

    /// The key that is believed.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Looks for a newer bundle. Whether there was one.
    ///
    /// # Errors
    /// What is there cannot be believed; what was shown stays.
    pub fn look(&self) -> Result<bool, Error> {
        let signed = folder::read(&self.folder)?;
        let sequence = self.sequence();
        let claimed = serde_json::from_slice::<Manifest>(&signed.manifest);
        if claimed.is_ok_and(|manifest| manifest == self.shown.load().manifest) {
            return Ok(false);
        }
        let (manifest, files) = verify(&signed, &self.key, sequence + 1)?;
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.forget(&manifest.merged, self.clock.now())?;
        let cases = posts.cases(&manifest.merged);
        self.shown.store(Arc::new(Shown::new(manifest, files, cases)));
        drop(posts);
        self.remember()?;
        Ok(true)
    }

    /// Takes a break-glass post. When this returns, it is kept and shown; whether it is new.
    ///
    /// # Errors
    /// No known operator has signed it, it is none, or it cannot be kept.
    pub fn post(&self, signed: Signed) -> Result<bool, Error> {
        let (post, by) = self.operators.check(&signed)?;
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, incident) = (post.id, post.incident);
        let is_new = posts.add(post, signed, self.clock.now())?;
        if is_new {
            let shown = self.shown.load();
            self.shown.store(Arc::new(shown.with(posts.cases(&shown.manifest.merged))));
            tracing::warn!(%id, %incident, by, "a break-glass post was taken");
        }
        Ok(is_new)
    }

    /// The posts that the main page has not merged yet.
    pub fn posts(&self) -> Vec<Signed> {
        let posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.unmerged(&self.shown.load().manifest.merged)
    }

    /// Looks for newer bundles at their place until it is told to stop.
    pub async fn follow(self: Arc<Self>, place: &Place, stop: CancellationToken) {
        let mut last = String::new();
        // Asking another machine costs more than looking into a folder.
        let pause = if matches!(place, Place::Folder(_)) { LOOK } else { FETCH };
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let fetched = stop.run_until_cancelled(place.fetch(&self.folder)).await;
            if let Some(Err(error)) = fetched {
                let trouble = chain(&error);
                if trouble != last {
                    tracing::warn!(trouble, "no bundle could be fetched; the last one is shown");
                }
                last = trouble;
                continue;
            }
            let edge = self.clone();
            let looked = tokio::task::spawn_blocking(move || edge.look()).await;
            let trouble = match looked {
                Ok(Err(error)) => chain(&error),
                _ => String::new(),
            };
            if trouble != last && !trouble.is_empty() {
                tracing::warn!(trouble, "a bundle was refused; the one before is shown");
            }
            last = trouble;
        }
    }

    fn remember(&self) -> Result<(), Error> {
        let memory = Memory { key: self.key.to_string(), sequence: self.sequence() };
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        if let Some(directory) = self.memory.parent() {
            std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        }
        // Half a memory would be none; renaming is one step.
        let next = self.memory.with_extension("next");
        std::fs::write(&next, text).map_err(Error::file("write", &next))?;
        std::fs::rename(&next, &self.memory).map_err(Error::file("replace", &self.memory))
    }

    /// What readers reach.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/break-glass", post(break_glass))
            .route("/break-glass/posts.json", get(posts))
            .fallback(answer)
            .layer(DefaultBodyLimit::max(LARGEST_POST))
            .with_state(self.clone())
    }

    fn contact(&self, manifest: &Manifest) -> Contact {
        let now = self.clock.now();
        if now <= manifest.valid_until {
            return Contact::Fresh;
        }
        let is_long = manifest.preset.as_ref().is_some_and(|preset| {
            let after = SignedDuration::from_secs(preset.after_seconds.into());
            now.duration_since(manifest.made_at) >= after
        });
        let since = manifest.made_at;
        if is_long { Contact::Silent(since) } else { Contact::Lost(since) }
    }
}

/// A manifest and the files that it names.
type Verified = (Manifest, Arc<BTreeMap<String, Answer>>);

/// Believes a bundle only when all of it is as its publisher signed it, and not older than `least`.
fn verify(signed: &folder::Signed, key: &PublicKey, least: u64) -> Result<Verified, Error> {
    let refused = |reason: String| Err(Error::Untrusted { reason });
    if !key.verifies(&signed.manifest, &signed.signature) {
        return refused("its signature is not that of the known publisher".to_owned());
    }
    let manifest: Manifest = match serde_json::from_slice(&signed.manifest) {
        Ok(manifest) => manifest,
        Err(error) => return refused(format!("its manifest cannot be read: {error}")),
    };
    if !manifest.is_known() {
        return refused(format!("its format {:?} is not known", manifest.format));
    }
    if manifest.sequence < least {
        let number = manifest.sequence;
        return refused(format!("its number {number} is older than what was shown before"));
    }
    let mut files = BTreeMap::new();
    for (address, entry) in &manifest.files {
        let path = signed.directory.join(&entry.file);
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        if hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
            return refused(format!("its file {} was changed", entry.file));
        }
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == entry.kind) else {
            return refused(format!("its file {} is of an unknown kind", entry.file));
        };
        files.insert(address.clone(), Answer::new(kind, bytes));
    }
    Ok((manifest, Arc::new(files)))
}

/// The kinds of files that are shown.
const KINDS: [&str; 9] = [
    pages::HTML,
    crate::snapshot::JSON,
    "text/css; charset=utf-8",
    "application/atom+xml; charset=utf-8",
    "application/rss+xml; charset=utf-8",
    "text/calendar; charset=utf-8",
    "text/csv; charset=utf-8",
    "image/svg+xml",
    "image/png",
];

/// The notice in the language of the page.
fn without_contact(address: &str, since: Timestamp) -> String {
    let code = address.trim_start_matches('/').split('/').next().unwrap_or_default();
    let words = Language::of_code(code).unwrap_or(Language::English).words();
    format!(
        "<p class=\"overall l-limited\" role=\"status\"><span class=\"sign\" aria-hidden=\"true\">▲\
         </span> {} <time datetime=\"{}\">{}</time></p>",
        words.no_contact,
        pages::exact(since),
        pages::clock(since)
    )
}

/// Takes a post: the signature, `&`, the document.
async fn break_glass(State(edge): State<Arc<Edge>>, text: String) -> Response {
    let taken = Signed::parse(&text).and_then(|signed| edge.post(signed));
    match taken {
        Ok(true) => (StatusCode::CREATED, Json(json!({ "new": true }))).into_response(),
        Ok(false) => Json(json!({ "new": false })).into_response(),
        Err(error) => error.into_response(),
    }
}

/// What is to be merged. Everybody may read it: it is on the page.
async fn posts(State(edge): State<Arc<Edge>>) -> Json<Vec<Signed>> {
    Json(edge.posts())
}

async fn answer(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    let (path, headers) = (request.uri().path(), request.headers());
    let language = Language::preferred(headers).code();
    if let Some(id) = path.strip_prefix("/incident/").filter(|id| !id.contains('/')) {
        return match id.parse::<lotse_core::id::IncidentId>() {
            Ok(id) => Redirect::to(&format!("/{language}/incident/{id}")).into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let negotiated = format!("/{language}/");
    let address = if path == "/" { &negotiated } else { path };
    let shown = edge.shown.load();
    let contact = edge.contact(&shown.manifest);
    let Some(found) = shown.find(address, contact) else {
        return (StatusCode::NOT_FOUND, "There is no such page here.\n").into_response();
    };
    let mut response = found.respond(headers);
    let head = response.headers_mut();
    let is_framed = address.ends_with("/widget");
    let policy = if is_framed { pages::FRAMED_POLICY } else { pages::POLICY };
    head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    head.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if path == "/" {
        head.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    if let Contact::Lost(since) | Contact::Silent(since) = contact
        && let Ok(since) = HeaderValue::from_str(&pages::exact(since))
    {
        head.insert(NO_CONTACT, since);
    }
    response
}
