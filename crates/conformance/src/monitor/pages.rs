//! What the pages say: the table of all, a subject in detail, a report, a scope.

mod detail;
mod report;

pub(crate) use detail::detail;
pub(crate) use report::report;

use lotse_web::text::encoded;

use super::doc::{Block, Inline, Line};
use super::standing::{Standing, marked};
use super::view::{GROUP, View};
use crate::model::Verdict;
use crate::spec::{Spec, Validity};

/// Where a page stands: its links begin with this, and it shows everything or what the public sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// `/page` or `/conformance`.
    pub(crate) base: &'static str,
    /// What is added to the names of pages that show everything: `_full`, or nothing.
    pub(crate) suffix: &'static str,
    /// Whether everything is shown.
    pub(crate) full: bool,
}

impl Place {
    /// The public pages.
    pub(crate) const PUBLIC: Self = Self { base: "/page", suffix: "", full: false };
    /// The public pages for those who may see everything.
    pub(crate) const FULL: Self = Self { base: "/page", suffix: "_full", full: true };
    /// The pages of the console.
    pub(crate) const CONSOLE: Self = Self { base: "/conformance", suffix: "", full: true };

    pub(crate) fn detail(self, subject: &str, scope: &str) -> String {
        let Self { base, suffix, .. } = self;
        format!("{base}/detail{suffix}/{}/{}", encoded(subject), encoded(scope))
    }

    pub(crate) fn report(self, uuid: &str) -> String {
        let Self { base, suffix, .. } = self;
        format!("{base}/report{suffix}/{}", encoded(uuid))
    }

    pub(crate) fn scope(self, uuid: &str) -> String {
        format!("{}/scope/{}", self.base, encoded(uuid))
    }
}

/// A verdict on a whole scope, in a few words.
pub(crate) fn summary(standing: &Standing) -> Inline {
    let passed: Vec<_> = standing
        .passed()
        .into_iter()
        .filter(|version| matches!(version.validity, Some(Validity::Effective | Validity::Warn)))
        .map(marked)
        .collect();
    let (class, word) = match standing.verdict {
        Verdict::Pass => ("good", format!("passes {}", passed.join(", "))),
        Verdict::Fail => ("bad", "fails".to_owned()),
        Verdict::Abort => ("open", "not known: tests were aborted".to_owned()),
        Verdict::Missing if standing.results.is_empty() => ("open", "no results".to_owned()),
        Verdict::Missing => ("open", "not known: results are missing".to_owned()),
    };
    Inline::State(class, word)
}

/// The table of all subjects and scopes.
pub(crate) fn table(view: &View, scopes: &[Spec], place: Place) -> Vec<Block> {
    let mut blocks = Vec::new();
    for spec in scopes {
        let mut rows = Vec::new();
        let subjects = view.subjects();
        let of_scope: Vec<&str> = subjects
            .iter()
            .copied()
            .filter(|subject| view.standing(subject, &spec.uuid, place.full).is_some())
            .collect();
        rows.extend(groups(view, spec, &of_scope, place));
        for subject in of_scope {
            let Some(standing) = view.standing(subject, &spec.uuid, place.full) else { continue };
            let newest = standing.results.values().map(super::standing::Held::checked).max();
            rows.push(vec![
                vec![Inline::Link(place.detail(subject, &spec.uuid), subject.to_owned())],
                vec![summary(standing)],
                newest.map(Inline::Time).into_iter().collect(),
            ]);
        }
        blocks.push(Block::Heading(spec.name.clone()));
        if rows.is_empty() {
            blocks.push(Block::Paragraph(vec![Inline::text("Nobody has reported yet.")]));
            continue;
        }
        let caption = format!("{} on {} (UTC)", spec.name, view.day);
        blocks.push(Block::Table(caption, vec!["Subject", "Conforms", "Newest result"], rows));
    }
    blocks.push(Block::Paragraph(vec![Inline::text(
        "A version passes if all of its testcases passed and no result has expired. \
         * is a draft, † does not count for long any more, †† does not count any more.",
    )]));
    blocks
}

/// A row for each group with several members: its worst one counts.
fn groups(view: &View, spec: &Spec, subjects: &[&str], place: Place) -> Vec<Vec<Line>> {
    let mut names: Vec<&str> = subjects.iter().filter_map(|one| view.group(one)).collect();
    names.sort_unstable();
    names.dedup();
    let row = |group: &str| {
        let name = format!("{GROUP}{group}");
        let members: Vec<_> =
            subjects.iter().copied().filter(|one| view.group(one) == Some(group)).collect();
        if members.len() < 2 {
            return None;
        }
        let verdict = view.worst(&members, &spec.uuid, place.full);
        let count = format!(" (the worst of {})", members.len());
        Some(vec![
            vec![Inline::Link(place.detail(&name, &spec.uuid), name)],
            vec![Inline::verdict(verdict), Inline::Text(count)],
            Vec::new(),
        ])
    };
    names.into_iter().filter_map(row).collect()
}

/// A scope: its versions, and what they demand.
pub(crate) fn scope(view: &View, spec: &Spec) -> Vec<Block> {
    let mut blocks = Vec::new();
    if is_web(&spec.url) {
        blocks.push(Block::Paragraph(vec![
            Inline::text("Published at "),
            Inline::Link(spec.url.clone(), spec.url.clone()),
        ]));
    }
    let versions = spec.versions.iter().map(|version| {
        let validity = spec.validity(&version.name, view.day).unwrap_or(Validity::Deprecated);
        let since = version.stabilized_at.map(|date| date.to_string()).unwrap_or_default();
        vec![
            vec![Inline::text(&version.name)],
            vec![Inline::text(validity.as_str())],
            vec![Inline::Text(since)],
            vec![Inline::Text(version.testcases().len().to_string())],
        ]
    });
    let heads = vec!["Version", "Counts as", "Stable since", "Testcases"];
    blocks.push(Block::Table("Versions".to_owned(), heads, versions.collect()));
    let testcases = spec.testcases.iter().map(|(id, declared)| {
        let versions =
            spec.versions.iter().filter(|version| version.testcases().contains(&id.as_str()));
        let versions: Vec<_> = versions.map(|version| version.name.as_str()).collect();
        vec![
            linked(&declared.url, id),
            vec![Inline::text(&declared.description)],
            vec![Inline::text(versions.join(", "))],
        ]
    });
    let heads = vec!["Testcase", "Ensures", "Demanded by"];
    blocks.push(Block::Table("Testcases".to_owned(), heads, testcases.collect()));
    blocks
}

/// Whether this is an address of the web; others are not made to links.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The name, as a link where there is an address.
fn linked(url: &str, name: &str) -> Line {
    if is_web(url) {
        vec![Inline::Link(url.to_owned(), name.to_owned())]
    } else {
        vec![Inline::text(name)]
    }
}
