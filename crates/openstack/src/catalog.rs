//! The service catalogue that comes with a token.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::config::{CloudConfig, Interface};
use crate::error::Error;
use crate::service;

/// The services a token can be used with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Catalog {
    /// The services, in the order of the identity service.
    pub services: Vec<CatalogService>,
}

/// A service of the catalogue.
#[derive(Clone, Debug, Deserialize)]
pub struct CatalogService {
    /// Its type, for example `image`.
    #[serde(rename = "type")]
    pub service_type: String,
    /// Its name, for example `glance`.
    #[serde(default)]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub endpoints: Vec<CatalogEndpoint>,
}

/// One address of a service.
#[derive(Clone, Debug, Deserialize)]
pub struct CatalogEndpoint {
    /// `public`, `internal` or `admin`.
    #[serde(default)]
    pub interface: String,
    /// The region, by its older key.
    #[serde(default)]
    region: Option<String>,
    /// The region, by its newer key.
    #[serde(default)]
    region_id: Option<String>,
    /// The address.
    pub url: String,
}

impl CatalogEndpoint {
    /// The region.
    pub fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

impl Catalog {
    /// The service types, each once, sorted.
    pub fn service_types(&self) -> Vec<String> {
        unique(self.services.iter().map(|service| service.service_type.as_str()))
    }

    /// The address of a service for this cloud's region and interface.
    ///
    /// Where the catalogue carries a service under several names, the official one is tried first.
    pub(crate) fn address(
        &self,
        config: &CloudConfig,
        service: &str,
        scope: &str,
    ) -> Result<&str, Error> {
        let region = config.service_setting(service, "region_name").or(config.region.as_deref());
        let interface = config
            .service_setting(service, "interface")
            .and_then(Interface::parse)
            .unwrap_or(config.interface);
        let renamed = config.service_setting(service, "service_type");
        let mut named: Vec<&CatalogEndpoint> = Vec::new();
        for name in renamed.into_iter().chain(service::names_of(service)) {
            let of_name: Vec<_> = self
                .services
                .iter()
                .filter(|entry| entry.service_type == name)
                .flat_map(|entry| &entry.endpoints)
                .collect();
            let fitting = of_name.iter().find(|endpoint| {
                region.is_none_or(|region| endpoint.region() == Some(region))
                    && Interface::parse(&endpoint.interface) == Some(interface)
            });
            if let Some(endpoint) = fitting {
                return Ok(&endpoint.url);
            }
            named.extend(of_name);
        }
        let wanted = Wanted { cloud: &config.name, service, scope, region, interface };
        Err(self.why_not(&wanted, &named))
    }

    fn why_not(&self, wanted: &Wanted<'_>, named: &[&CatalogEndpoint]) -> Error {
        let &Wanted { cloud, service, scope, region, interface } = wanted;
        let cloud = cloud.to_owned();
        let service_type = service::official(service).to_owned();
        if self.services.is_empty() {
            return Error::NoProject {
                cloud,
                scope: scope.to_owned(),
                need: format!("the {service_type} service"),
            };
        }
        if named.is_empty() {
            let known = self.service_types();
            return Error::NoService {
                cloud,
                service: service_type,
                scope: scope.to_owned(),
                known,
            };
        }
        let regions = unique(named.iter().filter_map(|endpoint| endpoint.region()));
        match region {
            Some(region) if !regions.iter().any(|known| known == region) => Error::NoRegion {
                cloud,
                service: service_type,
                region: region.to_owned(),
                known: regions,
            },
            _ => Error::NoInterface {
                cloud,
                service: service_type,
                interface,
                known: unique(
                    named
                        .iter()
                        .filter(|endpoint| region.is_none() || endpoint.region() == region)
                        .map(|endpoint| endpoint.interface.as_str()),
                ),
            },
        }
    }
}

/// What was looked for in vain.
struct Wanted<'a> {
    cloud: &'a str,
    service: &'a str,
    scope: &'a str,
    region: Option<&'a str>,
    interface: Interface,
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().map(ToOwned::to_owned).collect()
}
