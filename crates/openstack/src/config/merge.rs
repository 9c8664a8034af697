//! From files and environment to one flat map, as openstacksdk and osc-lib do it.
//!
//! Each function here is one step of theirs, in their order; the order is what decides who wins.

use serde_json::{Map, Value};

use super::environment::{arguments, described_by_environment};
use super::tree::Files;
use super::{ConfigError, Sources};

/// The chosen cloud with everything laid together.
#[derive(Debug)]
pub(super) struct Merged {
    /// Its name.
    pub(super) name: String,
    /// Keys at the top, normalised: no dashes, no numbers.
    pub(super) top: Map<String, Value>,
    /// The `auth:` section, likewise.
    pub(super) auth: Map<String, Value>,
}

/// Keys of `auth:` that may also stand beside it, with the older spellings; the later one wins.
const MOVED_TO_AUTH: [(&str, &[&str]); 9] = [
    ("domain_id", &["domain_id", "domain-id"]),
    ("domain_name", &["domain_name", "domain-name"]),
    ("user_domain_id", &["user_domain_id", "user-domain-id"]),
    ("user_domain_name", &["user_domain_name", "user-domain-name"]),
    ("project_domain_id", &["project_domain_id", "project-domain-id"]),
    ("project_domain_name", &["project_domain_name", "project-domain-name"]),
    ("token", &["auth-token", "auth_token", "token"]),
    ("project_id", &["tenant_id", "tenant-id", "project_id", "project-id"]),
    ("project_name", &["tenant_name", "tenant-name", "project_name", "project-name"]),
];

/// Lays everything together for the cloud that the sources choose.
pub(super) fn merge(files: &Files<'_>, sources: &Sources) -> Result<Merged, ConfigError> {
    let mut sections = files.sections.clone();
    let described = described_by_environment(sources);
    let environment_cloud = sources.environment_cloud().to_owned();
    if described.is_some() && sections.contains_key(&environment_cloud) {
        return Err(ConfigError::Unusable {
            cloud: environment_cloud.clone(),
            key: "name".to_owned(),
            reason: "the environment describes a cloud of the same name; rename one of them, or \
                     set OS_CLOUD_NAME"
                .to_owned(),
            diagnostics: Vec::new(),
        });
    }
    if let Some(described) = described {
        sections.insert(environment_cloud.clone(), Value::Object(described));
    }
    let name = choose(files, sources, &sections)?;
    let Some(Value::Object(cloud)) = sections.remove(&name) else {
        return Err(unknown(files, sources, name));
    };
    refuse_profiles(files, &name, &environment_cloud, &cloud)?;

    let arguments = arguments(sources);
    let region = region(&name, &cloud, arguments.get("region_name"))?;
    let mut top = defaults();
    let mut auth = Map::new();
    lay(&mut top, &mut auth, cloud);
    top.remove("cloud");
    top.remove("regions");
    lay(&mut top, &mut auth, region.values);
    lay(&mut top, &mut auth, arguments);
    top.insert("region_name".to_owned(), Value::String(region.name));

    rename_endpoint_types(&mut top);
    move_to_auth(&mut top, &mut auth);
    spread_domain(&mut top, &mut auth);
    let mut merged = Merged { name, top: normalised(top), auth: normalised(auth) };
    fill_placeholders(&mut merged);
    default_domain(&mut merged);
    Ok(merged)
}

/// The cloud of the command line, of `OS_CLOUD`, of the environment, or the only one.
fn choose(
    files: &Files<'_>,
    sources: &Sources,
    sections: &Map<String, Value>,
) -> Result<String, ConfigError> {
    let named = sources.overrides.cloud.as_deref().filter(|name| !name.is_empty());
    if let Some(name) = named.or_else(|| sources.variable("OS_CLOUD")) {
        return Ok(name.to_owned());
    }
    if sections.contains_key(sources.environment_cloud())
        && (sources.variable("OS_AUTH_URL").is_some() || sections.len() == 1)
    {
        return Ok(sources.environment_cloud().to_owned());
    }
    match files.cloud_names().as_slice() {
        [] => Err(ConfigError::Nothing { searched: sources.searched.clone() }),
        [only] => Ok(only.clone()),
        known => Err(ConfigError::NoneChosen {
            file: files.main_name().unwrap_or_default(),
            known: known.to_vec(),
        }),
    }
}

