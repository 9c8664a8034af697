//! How new the version is (scs-0210).

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_scs::Mode;

use crate::check::{Case, all_keep, unanswered};
use crate::feed::{Cve, Cves, Release, Support};
use crate::kaas::version::Version;
use crate::model::{Finding, Judgement, Reason, Verdict};

/// A patch has to be there this long after its release.
const PATCH: SignedDuration = SignedDuration::from_hours(31 * 24);
/// A patch that closes a critical CVE, this long.
const CRITICAL_PATCH: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Such a patch should be there this long after its release.
const CRITICAL_PATCH_WISHED: SignedDuration = SignedDuration::from_hours(2 * 24);
/// A new minor version has to be offered this many months after its release.
const MINOR_MONTHS: i64 = 4;
/// A branch is supported this many months after its first release, if nobody says otherwise.
const SUPPORT_MONTHS: i64 = 14;
/// Upstream trusts a table with fewer branches that are alive only so far, and one with fewer still
/// not at all.
const BRANCHES_WISHED: usize = 3;
const FEWEST_BRANCHES: usize = 2;
/// Publications that were read longer before the day of judgement are worth a word.
const OLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The branch is supported and its patches are there in time.
pub(super) fn judge(case: &Case<'_>) -> Judgement {
    let cluster = &case.snapshot.cluster;
    let Some(written) = cluster.version.given() else {
        return unanswered(&cluster.version, "the version of the cluster");
    };
    let version = match (case.mode, Version::parse(written), Version::parse_vendored(written)) {
        (_, Some(version), _) | (Mode::Standard, None, Some((version, false))) => version,
        (Mode::Upstream, None, _) => {
            let why = format!("the upstream tools do not understand the version {written}");
            return Judgement::new(Verdict::Abort, Reason::UpstreamGivesUp, why);
        }
        (Mode::Standard, None, Some((_, true))) => {
            let why = format!("{written} is not released, only tried out");
            return Judgement::new(Verdict::Fail, Reason::Broken, why);
        }
        (Mode::Standard, None, None) => {
            let why = format!("\"{written}\" is no version that can be compared");
            return Judgement::new(Verdict::Abort, Reason::NotObserved, why);
        }
    };
    let feeds = &case.snapshot.feeds;
    let Some(releases) = feeds.releases.given() else {
        return unanswered(&feeds.releases, "the releases of Kubernetes");
    };
    let Some(support) = feeds.support.given() else {
        return unanswered(&feeds.support, "the ends of support");
    };
    let policy = Policy { case, version, releases: &releases.entries, findings: Vec::new() };
    policy.judge(&support.entries, releases.read_at)
}

struct Policy<'a> {
    case: &'a Case<'a>,
    version: Version,
    releases: &'a [Release],
    findings: Vec<Finding>,
}

