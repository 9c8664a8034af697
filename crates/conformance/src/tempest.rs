//! Results of Tempest, imported (scs-0128): the tests run for hours, started by people who know the cloud.
//!
//! | form | how it is made |
//! | --- | --- |
//! | JUnit | `subunit2junitxml`, `pytest`, CI systems |
//! | lines of `stestr last` and `stestr run`: `{0} NAME [1.2s] ... ok` | as they are printed |
//! | subunit, version 1: `success: NAME` | `subunit-2to1` |
//!
//! Of a test that stands in several files the last one counts: that of a run that repeated what had
//! failed. The binary form of subunit, version 2, is refused with what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lotse_core::error::chain;
use lotse_run::Verdict;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::Reason;
use crate::snapshot::{Answer, Trouble};

/// Larger files are no results, in bytes.
const LARGEST: u64 = 256 << 20;

/// What Tempest found out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tempest {
    /// What was read: names of files, without folders.
    pub files: Vec<String>,
    /// The tests, by their names without tags.
    pub tests: BTreeMap<String, Came>,
    /// The tests that the standard demands, if a list of them was given.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub demanded: BTreeSet<String>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Came {
    /// It passed, or failed as it was expected to.
    Passed,
    /// It failed, or passed though it was expected to fail.
    Failed,
    /// It was not made.
    Skipped,
}

/// A part of the API that Tempest tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Component {
    /// `tempest.api.compute`
    Compute,
    /// `tempest.api.network`
    Network,
    /// `tempest.api.volume`
    Volume,
    /// `tempest.api.image`
    Image,
    /// `tempest.api.identity`
    Identity,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Compute, Self::Network, Self::Volume, Self::Image, Self::Identity];

    /// The word in names of tests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
            Self::Identity => "identity",
        }
    }

    /// How many of its tests the draft names.
    pub const fn demanded(self) -> usize {
        match self {
            Self::Compute => 88,
            Self::Network => 66,
            Self::Volume => 65,
            Self::Image => 23,
            Self::Identity => 16,
        }
    }

    /// Whether a test is one of it.
    pub fn has(self, test: &str) -> bool {
        let rest =
            test.strip_prefix("tempest.api.").and_then(|rest| rest.strip_prefix(self.word()));
        rest.is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Reads results, in the order in which the runs were made. What cannot be read is an answer that
/// failed.
pub fn read(paths: &[PathBuf], demanded: BTreeSet<String>) -> Answer<Tempest> {
    let mut tempest = Tempest { demanded, ..Tempest::default() };
    for path in paths {
        let found = text(path).and_then(|text| tests(&text));
        match found {
            Ok(found) => tempest.tests.extend(found),
            Err(why) => {
                return Answer::Failed(Trouble {
                    reason: Reason::NotObserved,
                    message: format!("{}: {why}", path.display()),
                    status: None,
                    request_id: None,
                });
            }
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        tempest.files.push(name.unwrap_or_default());
    }
    Answer::Given(tempest)
}

/// Reads a list of tests: one name a line, as Tempest reads it with `--include-list` and `--load-list`.
pub fn read_list(path: &Path) -> Result<BTreeSet<String>, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(name, _)| name));
    Ok(lines.map(untagged).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect())
}

fn text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if bytes.first() == Some(&0xb3) {
        return Err("it is subunit of version 2; give the output of `stestr last` or \
                    `subunit2junitxml` instead"
            .to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())
}

/// The tests of a text in any of the forms.
///
/// # Errors
/// Why it holds no results.
pub fn tests(text: &str) -> Result<BTreeMap<String, Came>, String> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, came| {
        let name = untagged(name);
        // A class that cannot be set up stands for its tests, and is not one that may be left out.
        if !name.is_empty() {
            found.insert(name.to_owned(), came);
        }
    };
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        for case in lotse_run::junit::read(text).map_err(|error| chain(&error))? {
            let came = match case.verdict {
                Verdict::Pass | Verdict::Xfail => Came::Passed,
                Verdict::Skip | Verdict::NotRun => Came::Skipped,
                _ => Came::Failed,
            };
            let name = match case.suite.as_str() {
                "" => case.name.clone(),
                suite if case.name.starts_with(suite) => case.name.clone(),
                suite => format!("{suite}.{}", case.name),
            };
            add(&name, came);
        }
    } else {
        let lines = text.lines().filter_map(|line| printed(line).or_else(|| subunit(line)));
        lines.for_each(|(name, came)| add(name, came));
    }
    if found.is_empty() { Err("it holds no results of tests".to_owned()) } else { Ok(found) }
}