fn unknown(files: &Files<'_>, sources: &Sources, name: String) -> ConfigError {
    let known = files.cloud_names();
    let meant = super::resolve::nearest(&name, known.iter().map(String::as_str));
    ConfigError::UnknownCloud {
        meant,
        file: files.main_name(),
        known,
        searched: sources.searched.clone(),
        name,
    }
}

fn refuse_profiles(
    files: &Files<'_>,
    name: &str,
    environment_cloud: &str,
    cloud: &Map<String, Value>,
) -> Result<(), ConfigError> {
    for key in ["profile", "cloud"] {
        let Some(Value::String(profile)) = cloud.get(key) else { continue };
        if profile.is_empty() || profile == environment_cloud || name == environment_cloud {
            continue;
        }
        return Err(ConfigError::Unsupported {
            cloud: name.to_owned(),
            what: format!("the vendor profile \"{profile}\""),
            instead:
                "write auth_url, region_name and what else the profile gives into the cloud's \
                      section of clouds.yaml"
                    .to_owned(),
            diagnostics: files.complain(name, key, "vendor profiles are not supported"),
        });
    }
    Ok(())
}

/// What the client has built in.
fn defaults() -> Map<String, Value> {
    [("auth_type", "password"), ("interface", "public")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())))
        .collect()
}

struct Region {
    name: String,
    values: Map<String, Value>,
}

/// The region asked for, which must be one the file lists if it lists any; else the first listed.
fn region(
    cloud_name: &str,
    cloud: &Map<String, Value>,
    asked: Option<&Value>,
) -> Result<Region, ConfigError> {
    let asked = asked.and_then(Value::as_str).unwrap_or_default();
    let listed = match cloud.get("regions").or_else(|| cloud.get("region_name")) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(regions)) => regions
            .iter()
            .map(|entry| listed_region(cloud_name, entry))
            .collect::<Result<_, _>>()?,
        Some(Value::String(names)) => names.split(',').map(named).collect(),
        Some(other) => vec![listed_region(cloud_name, other)?],
    };
    if listed.is_empty() {
        return Ok(named(asked));
    }
    let known: Vec<_> = listed.iter().map(|region| region.name.clone()).collect();
    let found = listed.into_iter().find(|region| asked.is_empty() || region.name == asked);
    found.ok_or_else(|| ConfigError::UnknownRegion {
        cloud: cloud_name.to_owned(),
        region: asked.to_owned(),
        known,
    })
}

fn named(name: &str) -> Region {
    Region { name: name.to_owned(), values: Map::new() }
}

/// An entry of `regions:`: a name, or a mapping with `name` and `values`.
fn listed_region(cloud: &str, entry: &Value) -> Result<Region, ConfigError> {
    let wrong = || ConfigError::Unusable {
        cloud: cloud.to_owned(),
        key: "regions".to_owned(),
        reason: "each entry is a name, or a mapping with \"name\" and \"values\" and nothing else"
            .to_owned(),
        diagnostics: Vec::new(),
    };
    match entry {
        Value::Object(fields) => {
            if fields.keys().any(|key| key != "name" && key != "values") {
                return Err(wrong());
            }
            let name = fields.get("name").and_then(text).ok_or_else(wrong)?;
            let values = match fields.get("values") {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(values)) => values.clone(),
                Some(_) => return Err(wrong()),
            };
            Ok(Region { name, values })
        }
        other => text(other).map(|name| named(&name)).ok_or_else(wrong),
    }
}

