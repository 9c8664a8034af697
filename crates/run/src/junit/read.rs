//! JUnit XML as cases.

use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::RunError;
use crate::model::{Case, Verdict};

/// No larger report is read, in bytes.
const LIMIT: usize = 256 * 1024 * 1024;

/// The cases of a JUnit report, as cargo-nextest and most other programs write it.
///
/// A case that passed only after it had been repeated (`flakyFailure`) is a pass whose message says
/// so.
///
/// # Errors
///
/// [`RunError::Xml`], [`RunError::Junit`] (no `testcase` has a name, the root is another element, the
/// report ends early), [`RunError::TooLarge`].
pub fn read(xml: &str) -> Result<Vec<Case>, RunError> {
    if xml.len() > LIMIT {
        return Err(RunError::TooLarge { size: xml.len(), limit: LIMIT });
    }
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut report = Report::default();
    loop {
        let event = reader
            .read_event()
            .map_err(|source| RunError::Xml { position: reader.error_position(), source })?;
        let position = reader.buffer_position();
        let wrong = |message: String| RunError::Junit { position, message };
        match event {
            Event::Start(tag) => report.start(&tag).map_err(wrong)?,
            Event::End(tag) => report.end(tag.name().as_ref()),
            Event::Text(text) => {
                report.text(&text);
            }
            Event::CData(text) => {
                report.text(&text);
            }
            Event::GeneralRef(name) => {
                report.text(
                    &reference(&name)
                        .ok_or_else(|| wrong(format!("unknown entity \"{}\"", &*name)))?,
                );
            }
            Event::Eof if report.depth > 0 || !report.seen_root => {
                return Err(wrong("it ends too early".to_owned()));
            }
            Event::Eof => return Ok(report.cases),
            _ => {}
        }
    }
}

/// The five entities of XML and numbers; others would need a document type, which is not read.
fn reference(name: &str) -> Option<String> {
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some(letter.to_string())
}

#[derive(Default)]
struct Report {
    cases: Vec<Case>,
    depth: usize,
    seen_root: bool,
    suites: Vec<String>,
    case: Option<Open>,
}

/// A `testcase` being read.
struct Open {
    case: Case,
    /// Where text goes now.
    into: Into,
    verdict_text: String,
    output: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Into {
    Nothing,
    Verdict,
    Output,
}

impl Report {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let name = tag.name();
        let name = name.as_ref();
        if !self.seen_root {
            self.seen_root = true;
            if !matches!(name, "testsuites" | "testsuite") {
                return Err(format!("the root is <{name}>"));
            }
        }
        self.depth += 1;
        match name {
            "testsuite" => self.suites.push(attribute(tag, "name")?.unwrap_or_default()),
            "testcase" => self.open(tag)?,
            "failure" | "error" | "skipped" | "flakyFailure" | "flakyError" => {
                self.verdict(name, tag)?;
            }
            "system-out" | "system-err" => self.go_into(Into::Output),
            // Of a repeated attempt: the last one counts.
            _ => self.go_into(Into::Nothing),
        }
        Ok(())
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let name = attribute(tag, "name")?.ok_or("a <testcase> has no name")?;
        let suite = match self.suites.last().filter(|suite| !suite.is_empty()) {
            Some(suite) => suite.clone(),
            None => attribute(tag, "classname")?.unwrap_or_default(),
        };
        let mut case = Case::new(suite, name, Verdict::Pass);
        if let Some(time) = attribute(tag, "time")? {
            let seconds = time.replace(',', "").parse().ok();
            case.duration = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
        }
        let (verdict_text, output) = (String::new(), String::new());
        self.case = Some(Open { case, into: Into::Nothing, verdict_text, output });
        Ok(())
    }

    fn verdict(&mut self, element: &str, tag: &BytesStart<'_>) -> Result<(), String> {
        let kind = attribute(tag, "type")?.unwrap_or_default();
        let message = attribute(tag, "message")?.filter(|message| !message.is_empty());
        let Some(open) = &mut self.case else { return Ok(()) };
        open.into = Into::Verdict;
        if matches!(element, "flakyFailure" | "flakyError") {
            let why = message.unwrap_or(kind);
            open.case.message = Some(format!("passed only when repeated; before: {why}"));
            return Ok(());
        }
        let verdict = meaning(element, &kind);
        if verdict >= open.case.verdict {
            open.case.verdict = verdict;
            open.case.message = message.or_else(|| Some(kind).filter(|kind| !kind.is_empty()));
        }
        Ok(())
    }

    fn go_into(&mut self, into: Into) {
        if let Some(open) = &mut self.case {
            open.into = into;
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = &mut self.case {
            match open.into {
                Into::Nothing => {}
                Into::Verdict => open.verdict_text.push_str(text),
                Into::Output => open.output.push_str(text),
            }
        }
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.go_into(Into::Nothing);
        match name {
            "testsuite" => {
                self.suites.pop();
            }
            "testcase" => {
                if let Some(open) = self.case.take() {
                    self.cases.push(open.close());
                }
            }
            _ => {}
        }
    }
}

impl Open {
    fn close(mut self) -> Case {
        let parts: Vec<&str> = [self.verdict_text.trim(), self.output.trim()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        if !parts.is_empty() {
            self.case.detail = Some(parts.join("\n"));
        }
        self.case
    }
}

/// Our own words come back as they were; otherwise the element decides, and what nextest says of
/// time-outs and dead processes.
fn meaning(element: &str, kind: &str) -> Verdict {
    if let Some(&verdict) = Verdict::ALL.iter().find(|verdict| verdict.as_str() == kind) {
        return verdict;
    }
    let kind = kind.to_ascii_lowercase();
    match element {
        "skipped" => Verdict::Skip,
        _ if kind.contains("timeout") => Verdict::Timeout,
        _ if kind.contains("abort") || kind.contains("signal") => Verdict::Crashed,
        "error" => Verdict::Error,
        _ => Verdict::Fail,
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = tag.try_get_attribute(name).map_err(|error| error.to_string())?;
    found
        .map(|attribute| {
            quick_xml::escape::unescape(&attribute.value)
                .map(String::from)
                .map_err(|error| error.to_string())
        })
        .transpose()
}
