//! Scopes: which testcases which version demands, and which version counts when.
//!
//! Two generations of the file are read and told apart by their keys: modules with targets, or
//! (later) groups that contain groups. Both become the same [`Spec`].

mod load;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use lotse_core::declared::{DeclaredError, Diagnostic, SourceFile};
use lotse_scs::Mode;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A scope, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Identifies the scope in reports.
    pub uuid: String,
    /// What people call it.
    pub name: String,
    /// Where it is published.
    pub url: String,
    /// The variables of its executables, with their defaults.
    pub variables: BTreeMap<String, Option<String>>,
    /// The executables with which upstream judges testcases.
    pub scripts: Vec<Script>,
    /// Every testcase that it declares, by id.
    pub testcases: BTreeMap<String, Declared>,
    /// Its versions, in the order of the file.
    pub versions: Vec<Version>,
    /// Its timeline, newest first.
    pub timeline: Vec<Moment>,
    /// What was skipped while reading: keys that nobody knows.
    pub notes: Vec<Diagnostic>,
}

/// An executable with which upstream judges testcases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Its path, relative to the scope file.
    pub executable: String,
    /// Its arguments, with the variables of the scope in braces.
    pub args: String,
    /// Its environment, likewise.
    pub env: BTreeMap<String, String>,
    /// The ids of the testcases that it judges.
    pub testcases: Vec<String>,
}

/// What a scope says of a testcase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// For how long a result counts.
    pub lifetime: Lifetime,
    /// The section of the run that it belongs to.
    pub section: Option<String>,
    /// What it ensures.
    pub description: String,
    /// The clause of the standard.
    pub url: String,
    /// Whether a person has to judge it.
    pub manual: bool,
    /// How many stabilised versions demand it.
    pub attention: usize,
}

/// A version of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Since when it does not change any more.
    pub stabilized_at: Option<Date>,
    /// The ids of testcases by target, sorted.
    pub targets: BTreeMap<String, Vec<String>>,
}

/// The target that decides.
pub const MAIN: &str = "main";

impl Version {
    /// The testcases of all targets, each once, those of the deciding target first.
    pub fn testcases(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.target(MAIN).iter().map(String::as_str).collect();
        let others = self.targets.iter().filter(|(name, _)| *name != MAIN);
        for id in others.flat_map(|(_, ids)| ids) {
            if !all.contains(&id.as_str()) {
                all.push(id);
            }
        }
        all
    }

    /// The testcases of a target; none for one that it does not have.
    pub fn target(&self, name: &str) -> &[String] {
        self.targets.get(name).map_or(&[], Vec::as_slice)
    }
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// From when it counts.
    pub date: Date,
    /// What counts from then on, by version.
    pub versions: BTreeMap<String, Validity>,
}

/// Whether a version counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Not yet.
    Draft,
    /// It does.
    Effective,
    /// Not for long any more.
    Warn,
    /// Not any more.
    Deprecated,
}

impl Validity {
    /// The word in scope files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Effective => "effective",
            Self::Warn => "warn",
            Self::Deprecated => "deprecated",
        }
    }

    const fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"draft" => Self::Draft,
            b"effective" => Self::Effective,
            b"warn" => Self::Warn,
            b"deprecated" => Self::Deprecated,
            _ => return None,
        })
    }
}

/// For how long a result counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// To the day after the next begins.
    Day,
    /// To the Monday after next.
    #[default]
    Week,
    /// To the first of the month after next.
    Month,
    /// To the first day of the quarter after next.
    Quarter,
    /// To the first of the month after next, a year later.
    Year,
}

impl Lifetime {
    /// The day at whose beginning a result of this day no longer counts; `None` at the end of time.
    pub fn expires(self, checked: Date) -> Option<Date> {
        use jiff::ToSpan as _;
        let month = checked.first_of_month();
        match self {
            Self::Day => checked.checked_add(2.days()),
            Self::Week => {
                let days = 14 - i64::from(checked.weekday().to_monday_zero_offset());
                checked.checked_add(days.days())
            }
            Self::Month => month.checked_add(2.months()),
            Self::Quarter => {
                let into = i64::from((checked.month() - 1) % 3);
                month.checked_add((6 - into).months())
            }
            Self::Year => month.checked_add(14.months()),
        }
        .ok()
    }

    const fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"day" => Self::Day,
            b"week" => Self::Week,
            b"month" => Self::Month,
            b"quarter" => Self::Quarter,
            b"year" => Self::Year,
            _ => return None,
        })
    }
}

impl Spec {
    /// Reads a scope file.
    pub fn read(path: &Path, mode: Mode) -> Result<Self, Error> {
        Ok(Self::from_source(&SourceFile::read(path)?, mode)?)
    }

    /// Reads a scope. In upstream's mode keys that upstream does not know are mistakes; in the
    /// standard's, they are skipped and noted.
    pub fn from_source(file: &SourceFile, mode: Mode) -> Result<Self, DeclaredError> {
        load::load(file, mode)
    }

    /// The version of this name.
    pub fn version(&self, name: &str) -> Result<&Version, Error> {
        self.versions.iter().find(|version| version.name == name).ok_or_else(|| Error::NoVersion {
            name: name.to_owned(),
            known: self.versions.iter().map(|version| version.name.clone()).collect(),
        })
    }

    /// What the timeline says of a version on a day; `None` if it says nothing, which means that the
    /// version is deprecated and not checked.
    pub fn validity(&self, version: &str, day: Date) -> Option<Validity> {
        let moment = self.timeline.iter().find(|moment| moment.date <= day)?;
        moment.versions.get(version).copied()
    }

    /// The versions to check on a day, in the order of the file: those that are named, or else all
    /// that the timeline names.
    pub fn chosen(&self, named: &[String], day: Date) -> Result<Vec<&Version>, Error> {
        if !named.is_empty() {
            for name in named {
                self.version(name)?;
            }
            let is_named = |version: &&Version| named.contains(&version.name);
            return Ok(self.versions.iter().filter(is_named).collect());
        }
        let chosen: Vec<_> = self
            .versions
            .iter()
            .filter(|version| self.validity(&version.name, day).is_some())
            .collect();
        if chosen.is_empty() { Err(Error::NothingCounts { date: day }) } else { Ok(chosen) }
    }
}
