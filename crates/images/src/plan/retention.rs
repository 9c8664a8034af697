//! What becomes of superseded images.
//!
//! Superseded is every complete image of a definition that holds neither the version that bears the
//! plain name nor, without `multi`, a declared version. They are ranked, the newest first, and each
//! image's own `uuid_validity` says whether one of its rank is still promised to users: the promise
//! that they were given counts, not one that was declared later. What is not promised any more is
//! *expired*: it is deleted if that is wanted and nothing speaks against it, and kept with a note
//! otherwise.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::assign::Family;
use crate::RETAINED;
use crate::model::{Definition, Image, Validity, Version, natural_order};
use crate::observe::{Observed, Use};
use crate::options::Options;

/// What becomes of one superseded image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Fate {
    /// It is to be found by those only who know it.
    pub(super) hide: bool,
    /// It is not to be used for new servers.
    pub(super) deactivate: bool,
    /// It goes, and this is why.
    pub(super) delete: Option<String>,
    /// It would go, and this is why it stays.
    pub(super) stays: Option<Stays>,
}

/// Why an expired image stays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stays {
    /// Nobody asked for deleting.
    NotAsked,
    /// The definition says `keep`.
    Keep,
    /// Something speaks against it.
    Because(String),
}

/// What becomes of the images of one definition.
#[derive(Debug, Default)]
pub(super) struct Retention {
    fates: HashMap<String, Fate>,
    /// Declared versions that are not there and shall not be made.
    pub(super) unwanted: HashSet<String>,
    /// Declared versions whose `provided_until` is over, in so far as that matters.
    pub(super) over: HashSet<String>,
}

impl Retention {
    /// What becomes of this image; `None` for one that is not superseded.
    pub(super) fn of(&self, image: &Image) -> Option<&Fate> {
        self.fates.get(&image.id)
    }

    /// A rollback takes this image out of sight, whatever becomes of others.
    pub(super) fn hide(&mut self, image: Option<&str>) {
        if let Some(image) = image {
            self.fates.entry(image.to_owned()).or_default().hide = true;
        }
    }

    /// The same for a version that is not there: what would become of it.
    pub(super) fn of_version(&self, version: &Version) -> Option<&Fate> {
        self.fates.get(&absent(version))
    }
}

/// The key of a version that no image holds; no id has this form.
fn absent(version: &Version) -> String {
    format!("version {}", version.version)
}

/// One superseded image, or a declared version that would be one.
struct Candidate<'a> {
    label: String,
    image: Option<&'a Image>,
    version: Option<&'a Version>,
    /// Whether it bears the plain name, and nothing will take it.
    leads: bool,
}

/// Decides about all images of a definition. `holders` are the images that hold its versions.
pub(super) fn retention<'a>(
    definition: &'a Definition,
    family: &Family<'a>,
    holders: &HashMap<&'a str, &'a Image>,
    observed: &Observed,
    options: &Options,
) -> Retention {
    let mut retention = Retention {
        over: definition
            .versions
            .iter()
            .filter(|version| is_over(definition, version, options))
            .map(|version| version.version.clone())
            .collect(),
        ..Retention::default()
    };
    let mut candidates = candidates(definition, family, holders, &retention.over);
    candidates.sort_by(|one, other| {
        let newest_first = || natural_order(&other.label, &one.label);
        let created = |candidate: &Candidate<'_>| {
            candidate.image.map(|image| (image.created_at.clone(), image.id.clone()))
        };
        other
            .leads
            .cmp(&one.leads)
            .then_with(newest_first)
            .then_with(|| Reverse(created(one)).cmp(&Reverse(created(other))))
    });
    let leads = candidates.iter().any(|candidate| candidate.leads);
    let mut rank = 0;
    for candidate in candidates {
        let kept = candidate.kept(definition, options.today, leads);
        let expired = kept.is_some_and(|kept| rank >= kept);
        let (key, image) = match (candidate.image, candidate.version) {
            (Some(image), _) => (image.id.clone(), Some(image)),
            (None, Some(version)) => {
                if options.latest
                    || retention.over.contains(&version.version)
                    || (expired && options.retirement.delete)
                {
                    retention.unwanted.insert(version.version.clone());
                    continue;
                }
                (absent(version), None)
            }
            (None, None) => continue,
        };
        rank += 1;
        let fate = match image {
            _ if !expired => Fate { hide: options.retirement.hide, ..Fate::default() },
            None => Fate {
                hide: options.retirement.hide,
                deactivate: options.retirement.deactivate,
                ..Fate::default()
            },
            Some(image) => expire(definition, image, observed, options),
        };
        retention.fates.insert(key, fate);
    }
    // Without `multi` every declared version is wanted for itself.
    if !definition.multi {
        for version in &definition.versions {
            let newest =
                definition.newest().is_some_and(|newest| newest.version == version.version);
            let there = holders.contains_key(version.version.as_str());
            if !there && ((options.latest && !newest) || retention.over.contains(&version.version))
            {
                retention.unwanted.insert(version.version.clone());
            }
        }
    }
    retention
}

