//! Who uses an image: the servers that were made from it, as far as we may see them.

use std::collections::BTreeMap;

use http::StatusCode;
use lotse_openstack::{Cloud, Error};
use serde::Deserialize;

use super::Use;

/// Images asked about at the same time.
const AT_ONCE: usize = 4;

/// All we need of a server: that it is there.
#[derive(Debug, Deserialize)]
struct Server {}

/// Which of these images are used.
pub(super) async fn used(
    cloud: &Cloud,
    images: Vec<String>,
) -> Result<BTreeMap<String, Use>, Error> {
    let mut used = BTreeMap::new();
    for few in images.chunks(AT_ONCE) {
        let counts: Vec<_> = few.iter().map(|image| servers_of(cloud, image)).collect();
        let counts = futures::future::try_join_all(counts).await?;
        let found = few.iter().zip(counts).filter(|(_, servers)| *servers > 0);
        used.extend(found.map(|(image, servers)| (image.clone(), Use::Servers(servers))));
    }
    Ok(used)
}

/// How many servers were made from an image: in all projects if we may see them, else in our own. A
/// cloud without Nova has none.
pub(crate) async fn servers_of(cloud: &Cloud, image: &str) -> Result<usize, Error> {
    match count(cloud, &[("all_tenants", "true"), ("image", image)]).await {
        Err(error) if error.status() == Some(StatusCode::FORBIDDEN) => {
            count(cloud, &[("image", image)]).await
        }
        Err(Error::NoService { .. }) => Ok(0),
        answer => answer,
    }
}

async fn count(cloud: &Cloud, query: &[(&str, &str)]) -> Result<usize, Error> {
    let servers = cloud.pages::<Server>("compute", "/servers", query, "servers").all().await?;
    Ok(servers.len())
}
