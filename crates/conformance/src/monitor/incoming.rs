//! Reports as they come in: bytes to checked results. Pure; whatever is sent, it ends soon and in few
//! words.
//!
//! Both generations are read and told apart by their keys, as YAML (several documents in one upload)
//! or JSON (one object).

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use lotse_core::declared::{self, SourceFile};
use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// Reports in one upload.
const MOST_REPORTS: usize = 64;
/// Testcases in one report.
const MOST_RESULTS: usize = 5_000;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 200;
/// So far may the clock of a checker be ahead: many write their local time without saying so, and
/// the zone that is farthest ahead is 14 h.
const AHEAD: SignedDuration = SignedDuration::from_hours(15);

/// How the body of an upload is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Media {
    /// `application/x-signed-yaml`
    Yaml,
    /// `application/x-signed-json`
    Json,
}

impl Media {
    /// Reads a content type.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-signed-yaml") {
            Some(Self::Yaml)
        } else if kind.eq_ignore_ascii_case("application/x-signed-json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// The word under which it is kept.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// What [`Self::word`] wrote.
    pub fn of_word(word: &str) -> Self {
        if word == "json" { Self::Json } else { Self::Yaml }
    }
}

/// A report, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// Unlike any other.
    pub id: Uuid,
    /// Whose cloud it is about.
    pub subject: String,
    /// The uuid of the scope.
    pub scope: String,
    /// When the check ended.
    pub checked: Timestamp,
    /// The results: 1 pass, 0 aborted, -1 failed.
    pub results: BTreeMap<String, i8>,
}

/// The documents of an upload.
///
/// # Errors
/// What is wrong with them.
pub fn documents(media: Media, text: &str) -> Result<Vec<Value>, String> {
    match media {
        Media::Json => {
            let value = serde_json::from_str(text);
            value.map(|value| vec![value]).map_err(|error| format!("this is no JSON: {error}"))
        }
        Media::Yaml => {
            let parts = parts(text);
            if parts.len() > MOST_REPORTS {
                return Err(format!("an upload has at most {MOST_REPORTS} reports"));
            }
            parts.into_iter().map(document).collect()
        }
    }
}

fn document(text: &str) -> Result<Value, String> {
    let file = SourceFile::new("report", text);
    let tree = declared::parse(&file).map_err(|complaints| {
        let first = complaints.first().map(|complaint| complaint.message.clone());
        first.unwrap_or_else(|| "the report cannot be read".to_owned())
    })?;
    Ok(tree.to_json())
}

/// The documents of a stream of YAML: each begins with a line `---`, which can stand nowhere else at
/// the beginning of a line (YAML 1.2.2, section 9.1.2).
fn parts(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let marks = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if marks && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parts = starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end));
    parts.filter(|part| !part.trim_start_matches("---").trim().is_empty()).collect()
}

/// Reads the reports of an upload. `now` is when it arrived, `oldest` the oldest check that is taken.
///
/// # Errors
/// What is wrong with the first report that is.
pub fn read(
    media: Media,
    text: &str,
    now: Timestamp,
    oldest: Timestamp,
) -> Result<Vec<Incoming>, String> {
    let documents = documents(media, text)?;
    if documents.is_empty() {
        return Err("there is no report in this".to_owned());
    }
    documents.iter().map(|document| report(document, now, oldest)).collect()
}

fn report(document: &Value, now: Timestamp, oldest: Timestamp) -> Result<Incoming, String> {
    let generation = document.get("tests").is_some();
    let (id, scope) = if generation {
        (document.get("uuid"), document.get("scope"))
    } else {
        (document.pointer("/run/uuid"), document.pointer("/spec/uuid"))
    };
    let id = id.and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok());
    let results = if generation { of_tests(document)? } else { of_runs(document)? };
    if results.len() > MOST_RESULTS {
        return Err(format!("a report has at most {MOST_RESULTS} results"));
    }
    Ok(Incoming {
        id: id.ok_or("the report has no uuid")?,
        subject: name(document.get("subject"), "subject")?,
        scope: name(scope, "scope")?,
        checked: checked(document.get("checked_at"), now, oldest)?,
        results,
    })
}

/// Whether this names neither a subject nor a scope nor a testcase.
pub(crate) fn is_no_name(text: &str) -> bool {
    text.is_empty() || text.len() > LONGEST_NAME || text.chars().any(char::is_control)
}

fn name(value: Option<&Value>, what: &str) -> Result<String, String> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if is_no_name(text) {
        return Err(format!("the report does not say which {what} it is about"));
    }
    Ok(text.to_owned())
}

