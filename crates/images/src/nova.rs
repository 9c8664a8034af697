//! The requests to the Compute API that a boot test is made of, one function each.

use std::collections::BTreeMap;

use lotse_openstack::{Cloud, Error};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::BOOT;
use crate::model::{BootNetwork, server_name};
use crate::operation::Boot;

/// A server, as far as a boot test cares.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    fault: Option<Fault>,
}

/// Why a server failed.
#[derive(Clone, Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: String,
}

impl Server {
    /// Why it failed, in the words of Nova.
    pub(crate) fn failure(&self) -> &str {
        let said = self.fault.as_ref().map(|fault| fault.message.trim());
        said.filter(|said| !said.is_empty()).unwrap_or("Nova gives no reason")
    }
}

/// The first version in which a server can be plugged in nowhere.
const NOWHERE: &str = "2.37";

/// Asks for a server that tests an image; its disk is `disk` GiB large if it is a volume. Not
/// idempotent: the server's name tells whether a lost answer was good.
pub(crate) async fn create(
    cloud: &Cloud,
    boot: &Boot,
    image: &str,
    disk: u64,
) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Answer {
        server: Made,
    }
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let mut server = json!({
        "name": server_name(image),
        "flavorRef": boot.flavor,
        "metadata": { BOOT: image },
    });
    if boot.disk > 0 {
        server["imageRef"] = json!(image);
    } else {
        server["block_device_mapping_v2"] = json!([{
            "boot_index": 0,
            "uuid": image,
            "source_type": "image",
            "destination_type": "volume",
            "volume_size": disk.max(1),
            "delete_on_termination": true,
        }]);
    }
    let request = cloud.post("compute", "/servers");
    let request = match &boot.network {
        BootNetwork::Default => request,
        BootNetwork::Named(id) => {
            server["networks"] = json!([{ "uuid": id }]);
            request
        }
        BootNetwork::None => {
            server["networks"] = json!("none");
            request.microversion(NOWHERE)
        }
    };
    Ok(request.json(&json!({ "server": server })).send().await?.json::<Answer>()?.server.id)
}

/// The servers that test an image, in the project of this session.
pub(crate) async fn testing(cloud: &Cloud, image: &str) -> Result<Vec<Server>, Error> {
    let name = server_name(image);
    let exactly = format!("^{name}$");
    let query = [("name", exactly.as_str())];
    let mut servers =
        cloud.pages::<Server>("compute", "/servers/detail", &query, "servers").all().await?;
    // Nova that does not understand the filter, or somebody's server of that name.
    servers.retain(|server| {
        server.name == name && server.metadata.get(BOOT).is_some_and(|of| of == image)
    });
    Ok(servers)
}

/// A server; `None` when it is gone.
pub(crate) async fn show(cloud: &Cloud, id: &str) -> Result<Option<Server>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        server: Server,
    }
    match cloud.get("compute", &format!("/servers/{id}")).send().await {
        Ok(answer) => Ok(Some(answer.json::<Answer>()?.server)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a server has written to its console; nothing while it has none.
pub(crate) async fn console(cloud: &Cloud, id: &str) -> Result<String, Error> {
    let path = format!("/servers/{id}/action");
    let answer = cloud
        .post("compute", &path)
        .json(&json!({ "os-getConsoleOutput": {} }))
        .idempotent(true)
        .operation("compute.console_output")
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let output = answer.json::<Value>()?["output"].as_str().unwrap_or_default().to_owned();
            Ok(output)
        }
        // "Instance … is not ready"; and it may be gone.
        Err(error)
            if error.is_not_found() || error.status() == Some(http::StatusCode::CONFLICT) =>
        {
            Ok(String::new())
        }
        Err(error) => Err(error),
    }
}

/// Deletes a server; one that is gone is as good.
pub(crate) async fn delete(cloud: &Cloud, id: &str) -> Result<(), Error> {
    match cloud.delete("compute", &format!("/servers/{id}")).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
