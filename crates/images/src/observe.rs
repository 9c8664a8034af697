//! What is there: two listings side by side, and a third when names are to be taken; what upstream
//! publishes, for definitions that follow it; and who uses the images that are to be deleted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures::future::BoxFuture;
use jiff::civil::Date;
use lotse_core::error::chain;
use lotse_openstack::{Cloud, Error};
use lotse_transfer::Mirror;
use lotse_transfer::mirror::Index;
use lotse_transfer::signature::Signed;

use crate::declare::Catalog;
use crate::glance;
use crate::model::{Abilities, Checksum, Definition, Image, Stores, Visibility};
use crate::options::Options;
use crate::plan::{names_to_take, to_be_signed, wanted};

mod boot;
mod upstream;
mod usage;

pub use boot::{Flavor, Staging};
pub(crate) use usage::servers_of;

/// The images of a cloud, as far as they matter to a catalogue.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The cloud (its name in `clouds.yaml`).
    pub cloud: String,
    /// Ours: they carry our tag and are public or belong to our project.
    pub images: Vec<Image>,
    /// Not ours, but with a name that we might take.
    pub foreign: Vec<Image>,
    /// How content can get into images; asked only when some may be imported.
    pub abilities: Abilities,
    /// The images of another cloud from which content may be copied; asked only when some may be
    /// imported.
    pub beside: Option<Beside>,
    /// The stores that can be written to; asked only when somebody says in which an image shall be.
    pub stores: Vec<String>,
    /// What upstream publishes, or why that is not known, by the name of the definition that follows
    /// it.
    pub upstream: BTreeMap<String, Result<Upstream, Doubt>>,
    /// What signed lists say of versions that are not there yet, by definition and version.
    pub signed: BTreeMap<(String, String), Result<Trusted, Doubt>>,
    /// What is in our mirror, if there is one, or why that is not known.
    pub mirror: Option<Result<Index, String>>,
    /// Where new images are tried out; asked only when some are to be.
    pub staging: Option<Staging>,
    /// Who uses images that would be deleted, by their ids; those that nobody uses are not in it.
    pub used: BTreeMap<String, Use>,
}

/// Another cloud that keeps the same images.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Beside {
    /// The cloud.
    pub cloud: String,
    /// Its images with our tag, or why it cannot be asked.
    pub images: Result<Vec<Image>, String>,
}

/// Who uses an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// So many servers were made from it.
    Servers(usize),
}

/// What upstream publishes behind `latest`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upstream {
    /// Its checksum, the strongest that is published.
    pub checksum: Checksum,
    /// Others that are published beside it.
    pub weaker: Vec<Checksum>,
    /// The day on which it was changed, if the server says so.
    pub modified: Option<Date>,
    /// By whom its checksum is signed, where that is demanded.
    pub signed: Option<Signed>,
}

/// What a list says whose signature was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trusted {
    /// The checksums of one file, the strongest first; at least one.
    pub checksums: Vec<Checksum>,
    /// By whom the list is signed.
    pub signed: Signed,
}

/// Why it is not known what upstream publishes, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Doubt {
    /// Upstream does not answer, or not in a way that is understood.
    Unavailable(String),
    /// There is nothing at the address.
    Missing(String),
    /// What upstream publishes is not signed by whom it must be.
    Refused(String),
}

impl Doubt {
    /// The reason.
    pub fn reason(&self) -> &str {
        match self {
            Self::Unavailable(reason) | Self::Missing(reason) | Self::Refused(reason) => reason,
        }
    }
}

impl Upstream {
    /// All checksums that are published.
    pub fn all(&self) -> impl Iterator<Item = &Checksum> {
        std::iter::once(&self.checksum).chain(&self.weaker)
    }
}

/// Images per page; services give fewer if they like.
const PAGE: &str = "1000";

/// Names asked for in one request: the address must stay below 8 KiB.
const NAMES: usize = 20;

/// Lists what carries our tag, hidden images too (an image that is not seen would be imported
/// again), and whoever bears a name that the catalogue is about to take.
///
/// # Errors
/// When the cloud cannot be asked, or the token is for no project.
pub async fn observe(
    cloud: &Cloud,
    catalog: &Catalog,
    options: &Options,
) -> Result<Observed, Error> {
    observe_beside(cloud, None, catalog, options).await
}

/// The same, with the images of another cloud from which content may be copied. That it cannot be
/// asked is no error: content is then taken from upstream.
///
/// # Errors
/// As [`observe`].
pub async fn observe_beside(
    cloud: &Cloud,
    beside: Option<&Cloud>,
    catalog: &Catalog,
    options: &Options,
) -> Result<Observed, Error> {
    Box::pin(observe_staged(cloud, (beside, cloud), catalog, options)).await
}

