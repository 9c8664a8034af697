//! What the image commands work on.

use std::path::PathBuf;

use lotse_images::ImportPreference;

use crate::cli::image::{Import, SelectArguments};
use crate::settings::Globals;

/// What the image commands work on.
#[derive(Clone, Debug)]
pub(crate) struct ImageSettings {
    /// Definition file or directory.
    pub(crate) definitions: PathBuf,
    /// Tag that marks the images we manage, if not the usual one.
    pub(crate) tag: Option<String>,
    /// Who downloads the content of images where there is a choice.
    pub(crate) import: ImportPreference,
}

impl ImageSettings {
    /// From the arguments; without `--images`, the directory `images` of the estate.
    pub(crate) fn resolve(arguments: SelectArguments, globals: &Globals) -> Self {
        let definitions = arguments.images.unwrap_or_else(|| globals.estate.join("images"));
        let import = match arguments.import {
            Import::Verified => ImportPreference::Verified,
            Import::Cloud => ImportPreference::Cloud,
            Import::Stream => ImportPreference::Stream,
        };
        Self { definitions, tag: arguments.tag, import }
    }
}
