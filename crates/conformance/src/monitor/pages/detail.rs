//! A subject in detail.

use jiff::tz::TimeZone;

use super::{Place, linked, summary};
use crate::model::Verdict;
use crate::monitor::doc::{Block, Inline, Line};
use crate::monitor::standing::{Held, Standing, VersionStanding, day};
use crate::monitor::store::Report;
use crate::monitor::view::{GROUP, View};
use crate::spec::Spec;

/// A subject, or the members of a group, for a scope; `history` are its newest reports.
pub(crate) fn detail(
    view: &View,
    spec: &Spec,
    subject: &str,
    place: Place,
    history: &[Report],
) -> Option<Vec<Block>> {
    if subject.starts_with(GROUP) {
        return members(view, spec, subject, place);
    }
    let standing = view.standing(subject, &spec.uuid, place.full)?;
    let mut blocks = vec![Block::Paragraph(vec![
        Inline::Link(place.scope(&spec.uuid), spec.name.clone()),
        Inline::text(": "),
        summary(standing),
    ])];
    let shown = standing.shown().map(|version| version.name.as_str());
    for version in standing.relevant() {
        let open = Some(version.name.as_str()) == shown;
        blocks.push(of_version(spec, standing, version, open, place));
    }
    if !history.is_empty() {
        blocks.push(Block::Heading("Reports".to_owned()));
        let rows = history.iter().map(|report| row(report, place)).collect();
        let heads = vec!["Report", "Passed", "Failed", "Aborted"];
        blocks.push(Block::Table("The newest reports".to_owned(), heads, rows));
    }
    Some(blocks)
}

fn members(view: &View, spec: &Spec, group: &str, place: Place) -> Option<Vec<Block>> {
    let members = view.members(group);
    let rows: Vec<_> = members
        .iter()
        .filter_map(|subject| {
            let standing = view.standing(subject, &spec.uuid, place.full)?;
            Some(vec![
                vec![Inline::Link(place.detail(subject, &spec.uuid), (*subject).to_owned())],
                vec![summary(standing)],
            ])
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let worst = Inline::verdict(view.worst(&members, &spec.uuid, place.full));
    Some(vec![
        Block::Paragraph(vec![Inline::text("The worst member counts: "), worst]),
        Block::Table("Members".to_owned(), vec!["Subject", "Conforms"], rows),
    ])
}

fn of_version(
    spec: &Spec,
    standing: &Standing,
    version: &VersionStanding,
    open: bool,
    place: Place,
) -> Block {
    let validity = version.validity.map_or("deprecated", crate::spec::Validity::as_str);
    let heading = vec![
        Inline::text(format!("Version {} ({validity}): ", version.name)),
        Inline::verdict(version.verdict),
    ];
    let declared = spec.versions.iter().find(|declared| declared.name == version.name);
    let targets = declared.map(|declared| &declared.targets);
    let mut blocks = Vec::new();
    for (target, ids) in targets.into_iter().flatten() {
        let mut ids: Vec<_> = ids
            .iter()
            .map(|id| {
                let held = standing.results.get(id);
                (held.map_or(Verdict::Missing, Held::verdict), id, held)
            })
            .collect();
        // What is wrong comes first.
        ids.sort_by_key(|(verdict, id, _)| (order(*verdict), *id));
        let all = ids.len();
        let (passed, others): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|(verdict, ..)| *verdict == Verdict::Pass);
        let table = |caption: String, ids: &[(Verdict, &String, Option<&Held>)]| {
            let rows = ids.iter().map(|(is, id, held)| testcase(spec, id, *is, *held, place));
            let heads = vec!["Testcase", "Result", "Checked", "Counts until", "Evidence"];
            Block::Table(caption, heads, rows.collect())
        };
        if !others.is_empty() {
            let caption = format!("Target {target}: {} of {all} did not pass", others.len());
            blocks.push(table(caption, &others));
        }
        // Long, and seldom looked at.
        if !passed.is_empty() {
            let summary = format!("Target {target}: {} of {all} passed", passed.len());
            let caption = format!("Testcases of the target {target} that passed");
            let folded = vec![table(caption, &passed)];
            blocks.push(Block::Fold(vec![Inline::text(summary)], false, folded));
        }
    }
    Block::Fold(heading, open, blocks)
}

const fn order(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Abort => 1,
        Verdict::Missing => 2,
        Verdict::Pass => 3,
    }
}

fn testcase(
    spec: &Spec,
    id: &str,
    verdict: Verdict,
    held: Option<&Held>,
    place: Place,
) -> Vec<Line> {
    let declared = spec.testcases.get(id);
    let url = declared.map_or("", |declared| &declared.url);
    let mut row = vec![linked(url, id), vec![Inline::verdict(verdict)]];
    let Some(held) = held else {
        row.extend([Vec::new(), Vec::new(), Vec::new()]);
        return row;
    };
    let expires = declared.and_then(|declared| declared.lifetime.expires(day(held.checked())));
    let expires = expires.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    let mut result = vec![Inline::verdict(verdict)];
    if !held.3 {
        result.push(Inline::text(" (not approved)"));
    }
    row.truncate(1);
    row.push(result);
    row.push(vec![Inline::Time(held.checked())]);
    row.push(expires.map(|zoned| Inline::Time(zoned.timestamp())).into_iter().collect());
    row.push(vec![Inline::Link(place.report(&held.2), format!("report {}", short(&held.2)))]);
    row
}

/// The beginning of a uuid, which is enough for people.
pub(super) fn short(uuid: &str) -> String {
    uuid.chars().take(8).collect()
}

fn row(report: &Report, place: Place) -> Vec<Line> {
    let count = |wanted: i8| {
        let count = report.results.values().filter(|result| **result == wanted).count();
        vec![Inline::Text(count.to_string())]
    };
    let name = lotse_web::When::from(report.checked).human;
    vec![vec![Inline::Link(place.report(&report.id), name)], count(1), count(-1), count(0)]
}
