//! How the catalogue is kept.

use std::time::Duration;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BootTest, Stores, Visibility};

/// What the planner, the observer and the executor have to agree on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// The tag that all our images carry. Images without it are never touched.
    pub tag: String,
    /// Whether Glance downloads what it cannot verify, or we do.
    pub import: ImportPreference,
    /// In which stores the content shall be of images whose definition does not say.
    pub stores: Stores,
    /// The present day (UTC), by which promises with a date are judged. By default none is over.
    pub today: Date,
    /// Import newest versions only: older ones that are declared and not there stay away.
    pub latest: bool,
    /// What is done with superseded images.
    pub retirement: Retirement,
    /// How new images are tried out before they become visible; by default they are not.
    pub boot_test: Option<BootTest>,
    /// How long Glance may take to import one image.
    pub import_timeout: Duration,
    /// The first pause between two looks at a running import; it doubles up to
    /// [`Options::longest_poll`].
    pub first_poll: Duration,
    /// The longest pause between two looks at a running import.
    pub longest_poll: Duration,
    /// How long reading one checksum file of an upstream may take.
    pub upstream_timeout: Duration,
    /// Whether a publisher on the public internet may lead to an internal address.
    pub internal_redirects: bool,
}

/// What is done with superseded images: nothing, unless it is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Retirement {
    /// Delete those that nothing promises any more (`uuid_validity`).
    pub delete: bool,
    /// Hide all of them.
    pub hide: bool,
    /// Deactivate those that nothing promises any more and that stay all the same.
    pub deactivate: bool,
    /// Hide by leaving them out of listings (`os_hidden`), and not by their visibility.
    pub use_os_hidden: bool,
    /// The visibility of hidden images; `community` by default, or what they have with
    /// [`Retirement::use_os_hidden`].
    pub hidden_visibility: Option<Visibility>,
    /// Retire images whose `provided_until` is over, although nothing newer takes their place.
    pub retire_expired: bool,
}

impl Retirement {
    /// The visibility of a hidden image that has, or would have, this one. Hiding never opens an
    /// image: a private one does not become a community image.
    pub fn hidden(&self, visibility: Visibility) -> Visibility {
        let wanted = match self.hidden_visibility {
            Some(wanted) => wanted,
            None if self.use_os_hidden => visibility,
            None => Visibility::Community,
        };
        if wanted.openness() < visibility.openness() { wanted } else { visibility }
    }
}

/// The day (UTC) of an instant.
pub fn day(now: lotse_core::time::Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Who downloads the content of images, where there is a choice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportPreference {
    /// Glance, where it computes a checksum of the declared kind or none is declared; else Lotse,
    /// which verifies the content before Glance gets it.
    #[default]
    Verified,
    /// Glance wherever it can, even if nobody then verifies the content.
    Cloud,
    /// Always Lotse.
    Stream,
}

/// The tag of the OSISM image manager, so that its images are taken over without a change.
pub const DEFAULT_TAG: &str = "managed_by_osism";

impl Default for Options {
    /// The tag of the OSISM image manager, half an hour per import, looks every 0.1 s to 2 s.
    fn default() -> Self {
        Self {
            tag: DEFAULT_TAG.to_owned(),
            import: ImportPreference::default(),
            stores: Stores::Default,
            today: Date::MIN,
            latest: false,
            retirement: Retirement::default(),
            boot_test: None,
            import_timeout: Duration::from_mins(30),
            first_poll: Duration::from_millis(100),
            longest_poll: Duration::from_secs(2),
            upstream_timeout: Duration::from_secs(30),
            internal_redirects: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiding_never_opens_an_image() {
        use Visibility::{Community, Private, Public, Shared};
        let by_default = Retirement::default();
        let os_hidden = Retirement { use_os_hidden: true, ..by_default };
        let private = Retirement { hidden_visibility: Some(Private), ..os_hidden };
        for (before, hidden, listed) in [
            (Public, Community, Public),
            (Community, Community, Community),
            (Shared, Shared, Shared),
            (Private, Private, Private),
        ] {
            assert_eq!(by_default.hidden(before), hidden);
            assert_eq!(os_hidden.hidden(before), listed);
            assert_eq!(private.hidden(before), Private);
        }
    }
}
