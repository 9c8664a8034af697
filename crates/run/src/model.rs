//! Run, case, call, verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lotse_core::error::ExitCode;
use lotse_core::id::RunId;
use lotse_core::time::Timestamp;

use crate::seconds;
use crate::statistics::Latencies;

/// What came of a case, from best to worst.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does what it should.
    Pass,
    /// It fails, and that is known and accepted for now.
    Xfail,
    /// Deliberately left out, with a reason.
    Skip,
    /// It should have run and did not, for example because its fixture failed.
    NotRun,
    /// It was expected to fail and passed: the expectation is out of date.
    UnexpectedSuccess,
    /// It does not do what it should.
    Fail,
    /// No answer within its time.
    Timeout,
    /// It could not be told, because something around it broke.
    Error,
    /// The program that ran it died.
    Crashed,
}

impl Verdict {
    /// All of them, from best to worst.
    pub const ALL: [Self; 9] = [
        Self::Pass,
        Self::Xfail,
        Self::Skip,
        Self::NotRun,
        Self::UnexpectedSuccess,
        Self::Fail,
        Self::Timeout,
        Self::Error,
        Self::Crashed,
    ];

    /// The word used in JSON, tables and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Xfail => "xfail",
            Self::Skip => "skip",
            Self::NotRun => "not-run",
            Self::UnexpectedSuccess => "unexpected-success",
            Self::Fail => "fail",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Crashed => "crashed",
        }
    }

    /// Whether a run with such a case has failed. Only `pass`, `xfail` and `skip` are good.
    pub const fn is_bad(self) -> bool {
        !matches!(self, Self::Pass | Self::Xfail | Self::Skip)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One API request.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Call {
    /// The service, for example `image`.
    pub service: String,
    /// What was asked, for example `image-create`.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The HTTP status; absent when there was no answer.
    pub status: Option<u16>,
    /// When it was sent.
    pub at: Option<Timestamp>,
    /// From sending to the end of the answer, in JSON in seconds.
    #[serde(with = "seconds")]
    pub duration: Option<Duration>,
    /// Id under which the API logged it.
    pub request_id: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Case {
    /// The group it belongs to: a test binary, a service, a scenario.
    pub suite: String,
    /// Its name within the suite; both together stay the same from run to run.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took, in JSON in seconds.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// One line: why it is not a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The whole story: output, trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The API requests it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
}

impl Case {
    /// A case without anything to say about it.
    pub fn new(suite: impl Into<String>, name: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            suite: suite.into(),
            name: name.into(),
            verdict,
            duration: None,
            message: None,
            detail: None,
            calls: Vec::new(),
        }
    }

    /// Says how long it took.
    #[must_use]
    pub const fn taking(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Says in one line why.
    #[must_use]
    pub fn because(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Tells the whole story.
    #[must_use]
    pub fn detailed(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same from run to run: `suite/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.suite, self.name)
    }
}

/// One execution of a set of cases.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Run {
    /// Which execution.
    pub id: RunId,
    /// Of what, for example `tests` or `conformance/scs-compatible-iaas`.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in JSON in seconds.
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Where and with what: cloud, versions, host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What was checked, in the order it was.
    pub cases: Vec<Case>,
}

impl Run {
    /// A run without cases.
    pub fn new(id: RunId, name: impl Into<String>, started: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            started,
            duration: None,
            attributes: BTreeMap::new(),
            cases: Vec::new(),
        }
    }

    /// Counts the verdicts.
    pub fn summary(&self) -> Summary {
        self.cases.iter().map(|case| case.verdict).collect()
    }

    /// The cases that keep the run from being good, worst first, otherwise in order.
    pub fn bad_cases(&self) -> Vec<&Case> {
        let mut bad: Vec<&Case> = self.cases.iter().filter(|case| case.verdict.is_bad()).collect();
        bad.sort_by_key(|case| std::cmp::Reverse(case.verdict));
        bad
    }

    /// Response times of the answered calls, by `service operation`.
    pub fn latencies(&self) -> BTreeMap<String, Latencies> {
        let mut by_operation: BTreeMap<String, Latencies> = BTreeMap::new();
        for call in self.cases.iter().flat_map(|case| &case.calls) {
            if let (Some(duration), Some(_)) = (call.duration, call.status) {
                let operation = format!("{} {}", call.service, call.operation);
                by_operation.entry(operation).or_default().record(duration);
            }
        }
        by_operation
    }
}

/// How many cases have which verdict.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(into = "BTreeMap<Verdict, usize>")]
pub struct Summary {
    counts: BTreeMap<Verdict, usize>,
}

impl Summary {
    /// How many have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or_default()
    }

    /// How many cases there are.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many are bad.
    pub fn bad(&self) -> usize {
        self.counts.iter().filter(|(verdict, _)| verdict.is_bad()).map(|(_, count)| count).sum()
    }

    /// The worst verdict; `None` without cases.
    pub fn worst(&self) -> Option<Verdict> {
        self.counts.last_key_value().map(|(&verdict, _)| verdict)
    }

    /// The exit code of a command that ends with this run: 0, or 4 when any verdict is bad.
    pub fn exit_code(&self) -> ExitCode {
        if self.bad() == 0 { ExitCode::Success } else { ExitCode::VerdictsFailed }
    }
}

impl FromIterator<Verdict> for Summary {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut summary = Self::default();
        for verdict in verdicts {
            *summary.counts.entry(verdict).or_default() += 1;
        }
        summary
    }
}

impl From<Summary> for BTreeMap<Verdict, usize> {
    fn from(summary: Summary) -> Self {
        summary.counts
    }
}

impl fmt::Display for Summary {
    /// `41 pass, 2 skip, 1 fail`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return f.write_str("no cases");
        }
        for (number, (verdict, count)) in self.counts.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {verdict}")?;
        }
        Ok(())
    }
}
