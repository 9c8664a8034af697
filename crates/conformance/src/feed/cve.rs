//! CVEs: how bad, and which versions.
//!
//! Records have the form of the CVE programme (version 5); Kubernetes is its own numbering authority
//! and writes some ranges in words, which are read, too.

use lotse_core::time::Timestamp;
use lotse_scs::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kaas::version::{Branch, Version};

/// A CVE from this score on is critical (scs-0210).
pub const CRITICAL: f64 = 8.0;

/// A CVE of Kubernetes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cve {
    /// Its id, for example `CVE-2018-1002105`.
    pub id: String,
    /// When it was published, if the record says so.
    pub published: Option<Timestamp>,
    /// The highest base score of the authority, by whichever version of CVSS; none if it gives none.
    pub score: Option<f64>,
    /// The versions that are affected.
    pub affected: Vec<Range>,
}

/// Versions that follow each other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Range {
    /// The first one.
    pub from: Version,
    /// Up to where.
    pub to: Version,
    /// Whether the last one belongs to it.
    pub with_last: bool,
    /// Whether the branch of the last one was meant, with all its patches (`1.11.x`).
    pub any_patch: bool,
}

impl Range {
    /// Whether a version belongs to it. Upstream reads `1.11.x` as 1.11.0.
    pub fn contains(&self, version: Version, mode: Mode) -> bool {
        if version < self.from {
            return false;
        }
        if self.any_patch && mode == Mode::Standard {
            return version.branch <= self.to.branch;
        }
        version < self.to || (self.with_last && version == self.to)
    }
}

impl Cve {
    /// Whether it is critical.
    pub fn is_critical(&self) -> bool {
        self.score.is_some_and(|score| score >= CRITICAL)
    }

    /// Whether a version has it.
    pub fn affects(&self, version: Version, mode: Mode) -> bool {
        self.affected.iter().any(|range| range.contains(version, mode))
    }

    /// Reads a record; `None` if it is none.
    pub fn from_record(record: &Value) -> Option<Self> {
        let metadata = record.get("cveMetadata")?;
        let id = metadata.get("cveId")?.as_str()?.to_owned();
        let published = metadata.get("datePublished").and_then(Value::as_str).and_then(instant);
        let cna = record.pointer("/containers/cna")?;
        let metrics = cna.get("metrics").and_then(Value::as_array);
        let scores = metrics.into_iter().flatten().filter_map(Value::as_object).flatten();
        let scores = scores
            .filter(|(key, _)| is_cvss(key))
            .filter_map(|(_, metric)| metric.get("baseScore")?.as_f64());
        let score = scores.fold(None, |highest: Option<f64>, score| {
            Some(highest.map_or(score, |highest| highest.max(score)))
        });
        let products = cna.get("affected").and_then(Value::as_array);
        let products = products.into_iter().flatten();
        let affected = products
            .filter(|product| product.get("product").and_then(Value::as_str) == Some("Kubernetes"))
            .filter_map(|product| product.get("versions")?.as_array())
            .flatten()
            .filter(|versions| versions.get("status").and_then(Value::as_str) == Some("affected"))
            .filter_map(range)
            .collect();
        Some(Self { id, published, score, affected })
    }
}

/// Dates of the CVE programme may lack the zone, which is UTC.
fn instant(written: &str) -> Option<Timestamp> {
    written.parse().or_else(|_| format!("{written}Z").parse()).ok()
}

/// `cvssV2_0`, `cvssV3_1`, `cvssV4_0`; written with three s, too.
fn is_cvss(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let Some(rest) = key.strip_prefix("cvs") else { return false };
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    rest.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// What an entry of `versions` says.
fn range(entry: &Value) -> Option<Range> {
    const LOWEST: Version = Version::new(0, 0, 0);
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::trim);
    let written = text("version").unwrap_or_default();
    let first = end(written);
    for (key, with_last) in [("lessThanOrEqual", true), ("lessThan", false)] {
        if let Some((to, any_patch)) = text(key).and_then(end) {
            let from = first.map_or(LOWEST, |(from, _)| from);
            // Less than 1.11.x is less than its first patch.
            return Some(Range { from, to, with_last, any_patch: any_patch && with_last });
        }
    }
    let (first, last) = written.split_once(" - ").unwrap_or((written, written));
    let ((from, _), (to, any_patch)) = (end(first)?, end(last)?);
    Some(Range { from, to, with_last: true, any_patch })
}

