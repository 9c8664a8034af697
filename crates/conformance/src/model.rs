//! Verdicts and what stands behind them.

use serde::{Deserialize, Serialize};

/// What came of a testcase.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The rule is kept.
    Pass,
    /// The rule is broken.
    Fail,
    /// It could not be found out.
    Abort,
    /// Nobody judged it: a manual or unknown testcase, or one that was not asked for.
    Missing,
}

impl Verdict {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Abort => "ABORT",
            Self::Missing => "MISSING",
        }
    }

    /// The number in reports; missing results do not stand there.
    pub const fn number(self) -> Option<i8> {
        match self {
            Self::Pass => Some(1),
            Self::Fail => Some(-1),
            Self::Abort => Some(0),
            Self::Missing => None,
        }
    }

    /// The verdict behind a number of a report.
    pub const fn of_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Pass),
            -1 => Some(Self::Fail),
            0 => Some(Self::Abort),
            _ => None,
        }
    }

    /// What several verdicts come to: one failure is a failure, then one that is missing counts,
    /// then one that was aborted.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let rank = |verdict: Self| match verdict {
            Self::Pass => 0,
            Self::Abort => 1,
            Self::Missing => 2,
            Self::Fail => 3,
        };
        verdicts.into_iter().max_by_key(|verdict| rank(*verdict)).unwrap_or(Self::Pass)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a verdict is what it is, for programs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Every object keeps the rule.
    Kept,
    /// Some object breaks the rule.
    Broken,
    /// There is no such object, and the rule demands one.
    Absent,
    /// The rule speaks of objects that the cloud does not have and need not have.
    NotApplicable,
    /// The rule speaks of all objects of a kind, and there are none.
    NothingToCheck,
    /// A service answered with a failure.
    ApiFailed,
    /// The catalogue has no such service.
    NoService,
    /// The service does not let this user do it.
    Forbidden,
    /// The service did not answer.
    Unreachable,
    /// An object cannot be judged by the upstream tools, which give up then.
    UpstreamGivesUp,
    /// The user's roles are not those that the upstream tools want.
    WrongRoles,
    /// It was not observed, because observing changes the cloud and that was not allowed.
    NotObserved,
    /// A person has to judge it.
    Manual,
    /// Lotse has no such testcase.
    Unknown,
    /// The scope's own executable judged it, or was to.
    Executed,
    /// It was not asked for.
    NotSelected,
}

/// An object of the cloud.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Object {
    /// `flavor`, `image`, `volume type`, …
    pub kind: String,
    /// Its id, empty if it has none.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Something that was seen on an object.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Whether it breaks the rule; otherwise it is worth knowing.
    pub breaks: bool,
    /// Where.
    pub object: Option<Object>,
    /// What was seen, and what was expected.
    pub evidence: String,
}

/// A verdict with its reasons.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, in one sentence.
    pub summary: String,
    /// How many objects were looked at.
    pub examined: usize,
    /// What was seen on which object.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// A verdict without objects.
    pub fn new(verdict: Verdict, reason: Reason, summary: impl Into<String>) -> Self {
        Self { verdict, reason, summary: summary.into(), examined: 0, findings: Vec::new() }
    }
}
