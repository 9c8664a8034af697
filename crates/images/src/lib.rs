//! The image catalogue: declared definitions become verified, current images in Glance.

pub mod declare;
pub mod model;
pub mod observe;
pub mod operation;
mod options;
mod plan;

pub use declare::Catalog;
pub use observe::Observed;
pub use operation::Operation;
pub use options::{DEFAULT_TAG, Options};
pub use plan::plan;

/// The kind of object that this capability changes.
pub const KIND: &str = "image";

/// The property in which an image that Lotse creates carries its marker.
pub const MARKER: &str = "lotse_marker";

/// The property that says whether an import that Lotse began is `pending` or `done`.
pub const IMPORT_STATE: &str = "lotse_import";
