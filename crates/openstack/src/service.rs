//! The names services go by.
//!
//! OpenStack agreed on one official type per service, but catalogues and configuration files also
//! carry older names: block storage alone appears as `block-storage`, `volumev3`, `volumev2`,
//! `volume` and `block-store`. Callers may use any of them.

/// Official service type, older names (best first), and the name microversion headers use for it.
struct Service {
    official: &'static str,
    aliases: &'static [&'static str],
    microversion_header: Option<&'static str>,
}

const fn service(official: &'static str, aliases: &'static [&'static str]) -> Service {
    Service { official, aliases, microversion_header: None }
}

const fn versioned(
    official: &'static str,
    aliases: &'static [&'static str],
    header: &'static str,
) -> Service {
    Service { official, aliases, microversion_header: Some(header) }
}

/// The services whose official type differs from a name in use, or that have microversions.
///
/// Source: the OpenStack service-types authority.
const SERVICES: &[Service] = &[
    versioned("compute", &[], "compute"),
    versioned("placement", &[], "placement"),
    versioned("block-storage", &["volumev3", "volumev2", "volume", "block-store"], "volume"),
    versioned("baremetal", &["bare-metal"], "baremetal"),
    versioned("baremetal-introspection", &[], "baremetal-introspection"),
    versioned("shared-file-system", &["sharev2", "share"], "shared-file-system"),
    versioned(
        "container-infrastructure-management",
        &["container-infrastructure", "container-infra"],
        "container-infra",
    ),
    versioned("accelerator", &[], "accelerator"),
    versioned("application-container", &["container"], "container"),
    service("clustering", &["resource-cluster", "cluster"]),
    service("resource-optimization", &["infra-optim"]),
    service("message", &["messaging"]),
    service("workflow", &["workflowv2"]),
    service("operator-policy", &["policy"]),
    service("alarm", &["alarming"]),
    service("meter", &["metering", "telemetry"]),
    service("event", &["events"]),
    service("application-deployment", &["application_deployment"]),
    service("multi-region-network-automation", &["tricircle"]),
    service("root-cause-analysis", &["rca"]),
    service("monitoring-logging", &["monitoring-log-api"]),
    service("instance-ha", &["ha"]),
    service("admin-logic", &["registration"]),
];

fn find(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.official == name || service.aliases.contains(&name))
}

/// The official type of a service that may be called by an older name.
pub(crate) fn official(name: &str) -> &str {
    find(name).map_or(name, |service| service.official)
}

/// All names of a service, the official one first.
pub(crate) fn names_of(name: &str) -> impl Iterator<Item = &str> {
    let (first, rest): (&str, &[&str]) =
        find(name).map_or((name, &[]), |service| (service.official, service.aliases));
    std::iter::once(first).chain(rest.iter().copied())
}

/// What the header `OpenStack-API-Version` calls a service.
pub(crate) fn microversion_name(name: &str) -> &str {
    find(name).and_then(|service| service.microversion_header).unwrap_or_else(|| official(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_lead_to_the_official_type_and_back() {
        assert_eq!(official("volumev3"), "block-storage");
        assert_eq!(official("image"), "image");
        let names: Vec<_> = names_of("volume").collect();
        assert_eq!(names, ["block-storage", "volumev3", "volumev2", "volume", "block-store"]);
    }

    #[test]
    fn block_storage_is_called_volume_in_microversion_headers() {
        assert_eq!(microversion_name("block-storage"), "volume");
        assert_eq!(microversion_name("container-infra"), "container-infra");
        assert_eq!(microversion_name("network"), "network");
    }
}
