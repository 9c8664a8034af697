//! Provider networks, pools of prefixes and extensions of the network service, as a project sees them.

use lotse_openstack::Error as CloudError;
use serde_json::Value;

use super::{Observer, answer, id, listed};
use crate::snapshot::{Answer, Item, Networks};
use crate::testcase::Need;

const NETWORK_FIELDS: &[&str] =
    &["id", "name", "is_default", "router:external", "shared", "port_security_enabled"];
const POOL_FIELDS: &[&str] = &["id", "name", "ip_version", "is_default", "shared", "min_prefixlen"];

impl Observer<'_> {
    /// What the network service offers to every project.
    pub(super) async fn networks(&self) -> Answer<Networks> {
        if !self.needs(Need::Networks) {
            return Answer::NotAsked;
        }
        answer(Box::pin(self.all_networks()).await)
    }

    async fn all_networks(&self) -> Result<Networks, CloudError> {
        let (external, shared, pools, extensions) = tokio::try_join!(
            self.of_network("/v2.0/networks", &[("router:external", "true")]),
            self.of_network("/v2.0/networks", &[("shared", "true")]),
            self.of_network("/v2.0/subnetpools", &[("shared", "true")]),
            self.of_network("/v2.0/extensions", &[]),
        )?;
        let mut provider = listed(&external, "networks", NETWORK_FIELDS);
        // A network may be both.
        let both = |network: &Item| provider.iter().any(|known| id(known) == id(network));
        let more = listed(&shared, "networks", NETWORK_FIELDS);
        let more: Vec<Item> = more.into_iter().filter(|network| !both(network)).collect();
        provider.extend(more);
        let aliases = extensions["extensions"].as_array().into_iter().flatten();
        let aliases = aliases.filter_map(|one| one["alias"].as_str().map(ToOwned::to_owned));
        let mut extensions: Vec<String> = aliases.collect();
        extensions.sort_unstable();
        Ok(Networks { provider, pools: listed(&pools, "subnetpools", POOL_FIELDS), extensions })
    }

    async fn of_network(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CloudError> {
        self.counted();
        let mut request = self.cloud.get("network", path);
        for (key, value) in query {
            request = request.query(key, value);
        }
        request.send().await?.json()
    }
}
