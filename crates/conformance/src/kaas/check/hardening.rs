//! A baseline of security, as far as it can be seen from outside (scs-0217).

use lotse_scs::Mode;
use serde_json::{Value, json};

use crate::check::{
    Case, all_keep, breaks, none_there, object, shown, text, unanswered, worth_knowing,
};
use crate::model::{Finding, Judgement, Object, Reason, Verdict};
use crate::snapshot::{Item, Trouble};

/// Only the API answers on its host.
pub(super) fn endpoints(case: &Case<'_>) -> Judgement {
    let answer = &case.snapshot.cluster.ports;
    let Some(ports) = answer.given() else { return unanswered(answer, "ports") };
    if ports.is_empty() {
        return Judgement::new(Verdict::Abort, Reason::NothingToCheck, "no port was looked at");
    }
    let open = ports.iter().filter(|port| port.open).map(|port| {
        let number = port.number;
        let object = Object { kind: "port".into(), id: String::new(), name: number.to_string() };
        breaks(object, format!("{} answers to strangers", owner(number)))
    });
    all_keep(ports.len(), open.collect(), "ports")
}

const fn owner(port: u16) -> &'static str {
    match port {
        2379 | 2380 => "etcd",
        10250 => "the kubelet",
        10255 => "the kubelet, which asks nobody who he is there,",
        10257 => "the controller manager",
        10259 => "the scheduler",
        _ => "something",
    }
}

/// Kubelets refuse requests without identity.
pub(super) fn kubelet_authentication(case: &Case<'_>) -> Judgement {
    kubelets(case, |kubelet| {
        let anonymous = kubelet.get("anonymous");
        let port = kubelet.get("readOnlyPort").and_then(Value::as_i64).unwrap_or_default();
        if anonymous != Some(&json!(false)) {
            Some(format!("authentication.anonymous.enabled is {}", shown(anonymous)))
        } else if port != 0 {
            Some(format!("its port {port} asks nobody who he is"))
        } else {
            None
        }
    })
}

/// Kubelets ask the API what is allowed.
pub(super) fn kubelet_authorization(case: &Case<'_>) -> Judgement {
    kubelets(case, |kubelet| {
        let mode = kubelet.get("mode");
        (mode != Some(&json!("Webhook"))).then(|| format!("authorization.mode is {}", shown(mode)))
    })
}

fn kubelets(case: &Case<'_>, broken: impl Fn(&Item) -> Option<String>) -> Judgement {
    let answer = &case.snapshot.cluster.kubelets;
    let Some(kubelets) = answer.given() else { return unanswered(answer, "kubelets") };
    if kubelets.is_empty() {
        return none_there(case, "kubelets");
    }
    let mut findings: Vec<Finding> = Vec::new();
    let mut unread: Option<Trouble> = None;
    for kubelet in kubelets {
        if let Some(trouble) = kubelet.get("trouble") {
            // A trouble that cannot be read is one.
            unread = unread.or_else(|| {
                let unknown = || Trouble {
                    reason: Reason::ApiFailed,
                    message: shown(Some(trouble)),
                    status: None,
                    request_id: None,
                };
                Some(serde_json::from_value(trouble.clone()).unwrap_or_else(|_| unknown()))
            });
        } else if let Some(evidence) = broken(kubelet) {
            findings.push(breaks(object("kubelet", kubelet), evidence));
        }
    }
    match unread {
        Some(trouble) if findings.is_empty() => {
            Judgement::new(Verdict::Abort, trouble.reason, format!("kubelets: {}", trouble.message))
        }
        _ => all_keep(kubelets.len(), findings, "kubelets"),
    }
}

/// The API server lets nobody do everything.
pub(super) fn api_server(case: &Case<'_>) -> Judgement {
    let answer = &case.snapshot.cluster.api_servers;
    let Some(servers) = answer.given() else { return unanswered(answer, "API servers") };
    if servers.is_empty() {
        let why = "the API server runs where its pods cannot be seen";
        return Judgement::new(Verdict::Abort, Reason::NotObserved, why);
    }
    let mut findings = Vec::new();
    let mut unseen = false;
    for server in servers {
        let flag = |name: &str| server.get("flags")?.get(name)?.as_str();
        let here = || object("API server", server);
        match (flag("--authorization-mode"), flag("--authorization-config")) {
            (Some(modes), _) => {
                let modes: Vec<_> = modes.split(',').map(str::trim).collect();
                if modes.contains(&"AlwaysAllow") || !modes.contains(&"RBAC") {
                    findings.push(breaks(here(), format!("it authorises by {}", modes.join(", "))));
                }
            }
            (None, Some(_)) => {
                unseen = true;
                findings.push(worth_knowing(here(), "how it authorises stands in a file"));
            }
            (None, None) => {
                findings.push(breaks(here(), "it allows everything, which is its default"));
            }
        }
        if flag("--token-auth-file").is_some() {
            findings.push(breaks(here(), "its file of tokens knows no end and no change of them"));
        }
    }
    let mut judgement = all_keep(servers.len(), findings, "API servers");
    if unseen && judgement.verdict == Verdict::Pass {
        judgement.verdict = Verdict::Abort;
        judgement.reason = Reason::NotObserved;
        "how the API server authorises stands in a file".clone_into(&mut judgement.summary);
    }
    judgement
}

/// Namespaces of users hold pods to a level of security.
pub(super) fn pod_security(case: &Case<'_>) -> Judgement {
    const KEY: &str = "pod-security.kubernetes.io/enforce";
    let answer = &case.snapshot.cluster.namespaces;
    let Some(namespaces) = answer.given() else { return unanswered(answer, "namespaces") };
    let field = match case.mode {
        Mode::Upstream => "annotations",
        Mode::Standard => "labels",
    };
    let of_users: Vec<_> = namespaces
        .iter()
        .filter(|one| !text(one, "name").is_some_and(|name| name.starts_with("kube-")))
        .collect();
    if of_users.is_empty() {
        return none_there(case, "namespaces of users");
    }
    let findings = of_users.iter().filter_map(|namespace| {
        let level = namespace.get(field).and_then(|all| all.get(KEY));
        let held = matches!(level.and_then(Value::as_str), Some("baseline" | "restricted"));
        (!held)
            .then(|| breaks(object("namespace", namespace), format!("{KEY} is {}", shown(level))))
    });
    let findings = findings.collect();
    all_keep(of_users.len(), findings, "namespaces of users")
}
