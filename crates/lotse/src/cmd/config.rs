//! `lotse config`: look at the configuration without using it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use lotse_core::declared;
use lotse_core::error::{ExitCode, chain};
use lotse_images::Catalog;
use serde_json::{Value, json};

use super::serve::CONFIG;
use crate::cli::config::ConfigCommand;
use crate::daemon::{self, clouds::Clouds};
use crate::failure::{CommandResult, Error, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};
use crate::{output, report};

/// Runs one of the commands.
pub(super) fn run(
    command: &ConfigCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        ConfigCommand::Schema => {
            output::json(globals, &schema())?;
            Ok(ExitCode::Success)
        }
        ConfigCommand::Check => check(globals, environment),
    }
}

/// The JSON Schema of `lotse.yaml`.
pub(super) fn schema() -> Value {
    declared::schema::of::<Config>()
}

/// What was looked at, and what it showed.
type Finding = (String, Result<String, Failure>);

fn check(globals: &Globals, environment: &Environment) -> CommandResult {
    let path = globals.config.clone().unwrap_or_else(|| PathBuf::from(CONFIG));
    let config = Config::read(&path)?.value;
    let findings = findings(&config, environment);
    let wrong = findings.iter().any(|(_, finding)| finding.is_err());
    if globals.json() {
        let finding = |(what, finding): &Finding| match finding {
            Ok(summary) => json!({ "what": what, "ok": true, "summary": summary }),
            Err(Failure(error)) => json!({
                "what": what,
                "ok": false,
                "error": chain(&**error),
                "hints": error.hints(),
                "diagnostics": error.diagnostics(),
            }),
        };
        let findings: Vec<_> = findings.iter().map(finding).collect();
        let file = path.display().to_string();
        output::json(globals, &json!({ "file": file, "ok": !wrong, "findings": findings }))?;
    } else {
        let mut text = format!("{}: the file is in order\n", path.display());
        for (what, finding) in &findings {
            // Writing to a string cannot fail.
            let written = match finding {
                Ok(summary) => writeln!(text, "{what}: {summary}"),
                Err(Failure(error)) => {
                    write!(text, "{what}: {}", report::render(&**error))
                }
            };
            written.ok();
        }
        output::data(globals, &text)?;
    }
    Ok(if wrong { ExitCode::Usage } else { ExitCode::Success })
}

fn findings(config: &Config, environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    let state = config.store_url(environment).map(|url| url.to_string());
    findings.push(("state".to_owned(), state));
    if !config.listen.ip().is_loopback() {
        let address = config.listen;
        let summary = match &config.access.public_url {
            Some(url) => format!("{address} is not on loopback; browsers come through {url}"),
            None => format!(
                "{address} is not on loopback and access.public_url is not set: what people and \
                 scripts sign in with can be read on the way"
            ),
        };
        findings.push(("listen".to_owned(), Ok(summary)));
    }
    for (key, reason) in config.access.complaints() {
        findings.push((key.to_owned(), Err(Error::Setting { key, reason }.into())));
    }
    if let Some(oidc) = &config.access.oidc {
        let secret = config.oidc_secret(environment);
        let found = secret.map(|_| format!("people sign in at {}", oidc.issuer));
        findings.push(("access.oidc".to_owned(), found));
    }
    if let Some(estate) = &config.estate {
        findings.push(("estate".to_owned(), daemon::estate::describe(estate)));
    }
    match crate::capability::notify::channels(config, environment) {
        Err(failure) => findings.push(("notify".to_owned(), Err(failure))),
        Ok(channels) => findings.extend(
            channels.iter().map(|(name, way)| (format!("channel {name}"), Ok(way.target()))),
        ),
    }
    if let Some(status) = &config.status {
        let page = status.look().and_then(|_| status.provision()).map_err(Failure::from);
        let page = page.and_then(|_| {
            let sign_in = crate::capability::status::sign_in(config, environment)?;
            status.client(sign_in.as_ref())?;
            crate::capability::status::reader_client(config, environment)?;
            Ok(format!("its page listens on {}", status.listen))
        });
        findings.push(("status".to_owned(), page));
    }
    if let Some(images) = config.images_here() {
        let catalog = Catalog::load(&images.path).map(|catalog| {
            let enabled = catalog.enabled().count();
            format!("{} definitions, {enabled} enabled", catalog.definitions.len())
        });
        let what = format!("images in {}", images.path.display());
        findings.push((what, catalog.map_err(Failure::from)));
    }
    if let Some(images) = &config.images {
        match Clouds::read(config, environment) {
            Err(failure) => findings.push(("clouds".to_owned(), Err(failure))),
            Ok(clouds) => {
                let staging = |name: &String| {
                    images.boot_test.as_ref().and_then(|test| test.test().staging_of(name))
                };
                let names: BTreeSet<String> = images
                    .clouds
                    .iter()
                    .cloned()
                    .chain(images.clouds.iter().filter_map(staging))
                    .collect();
                for name in names {
                    let found = clouds.configuration(&name);
                    let found = found.map(|cloud| format!("signs in at {}", cloud.auth_url));
                    findings.push((format!("cloud {name}"), found));
                }
            }
        }
    }
    findings
}
