//! What a cloud shows: few questions, all at once.
//!
//! | question | for |
//! | --- | --- |
//! | token, with the catalogue | everything, 0123 |
//! | flavors with extra specs | 0100, 0103 |
//! | images, and hidden images | 0102, 0104 |
//! | volume types | 0114 |
//! | default rules of security groups | 0115 |
//! | networks, subnet pools, extensions | the drafts 0126 and 0127, if they are asked for |
//! | greetings of TLS at every public address | the draft 0125, if it is asked for |
//! | buckets, with a key that nobody has | 0123, if there is Swift |
//!
//! What changes the cloud for a moment is in [`active`] and done only with [`Reach::Active`] and a
//! [`Lab`], which has a journal.

mod active;
mod alone;
mod encryption;
mod networks;

pub use active::{KIND, Lab};
pub use alone::{manage_alone, observe_alone};

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use http::StatusCode;
use lotse_core::error::chain;
use lotse_core::time::Timestamp;
use lotse_openstack::{Cloud, Error as CloudError};
use serde_json::Value;

use crate::error::Error;
use crate::model::Reason;
use crate::snapshot::{Answer, Deed, DefaultRules, Item, RulesWay, S3Probe, Snapshot, Trouble};
use crate::testcase::Need;

/// How far observing may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// It only reads.
    ReadOnly,
    /// It may make and delete objects of its own.
    Active,
}

/// How a cloud is observed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far it may go.
    pub reach: Reach,
    /// What has to be observed.
    pub needs: BTreeSet<Need>,
    /// When it begins.
    pub now: Timestamp,
    /// Names what it makes: unlike any other run, so that only its own objects are touched.
    pub run: uuid::Uuid,
}

const FLAVOR_FIELDS: &[&str] = &["id", "name", "vcpus", "ram", "disk", "extra_specs"];
const IMAGE_FIELDS: &[&str] = &[
    "id",
    "name",
    "status",
    "visibility",
    "os_hidden",
    "size",
    "min_disk",
    "min_ram",
    "created_at",
    "architecture",
    "os_hash_algo",
    "os_version",
    "os_distro",
    "os_purpose",
    "hw_disk_bus",
    "hypervisor_type",
    "hw_rng_model",
    "image_build_date",
    "image_original_user",
    "image_source",
    "image_description",
    "replace_frequency",
    "provided_until",
    "uuid_validity",
    "hotfix_hours",
];
const TYPE_FIELDS: &[&str] = &["id", "name", "description"];
const RULE_FIELDS: &[&str] = &[
    "id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "used_in_default_sg",
    "used_in_non_default_sg",
];

/// Observes a cloud. Only a cloud that lets nobody in gives no snapshot; all other trouble is in it.
/// Nothing is tried out without a journal: what can be seen only so is not observed.
pub async fn observe(cloud: &Cloud, options: &Options) -> Result<Snapshot, Error> {
    Box::pin(observe_in(cloud, options, Err(not_allowed()))).await
}

/// The same; what can be seen only by doing it is tried out in this laboratory, if
/// [`Options::reach`] allows it, or there is a reason why not. The caller makes sure that no two runs
/// that share a journal do this on one cloud at the same time; [`observe_alone`] does.
pub async fn observe_in(
    cloud: &Cloud,
    options: &Options,
    lab: Result<&Lab, Trouble>,
) -> Result<Snapshot, Error> {
    let refused =
        |source| Error::Cloud { cloud: cloud.name().to_owned(), source: Box::new(source) };
    let token = cloud.token().await.map_err(refused)?;
    let lab = if options.reach == Reach::Active { lab } else { Err(not_allowed()) };
    let observer = Observer { cloud, options, lab, requests: AtomicU32::new(1) };
    let services = token.catalog.service_types();
    let has = |service: &str| services.iter().any(|known| known == service);
    let (flavors, images, hidden_images, volume_types, default_rules, s3, networks, encryption) = tokio::join!(
        observer.flavors(),
        observer.images(false),
        observer.images(true),
        observer.volume_types(),
        observer.default_rules(),
        observer.s3(has("object-store")),
        observer.networks(),
        observer.encryption(),
    );
    let (secret, backup, randomness) = tokio::join!(
        observer.secret(has("key-manager")),
        observer.backup(),
        observer.randomness(),
    );
    Ok(Snapshot {
        requests: observer.requests.load(Ordering::Relaxed),
        roles: token.roles.clone(),
        services,
        flavors,
        images,
        hidden_images,
        volume_types,
        default_rules,
        s3,
        secret,
        backup,
        randomness,
        networks,
        encryption,
        ..Snapshot::empty(cloud.name(), options.now)
    })
}

