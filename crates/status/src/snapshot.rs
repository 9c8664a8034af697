//! What readers see: an immutable picture of the page with answers that are rendered once.
//!
//! A commit makes a new snapshot and takes over from the one before what has not changed. Answers that
//! depend on the present are kept for as long as nothing begins or ends.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use lotse_core::id::IncidentId;
use lotse_core::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::answer::{Answer, tag_of};
use crate::book::{Book, Case, When};
use crate::kept::{Kept, Present};
use crate::wire;

/// The content type of the compatible API.
pub(crate) const JSON: &str = "application/json";

/// So many lists of incidents are kept; windows that move find the same list again and again.
const LISTS: usize = 64;
/// So many answers about the present are kept.
const PAGES: usize = 256;
/// So many that name an address which readers brought: all there are for two addresses.
const ADDRESSED: usize = 24;

/// An incident as it is sent; rendered when it is asked for first.
#[derive(Debug)]
struct Rendered {
    case: Arc<Case>,
    body: OnceLock<Json>,
}

#[derive(Debug)]
struct Json {
    bytes: Bytes,
    /// The first half of the SHA-256 of the bytes.
    sum: [u8; 16],
}

/// The cases that go on, from a moment until right before another one.
type Active = (Timestamp, Timestamp, Arc<Vec<Arc<Case>>>);

/// An immutable picture of the page.
#[derive(Debug)]
pub struct Snapshot {
    revision: i64,
    book: Book,
    /// By beginning (unknown ones first), then by id.
    incidents: Vec<Arc<Rendered>>,
    /// For each place in `incidents`: the latest end among it and those before it.
    latest_end: Vec<Timestamp>,
    active: Mutex<Option<Active>>,
    lists: Mutex<HashMap<[u8; 16], Arc<Answer>>>,
    present: Kept,
    addressed: Kept,
}

impl Snapshot {
    /// The picture of a book; what is the same as in the one before is taken from there.
    pub(crate) fn new(book: Book, revision: i64, before: Option<&Self>) -> Self {
        let known: HashMap<IncidentId, &Arc<Rendered>> = before
            .iter()
            .flat_map(|before| &before.incidents)
            .map(|one| (one.case.incident.id, one))
            .collect();
        let mut incidents: Vec<_> = book
            .cases
            .values()
            .map(|case| match known.get(&case.incident.id) {
                Some(one) if Arc::ptr_eq(&one.case, case) => Arc::clone(one),
                _ => Arc::new(Rendered { case: Arc::clone(case), body: OnceLock::new() }),
            })
            .collect();
        incidents.sort_by_key(|one| (one.case.incident.began, one.case.incident.id));
        let mut latest = Timestamp::MIN;
        let latest_end = incidents
            .iter()
            .map(|one| {
                latest = latest.max(one.case.incident.ended.unwrap_or(Timestamp::MAX));
                latest
            })
            .collect();
        Self {
            revision,
            book,
            incidents,
            latest_end,
            active: Mutex::default(),
            lists: Mutex::default(),
            present: Kept::new(PAGES),
            addressed: Kept::new(ADDRESSED),
        }
    }

