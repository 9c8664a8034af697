//! The provisioning file: what a new page begins with, in the form that the SCS status page reads.

use std::collections::BTreeMap;
use std::path::Path;

use lotse_core::declared::{self, DeclaredError, SourceFile};
use lotse_core::id::{ComponentId, ImpactTypeId};

use crate::command::{BandFields, ComponentFields, ImpactTypeFields, Provision};

/// What a new status page begins with. Each kind is taken only when the page has none of it.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvision {
    /// The components.
    components: Vec<RawComponent>,
    /// In which ways incidents touch components.
    #[serde(rename = "impactTypes")]
    impact_types: Vec<RawImpactType>,
    /// The phases of incidents in order: generation 1.
    phases: Vec<RawPhase>,
    /// The names of severities.
    severities: Vec<RawSeverity>,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    /// What people call it.
    displayname: String,
    /// Free words about it; `region` and `group` order the page.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawImpactType {
    /// What people call it.
    displayname: String,
    /// What it means.
    #[serde(default)]
    description: Option<String>,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPhase {
    /// What people call it.
    name: String,
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawSeverity {
    /// What people call it.
    name: String,
    /// The highest severity in it, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    value: u8,
}

/// Reads a provisioning file.
///
/// # Errors
/// The file cannot be read, or is not a provisioning file; with all complaints at once.
pub fn read(path: &Path) -> Result<Provision, DeclaredError> {
    parse(&SourceFile::read(path)?)
}

fn parse(file: &SourceFile) -> Result<Provision, DeclaredError> {
    let raw = declared::load::<RawProvision>(file)?.value;
    let component = |one: RawComponent| {
        let (name, labels) = (Some(one.displayname), Some(one.labels));
        (ComponentId::generate(), ComponentFields { name, labels, audiences: None })
    };
    let impact_type = |one: RawImpactType| {
        let fields = ImpactTypeFields { name: Some(one.displayname), description: one.description };
        (ImpactTypeId::generate(), fields)
    };
    let severity = |one: RawSeverity| BandFields { name: Some(one.name), value: Some(one.value) };
    Ok(Provision {
        components: raw.components.into_iter().map(component).collect(),
        impact_types: raw.impact_types.into_iter().map(impact_type).collect(),
        severities: raw.severities.into_iter().map(severity).collect(),
        phases: raw.phases.into_iter().map(|phase| phase.name).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisioning_file_of_the_reference_is_read() {
        let file = SourceFile::new(
            "provisioning.yaml",
            "components:\n  - displayname: Storage\n    labels:\n      region: west\n\
             impactTypes:\n  - displayname: Slow\n    description: it takes longer\n\
             phases:\n  - name: Scheduled\n  - name: Done\n\
             severities:\n  - name: operational\n    value: 33\n",
        );
        let provision = parse(&file).unwrap();
        assert_eq!(provision.phases, ["Scheduled", "Done"]);
        assert_eq!(provision.severities[0].value, Some(33));
        assert_eq!(provision.components[0].1.labels.as_ref().unwrap()["region"], "west");
        assert_eq!(provision.impact_types[0].1.name.as_deref(), Some("Slow"));
    }

    #[test]
    fn a_typing_error_is_shown_at_its_place() {
        let file = SourceFile::new("p.yaml", "severities:\n  - name: broken\n    valu: 100\n");
        let report = parse(&file).unwrap_err().report();
        assert!(report.contains("p.yaml:3:5"), "{report}");
    }
}