/// A version, or a branch (`1.11.x`), of which the first patch is meant or any.
fn end(written: &str) -> Option<(Version, bool)> {
    if let Some(version) = Version::parse(written) {
        return Some((version, false));
    }
    let branch: Branch = written.trim().trim_start_matches('v').strip_suffix(".x")?.parse().ok()?;
    Some((Version { branch, patch: 0 }, true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cve(metrics: &Value, versions: &Value) -> Cve {
        let record = json!({
            "cveMetadata": { "cveId": "CVE-2026-1", "datePublished": "2026-10-01T00:00:00" },
            "containers": { "cna": { "metrics": metrics, "affected": [
                { "product": "Kubernetes", "versions": versions },
                { "product": "kubectl-thing", "versions": [{ "version": "1.34.0", "status": "affected" }] },
            ]}},
        });
        Cve::from_record(&record).unwrap()
    }

    #[test]
    fn ranges_are_read_in_all_their_forms() {
        let affected = |entry: Value| {
            let mut entry = entry;
            entry["status"] = json!("affected");
            let cve = cve(&json!([]), &json!([entry]));
            move |written: &str, mode| cve.affects(Version::parse(written).unwrap(), mode)
        };
        for mode in [Mode::Upstream, Mode::Standard] {
            let has = affected(json!({ "version": "1.30.0", "lessThanOrEqual": "v1.30.4" }));
            let is: Vec<_> =
                ["1.29.9", "1.30.0", "1.30.4", "1.30.5"].iter().map(|one| has(one, mode)).collect();
            assert_eq!(is, [false, true, true, false]);
            let has = affected(json!({ "version": "unspecified", "lessThan": "1.30.4" }));
            assert_eq!([has("1.2.0", mode), has("1.30.4", mode)], [true, false]);
            let has = affected(json!({ "version": "v1.30.4" }));
            assert_eq!([has("1.30.3", mode), has("1.30.4", mode)], [false, true]);
            let has = affected(json!({ "version": "1.5.0 - 1.6.2" }));
            assert_eq!(
                [has("1.5.9", mode), has("1.6.2", mode), has("1.6.3", mode)],
                [true, true, false]
            );
            let has = affected(json!({ "version": "everything" }));
            assert!(!has("1.30.0", mode));
        }
        let has = affected(json!({ "version": "1.11.x" }));
        assert_eq!([has("1.11.0", Mode::Upstream), has("1.11.3", Mode::Upstream)], [true, false]);
        assert_eq!([has("1.11.3", Mode::Standard), has("1.12.0", Mode::Standard)], [true, false]);
    }

    #[test]
    fn versions_of_other_products_and_those_that_are_safe_do_not_count() {
        let safe = json!([{ "version": "1.34.0", "status": "unaffected" }, null, 7]);
        let cve = cve(&json!([]), &safe);
        assert_eq!((cve.affected.len(), cve.score), (0, None));
    }

    #[test]
    fn the_highest_score_of_any_cvss_decides() {
        let metrics = json!([
            { "format": "CVSS", "cvssV3_1": { "baseScore": 6.5 } },
            { "cvsV2_0": { "baseScore": 8 } },
            { "other": { "baseScore": 10 }, "cvssX": { "baseScore": 10 } },
        ]);
        let cve = cve(&metrics, &json!([]));
        assert_eq!(cve.score, Some(8.0));
        assert!(cve.is_critical());
        assert_eq!(cve.published.unwrap().to_string(), "2026-10-01T00:00:00Z");
        assert!(Cve::from_record(&json!({ "containers": null })).is_none());
    }
}
