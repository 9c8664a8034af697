//! What the environment and the command line say.

use serde_json::{Map, Value};

use super::Sources;

/// Variables that only select; they do not describe a cloud.
const SELECTORS: [&str; 5] = [
    "OS_CLOUD",
    "OS_REGION_NAME",
    "OS_CLIENT_CONFIG_FILE",
    "OS_CLIENT_SECURE_FILE",
    "OS_CLOUD_NAME",
];

/// Variables of test frameworks that happen to begin alike.
const FOREIGN: [&str; 3] = ["OS_TEST", "OS_STD", "OS_LOG"];

/// The cloud that `OS_*` describe, if they describe one.
pub(super) fn described_by_environment(sources: &Sources) -> Option<Map<String, Value>> {
    let ours = |name: &str| {
        name.starts_with("OS_") && !FOREIGN.iter().any(|prefix| name.starts_with(prefix))
    };
    sources
        .environment
        .iter()
        .any(|(name, value)| ours(name) && !SELECTORS.contains(&name.as_str()) && !value.is_empty())
        .then(|| {
            sources
                .environment
                .iter()
                .filter(|(name, value)| ours(name) && !value.is_empty())
                .filter_map(|(name, value)| {
                    let key = name.strip_prefix("OS_")?.to_lowercase();
                    Some((key, Value::String(value.clone())))
                })
                .collect()
        })
}

/// Variables that the command-line parser of the client knows, beside those of the sign-in methods.
const ARGUMENTS: [&str; 7] =
    ["REGION_NAME", "CACERT", "CERT", "KEY", "DEFAULT_DOMAIN", "INTERFACE", "AUTH_TYPE"];

/// Variables of the sign-in methods.
const AUTH_ARGUMENTS: [&str; 29] = [
    "AUTH_URL",
    "USERNAME",
    "USER_ID",
    "PASSWORD",
    "USER_DOMAIN_ID",
    "USER_DOMAIN_NAME",
    "PROJECT_ID",
    "PROJECT_NAME",
    "PROJECT_DOMAIN_ID",
    "PROJECT_DOMAIN_NAME",
    "DOMAIN_ID",
    "DOMAIN_NAME",
    "SYSTEM_SCOPE",
    "TRUST_ID",
    "DEFAULT_DOMAIN_ID",
    "DEFAULT_DOMAIN_NAME",
    "TOKEN",
    "APPLICATION_CREDENTIAL_ID",
    "APPLICATION_CREDENTIAL_NAME",
    "APPLICATION_CREDENTIAL_SECRET",
    "IDENTITY_PROVIDER",
    "PROTOCOL",
    "ACCESS_TOKEN",
    "PASSCODE",
    "ENDPOINT",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "DISCOVERY_ENDPOINT",
    "ACCESS_TOKEN_ENDPOINT",
];

/// Services whose API version the client's command line can choose.
const API_VERSIONS: [&str; 6] = ["IDENTITY", "IMAGE", "COMPUTE", "NETWORK", "VOLUME", "OBJECT"];

/// The command line with the environment as its defaults.
pub(super) fn arguments(sources: &Sources) -> Map<String, Value> {
    let mut arguments = Map::new();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            arguments.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    };
    add("default_domain", "default");
    for name in ARGUMENTS.iter().chain(&AUTH_ARGUMENTS) {
        add(&name.to_lowercase(), sources.variable(&format!("OS_{name}")).unwrap_or_default());
    }
    for service in API_VERSIONS {
        let name = format!("{service}_API_VERSION");
        add(&name.to_lowercase(), sources.variable(&format!("OS_{name}")).unwrap_or_default());
    }
    // The client gives a project under both names and lets each fill in for the other.
    for (project, tenant) in [("project_id", "tenant_id"), ("project_name", "tenant_name")] {
        let given = [project, tenant]
            .into_iter()
            .find_map(|name| sources.variable(&format!("OS_{}", name.to_uppercase())));
        add(project, given.unwrap_or_default());
        add(tenant, given.unwrap_or_default());
    }
    add("region_name", sources.overrides.region_name.as_deref().unwrap_or_default());
    add("interface", sources.overrides.interface.as_deref().unwrap_or_default());
    arguments
}
