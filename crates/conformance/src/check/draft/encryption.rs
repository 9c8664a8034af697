//! Encrypted addresses (scs-0125).

use crate::check::{Case, all_keep, unanswered};
use crate::draft::Encryption;
use crate::model::{Finding, Judgement, Object, Reason, Verdict};
use crate::snapshot::Answer;
use crate::tls::{Address, Greeted, LONGEST, TLS_12, TLS_13, group_name, suite_name, version_name};

/// Judges what the draft demands of every public address.
pub(super) fn judge(case: &Case<'_>, rule: Encryption) -> Judgement {
    let answer = &case.snapshot.encryption;
    let Some(addresses) = answer.given() else {
        return unanswered(answer, "how the addresses of the cloud are encrypted");
    };
    if rule == Encryption::Everywhere {
        let plain = addresses.iter().filter(|address| !address.is_encrypted());
        let findings = plain.map(|address| breaks(address, "nothing is encrypted there"));
        return all_keep(addresses.len(), findings.collect(), "addresses");
    }
    let encrypted: Vec<&Address> = addresses.iter().filter(|one| one.is_encrypted()).collect();
    if encrypted.is_empty() {
        let summary = "no public address is encrypted, so nothing shows that the rule is kept";
        return Judgement::new(Verdict::Fail, Reason::NothingToCheck, summary);
    }
    let mut findings = Vec::new();
    let mut silent = None;
    for address in &encrypted {
        let Some(greeted) = address.greeted.given() else {
            silent = silent.or(Some(&address.greeted));
            continue;
        };
        let broken = match rule {
            Encryption::Everywhere => Vec::new(),
            Encryption::Versions => versions(greeted),
            Encryption::Suites => suites(greeted),
            Encryption::Groups => groups(greeted),
            Encryption::Certificates => match &greeted.certificate {
                Answer::Given(lifespan) if lifespan.days() > LONGEST => vec![format!(
                    "the certificate is good for {} days, from {} until {}",
                    lifespan.days(),
                    lifespan.from.date(),
                    lifespan.until.date()
                )],
                Answer::Given(_) => Vec::new(),
                Answer::NotAsked | Answer::Failed(_) => {
                    return unanswered(&greeted.certificate, "the certificate");
                }
            },
        };
        findings.extend(broken.iter().map(|evidence| breaks(address, evidence)));
    }
    match silent {
        // A broken rule is broken, whatever the others would say.
        Some(silent) if findings.is_empty() => unanswered(silent, "a public address"),
        _ => per_address(encrypted.len(), findings),
    }
}

/// One address may break a rule in several ways.
fn per_address(examined: usize, findings: Vec<Finding>) -> Judgement {
    let mut names: Vec<_> =
        findings.iter().filter_map(|one| one.object.as_ref()).map(|one| &*one.name).collect();
    names.dedup();
    let broken = names.len();
    let judgement = all_keep(examined, findings, "encrypted addresses");
    if broken == 0 {
        return judgement;
    }
    let summary = format!("the rule is broken at {broken} of {examined} encrypted addresses");
    Judgement { summary, ..judgement }
}

fn versions(greeted: &Greeted) -> Vec<String> {
    let old = greeted.versions.iter().filter(|version| **version < TLS_12);
    let mut broken: Vec<_> =
        old.map(|version| format!("takes {}", version_name(*version))).collect();
    if ![TLS_12, TLS_13].iter().any(|version| greeted.versions.contains(version)) {
        broken.push("takes neither TLS 1.2 nor TLS 1.3".to_owned());
    }
    broken
}

fn suites(greeted: &Greeted) -> Vec<String> {
    let mut broken: Vec<_> = greeted
        .foreign_suites
        .iter()
        .map(|suite| format!("takes {}", suite_name(*suite)))
        .collect();
    if greeted.more_suites {
        broken.push("takes more suites that are not of the standard".to_owned());
    }
    broken
}

fn groups(greeted: &Greeted) -> Vec<String> {
    greeted.foreign_groups.iter().map(|group| format!("takes {}", group_name(*group))).collect()
}

fn breaks(address: &Address, evidence: impl Into<String>) -> Finding {
    let object = Object {
        kind: "address".to_owned(),
        id: address.services.join(", "),
        name: address.origin.clone(),
    };
    super::super::breaks(object, evidence)
}