    /// The number of the commit that it shows.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// What it shows.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The cases that go on at the present, in the order of their ids.
    pub(crate) fn active(&self, now: Timestamp) -> Arc<Vec<Arc<Case>>> {
        let mut known = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, until, active)) = known.as_ref()
            && *from <= now
            && now < *until
        {
            return Arc::clone(active);
        }
        let is_active = |case: &&Arc<Case>| case.incident.is_active(now);
        let active = Arc::new(self.book.cases.values().filter(is_active).cloned().collect());
        *known = Some((now, self.next_turn(now), Arc::clone(&active)));
        active
    }

    /// The incidents in the closed window, by their beginning.
    pub fn overlapping(&self, start: Timestamp, end: Timestamp) -> Vec<&Arc<Case>> {
        self.window(start, end).into_iter().map(|one| &one.case).collect()
    }

    fn window(&self, start: Timestamp, end: Timestamp) -> Vec<&Arc<Rendered>> {
        let begun = self
            .incidents
            .partition_point(|one| one.case.incident.began.is_none_or(|began| began <= end));
        let mut found: Vec<_> = self
            .incidents
            .iter()
            .zip(&self.latest_end)
            .take(begun)
            .rev()
            // Nothing before this place ends late enough.
            .take_while(|(_, latest)| **latest >= start)
            .map(|(one, _)| one)
            .filter(|one| one.case.incident.overlaps(start, end))
            .collect();
        found.reverse();
        found
    }

    /// `GET /incidents`.
    pub(crate) fn incident_list(&self, start: Timestamp, end: Timestamp) -> Arc<Answer> {
        let found = self.window(start, end);
        let mut sum = Sha256::new();
        for one in &found {
            sum.update(one.json().sum);
        }
        let sum = half(&sum.finalize());
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = lists.get(&sum) {
            return Arc::clone(answer);
        }
        let list = enclose(found.iter().map(|one| &one.json().bytes));
        let answer = Arc::new(Answer::tagged(JSON, list, hex::encode(sum)));
        if lists.len() >= LISTS {
            lists.clear();
        }
        lists.insert(sum, Arc::clone(&answer));
        answer
    }

    /// `GET /incidents/{id}`.
    pub(crate) fn incident(&self, id: IncidentId) -> Option<Answer> {
        let case = self.book.cases.get(&id)?;
        let key = (case.incident.began, id);
        let place = self
            .incidents
            .binary_search_by_key(&key, |one| (one.case.incident.began, one.case.incident.id));
        let one = self.incidents.get(place.ok()?)?;
        let Json { bytes: json, sum } = one.json();
        let mut bytes = BytesMut::with_capacity(json.len() + 10);
        bytes.put_slice(b"{\"data\":");
        bytes.put_slice(json);
        bytes.put_slice(b"}");
        Some(Answer::tagged(JSON, bytes.freeze(), hex::encode(sum)))
    }

    /// `GET /components`: at a named moment, or at the present.
    pub(crate) fn component_list(&self, at: When) -> Arc<Answer> {
        let make = || {
            let active = self.book.active_at(at);
            let touched = |id| active.get(id).map_or(&[][..], Vec::as_slice);
            let components = self.book.components.values();
            let list: Vec<_> = components
                .map(|one| Bytes::from(wire::component(one, touched(&one.id)).to_string()))
                .collect();
            Answer::new(JSON, enclose(list.iter()))
        };
        match at {
            When::Now(now) => self.at_present(Present::new("components", now), make),
            When::At(_) => Arc::new(make()),
        }
    }

    /// An answer about the present; made once for the time in which it is true.
    pub(crate) fn at_present(
        &self,
        present: Present,
        make: impl FnOnce() -> Answer,
    ) -> Arc<Answer> {
        self.known(&present).unwrap_or_else(|| self.keep(present, make()))
    }

    /// The same for what may not be there.
    pub(crate) fn found_at_present(
        &self,
        present: Present,
        find: impl FnOnce() -> Option<Answer>,
    ) -> Option<Arc<Answer>> {
        self.known(&present).or_else(|| Some(self.keep(present, find()?)))
    }

    fn known(&self, present: &Present) -> Option<Arc<Answer>> {
        let shelf = Some(self.shelf(present)).filter(|_| present.is_kept);
        shelf?.get(&present.name, present.now)
    }

    const fn shelf(&self, present: &Present) -> &Kept {
        if present.by_reader { &self.addressed } else { &self.present }
    }

    fn keep(&self, present: Present, answer: Answer) -> Arc<Answer> {
        let answer = Arc::new(answer);
        if present.is_kept {
            let until = self.next_turn(present.now).min(present.longest);
            self.shelf(&present).put(present.name, (present.now, until), &answer);
        }
        answer
    }

    /// When an incident begins or ends next.
    fn next_turn(&self, now: Timestamp) -> Timestamp {
        let turns = self.incidents.iter().flat_map(|one| {
            let incident = &one.case.incident;
            incident.began.into_iter().chain(incident.ended)
        });
        turns.filter(|turn| *turn > now).min().unwrap_or(Timestamp::MAX)
    }
}

impl Rendered {
    fn json(&self) -> &Json {
        self.body.get_or_init(|| {
            let bytes = Bytes::from(wire::incident(&self.case).to_string());
            let sum = half(&Sha256::digest(&bytes));
            Json { bytes, sum }
        })
    }
}

/// The first half of a sum.
fn half(sum: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(sum) {
        *to = *from;
    }
    half
}

/// `{"data":[…]}` of parts that are JSON.
pub(crate) fn enclose<'a>(parts: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let length: usize = parts.clone().map(|part| part.len() + 1).sum();
    let mut bytes = BytesMut::with_capacity(length + 12);
    bytes.put_slice(b"{\"data\":[");
    for (place, part) in parts.enumerate() {
        if place > 0 {
            bytes.put_slice(b",");
        }
        bytes.put_slice(part);
    }
    bytes.put_slice(b"]}");
    bytes.freeze()
}

/// `{"data":…}` of a value.
pub(crate) fn data(value: &serde_json::Value) -> Answer {
    let mut text = String::from("{\"data\":");
    // Writing to a string cannot fail.
    write!(text, "{value}}}").ok();
    let tag = tag_of(text.as_bytes());
    Answer::tagged(JSON, text.into(), tag)
}
