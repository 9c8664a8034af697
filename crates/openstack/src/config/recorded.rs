//! Our reading against python-openstackclient's, case by case.
//!
//! `tests/data/config_cases.json` holds what the real client made of each case; the script beside it
//! recorded it. A case carries a reason where we differ on purpose: `lenient` where the client fails
//! and we do not, `refused` where we fail and it does not, `differs` where the requests differ.

use std::collections::BTreeMap;

use lotse_core::declared::SourceFile;
use lotse_core::error::chain;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CloudConfig, ConfigError, Credentials, Interface, Overrides, Scope, Sources};

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    clouds: Option<String>,
    secure: Option<String>,
    lenient: Option<String>,
    refused: Option<String>,
    differs: Option<String>,
    found: Option<Value>,
    error: Option<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/data/config_cases.json")).unwrap()
}

fn sources(case: &Case) -> Sources {
    let file = |stem: &str, text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty())?;
        Some(SourceFile::new(format!("{stem}.yaml"), text))
    };
    let argument = |name: &str| {
        let at = case.args.iter().position(|argument| argument == name)?;
        case.args.get(at + 1).cloned()
    };
    Sources {
        environment: case.env.clone(),
        overrides: Overrides {
            cloud: argument("--os-cloud"),
            region_name: argument("--os-region-name"),
            interface: argument("--os-interface"),
        },
        clouds: file("clouds", &case.clouds),
        secure: file("secure", &case.secure),
        home: Some("/home/ada".into()),
        ..Sources::default()
    }
}

/// What would be sent to sign in, and with what it would be sent, in the words of the recording.
fn described(config: &CloudConfig) -> Value {
    let settings: BTreeMap<_, _> = config
        .service_settings
        .iter()
        .filter(|(key, _)| {
            ["_endpoint_override", "_api_version", "_default_microversion"]
                .iter()
                .any(|ending| key.ends_with(ending))
        })
        .collect();
    let mut described = json!({
        "body": crate::auth::token_request(&config.credentials, &config.scope),
        "region": config.region,
        "interface": config.interface.as_str(),
        "verify": config.tls.verify,
        "cacert": config.tls.cacert.as_ref().filter(|_| config.tls.verify),
        "cert": match (&config.tls.cert, &config.tls.key) {
            (Some(cert), Some(key)) => json!([cert, key]),
            (cert, _) => json!(cert),
        },
        "settings": settings,
    });
    if let Credentials::OidcAccessToken { access_token, .. } = &config.credentials {
        described["authorization"] = format!("Bearer {}", access_token.expose_secret()).into();
        described["body"] = Value::Null;
    }
    described
}

/// The recording without what our request builds elsewhere (the path) and what means the same.
fn comparable(found: &Value) -> Value {
    let mut found = found.clone();
    let fields = found.as_object_mut().unwrap();
    fields.remove("url");
    let interface = fields["interface"].as_str().and_then(Interface::parse).unwrap();
    fields["interface"] = interface.as_str().into();
    // A user by id needs no domain; the client sends one along if it has it, and none is read.
    if let Some(user) = fields["body"].pointer_mut("/auth/identity/password/user")
        && user.get("id").is_some()
    {
        user.as_object_mut().unwrap().remove("domain");
    }
    found
}

/// The host and path that both would ask, up to the version.
fn base(url: &str) -> String {
    let url = url.split("/v3").next().unwrap_or(url);
    url.trim_end_matches('/').trim_end_matches("/v2.0").to_owned()
}

#[test]
fn every_recorded_case_is_read_as_the_python_client_reads_it() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() > 300, "the recording is complete");
    for case in &cases {
        let ours = CloudConfig::resolve(&sources(case));
        let complaint = match (&ours, &case.found) {
            (Ok(_), None) if case.lenient.is_some() => None,
            // Where the client stumbles over an argument its method does not take, we need not.
            (Ok(_), None)
                if case.error.as_ref().is_some_and(|e| e.contains("unexpected keyword")) =>
            {
                None
            }
            // An id makes the domain of a name needless; one of the client's methods asks for it still.
            (Ok(ours), None)
                if matches!(ours.scope, Scope::ProjectId(_))
                    && case
                        .error
                        .as_ref()
                        .is_some_and(|e| e.contains("unique within a domain")) =>
            {
                None
            }
            (Ok(_), None) => Some(format!("the client fails: {:?}", case.error)),
            (Err(_), None) => None,
            (Err(_), Some(_)) if case.refused.is_some() || case.lenient.is_some() => None,
            // The client asks without a domain, and the identity service refuses; we say so before.
            (Err(ConfigError::Missing { key, .. }), Some(found))
                if key.ends_with("domain_name") =>
            {
                let identity = &found["body"]["auth"]["identity"]["password"]["user"];
                let project = found["body"]["auth"]["scope"]["project"].as_object();
                let useless = identity.get("id").is_none() && identity.get("domain").is_none()
                    || project.is_some_and(|p| !p.contains_key("id") && !p.contains_key("domain"));
                (!useless).then(|| format!("we miss {key}"))
            }
            (Err(error), Some(_)) => Some(format!("we fail: {}", chain(error))),
            (Ok(_), Some(_)) if case.differs.is_some() => None,
            (Ok(_), Some(_)) if case.refused.is_some() => Some("should be refused".to_owned()),
            (Ok(ours), Some(found)) => {
                let (described, expected) = (described(ours), comparable(found));
                let urls = (base(ours.auth_url.as_str()), base(found["url"].as_str().unwrap()));
                if urls.0 != urls.1 {
                    Some(format!("{urls:?}"))
                } else if described != expected {
                    Some(format!("\n   ours {described}\n theirs {expected}"))
                } else {
                    None
                }
            }
        };
        wrong.extend(complaint.map(|complaint| format!("{}: {complaint}", case.name)));
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn failures_of_the_recording_are_failures_of_the_configuration_with_a_hint() {
    use lotse_core::error::Explain as _;
    for case in cases() {
        if let Err(error) = CloudConfig::resolve(&sources(&case)) {
            let told = !error.hints().is_empty()
                || !error.diagnostics().is_empty()
                || matches!(error, ConfigError::Unusable { .. });
            assert!(told, "{}: {error}", case.name);
        }
    }
}