/// When the check ended, but not later than now: a clock that is ahead gains nothing by it.
fn checked(value: Option<&Value>, now: Timestamp, oldest: Timestamp) -> Result<Timestamp, String> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let naive = || {
        let naive = text.replacen(' ', "T", 1).parse::<DateTime>().ok()?;
        Some(naive.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let checked = text.parse::<Timestamp>().ok().or_else(naive);
    let checked = checked.ok_or("checked_at is no date and time")?;
    if checked < oldest {
        return Err("the report is too old: results of its time are not kept any more".to_owned());
    }
    if checked.duration_since(now) > AHEAD {
        return Err("the report is from the future".to_owned());
    }
    Ok(checked.min(now))
}

fn of_tests(document: &Value) -> Result<BTreeMap<String, i8>, String> {
    let mut results = BTreeMap::new();
    let tests = document.get("tests").and_then(Value::as_object);
    for (id, test) in tests.ok_or("tests are no mapping")? {
        add(&mut results, id, test.get("result"))?;
    }
    Ok(results)
}

fn of_runs(document: &Value) -> Result<BTreeMap<String, i8>, String> {
    let mut results = BTreeMap::new();
    let versions = document.get("versions").and_then(Value::as_object);
    for (id, testcase) in
        versions.into_iter().flatten().filter_map(|(_, v)| v.as_object()).flatten()
    {
        add(&mut results, id, testcase.get("result"))?;
    }
    let invocations = document.pointer("/run/invocations").and_then(Value::as_object);
    if invocations.is_none() && versions.is_none() {
        return Err("the report has neither run.invocations nor tests".to_owned());
    }
    for (_, invocation) in invocations.into_iter().flatten() {
        let given = invocation.get("results").and_then(Value::as_object);
        for (id, result) in given.into_iter().flatten() {
            add(&mut results, id, Some(result))?;
        }
    }
    Ok(results)
}

/// Of two results for one testcase the worse one counts.
fn add(results: &mut BTreeMap<String, i8>, id: &str, result: Option<&Value>) -> Result<(), String> {
    if is_no_name(id) {
        return Err("a testcase has no usable id".to_owned());
    }
    let result = match result.and_then(Value::as_i64) {
        Some(1) => 1,
        Some(0) => 0,
        Some(-1) => -1,
        _ => return Err(format!("the result of {id} is neither 1 nor 0 nor -1")),
    };
    let known = results.entry(id.to_owned()).or_insert(result);
    *known = (*known).min(result);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T06:00:00Z";

    fn reading(media: Media, text: &str) -> Result<Vec<Incoming>, String> {
        let oldest = "2025-06-01T00:00:00Z".parse().unwrap();
        read(media, text, NOW.parse().unwrap(), oldest)
    }

    const MINIMAL: &str = r#"{"spec":{"uuid":"S"},"checked_at":"2026-11-21T08:11:00","subject":"x",
        "run":{"uuid":"8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6b","invocations":{"a":{"results":{"t":1,"u":-1}},
        "b":{"results":{"t":0}}}}}"#;

    #[test]
    fn the_minimal_report_is_read_and_the_worse_of_two_results_counts() {
        let reports = reading(Media::Json, MINIMAL).unwrap();
        let [report] = reports.as_slice() else { panic!("{reports:?}") };
        assert_eq!((report.subject.as_str(), report.scope.as_str()), ("x", "S"));
        assert_eq!(report.checked.to_string(), "2026-11-21T08:11:00Z");
        assert_eq!(report.results, [("t".to_owned(), 0), ("u".to_owned(), -1)].into());
    }

    #[test]
    fn several_documents_of_all_forms_are_read_from_one_upload() {
        let text = "---\nspec: {uuid: S}\nchecked_at: 2026-11-21 08:11:00.123456\nsubject: x\n\
            run:\n  uuid: 8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6b\n\
            versions:\n  v4:\n    t: {result: 1, invocation: a}\n\
            --- # the coming form\nuuid: 8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6c\ncreator: me\nscope: S\n\
            checked_at: '2026-11-21T09:11:00+01:00'\nsubject: x\ntests:\n  t: {result: 0}\n\
            log:\n- 'INFO: *** t'\n- |\n  text\n   --- no mark\n";
        let reports = reading(Media::Yaml, text).unwrap();
        let results: Vec<_> = reports.iter().map(|report| report.results["t"]).collect();
        assert_eq!(results, [1, 0]);
        assert_eq!(reports[1].checked.to_string(), "2026-11-21T08:11:00Z");
    }

    #[test]
    fn a_clock_that_is_ahead_gains_nothing_and_one_of_the_future_is_refused() {
        let ahead = MINIMAL.replace("2026-11-21T08:11:00", "2026-11-22T20:00:00");
        assert_eq!(reading(Media::Json, &ahead).unwrap()[0].checked.to_string(), NOW);
        for (date, word) in [("2026-11-23T08:11:00", "future"), ("2025-05-31T08:11:00", "old")] {
            let report = MINIMAL.replace("2026-11-21T08:11:00", date);
            let refused = reading(Media::Json, &report).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_reason() {
        for (text, word) in [
            ("", "no report"),
            ("---\n---\n", "no report"),
            ("a: [", "YAML"),
            ("- 1", "neither"),
            ("tests: 1", "mapping"),
            ("tests: {t: {result: 2}}", "neither 1"),
            ("tests: {t: {result: yes}}", "neither 1"),
            ("tests: {}", "uuid"),
            ("{tests: {}, uuid: 8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6b}", "subject"),
            ("{tests: {}, uuid: 8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6b, subject: x}", "scope"),
            (
                "{tests: {}, uuid: 8f14e45f-ceea-4672-9a1b-1c2d3e4f5a6b, subject: x, scope: S}",
                "checked_at",
            ),
        ] {
            let refused = reading(Media::Yaml, text).unwrap_err();
            assert!(refused.contains(word), "{text:?}: {refused}");
        }
        assert!(reading(Media::Yaml, &"---\na: 1\n".repeat(65)).unwrap_err().contains("at most"));
        assert!(reading(Media::Json, "{").unwrap_err().contains("JSON"));
    }

    #[test]
    fn aliases_that_grow_are_refused_before_they_do() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            let names = vec![format!("*a{before}"); 10].join(",");
            bomb.extend([format!("a{level}: &a{level} [{names}]\n")]);
        }
        assert!(reading(Media::Yaml, &bomb).is_err());
        assert!(reading(Media::Yaml, &"[".repeat(100_000)).is_err());
        assert!(reading(Media::Json, &"[".repeat(100_000)).is_err());
    }
}
