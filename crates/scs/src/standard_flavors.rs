//! The standard flavors (scs-0103): names, and what stands behind them.

use crate::Mode;
use crate::flavor::{ExtraSpecs, FlavorName, ParseError, extra_specs};

/// Whether clouds must or should have a flavor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand {
    /// Clouds must have it.
    Mandatory,
    /// Clouds should have it.
    Recommended,
}

/// The extra spec with which flavors say how much they are wanted (version 1.3 of the standard).
pub const REQUIRED: &str = "scs:required";

/// What flavors say there that are not of the standard.
pub const OPTIONAL: &str = "optional";

impl Demand {
    /// What flavors of the standard say in [`REQUIRED`].
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatoryv1",
            Self::Recommended => "recommendedv1",
        }
    }
}

/// A flavor of the standard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StandardFlavor {
    /// Its name.
    pub name: &'static str,
    /// Whether clouds must have it.
    pub demand: Demand,
}

const fn must(name: &'static str) -> StandardFlavor {
    StandardFlavor { name, demand: Demand::Mandatory }
}

const fn should(name: &'static str) -> StandardFlavor {
    StandardFlavor { name, demand: Demand::Recommended }
}

/// All flavors of the standard, the mandatory ones first.
pub const ALL: [StandardFlavor; 31] = [
    must("SCS-1V-4"),
    must("SCS-2V-8"),
    must("SCS-4V-16"),
    must("SCS-8V-32"),
    must("SCS-1V-2"),
    must("SCS-2V-4"),
    must("SCS-4V-8"),
    must("SCS-8V-16"),
    must("SCS-16V-32"),
    must("SCS-1V-8"),
    must("SCS-2V-16"),
    must("SCS-4V-32"),
    must("SCS-1L-1"),
    must("SCS-2V-4-20s"),
    must("SCS-4V-16-100s"),
    should("SCS-1V-4-10"),
    should("SCS-2V-8-20"),
    should("SCS-4V-16-50"),
    should("SCS-8V-32-100"),
    should("SCS-1V-2-5"),
    should("SCS-2V-4-10"),
    should("SCS-4V-8-20"),
    should("SCS-8V-16-50"),
    should("SCS-16V-32-100"),
    should("SCS-1V-8-20"),
    should("SCS-2V-16-50"),
    should("SCS-4V-32-100"),
    should("SCS-1L-1-5"),
    should("SCS-16V-64"),
    should("SCS-8V-64"),
    should("SCS-16V-128"),
];

impl StandardFlavor {
    /// The flavor that a testcase asks for by the lower-case rest of the name, for example `1v-4`.
    pub fn by_testcase(rest: &str) -> Option<&'static Self> {
        ALL.iter().find(|flavor| {
            flavor.name.strip_prefix("SCS-").is_some_and(|name| name.eq_ignore_ascii_case(rest))
        })
    }

    /// The flavor with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|flavor| flavor.name == name)
    }

    /// What its name promises.
    pub fn promise(&self) -> Result<FlavorName, ParseError> {
        FlavorName::parse(self.name, Mode::Standard).map(|parsed| parsed.flavor)
    }

    /// The extra specs it carries.
    pub fn extra_specs(&self) -> Result<ExtraSpecs, ParseError> {
        self.promise().map(|flavor| extra_specs(&flavor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_canonical_and_fifteen_are_mandatory() {
        for flavor in ALL {
            assert_eq!(flavor.promise().unwrap().to_string(), flavor.name);
        }
        let mandatory = ALL.iter().filter(|flavor| flavor.demand == Demand::Mandatory).count();
        assert_eq!((mandatory, ALL.len()), (15, 31));
    }

    #[test]
    fn a_testcase_names_a_flavor_in_lower_case() {
        assert_eq!(StandardFlavor::by_testcase("4v-16-100s").unwrap().name, "SCS-4V-16-100s");
        assert_eq!(StandardFlavor::by_testcase("4v-17"), None);
    }

    #[test]
    fn a_flavor_with_ssd_carries_its_names_and_the_kinds_of_cpu_and_disk() {
        let flavor = StandardFlavor::by_testcase("2v-4-20s").unwrap();
        let specs = flavor.extra_specs().unwrap();
        let specs: Vec<_> = specs.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(
            specs,
            [
                ("scs:name-v1", "SCS-2V:4:20s"),
                ("scs:name-v2", "SCS-2V-4-20s"),
                ("scs:cpu-type", "shared-core"),
                ("scs:disk0-type", "ssd"),
            ]
        );
    }
}
