//! A server says how good its random numbers are (scs-0101).
//!
//! It is plugged in nowhere and needs no network: what it has to do comes on its configuration drive,
//! and what it found out goes to its console. So neither networks nor addresses are made, and nothing
//! has to be installed; cloud-init and Python are in every image for clouds.

use std::cmp::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use lotse_openstack::Error as CloudError;
use serde_json::{Value, json};

use super::{Lab, Look, NotDone, Observer, Trial};
use crate::check::{number, text};
use crate::snapshot::{Answer, Item, Randomness};
use crate::testcase::Need;

/// What the server does.
const SCRIPT: &str = include_str!("randomness.py");

/// How long it may take to come up and to say what it found out.
const PATIENCE: Duration = Duration::from_mins(10);

/// The first version of Nova in which a server can be plugged in nowhere.
const NOWHERE: &str = "2.37";

/// The distributions whose images are taken, the best first.
const DISTRIBUTIONS: [&str; 2] = ["debian", "ubuntu"];

/// The size of the volume in GiB, where the flavor has no disk that is large enough.
const VOLUME: i64 = 8;

impl Observer<'_> {
    /// How good the random numbers of a new server are.
    pub(in super::super) async fn randomness(&self) -> Answer<Randomness> {
        if !self.needs(Need::Randomness) {
            return Answer::NotAsked;
        }
        let lab = match &self.lab {
            Ok(lab) => *lab,
            Err(refused) => return Answer::Failed(refused.clone()),
        };
        match Box::pin(self.attempt(lab, Trial::Server, self.ask_server(lab))).await {
            Ok(tried) => {
                if let Err(error) = &tried.cleared {
                    let why = error.message();
                    tracing::warn!(%why, "the server of a check is not gone; a later check deletes it");
                }
                tried.work.map_or_else(|error| Answer::Failed(error.trouble()), Answer::Given)
            }
            Err(error) => Answer::Failed(error.trouble()),
        }
    }

    async fn ask_server(&self, lab: &Lab) -> Result<Randomness, NotDone> {
        let image = self.newest_image().await?;
        let flavors = self.all_flavors().await?;
        let flavor = cheapest(&flavors, &image)
            .ok_or_else(|| NotDone::Nothing("no flavor has the memory of the image".to_owned()))?;
        let body = json!({ "server": self.server(&image, flavor) });
        let request = self.cloud.post("compute", "/servers").microversion(NOWHERE).json(&body);
        let made = self.ask(request).await?;
        let id = made["server"]["id"].as_str().unwrap_or_default().to_owned();
        let path = format!("/servers/{id}");
        self.until(lab, PATIENCE, async || {
            let shown = self.ask(self.cloud.get("compute", &path)).await?;
            let status = shown["server"]["status"].as_str().unwrap_or("unknown");
            match status {
                "ACTIVE" => Ok(said(&self.console(&path).await?)),
                "BUILD" => Ok(Look::NotYet("the server is BUILD".to_owned())),
                _ => {
                    let why = shown["server"]["fault"]["message"].as_str().unwrap_or_default();
                    Err(NotDone::Stuck(format!("the server is {status}: {why}")))
                }
            }
        })
        .await
    }

    /// The newest image of the best distribution that there is.
    async fn newest_image(&self) -> Result<Item, NotDone> {
        for distribution in DISTRIBUTIONS {
            let request = self.cloud.get("image", "/v2/images");
            let request = request.query("os_distro", distribution).query("status", "active");
            let listing = self.ask(request.query("limit", 1000)).await?;
            let images = listing["images"].as_array().map_or(&[][..], Vec::as_slice);
            let images = images.iter().filter_map(Value::as_object);
            let offered = images
                .filter(|image| matches!(text(image, "visibility"), Some("public" | "community")));
            if let Some(image) = offered.max_by(|one, other| newer(one, other)) {
                return Ok(image.clone());
            }
        }
        let none = "there is no public image whose os_distro is debian or ubuntu";
        Err(NotDone::Nothing(none.to_owned()))
    }

    fn server(&self, image: &Item, flavor: &Item) -> Value {
        let mut server = json!({
            "name": self.name(),
            "flavorRef": flavor.get("id"),
            "networks": "none",
            "config_drive": true,
            "user_data": STANDARD.encode(SCRIPT),
            "metadata": { "lotse-conformance": self.options.run.to_string() },
        });
        let disk = number(flavor, "disk").unwrap_or(0);
        if disk >= needed_disk(image) {
            server["imageRef"] = json!(image.get("id"));
        } else {
            server["block_device_mapping_v2"] = json!([{
                "boot_index": 0,
                "uuid": image.get("id"),
                "source_type": "image",
                "destination_type": "volume",
                "volume_size": needed_disk(image).max(VOLUME),
                "delete_on_termination": true,
            }]);
        }
        server
    }

    /// What the server has written to its console; nothing while it has none.
    async fn console(&self, path: &str) -> Result<String, NotDone> {
        let request = self
            .cloud
            .post("compute", &format!("{path}/action"))
            .json(&json!({ "os-getConsoleOutput": {} }))
            .idempotent(true)
            .operation("compute.console_output");
        match self.ask(request).await {
            Ok(answer) => Ok(answer["output"].as_str().unwrap_or_default().to_owned()),
            // It is not ready.
            Err(error) if is_conflict(&error) => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_conflict(error: &CloudError) -> bool {
    error.status() == Some(StatusCode::CONFLICT)
}

/// The disk in GiB that an image needs, at least 1.
fn needed_disk(image: &Item) -> i64 {
    let size = number(image, "size").unwrap_or(0);
    let whole = size.saturating_add((1 << 30) - 1) >> 30;
    number(image, "min_disk").unwrap_or(0).max(whole).max(1)
}

/// By version, number by number, then by when it was made.
fn newer(one: &Item, other: &Item) -> Ordering {
    let version = |image| -> Vec<u64> {
        let parts = text(image, "os_version").unwrap_or_default().split('.');
        parts.map(|part| part.parse().unwrap_or(0)).collect()
    };
    let made = |image| text(image, "created_at").unwrap_or_default().to_owned();
    version(one).cmp(&version(other)).then_with(|| made(one).cmp(&made(other)))
}

/// The cheapest flavor with the memory of the image; one that lets the hypervisor help with random
/// numbers is preferred.
fn cheapest<'a>(flavors: &'a [Item], image: &Item) -> Option<&'a Item> {
    let least = number(image, "min_ram").unwrap_or(0);
    let helped = |flavor: &Item| {
        let specs = flavor.get("extra_specs").and_then(Value::as_object);
        let value = specs.and_then(|specs| specs.get("hw_rng:allowed")).and_then(Value::as_str);
        value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    // CPUs + GiB / 3 + GB / 10, times 30 720 so that it stays whole.
    let price = |flavor: &Item| {
        let of = |key| number(flavor, key).unwrap_or(0);
        of("vcpus")
            .saturating_mul(30_720)
            .saturating_add(of("ram").saturating_mul(10))
            .saturating_add(of("disk").saturating_mul(3072))
    };
    let name = |flavor: &Item| text(flavor, "name").unwrap_or_default().to_owned();
    flavors
        .iter()
        .filter(|flavor| number(flavor, "ram").is_some_and(|ram| ram >= least))
        .min_by_key(|flavor| (!helped(flavor), price(flavor), name(flavor)))
}

/// What the script has written to the console.
fn said(console: &str) -> Look<Randomness> {
    let after = |mark: &str| {
        let (_, rest) = console.rsplit_once(mark)?;
        rest.split(|mark: char| !mark.is_ascii_digit()).next()?.parse().ok()
    };
    let found =
        Randomness { entropy: after("lotse-entropy: "), fips_failures: after("lotse-fips: ") };
    if console.contains("lotse-end") {
        return Look::Done(found);
    }
    // The script is the last thing that cloud-init does: what is not said by then is never said.
    let over =
        console.lines().any(|line| line.contains("Cloud-init") && line.contains("finished at"));
    if over {
        Look::Done(found)
    } else {
        Look::NotYet("the server did not say anything".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: &Value) -> Item {
        value.as_object().unwrap().clone()
    }

    fn seen(console: &str) -> Option<(Option<u32>, Option<u32>)> {
        match said(console) {
            Look::Done(found) => Some((found.entropy, found.fips_failures)),
            Look::NotYet(_) => None,
        }
    }

    #[test]
    fn the_console_is_read_when_the_script_is_at_its_end() {
        let lines = "[    6.3] boot\r\n\r\nlotse-entropy: 256\r\nlotse-fips: 2 of 1000\r\n";
        assert_eq!(seen(lines), None);
        assert_eq!(seen(&format!("{lines}lotse-end\r\n")), Some((Some(256), Some(2))));
        assert_eq!(seen(""), None);
    }

    #[test]
    fn a_server_that_ran_no_script_is_not_waited_for() {
        let console = "Cloud-init v. 25.1.4 finished at Thu, 01 Jan 2026\nlogin: ";
        assert_eq!(seen(console), Some((None, None)));
    }

    #[test]
    fn the_newest_version_counts_as_a_number() {
        let image =
            |version: &str, made: &str| item(&json!({ "os_version": version, "created_at": made }));
        let (old, new) = (image("9", "2026-01-02"), image("13", "2026-01-01"));
        assert_eq!(newer(&old, &new), Ordering::Less);
        assert_eq!(newer(&image("22.04", ""), &image("24.04", "")), Ordering::Less);
        assert_eq!(newer(&image("13", "2026-02-01"), &new), Ordering::Greater);
    }

    #[test]
    fn the_cheapest_flavor_that_fits_is_taken_and_help_with_random_numbers_is_worth_its_price() {
        let flavor = |name: &str, vcpus: u32, ram: u32, rng: bool| {
            let specs = if rng { json!({ "hw_rng:allowed": "True" }) } else { json!({}) };
            item(
                &json!({ "name": name, "vcpus": vcpus, "ram": ram, "disk": 0, "extra_specs": specs }),
            )
        };
        let mut flavors = vec![
            flavor("tiny", 1, 128, false),
            flavor("small", 1, 1024, false),
            flavor("big", 8, 8192, false),
        ];
        let image = item(&json!({ "min_ram": 512 }));
        let name =
            |flavors: &[Item]| text(cheapest(flavors, &image).unwrap(), "name").unwrap().to_owned();
        assert_eq!(name(&flavors), "small");
        flavors.push(flavor("helped", 4, 4096, true));
        assert_eq!(name(&flavors), "helped");
        assert!(cheapest(&flavors, &item(&json!({ "min_ram": 99_999 }))).is_none());
    }

    #[test]
    fn the_disk_of_an_image_is_what_it_asks_for_or_its_size() {
        assert_eq!(needed_disk(&item(&json!({ "size": 1 }))), 1);
        assert_eq!(needed_disk(&item(&json!({ "size": (3_u64 << 30) + 1, "min_disk": 2 }))), 4);
        assert_eq!(needed_disk(&item(&json!({ "size": null, "min_disk": 20 }))), 20);
    }
}
