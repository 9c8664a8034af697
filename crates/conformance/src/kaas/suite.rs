//! Results of the conformance suite, imported: the suite runs for hours, in the cluster itself, started
//! by Sonobuoy or hydrophone.
//!
//! | what | where in it |
//! | --- | --- |
//! | archive of Sonobuoy (`.tar.gz`), or the folder it was unpacked to | `plugins/e2e/…/junit_*.xml`, else `plugins/e2e/sonobuoy_results.yaml`; `serverversion.json` |
//! | folder of hydrophone | `junit_*.xml`, `e2e.log` |
//! | one of these files | |
//!
//! Of a test that stands in several files the last one counts: that of a run that repeated what had
//! failed.

mod accepted;
mod archive;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use lotse_core::declared::{Node, SourceFile, parse};
use lotse_core::error::chain;
use lotse_run::Verdict;
use serde_json::Value;

use super::cluster::{Accepted, Results};
use super::version::Version;
use crate::model::Reason;
use crate::snapshot::{Answer, Trouble};

pub use accepted::{accepted_failures, read_accepted};

/// Reads results, in the order in which the runs were made. What cannot be read is an answer that
/// failed.
pub fn read(paths: &[PathBuf], accepted: Vec<Accepted>) -> Answer<Results> {
    let mut reader = Reader::default();
    for path in paths {
        if let Err(why) = reader.path(path) {
            return Answer::Failed(Trouble {
                reason: Reason::NotObserved,
                message: format!("{}: {why}", path.display()),
                status: None,
                request_id: None,
            });
        }
    }
    Answer::Given(reader.results(accepted))
}

/// A file of results.
struct Piece {
    /// Its path in the archive or folder.
    name: String,
    content: Vec<u8>,
    /// When it was written (UTC), if the archive says so.
    written: Option<DateTime>,
}

impl Piece {
    fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    fn kind(&self) -> Option<Kind> {
        let name = self.file_name();
        // Sonobuoy gathers logs of nodes with the same words; only the suite counts.
        let other =
            self.name.split_once("plugins/").is_some_and(|(_, rest)| !rest.starts_with("e2e/"));
        if other {
            None
        } else if name.starts_with("junit") && has_ending(name, "xml") {
            Some(Kind::Junit)
        } else if name.starts_with("sonobuoy_results") && has_ending(name, "yaml") {
            Some(Kind::Sonobuoy)
        } else if name == "e2e.log" {
            Some(Kind::Log)
        } else if name == "serverversion.json" {
            Some(Kind::Version)
        } else {
            None
        }
    }
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Junit,
    Sonobuoy,
    Log,
    Version,
}

/// What came of a test.
#[derive(Clone, Copy, PartialEq)]
enum Came {
    Passed,
    Failed,
    Skipped,
}

#[derive(Default)]
struct Reader {
    tests: BTreeMap<String, Came>,
    files: Vec<String>,
    finished: Option<DateTime>,
    version: Option<Version>,
}

impl Reader {
    fn path(&mut self, path: &Path) -> Result<(), String> {
        let pieces = archive::pieces(path)?;
        let has = |kind| pieces.iter().any(|piece| piece.kind() == Some(kind));
        // Both say the same; JUnit says it more shortly.
        let from = if has(Kind::Junit) { Kind::Junit } else { Kind::Sonobuoy };
        if !has(from) {
            return Err("it holds neither junit_*.xml nor sonobuoy_results.yaml".to_owned());
        }
        for piece in &pieces {
            match piece.kind() {
                Some(kind) if kind == from => self.tests(piece, kind)?,
                Some(Kind::Log) => self.log(&piece.content),
                Some(Kind::Version) => self.server_version(&piece.content),
                _ => {}
            }
        }
        Ok(())
    }