/// A line of stestr: `{WORKER} NAME [SECONDSs] ... ok`, with or without the time.
fn printed(line: &str) -> Option<(&str, Came)> {
    let (worker, rest) = line.strip_prefix('{')?.split_once("} ")?;
    if !worker.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (name, word) = rest.rsplit_once(" ... ")?;
    let name = name
        .rsplit_once(" [")
        .filter(|(_, time)| time.ends_with("s]"))
        .map_or(name, |(name, _)| name);
    let word = word.split([':', ' ']).next().unwrap_or_default();
    Some((name, came(word)?))
}

/// A line of subunit, version 1: `success: NAME`, `failure: NAME [`.
fn subunit(line: &str) -> Option<(&str, Came)> {
    let (word, rest) = line.split_once(':')?;
    let came = came(word).filter(|_| rest.starts_with(' '))?;
    let name = rest.trim();
    Some((
        name.strip_suffix(" [").or_else(|| name.strip_suffix(" [ multipart")).unwrap_or(name),
        came,
    ))
}

fn came(word: &str) -> Option<Came> {
    Some(match word {
        "ok" | "success" | "successful" | "xfail" | "EXPECTED_FAIL" => Came::Passed,
        "FAILED" | "failure" | "error" | "uxsuccess" | "UNEXPECTED_SUCCESS" => Came::Failed,
        "SKIPPED" | "skip" => Came::Skipped,
        _ => return None,
    })
}

/// Names carry tags: `…test_x[id-1,smoke]`.
fn untagged(name: &str) -> &str {
    name.split_once('[').map_or(name, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "tempest.api.compute.servers.test_servers.ServersTestJSON.test_create";
    const VOLUME: &str = "tempest.api.volume.test_volumes_get.VolumesGetTest.test_get";
    const IMAGE: &str = "tempest.api.image.v2.test_images.ImagesTest.test_list";

    #[test]
    fn the_lines_of_stestr_are_read_with_their_times_tags_and_reasons() {
        let text = format!(
            "=========================\n\
             {{0}} {SERVER}[id-1,smoke] [1.234567s] ... ok\n\
             {{1}} {VOLUME}[id-2] [0.1s] ... FAILED\n\
             \n    Traceback (most recent call last):\n      success: is not one\n\
             {{2}} {IMAGE} ... SKIPPED: Image service is off\n\
             {{0}} {SERVER}[id-1,smoke] ... inprogress\n\n\
             Totals\n======\nRan: 3 tests in 2.0 sec.\n - Passed: 1\n"
        );
        let found = tests(&text).unwrap();
        assert_eq!(found[SERVER], Came::Passed);
        assert_eq!(found[VOLUME], Came::Failed);
        assert_eq!(found[IMAGE], Came::Skipped);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn subunit_of_the_first_version_and_junit_say_the_same() {
        let first = format!(
            "time: 2026-11-01 00:00:00Z\ntest: {SERVER}[id-1]\nsuccess: {SERVER}[id-1]\n\
             failure: {VOLUME}[id-2] [\nerror\n]\nskip: {IMAGE} [\noff\n]\n"
        );
        let (class, name) = SERVER.rsplit_once('.').unwrap();
        let (other, test) = VOLUME.rsplit_once('.').unwrap();
        let junit = format!(
            "<testsuite name=\"\"><testcase classname=\"{class}\" name=\"{name}[id-1]\"/>\
             <testcase classname=\"{other}\" name=\"{test}[id-2]\"><failure>x</failure></testcase>\
             <testcase classname=\"\" name=\"{IMAGE}\"><skipped/></testcase></testsuite>"
        );
        assert_eq!(tests(&first).unwrap(), tests(&junit).unwrap());
        assert_eq!(tests(&first).unwrap().len(), 3);
    }

    #[test]
    fn what_holds_no_results_or_another_form_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (bytes, why) in [
            (&b"nothing"[..], "no results"),
            (b"<testsuite/>", "no results"),
            (b"\xb3\x29\x40", "`stestr last`"),
            (b"\xff\xfe", "not text"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let found = read(std::slice::from_ref(&path), BTreeSet::new());
            let message = found.failure().map(|trouble| trouble.message.clone()).unwrap();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn the_last_run_counts_and_lists_are_read_without_tags() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let list = write("list", &format!("# names\n{SERVER}[id-1] # why\n\n{VOLUME}\n"));
        let demanded = read_list(&list).unwrap();
        assert_eq!(demanded, [SERVER, VOLUME].map(str::to_owned).into());
        let first = write("a", &format!("{{0}} {SERVER} ... FAILED\n{{0}} {VOLUME} ... ok\n"));
        let again = write("b", &format!("{{0}} {SERVER} ... ok\n"));
        let found = read(&[first, again], demanded);
        let found = found.given().unwrap();
        assert_eq!((found.tests[SERVER], found.tests.len()), (Came::Passed, 2));
        assert_eq!(found.files, ["a", "b"]);
        assert!(Component::Compute.has(SERVER) && !Component::Volume.has(SERVER));
        assert_eq!(Component::ALL.map(Component::demanded).iter().sum::<usize>(), 258);
    }
}