/// Lays `over` on top; `auth` is laid key by key, what is null changes nothing.
fn lay(top: &mut Map<String, Value>, auth: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match value {
            Value::Null => {}
            Value::Object(fields) if key == "auth" => auth.extend(fields),
            value => {
                top.insert(key, value);
            }
        }
    }
}

/// `endpoint_type` is an older name of `interface`, also behind the name of a service.
fn rename_endpoint_types(top: &mut Map<String, Value>) {
    let older: Vec<_> = top.keys().filter(|key| key.ends_with("endpoint_type")).cloned().collect();
    for key in older {
        if let Some(value) = top.shift_remove(&key) {
            top.insert(key.replace("endpoint_type", "interface"), value);
        }
    }
}

/// Moves what belongs to `auth:` there; what stood beside it, perhaps from the environment, wins.
fn move_to_auth(top: &mut Map<String, Value>, auth: &mut Map<String, Value>) {
    for (target, spellings) in MOVED_TO_AUTH {
        let mut winner = None;
        for spelling in spellings {
            for place in [&mut *auth, &mut *top] {
                if let Some(value) = place.shift_remove(*spelling) {
                    winner = text(&value);
                }
            }
        }
        if let Some(value) = winner.filter(|value| !value.is_empty()) {
            auth.insert(target.to_owned(), Value::String(value));
        }
    }
}

/// With a project scope, one domain stands for the user's and the project's.
fn spread_domain(top: &mut Map<String, Value>, auth: &mut Map<String, Value>) {
    let scoped = |place: &Map<String, Value>| {
        place.contains_key("project_id") || place.contains_key("project_name")
    };
    if !scoped(top) && !scoped(auth) {
        return;
    }
    for (shared, single) in [
        ("domain_id", ["user_domain_id", "project_domain_id"]),
        ("domain_name", ["user_domain_name", "project_domain_name"]),
    ] {
        if let Some(value) = auth.shift_remove(shared) {
            for key in single {
                auth.entry(key).or_insert_with(|| value.clone());
            }
        }
    }
}

/// Keys without dashes, numbers as text; booleans stay.
fn normalised(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Object(fields) => Value::Object(normalised(fields)),
                Value::Number(number) => Value::String(number.to_string()),
                other => other,
            };
            (key.replace('-', "_"), value)
        })
        .collect()
}

/// `{region_name}` and the like in addresses stand for other settings.
fn fill_placeholders(merged: &mut Merged) {
    let values: Vec<(String, String)> = merged
        .top
        .iter()
        .filter_map(|(key, value)| Some((format!("{{{key}}}"), value.as_str()?.to_owned())))
        .collect();
    let fill = |text: &mut String| {
        for (placeholder, value) in &values {
            if text.contains(placeholder.as_str()) {
                *text = text.replace(placeholder.as_str(), value);
            }
        }
    };
    if let Some(Value::String(url)) = merged.auth.get_mut("auth_url") {
        fill(url);
    }
    for (key, value) in &mut merged.top {
        if let Value::String(value) = value
            && key.ends_with("endpoint_override")
        {
            fill(value);
        }
    }
}

/// With `identity_api_version: 3`, the default domain fills in for missing ones of a password.
fn default_domain(merged: &mut Merged) {
    let is_three = merged.top.get("identity_api_version").and_then(Value::as_str) == Some("3");
    let by_password = matches!(
        merged.top.get("auth_type").and_then(Value::as_str),
        Some("password" | "v3password" | "v3totp")
    );
    let Some(domain) =
        merged.top.get("default_domain").filter(|_| is_three && by_password).cloned()
    else {
        return;
    };
    for owner in ["project", "user"] {
        let given = ["id", "name"]
            .iter()
            .any(|by| merged.auth.get(&format!("{owner}_domain_{by}")).is_some_and(truthy));
        if !given {
            merged.auth.insert(format!("{owner}_domain_id"), domain.clone());
        }
    }
}

/// What Python's `str()` makes of a scalar.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What Python takes for given.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}
