//! The edge: shows a bundle elsewhere, believes nothing that is not signed, and says when the cloud
//! has not been heard of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use lotse_core::error::chain;
use lotse_core::time::{SharedClock, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::key::PublicKey;
use super::{CONTACT, Manifest, folder};
use crate::answer::Answer;
use crate::error::Error;
use crate::pages::{self, Language};

/// How often the edge looks for a newer bundle.
const LOOK: Duration = Duration::from_secs(1);

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

/// A bundle that was verified, in memory.
#[derive(Debug)]
struct Shown {
    manifest: Manifest,
    fresh: BTreeMap<String, Answer>,
    /// The pages with the notice that there is no contact.
    stale: BTreeMap<String, Answer>,
}

/// An edge of one page.
#[derive(Debug)]
pub struct Edge {
    folder: PathBuf,
    memory: PathBuf,
    key: PublicKey,
    clock: SharedClock,
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
        let shown = verify(&signed, &key, known.map_or(0, |known| known.sequence))?;
        let edge = Self {
            folder: folder.to_owned(),
            memory: memory.to_owned(),
            key,
            clock,
            shown: ArcSwap::from_pointee(shown),
        };
        edge.remember()?;
        Ok(edge)
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
        self.shown.store(Arc::new(verify(&signed, &self.key, sequence + 1)?));
        self.remember()?;
        Ok(true)
    }

    /// Looks for newer bundles until it is told to stop.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut last = String::new();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
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
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn since(&self, shown: &Shown) -> Option<Timestamp> {
        (self.clock.now() > shown.manifest.valid_until).then_some(shown.manifest.made_at)
    }
}

/// Believes a bundle only when all of it is as its publisher signed it, and not older than `least`.
fn verify(signed: &folder::Signed, key: &PublicKey, least: u64) -> Result<Shown, Error> {
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
    let (mut fresh, mut stale) = (BTreeMap::new(), BTreeMap::new());
    for (address, entry) in &manifest.files {
        let path = signed.directory.join(&entry.file);
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        if hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
            return refused(format!("its file {} was changed", entry.file));
        }
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == entry.kind) else {
            return refused(format!("its file {} is of an unknown kind", entry.file));
        };
        if kind == pages::HTML {
            let notice = without_contact(address, &bytes, manifest.made_at);
            stale.insert(address.clone(), Answer::new(kind, notice));
        }
        fresh.insert(address.clone(), Answer::new(kind, bytes));
    }
    Ok(Shown { manifest, fresh, stale })
}

/// The kinds of files that are shown.
const KINDS: [&str; 8] = [
    pages::HTML,
    crate::snapshot::JSON,
    "text/css; charset=utf-8",
    "application/atom+xml; charset=utf-8",
    "application/rss+xml; charset=utf-8",
    "text/calendar; charset=utf-8",
    "image/svg+xml",
    "image/png",
];

/// The page with the notice in its language.
fn without_contact(address: &str, page: &[u8], since: Timestamp) -> Bytes {
    let code = address.trim_start_matches('/').split('/').next().unwrap_or_default();
    let words = Language::of_code(code).unwrap_or(Language::English).words();
    let notice = format!(
        "<p class=\"overall l-limited\" role=\"status\"><span class=\"sign\" aria-hidden=\"true\">▲\
         </span> {} <time datetime=\"{}\">{}</time></p>",
        words.no_contact,
        pages::exact(since),
        pages::clock(since)
    );
    String::from_utf8_lossy(page).replacen(CONTACT, &notice, 1).into()
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
    let since = edge.since(&shown);
    let stale = since.and_then(|_| shown.stale.get(address));
    let Some(found) = stale.or_else(|| shown.fresh.get(address)) else {
        return (StatusCode::NOT_FOUND, "There is no such page here.\n").into_response();
    };
    let mut response = found.respond(headers);
    let head = response.headers_mut();
    head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(pages::POLICY));
    head.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if path == "/" {
        head.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    if let Some(since) = since
        && let Ok(since) = HeaderValue::from_str(&pages::exact(since))
    {
        head.insert(NO_CONTACT, since);
    }
    response
}