    fn tests(&mut self, piece: &Piece, kind: Kind) -> Result<(), String> {
        let text = str::from_utf8(&piece.content).map_err(|_| "it is not text".to_owned())?;
        let name = piece.file_name();
        let mut finished = piece.written;
        if kind == Kind::Junit {
            for case in lotse_run::junit::read(text).map_err(|error| wrong(name, &chain(&error)))? {
                let came = match case.verdict {
                    Verdict::Pass | Verdict::Xfail => Came::Passed,
                    Verdict::Skip | Verdict::NotRun => Came::Skipped,
                    _ => Came::Failed,
                };
                self.test(&case.name, came);
            }
            finished = began(text).or(finished);
        } else {
            let file = SourceFile::new(name, text);
            let tree = parse(&file).map_err(|complaints| {
                let first = complaints.first();
                wrong(name, &first.map_or_else(String::new, |first| first.message.clone()))
            })?;
            self.leaves(&tree);
        }
        self.files.push(name.to_owned());
        self.finished = self.finished.max(finished);
        Ok(())
    }

    /// Results of Sonobuoy: items in items, and tests at their ends.
    fn leaves(&mut self, node: &Node) {
        let items = node.get("items").map_or(&[][..], Node::items);
        for item in items {
            self.leaves(item);
        }
        if items.is_empty()
            && let (Some(name), Some(status)) = (node.get("name"), node.get("status"))
        {
            let came = match &*status.raw {
                "passed" => Came::Passed,
                "skipped" => Came::Skipped,
                // Whatever else it is, it did not pass.
                _ => Came::Failed,
            };
            self.test(&name.raw, came);
        }
    }

    fn test(&mut self, name: &str, came: Came) {
        let name = name.trim();
        let name = name.strip_prefix("[It] ").unwrap_or(name);
        // What surrounds the tests counts only when it fails.
        let around = ["[Before", "[After", "[Synchronized", "[Report", "[Deferred"];
        if came == Came::Failed || !around.iter().any(|word| name.starts_with(word)) {
            self.tests.insert(name.chars().take(1000).collect(), came);
        }
    }

    /// The suite writes the version of the API server at its beginning.
    fn log(&mut self, content: &[u8]) {
        const WORDS: &[u8] = b"kube-apiserver version: ";
        let at = content.windows(WORDS.len()).position(|window| window == WORDS);
        let rest = at.and_then(|at| content.get(at + WORDS.len()..));
        let line = rest.and_then(|rest| rest.split(u8::is_ascii_whitespace).next());
        self.learn(line.and_then(|line| str::from_utf8(line).ok()));
    }

    fn server_version(&mut self, content: &[u8]) {
        let value: Option<Value> = serde_json::from_slice(content).ok();
        self.learn(value.as_ref().and_then(|value| value.get("gitVersion")?.as_str()));
    }

    fn learn(&mut self, version: Option<&str>) {
        let found = version.and_then(Version::parse_vendored).map(|(version, _)| version);
        self.version = found.or(self.version);
    }

    fn results(self, accepted: Vec<Accepted>) -> Results {
        let names = |wanted: Came| {
            self.tests.iter().filter(move |(_, came)| **came == wanted).map(|(name, _)| name)
        };
        Results {
            passed: names(Came::Passed).count(),
            passed_conformance: names(Came::Passed)
                .filter(|name| name.contains("[Conformance]"))
                .count(),
            skipped: names(Came::Skipped).count(),
            failed: names(Came::Failed).cloned().collect(),
            files: self.files,
            finished: self.finished,
            version: self.version,
            accepted,
        }
    }
}

fn wrong(name: &str, why: &str) -> String {
    format!("{name}: {why}")
}

/// When the suite says that it ran; hours more or less do not matter to anybody.
fn began(junit: &str) -> Option<DateTime> {
    let (_, rest) = junit.split_once("<testsuite ")?;
    let (tag, _) = rest.split_once('>')?;
    let (_, rest) = tag.split_once("timestamp=\"")?;
    let (written, _) = rest.split_once('"')?;
    // Some write the zone and some do not; all mean UTC.
    let instant = written.parse::<jiff::Timestamp>().map(crate::judge::utc);
    instant.or_else(|_| written.parse::<DateTime>()).ok()
}

#[cfg(test)]
mod tests;
