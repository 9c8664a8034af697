//! What is there: two listings side by side, and a third when names are to be taken.

use std::fmt::Write as _;

use lotse_openstack::{Cloud, Error};

use crate::declare::Catalog;
use crate::glance;
use crate::model::{Abilities, Image, Visibility};
use crate::options::Options;
use crate::plan::names_to_take;

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
    let project = cloud.project_id().await?;
    let listing = |hidden: &'static str| {
        let query = [
            ("tag", options.tag.as_str()),
            ("visibility", "all"),
            ("os_hidden", hidden),
            ("limit", PAGE),
        ];
        cloud.pages::<Image>("image", "/v2/images", &query, "images").all()
    };
    let (shown, hidden) = futures::try_join!(listing("false"), listing("true"))?;
    let reachable = |image: &Image| {
        image.visibility == Visibility::Public || image.owner.as_ref() == Some(&project)
    };
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
    let importing = !names.is_empty() || images.iter().any(Image::is_pending);
    let abilities =
        async { if importing { glance::abilities(cloud).await } else { Ok(Abilities::default()) } };
    let (named, abilities) = futures::try_join!(futures::future::try_join_all(named), abilities)?;
    let foreign = |image: &Image| !ours(image) && reachable(image) && !image.status.is_gone();
    let foreign = named.into_iter().flatten().filter(foreign).collect();
    Ok(Observed { cloud: cloud.name().to_owned(), images, foreign, abilities })
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
