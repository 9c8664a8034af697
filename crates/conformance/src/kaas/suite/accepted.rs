//! Failures that the standards accept.

use std::path::Path;

use lotse_core::declared::{DeclaredError, Diagnostic, Node, SourceFile, parse};
use regex::Regex;

use crate::error::Error;
use crate::kaas::cluster::Accepted;

/// What the tests speak of, and why the standards of SCS accept that they fail (as of 2026-11).
const ACCEPTED: [(&str, &str); 9] = [
    ("HostPort validates that there is no conflict between pods with same hostPort", INTERNAL_IP),
    ("Services should be able to switch session affinity for NodePort service", INTERNAL_IP),
    ("Services should have session affinity work for NodePort service", INTERNAL_IP),
    (
        "exists conflict between pods with same hostPort and protocol but one using 0.0.0.0",
        INTERNAL_IP,
    ),
    (
        "Netpol NetworkPolicy between server and client should allow ingress access from updated namespace",
        "the test is not steady before Kubernetes 1.36",
    ),
    ("Feature:SCTPConnectivity", "SCTP need not be there"),
    (r"should\Wallow\Wegress\Waccess\Wto\Wserver\Win\WCIDR\Wblock", CILIUM),
    (
        r"ensure\Wan\WIP\Woverlapping\Wboth\WIPBlock\.CIDR\Wand\WIPBlock\.Except\Wis\Wallowed",
        CILIUM,
    ),
    (r"enforce\Wexcept\Wclause\Wwhile\Wegress\Waccess\Wto\Wserver\Win\WCIDR\Wblock", CILIUM),
];
const INTERNAL_IP: &str =
    "a cluster may do without internal addresses (github.com/kubernetes/kubernetes/issues/136626)";
const CILIUM: &str =
    "Cilium reads blocks of addresses otherwise (github.com/cilium/cilium/issues/9209)";

/// The failures that the standards accept.
pub fn accepted_failures() -> Vec<Accepted> {
    let accepted = ACCEPTED.iter();
    accepted
        .map(|(regex, reason)| Accepted { regex: (*regex).into(), reason: (*reason).into() })
        .collect()
}

/// Reads a list of accepted failures as the SCS community writes it: `okToFail`, with `regex` and
/// `reason` each.
pub fn read_accepted(path: &Path) -> Result<Vec<Accepted>, Error> {
    Ok(accepted(&SourceFile::read(path)?)?)
}

fn accepted(file: &SourceFile) -> Result<Vec<Accepted>, DeclaredError> {
    let invalid = |diagnostics| DeclaredError::Invalid { diagnostics };
    let tree = parse(file).map_err(invalid)?;
    let mut complaints: Vec<Diagnostic> = Vec::new();
    let list = tree.get("okToFail");
    if list.is_none() {
        complaints.push(file.complain(tree.span, "a list \"okToFail\" is missing"));
    }
    let mut found = Vec::new();
    for item in list.map_or(&[][..], Node::items) {
        let text = |key: &str| item.get(key).filter(|node| !node.raw.is_empty());
        match (text("regex"), text("reason")) {
            (Some(regex), Some(reason)) => {
                if let Err(error) = Regex::new(&regex.raw) {
                    let message = format!("this is no regular expression: {error}");
                    complaints.push(file.complain(regex.span, message));
                }
                let (regex, reason) = (regex.raw.to_string(), reason.raw.to_string());
                found.push(Accepted { regex, reason });
            }
            _ => complaints.push(file.complain(item.span, "an entry has a regex and a reason")),
        }
    }
    if complaints.is_empty() { Ok(found) } else { Err(invalid(complaints)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_accepted_failures_are_regular_expressions_with_a_reason() {
        for accepted in accepted_failures() {
            assert!(Regex::new(&accepted.regex).is_ok(), "{accepted:?}");
            assert!(!accepted.reason.is_empty());
        }
        let names = [
            "[sig-network] Services should have session affinity work for NodePort service [LinuxOnly] [Conformance]",
            "[sig-network] Netpol NetworkPolicy between server and client should allow egress access to server in CIDR block [Feature:NetworkPolicy]",
            "[sig-network] Netpol NetworkPolicy between server and client should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed",
        ];
        for name in names {
            let found = accepted_failures()
                .into_iter()
                .filter(|one| Regex::new(&one.regex).unwrap().is_match(name));
            assert_eq!(found.count(), 1, "{name}");
        }
    }

    #[test]
    fn a_list_of_the_community_is_read_and_needs_both_words() {
        let file = |text: &str| SourceFile::new("ok.yaml", text);
        let good = "okToFail:\n- regex: 'a.b'\n  reason: \"because: of it\"\n";
        let read = accepted(&file(good)).unwrap();
        assert_eq!((read[0].regex.as_str(), read[0].reason.as_str()), ("a.b", "because: of it"));
        for bad in [
            "okToFail:\n- regex: a\n",
            "okToFail:\n- regex: '('\n  reason: b\n",
            "other: []\n",
            "[",
        ] {
            assert!(accepted(&file(bad)).is_err(), "{bad}");
        }
    }
}
