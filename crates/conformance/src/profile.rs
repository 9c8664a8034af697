//! The scopes that come with Lotse, written from the facts of the standards. Published scope files are
//! read with [`Spec::read`] as they are.

use lotse_core::declared::SourceFile;
use lotse_scs::Mode;

use crate::error::Error;
use crate::spec::Spec;

/// Names and texts.
const PROFILES: [(&str, &str); 2] = [
    ("scs-iaas", include_str!("../profiles/scs-iaas.yaml")),
    ("scs-kaas", include_str!("../profiles/scs-kaas.yaml")),
];

/// The names of all profiles.
pub fn names() -> Vec<&'static str> {
    PROFILES.iter().map(|(name, _)| *name).collect()
}

/// The profile with this name.
pub fn named(name: &str, mode: Mode) -> Result<Spec, Error> {
    let found = PROFILES.iter().find(|(known, _)| *known == name);
    let (name, text) =
        found.ok_or_else(|| Error::NoProfile { name: name.to_owned(), known: names() })?;
    let file = SourceFile::new(format!("profile {name}"), *text);
    Ok(Spec::from_source(&file, mode)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MAIN;
    use crate::testcase::Testcase;

    #[test]
    fn the_profile_has_the_sizes_of_the_published_scope_and_lotse_knows_all_of_it() {
        let spec = named("scs-iaas", Mode::Upstream).unwrap();
        let size = |version| spec.version(version).unwrap().target(MAIN).len();
        assert_eq!((size("next"), size("v5.1")), (55, 54));
        for id in spec.testcases.keys() {
            assert!(Testcase::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn the_profile_of_clusters_demands_what_lotse_knows_and_is_read_in_both_modes() {
        for mode in [Mode::Upstream, Mode::Standard] {
            let spec = named("scs-kaas", mode).unwrap();
            assert_eq!(spec.version("v1").unwrap().target(MAIN).len(), 4);
            for id in spec.testcases.keys() {
                assert!(matches!(Testcase::find(id), Some(Testcase::Kubernetes(_))), "{id}");
            }
        }
    }

    #[test]
    fn what_the_two_versions_do_not_share_is_what_the_standards_changed() {
        let spec = named("scs-iaas", Mode::Standard).unwrap();
        let [next, old] = ["next", "v5.1"].map(|name| spec.version(name).unwrap().target(MAIN));
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|id| !those.contains(id)).cloned().collect()
        };
        assert_eq!(
            only(next, old),
            ["scs-0102-os_purpose-uniqueness", "scs-0102-prop-os_purpose", "scs-0123-service-s3"]
        );
        assert_eq!(only(old, next), ["scs-0123-service-placement", "scs-0123-swift-s3"]);
    }

    #[test]
    fn an_unknown_profile_is_refused_with_those_there_are() {
        let error = named("scs-paas", Mode::Standard).unwrap_err();
        assert!(error.to_string().contains("scs-iaas"), "{error}");
    }
}
