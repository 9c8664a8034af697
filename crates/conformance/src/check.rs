//! The testcases: pure functions of snapshot, instant and mode. One module for each kind of object.

mod draft;
mod flavors;
mod images;
mod images_of_standard;
mod recency;
mod services;
mod volumes;

#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use lotse_scs::Mode;
use serde_json::Value;

use crate::model::{Finding, Judgement, Object, Reason, Verdict};
use crate::snapshot::{Answer, Item, Snapshot, Trouble};
use crate::testcase::Testcase;

pub(crate) use flavors::matching;
pub(crate) use images::breaking as images_breaking;
pub(crate) use volumes::described_rightly;

/// What a testcase is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the cloud showed.
    pub snapshot: &'a Snapshot,
    /// When it is judged (UTC).
    pub at: DateTime,
    /// Whose reading of the standards counts.
    pub mode: Mode,
}

/// Judges one testcase.
pub fn judge(testcase: Testcase, case: &Case<'_>) -> Judgement {
    // Roles are those of a cloud.
    let of_cluster = matches!(testcase, Testcase::Kubernetes(_));
    if let (false, Some(refused)) = (of_cluster, upstream_refuses(case)) {
        return refused;
    }
    match testcase {
        Testcase::FlavorSyntax => flavors::syntax(case),
        Testcase::FlavorSemantics => flavors::semantics(case),
        Testcase::Flavor(flavor) => flavors::standard(case, flavor),
        Testcase::ImageProperty(property) => images::property(case, property),
        Testcase::ImageRecency => recency::recency(case),
        Testcase::ImageUniqueness => images::uniqueness(case),
        Testcase::ImageSource(image) => images_of_standard::source(case, image),
        Testcase::Image(image) => images_of_standard::presence(case, image),
        Testcase::VolumeTypeSyntax => volumes::syntax(case),
        Testcase::VolumeTypeAspect(aspect) => volumes::aspect(case, aspect),
        Testcase::DefaultRules => services::default_rules(case),
        Testcase::KeyManager => services::key_manager(case),
        Testcase::KeyManagerPermissions => services::key_manager_permissions(case),
        Testcase::VolumeBackup => services::backup(case),
        Testcase::Service(name) => services::service(case, name),
        Testcase::BlockStorage => services::block_storage(case),
        Testcase::SwiftS3 => services::swift_s3(case),
        Testcase::Entropy => services::entropy(case),
        Testcase::RandomnessQuality => services::randomness(case),
        Testcase::Draft(draft) => draft::judge(draft, case),
        Testcase::Kubernetes(check) => crate::kaas::judge(check, case),
    }
}

/// The upstream tools want a plain member and judge nothing else.
fn upstream_refuses(case: &Case<'_>) -> Option<Judgement> {
    let has = |name: &str| case.snapshot.roles.iter().any(|role| role == name);
    let plain = has("member") && !has("admin") && !has("manager");
    if case.mode == Mode::Standard || plain {
        return None;
    }
    let roles = case.snapshot.roles.join(", ");
    Some(Judgement::new(
        Verdict::Abort,
        Reason::WrongRoles,
        format!(
            "the upstream tools want the role member and neither admin nor manager; the user has {roles}"
        ),
    ))
}

/// The judgement on what was not answered.
pub(crate) fn unanswered<T>(answer: &Answer<T>, what: &str) -> Judgement {
    match answer {
        Answer::Failed(Trouble { reason, message, .. }) => {
            Judgement::new(Verdict::Abort, *reason, format!("{what}: {message}"))
        }
        _ => Judgement::new(
            Verdict::Abort,
            Reason::NotObserved,
            format!("{what} was not looked at, or is not in the snapshot"),
        ),
    }
}

/// The judgement on a rule that all objects keep or some break.
pub(crate) fn all_keep(examined: usize, findings: Vec<Finding>, what: &str) -> Judgement {
    let breaking = findings.iter().filter(|finding| finding.breaks).count();
    let (verdict, reason, summary) = match breaking {
        0 => (Verdict::Pass, Reason::Kept, format!("{examined} {what}, and all keep the rule")),
        1 => (Verdict::Fail, Reason::Broken, format!("1 of {examined} {what} breaks the rule")),
        n => (Verdict::Fail, Reason::Broken, format!("{n} of {examined} {what} break the rule")),
    };
    Judgement { verdict, reason, summary, examined, findings }
}

/// The judgement on a rule on all objects of a kind, when there are none: nothing breaks it, and the
/// standard does not mean that.
pub(crate) fn none_there(case: &Case<'_>, what: &str) -> Judgement {
    match case.mode {
        Mode::Upstream => Judgement::new(
            Verdict::Pass,
            Reason::NothingToCheck,
            format!("there are no {what}, so none breaks the rule"),
        ),
        Mode::Standard => Judgement::new(
            Verdict::Fail,
            Reason::NothingToCheck,
            format!("there are no {what}, so nothing shows that the rule is kept"),
        ),
    }
}

pub(crate) fn object(kind: &str, item: &Item) -> Object {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Object { kind: kind.to_owned(), id: text("id"), name: text("name") }
}

pub(crate) fn breaks(object: Object, evidence: impl Into<String>) -> Finding {
    Finding { breaks: true, object: Some(object), evidence: evidence.into() }
}

pub(crate) fn worth_knowing(object: Object, evidence: impl Into<String>) -> Finding {
    Finding { breaks: false, object: Some(object), evidence: evidence.into() }
}

/// Text of an item; `None` for what is no text.
pub(crate) fn text<'a>(item: &'a Item, key: &str) -> Option<&'a str> {
    item.get(key).and_then(Value::as_str)
}

/// A whole number of an item, which may be written as text.
pub(crate) fn number(item: &Item, key: &str) -> Option<i64> {
    match item.get(key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A value as it is shown in evidence.
pub(crate) fn shown(value: Option<&Value>) -> String {
    match value {
        None => "not set".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) => format!("\"{}\"", text.chars().take(120).collect::<String>()),
        Some(other) => other.to_string().chars().take(120).collect(),
    }
}
