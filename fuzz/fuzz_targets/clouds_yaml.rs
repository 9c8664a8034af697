//! `clouds.yaml`: any text gives a configuration or one clear sentence, and never shows a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lotse_openstack::{CloudConfig, Sources};

fuzz_target!(|text: &str| {
    let sources = Sources::from_text("clouds.yaml", text);
    let names = CloudConfig::names(&sources).unwrap_or_default();
    for name in names.into_iter().chain(["sim".to_owned()]).take(4) {
        match CloudConfig::resolve(&sources.clone().with_cloud(name)) {
            Ok(config) => drop(format!("{config:?}")),
            Err(error) => assert!(!error.to_string().is_empty(), "refused without a reason"),
        }
    }
});
