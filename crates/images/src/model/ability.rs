//! What the Image API of a cloud can do.

/// How content can get into images.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Abilities {
    /// Glance downloads by itself (`web-download`).
    pub web_download: bool,
    /// Glance imports what was staged (`glance-direct`).
    pub glance_direct: bool,
    /// Glance copies content between stores (`copy-image`).
    pub copy_image: bool,
}

impl Default for Abilities {
    /// What Glance offers unless its operator decides otherwise.
    fn default() -> Self {
        Self { web_download: true, glance_direct: true, copy_image: true }
    }
}
