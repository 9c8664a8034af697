//! What the newest results come to, on a day. Pure.
//!
//! A result counts until the lifetime of its testcase ends; what has expired is missing. A version is
//! passed if every testcase of its deciding target passed: one that is missing or was aborted is no
//! pass.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Verdict;
use crate::spec::{MAIN, Spec, Validity};

/// A result and where it came from. Kept as a short list, because there are many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Held(
    /// 1 pass, 0 aborted, -1 failed.
    pub i8,
    /// When it was checked, in microseconds since the epoch.
    pub i64,
    /// The uuid of its report.
    pub String,
    /// Whether it is approved.
    pub bool,
);

impl Held {
    /// When it was checked.
    pub fn checked(&self) -> Timestamp {
        Timestamp::from_microsecond(self.1).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The verdict behind the number.
    pub fn verdict(&self) -> Verdict {
        Verdict::of_number(i64::from(self.0)).unwrap_or(Verdict::Abort)
    }
}

/// The newest results of a subject for a scope, by testcase.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Latest {
    /// Of all.
    pub newest: BTreeMap<String, Held>,
    /// Of those that are approved, where they are not the newest.
    #[serde(default)]
    pub approved: BTreeMap<String, Held>,
}

impl Latest {
    /// Takes a result, if it is newer than the one that is known.
    pub fn take(&mut self, testcase: &str, held: Held) {
        let newer = |known: Option<&Held>| known.is_none_or(|known| known.1 <= held.1);
        if newer(self.newest.get(testcase)) {
            let before = self.newest.insert(testcase.to_owned(), held.clone());
            if held.3 {
                self.approved.remove(testcase);
            } else if let Some(before) = before.filter(|before| before.3) {
                self.approved.insert(testcase.to_owned(), before);
            }
        } else if held.3
            && newer(self.approved.get(testcase))
            && self.newest.get(testcase).is_some_and(|newest| !newest.3)
        {
            self.approved.insert(testcase.to_owned(), held);
        }
    }

    /// The result that counts for a testcase.
    pub fn of(&self, testcase: &str, approved_only: bool) -> Option<&Held> {
        let newest = self.newest.get(testcase)?;
        if newest.3 || !approved_only { Some(newest) } else { self.approved.get(testcase) }
    }
}

/// The day on which an instant lies (UTC).
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// What a version came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VersionStanding {
    /// Its name.
    pub name: String,
    /// What the timeline says of it; `None` for versions that do not count any more.
    pub validity: Option<Validity>,
    /// What its deciding target came to.
    pub verdict: Verdict,
    /// What each target came to.
    pub targets: BTreeMap<String, Verdict>,
}

/// What a subject comes to for a scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The worst of the versions that count, or a pass if one of them is passed.
    pub verdict: Verdict,
    /// The versions, in the order of the scope.
    pub versions: Vec<VersionStanding>,
    /// The results that count, by testcase of the scope.
    pub results: BTreeMap<String, Held>,
}

impl Standing {
    /// What the results come to on a day.
    pub fn on(spec: &Spec, latest: &Latest, day: Date, approved_only: bool) -> Self {
        let counts = |id: &String, held: &Held| {
            let lifetime = spec.testcases.get(id).map(|testcase| testcase.lifetime);
            let expires = lifetime.and_then(|lifetime| lifetime.expires(self::day(held.checked())));
            expires.is_some_and(|expires| day < expires)
        };
        let results: BTreeMap<_, _> = spec
            .testcases
            .keys()
            .filter_map(|id| Some((id.clone(), latest.of(id, approved_only)?.clone())))
            .filter(|(id, held)| counts(id, held))
            .collect();
        let verdict = |id: &String| results.get(id).map_or(Verdict::Missing, Held::verdict);
        let versions: Vec<_> = spec
            .versions
            .iter()
            .map(|version| {
                let target = |ids: &[String]| {
                    // A version that demands nothing shows nothing.
                    let nothing = ids.is_empty().then_some(Verdict::Missing);
                    Verdict::worst(ids.iter().map(verdict).chain(nothing))
                };
                VersionStanding {
                    name: version.name.clone(),
                    validity: spec.validity(&version.name, day),
                    verdict: target(version.target(MAIN)),
                    targets: version
                        .targets
                        .iter()
                        .map(|(name, ids)| (name.clone(), target(ids)))
                        .collect(),
                }
            })
            .collect();
        let verdict = overall(&versions);
        Self { verdict, versions, results }
    }

    /// The versions that count or will count, in the order of the scope.
    pub fn relevant(&self) -> impl Iterator<Item = &VersionStanding> {
        self.versions.iter().filter(|version| {
            matches!(version.validity, Some(Validity::Effective | Validity::Warn | Validity::Draft))
        })
    }

    /// The versions that are passed, those that do not count any more at the end.
    pub fn passed(&self) -> Vec<&VersionStanding> {
        let passed = |version: &&VersionStanding| version.verdict == Verdict::Pass;
        let mut all: Vec<_> = self.versions.iter().filter(passed).collect();
        all.sort_by_key(|version| matches!(version.validity, None | Some(Validity::Deprecated)));
        all
    }

    /// The version that people look at first: the one that is passed, or else the first that counts.
    pub fn shown(&self) -> Option<&VersionStanding> {
        let counting = || {
            self.versions.iter().filter(|version| {
                matches!(version.validity, Some(Validity::Effective | Validity::Warn))
            })
        };
        let passed = counting().find(|version| version.verdict == Verdict::Pass);
        passed.or_else(|| counting().next()).or_else(|| self.versions.first())
    }
}

