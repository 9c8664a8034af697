//! What Rust's own test harness prints.
//!
//! The text form is read because it is the one that stable toolchains write everywhere:
//! `test path::name ... ok|FAILED|ignored, reason`, the output of failed tests between
//! `---- path::name stdout ----` and the next such line, and cargo's `Running`/`Doc-tests` lines
//! between binaries when both streams were captured together.

use crate::model::{Case, Verdict};

/// The cases in the output of one or more test binaries.
///
/// `package` is the suite of what comes before the first `Running` line, and qualifies integration
/// binaries (`package::it`), because cargo does not say whose they are. A binary that announced more
/// tests than it told results for has died: its started test, or else one case named `(lost)` that
/// says how many, gets the verdict `crashed`.
pub fn parse(package: &str, output: &str) -> Vec<Case> {
    let mut parser =
        Parser { package: package.to_owned(), suite: package.to_owned(), ..Parser::default() };
    for line in output.lines() {
        parser.line(line.trim_end_matches('\r'));
    }
    parser.end_binary();
    parser.cases
}

#[derive(Default)]
struct Parser {
    package: String,
    suite: String,
    cases: Vec<Case>,
    /// The first case of the present binary.
    first: usize,
    /// How many tests the present binary announced; `None` outside of one.
    announced: Option<usize>,
    /// A test whose result has not come yet: other output may stand between.
    started: Option<String>,
    /// Whose captured output is being read, and what there is of it.
    captured: Option<(String, String)>,
}

impl Parser {
    fn line(&mut self, line: &str) {
        if let Some(suite) = running(&self.package, line) {
            self.end_binary();
            self.suite = suite;
        } else if let Some(count) = announced(line) {
            self.end_binary();
            self.announced = Some(count);
        } else if line.starts_with("test result: ") {
            self.end_captured();
            self.end_binary();
        } else if let Some(name) = captured(line) {
            self.end_captured();
            self.captured = Some((name.to_owned(), String::new()));
        } else if self.captured.is_some() {
            self.capture(line);
        } else if let Some((name, rest)) = test_line(line) {
            self.test(name, rest);
        } else if self.started.is_some()
            && let Some(result) = result(line)
        {
            let name = self.started.take().unwrap_or_default();
            self.case(name, result);
        }
    }

    fn test(&mut self, name: &str, rest: &str) {
        match result(rest) {
            Some(result) => self.case(name.to_owned(), result),
            // With `--nocapture` the test's own output follows, its result comes later.
            None => self.started = Some(name.to_owned()),
        }
    }

    fn case(&mut self, name: String, (verdict, reason): (Verdict, Option<String>)) {
        let mut case = Case::new(&self.suite, name, verdict);
        case.message = reason;
        self.cases.push(case);
    }

    fn capture(&mut self, line: &str) {
        // The list of names after the outputs repeats what is known.
        if line == "failures:" || line == "successes:" {
            self.end_captured();
        } else if let Some((_, text)) = &mut self.captured {
            text.push_str(line);
            text.push('\n');
        }
    }

    fn end_captured(&mut self) {
        let Some((name, text)) = self.captured.take() else { return };
        let text = text.trim();
        if let Some(case) = self.cases[self.first..].iter_mut().find(|case| case.name == name) {
            case.detail = Some(text.to_owned());
            if case.message.is_none() && case.verdict.is_bad() {
                case.message = said(text);
            }
        }
    }

    fn end_binary(&mut self) {
        self.end_captured();
        let told = self.cases.len() - self.first;
        let lost = self.announced.take().unwrap_or_default().saturating_sub(told);
        if let Some(name) = self.started.take() {
            self.crashed(name, "started and never ended");
            if lost > 1 {
                self.crashed("(lost)".to_owned(), &format!("{} tests told no result", lost - 1));
            }
        } else if lost > 0 {
            self.crashed("(lost)".to_owned(), &format!("{lost} tests told no result"));
        }
        self.first = self.cases.len();
    }

    fn crashed(&mut self, name: String, why: &str) {
        self.cases.push(Case::new(&self.suite, name, Verdict::Crashed).because(why));
    }
}

/// `     Running unittests src/lib.rs (target/debug/deps/lotse_plan-0123456789abcdef)` → `lotse_plan`;
/// `Running tests/it/main.rs (target/debug/deps/it-0123456789abcdef)` → `package::it`;
/// `   Doc-tests lotse_core` → `lotse_core (doc)`.
fn running(package: &str, line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{} (doc)", name.trim()));
    }
    let (what, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let file = path.rsplit(['/', '\\']).next()?;
    let name = match file.rsplit_once('-') {
        Some((name, hash)) if hash.bytes().all(|b| b.is_ascii_hexdigit()) => name,
        _ => file.strip_suffix(".exe").unwrap_or(file),
    };
    Some(if what.starts_with("tests/") { format!("{package}::{name}") } else { name.to_owned() })
}

/// `running 3 tests` → 3.
fn announced(line: &str) -> Option<usize> {
    let count = line.strip_prefix("running ")?;
    count.strip_suffix(" tests").or_else(|| count.strip_suffix(" test"))?.parse().ok()
}

/// `---- name stdout ----` → `name`.
fn captured(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").or_else(|| name.strip_suffix(" stderr")).unwrap_or(name))
}

/// `test name ... rest` → name and rest, without the remarks that the harness adds to the name.
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ").or_else(|| {
        // The result may come on a later line.
        Some((line.strip_prefix("test ")?.strip_suffix(" ...")?, ""))
    })?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    let name = name.strip_suffix(" - compile fail").unwrap_or(name);
    Some((name.strip_suffix(" - compile").unwrap_or(name), rest))
}

/// `ok`, `FAILED`, `ignored, reason`, each perhaps with a time.
fn result(text: &str) -> Option<(Verdict, Option<String>)> {
    let text = text.trim();
    // `ok <0.003s>` when times are reported.
    let word = match text.rsplit_once(" <") {
        Some((word, time)) if time.ends_with("s>") => word,
        _ => text,
    };
    match word {
        "ok" => Some((Verdict::Pass, None)),
        "FAILED" | "failed" => Some((Verdict::Fail, None)),
        "ignored" => Some((Verdict::Skip, None)),
        _ if word.starts_with("bench: ") => Some((Verdict::Pass, None)),
        _ => {
            if let Some(reason) = word.strip_prefix("ignored, ") {
                return Some((Verdict::Skip, Some(reason.to_owned())));
            }
            let why = word.strip_prefix("FAILED (")?.strip_suffix(')')?;
            let verdict = if why.contains("time limit") { Verdict::Timeout } else { Verdict::Fail };
            Some((verdict, Some(why.to_owned())))
        }
    }
}

/// The line after the one that says where it panicked, or else the first line.
fn said(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next();
    let panic = lines.find(|line| line.starts_with("thread '") && line.contains("panicked at"));
    let message = match panic {
        Some(_) => lines.next().or(panic),
        None => first,
    };
    message.map(str::to_owned)
}