/// Tries out what the first of two managers of domains may do (scs-0302); the second one makes what the
/// first must not touch. Both are sessions on their domains, on the same cloud.
pub async fn manage(
    [first, second]: [&Cloud; 2],
    options: &Options,
    lab: Result<&Lab, Trouble>,
) -> Answer<Vec<Deed>> {
    let lab = match lab {
        Ok(lab) if options.reach == Reach::Active => lab,
        Ok(_) => return Answer::Failed(not_allowed()),
        Err(trouble) => return Answer::Failed(trouble),
    };
    if first.name() == second.name() {
        return Answer::Failed(active::no_managers());
    }
    let observer = |cloud| Observer { cloud, options, lab: Ok(lab), requests: AtomicU32::new(0) };
    Box::pin(active::managed(&observer(first), &observer(second), lab)).await
}

struct Observer<'a> {
    cloud: &'a Cloud,
    options: &'a Options,
    /// Where something may be tried out, or why it may not.
    lab: Result<&'a Lab, Trouble>,
    requests: AtomicU32,
}

impl Observer<'_> {
    fn needs(&self, need: Need) -> bool {
        self.options.needs.contains(&need)
    }

    fn counted(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    async fn flavors(&self) -> Answer<Vec<Item>> {
        if !self.needs(Need::Flavors) {
            return Answer::NotAsked;
        }
        answer(self.all_flavors().await)
    }

    /// From 2.61 on the listing has the extra specs. The version is asked for without looking which
    /// ones there are: a request saved, and Nova 2018 and older says itself that it has not.
    async fn all_flavors(&self) -> Result<Vec<Item>, CloudError> {
        const PAGE: usize = 1000;
        let mut all: Vec<Item> = Vec::new();
        loop {
            let mut request = self
                .cloud
                .get("compute", "/v2.1/flavors/detail")
                .header("openstack-api-version", "compute 2.61")
                .query("is_public", "None")
                .query("limit", PAGE);
            let marker = all.last().and_then(|last| last.get("id")).and_then(Value::as_str);
            if let Some(marker) = marker {
                request = request.query("marker", marker);
            }
            self.counted();
            let page: Value = request.send().await?.json()?;
            let found = listed(&page, "flavors", FLAVOR_FIELDS);
            // A service that forgets the marker would never come to an end.
            let new = found.len() == PAGE && found.last().map(id) != all.last().map(id);
            all.extend(found);
            if !new {
                return Ok(all);
            }
        }
    }

    async fn images(&self, hidden: bool) -> Answer<Vec<Item>> {
        if !self.needs(Need::Images) {
            return Answer::NotAsked;
        }
        let query: &[(&str, &str)] = if hidden {
            &[("limit", "1000"), ("os_hidden", "true")]
        } else {
            &[("limit", "1000"), ("member_status", "all")]
        };
        let mut pages = self.cloud.pages::<Value>("image", "/v2/images", query, "images");
        let mut all = Vec::new();
        loop {
            self.counted();
            match pages.next_page().await {
                Ok(Some(page)) => {
                    all.extend(page.iter().filter_map(|image| cut(image, IMAGE_FIELDS)));
                }
                Ok(None) => {
                    // Asking for the page after the last is no request.
                    self.requests.fetch_sub(1, Ordering::Relaxed);
                    return Answer::Given(all);
                }
                Err(error) => return Answer::Failed(trouble(&error)),
            }
        }
    }

    async fn volume_types(&self) -> Answer<Vec<Item>> {
        if !self.needs(Need::VolumeTypes) {
            return Answer::NotAsked;
        }
        self.counted();
        let found = async {
            let page: Value = self.cloud.get("block-storage", "/types").send().await?.json()?;
            Ok(listed(&page, "volume_types", TYPE_FIELDS))
        };
        answer(found.await)
    }

    async fn default_rules(&self) -> Answer<DefaultRules> {
        if !self.needs(Need::DefaultRules) {
            return Answer::NotAsked;
        }
        self.counted();
        let path = "/v2.0/default-security-group-rules";
        let found = async {
            let page: Value = self.cloud.get("network", path).send().await?.json()?;
            Ok(listed(&page, "default_security_group_rules", RULE_FIELDS))
        };
        match found.await {
            Ok(rules) => Answer::Given(DefaultRules { way: RulesWay::Listed, rules }),
            // Before 2023.2 Neutron does not list them; a new group shows them.
            Err(error) if CloudError::is_not_found(&error) => match &self.lab {
                Ok(lab) => Box::pin(self.rules_of_new_group(lab)).await,
                Err(refused) => {
                    let message = format!("this Neutron does not list them; {}", refused.message);
                    Answer::Failed(Trouble { message, status: Some(404), ..refused.clone() })
                }
            },
            Err(error) => Answer::Failed(trouble(&error)),
        }
    }

    /// Asks for the buckets of a key that nobody has, signed with nothing that means anything: what
    /// speaks S3 says that the key is not there.
    async fn s3(&self, there: bool) -> Answer<S3Probe> {
        if !self.needs(Need::S3) || !there {
            return Answer::NotAsked;
        }
        self.counted();
        let scope = self.options.now.strftime("%Y%m%d").to_string();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=doesnotexist/{scope}/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}",
            "0".repeat(64)
        );
        let request = self
            .cloud
            .get("object-store", "/")
            .at_origin()
            .header("authorization", &authorization)
            .header("x-amz-date", &self.options.now.strftime("%Y%m%dT%H%M%SZ").to_string())
            .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .header("accept", "application/xml")
            .once()
            .limit(1 << 20);
        let refusals = [
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::MULTIPLE_CHOICES,
        ];
        let request = refusals.into_iter().fold(request, lotse_openstack::RequestBuilder::accept);
        match request.send().await {
            Ok(response) => Answer::Given(S3Probe {
                status: response.status().as_u16(),
                code: s3_code(&String::from_utf8_lossy(response.body())),
            }),
            Err(error) => Answer::Failed(trouble(&error)),
        }
    }
}

