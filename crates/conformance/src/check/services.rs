//! Services and what they let users do: scs-0101, 0115, 0116, 0117, 0123.

use lotse_scs::Mode;
use serde_json::Value;

use super::{Case, breaks, number, shown, text, unanswered};
use crate::model::{Finding, Judgement, Object, Reason, Verdict};
use crate::snapshot::{Answer, Item, Proof, RulesWay};

/// A service is in the catalogue.
pub(super) fn service(case: &Case<'_>, wanted: &str) -> Judgement {
    // The testcase is called s3, and the catalogue has it as a kind of object storage.
    let types: &[&str] = match (wanted, case.mode) {
        ("s3", Mode::Upstream) => &["object-store-s3"],
        ("s3", Mode::Standard) => &["object-store-s3", "s3"],
        _ => &[wanted],
    };
    in_catalogue(case, types)
}

/// Block storage is in the catalogue, under one of its names.
pub(super) fn block_storage(case: &Case<'_>) -> Judgement {
    in_catalogue(case, &["volume", "volumev3", "block-storage"])
}

/// There is a key manager.
pub(super) fn key_manager(case: &Case<'_>) -> Judgement {
    in_catalogue(case, &["key-manager"])
}

fn in_catalogue(case: &Case<'_>, types: &[&str]) -> Judgement {
    let found = types.iter().find(|wanted| case.snapshot.has_service(wanted));
    let names = types.join(", ");
    let mut judgement = match found {
        Some(found) => Judgement::new(
            Verdict::Pass,
            Reason::Kept,
            format!("the catalogue has a service of type {found}"),
        ),
        None => Judgement::new(
            Verdict::Fail,
            Reason::NoService,
            format!("the catalogue has no service of type {names}"),
        ),
    };
    judgement.examined = case.snapshot.services.len();
    judgement
}

/// The object storage understands a request of S3, so far that it refuses a key that nobody has.
pub(super) fn swift_s3(case: &Case<'_>) -> Judgement {
    let snapshot = case.snapshot;
    if !snapshot.has_service("object-store") {
        // Without Swift its S3 cannot be missing; but the text of the standard wants S3.
        return match (
            case.mode,
            snapshot.has_service("object-store-s3") || snapshot.has_service("s3"),
        ) {
            (Mode::Upstream, _) => Judgement::new(
                Verdict::Pass,
                Reason::NotApplicable,
                "there is no object-store in the catalogue, so nothing is demanded of it",
            ),
            (Mode::Standard, true) => Judgement::new(
                Verdict::Pass,
                Reason::Kept,
                "there is no object-store in the catalogue, and S3 is there on its own",
            ),
            (Mode::Standard, false) => Judgement::new(
                Verdict::Fail,
                Reason::NoService,
                "the catalogue has neither object-store nor s3, and S3 is mandatory",
            ),
        };
    }
    let Some(probe) = snapshot.s3.given() else {
        return unanswered(&snapshot.s3, "the answer of the object storage to S3");
    };
    let code = probe.code.as_deref().unwrap_or("no code of S3");
    let said =
        format!("the object storage answers a request of S3 with {} and {code}", probe.status);
    match probe.code.as_deref() {
        Some("InvalidAccessKeyId" | "NoSuchKey") => {
            Judgement { examined: 1, ..Judgement::new(Verdict::Pass, Reason::Kept, said) }
        }
        _ => Judgement { examined: 1, ..Judgement::new(Verdict::Fail, Reason::Broken, said) },
    }
}

/// Security groups begin with rules that let nothing in but from the same group, and everything out.
pub(super) fn default_rules(case: &Case<'_>) -> Judgement {
    let Some(given) = case.snapshot.default_rules.given() else {
        return unanswered(
            &case.snapshot.default_rules,
            "the rules that security groups begin with",
        );
    };
    let mut findings: Vec<Finding> = given
        .rules
        .iter()
        .filter(|rule| text(rule, "direction") == Some("ingress"))
        .filter(|rule| !stays_inside(rule, given.way))
        .map(|rule| breaks(described(rule), "lets traffic in from outside the group"))
        .collect();
    let uses: &[(&str, &str)] = match given.way {
        RulesWay::Listed => &[
            ("used_in_default_sg", "the default group"),
            ("used_in_non_default_sg", "groups of users"),
        ],
        RulesWay::NewGroup => &[("", "a new group")],
    };
    for (flag, group) in uses {
        for ethertype in ["IPv4", "IPv6"] {
            let lets_out = given.rules.iter().any(|rule| {
                let used =
                    flag.is_empty() || rule.get(*flag).and_then(Value::as_bool) == Some(true);
                used && is_open_egress(rule, ethertype, case.mode)
            });
            if !lets_out {
                let evidence = format!("no rule lets all {ethertype} traffic out of {group}");
                findings.push(Finding { breaks: true, object: None, evidence });
            }
        }
    }
    let summary = match (findings.is_empty(), given.way) {
        (true, RulesWay::Listed) => "groups begin with rules as the standard has them",
        (true, RulesWay::NewGroup) => "a new group began with rules as the standard has them",
        (false, _) => "groups begin with rules that the standard does not have",
    };
    let (verdict, reason) = if findings.is_empty() {
        (Verdict::Pass, Reason::Kept)
    } else {
        (Verdict::Fail, Reason::Broken)
    };
    let examined = given.rules.len();
    Judgement { verdict, reason, summary: summary.to_owned(), examined, findings }
}

