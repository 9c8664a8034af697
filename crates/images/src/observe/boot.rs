//! Where new images are tried out: the flavor and the network of the staging project.

use lotse_openstack::{Cloud, Error};
use serde::Deserialize;

use crate::model::{BootNetwork, BootTest};

/// What a boot test finds in the staging project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Staging {
    /// The flavor, or why there is none.
    pub flavor: Result<Flavor, String>,
    /// The network, by its id, or why there is none.
    pub network: Result<BootNetwork, String>,
}

/// A flavor, as far as a boot test cares.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Flavor {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its root disk in GiB; 0: servers boot from a volume.
    pub disk: u64,
    /// Its memory in MiB.
    pub ram: u64,
}

/// Looks for what the test names.
pub(super) async fn staging(cloud: &Cloud, test: &BootTest) -> Result<Staging, Error> {
    let (flavor, network) = futures::try_join!(flavor(cloud, &test.flavor), network(cloud, test))?;
    Ok(Staging { flavor, network })
}

async fn flavor(cloud: &Cloud, wanted: &str) -> Result<Result<Flavor, String>, Error> {
    let flavors = cloud.pages::<Flavor>("compute", "/flavors/detail", &[], "flavors").all().await?;
    let named = flavors.iter().find(|flavor| flavor.name == wanted);
    let found = named.or_else(|| flavors.iter().find(|flavor| flavor.id == wanted)).cloned();
    Ok(found.ok_or_else(|| {
        let mut names: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        names.sort_unstable();
        let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
        let more = if names.len() > MOST { ", …" } else { "" };
        format!("the cloud \"{}\" has no flavor \"{wanted}\"; it has {shown}{more}", cloud.name())
    }))
}

/// So many flavors are listed in a message.
const MOST: usize = 12;

async fn network(cloud: &Cloud, test: &BootTest) -> Result<Result<BootNetwork, String>, Error> {
    #[derive(Deserialize)]
    struct Network {
        id: String,
    }
    let BootNetwork::Named(wanted) = &test.network else { return Ok(Ok(test.network.clone())) };
    for key in ["name", "id"] {
        let query = [(key, wanted.as_str())];
        let found = cloud.pages::<Network>("network", "/v2.0/networks", &query, "networks");
        match <[Network; 1]>::try_from(found.all().await?) {
            Ok([network]) => return Ok(Ok(BootNetwork::Named(network.id))),
            Err(none) if none.is_empty() => {}
            Err(several) => {
                return Ok(Err(format!(
                    "the cloud \"{}\" has {} networks of the name \"{wanted}\"; give the id of one",
                    cloud.name(),
                    several.len()
                )));
            }
        }
    }
    Ok(Err(format!("the cloud \"{}\" has no network \"{wanted}\"", cloud.name())))
}
