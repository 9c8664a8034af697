//! Storage (scs-0211).

use lotse_scs::Mode;
use serde_json::{Value, json};

use crate::check::{Case, breaks, object, text, unanswered, worth_knowing};
use crate::model::{Judgement, Reason, Verdict};

/// Provisioners whose volumes lie on the disks of a node and end with it.
const LOCAL: [&str; 10] = [
    "docker.io/hostpath",
    "k8s.io/minikube-hostpath",
    "kubernetes.io/host-path",
    "kubernetes.io/no-provisioner",
    "local.csi.openebs.io",
    "microk8s.io/hostpath",
    "openebs.io/local",
    "rancher.io/local-path",
    "topolvm.cybozu.com",
    "topolvm.io",
];

/// There is one default storage class, and it makes volumes that outlive nodes.
pub(super) fn default_class(case: &Case<'_>) -> Judgement {
    let answer = &case.snapshot.cluster.storage_classes;
    let Some(classes) = answer.given() else { return unanswered(answer, "storage classes") };
    let is_default = |class: &&crate::snapshot::Item| class.get("default") == Some(&json!(true));
    let defaults: Vec<_> = classes.iter().filter(is_default).collect();
    let (verdict, reason, summary, findings) = match defaults[..] {
        [] => {
            let summary = format!("{} storage classes, and none is the default", classes.len());
            (Verdict::Fail, Reason::Absent, summary, Vec::new())
        }
        [class] => {
            let provisioner = text(class, "provisioner").unwrap_or_default();
            let finding = if provisioner.is_empty() {
                Some(breaks(object("storage class", class), "it has no provisioner"))
            } else if LOCAL.contains(&provisioner) {
                let evidence = format!("{provisioner} keeps volumes on the disks of a node");
                let object = object("storage class", class);
                Some(match case.mode {
                    Mode::Standard => breaks(object, evidence),
                    Mode::Upstream => worth_knowing(object, evidence),
                })
            } else {
                None
            };
            let broken = finding.as_ref().is_some_and(|finding| finding.breaks);
            let (verdict, reason) = if broken {
                (Verdict::Fail, Reason::Broken)
            } else {
                (Verdict::Pass, Reason::Kept)
            };
            let name = class.get("name").and_then(Value::as_str).unwrap_or_default();
            (verdict, reason, format!("{name} is the default"), Vec::from_iter(finding))
        }
        ref several => {
            let findings = several
                .iter()
                .map(|class| breaks(object("storage class", class), "it is a default"));
            let summary = format!("{} storage classes are the default", several.len());
            (Verdict::Fail, Reason::Broken, summary, findings.collect())
        }
    };
    Judgement { verdict, reason, summary, examined: classes.len(), findings }
}

/// A volume that is claimed is there within half a minute.
pub(super) fn claim(case: &Case<'_>) -> Judgement {
    let answer = &case.snapshot.cluster.claim;
    let Some(proof) = answer.given() else { return unanswered(answer, "a claim for a volume") };
    let last = proof.steps.last().map(String::as_str).unwrap_or_default();
    if proof.worked {
        Judgement::new(Verdict::Pass, Reason::Kept, "a claim for a volume was bound")
    } else {
        Judgement::new(Verdict::Fail, Reason::Broken, last)
    }
}
