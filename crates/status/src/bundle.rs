//! The page as files that can be shown elsewhere while the cloud is down.
//!
//! ```text
//! snapshot ─► Bundle (pages, feeds, JSON, badges) ─► folder: NUMBER/…, manifest.json, manifest.sig
//!                                                        ▲ `current` points to the newest
//! edge: signature ─► number not older ─► every file's SHA-256 ─► memory ─► readers
//! ```
//!
//! The manifest names every file with its SHA-256 and is signed with Ed25519 (RFC 8032). Its number
//! grows with every bundle, so that an old one cannot be passed off as new; it says until when it
//! may be believed to be the present. A folder can be served by any web server, too: every page is an
//! `index.html` in a directory of the page's name.

pub mod edge;
pub mod folder;
pub mod glass;
pub mod key;
pub mod line;
pub mod merge;
pub mod place;
mod sftp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lotse_core::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::answer::Answer;
use crate::base::Base;
use crate::pages::{self, Language, Mode};
use crate::site::Site;
use crate::sla::Policy;
use crate::{api, badge, feeds, report, statuspage};

/// The format of manifests that this version writes and reads.
const FORMAT: &str = "lotse-status-bundle/1";

/// How far back lists in a bundle reach.
const BACK: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How far ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where a page says that there is no contact, when there is none.
pub(crate) const CONTACT: &str = "<!--contact-->";

/// A file of a bundle.
#[derive(Clone, Debug)]
pub struct File {
    /// Its content type.
    pub kind: String,
    /// Its content.
    pub bytes: Bytes,
}

/// All files of a page by their addresses, which begin with a slash.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// The files.
    pub files: BTreeMap<String, File>,
    /// The break-glass posts that the page has merged ([`merge::merged`]).
    pub merged: BTreeSet<Uuid>,
    /// What an edge shows when it has not heard of the cloud for long.
    pub preset: Option<Preset>,
}

/// An incident that an edge opens by itself after a silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// So long after the last bundle was made, in seconds; never while that one is valid.
    pub after_seconds: u32,
    /// The headline.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What a bundle consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this document.
    pub format: String,
    /// Grows with every bundle of a page.
    pub sequence: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it may be shown as the present.
    pub valid_until: Timestamp,
    /// The break-glass posts that the page has merged: edges show them no longer as their own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub merged: BTreeSet<Uuid>,
    /// What an edge shows when it has not heard of the cloud for long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The files by their addresses.
    pub files: BTreeMap<String, Entry>,
}

/// A file in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The path of the file beside the manifest.
    pub file: String,
    /// The content type.
    pub kind: String,
    /// The SHA-256 of its content, 64 hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a bundle.
    pub fn of(bundle: &Bundle, sequence: u64, made_at: Timestamp, valid: SignedDuration) -> Self {
        let entry = |(address, file): (&String, &File)| {
            let sha256 = hex::encode(Sha256::digest(&file.bytes));
            let entry = Entry { file: file_of(address), kind: file.kind.clone(), sha256 };
            (address.clone(), entry)
        };
        Self {
            format: FORMAT.to_owned(),
            sequence,
            made_at,
            valid_until: made_at.saturating_add(valid).unwrap_or(Timestamp::MAX),
            merged: bundle.merged.clone(),
            preset: bundle.preset.clone(),
            files: bundle.files.iter().map(entry).collect(),
        }
    }

    /// Whether this version understands it.
    pub fn is_known(&self) -> bool {
        self.format == FORMAT
    }
}

/// The file of an address: pages are `index.html` of a directory.
fn file_of(address: &str) -> String {
    let path = address.trim_start_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    if path.is_empty() || path.ends_with('/') {
        format!("{path}index.html")
    } else if last.contains('.') || path == "assets/logo" || path.starts_with("compatible/") {
        path.to_owned()
    } else {
        format!("{path}/index.html")
    }
}

