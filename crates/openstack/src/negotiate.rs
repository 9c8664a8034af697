//! Finding a microversion that both sides have.

use crate::cloud::Cloud;
use crate::discovery::Version;
use crate::error::Error;
use crate::service;

impl Cloud {
    /// The newest microversion from `least` to `most` that the service has.
    pub(crate) async fn negotiate(
        &self,
        service: &str,
        least: Version,
        most: Version,
    ) -> Result<Version, Error> {
        let versions = self.versions(service).await?;
        let endpoint = self.endpoint(service).await?;
        let of_endpoint = versions
            .iter()
            .find(|version| version.microversions.is_some() && version.segment == endpoint.version);
        let range = of_endpoint
            .or_else(|| {
                let ranged = versions.iter().filter(|version| version.microversions.is_some());
                ranged.max_by_key(|version| (version.current, version.id))
            })
            .and_then(|version| version.microversions);
        let available = match range {
            Some((oldest, newest)) if least <= newest && oldest <= most => {
                return Ok(newest.min(most));
            }
            Some((oldest, newest)) => format!("it has {oldest} to {newest}"),
            None => "it has none at all".to_owned(),
        };
        let wanted =
            if least == most { least.to_string() } else { format!("from {least} to {most}") };
        Err(Error::Microversion {
            cloud: self.name().to_owned(),
            service: service::official(service).to_owned(),
            wanted,
            available,
        })
    }
}
