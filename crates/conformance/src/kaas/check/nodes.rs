//! How nodes are spread (scs-0214).

use std::collections::BTreeSet;

use lotse_scs::Mode;
use serde_json::Value;

use crate::check::{Case, all_keep, breaks, object, unanswered, worth_knowing};
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::snapshot::Item;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const HOST: &str = "topology.scs.community/host-id";
/// Nodes of the control plane carry one of these; the second is of before 1.24.
const ROLES: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Nodes say where they are, and the control plane is not all in one place.
pub(super) fn distribution(case: &Case<'_>) -> Judgement {
    if case.mode == Mode::Upstream {
        let why = "upstream leaves it to people to judge this";
        return Judgement::new(Verdict::Missing, Reason::Manual, why);
    }
    let answer = &case.snapshot.cluster.nodes;
    let Some(nodes) = answer.given() else { return unanswered(answer, "nodes") };
    let mut findings = unlabelled(nodes);
    let whole = |evidence: String| Finding { breaks: true, object: None, evidence };
    if nodes.len() < 2 {
        findings.push(whole(format!("there are {} nodes, and 2 are the fewest", nodes.len())));
    }
    let planes: Vec<_> = nodes.iter().filter(|node| is_control_plane(node)).collect();
    if !planes.is_empty() {
        let hosts: BTreeSet<_> = planes.iter().filter_map(|node| label(node, HOST)).collect();
        if planes.len() < 2 || hosts.len() < 2 {
            findings.push(whole(format!(
                "the control plane has {} nodes on {} hosts, and one host may be lost",
                planes.len(),
                hosts.len()
            )));
        }
        let zones: BTreeSet<_> = planes.iter().filter_map(|node| label(node, ZONE)).collect();
        let all: BTreeSet<_> = nodes.iter().filter_map(|node| label(node, ZONE)).collect();
        findings.extend(all.difference(&zones).map(|zone| {
            whole(format!("the zone {zone} has nodes, and none of the control plane"))
        }));
    }
    for node in nodes {
        if node.get("ready").is_some_and(|ready| ready != "True") {
            findings.push(worth_knowing(object("node", node), "it is not ready"));
        }
    }
    let unseen = planes.is_empty() && findings.iter().all(|finding| !finding.breaks);
    let mut judgement = all_keep(nodes.len(), findings, "nodes");
    if judgement.verdict == Verdict::Fail {
        "the nodes are not spread as they should, or do not say so"
            .clone_into(&mut judgement.summary);
    }
    if unseen {
        judgement.verdict = Verdict::Abort;
        judgement.reason = Reason::NotObserved;
        "the nodes of the control plane are not among the nodes that can be seen"
            .clone_into(&mut judgement.summary);
    }
    judgement
}

fn unlabelled(nodes: &[Item]) -> Vec<Finding> {
    let missing = nodes.iter().filter_map(|node| {
        let missing: Vec<_> =
            [REGION, ZONE, HOST].into_iter().filter(|key| label(node, key).is_none()).collect();
        let evidence = format!("it has no label {}", missing.join(", "));
        (!missing.is_empty()).then(|| breaks(object("node", node), evidence))
    });
    missing.collect()
}

fn label<'a>(node: &'a Item, key: &str) -> Option<&'a str> {
    let value = node.get("labels")?.get(key).and_then(Value::as_str)?;
    (!value.is_empty()).then_some(value)
}

fn is_control_plane(node: &Item) -> bool {
    let labels = node.get("labels").and_then(Value::as_object);
    labels.is_some_and(|labels| ROLES.iter().any(|role| labels.contains_key(*role)))
}