impl Bundle {
    /// Everything that a reader can ask for, at this moment. `base` is the address in feeds.
    pub fn render(site: &Site, base: &str) -> Self {
        let mut bundle = Self::default();
        let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
        for language in Language::ALL {
            let code = language.code();
            let front = pages::front_answer(site, language, Mode::Bundle);
            if language == Language::English {
                bundle.add("/", &front);
            }
            bundle.add(&format!("/{code}/"), &front);
            for id in snapshot.book().cases.keys() {
                let page = pages::incident_answer(site, language, &id.to_string(), Mode::Bundle);
                bundle.maybe(&format!("/{code}/incident/{id}"), page);
            }
            for id in snapshot.book().components.keys() {
                let page = pages::component_answer(site, language, &id.to_string(), Mode::Bundle);
                bundle.maybe(&format!("/{code}/component/{id}"), page);
            }
            let index = pages::index_answer(site, language, Mode::Bundle);
            bundle.add(&format!("/{code}/index"), &index);
            let widget = pages::widget_answer(site, language, Mode::Bundle);
            bundle.add(&format!("/{code}/widget"), &widget);
            for month in pages::reported(now) {
                let policy = Policy::default();
                let page = report::page_answer(site, language, &month, policy, Mode::Bundle);
                bundle.maybe(&format!("/{code}/sla/{month}"), page.map(Arc::new));
            }
            for month in pages::months(&snapshot, now) {
                let page = pages::history_answer(site, language, &month, Mode::Bundle);
                bundle.maybe(&format!("/{code}/history/{month}"), page);
            }
            let month = pages::month_of(now);
            let page = pages::history_answer(site, language, &month, Mode::Bundle);
            bundle.maybe(&format!("/{code}/history"), page);
        }
        bundle.add("/assets/status.css", site.look().stylesheet());
        if let Some(logo) = site.look().logo() {
            bundle.add("/assets/logo", logo);
        }
        let base = &Base::declared(base);
        bundle.add("/feed.atom", &feeds::atom_answer(site, base));
        bundle.add("/feed.rss", &feeds::rss_answer(site, base));
        bundle.add("/calendar.ics", &feeds::calendar_answer(site, base));
        for name in statuspage::NAMES {
            let document = statuspage::answer(site, name, base);
            bundle.maybe(&format!("/api/v2/{name}"), document);
        }
        bundle.add("/badge.svg", &badge::whole_answer(site));
        for id in snapshot.book().components.keys() {
            let badge = badge::one_answer(site, &id.to_string()).map(Arc::new);
            bundle.maybe(&format!("/badge/{id}.svg"), badge);
        }
        for month in pages::reported(now) {
            for kind in ["csv", "json"] {
                let file = format!("{month}.{kind}");
                let answer = report::file_answer(site, &file, Policy::default()).map(Arc::new);
                bundle.maybe(&format!("/sla/{file}"), answer);
            }
        }
        bundle.compatible(site, now);
        bundle
    }

    /// The lists of the compatible API.
    fn compatible(&mut self, site: &Site, now: Timestamp) {
        let snapshot = site.snapshot();
        let start = now.saturating_sub(BACK).unwrap_or(Timestamp::MIN);
        let end = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let components = snapshot.component_list(crate::book::When::Now(now));
        self.add("/compatible/components.json", &components);
        self.add("/compatible/incidents.json", &snapshot.incident_list(start, end));
        for (name, answer) in api::lists(&snapshot) {
            self.add(&format!("/compatible/{name}.json"), &answer);
        }
    }

    fn add(&mut self, address: &str, answer: &Answer) {
        let file = File { kind: answer.kind().to_owned(), bytes: answer.plain().clone() };
        self.files.insert(address.to_owned(), file);
    }

    fn maybe(&mut self, address: &str, answer: Option<Arc<Answer>>) {
        if let Some(answer) = answer {
            self.add(address, &answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_a_file_that_any_web_server_finds() {
        for (address, file) in [
            ("/", "index.html"),
            ("/en/", "en/index.html"),
            ("/en/history", "en/history/index.html"),
            ("/en/history/2026-11", "en/history/2026-11/index.html"),
            ("/api/v2/incidents/unresolved.json", "api/v2/incidents/unresolved.json"),
            ("/assets/logo", "assets/logo"),
        ] {
            assert_eq!(file_of(address), file);
        }
    }
}
