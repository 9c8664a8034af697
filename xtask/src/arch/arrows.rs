//! Dependencies between our crates point one way: `lotse → capabilities → shared crates → core`.
//!
//! Capabilities never depend on each other: they meet through events, the run model and the binary.
//! One shared crate stands on another: `web` keeps sessions, tokens and answers in `store` and shows
//! its audit log.

use super::Finding;
use crate::workspace::Package;

/// The crates that capabilities stand on. They know `core` and nothing of each other.
const SHARED: [&str; 7] = ["openstack", "plan", "run", "scs", "store", "transfer", "web"];

/// The place of a crate in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Core,
    Shared,
    /// The simulated cloud: for tests of everybody, and for the binary's `sim` and `demo`.
    Sim,
    Capability,
    Binary,
    Chores,
}

impl Layer {
    fn of(name: &str) -> Self {
        match name {
            "core" => Self::Core,
            "sim" => Self::Sim,
            "lotse" => Self::Binary,
            "xtask" => Self::Chores,
            shared if SHARED.contains(&shared) => Self::Shared,
            _ => Self::Capability,
        }
    }

    /// Whether a crate here may use a crate there; `dev` for tests only.
    fn may_use(self, other: Self, dev: bool) -> bool {
        if dev && other == Self::Sim && self != Self::Core {
            return true;
        }
        match self {
            Self::Core => false,
            Self::Shared | Self::Sim => other == Self::Core,
            Self::Capability => matches!(other, Self::Core | Self::Shared),
            Self::Binary => !matches!(other, Self::Binary | Self::Chores),
            Self::Chores => matches!(other, Self::Core | Self::Shared),
        }
    }
}

/// Every arrow that points the wrong way.
pub(super) fn check(members: &[Package]) -> Vec<Finding> {
    let arrows = members.iter().flat_map(|package| {
        package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
            .map(|dependency| (&*package.name, &*dependency.name, dependency.kind.as_deref()))
    });
    arrows.filter_map(|(from, to, kind)| judge(from, to, kind)).collect()
}

fn judge(from: &str, to: &str, kind: Option<&str>) -> Option<Finding> {
    let (from, to) = (short(from), short(to));
    let dev = kind == Some("dev");
    let console = (from, to) == ("web", "store");
    if from == to || console || Layer::of(from).may_use(Layer::of(to), dev) {
        return None;
    }
    let kind = if dev { " (for tests)" } else { "" };
    Some(Finding::Hard(format!(
        "crate `{from}` may not depend on `{to}`{kind}: arrows go lotse → capabilities → \
         {{{}}} → core",
        SHARED.join(", ")
    )))
}

fn short(package: &str) -> &str {
    package.strip_prefix("lotse-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_down_are_allowed() {
        for (from, to) in [
            ("lotse", "lotse-images"),
            ("lotse", "lotse-sim"),
            ("lotse-images", "lotse-plan"),
            ("lotse-plan", "lotse-core"),
            ("lotse-images", "lotse-transfer"),
            ("lotse-sim", "lotse-core"),
            ("lotse-web", "lotse-store"),
            ("xtask", "lotse-run"),
        ] {
            assert_eq!(judge(from, to, None), None, "{from} → {to}");
        }
    }

    #[test]
    fn arrows_up_and_sideways_are_not() {
        for (from, to) in [
            ("lotse-core", "lotse-run"),
            ("lotse-plan", "lotse-store"),
            ("lotse-store", "lotse-web"),
            ("lotse-images", "lotse-estate"),
            ("lotse-images", "lotse-sim"),
            ("lotse-web", "lotse-images"),
            ("xtask", "lotse"),
        ] {
            assert!(judge(from, to, None).is_some(), "{from} → {to}");
        }
    }

    #[test]
    fn tests_may_use_the_simulated_cloud_and_nothing_else_sideways() {
        assert_eq!(judge("lotse-images", "lotse-sim", Some("dev")), None);
        assert_eq!(judge("lotse-openstack", "lotse-sim", Some("dev")), None);
        assert!(judge("lotse-plan", "lotse-store", Some("dev")).is_some());
        assert!(judge("lotse-core", "lotse-sim", Some("dev")).is_some());
    }
}
