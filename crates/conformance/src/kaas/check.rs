//! The testcases on clusters: pure functions of snapshot, instant and mode.

mod hardening;
mod nodes;
mod storage;
mod suites;
mod version_policy;

#[cfg(test)]
mod tests;

use super::registry::Check;
use crate::check::Case;
use crate::model::Judgement;

/// Judges one testcase.
pub(crate) fn judge(check: Check, case: &Case<'_>) -> Judgement {
    match check {
        Check::Conformance => suites::conformance(case),
        Check::Networking => suites::networking(case),
        Check::VersionPolicy => version_policy::judge(case),
        Check::DefaultStorageClass => storage::default_class(case),
        Check::VolumeClaim => storage::claim(case),
        Check::NodeDistribution => nodes::distribution(case),
        Check::Endpoints => hardening::endpoints(case),
        Check::KubeletAuthentication => hardening::kubelet_authentication(case),
        Check::KubeletAuthorization => hardening::kubelet_authorization(case),
        Check::ApiServer => hardening::api_server(case),
        Check::PodSecurity => hardening::pod_security(case),
    }
}
