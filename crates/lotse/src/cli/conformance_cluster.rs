//! Arguments of `lotse conformance` on clusters of Kubernetes.

use std::path::PathBuf;

use clap::Args;
use url::Url;

/// A cluster of Kubernetes in place of a cloud.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterArguments {
    /// Look at a cluster of Kubernetes: the kubeconfig that leads to it
    #[arg(long, value_name = "FILE", conflicts_with = "os_cloud")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, if not its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub(crate) context: Option<String>,
    /// Results of the conformance suite of the CNCF: an archive of Sonobuoy, a folder of hydrophone, or
    /// a JUnit file; several in the order of their runs
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    pub(crate) conformance_results: Vec<PathBuf>,
    /// Results of the tests of network policies, in the same forms
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    pub(crate) networking_results: Vec<PathBuf>,
    /// A list of accepted failures (`okToFail`), if not that of the standards
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    pub(crate) accepted_failures: Option<PathBuf>,
    /// What was published about versions, from `lotse conformance feeds`; read now if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) feeds: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct FeedsArguments {
    /// A mirror that has `releases`, `support`, `cves` and `records/ID`
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<Url>,
    /// Where to; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