/// The same where new images are tried out in another project: the session on it comes second.
///
/// # Errors
/// As [`observe`].
pub async fn observe_staged(
    cloud: &Cloud,
    (beside, staging): (Option<&Cloud>, &Cloud),
    catalog: &Catalog,
    options: &Options,
) -> Result<Observed, Error> {
    let project = cloud.project_id().await?;
    let published = async { Ok(upstream::published(catalog, options).await) };
    let stores = Box::pin(stores(cloud, catalog, options));
    let (shown, hidden, upstream, stores) = futures::try_join!(
        tagged(cloud, options, "false"),
        tagged(cloud, options, "true"),
        published,
        stores
    )?;
    let reachable = |image: &Image| is_reachable(image, &project);
    let ours = |image: &Image| image.tags.contains(&options.tag) && reachable(image);
    let images: Vec<Image> = shown.into_iter().chain(hidden).filter(ours).collect();
    let names = names_to_take(catalog, &images);
    let named = names.chunks(NAMES).map(|names| {
        let wanted = one_of(names);
        async move {
            let query = [("name", wanted.as_str()), ("limit", PAGE)];
            cloud.pages::<Image>("image", "/v2/images", &query, "images").all().await
        }
    });
    let named = futures::future::try_join_all(named).await?;
    let foreign = |image: &Image| !ours(image) && reachable(image) && !image.status.is_gone();
    let foreign = named.into_iter().flatten().filter(foreign).collect();
    let mut observed = Observed {
        cloud: cloud.name().to_owned(),
        images,
        foreign,
        upstream,
        stores,
        ..Observed::default()
    };
    // What is asked besides is asked only when it matters.
    let unsigned = to_be_signed(catalog, &observed.images);
    observed.signed = upstream::signed(&unsigned, options).await;
    let wanted = wanted(catalog, &observed, options);
    if wanted.imports || wanted.copies {
        observed.abilities = glance::abilities(cloud).await?;
    }
    if wanted.imports
        && let Some(beside) = beside
    {
        let images = Box::pin(images_of(beside, options)).await;
        let images = images.map_err(|error| chain(&error));
        observed.beside = Some(Beside { cloud: beside.name().to_owned(), images });
    }
    if let Some(test) = options.boot_test.as_ref().filter(|_| wanted.boots) {
        observed.staging = Some(Box::pin(boot::staging(staging, test)).await?);
    }
    observed.used = usage::used(cloud, wanted.deletes).await?;
    Ok(observed)
}

/// The images that carry our tag, those that listings leave out or the others.
fn tagged<'a>(
    cloud: &Cloud,
    options: &'a Options,
    hidden: &'a str,
) -> BoxFuture<'a, Result<Vec<Image>, Error>> {
    let query = [
        ("tag", options.tag.as_str()),
        ("visibility", "all"),
        ("os_hidden", hidden),
        ("limit", PAGE),
    ];
    let pages = cloud.pages::<Image>("image", "/v2/images", &query, "images");
    Box::pin(pages.all())
}

/// Whether an image can be ours at all.
fn is_reachable(image: &Image, project: &String) -> bool {
    image.visibility == Visibility::Public || image.owner.as_ref() == Some(project)
}

/// Our images in another cloud.
async fn images_of(cloud: &Cloud, options: &Options) -> Result<Vec<Image>, Error> {
    let project = cloud.project_id().await?;
    let (shown, hidden) =
        futures::try_join!(tagged(cloud, options, "false"), tagged(cloud, options, "true"))?;
    let ours = |image: &Image| image.tags.contains(&options.tag) && is_reachable(image, &project);
    Ok(shown.into_iter().chain(hidden).filter(ours).collect())
}

/// The stores of the cloud, if it matters.
async fn stores(cloud: &Cloud, catalog: &Catalog, options: &Options) -> Result<Vec<String>, Error> {
    let says = |definition: &Definition| definition.stores.or(&options.stores) != &Stores::Default;
    if catalog.enabled().any(says) { glance::stores(cloud).await } else { Ok(Vec::new()) }
}

/// What is in a mirror. One that cannot be read is not needed: content then comes from its publishers.
pub async fn mirrored(mirror: &Mirror) -> Result<Index, String> {
    let index = mirror.index().await;
    index.map_err(|error| format!("the mirror cannot be read: {}", chain(&error)))
}

/// What upstream publishes, without a cloud.
pub async fn published(catalog: &Catalog, options: &Options) -> Observed {
    let lists = to_be_signed(catalog, &[]);
    let (upstream, signed) =
        futures::join!(upstream::published(catalog, options), upstream::signed(&lists, options));
    Observed { upstream, signed, ..Observed::default() }
}

/// Reads the signed lists of what is there already, too: planning has no need of them, verifying has.
pub async fn vouched(catalog: &Catalog, options: &Options, observed: &mut Observed) {
    let mut lists = to_be_signed(catalog, &[]);
    lists.retain(|(_, version)| version.checksum.is_none());
    observed.signed.extend(upstream::signed(&lists, options).await);
}

/// The Image API's filter for one of several values.
fn one_of(names: &[String]) -> String {
    let mut filter = "in:".to_owned();
    for (index, name) in names.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let name = name.replace('"', "\\\"");
        // Writing to a string does not fail.
        write!(filter, "{comma}\"{name}\"").unwrap_or_default();
    }
    filter
}
