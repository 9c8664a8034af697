//! Which testcases on clusters Lotse can judge, and what they need.

/// A testcase on a cluster.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Check {
    /// The cluster passes the conformance tests of the CNCF (scs-0201).
    Conformance,
    /// Its version is new enough (scs-0210).
    VersionPolicy,
    /// There is a default storage class (scs-0211).
    DefaultStorageClass,
    /// A claim for a volume of the default class is bound (scs-0211).
    VolumeClaim,
    /// Nodes are spread, and say how (scs-0214).
    NodeDistribution,
    /// Network policies work (scs-0219).
    Networking,
    /// Ports that are not for the public are closed (scs-0217).
    Endpoints,
    /// Kubelets let nobody in who has not shown who he is (scs-0217).
    KubeletAuthentication,
    /// Kubelets ask whether somebody may do something (scs-0217).
    KubeletAuthorization,
    /// The API server lets nobody do everything (scs-0217).
    ApiServer,
    /// Namespaces of users hold pods to a level of security (scs-0217).
    PodSecurity,
}

/// What has to be observed of a cluster.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// What version it says it is.
    Version,
    /// What is published about versions.
    Feeds,
    /// Its nodes.
    Nodes,
    /// Its storage classes.
    StorageClasses,
    /// A claim for a volume; changes the cluster for a moment.
    Claim,
    /// Imported results of the conformance suite.
    Results,
    /// Which ports are open.
    Ports,
    /// How kubelets are configured.
    Kubelets,
    /// How the API server was started.
    ApiServer,
    /// Its namespaces.
    Namespaces,
}

impl Part {
    /// Everything.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::Feeds,
        Self::Nodes,
        Self::StorageClasses,
        Self::Claim,
        Self::Results,
        Self::Ports,
        Self::Kubelets,
        Self::ApiServer,
        Self::Namespaces,
    ];
}

/// All testcases with the ids that scopes know them by. The scopes of SCS name those of 0211 and 0217
/// nowhere, so that their ids are ours.
const IDS: [(&str, Check); 11] = [
    ("cncf-k8s-conformance", Check::Conformance),
    ("version-policy-check", Check::VersionPolicy),
    ("node-distribution-check", Check::NodeDistribution),
    ("kaas-networking-check", Check::Networking),
    ("scs-0211-default-storage-class", Check::DefaultStorageClass),
    ("scs-0211-volume-claim", Check::VolumeClaim),
    ("scs-0217-endpoints", Check::Endpoints),
    ("scs-0217-kubelet-authentication", Check::KubeletAuthentication),
    ("scs-0217-kubelet-authorization", Check::KubeletAuthorization),
    ("scs-0217-api-server", Check::ApiServer),
    ("scs-0217-pod-security", Check::PodSecurity),
];

impl Check {
    /// The testcase with this id.
    pub fn find(id: &str) -> Option<Self> {
        IDS.iter().find(|(known, _)| *known == id).map(|(_, check)| *check)
    }

    /// What has to be observed to judge it; of several parts the one that is its own.
    pub const fn part(self) -> Part {
        match self {
            Self::Conformance | Self::Networking => Part::Results,
            Self::VersionPolicy => Part::Feeds,
            Self::DefaultStorageClass => Part::StorageClasses,
            Self::VolumeClaim => Part::Claim,
            Self::NodeDistribution => Part::Nodes,
            Self::Endpoints => Part::Ports,
            Self::KubeletAuthentication | Self::KubeletAuthorization => Part::Kubelets,
            Self::ApiServer => Part::ApiServer,
            Self::PodSecurity => Part::Namespaces,
        }
    }

    /// What the standard demands, in one sentence.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Conformance => "the cluster passes the conformance tests of the CNCF",
            Self::VersionPolicy => {
                "the branch is supported, patches are there a month after their release, and two \
                 weeks after if they close a critical CVE"
            }
            Self::DefaultStorageClass => {
                "one storage class is the default, and what it makes outlives nodes"
            }
            Self::VolumeClaim => {
                "a claim for a volume of the default storage class is bound within 30 seconds"
            }
            Self::NodeDistribution => {
                "the control plane is spread over machines and zones, and all nodes say in which \
                 region, in which zone and on which host they are"
            }
            Self::Networking => "the tests of network policies pass",
            Self::Endpoints => "only the API answers strangers; kubelet, etcd and the rest do not",
            Self::KubeletAuthentication => "kubelets refuse requests without identity",
            Self::KubeletAuthorization => "kubelets ask the API whether a request is allowed",
            Self::ApiServer => "the API server authorises requests with fine-grained roles",
            Self::PodSecurity => "namespaces of users enforce a level of pod security",
        }
    }

    /// How the readings of upstream and of the standard differ.
    pub const fn oddity(self) -> &'static str {
        match self {
            Self::Conformance | Self::Networking => {
                "Upstream counts failures only; the standard's mode wants results of a whole run, of \
                 the version that the cluster has."
            }
            Self::VersionPolicy => {
                "Upstream gives up when one CVE cannot be read, even if nothing hangs on it, and \
                 counts a CVE that the newer patch does not close, too."
            }
            Self::NodeDistribution => "Upstream leaves this to people.",
            Self::PodSecurity => {
                "Upstream looks for the level among annotations, where it never stands."
            }
            Self::DefaultStorageClass => {
                "Upstream does not look whether volumes are local to nodes."
            }
            Self::VolumeClaim
            | Self::Endpoints
            | Self::KubeletAuthentication
            | Self::KubeletAuthorization
            | Self::ApiServer => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_testcase_has_one_id_a_rule_and_a_need() {
        for (at, (id, check)) in IDS.iter().enumerate() {
            assert_eq!(Check::find(id), Some(*check));
            assert!(IDS[at + 1..].iter().all(|(other, known)| other != id && known != check));
            assert!(!check.rule().is_empty() && Part::ALL.contains(&check.part()));
        }
        assert_eq!(Check::find("scs-0211-"), None);
    }
}