impl Policy<'_> {
    fn judge(mut self, support: &[Support], read_at: Timestamp) -> Judgement {
        if let Some(given_up) = self.support(support) {
            return given_up;
        }
        let newer = self.newer();
        for release in &newer {
            if self.age(release) > PATCH {
                self.breaks(format!(
                    "{} was released on {}, more than 31 days ago",
                    release.version,
                    day(release.published)
                ));
            }
        }
        if let Some(given_up) = self.vulnerable(&newer) {
            return given_up;
        }
        self.notes(&newer, read_at);
        let branch = self.version.branch;
        let unheard = !self.releases.iter().any(|release| release.version.branch == branch);
        let broken = self.findings.iter().any(|finding| finding.breaks);
        if unheard && !broken && self.case.mode == Mode::Standard {
            let why = format!("no release of {branch} is among those that were read");
            return Judgement::new(Verdict::Abort, Reason::NotObserved, why);
        }
        let mut judgement = all_keep(1, self.findings, "version");
        judgement.summary = match judgement.verdict {
            Verdict::Pass => format!("{} is new enough", self.version),
            _ => format!("{} is not new enough", self.version),
        };
        judgement
    }

    fn at(&self) -> Timestamp {
        // Every instant of the standard's years is one of UTC.
        let at = self.case.at.to_zoned(jiff::tz::TimeZone::UTC);
        at.map_or(Timestamp::MAX, |at| at.timestamp())
    }

    fn age(&self, release: &Release) -> SignedDuration {
        self.at().duration_since(release.published)
    }

    fn breaks(&mut self, evidence: String) {
        self.findings.push(Finding { breaks: true, object: None, evidence });
    }

    fn worth_knowing(&mut self, evidence: String) {
        self.findings.push(Finding { breaks: false, object: None, evidence });
    }

    /// Releases of the same branch that are newer and were out on that day.
    fn newer(&self) -> Vec<Release> {
        let (at, version) = (self.at(), self.version);
        let newer = self.releases.iter().filter(|release| {
            release.version.branch == version.branch
                && release.version > version
                && release.published <= at
        });
        newer.cloned().collect()
    }

    /// Whether the branch is still supported.
    fn support(&mut self, support: &[Support]) -> Option<Judgement> {
        let (branch, today) = (self.version.branch, self.case.at.date());
        let alive = support.iter().filter(|one| today < one.end).count();
        if self.case.mode == Mode::Upstream {
            if alive < FEWEST_BRANCHES {
                let why = format!("the table of ends of support knows {alive} branches that live");
                return Some(Judgement::new(Verdict::Abort, Reason::UpstreamGivesUp, why));
            }
            if alive < BRANCHES_WISHED {
                self.worth_knowing(format!(
                    "the table of ends of support knows {alive} branches that live; is it old?"
                ));
            }
        }
        let known = support.iter().find(|one| one.branch == branch).map(|one| one.end);
        match known.or_else(|| self.guessed_end()) {
            Some(end) if today < end => None,
            Some(end) => {
                self.breaks(format!("{branch} is not supported any more, since {end}"));
                None
            }
            None if self.case.mode == Mode::Upstream => {
                self.breaks(format!("the table of ends of support does not know {branch}"));
                None
            }
            None => {
                let why = format!("nobody says for how long {branch} is supported");
                Some(Judgement::new(Verdict::Abort, Reason::NotObserved, why))
            }
        }
    }

    /// The end of a branch that is newer than the table, from its first release.
    fn guessed_end(&self) -> Option<Date> {
        if self.case.mode == Mode::Upstream {
            return None;
        }
        let first = Version { branch: self.version.branch, patch: 0 };
        let first = self.releases.iter().find(|release| release.version == first)?;
        day(first.published).checked_add(SUPPORT_MONTHS.months()).ok()
    }

    /// Patches that close what is critical have to be there earlier.
    fn vulnerable(&mut self, newer: &[Release]) -> Option<Judgement> {
        let feed = &self.case.snapshot.feeds.cves;
        let standard = self.case.mode == Mode::Standard;
        // Nothing hangs on CVEs where no newer patch is out long enough, or one is too late anyway.
        let late = newer.iter().any(|release| self.age(release) > CRITICAL_PATCH);
        let broken = self.findings.iter().any(|finding| finding.breaks);
        if standard && (broken || !late) && feed.given().is_none() {
            return None;
        }
        let Some(cves) = feed.given() else { return Some(unanswered(feed, "CVEs")) };
        if let (Some(unread), true) = (cves.entries.unread.first(), !standard || (late && !broken))
            && !(standard && self.finds_critical(&cves.entries, newer))
        {
            let count = cves.entries.unread.len();
            let why = format!("{count} CVEs could not be read; {}: {}", unread.id, unread.why);
            return Some(Judgement::new(Verdict::Abort, Reason::ApiFailed, why));
        }
        for release in newer {
            let age = self.age(release);
            if age <= CRITICAL_PATCH_WISHED {
                continue;
            }
            let closed: Vec<_> =
                self.closed(&cves.entries, release).map(|cve| cve.id.clone()).collect();
            if closed.is_empty() {
                continue;
            }
            let evidence = format!(
                "{} was released on {} while {} has {}",
                release.version,
                day(release.published),
                self.version,
                closed.join(", "),
            );
            if age > CRITICAL_PATCH {
                self.breaks(evidence + ", more than 14 days ago");
            } else {
                self.worth_knowing(evidence + ", more than 2 days ago");
            }
        }
        None
    }

    fn finds_critical(&self, cves: &Cves, newer: &[Release]) -> bool {
        newer.iter().any(|release| {
            self.age(release) > CRITICAL_PATCH && self.closed(cves, release).next().is_some()
        })
    }

    /// The critical CVEs of the version that a newer one has not. Upstream does not ask the latter.
    fn closed<'c>(&self, cves: &'c Cves, release: &Release) -> impl Iterator<Item = &'c Cve> {
        let (mode, version, newer, at) = (self.case.mode, self.version, release.version, self.at());
        cves.known.iter().filter(move |cve| {
            cve.is_critical()
                && cve.published.is_none_or(|published| published <= at)
                && cve.affects(version, mode)
                && (mode == Mode::Upstream || !cve.affects(newer, mode))
        })
    }

    fn notes(&mut self, newer: &[Release], read_at: Timestamp) {
        if let Some(newest) = newer.iter().max_by_key(|release| release.version)
            && self.findings.iter().all(|finding| !finding.breaks)
        {
            let (version, day) = (newest.version, day(newest.published));
            self.worth_knowing(format!("{version} is out since {day}"));
        }
        let at = self.at();
        // What one cluster cannot show: which versions its provider offers besides.
        let newest =
            self.releases.iter().filter(|one| one.version.patch == 0 && one.published <= at);
        if let Some(newest) = newest.max_by_key(|one| one.version)
            && newest.version.branch > self.version.branch
        {
            let due = day(newest.published).checked_add(MINOR_MONTHS.months());
            let branch = newest.version.branch;
            if due.is_ok_and(|due| due <= self.case.at.date()) {
                self.worth_knowing(format!(
                    "clusters of {branch} have to be offered, too: it is out for {MINOR_MONTHS} months"
                ));
            }
        }
        if at.duration_since(read_at) > OLD {
            self.worth_knowing(format!("judged by what was published until {}", day(read_at)));
        }
    }
}

fn day(at: Timestamp) -> Date {
    let at: DateTime = crate::judge::utc(at);
    at.date()
}
