//! What the image commands work on.

use std::path::PathBuf;

use jiff::civil::Date;
use lotse_images::model::{BootNetwork, BootTest, Stores, Visibility};
use lotse_images::{Catalog, ImportPreference, Options, Retirement};
use lotse_plan::{ApplyOptions, Fuse};

use crate::cli::image::{
    ConsentArguments, ContentArguments, HiddenVisibility, Import, RetireArguments, SelectArguments,
};
use crate::cli::image_boot::BootArguments;
use crate::failure::{Error, Failure};
use crate::settings::Globals;

/// What the image commands work on.
#[derive(Clone, Debug)]
pub(crate) struct ImageSettings {
    /// Definition file or directory.
    pub(crate) definitions: PathBuf,
    /// Which definitions are meant, by their names.
    pub(crate) filter: Option<String>,
    /// A mirror of our own, by its folder or URL.
    pub(crate) mirror: Option<String>,
    /// Another cloud from which content is copied.
    pub(crate) copy_from: Option<String>,
    /// How the catalogue is kept.
    pub(crate) options: Options,
}

impl ImageSettings {
    /// From the arguments; without `--images`, the directory `images` of the estate.
    pub(crate) fn resolve(select: SelectArguments, globals: &Globals, today: Date) -> Self {
        let definitions = select.images.unwrap_or_else(|| globals.estate.join("images"));
        let ContentArguments { import, mirror, copy_from, stores, all_stores } = select.content;
        let stores = Stores::declared(&stores, all_stores);
        let import = match import {
            Import::Verified => ImportPreference::Verified,
            Import::Cloud => ImportPreference::Cloud,
            Import::Stream => ImportPreference::Stream,
        };
        let mut options = Options { today, import, stores, ..Options::default() };
        if let Some(tag) = select.tag {
            options.tag = tag;
        }
        Self { definitions, filter: select.filter, mirror, copy_from, options }
    }

    /// The same, with what is wanted of superseded images.
    #[must_use]
    pub(crate) fn retiring(mut self, retire: &RetireArguments) -> Self {
        self.options.latest = retire.latest;
        self.options.retirement = Retirement {
            delete: retire.delete,
            hide: retire.hide,
            deactivate: retire.deactivate,
            use_os_hidden: retire.use_os_hidden,
            hidden_visibility: retire.hidden_visibility.map(|visibility| match visibility {
                HiddenVisibility::Community => Visibility::Community,
                HiddenVisibility::Private => Visibility::Private,
                HiddenVisibility::Shared => Visibility::Shared,
            }),
            retire_expired: retire.retire_expired,
        };
        self
    }

    /// The same, with images tried out if that is wanted.
    #[must_use]
    pub(crate) fn booting(mut self, boot: BootArguments) -> Self {
        let flavor = boot.flavor.filter(|_| boot.test);
        self.options.boot_test = flavor.map(|flavor| BootTest {
            cloud: boot.cloud,
            flavor,
            network: BootNetwork::written(boot.network.as_deref()),
            console: boot.console.unwrap_or_default(),
            timeout: boot.timeout.unwrap_or(BootTest::TIMEOUT),
            retry: boot.retry,
        });
        self
    }

    /// The definitions that are meant.
    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        let mut catalog = Catalog::load(&self.definitions)?;
        if let Some(filter) = &self.filter {
            let only = regex::Regex::new(filter).map_err(|error| Error::Filter {
                filter: filter.clone(),
                source: Box::new(error),
            })?;
            if catalog.narrow(|name| only.is_match(name)) == 0 {
                return Err(Error::FilterFindsNothing { filter: filter.clone() }.into());
            }
        }
        Ok(catalog)
    }
}

/// How a plan is applied: `--delete` is the consent to destroy, up to what the fuse lets through.
pub(crate) fn applying(delete: bool, consent: &ConsentArguments) -> ApplyOptions {
    let fuse = match consent.max_delete {
        Some(most) => Fuse { max_objects: Some(most), ..Fuse::OFF },
        None => Fuse::default(),
    };
    ApplyOptions { allow_destroy: delete, fuse, ..ApplyOptions::default() }
}