/// The code in an error of S3.
fn s3_code(body: &str) -> Option<String> {
    let (_, error) = body.split_once("<Error>")?;
    let (_, code) = error.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let plain = code.len() < 80 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

/// The trouble of who may only read.
fn not_allowed() -> Trouble {
    Trouble {
        reason: Reason::NotObserved,
        message: "it can be seen only by changing the cloud for a moment, which was not allowed"
            .to_owned(),
        status: None,
        request_id: None,
    }
}

fn answer<T>(found: Result<T, CloudError>) -> Answer<T> {
    match found {
        Ok(found) => Answer::Given(found),
        Err(error) => Answer::Failed(trouble(&error)),
    }
}

/// What an error means for those who wanted the answer.
fn trouble(error: &CloudError) -> Trouble {
    use lotse_core::error::Explain as _;
    let status = error.status();
    let reason = match error {
        CloudError::NoService { .. }
        | CloudError::NoRegion { .. }
        | CloudError::NoInterface { .. } => Reason::NoService,
        CloudError::Unreachable { .. }
        | CloudError::Timeout { .. }
        | CloudError::Lost { .. }
        | CloudError::Certificate { .. }
        | CloudError::Handshake { .. } => Reason::Unreachable,
        _ if matches!(status, Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)) => {
            Reason::Forbidden
        }
        _ => Reason::ApiFailed,
    };
    Trouble {
        reason,
        message: chain(error),
        status: status.map(|status| status.as_u16()),
        request_id: error.request_id().map(ToOwned::to_owned),
    }
}

/// The items of a listing, cut down. What is no object is left out: nothing can be said about it.
fn listed(page: &Value, key: &str, fields: &[&str]) -> Vec<Item> {
    let items = page.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|item| cut(item, fields)).collect()
}

fn cut(item: &Value, fields: &[&str]) -> Option<Item> {
    let item = item.as_object()?;
    let kept = fields.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())));
    Some(kept.collect())
}

fn id(item: &Item) -> Option<&str> {
    item.get("id").and_then(Value::as_str)
}