impl Candidate<'_> {
    /// How many images before this one leave it its promise; `None` for any number.
    fn kept(&self, definition: &Definition, today: Date, leads: bool) -> Option<u32> {
        let declared = self.version.map(|version| definition.properties(version));
        let declared = declared.as_ref().and_then(|properties| properties.get("uuid_validity"));
        let validity = match self.image {
            Some(image) => Validity::of(image.property("uuid_validity")),
            None => Validity::of(declared.map(String::as_str)),
        };
        let kept = validity.kept(today)?;
        // The last N count the one in the lead, which is among the candidates itself when nothing
        // takes its place.
        Some(if leads && matches!(validity, Validity::Last(_)) {
            kept.saturating_add(1)
        } else {
            kept
        })
    }
}

fn candidates<'a>(
    definition: &'a Definition,
    family: &Family<'a>,
    holders: &HashMap<&'a str, &'a Image>,
    over: &HashSet<String>,
) -> Vec<Candidate<'a>> {
    let lead = definition.lead().map(|lead| lead.version.as_str());
    let leads = |version: &str| definition.multi && lead == Some(version);
    // The versions that are wanted for themselves: they are not superseded.
    let wanted =
        |version: &str| !over.contains(version) && (!definition.multi || lead == Some(version));
    let held_by = |image: &Image| {
        let mut versions = definition.versions.iter();
        versions.find(|version| {
            holders.get(version.version.as_str()).is_some_and(|holder| holder.id == image.id)
        })
    };
    let mut candidates = Vec::new();
    for image in
        family.members.iter().filter(|image| image.status.is_complete() && !image.is_pending())
    {
        let version = held_by(image);
        if version.is_some_and(|version| wanted(&version.version)) {
            continue;
        }
        let leads = version.is_some_and(|version| leads(&version.version));
        candidates.push(Candidate { label: image.label(), image: Some(image), version, leads });
    }
    if definition.multi {
        // An import that was begun will be one of them, too.
        let there = |version: &Version| {
            let holder = holders.get(version.version.as_str());
            holder.is_some_and(|image| image.status.is_complete() && !image.is_pending())
        };
        for version in definition
            .versions
            .iter()
            .filter(|version| !there(version) && !wanted(&version.version))
        {
            let leads = leads(&version.version);
            candidates.push(Candidate {
                label: version.version.clone(),
                image: None,
                version: Some(version),
                leads,
            });
        }
    }
    candidates
}

/// Whether a version is past the day until which it was to be provided, and that is to matter.
fn is_over(definition: &Definition, version: &Version, options: &Options) -> bool {
    if !options.retirement.retire_expired {
        return false;
    }
    let properties = definition.properties(version);
    let until = properties.get("provided_until").and_then(|until| until.parse::<Date>().ok());
    until.is_some_and(|until| options.today > until)
}

/// What becomes of an image that nothing promises any more.
fn expire(definition: &Definition, image: &Image, observed: &Observed, options: &Options) -> Fate {
    let retirement = options.retirement;
    let fate = Fate { hide: retirement.hide, deactivate: retirement.deactivate, ..Fate::default() };
    let staying = |stays: Stays, hide: bool| Fate {
        hide: hide || fate.hide,
        stays: Some(stays),
        ..fate.clone()
    };
    if definition.keep {
        return staying(Stays::Keep, false);
    }
    if !retirement.delete {
        return staying(Stays::NotAsked, false);
    }
    if image.protected {
        return staying(Stays::Because("it is protected".to_owned()), true);
    }
    match observed.used.get(&image.id) {
        Some(Use::Servers(1)) => {
            return staying(Stays::Because("a server was made from it".to_owned()), true);
        }
        Some(Use::Servers(count)) => {
            return staying(Stays::Because(format!("{count} servers were made from it")), true);
        }
        None => {}
    }
    if let Some(day) = refused_lately(image, options.today) {
        let text = format!("the cloud refused to delete it on {day} because it is in use");
        return staying(Stays::Because(text), true);
    }
    let validity = image.property("uuid_validity").unwrap_or("none");
    let over = image.property("provided_until").filter(|_| retirement.retire_expired);
    let over =
        over.and_then(|until| until.parse::<Date>().ok()).filter(|until| options.today > *until);
    let reason = match over {
        Some(until) => format!(
            "provided until {until}, and its uuid_validity {validity} promises nothing more"
        ),
        None => format!("superseded, and its uuid_validity {validity} promises nothing more"),
    };
    Fate { delete: Some(reason), hide: false, deactivate: false, stays: None }
}

/// The day on which the cloud refused to delete the image, if that is not long ago: it is tried again
/// from the second day after.
fn refused_lately(image: &Image, today: Date) -> Option<Date> {
    let day: Date = image.property(RETAINED)?.parse().ok()?;
    let again = day.checked_add(jiff::Span::new().days(2)).ok()?;
    (today < again).then_some(day)
}