fn overall(versions: &[VersionStanding]) -> Verdict {
    let counting: Vec<_> = versions
        .iter()
        .filter(|version| matches!(version.validity, Some(Validity::Effective | Validity::Warn)))
        .map(|version| version.verdict)
        .collect();
    if counting.is_empty() {
        return Verdict::Missing;
    }
    if counting.contains(&Verdict::Pass) { Verdict::Pass } else { Verdict::worst(counting) }
}

/// A version with its mark: `*` draft, `†` not for long any more, `††` not any more.
pub fn marked(version: &VersionStanding) -> String {
    let mark = match version.validity {
        Some(Validity::Effective) => "",
        Some(Validity::Draft) => "*",
        Some(Validity::Warn) => "†",
        Some(Validity::Deprecated) | None => "††",
    };
    format!("{}{mark}", version.name)
}

#[cfg(test)]
mod tests {
    use lotse_core::declared::SourceFile;
    use lotse_scs::Mode;

    use super::*;

    const SCOPE: &str = "\
uuid: S
name: Scope
versions:
  - version: v3
    include: [new]
  - version: v2
    include: [base]
    stabilized_at: 2025-01-01
  - version: v1
    include: [base]
    stabilized_at: 2024-01-01
scripts:
  - executable: x
    testcases:
      - {id: a, lifetime: day}
      - {id: b, lifetime: week}
modules:
  - {id: base, targets: {main: [a, b]}}
  - {id: new, targets: {main: [b], more: [a]}}
timeline:
  - date: 2026-01-01
    versions: {v3: draft, v2: effective, v1: warn}
  - date: 2025-01-01
    versions: {v2: effective}
";

    fn spec() -> Spec {
        Spec::from_source(&SourceFile::new("scope.yaml", SCOPE), Mode::Standard).unwrap()
    }

    fn held(result: i8, checked: &str, approved: bool) -> Held {
        let checked: Timestamp = checked.parse().unwrap();
        Held(result, checked.as_microsecond(), "r".to_owned(), approved)
    }

    fn verdicts(latest: &Latest, day: &str) -> Vec<String> {
        let standing = Standing::on(&spec(), latest, day.parse().unwrap(), false);
        let mut all = vec![standing.verdict.to_string()];
        all.extend(standing.versions.iter().map(|version| version.verdict.to_string()));
        all
    }

    #[test]
    fn missing_and_aborted_results_are_no_passes_and_a_failure_is_a_failure() {
        let mut latest = Latest::default();
        assert_eq!(verdicts(&latest, "2026-11-22"), ["MISSING"; 4]);
        latest.take("b", held(1, "2026-11-22T05:00:00Z", true));
        assert_eq!(verdicts(&latest, "2026-11-22"), ["MISSING", "PASS", "MISSING", "MISSING"]);
        latest.take("a", held(0, "2026-11-22T05:00:00Z", false));
        assert_eq!(verdicts(&latest, "2026-11-22"), ["ABORT", "PASS", "ABORT", "ABORT"]);
        latest.take("a", held(-1, "2026-11-22T06:00:00Z", false));
        assert_eq!(verdicts(&latest, "2026-11-22"), ["FAIL", "PASS", "FAIL", "FAIL"]);
        latest.take("a", held(1, "2026-11-22T07:00:00Z", true));
        assert_eq!(verdicts(&latest, "2026-11-22"), ["PASS"; 4]);
        // An older report that comes late changes nothing.
        latest.take("a", held(-1, "2026-11-22T06:30:00Z", false));
        assert_eq!(verdicts(&latest, "2026-11-22"), ["PASS"; 4]);
    }

    #[test]
    fn a_result_counts_until_the_midnight_at_which_its_lifetime_ends() {
        let mut latest = Latest::default();
        for id in ["a", "b"] {
            latest.take(id, held(1, "2026-01-01T12:00:00Z", true));
        }
        assert_eq!(verdicts(&latest, "2026-01-02")[0], "PASS");
        assert_eq!(verdicts(&latest, "2026-01-03"), ["MISSING", "PASS", "MISSING", "MISSING"]);
        assert_eq!(verdicts(&latest, "2026-01-12"), ["MISSING"; 4]);
    }

    #[test]
    fn until_a_failure_is_approved_the_public_sees_the_result_before_it() {
        let mut latest = Latest::default();
        latest.take("a", held(1, "2026-11-22T05:00:00Z", true));
        latest.take("a", held(-1, "2026-11-22T06:00:00Z", false));
        assert_eq!(latest.of("a", true).unwrap().0, 1);
        assert_eq!(latest.of("a", false).unwrap().0, -1);
        // The approval: the same result again, approved.
        latest.take("a", held(-1, "2026-11-22T06:00:00Z", true));
        assert_eq!(latest.of("a", true).unwrap().0, -1);
        assert!(latest.approved.is_empty());
        assert!(latest.of("c", true).is_none());
    }

    #[test]
    fn versions_carry_the_marks_of_the_timeline() {
        let mut latest = Latest::default();
        for id in ["a", "b"] {
            latest.take(id, held(1, "2026-11-22T05:00:00Z", true));
        }
        let standing = Standing::on(&spec(), &latest, "2026-11-22".parse().unwrap(), false);
        let passed: Vec<_> = standing.passed().into_iter().map(marked).collect();
        assert_eq!(passed, ["v3*", "v2", "v1†"]);
        assert_eq!(standing.shown().unwrap().name, "v2");
        let standing = Standing::on(&spec(), &latest, "2024-11-22".parse().unwrap(), false);
        assert_eq!(standing.verdict, Verdict::Missing);
        assert!(standing.relevant().next().is_none());
    }
}
