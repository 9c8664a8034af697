//! What the image commands work on.

use std::path::PathBuf;

use crate::cli::image::SelectArguments;
use crate::settings::Globals;

/// What the image commands work on.
#[derive(Clone, Debug)]
pub(crate) struct ImageSettings {
    /// Definition file or directory.
    pub(crate) definitions: PathBuf,
    /// Tag that marks the images we manage, if not the usual one.
    pub(crate) tag: Option<String>,
}

impl ImageSettings {
    /// From the arguments; without `--images`, the directory `images` of the estate.
    pub(crate) fn resolve(arguments: SelectArguments, globals: &Globals) -> Self {
        let definitions = arguments.images.unwrap_or_else(|| globals.estate.join("images"));
        Self { definitions, tag: arguments.tag }
    }
}