/// From members of the same group only, and in the default group of a project only.
fn stays_inside(rule: &Item, way: RulesWay) -> bool {
    way == RulesWay::Listed
        && text(rule, "remote_group_id") == Some("PARENT")
        && rule.get("used_in_non_default_sg").and_then(Value::as_bool) != Some(true)
}

/// Whether a rule lets all traffic of this kind out. Upstream looks whether a prefix is there at all;
/// by the text a prefix that means everything is as good, and a port is not everything.
fn is_open_egress(rule: &Item, ethertype: &str, mode: Mode) -> bool {
    if text(rule, "direction") != Some("egress") || text(rule, "ethertype") != Some(ethertype) {
        return false;
    }
    let prefix = text(rule, "remote_ip_prefix").filter(|prefix| !prefix.is_empty());
    match mode {
        Mode::Upstream => prefix.is_none(),
        Mode::Standard => {
            let limits = ["protocol", "port_range_min", "port_range_max", "remote_group_id"];
            let limited =
                limits.iter().any(|key| rule.get(*key).is_some_and(|value| !value.is_null()));
            !limited && prefix.is_none_or(|prefix| matches!(prefix, "0.0.0.0/0" | "::/0"))
        }
    }
}

fn described(rule: &Item) -> Object {
    let parts = ["direction", "ethertype", "protocol", "remote_ip_prefix", "remote_group_id"];
    let named: Vec<_> = parts.iter().filter_map(|key| text(rule, key)).collect();
    let ports = match (number(rule, "port_range_min"), number(rule, "port_range_max")) {
        (Some(first), Some(last)) => format!(" ports {first} to {last}"),
        _ => String::new(),
    };
    Object {
        kind: "rule".to_owned(),
        id: text(rule, "id").unwrap_or_default().to_owned(),
        name: format!("{}{ports}", named.join(" ")),
    }
}

/// Members can keep secrets, if there is a key manager.
pub(super) fn key_manager_permissions(case: &Case<'_>) -> Judgement {
    if !case.snapshot.has_service("key-manager") {
        return Judgement::new(
            Verdict::Pass,
            Reason::NotApplicable,
            "there is no key manager in the catalogue, so nothing is demanded of it",
        );
    }
    match &case.snapshot.secret {
        Answer::Given(proof) => {
            let refused = matches!(proof.status, Some(403 | 404));
            proven(proof, "a secret was kept, found and deleted", refused)
        }
        other => unanswered(other, "the key manager"),
    }
}

/// A volume can be backed up and restored.
pub(super) fn backup(case: &Case<'_>) -> Judgement {
    match &case.snapshot.backup {
        // Whatever goes wrong here, users cannot back up their volumes.
        Answer::Given(proof) => proven(proof, "a volume was backed up and restored", true),
        other => unanswered(other, "the backup of a volume"),
    }
}

fn proven(proof: &Proof, success: &str, failure_counts: bool) -> Judgement {
    let last = proof.steps.last().cloned().unwrap_or_default();
    let findings = proof
        .steps
        .iter()
        .map(|step| Finding { breaks: false, object: None, evidence: step.clone() })
        .collect();
    let judgement = match (proof.worked, failure_counts) {
        (true, _) => Judgement::new(Verdict::Pass, Reason::Kept, success),
        (false, true) if proof.status == Some(403) => {
            Judgement::new(Verdict::Fail, Reason::Forbidden, last)
        }
        (false, true) => Judgement::new(Verdict::Fail, Reason::Broken, last),
        (false, false) => Judgement::new(Verdict::Abort, Reason::ApiFailed, last),
    };
    Judgement { findings, examined: 1, ..judgement }
}

/// A new server has enough entropy: what the kernel counts since Linux 5.18 is always 256.
pub(super) fn entropy(case: &Case<'_>) -> Judgement {
    let Some(seen) = case.snapshot.randomness.given() else {
        return unanswered(&case.snapshot.randomness, "the entropy of a new server");
    };
    measured(seen.entropy, |bits| bits == 256, "entropy_avail")
}

/// The random numbers of a new server pass the tests of FIPS 140-2.
pub(super) fn randomness(case: &Case<'_>) -> Judgement {
    let Some(seen) = case.snapshot.randomness.given() else {
        return unanswered(&case.snapshot.randomness, "the random numbers of a new server");
    };
    measured(seen.fips_failures, |failures| failures <= 5, "failures in 1000 blocks")
}

fn measured(value: Option<u32>, good: impl Fn(u32) -> bool, what: &str) -> Judgement {
    let shown = shown(value.map(Value::from).as_ref());
    let judgement = match value {
        None => Judgement::new(
            Verdict::Abort,
            Reason::NotObserved,
            format!("the server did not say: {what}"),
        ),
        Some(value) if good(value) => {
            Judgement::new(Verdict::Pass, Reason::Kept, format!("{what}: {shown}"))
        }
        Some(_) => Judgement::new(Verdict::Fail, Reason::Broken, format!("{what}: {shown}")),
    };
    Judgement { examined: usize::from(value.is_some()), ..judgement }
}
